// The small sign beside a state's word, so that colour is never alone.
import type { Sign as SignName } from "../words/state";

const PATHS: Record<SignName, string> = {
  flow: "M1 4.2c1.7-1.8 3.3-1.8 5 0s3.3 1.8 5 0M1 8.4c1.7-1.8 3.3-1.8 5 0s3.3 1.8 5 0",
  check: "M1.8 6.6l2.9 2.9 5.6-6.6",
  cross: "M2.5 2.5l7 7m0-7l-7 7",
  ring: "M6 1.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4M6 3.9V6.2l1.5 1",
  turn: "M9.9 4.4A4.2 4.2 0 1 0 10.2 6.4M10.2 1.8v2.8H7.4",
  dash: "M6 1.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4M3.2 8.8l5.6-5.6",
  alert: "M6 1.4L11.2 10.6H.8zM6 5v2.2M6 8.9v.1",
  note: "M6 1.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6M6 5.6v2.8M6 3.6v.1",
  mark: "M4.2 4.4a1.9 1.9 0 1 1 2.6 1.9c-.6.3-.8.6-.8 1.2M6 9.9v.1",
};

export function Sign({ name }: { name: SignName }) {
  return (
    <svg
      className="sign"
      viewBox="0 0 12 12"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
