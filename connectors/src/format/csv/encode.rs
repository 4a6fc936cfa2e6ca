//! Rows as lines of CSV, byte for byte as Flink writes them: no header, quotes where Jackson puts them.
//!
//! Jackson quotes a text that is longer than 24 UTF-16 units without looking at it, and else where it finds a character up to the
//! larger of delimiter and quote (a space, a comma, a digit if the delimiter is `;`), or a backslash. Numbers and booleans are never quoted,
//! decimals are looked at like texts. Source: Jackson 2.14's `CsvEncoder` as Flink 1.20 sets it up.

use irmak_common::text::{write_decimal_stripped, write_double, write_float};

use super::options::CsvOptions;
use crate::format::BASE64;
use crate::format::cells::{CellValues, Cells};
use crate::format::text::{push_integer, push_plain_decimal};
use crate::format::time::{Moment, Standard, write_date, write_time, write_timestamp};

/// Texts longer than this are quoted unseen, in UTF-16 units.
const QUOTE_CHECK_UNITS_MAX: usize = 24;

/// Writes lines.
pub(crate) struct CsvEncoder {
    options: CsvOptions,
    /// Which bytes make a text be quoted.
    unsafe_bytes: [bool; 256],
    scratch: String,
    /// One a column.
    memos: Vec<Memo>,
}

/// A column's last value and its text: windows begin at the same time for thousands of rows, and rates are few.
#[derive(Clone, Default)]
struct Memo {
    bits: u64,
    text: String,
}

impl CsvEncoder {
    pub(crate) fn new(options: CsvOptions) -> Self {
        let largest = options.delimiter.max(options.quote.unwrap_or(0)).max(b'\n');
        let also = options.escape.unwrap_or(b'\\');
        let unsafe_bytes = std::array::from_fn(|byte| byte <= usize::from(largest) || byte == usize::from(also));
        Self { options, unsafe_bytes, scratch: String::new(), memos: Vec::new() }
    }

    /// Appends one row and its line break. An error names the column and says why it cannot be written.
    pub(crate) fn encode(&mut self, columns: &[Cells<'_>], row: usize, out: &mut String) -> Result<(), (usize, String)> {
        self.memos.resize_with(columns.len(), Memo::default);
        for (index, cells) in columns.iter().enumerate() {
            if index > 0 {
                out.push(char::from(self.options.delimiter));
            }
            match &cells.values {
                CellValues::Float64(values) if !cells.is_null(row) => self.remembered(index, cells, row, values[row].to_bits(), out),
                CellValues::Timestamp { values, .. } if !cells.is_null(row) => self.remembered(index, cells, row, values[row] as u64, out),
                _ => self.cell(cells, row, out),
            }
            .map_err(|reason| (index, reason))?;
        }
        out.push_str(&self.options.row_delimiter);
        Ok(())
    }

    /// A cell whose text is that of the row before, often.
    #[inline]
    fn remembered(&mut self, index: usize, cells: &Cells<'_>, row: usize, bits: u64, out: &mut String) -> Result<(), String> {
        let memo = &self.memos[index];
        if memo.bits == bits && !memo.text.is_empty() {
            out.push_str(&memo.text);
            return Ok(());
        }
        let start = out.len();
        self.cell(cells, row, out)?;
        let memo = &mut self.memos[index];
        memo.bits = bits;
        memo.text.clear();
        memo.text.push_str(&out[start..]);
        Ok(())
    }

    #[inline]
    fn cell(&mut self, cells: &Cells<'_>, row: usize, out: &mut String) -> Result<(), String> {
        if cells.is_null(row) {
            out.push_str(self.options.null_literal.as_deref().unwrap_or_default());
            return Ok(());
        }
        match &cells.values {
            CellValues::Text(values) => self.text(values.value(row), out),
            CellValues::List { .. } | CellValues::Row { .. } | CellValues::Map { .. } => {
                let mut joined = std::mem::take(&mut self.scratch);
                joined.clear();
                let result = self.elements(cells, row, &mut joined);
                self.text(&joined, out);
                self.scratch = joined;
                return result;
            }
            CellValues::Boolean(_)
            | CellValues::Int8(_)
            | CellValues::Int16(_)
            | CellValues::Int32(_)
            | CellValues::Int64(_)
            | CellValues::Float32(_)
            | CellValues::Float64(_) => self.plain(cells, row, out)?,
            _ => {
                let mut text = std::mem::take(&mut self.scratch);
                text.clear();
                let result = self.plain(cells, row, &mut text);
                self.text(&text, out);
                self.scratch = text;
                return result;
            }
        }
        Ok(())
    }

    /// A value's text, not quoted.
    fn plain(&self, cells: &Cells<'_>, row: usize, out: &mut String) -> Result<(), String> {
        match &cells.values {
            CellValues::Null => {}
            CellValues::Boolean(values) => out.push_str(if values.value(row) { "true" } else { "false" }),
            CellValues::Int8(values) => push_integer(out, values[row].into()),
            CellValues::Int16(values) => push_integer(out, values[row].into()),
            CellValues::Int32(values) => push_integer(out, values[row].into()),
            CellValues::Int64(values) => push_integer(out, values[row]),
            CellValues::Float32(values) => write_float(out, values[row]),
            CellValues::Float64(values) => write_double(out, values[row]),
            CellValues::Decimal { values, scale } if self.options.scientific_decimals => write_decimal_stripped(out, values[row], *scale),
            CellValues::Decimal { values, scale } => push_plain_decimal(out, values[row], *scale),
            CellValues::Date(values) => write_date(out, values[row].into()),
            CellValues::Time(values) => write_time(out, i64::from(values[row]) * 1_000_000),
            CellValues::Timestamp { values, unit, zoned } => {
                write_timestamp(out, Moment::from_unit(values[row], *unit), Standard::Sql, *zoned);
            }
            CellValues::Text(values) => out.push_str(values.value(row)),
            CellValues::Binary(values) => base64::Engine::encode_string(&BASE64, values.value(row), out),
            CellValues::List { .. } | CellValues::Row { .. } => {
                return Err("CSV has no arrays and rows inside of arrays and rows".to_owned());
            }
            CellValues::Map { .. } => return Err("CSV has no maps; write the entries as columns of their own, or use json".to_owned()),
        }
        Ok(())
    }

    /// The elements of an array or fields of a row, joined.
    fn elements(&self, cells: &Cells<'_>, row: usize, out: &mut String) -> Result<(), String> {
        let mut first = true;
        let mut element = |cells: &Cells<'_>, at: usize| {
            if !std::mem::replace(&mut first, false) {
                out.push_str(&self.options.array_delimiter);
            }
            if cells.is_null(at) {
                out.push_str(self.options.null_literal.as_deref().unwrap_or_default());
                return Ok(());
            }
            self.plain(cells, at, out)
        };
        match &cells.values {
            CellValues::List { list, item } => {
                let (start, end) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
                (start..end).try_for_each(|at| element(item, at))
            }
            CellValues::Row { columns, .. } => columns.iter().try_for_each(|column| element(column, row)),
            _ => self.plain(cells, row, out),
        }
    }

    /// A text, quoted where Jackson would.
    #[inline]
    fn text(&self, text: &str, out: &mut String) {
        let Some(quote) = self.options.quote.filter(|_| self.needs_quotes(text)) else {
            out.push_str(text);
            return;
        };
        let escape = self.options.escape.unwrap_or(quote);
        out.push(char::from(quote));
        let mut from = 0;
        // Both are doubled: Jackson puts the escape character before nothing but itself.
        for at in memchr::memchr2_iter(quote, escape, text.as_bytes()) {
            out.push_str(&text[from..=at]);
            from = at;
        }
        out.push_str(&text[from..]);
        out.push(char::from(quote));
    }

    #[inline]
    fn needs_quotes(&self, text: &str) -> bool {
        let found = text.bytes().any(|byte| self.unsafe_bytes[usize::from(byte)]);
        // Fewer bytes than that cannot be more units.
        found || (text.len() > QUOTE_CHECK_UNITS_MAX && text.encode_utf16().nth(QUOTE_CHECK_UNITS_MAX).is_some())
    }
}
