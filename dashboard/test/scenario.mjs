// A cluster that never was: the recorded answers of a real Flink, moved to now and given the figures that Irmak adds, so that
// the page can be worked on and tested without a JobManager. Figures move with the clock and with nothing else.
import { checkpointsOf, configOf, exceptionsOf, vertexDetails } from "./cluster/details.mjs";
import { endedJob, endedJobs, jobs, KDV, summary, WIDE } from "./cluster/jobs.mjs";
import { recorded } from "./cluster/recorded.mjs";

const TASK_MANAGER = recorded("taskmanager");
const REFUSED = [
  "error[E0207]: column `prise` is not in table `listing`",
  "  --> job.sql:3:12",
  "   |",
  "3  | SELECT id, prise FROM listing;",
  "   |            ^^^^^ did you mean `price`?",
  "   = columns: id, product, price, ts",
].join("\n");

/** @param {"full" | "empty" | "bare"} kind full: jobs of every state; empty: TaskManagers only; bare: not even those. */
export function scenario(kind, startedAt = Date.now()) {
  const canceledAt = new Map();
  const alive = () => (kind === "full" ? jobs(startedAt, canceledAt) : []);
  const taskManagers = kind === "bare" ? [] : kind === "full" ? taskManagersWith([KDV, KDV, WIDE, WIDE]) : taskManagersWith([]);

  return {
    /** The answer to a request as `{ status, body }`; null where there is no such path. */
    answer(method, path, query) {
      const [top, id, what, detail, rest] = path.replace(/^\/(v1\/)?/, "").split("/");
      if (top === "overview") return ok(overview(alive(), taskManagers));
      if (top === "config") return ok({ ...recorded("config"), "refresh-interval": 1500 });
      if (top === "taskmanagers") return taskManagerAnswer(taskManagers, id && decodeURIComponent(id));
      if (top !== "jobs") return null;
      if (id === undefined || id === "overview") {
        const ended = kind === "full" ? endedJobs() : [];
        return ok({ jobs: [...alive().map(summary), ...ended] });
      }
      const job = alive().find((candidate) => candidate.jid === id);
      const ended = kind === "full" ? endedJobs().find((candidate) => candidate.jid === id) : undefined;
      if (job === undefined && ended === undefined) return { status: 404, body: recorded("job_unknown") };
      if (method === "PATCH" && query.get("mode") === "cancel") {
        if (job !== undefined && !canceledAt.has(id)) canceledAt.set(id, Date.now());
        return { status: 202, body: {} };
      }
      return jobAnswer(job ?? endedJob(ended), what, detail, rest);
    },
  };
}

const ok = (body) => ({ status: 200, body });

function jobAnswer(job, what, vertexId, rest) {
  if (what === undefined) return ok(job);
  if (what === "plan") return ok({ plan: job.plan });
  if (what === "config") return ok(configOf(job));
  if (what === "exceptions") return ok(exceptionsOf(job));
  if (what === "checkpoints")
    return ok(vertexId === "config" ? { ...recorded("job_checkpoints_config"), interval: 10000 } : checkpointsOf(job));
  if (what === "vertices" && rest === undefined) {
    const vertex = job.vertices.find((candidate) => candidate.id === vertexId);
    return vertex === undefined ? null : ok(vertexDetails(job, vertex));
  }
  return null;
}

function overview(alive, taskManagers) {
  const list = [...alive, ...(alive.length > 0 ? endedJobs() : [])];
  const counted = (...states) => list.filter((job) => states.includes(job.state)).length;
  return {
    ...recorded("overview"),
    taskmanagers: taskManagers.length,
    "slots-total": taskManagers.reduce((sum, tm) => sum + tm.slotsNumber, 0),
    "slots-available": taskManagers.reduce((sum, tm) => sum + tm.freeSlots, 0),
    "jobs-running": counted("RUNNING", "CREATED", "CANCELLING", "RESTARTING"),
    "jobs-finished": counted("FINISHED"),
    "jobs-cancelled": counted("CANCELED"),
    "jobs-failed": counted("FAILED"),
    irmak: { "refused-scripts": alive.length > 0 ? [{ timestamp: Date.now() - 95_000, message: REFUSED }] : [] },
  };
}

function taskManagersWith(jobIds) {
  const slot = TASK_MANAGER.allocatedSlots[0];
  return ["127.0.0.1:6121-43a2cc", "127.0.0.1:6121-7d10aa"].map((id, i) => {
    const mine = jobIds.filter((_, n) => n % 2 === i);
    return {
      ...TASK_MANAGER,
      id,
      path: "127.0.0.1:6121",
      slotsNumber: 4,
      freeSlots: 4 - mine.length,
      allocatedSlots: mine.map((jobId) => ({ ...slot, jobId })),
      silent: i === 1 && jobIds.length > 0,
    };
  });
}

function taskManagerAnswer(taskManagers, id) {
  const heard = ({ silent, ...tm }) => ({ ...tm, timeSinceLastHeartbeat: Date.now() - (silent ? 31_000 : 2_300) });
  if (id === undefined || id === "")
    return ok({ taskmanagers: taskManagers.map(heard).map(({ allocatedSlots, metrics, ...rest }) => rest) });
  const found = taskManagers.find((tm) => tm.id === id);
  return found === undefined ? { status: 404, body: { errors: [`TaskManager ${id} not found`] } } : ok(heard(found));
}
