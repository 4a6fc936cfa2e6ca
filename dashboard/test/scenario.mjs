// A cluster that never was: the recorded answers of a real Flink, moved to now and given the figures that Irmak adds, so that
// the page can be worked on and tested without a JobManager. Figures move with the clock and with nothing else.
import { readFileSync } from "node:fs";

const recorded = (name) => JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8"));

const JOB = recorded("job");
const CHECKPOINTS = recorded("job_checkpoints");
const EXCEPTIONS = recorded("job_exceptions");
const FAILED_EXCEPTIONS = recorded("job_failed_exceptions");
const ENDED_JOBS = recorded("jobs_overview").jobs.filter((job) => job["end-time"] > 0);
const TASK_MANAGER = recorded("taskmanager");
const RECORDED_AT = JOB.now;

const KDV = "d81a3cc39bb789735d992807e0a8f470";
const WIDE = "5be1c6a2f0d94c34a9c1d0c62e1f7a10";
const WAITING = "a1f2c3d4e5f60718293a4b5c6d7e8f90";
const EVENT_TIME_START = Date.UTC(2025, 1, 16, 7, 40, 0);
const LABELS = { CREATED: 0, SCHEDULED: 0, RECONCILING: 0, FAILED: 0, CANCELED: 0, DEPLOYING: 0, FINISHED: 0, RUNNING: 0, INITIALIZING: 0, CANCELING: 0 };

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
  if (what === "checkpoints") return ok(vertexId === "config" ? { ...recorded("job_checkpoints_config"), interval: 10000 } : checkpointsOf(job));
  if (what === "vertices" && rest === undefined) {
    const vertex = job.vertices.find((candidate) => candidate.id === vertexId);
    return vertex === undefined ? null : ok(vertexDetails(job, vertex));
  }
  return null;
}

// ---- jobs

function jobs(startedAt, canceledAt) {
  const now = Date.now();
  const canceled = (job) => {
    const at = canceledAt.get(job.jid);
    if (at === undefined) return job;
    return inState(job, now - at < 1_500 ? "CANCELLING" : "CANCELED", at + 1_500, now);
  };
  return [kdv(now, startedAt), wide(now, startedAt), waiting(now, startedAt)].map(canceled);
}

/** The reference job, healthy. */
function kdv(now, startedAt) {
  const age = now - startedAt + 328_000;
  const wave = 1 + 0.18 * Math.sin(now / 4_000) + 0.05 * Math.sin(now / 900);
  const rows = 2_480 * wave;
  const total = Math.floor(2_480 * (age / 1_000));
  const eventTime = EVENT_TIME_START + Math.floor((age / 1_000) * 24) * 1_000;
  const source = { in: rows, out: rows, busy: 0.31 * wave, held: 0.02, watermark: eventTime - 5_000, total: [total, total] };
  const window = { in: rows, out: rows * 0.98, busy: 0.44 * wave, held: 0, watermark: eventTime - 5_000, total: [total, Math.floor(total * 0.98)], late: 0 };
  const names = ["Source: sahibinden[1] -> Calc[2] -> WatermarkAssigner[3]", "GroupWindowAggregate[5] -> Calc[6] -> StreamingFileWriter", "end: Writer"];
  const writer = { in: 0.2, out: 0, busy: 0.01, held: 0, watermark: eventTime - 5_000, total: [Math.floor(age / 10_000), 0] };
  return {
    ...live(JOB, now, age),
    name: "insert-into_default_catalog.default_database.write_csv",
    vertices: JOB.vertices.map((vertex, i) => flowing({ ...vertex, name: names[i] }, [source, window, writer][i], now, age)),
    irmak: { "slots-required": 2, "slots-available": 2, message: null },
  };
}

/** Two sources, a join, two sinks: a slow sink holds everything up, rows are late, a broker is away. */
function wide(now, startedAt) {
  const age = now - startedAt + 7_480_000;
  const beat = 1 + 0.1 * Math.sin(now / 3_000);
  const names = {
    a0: "Source: orders[1] -> Calc[2] -> WatermarkAssigner[3]",
    a1: "Source: payments[4] -> WatermarkAssigner[5]",
    a2: "WindowJoin[7] -> Calc[8]",
    a3: "LocalWindowAggregate[9] -> GlobalWindowAggregate[11] -> Calc[12] -> ConstraintEnforcer[13] -> Sink: revenue_by_minute[14] -> end: Committer",
    a4: "Sink: audit[15]",
    a5: "Sink: raw_orders[16]",
  };
  const inputs = { a2: [["a0", "HASH"], ["a1", "HASH"]], a3: [["a2", "HASH"]], a4: [["a2", "REBALANCE"]], a5: [["a0", "FORWARD"]] };
  const flows = {
    a0: { in: 184_000 * beat, out: 184_000 * beat, busy: 0.22, held: 0.71, watermark: now - 4_200 },
    a1: { in: 12.5, out: 12.4, busy: 0.02, held: 0.6, watermark: now - 13_100, skipped: 17, message: "broker 127.0.0.1:9092 refused the connection since 14:03:22 (9 tries, next in 8 s). The job waits; nothing is lost." },
    a2: { in: 184_012 * beat, out: 61_000 * beat, busy: 0.36, held: 0.58, watermark: now - 13_100, late: 1_204 },
    a3: { in: 61_000 * beat, out: 0.9, busy: 0.97, held: 0, watermark: now - 61_000 },
    a4: { in: 61_000 * beat, out: 61_000 * beat, busy: 0.18, held: 0, watermark: now - 13_100 },
    a5: { in: 184_000 * beat, out: 0, busy: 0.2, held: 0, watermark: null },
  };
  const vertices = Object.entries(names).map(([id, name]) => {
    const f = flows[id];
    const totals = [Math.floor((f.in * age) / 1_000), Math.floor((f.out * age) / 1_000)];
    return flowing({ ...JOB.vertices[0], id, name, parallelism: 4 }, { ...f, total: totals }, now, age);
  });
  const nodes = Object.keys(names).map((id) => ({
    id,
    parallelism: 4,
    operator: "",
    operator_strategy: "",
    description: `${names[id].replaceAll(" -> ", "<br/>+- ")}<br/>`,
    ...(inputs[id] ? { inputs: inputs[id].map(([from, ship], num) => ({ num, id: from, ship_strategy: ship, exchange: "pipelined_bounded" })) } : {}),
    optimizer_properties: {},
  }));
  const base = live(JOB, now, age);
  return { ...base, jid: WIDE, name: "revenue by minute", vertices, plan: { ...base.plan, jid: WIDE, nodes }, irmak: { "slots-required": 4, "slots-available": 4, message: null } };
}

/** A job that the cluster has no room for. */
function waiting(now, startedAt) {
  const age = now - startedAt + 42_000;
  const job = inState({ ...kdv(now, startedAt), jid: WAITING, name: "device-temperature" }, "CREATED", null, now);
  return { ...job, "start-time": now - age, duration: age, irmak: { "slots-required": 6, "slots-available": 4, message: "waits for 2 more slots" } };
}

function live(job, now, age) {
  return { ...job, state: "RUNNING", "start-time": now - age, "end-time": -1, duration: age, now, timestamps: { ...job.timestamps, RUNNING: now - age + 90, CREATED: now - age } };
}

function flowing(vertex, f, now, age) {
  const irmak = {
    "records-in-per-second": f.in,
    "records-out-per-second": f.out,
    "busy-ratio": f.busy,
    "backpressured-ratio": f.held,
    "idle-ratio": Math.max(0, 1 - f.busy - f.held),
    watermark: f.watermark,
    "late-records": f.late ?? 0,
    "skipped-records": f.skipped ?? 0,
    message: f.message ?? null,
  };
  const metrics = { ...vertex.metrics, "read-records": f.total[0], "write-records": f.total[1], "read-bytes": f.total[0] * 71, "write-bytes": f.total[1] * 64 };
  return { ...vertex, status: "RUNNING", "start-time": now - age + 180, duration: age - 180, tasks: { ...LABELS, RUNNING: vertex.parallelism }, metrics, irmak };
}

function inState(job, state, endedAt, now) {
  const task = state === "CANCELLING" ? "CANCELING" : state;
  const ended = state === "CANCELED";
  const still = { "records-in-per-second": 0, "records-out-per-second": 0, "busy-ratio": 0, "backpressured-ratio": 0, "idle-ratio": 0, message: null };
  const vertices = job.vertices.map((vertex) => ({
    ...vertex,
    status: task,
    tasks: { ...LABELS, [task]: vertex.parallelism },
    ...(state === "CREATED" ? { metrics: {}, duration: 0, irmak: {} } : { irmak: { ...vertex.irmak, ...still } }),
  }));
  const end = ended ? endedAt : now;
  return { ...job, state, vertices, "end-time": ended ? end : -1, duration: end - job["start-time"], now };
}

function summary(job) {
  const tasks = { running: 0, canceling: 0, canceled: 0, total: 0, created: 0, scheduled: 0, deploying: 0, reconciling: 0, finished: 0, initializing: 0, failed: 0 };
  for (const vertex of job.vertices) {
    for (const [state, n] of Object.entries(vertex.tasks)) tasks[state.toLowerCase()] += n;
    tasks.total += vertex.parallelism;
  }
  const { jid, name, state, duration } = job;
  return { jid, name, "start-time": job["start-time"], "end-time": job["end-time"], duration, state, "last-modification": job.now, tasks };
}

function endedJobs() {
  const shift = Date.now() - RECORDED_AT - 900_000;
  const failed = { ...ENDED_JOBS[0], jid: "0054db9af2c2001cd603c465a865a06a", name: "kdv with a division by zero", state: "FAILED", duration: 1_932, tasks: { ...ENDED_JOBS[0].tasks, finished: 0, failed: 1, canceled: 1 } };
  return [failed, ...ENDED_JOBS].map((job) => ({ ...job, "start-time": job["start-time"] + shift, "end-time": job["end-time"] + shift }));
}

function endedJob(summaryOf) {
  const finished = recorded("job_finished");
  const task = summaryOf.state;
  return {
    ...finished,
    ...summaryOf,
    now: Date.now(),
    vertices: finished.vertices.map((vertex) => ({ ...vertex, status: task, tasks: { ...LABELS, [task]: vertex.parallelism } })),
    irmak: { "slots-required": 2, "slots-available": 0, message: null },
  };
}

// ---- what hangs on a job

function configOf(job) {
  const config = recorded("job_config");
  const user = { "execution.checkpointing.interval": "10 s", "table.exec.source.idle-timeout": "30 s", "pipeline.name": job.name };
  return { ...config, jid: job.jid, name: job.name, "execution-config": { ...config["execution-config"], "user-config": user } };
}

function exceptionsOf(job) {
  if (job.state === "FAILED") return moved(FAILED_EXCEPTIONS);
  if (job.jid !== WIDE) return EXCEPTIONS;
  const stacktrace = "task manager 127.0.0.1:6121 was lost: nothing heard for 50 s.\nThe job restarted from checkpoint 612 on the slots that are left; nothing is lost.";
  const entry = { exceptionName: "TaskManagerLost", stacktrace, timestamp: Date.now() - 1_312_000, failureLabels: {}, taskName: "WindowJoin[7] -> Calc[8] (3/4) - execution #0", endpoint: "127.0.0.1:6121", location: "127.0.0.1:6121", taskManagerId: "127.0.0.1:6121-7d10aa", concurrentExceptions: [] };
  return { ...EXCEPTIONS, "root-exception": stacktrace, timestamp: entry.timestamp, exceptionHistory: { entries: [entry], truncated: false } };
}

/** Every moment of a recorded answer, moved from the day of the recording to today. */
function moved(value) {
  const shift = Date.now() - RECORDED_AT - 900_000;
  return JSON.parse(JSON.stringify(value), (_, read) => (typeof read === "number" && Math.abs(read - RECORDED_AT) < 86_400_000 ? read + shift : read));
}

function checkpointsOf(job) {
  const none = { counts: { restored: 0, total: 0, in_progress: 0, completed: 0, failed: 0 }, summary: {}, latest: { completed: null, savepoint: null, failed: null, restored: null }, history: [] };
  if (job.state === "CREATED") return none;
  const every = 10_000;
  const last = Math.floor(job.now / every) * every;
  const first = CHECKPOINTS.latest.completed;
  const base = Math.floor(job.duration / every);
  const subtasks = job.vertices.reduce((sum, vertex) => sum + vertex.parallelism, 0);
  const at = (i) => {
    const took = 13 + ((base - i) * 7) % 41;
    const bytes = 11_502 + ((base - i) * 3_571) % 9_000;
    const started = last - i * every;
    return { ...first, id: base - i, trigger_timestamp: started, latest_ack_timestamp: started + took, end_to_end_duration: took, state_size: bytes, num_subtasks: subtasks, num_acknowledged_subtasks: subtasks, checkpointed_size: bytes, discarded: i > 0, external_path: `file:///var/lib/irmak/checkpoints/${job.jid}/chk-${base - i}` };
  };
  const history = Array.from({ length: Math.min(10, base) }, (_, i) => at(i));
  const counts = { restored: 0, total: base, in_progress: 0, completed: base, failed: 0 };
  const latest = { completed: history[0] ?? null, savepoint: null, failed: null, restored: null };
  if (job.jid !== WIDE) return { counts, summary: CHECKPOINTS.summary, latest, history };
  const failed = { ...history[0], className: "failed", status: "FAILED", failure_timestamp: history[0].trigger_timestamp + 10_000, end_to_end_duration: 10_000, num_acknowledged_subtasks: subtasks - 1, external_path: null, failure_message: "Sink: audit[15] (2/4) could not write part-71-2: no space left on device" };
  history[0] = failed;
  return {
    counts: { ...counts, completed: base - 2, failed: 2, restored: 1 },
    summary: CHECKPOINTS.summary,
    latest: { completed: history[1], savepoint: null, failed, restored: { id: 612, restore_timestamp: Date.now() - 1_311_000, is_savepoint: false, external_path: "file:///var/lib/irmak/checkpoints/chk-612" } },
    history,
  };
}

function vertexDetails(job, vertex) {
  const share = (n, i) => (typeof n === "number" ? (n / vertex.parallelism) * (i === 1 ? 1.15 : 0.95) : n);
  const waits = job.state === "CREATED";
  const subtasks = Array.from({ length: vertex.parallelism }, (_, i) => ({
    subtask: i,
    status: vertex.status,
    attempt: job.jid === WIDE ? 1 : 0,
    endpoint: "127.0.0.1:6121",
    "start-time": vertex["start-time"],
    "end-time": -1,
    duration: vertex.duration,
    metrics: Object.fromEntries(Object.entries(vertex.metrics).map(([name, n]) => [name, typeof n === "number" ? Math.floor(share(n, i)) : n])),
    "taskmanager-id": waits ? "(unassigned)" : i % 2 === 0 ? "127.0.0.1:6121-43a2cc" : "127.0.0.1:6121-7d10aa",
    "status-duration": {},
    irmak: { ...vertex.irmak, "records-in-per-second": share(vertex.irmak?.["records-in-per-second"], i), "records-out-per-second": share(vertex.irmak?.["records-out-per-second"], i), message: i === 1 ? (vertex.irmak?.message ?? null) : null },
  }));
  return { id: vertex.id, name: vertex.name, parallelism: vertex.parallelism, maxParallelism: 128, now: job.now, subtasks, aggregated: { metrics: {}, "status-duration": {} } };
}

// ---- the cluster

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
  };
}

function taskManagersWith(jobIds) {
  const slot = TASK_MANAGER.allocatedSlots[0];
  return ["127.0.0.1:6121-43a2cc", "127.0.0.1:6121-7d10aa"].map((id, i) => {
    const mine = jobIds.filter((_, n) => n % 2 === i);
    return { ...TASK_MANAGER, id, path: "127.0.0.1:6121", slotsNumber: 4, freeSlots: 4 - mine.length, allocatedSlots: mine.map((jobId) => ({ ...slot, jobId })), silent: i === 1 && jobIds.length > 0 };
  });
}

function taskManagerAnswer(taskManagers, id) {
  const heard = ({ silent, ...tm }) => ({ ...tm, timeSinceLastHeartbeat: Date.now() - (silent ? 31_000 : 2_300) });
  if (id === undefined || id === "") return ok({ taskmanagers: taskManagers.map(heard).map(({ allocatedSlots, metrics, ...rest }) => rest) });
  const found = taskManagers.find((tm) => tm.id === id);
  return found === undefined ? { status: 404, body: { errors: [`TaskManager ${id} not found`] } } : ok(heard(found));
}
