// `/jobs/:id/exceptions`: what went wrong, newest first, each with the task and TaskManager that it came from.
import { fields, list, text, textOrNull, timeOrNull } from "./fields";

export interface Failure {
  at: number | null;
  /** The first line: what happened, without the name of a Java class in front. */
  summary: string;
  /** The whole text. */
  detail: string;
  taskName: string | null;
  endpoint: string | null;
  taskManagerId: string | null;
}

export interface Failures {
  /** What ended the job, or made it restart last; null when it is in the history anyway. */
  root: Failure | null;
  history: Failure[];
  truncated: boolean;
}

export function readFailures(answer: unknown): Failures {
  const it = fields(answer);
  const recorded = fields(it["exceptionHistory"]);
  const rootText = textOrNull(it["root-exception"]);
  const root = rootText === null ? null : failure(rootText, it["timestamp"], {});
  const history = list(recorded["entries"]).flatMap(readEntry).reduce(withoutEchoes, []);
  return {
    // The history tells the same with more detail, where it does.
    root: root !== null && history.some((entry) => isSameFailure(entry, root)) ? null : root,
    history: history.sort((a, b) => (b.at ?? 0) - (a.at ?? 0)),
    truncated: recorded["truncated"] === true || it["truncated"] === true,
  };
}

function readEntry(answer: unknown): Failure[] {
  const it = fields(answer);
  const own = failure(text(it["stacktrace"], text(it["exceptionName"])), it["timestamp"], it);
  const others = list(it["concurrentExceptions"]).flatMap(readEntry);
  return own.detail === "" ? others : [own, ...others];
}

function failure(detail: string, at: unknown, place: Record<string, unknown>): Failure {
  return {
    at: timeOrNull(at),
    summary: summarize(detail),
    detail,
    taskName: textOrNull(place["taskName"]),
    endpoint: textOrNull(place["endpoint"]) ?? textOrNull(place["location"]),
    taskManagerId: textOrNull(place["taskManagerId"]),
  };
}

/** How far apart two reports of one failure may be. */
const ECHO_MS = 1_000;

function isSameFailure(a: Failure, b: Failure): boolean {
  return a.summary === b.summary && (a.at === b.at || (a.at !== null && b.at !== null && Math.abs(a.at - b.at) < ECHO_MS));
}

/** The job reports its task's failure once more, without the place. One of the two is enough: the one that knows the place. */
function withoutEchoes(kept: Failure[], next: Failure): Failure[] {
  const echo = kept.findIndex((entry) => isSameFailure(entry, next) && (entry.taskName === null || next.taskName === null));
  if (echo < 0) return [...kept, next];
  const known = kept[echo];
  return known?.taskName === null ? kept.with(echo, next) : kept;
}

/** The cause that a person can act on: the innermost "Caused by" of a stack trace, or else the first line. */
export function summarize(detail: string): string {
  const lines = detail.split("\n");
  const causes = lines.filter((line) => line.startsWith("Caused by: "));
  const line = causes.at(-1)?.slice("Caused by: ".length) ?? lines[0] ?? "";
  return line.replace(/^(?:[a-z][\w$]*\.)+(?=[A-Z][\w$]*)/, "").trim();
}
