//! The end of a script's closing SELECT: rows go to the JobManager, and from there to whoever submitted the script.
//!
//! Values travel as the text that Flink's client prints, in columns of strings: whoever shows them needs to know no type. No more than
//! `limits::COLLECT_ROWS_MAX` rows are under way beyond those the client has consumed.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use irmak_common::element::Element;
use irmak_common::types::Schema;
use irmak_functions::cell_text;
use irmak_proto::v1;

use super::control::Control;
use super::report::Reporter;
use crate::error::TaskError;

/// Rows of one message at most: the terminal shows them as they come.
const MESSAGE_ROWS_MAX: usize = 1_024;
/// Bytes of one message, where it has more than one row: below what any transport refuses.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// See the module's page.
pub struct Collect {
    /// Rows sent since the attempt's start.
    sent: u64,
    columns: Schema,
    zone: String,
}

impl Collect {
    /// For rows of these columns, instants shown in this zone.
    pub fn new(columns: Schema, zone: String) -> Self {
        Self { sent: 0, columns, zone }
    }

    /// Takes an element from the chain.
    pub fn on_element(&mut self, control: &Control, reporter: &Reporter, element: Element) -> Result<(), TaskError> {
        match element {
            Element::Batch(batch) => {
                let printed = print(&batch, &self.columns, &self.zone);
                self.rows(control, reporter, &printed.map_err(|error| TaskError::Channel(format!("a result cannot be printed: {error}")))?)
            }
            Element::EndOfInput => self.message(control, reporter, Vec::new(), 0, true),
            _ => Ok(()),
        }
    }

    fn rows(&mut self, control: &Control, reporter: &Reporter, batch: &RecordBatch) -> Result<(), TaskError> {
        let mut at = 0;
        while at < batch.num_rows() {
            let mut rows = control.collect_credit(self.sent)?.min(batch.num_rows() - at).min(MESSAGE_ROWS_MAX);
            let mut bytes = encode(&batch.slice(at, rows))?;
            while bytes.len() > MESSAGE_BYTES_MAX && rows > 1 {
                rows /= 2;
                bytes = encode(&batch.slice(at, rows))?;
            }
            control.gauges.count_out(rows, bytes.len() as u64);
            self.message(control, reporter, bytes, rows, false)?;
            at += rows;
        }
        Ok(())
    }

    fn message(&mut self, control: &Control, reporter: &Reporter, bytes: Vec<u8>, rows: usize, end: bool) -> Result<(), TaskError> {
        let attempt = Some(control.attempt.into());
        let message = v1::CollectedRows { attempt, offset: self.sent, rows: rows as u32, arrow_ipc: bytes, end };
        self.sent += rows as u64;
        control.wait(reporter.rows(message)).map(drop)
    }
}

/// The batch with each value as text; a row kind column behind the columns stays as it is.
fn print(batch: &RecordBatch, columns: &Schema, zone: &str) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (at, column) in batch.columns().iter().enumerate() {
        match columns.fields.get(at) {
            Some(field) => {
                let texts = (0..column.len()).map(|row| cell_text(column.as_ref(), row, &field.ty, zone));
                fields.push(Field::new(&field.name, DataType::Utf8, true));
                arrays.push(Arc::new(texts.collect::<StringArray>()));
            }
            None => {
                fields.push(batch.schema_ref().field(at).clone());
                arrays.push(Arc::clone(column));
            }
        }
    }
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays)
}

fn encode(batch: &RecordBatch) -> Result<Vec<u8>, TaskError> {
    let encoded = || {
        let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
        writer.write(batch)?;
        writer.finish()?;
        writer.into_inner()
    };
    encoded().map_err(|error: ArrowError| TaskError::Channel(format!("a result cannot be encoded: {error}")))
}
