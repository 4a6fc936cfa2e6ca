//! A window table function on its own: each row, once for every window that it falls into, with the window's columns. Nothing is
//! late, and nothing is kept. A row without a time falls into no window. Rows keep their kinds.

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMillisecondArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::Element;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::{WindowKind, WindowSpec};
use irmak_common::time::Millis;
use irmak_common::types::{Schema, TypeKind};

use super::Slice;
use super::aggregate::time_column;
use super::assign::Assigner;
use super::slicer::{TIME_MAX, TimeColumn};
use crate::changelog::{self, RowKinds};
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};
use crate::watermark::millis;
use crate::zone::LocalTime;

pub(crate) struct WindowAssign {
    assigner: Assigner,
    time: TimeColumn,
    zone: LocalTime,
    /// `window_time` is an instant.
    instant: bool,
    schema: SchemaRef,
    /// The same with the rows' kinds.
    changelog: SchemaRef,
    rows: Vec<u32>,
    windows: Vec<Slice>,
}

impl WindowAssign {
    pub(crate) fn new(window: &WindowSpec, input: &Schema, output: &Schema) -> Result<Self, EngineError> {
        if let WindowKind::Session { .. } | WindowKind::Attached { .. } = window.kind {
            return Err(EngineError::Unsupported {
                what: "SESSION without an aggregation".into(),
                instead: "GROUP BY its window_start and window_end, or use TUMBLE, HOP or CUMULATE".into(),
            });
        }
        Ok(Self {
            assigner: Assigner::new(&window.kind)?,
            time: time_column(window, input)?,
            zone: LocalTime::new(window.zone.as_deref())?,
            instant: output.fields.last().is_some_and(|field| matches!(field.ty.kind, TypeKind::TimestampLtz { .. })),
            schema: output.to_arrow(),
            changelog: changelog::with_kind(output),
            rows: Vec::new(),
            windows: Vec::new(),
        })
    }

    fn assign(&mut self, batch: &RecordBatch, now: Millis) -> Result<(), EngineError> {
        self.rows.clear();
        self.windows.clear();
        let times = match &self.time {
            TimeColumn::Rowtime(column, _) => Some(millis(*column, batch.columns().get(*column))?),
            TimeColumn::Processing => None,
        };
        for row in 0..batch.num_rows() {
            let time = match &times {
                Some((_, Some(nulls))) if nulls.is_null(row) => continue,
                Some((times, _)) => times[row],
                None => now,
            };
            self.assigner.windows(self.zone.local(time).clamp(-TIME_MAX, TIME_MAX), &mut self.windows);
            self.rows.resize(self.windows.len(), row as u32);
        }
        Ok(())
    }

    fn emit(&self, batch: &RecordBatch, rows: &[u32], windows: &[Slice]) -> Result<RecordBatch, EngineError> {
        let failed = EngineError::arrow("putting rows into windows");
        let each_row_once = rows.len() == batch.num_rows() && rows.iter().enumerate().all(|(at, &row)| row as usize == at);
        let changelog = RowKinds::are_in(batch);
        let mut columns: Vec<ArrayRef> = if each_row_once {
            batch.columns().to_vec()
        } else {
            let rows = UInt32Array::from(rows.to_vec());
            batch.columns().iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>().map_err(&failed)?
        };
        // The rows' kinds stand behind everything.
        let kinds = if changelog { columns.pop() } else { None };
        let instant = |end: Millis| if self.instant { self.zone.to_epoch(end - 1) } else { end - 1 };
        columns.push(Arc::new(TimestampMillisecondArray::from_iter_values(windows.iter().map(|window| window.start))));
        columns.push(Arc::new(TimestampMillisecondArray::from_iter_values(windows.iter().map(|window| window.end))));
        columns.push(Arc::new(TimestampMillisecondArray::from_iter_values(windows.iter().map(|window| instant(window.end)))));
        let schema = if changelog { &self.changelog } else { &self.schema };
        columns.extend(kinds);
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(failed)
    }
}

impl Operator for WindowAssign {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.assign(&batch, context.now)?;
        for (rows, windows) in self.rows.chunks(BATCH_ROWS_MAX).zip(self.windows.chunks(BATCH_ROWS_MAX)) {
            out.push(Element::Batch(self.emit(&batch, rows, windows)?));
        }
        Ok(())
    }
}
