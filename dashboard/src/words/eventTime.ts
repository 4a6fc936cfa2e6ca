// Watermarks in words. Event time is what the rows say, written as they say it: without a zone.
import type { Job } from "../rest/job";
import { duration } from "./format";

/** Beyond what a date can hold: Flink's "no watermark yet" at one end, "the input has ended" at the other. */
const DATE_MAX_MS = 8.64e15;

/** "2025-02-16 07:40:00", with milliseconds only where there are any. */
export function watermark(ms: number | null): string {
  if (ms === null || ms < -DATE_MAX_MS) return "none yet";
  if (ms > DATE_MAX_MS) return "end of input";
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace("Z", "")
    .replace(/\.000$/, "");
}

/** The same in whole seconds, for a place where it changes all the time. */
export function watermarkToSecond(ms: number | null): string {
  return watermark(ms).replace(/\.\d+$/, "");
}

/** The furthest watermark of the job's sources: what the others are measured against. */
export function sourceWatermark(job: Pick<Job, "vertices" | "edges">): number | null {
  const fed = new Set(job.edges.map((edge) => edge.to));
  const known = job.vertices.filter((vertex) => !fed.has(vertex.id)).map((vertex) => vertex.flow.watermark);
  const real = known.filter((ms) => ms !== null && Math.abs(ms) <= DATE_MAX_MS) as number[];
  return real.length === 0 ? null : Math.max(...real);
}

/** How far a vertex is behind the sources, in event time; null where there is nothing to compare. */
export function lagBehindSources(own: number | null, sources: number | null): number | null {
  if (own === null || sources === null || Math.abs(own) > DATE_MAX_MS) return null;
  return Math.max(0, sources - own);
}

export interface Lag {
  own: number | null;
  /** The furthest watermark of the job's sources. */
  sources: number | null;
  isSource: boolean;
  now: number | null;
}

/** "8 s behind the sources", "level with the sources"; the foremost source itself is measured against the clock. */
export function lagInWords({ own, sources, isSource, now }: Lag): string | null {
  const lag = lagBehindSources(own, sources);
  if (lag === null) return null;
  if (lag >= 1) return `${duration(lag)} behind the ${isSource ? "foremost source" : "sources"}`;
  return isSource && now !== null ? clockLagInWords(own, now) : "level with the sources";
}

/** Event time against the clock, for a source: "2.1 s behind the clock", "3 h ahead of the clock". */
export function clockLagInWords(own: number | null, now: number): string | null {
  if (own === null || Math.abs(own) > DATE_MAX_MS) return null;
  const behind = now - own;
  return behind >= 0 ? `${duration(behind)} behind the clock` : `${duration(-behind)} ahead of the clock`;
}
