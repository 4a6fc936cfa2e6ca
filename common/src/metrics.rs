//! What a running subtask says of itself with each heartbeat: counters since its start, gauges of now.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// One subtask's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskMetrics {
    /// Rows that came in over the network or from the source.
    pub records_in: u64,
    /// Rows that left to other tasks.
    pub records_out: u64,
    /// Bytes in.
    pub bytes_in: u64,
    /// Bytes out.
    pub bytes_out: u64,
    /// Milliseconds spent computing, since the start.
    pub busy_ms: u64,
    /// Milliseconds spent waiting for room downstream, since the start.
    pub backpressured_ms: u64,
    /// Milliseconds spent waiting for input, since the start.
    pub idle_ms: u64,
    /// The combined input watermark (for a source: the emitted one); `None` before the first.
    pub watermark: Option<Millis>,
    /// Rows dropped because they came behind the watermark.
    pub late_records: u64,
    /// Records that could not be read and were left out, as the table's options allow.
    pub skipped_records: u64,
    /// Rows behind the source's position, as far as the source knows.
    pub pending_records: Option<u64>,
    /// A sentence for a person, when something stands still: the broker is away, a partition holds event time back.
    pub message: Option<String>,
    /// Figures by operator, for REST's metric names: (operator number in the plan, name, value).
    pub operators: Vec<(u32, String, f64)>,
}

/// Flink's name of the rows that a sink has written.
pub const RECORDS_SENT: &str = "numRecordsSend";

impl TaskMetrics {
    /// Rows that the task's sinks have written, whether or not anybody can see them yet.
    pub fn records_sent(&self) -> u64 {
        self.operators.iter().filter(|(_, name, _)| name == RECORDS_SENT).map(|(_, _, value)| *value as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sinks_write_is_not_what_goes_to_other_tasks() {
        let figure = |operator: u32, name: &str, value: f64| (operator, name.to_owned(), value);
        let operators = vec![figure(1, "numRecordsOut", 9.0), figure(2, RECORDS_SENT, 3.0), figure(3, RECORDS_SENT, 4.0)];
        assert_eq!(TaskMetrics { records_out: 9, operators, ..TaskMetrics::default() }.records_sent(), 7);
        assert_eq!(TaskMetrics::default().records_sent(), 0);
    }
}
