// The job's own figures, made of its vertices' ones.
import type { Job, Vertex } from "../rest/job";

/** Rows per second that enter the job: each source's input, or its output where a source counts none in (as Flink's do). */
export function rowsIntoJob(job: Pick<Job, "vertices" | "edges">): number | null {
  const fed = new Set(job.edges.map((edge) => edge.to));
  const rates = job.vertices.filter((vertex) => !fed.has(vertex.id)).map((vertex) => entering(vertex));
  const known = rates.filter((rate) => rate !== null);
  return known.length === 0 ? null : known.reduce((sum, rate) => sum + rate, 0);
}

/** Rows per second that enter a vertex. */
export function entering(vertex: Vertex): number | null {
  const { inPerSecond, outPerSecond } = vertex.flow;
  return inPerSecond !== null && inPerSecond > 0 ? inPerSecond : (outPerSecond ?? inPerSecond);
}

/** The vertex that is busiest now, which is where a job gets slow first. */
export function busiest(job: Pick<Job, "vertices">): Vertex | null {
  const known = job.vertices.filter((vertex) => vertex.flow.busy !== null);
  return known.reduce<Vertex | null>((top, next) => ((next.flow.busy ?? 0) > (top?.flow.busy ?? -1) ? next : top), null);
}

export function lateRows(job: Pick<Job, "vertices">): number {
  return job.vertices.reduce((sum, vertex) => sum + vertex.flow.lateRecords, 0);
}

export function skippedRows(job: Pick<Job, "vertices">): number {
  return job.vertices.reduce((sum, vertex) => sum + vertex.flow.skippedRecords, 0);
}
