//! Cuts a batch into runs of rows of one slice. Most batches are nearly in order and have few runs; one that is not is sorted.

use arrow::record_batch::RecordBatch;
use irmak_common::operator_spec::WindowStyle;
use irmak_common::time::Millis;

use super::Slice;
use super::assign::Assigner;
use crate::error::EngineError;
use crate::watermark::millis;
use crate::zone::LocalTime;

/// More runs than this in one batch are sorted, so that the work per run does not become work per row.
const RUNS_MAX: usize = 64;

/// Times further from the epoch (some 36 million years) count as this far, so that window arithmetic never overflows.
pub(crate) const TIME_MAX: Millis = 1 << 60;

/// Where a row's time comes from.
#[derive(Clone, Debug)]
pub(crate) enum TimeColumn {
    /// A column: its position and name.
    Rowtime(usize, String),
    /// The clock.
    Processing,
}

/// Cuts batches; holds the cut of the last one.
#[derive(Debug)]
pub(crate) struct Slicer {
    assigner: Assigner,
    time: TimeColumn,
    style: WindowStyle,
    /// Row numbers, run by run.
    rows: Vec<u32>,
    /// A slice and how many rows it has; the same slice may come again.
    runs: Vec<(Slice, usize)>,
    sorted: Vec<u32>,
}

impl Slicer {
    pub(crate) fn new(assigner: Assigner, time: TimeColumn, style: WindowStyle) -> Self {
        Self { assigner, time, style, rows: Vec::new(), runs: Vec::new(), sorted: Vec::new() }
    }

    /// Cuts a batch. Rows without a time are left out where Flink leaves them out.
    ///
    /// # Errors
    /// [`EngineError::Null`] for a NULL rowtime under a window table function.
    pub(crate) fn cut(&mut self, batch: &RecordBatch, now: Millis, zone: &mut LocalTime) -> Result<(), EngineError> {
        self.rows.clear();
        self.runs.clear();
        match (self.assigner, &self.time) {
            (Assigner::Attached { start, end }, _) => self.cut_attached(batch, start, end)?,
            (_, TimeColumn::Processing) => {
                self.rows.extend(0..batch.num_rows() as u32);
                self.runs.push((self.assigner.slice(zone.local(now)), batch.num_rows()));
            }
            (_, TimeColumn::Rowtime(column, name)) => {
                let (times, nulls) = millis(*column, batch.columns().get(*column))?;
                if let Some(nulls) = &nulls
                    && self.style == WindowStyle::TableFunction
                {
                    let row = (0..nulls.len()).find(|row| nulls.is_null(*row)).unwrap_or_default();
                    return Err(EngineError::Null { column: name.clone(), row });
                }
                let valid = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                // Nothing lies in an empty slice, so the first row begins a run.
                let mut slice = Slice { start: 0, end: 0 };
                for (row, &time) in times.iter().enumerate() {
                    if !valid(row) {
                        continue;
                    }
                    let time = zone.local(time).clamp(-TIME_MAX, TIME_MAX);
                    if !(slice.start <= time && time < slice.end) {
                        slice = self.assigner.slice(time);
                        self.runs.push((slice, 0));
                    }
                    self.rows.push(row as u32);
                    if let Some((_, rows)) = self.runs.last_mut() {
                        *rows += 1;
                    }
                }
            }
        }
        if self.runs.len() > RUNS_MAX {
            self.sort();
        }
        Ok(())
    }

    /// The runs of the last batch: a slice, and its rows in order of arrival.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (Slice, &[u32])> {
        let mut rest = self.rows.as_slice();
        self.runs.iter().map(move |&(slice, rows)| {
            let (run, behind) = rest.split_at(rows);
            rest = behind;
            (slice, run)
        })
    }

    fn cut_attached(&mut self, batch: &RecordBatch, start: usize, end: usize) -> Result<(), EngineError> {
        let (starts, no_start) = millis(start, batch.columns().get(start))?;
        let (ends, no_end) = millis(end, batch.columns().get(end))?;
        let valid = |row| [&no_start, &no_end].iter().all(|nulls| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
        for (row, (&start, &end)) in starts.iter().zip(ends.iter()).enumerate() {
            if !valid(row) {
                continue;
            }
            let slice = Slice { start: start.clamp(-TIME_MAX, TIME_MAX), end: end.clamp(-TIME_MAX, TIME_MAX) };
            match self.runs.last_mut() {
                Some((last, rows)) if *last == slice => *rows += 1,
                _ => self.runs.push((slice, 1)),
            }
            self.rows.push(row as u32);
        }
        Ok(())
    }

    /// Brings runs of one slice together; rows of a slice stay in order.
    fn sort(&mut self) {
        let mut from = 0;
        let mut order: Vec<(Slice, usize, usize)> = Vec::with_capacity(self.runs.len());
        for &(slice, rows) in &self.runs {
            order.push((slice, from, rows));
            from += rows;
        }
        order.sort_by_key(|&(slice, from, _)| (slice.end, slice.start, from));
        self.sorted.clear();
        self.runs.clear();
        for (slice, from, rows) in order {
            self.sorted.extend_from_slice(&self.rows[from..from + rows]);
            match self.runs.last_mut() {
                Some((last, sum)) if *last == slice => *sum += rows,
                _ => self.runs.push((slice, rows)),
            }
        }
        std::mem::swap(&mut self.rows, &mut self.sorted);
    }
}
