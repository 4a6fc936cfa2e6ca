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
  /** What ended the job, or made it restart last. */
  root: Failure | null;
  history: Failure[];
  truncated: boolean;
}

export function readFailures(answer: unknown): Failures {
  const it = fields(answer);
  const recorded = fields(it["exceptionHistory"]);
  const rootText = textOrNull(it["root-exception"]);
  const history = list(recorded["entries"]).flatMap(readEntry);
  return {
    root: rootText === null ? null : failure(rootText, it["timestamp"], {}),
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

/** The cause that a person can act on: the innermost "Caused by" of a stack trace, or else the first line. */
export function summarize(detail: string): string {
  const lines = detail.split("\n");
  const causes = lines.filter((line) => line.startsWith("Caused by: "));
  const line = causes.at(-1)?.slice("Caused by: ".length) ?? lines[0] ?? "";
  return line.replace(/^(?:[a-z][\w$]*\.)+(?=[A-Z][\w$]*)/, "").trim();
}
