// A table that becomes a stack of labelled cards on a narrow page. The roles are written out because browsers drop them from
// tables whose parts are displayed as something else.
import type { ReactNode } from "react";

export interface Column {
  label: string;
  /** Figures stand at the end of their column. */
  end?: boolean;
}

export function Table({ caption, columns, children }: { caption: string; columns: readonly Column[]; children: ReactNode }) {
  return (
    <div className="table-frame">
      <table role="table" className="table">
        <caption className="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ label, end }) => (
              <th key={label} role="columnheader" scope="col" className={end ? "end" : undefined}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">{children}</tbody>
      </table>
    </div>
  );
}

export function Row({ children, selected = false }: { children: ReactNode; selected?: boolean }) {
  return (
    <tr role="row" className={selected ? "selected" : undefined}>
      {children}
    </tr>
  );
}

interface CellProps {
  label: string;
  end?: boolean;
  /** Long text that may break anywhere. */
  wrap?: boolean;
  /** Left out where there is little room. */
  minor?: boolean;
  /** Takes two places where rows are cards. */
  wide?: boolean;
  children: ReactNode;
}

export function Cell({ label, end = false, wrap = false, minor = false, wide = false, children }: CellProps) {
  return (
    <td
      role="cell"
      data-label={label}
      className={[end && "end", wrap && "wrap", minor && "minor", wide && "wide"].filter(Boolean).join(" ") || undefined}
    >
      {children}
    </td>
  );
}

/** The cell that names its row; `kind` says what it names where there is no column head to say it. */
export function RowName({ kind, children }: { kind?: string; children: ReactNode }) {
  return (
    <th role="rowheader" scope="row" data-kind={kind}>
      {children}
    </th>
  );
}
