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

export function readSubtasks(answer: unknown): Subtask[] {
  return list(fields(answer)["subtasks"]).map((value, position) => {
    const it = fields(value);
    return {
      index: number(it["subtask"], position),
      status: text(it["status"], "UNKNOWN"),
      attempt: number(it["attempt"]),
      taskManagerId: textOrNull(it["taskmanager-id"]),
      endpoint: textOrNull(it["endpoint"]) ?? textOrNull(it["host"]),
      startedAt: timeOrNull(it["start-time"]),
      durationMs: number(it["duration"]),
      totals: readTotals(it["metrics"]),
      flow: readFlow(it["irmak"]),
    };
  });
}
