// The jobs of the made-up cluster: one that is well, one with every trouble, one that waits, and those that are over.
import { recorded, shiftToToday } from "./recorded.mjs";

const JOB = recorded("job");
const ENDED_JOBS = recorded("jobs_overview").jobs.filter((job) => job["end-time"] > 0);

export const KDV = "d81a3cc39bb789735d992807e0a8f470";
export const WIDE = "5be1c6a2f0d94c34a9c1d0c62e1f7a10";
const WAITING = "a1f2c3d4e5f60718293a4b5c6d7e8f90";
const EVENT_TIME_START = Date.UTC(2025, 1, 16, 7, 40, 0);
const LABELS = {
  CREATED: 0,
  SCHEDULED: 0,
  RECONCILING: 0,
  FAILED: 0,
  CANCELED: 0,
  DEPLOYING: 0,
  FINISHED: 0,
  RUNNING: 0,
  INITIALIZING: 0,
  CANCELING: 0,
};

export function jobs(startedAt, canceledAt) {
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
  const window = {
    in: rows,
    out: rows * 0.98,
    busy: 0.44 * wave,
    held: 0,
    watermark: eventTime - 5_000,
    total: [total, Math.floor(total * 0.98)],
    late: 0,
  };
  const names = [
    "Source: sahibinden[1] -> Calc[2] -> WatermarkAssigner[3]",
    "GroupWindowAggregate[5] -> Calc[6] -> StreamingFileWriter",
    "end: Writer",
  ];
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
  const inputs = {
    a2: [
      ["a0", "HASH"],
      ["a1", "HASH"],
    ],
    a3: [["a2", "HASH"]],
    a4: [["a2", "REBALANCE"]],
    a5: [["a0", "FORWARD"]],
  };
  const flows = {
    a0: { in: 184_000 * beat, out: 184_000 * beat, busy: 0.22, held: 0.71, watermark: now - 4_200 },
    a1: {
      in: 12.5,
      out: 12.4,
      busy: 0.02,
      held: 0.6,
      watermark: now - 13_100,
      skipped: 17,
      message: "broker 127.0.0.1:9092 refused the connection since 14:03:22 (9 tries, next in 8 s). The job waits; nothing is lost.",
    },
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
    ...(inputs[id]
      ? { inputs: inputs[id].map(([from, ship], num) => ({ num, id: from, ship_strategy: ship, exchange: "pipelined_bounded" })) }
      : {}),
    optimizer_properties: {},
  }));
  const base = live(JOB, now, age);
  return {
    ...base,
    jid: WIDE,
    name: "revenue by minute",
    vertices,
    plan: { ...base.plan, jid: WIDE, nodes },
    irmak: { "slots-required": 4, "slots-available": 4, message: null },
  };
}

/** A job that the cluster has no room for. */
function waiting(now, startedAt) {
  const age = now - startedAt + 42_000;
  const job = inState({ ...kdv(now, startedAt), jid: WAITING, name: "device-temperature" }, "CREATED", null, now);
  return {
    ...job,
    "start-time": now - age,
    duration: age,
    irmak: { "slots-required": 6, "slots-available": 4, message: "waits for 2 more slots" },
  };
}

function live(job, now, age) {
  return {
    ...job,
    state: "RUNNING",
    "start-time": now - age,
    "end-time": -1,
    duration: age,
    now,
    timestamps: { ...job.timestamps, RUNNING: now - age + 90, CREATED: now - age },
  };
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
  const metrics = {
    ...vertex.metrics,
    "read-records": f.total[0],
    "write-records": f.total[1],
    "read-bytes": f.total[0] * 71,
    "write-bytes": f.total[1] * 64,
  };
  return {
    ...vertex,
    status: "RUNNING",
    "start-time": now - age + 180,
    duration: age - 180,
    tasks: { ...LABELS, RUNNING: vertex.parallelism },
    metrics,
    irmak,
  };
}

function inState(job, state, endedAt, now) {
  const task = state === "CANCELLING" ? "CANCELING" : state;
  const ended = state === "CANCELED";
  const still = {
    "records-in-per-second": 0,
    "records-out-per-second": 0,
    "busy-ratio": 0,
    "backpressured-ratio": 0,
    "idle-ratio": 0,
    message: null,
  };
  const vertices = job.vertices.map((vertex) => ({
    ...vertex,
    status: task,
    tasks: { ...LABELS, [task]: vertex.parallelism },
    ...(state === "CREATED" ? { metrics: {}, duration: 0, irmak: {} } : { irmak: { ...vertex.irmak, ...still } }),
  }));
  const end = ended ? endedAt : now;
  return { ...job, state, vertices, "end-time": ended ? end : -1, duration: end - job["start-time"], now };
}

export function summary(job) {
  const tasks = {
    running: 0,
    canceling: 0,
    canceled: 0,
    total: 0,
    created: 0,
    scheduled: 0,
    deploying: 0,
    reconciling: 0,
    finished: 0,
    initializing: 0,
    failed: 0,
  };
  for (const vertex of job.vertices) {
    for (const [state, n] of Object.entries(vertex.tasks)) tasks[state.toLowerCase()] += n;
    tasks.total += vertex.parallelism;
  }
  const { jid, name, state, duration } = job;
  return { jid, name, "start-time": job["start-time"], "end-time": job["end-time"], duration, state, "last-modification": job.now, tasks };
}

export function endedJobs() {
  const shift = shiftToToday();
  const failed = {
    ...ENDED_JOBS[0],
    jid: "0054db9af2c2001cd603c465a865a06a",
    name: "kdv with a division by zero",
    state: "FAILED",
    duration: 1_932,
    tasks: { ...ENDED_JOBS[0].tasks, finished: 0, failed: 1, canceled: 1 },
  };
  return [failed, ...ENDED_JOBS].map((job) => ({ ...job, "start-time": job["start-time"] + shift, "end-time": job["end-time"] + shift }));
}

export function endedJob(summaryOf) {
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
