// Whether a job is well, and if not why, in sentences for somebody who was just woken up. Most urgent first.
import type { Checkpoints } from "../rest/checkpoints";
import type { Failures } from "../rest/exceptions";
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
  /** Where there is more about it. */
  tab?: "checkpoints" | "exceptions";
}

/** What else is known of the job, where it was asked for. */
export interface Known {
  checkpoints?: Checkpoints | null;
  failures?: Failures | null;
}

/** Above this share of backpressured time, the cause is worth a sentence. */
const BACKPRESSURE_WORTH_SAYING = 0.3;

const URGENCY: Note["tone"][] = ["bad", "warn", "wait", "info"];

export function diagnose(job: Job, { checkpoints = null, failures = null }: Known = {}): Note[] {
  const notes = isEnded(job.state)
    ? [...ownMessage(job, "info"), ...failure(job, failures), ...lostRows(job)]
    : [
        ...ownMessage(job, toneOfState(job.state)),
        ...failure(job, failures),
        ...slots(job),
        ...vertexMessages(job),
        ...backpressure(job),
        ...failedCheckpoint(checkpoints),
        ...lostRows(job),
      ];
  return notes.sort((a, b) => URGENCY.indexOf(a.tone) - URGENCY.indexOf(b.tone));
}

function toneOfState(state: string): Note["tone"] {
  if (state === "FAILING") return "bad";
  return state === "RUNNING" || state === "RESTARTING" ? "warn" : "wait";
}

function ownMessage(job: Job, tone: Note["tone"]): Note[] {
  return job.message === null ? [] : [{ tone: job.state === "FAILED" ? "bad" : tone, text: job.message }];
}

/** Whether the last failure is news: the job ended with it, or is just being brought back after it. */
export function isTroubled(state: string): boolean {
  return state === "FAILED" || state === "FAILING" || state === "RESTARTING";
}

function failure(job: Job, failures: Failures | null): Note[] {
  const last = failures?.root ?? failures?.history[0];
  if (!isTroubled(job.state) || last === undefined || job.message?.includes(last.summary)) return [];
  return [{ tone: job.state === "RESTARTING" ? "warn" : "bad", text: last.summary, tab: "exceptions" }];
}

/** How many slots are missing, where the JobManager didn't say it itself, and what brings them. */
function slots(job: Job): Note[] {
  if (job.state === "RUNNING" || job.slotsRequired === null || job.slotsAvailable === null) return [];
  const missing = job.slotsRequired - job.slotsAvailable;
  if (missing <= 0) return [];
  const remedy = "It starts by itself when a TaskManager brings slots (irmak taskmanager) or another job ends";
  const said: Note[] = job.message === null ? [{ tone: "wait", text: `waits for ${plural(missing, "more slot")}` }] : [];
  return [...said, { tone: "info", text: remedy }];
}

function vertexMessages(job: Job): Note[] {
  return job.vertices.flatMap((vertex) =>
    vertex.flow.message === null || vertex.flow.message === job.message
      ? []
      : [{ tone: "warn" as const, text: `${headOf(vertex.name)}: ${vertex.flow.message}`, vertexId: vertex.id }],
  );
}

/** Names each narrow place once, with the vertex that waits for it most. */
function backpressure(job: Job): Note[] {
  const held = job.vertices.filter(isHeld).sort((a, b) => (b.flow.backpressured ?? 0) - (a.flow.backpressured ?? 0));
  const told = new Set<string>();
  return held.flatMap((vertex) => {
    const narrow = narrowPlace(job, vertex);
    if (narrow === null || told.has(narrow.id)) return [];
    told.add(narrow.id);
    const busy = narrow.flow.busy === null ? "" : `${percent(narrow.flow.busy)} busy; `;
    const text = `${headOf(narrow.name)} is the narrow place: ${busy}${headOf(vertex.name)} waits for it ${percent(vertex.flow.backpressured)} of the time`;
    return [{ tone: "warn" as const, text, vertexId: narrow.id }];
  });
}

function isHeld(vertex: Vertex): boolean {
  return (vertex.flow.backpressured ?? 0) >= BACKPRESSURE_WORTH_SAYING;
}

/** The busiest vertex where the backpressure ends: downstream by way of vertices that are held up themselves. */
function narrowPlace(job: Job, from: Vertex): Vertex | null {
  const byId = new Map(job.vertices.map((vertex) => [vertex.id, vertex]));
  const seen = new Set<string>([from.id]);
  const open = [from.id];
  const ends: Vertex[] = [];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const edge of job.edges) {
      const next = edge.from === id && !seen.has(edge.to) ? byId.get(edge.to) : undefined;
      if (next === undefined) continue;
      seen.add(next.id);
      if (isHeld(next)) open.push(next.id);
      else ends.push(next);
    }
  }
  return ends.sort((a, b) => (b.flow.busy ?? 0) - (a.flow.busy ?? 0))[0] ?? null;
}

function lostRows(job: Job): Note[] {
  const notes: Note[] = [];
  const late = lateRows(job);
  const skipped = skippedRows(job);
  if (late > 0)
    notes.push({ tone: "info", text: `${plural(late, "row")} came too late for a window and ${late === 1 ? "was" : "were"} left out` });
  if (skipped > 0)
    notes.push({ tone: "info", text: `${plural(skipped, "record")} could not be read and ${skipped === 1 ? "was" : "were"} skipped` });
  return notes;
}

function failedCheckpoint(checkpoints: Checkpoints | null): Note[] {
  const failed = checkpoints?.latestFailed ?? null;
  if (failed === null || failed.id < (checkpoints?.latest?.id ?? -1)) return [];
  return [{ tone: "warn", text: `Checkpoint ${failed.id} failed: ${failed.failure ?? "no reason was given"}`, tab: "checkpoints" }];
}
