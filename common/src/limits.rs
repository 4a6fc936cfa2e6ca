//! Bounds. Every queue, batch, frame, body and nesting has one, here, with its reason.

/// Rows in a batch: large enough that per-batch work disappears, small enough that its columns stay in the second-level cache.
pub const BATCH_ROWS_MAX: usize = 8_192;

/// Bytes of raw input in a batch: a batch of large records closes early.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// Milliseconds that a batch waits to fill while its input has nothing more.
pub const LATENCY_BUDGET_MS: u64 = 5;

/// Elements that a channel between two tasks of one process holds: enough to keep both busy, few enough that barriers are quick.
pub const CHANNEL_ELEMENTS_MAX: usize = 8;

/// Bytes of one message between processes: a batch at its byte bound, encoded, with room to spare.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// Bytes of a REST request's body or a submitted script: a script is written by a person.
pub const SCRIPT_BYTES_MAX: usize = 4 << 20;

/// Bytes of one record of a source. Larger ones are refused as bad records, with their position.
pub const RECORD_BYTES_MAX: usize = 32 << 20;

/// Nesting of parentheses, subqueries, CASE and the like in a script: the planner recurses that deep.
pub const SQL_DEPTH_MAX: usize = 100;

/// Columns of one table.
pub const COLUMNS_MAX: usize = 2_000;

/// Nesting of a JSON record. Jackson has 1000; a debug build's decoder uses 1.6 KiB a level, so this is half of a thread's stack.
pub const JSON_DEPTH_MAX: usize = 500;

/// Bytes of state that travel inside an acknowledgement instead of a file of their own. Flink's `state.storage.fs.memory-threshold`.
pub const INLINE_STATE_BYTES_MAX: usize = 20 << 10;

/// Finished jobs that the JobManager remembers. Flink's `jobstore.max-capacity` is unbounded; ours is not.
pub const FINISHED_JOBS_MAX: usize = 200;

/// Checkpoints that a job's history shows. Flink's `web.checkpoints.history`.
pub const CHECKPOINT_HISTORY_MAX: usize = 10;

/// Exceptions that a job's history shows. Flink's `web.exception-history-size`.
pub const EXCEPTION_HISTORY_MAX: usize = 16;

/// Rows of a collect sink that wait for the client before the job is slowed down.
pub const COLLECT_ROWS_MAX: usize = 65_536;

/// Bytes that one subtask of an operator of batch mode keeps: sorts and groupings hold all of their input. Flink spills to disk above
/// its managed memory; we refuse, in words, above this.
pub const BATCH_MODE_BYTES_MAX: usize = 4 << 30;

/// Refused scripts that the page shows: the last few that people are still puzzled about.
pub const REFUSED_SCRIPTS_MAX: usize = 10;

/// Bytes of a refused script's error on the page; a snippet is one line, which may be as long as the script.
pub const REFUSED_SCRIPT_BYTES_MAX: usize = 16 << 10;
