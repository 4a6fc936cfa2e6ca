// Whether a job is well, and if not why, in sentences for somebody who was just woken up. Most urgent first.
import type { Checkpoints } from "../rest/checkpoints";
import { isEnded } from "../rest/jobs";
import type { Job, Vertex } from "../rest/job";
import { lateRows, skippedRows } from "./flowing";
import { percent, plural } from "./format";
import { headOf } from "./names";

export interface Note {
  tone: "bad" | "warn" | "wait" | "info";
  text: string;
  /** The vertex the sentence is about. */
  vertexId?: string;
}

/** Above this share of backpressured time, the cause is worth a sentence. */
const BACKPRESSURE_WORTH_SAYING = 0.3;

const URGENCY: Note["tone"][] = ["bad", "warn", "wait", "info"];

export function diagnose(job: Job, checkpoints: Checkpoints | null = null): Note[] {
  const notes = isEnded(job.state)
    ? [...ownMessage(job, "info"), ...lostRows(job)]
    : [...ownMessage(job, toneOfState(job.state)), ...slots(job), ...vertexMessages(job), ...backpressure(job), ...lostRows(job), ...failedCheckpoint(checkpoints)];
  return notes.sort((a, b) => URGENCY.indexOf(a.tone) - URGENCY.indexOf(b.tone));
}

function toneOfState(state: string): Note["tone"] {
  if (state === "FAILING") return "bad";
  return state === "RUNNING" || state === "RESTARTING" ? "warn" : "wait";
}

function ownMessage(job: Job, tone: Note["tone"]): Note[] {
  return job.message === null ? [] : [{ tone: job.state === "FAILED" ? "bad" : tone, text: job.message }];
}

/** Said only where the JobManager didn't say it itself. */
function slots(job: Job): Note[] {
  if (job.state === "RUNNING" || job.message !== null || job.slotsRequired === null || job.slotsAvailable === null) return [];
  const missing = job.slotsRequired - job.slotsAvailable;
  return missing > 0 ? [{ tone: "wait", text: `waits for ${plural(missing, "more slot")}` }] : [];
}

function vertexMessages(job: Job): Note[] {
  return job.vertices.flatMap((vertex) =>
    vertex.flow.message === null || vertex.flow.message === job.message
      ? []
      : [{ tone: "warn" as const, text: `${headOf(vertex.name)}: ${vertex.flow.message}`, vertexId: vertex.id }],
  );
}

/** Names the narrow place: the first vertex downstream of a backpressured one that is not backpressured itself. */
function backpressure(job: Job): Note[] {
  const told = new Set<string>();
  const notes: Note[] = [];
  for (const vertex of job.vertices) {
    if ((vertex.flow.backpressured ?? 0) < BACKPRESSURE_WORTH_SAYING) continue;
    const narrow = narrowPlace(job, vertex);
    if (narrow === null || told.has(narrow.id)) continue;
    told.add(narrow.id);
    const busy = narrow.flow.busy === null ? "" : `, itself ${percent(narrow.flow.busy)} busy`;
    const text = `${headOf(narrow.name)} is the narrow place: ${headOf(vertex.name)} waits for it ${percent(vertex.flow.backpressured)} of the time${busy}`;
    notes.push({ tone: "warn", text, vertexId: narrow.id });
  }
  return notes;
}

function narrowPlace(job: Job, from: Vertex): Vertex | null {
  const seen = new Set<string>([from.id]);
  let reached = [from.id];
  let last: Vertex | null = null;
  while (reached.length > 0) {
    const next = job.edges.filter((edge) => reached.includes(edge.from) && !seen.has(edge.to)).map((edge) => edge.to);
    for (const id of next) seen.add(id);
    const vertices = job.vertices.filter((vertex) => next.includes(vertex.id));
    const narrow = vertices.filter((vertex) => (vertex.flow.backpressured ?? 0) < BACKPRESSURE_WORTH_SAYING);
    const top = narrow.sort((a, b) => (b.flow.busy ?? 0) - (a.flow.busy ?? 0))[0];
    if (top !== undefined) return top;
    last = vertices[0] ?? last;
    reached = next;
  }
  return last;
}

function lostRows(job: Job): Note[] {
  const notes: Note[] = [];
  const late = lateRows(job);
  const skipped = skippedRows(job);
  if (late > 0) notes.push({ tone: "info", text: `${plural(late, "row")} came too late for a window and ${late === 1 ? "was" : "were"} left out` });
  if (skipped > 0) notes.push({ tone: "info", text: `${plural(skipped, "record")} could not be read and ${skipped === 1 ? "was" : "were"} skipped` });
  return notes;
}

function failedCheckpoint(checkpoints: Checkpoints | null): Note[] {
  const failed = checkpoints?.latestFailed ?? null;
  if (failed === null || failed.id < (checkpoints?.latest?.id ?? -1)) return [];
  return [{ tone: "warn", text: `Checkpoint ${failed.id} failed: ${failed.failure ?? "no reason was given"}` }];
}
