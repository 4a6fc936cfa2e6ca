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
  children: ReactNode;
}

export function Cell({ label, end = false, wrap = false, children }: CellProps) {
  return (
    <td role="cell" data-label={label} className={`${end ? "end" : ""}${wrap ? " wrap" : ""}`}>
      {children}
    </td>
  );
}

/** The cell that names its row. */
export function RowName({ children }: { children: ReactNode }) {
  return (
    <th role="rowheader" scope="row">
      {children}
    </th>
  );
}
