// How much memory a TaskManager's process uses, of what its machine has.
import type { TaskManager } from "../../rest/taskManagers";
import { bytes, NOTHING } from "../../words/format";

export function Memory({ tm }: { tm: TaskManager }) {
  const used = usedBytes(tm);
  if (used !== null) {
    return (
      <>
        {bytes(used)} <span className="muted">in use</span>
      </>
    );
  }
  if (tm.freeMemory !== null && tm.physicalMemory !== null) {
    return (
      <>
        {bytes(tm.freeMemory)} <span className="muted">free of {bytes(tm.physicalMemory)}</span>
      </>
    );
  }
  return tm.physicalMemory === null ? <>{NOTHING}</> : <>{bytes(tm.physicalMemory)}</>;
}

/** The list carries no metrics; the details do. */
export function usedBytes(tm: TaskManager): number | null {
  const used = tm.metrics["heapUsed"];
  return used !== undefined && used > 0 ? used : null;
}
