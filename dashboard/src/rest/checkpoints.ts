// `/jobs/:id/checkpoints` and its `/config`: what is safe on disk, since when, and how it went.
import { fields, list, number, numberOrNull, text, textOrNull, timeOrNull } from "./fields";

export interface Checkpoint {
  id: number;
  status: string;
  isSavepoint: boolean;
  triggeredAt: number | null;
  endedAt: number | null;
  durationMs: number | null;
  stateBytes: number | null;
  acknowledged: number;
  subtasks: number;
  path: string | null;
  discarded: boolean;
  failure: string | null;
}

export interface Checkpoints {
  completed: number;
  failed: number;
  inProgress: number;
  restored: number;
  total: number;
  latest: Checkpoint | null;
  latestFailed: Checkpoint | null;
  restoredFrom: { id: number; at: number | null; isSavepoint: boolean; path: string | null } | null;
  /** Newest first. */
  history: Checkpoint[];
}

export interface CheckpointSettings {
  mode: string;
  /** Null when checkpoints are off. */
  intervalMs: number | null;
  timeoutMs: number | null;
  minPauseMs: number | null;
  maxConcurrent: number | null;
  tolerableFailures: number | null;
  unaligned: boolean;
  storage: string | null;
  stateBackend: string | null;
}

/** Flink writes "never" as the largest long. */
const NEVER = 2 ** 62;

export function readCheckpoints(answer: unknown): Checkpoints {
  const it = fields(answer);
  const counts = fields(it["counts"]);
  const latest = fields(it["latest"]);
  return {
    completed: number(counts["completed"]),
    failed: number(counts["failed"]),
    inProgress: number(counts["in_progress"]),
    restored: number(counts["restored"]),
    total: number(counts["total"]),
    latest: readCheckpoint(latest["completed"]),
    latestFailed: readCheckpoint(latest["failed"]),
    restoredFrom: readRestored(latest["restored"]),
    history: list(it["history"])
      .map(readCheckpoint)
      .filter((checkpoint) => checkpoint !== null)
      .sort((a, b) => b.id - a.id),
  };
}

function readCheckpoint(answer: unknown): Checkpoint | null {
  const it = fields(answer);
  const id = numberOrNull(it["id"]);
  if (id === null) return null;
  const status = text(it["status"], "UNKNOWN");
  const acknowledgedAt = timeOrNull(it["latest_ack_timestamp"]);
  return {
    id,
    status,
    isSavepoint: it["is_savepoint"] === true,
    triggeredAt: timeOrNull(it["trigger_timestamp"]),
    endedAt: timeOrNull(it["failure_timestamp"]) ?? acknowledgedAt,
    durationMs: numberOrNull(it["end_to_end_duration"]),
    stateBytes: numberOrNull(it["state_size"]) ?? numberOrNull(it["checkpointed_size"]),
    acknowledged: number(it["num_acknowledged_subtasks"]),
    subtasks: number(it["num_subtasks"]),
    path: textOrNull(it["external_path"]),
    discarded: it["discarded"] === true,
    failure: textOrNull(it["failure_message"]),
  };
}

function readRestored(answer: unknown): Checkpoints["restoredFrom"] {
  const it = fields(answer);
  const id = numberOrNull(it["id"]);
  if (id === null) return null;
  const at = timeOrNull(it["restore_timestamp"]);
  return { id, at, isSavepoint: it["is_savepoint"] === true, path: textOrNull(it["external_path"]) };
}

export function readCheckpointSettings(answer: unknown): CheckpointSettings {
  const it = fields(answer);
  const interval = numberOrNull(it["interval"]);
  return {
    mode: text(it["mode"], "exactly_once"),
    intervalMs: interval !== null && interval > 0 && interval < NEVER ? interval : null,
    timeoutMs: numberOrNull(it["timeout"]),
    minPauseMs: numberOrNull(it["min_pause"]),
    maxConcurrent: numberOrNull(it["max_concurrent"]),
    tolerableFailures: numberOrNull(it["tolerable_failed_checkpoints"]),
    unaligned: it["unaligned_checkpoints"] === true,
    storage: textOrNull(it["checkpoint_storage"]),
    stateBackend: textOrNull(it["state_backend"]),
  };
}
