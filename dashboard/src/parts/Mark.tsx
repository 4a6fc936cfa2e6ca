// Irmak's mark: a river that widens as it comes nearer.
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 28 28" aria-hidden="true">
      <rect width="28" height="28" rx="7" fill="#0b7285" />
      <path
        fill="#d9f1f4"
        d="M17.2 0C21.5 5.5 9.5 8.5 10 14C10.4 18.8 14.5 20.5 4.5 28H20.5C27 20.5 17.8 18.5 16.6 14.2C15.5 10 24.5 6 19.6 0Z"
      />
    </svg>
  );
}
