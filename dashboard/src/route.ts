// The page's places, in the part of the address after `#`. Unknown places lead to the overview.
export const JOB_TABS = ["subtasks", "checkpoints", "exceptions", "configuration"] as const;
export type JobTab = (typeof JOB_TABS)[number];

export type Route =
  | { page: "overview" }
  | { page: "job"; jobId: string; tab: JobTab; vertexId: string | null }
  | { page: "taskManagers" }
  | { page: "taskManager"; id: string };

/** `#/`, `#/jobs/ID`, `#/jobs/ID/TAB`, `#/jobs/ID/subtasks/VERTEX`, `#/taskmanagers`, `#/taskmanagers/ID`. */
export function parseRoute(hash: string): Route {
  const parts = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .map(decode);
  const [first, id, tab, detail] = parts;
  if (first === "jobs" && id) {
    const known = JOB_TABS.find((name) => name === tab) ?? "subtasks";
    return { page: "job", jobId: id, tab: known, vertexId: known === "subtasks" && detail ? detail : null };
  }
  if (first === "taskmanagers") return id ? { page: "taskManager", id } : { page: "taskManagers" };
  return { page: "overview" };
}

export function jobHref(jobId: string, tab?: JobTab, vertexId?: string): string {
  const parts = ["jobs", jobId, ...(tab === undefined ? [] : [tab]), ...(vertexId === undefined ? [] : [vertexId])];
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Where a sentence about a job leads, if it leads anywhere. */
export function noteHref(jobId: string, note: { vertexId?: string; tab?: JobTab }): string | undefined {
  if (note.vertexId !== undefined) return jobHref(jobId, "subtasks", note.vertexId);
  return note.tab === undefined ? undefined : jobHref(jobId, note.tab);
}

export function taskManagerHref(id: string): string {
  return `#/taskmanagers/${encodeURIComponent(id)}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
