// Slots as a row of cells, taken ones filled: how full the cluster is, at a glance.
import { plural } from "../words/format";

/** More cells than this say less than one bar. */
const CELLS_MAX = 48;

export function SlotCells({ total, free }: { total: number; free: number }) {
  const taken = Math.max(0, total - free);
  const label = `${taken} of ${plural(total, "slot")} taken`;
  if (total === 0) return null;
  if (total > CELLS_MAX) {
    return (
      <span className="slot-bar" role="img" aria-label={label}>
        <i style={{ width: `${(100 * taken) / total}%` }} />
      </span>
    );
  }
  return (
    <span className="slots" role="img" aria-label={label}>
      {Array.from({ length: total }, (_, slot) => (
        <i key={slot} className={slot < taken ? "taken" : ""} />
      ))}
    </span>
  );
}
