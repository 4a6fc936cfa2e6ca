//! How rows look on the terminal. Values arrive as text already: the collect sink prints them.

pub(crate) mod jsonl;
pub(crate) mod result_table;
pub(crate) mod table;

use std::io;

use arrow::array::{Array, AsArray, UInt8Array};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use irmak_common::element::{ROW_KIND_COLUMN, RowKind};
use irmak_common::types::Schema;

use crate::args::OutputFormat;

/// Shows rows as they come.
pub(crate) trait Printer {
    /// Rows with the schema's columns, and perhaps their row kinds.
    fn rows(&mut self, batch: &RecordBatch) -> io::Result<()>;
    /// What was printed is seen now.
    fn flush(&mut self) -> io::Result<()>;
    /// No rows follow.
    fn finish(&mut self) -> io::Result<()>;
}

/// A printer on standard output, the columns already shown.
pub(crate) fn printer(format: OutputFormat, schema: &Schema) -> io::Result<Box<dyn Printer>> {
    let out = io::BufWriter::new(io::stdout());
    Ok(match format {
        OutputFormat::Table => Box::new(table::Table::begin(out, schema)?),
        OutputFormat::Jsonl => Box::new(jsonl::Jsonl::begin(out, schema)?),
    })
}

/// The row kind of each row; all inserts where the batch does not say.
fn kinds(batch: &RecordBatch) -> impl Fn(usize) -> RowKind + '_ {
    let column = batch.column_by_name(ROW_KIND_COLUMN).and_then(|column| column.as_any().downcast_ref::<UInt8Array>());
    move |row| {
        column.filter(|column| row < column.len()).and_then(|column| RowKind::from_byte(column.value(row))).unwrap_or(RowKind::Insert)
    }
}

/// The text of a cell, `None` for NULL.
fn text_of(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    match column.as_string_opt::<i32>() {
        Some(texts) => Some(texts.value(row).to_owned()),
        None => array_value_to_string(column, row).ok(),
    }
}
