// What hangs on a job of the made-up cluster: settings, exceptions, checkpoints, subtasks.
import { WIDE } from "./jobs.mjs";
import { RECORDED_AT, recorded, shiftToToday } from "./recorded.mjs";

const CHECKPOINTS = recorded("job_checkpoints");
const EXCEPTIONS = recorded("job_exceptions");
const FAILED_EXCEPTIONS = recorded("job_failed_exceptions");

export function configOf(job) {
  const config = recorded("job_config");
  const user = { "execution.checkpointing.interval": "10 s", "table.exec.source.idle-timeout": "30 s", "pipeline.name": job.name };
  return { ...config, jid: job.jid, name: job.name, "execution-config": { ...config["execution-config"], "user-config": user } };
}

export function exceptionsOf(job) {
  if (job.state === "FAILED") return moved(FAILED_EXCEPTIONS);
  if (job.jid !== WIDE) return EXCEPTIONS;
  const stacktrace =
    "task manager 127.0.0.1:6121 was lost: nothing heard for 50 s.\nThe job restarted from checkpoint 612 on the slots that are left; nothing is lost.";
  const entry = {
    exceptionName: "TaskManagerLost",
    stacktrace,
    timestamp: Date.now() - 1_312_000,
    failureLabels: {},
    taskName: "WindowJoin[7] -> Calc[8] (3/4) - execution #0",
    endpoint: "127.0.0.1:6121",
    location: "127.0.0.1:6121",
    taskManagerId: "127.0.0.1:6121-7d10aa",
    concurrentExceptions: [],
  };
  return {
    ...EXCEPTIONS,
    "root-exception": stacktrace,
    timestamp: entry.timestamp,
    exceptionHistory: { entries: [entry], truncated: false },
  };
}

/** Every moment of a recorded answer, moved from the day of the recording to today. */
function moved(value) {
  const shift = shiftToToday();
  return JSON.parse(JSON.stringify(value), (_, read) =>
    typeof read === "number" && Math.abs(read - RECORDED_AT) < 86_400_000 ? read + shift : read,
  );
}

export function checkpointsOf(job) {
  const none = {
    counts: { restored: 0, total: 0, in_progress: 0, completed: 0, failed: 0 },
    summary: {},
    latest: { completed: null, savepoint: null, failed: null, restored: null },
    history: [],
  };
  if (job.state === "CREATED") return none;
  const every = 10_000;
  const last = Math.floor(job.now / every) * every;
  const first = CHECKPOINTS.latest.completed;
  const base = Math.floor(job.duration / every);
  const subtasks = job.vertices.reduce((sum, vertex) => sum + vertex.parallelism, 0);
  const at = (i) => {
    const took = 13 + (((base - i) * 7) % 41);
    const bytes = 11_502 + (((base - i) * 3_571) % 9_000);
    const started = last - i * every;
    return {
      ...first,
      id: base - i,
      trigger_timestamp: started,
      latest_ack_timestamp: started + took,
      end_to_end_duration: took,
      state_size: bytes,
      num_subtasks: subtasks,
      num_acknowledged_subtasks: subtasks,
      checkpointed_size: bytes,
      discarded: i > 0,
      external_path: `file:///var/lib/irmak/checkpoints/${job.jid}/chk-${base - i}`,
    };
  };
  const history = Array.from({ length: Math.min(10, base) }, (_, i) => at(i));
  const counts = { restored: 0, total: base, in_progress: 0, completed: base, failed: 0 };
  const latest = { completed: history[0] ?? null, savepoint: null, failed: null, restored: null };
  if (job.jid !== WIDE) return { counts, summary: CHECKPOINTS.summary, latest, history };
  const failed = {
    ...history[0],
    className: "failed",
    status: "FAILED",
    failure_timestamp: history[0].trigger_timestamp + 10_000,
    end_to_end_duration: 10_000,
    num_acknowledged_subtasks: subtasks - 1,
    external_path: null,
    failure_message: "Sink: audit[15] (2/4) could not write part-71-2: no space left on device",
  };
  history[0] = failed;
  return {
    counts: { ...counts, completed: base - 2, failed: 2, restored: 1 },
    summary: CHECKPOINTS.summary,
    latest: {
      completed: history[1],
      savepoint: null,
      failed,
      restored: {
        id: 612,
        restore_timestamp: Date.now() - 1_311_000,
        is_savepoint: false,
        external_path: "file:///var/lib/irmak/checkpoints/chk-612",
      },
    },
    history,
  };
}

export function vertexDetails(job, vertex) {
  const share = (n, i) => (typeof n === "number" ? (n / vertex.parallelism) * (i === 1 ? 1.15 : 0.95) : n);
  const waits = job.state === "CREATED";
  const subtasks = Array.from({ length: vertex.parallelism }, (_, i) => ({
    subtask: i,
    status: vertex.status,
    attempt: job.jid === WIDE ? 1 : 0,
    endpoint: waits ? "(unassigned)" : "127.0.0.1:6121",
    "start-time": vertex["start-time"],
    "end-time": -1,
    duration: vertex.duration,
    metrics: Object.fromEntries(
      Object.entries(vertex.metrics).map(([name, n]) => [name, typeof n === "number" ? Math.floor(share(n, i)) : n]),
    ),
    "taskmanager-id": waits ? "(unassigned)" : i % 2 === 0 ? "127.0.0.1:6121-43a2cc" : "127.0.0.1:6121-7d10aa",
    "status-duration": {},
    irmak: {
      ...vertex.irmak,
      "records-in-per-second": share(vertex.irmak?.["records-in-per-second"], i),
      "records-out-per-second": share(vertex.irmak?.["records-out-per-second"], i),
      message: i === 1 ? (vertex.irmak?.message ?? null) : null,
    },
  }));
  return {
    id: vertex.id,
    name: vertex.name,
    parallelism: vertex.parallelism,
    maxParallelism: 128,
    now: job.now,
    subtasks,
    aggregated: { metrics: {}, "status-duration": {} },
  };
}
