// `/jobs/:id/vertices/:vid`: the subtasks of a vertex and where each one runs.
import { fields, list, number, text, textOrNull, timeOrNull } from "./fields";
import { type Flow, readFlow, readTotals, type Totals } from "./flow";

export interface Subtask {
  index: number;
  status: string;
  attempt: number;
  taskManagerId: string | null;
  endpoint: string | null;
  startedAt: number | null;
  durationMs: number;
  totals: Totals;
  flow: Flow;
}

/** What Flink writes while a subtask has no slot. */
const UNASSIGNED = "(unassigned)";

export function readSubtasks(answer: unknown): Subtask[] {
  return list(fields(answer)["subtasks"]).map((value, position) => {
    const it = fields(value);
    return {
      index: number(it["subtask"], position),
      status: text(it["status"], "UNKNOWN"),
      attempt: number(it["attempt"]),
      taskManagerId: it["taskmanager-id"] === UNASSIGNED ? null : textOrNull(it["taskmanager-id"]),
      endpoint:
        [it["endpoint"], it["host"]]
          .filter((place) => place !== UNASSIGNED)
          .map(textOrNull)
          .find((place) => place !== null) ?? null,
      startedAt: timeOrNull(it["start-time"]),
      durationMs: number(it["duration"]),
      totals: readTotals(it["metrics"]),
      flow: readFlow(it["irmak"]),
    };
  });
}
