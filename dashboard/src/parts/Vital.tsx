// One figure of a strip: its name, the figure, and what it means.
import type { ReactNode } from "react";

interface Props {
  name: string;
  value: ReactNode;
  /** Beside the figure: a curve, a row of cells. */
  picture?: ReactNode;
  note?: ReactNode;
  tone?: "warn" | "bad" | "quiet";
}

export function Vital({ name, value, picture, note, tone }: Props) {
  return (
    <div className={`vital${tone === undefined ? "" : ` vital-${tone}`}`}>
      <dt>{name}</dt>
      <dd>
        <span className="vital-value">
          <span>{value}</span>
          {picture}
        </span>
        {note !== undefined && <span className="vital-note">{note}</span>}
      </dd>
    </div>
  );
}

export function Vitals({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl className="vitals" aria-label={label}>
      {children}
    </dl>
  );
}
