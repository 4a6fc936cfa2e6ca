//! One outgoing edge of a task: rows are divided among the consumers, small parts are gathered, marks go to everyone.
//!
//! A part smaller than half a batch waits for more until the latency budget is spent or a mark comes: marks speak of the rows before
//! them, so nothing may stay behind one. Parts that are gathered have the same columns.

use std::time::{Duration, Instant};

use arrow::record_batch::RecordBatch;
use irmak_common::element::Element;
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, LATENCY_BUDGET_MS};

use super::control::Control;
use crate::error::TaskError;
use crate::shuffle::partition::{Partitioner, batch_bytes, concat};
use crate::shuffle::send::Output;

/// Rows that are worth a batch of their own.
const ENOUGH_ROWS: usize = BATCH_ROWS_MAX / 2;

#[derive(Default)]
struct Gathered {
    parts: Vec<RecordBatch>,
    rows: usize,
    bytes: u64,
}

/// See the module's page.
pub struct Gate {
    partitioner: Partitioner,
    outputs: Vec<Output>,
    gathered: Vec<Gathered>,
    /// When the oldest gathered part must go.
    deadline: Option<Instant>,
    parts: Vec<(usize, RecordBatch)>,
}

impl Gate {
    /// Over open channels, in the order of their consumers.
    pub fn new(partitioner: Partitioner, outputs: Vec<Output>) -> Self {
        let gathered = outputs.iter().map(|_| Gathered::default()).collect();
        Self { partitioner, outputs, gathered, deadline: None, parts: Vec::new() }
    }

    /// Sends an element; a batch may wait for more.
    pub fn send(&mut self, control: &Control, element: Element) -> Result<(), TaskError> {
        match element {
            Element::Batch(batch) => self.on_batch(control, batch),
            mark => {
                self.flush(control)?;
                self.outputs.iter_mut().try_for_each(|output| output.send(control, mark.clone()).map(drop))
            }
        }
    }

    fn on_batch(&mut self, control: &Control, batch: RecordBatch) -> Result<(), TaskError> {
        let mut parts = std::mem::take(&mut self.parts);
        let divided = self.partitioner.divide(batch, self.outputs.len(), &mut parts);
        divided.map_err(|reason| self.divided_wrong(reason))?;
        for (consumer, part) in parts.drain(..) {
            self.gather(control, consumer, part)?;
        }
        self.parts = parts;
        Ok(())
    }

    fn gather(&mut self, control: &Control, consumer: usize, part: RecordBatch) -> Result<(), TaskError> {
        // Behind a union, rows that only insert meet rows with a kind: one batch holds one sort.
        let other = |last: &RecordBatch| last.num_columns() != part.num_columns();
        if self.gathered.get(consumer).and_then(|gathered| gathered.parts.last()).is_some_and(other) {
            self.release(control, consumer)?;
        }
        let Some(gathered) = self.gathered.get_mut(consumer) else { return Ok(()) };
        gathered.rows += part.num_rows();
        gathered.bytes += batch_bytes(&part);
        gathered.parts.push(part);
        if gathered.rows >= ENOUGH_ROWS || gathered.bytes >= BATCH_BYTES_MAX as u64 {
            return self.release(control, consumer);
        }
        self.deadline.get_or_insert_with(|| Instant::now() + Duration::from_millis(LATENCY_BUDGET_MS));
        Ok(())
    }

    fn release(&mut self, control: &Control, consumer: usize) -> Result<(), TaskError> {
        let Some(gathered) = self.gathered.get_mut(consumer) else { return Ok(()) };
        let gathered = std::mem::take(gathered);
        let batch = concat(gathered.parts).map_err(|reason| self.divided_wrong(reason))?;
        if let (Some(batch), Some(output)) = (batch, self.outputs.get_mut(consumer)) {
            let rows = batch.num_rows();
            let bytes = output.send(control, Element::Batch(batch))?;
            control.gauges.count_out(rows, bytes);
        }
        Ok(())
    }

    fn divided_wrong(&self, reason: String) -> TaskError {
        TaskError::Partition { consumers: self.outputs.len(), reason }
    }

    /// Sends what was gathered.
    pub fn flush(&mut self, control: &Control) -> Result<(), TaskError> {
        self.deadline = None;
        (0..self.outputs.len()).try_for_each(|consumer| self.release(control, consumer))
    }

    /// When [`Gate::flush`] is due, if anything waits.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}
