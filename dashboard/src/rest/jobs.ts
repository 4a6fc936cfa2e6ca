// `/jobs/overview`: every job the cluster remembers, newest first.
import { fields, list, number, numbers, text, timeOrNull } from "./fields";

export interface JobSummary {
  id: string;
  name: string;
  state: string;
  startedAt: number | null;
  endedAt: number | null;
  durationMs: number;
  /** Subtasks by state (lower case), and their `total`. */
  tasks: Record<string, number>;
}

const ENDED = new Set(["FINISHED", "FAILED", "CANCELED"]);

/** Whether a job in this state will never do anything again. */
export function isEnded(state: string): boolean {
  return ENDED.has(state);
}

export function readJobs(answer: unknown): JobSummary[] {
  const jobs = list(fields(answer)["jobs"]).map(readSummary);
  return jobs.sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
}

function readSummary(answer: unknown): JobSummary {
  const it = fields(answer);
  const id = text(it["jid"]);
  return {
    id,
    name: text(it["name"], id),
    state: text(it["state"], "UNKNOWN"),
    startedAt: timeOrNull(it["start-time"]),
    endedAt: timeOrNull(it["end-time"]),
    durationMs: number(it["duration"]),
    tasks: numbers(it["tasks"]),
  };
}
