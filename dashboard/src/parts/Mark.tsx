// Irmak's mark: a river and the stream that joins it.
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 28 28" fill="none" strokeLinecap="round" aria-hidden="true">
      <path d="M20 2.5C20.5 9 9.5 8.5 10.5 14.5S20 20 16.5 25.5" strokeWidth="5" />
      <path d="M4 4.5C4.5 9 8 10.5 9.8 14" strokeWidth="2.6" opacity=".65" />
    </svg>
  );
}
