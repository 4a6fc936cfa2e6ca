//! Rows as JSON objects, byte for byte as Flink writes them.
//!
//! Source: Flink 1.20's `RowDataToJsonConverters` and Jackson's writing of bytes.

use irmak_common::text::{write_decimal_stripped, write_double, write_float};
use irmak_common::types::Schema;

use super::options::{JsonOptions, MapNullKey};
use crate::format::BASE64;
use crate::format::cells::{CellValues, Cells};
use crate::format::text::{Surrogates, push_integer, push_json_string, push_plain_decimal};
use crate::format::time::{Moment, write_date, write_time, write_timestamp};

/// Writes rows with the columns of a schema.
pub(crate) struct JsonEncoder {
    options: JsonOptions,
    /// `"name":`, ready to be written.
    keys: Vec<String>,
}

impl JsonEncoder {
    pub(crate) fn new(schema: &Schema, options: JsonOptions) -> Self {
        let key = |name: &str| {
            let mut key = String::new();
            push_json_string(&mut key, name, Surrogates::Escaped);
            key.push(':');
            key
        };
        Self { options, keys: schema.fields.iter().map(|field| key(&field.name)).collect() }
    }

    /// Appends one row, without a line break. An error names the column and says why it cannot be written.
    pub(crate) fn encode(&self, columns: &[Cells<'_>], row: usize, out: &mut String) -> Result<(), (usize, String)> {
        out.push('{');
        let mut first = true;
        for (index, (key, cells)) in self.keys.iter().zip(columns).enumerate() {
            if self.options.ignore_null_fields && cells.is_null(row) {
                continue;
            }
            separate(out, &mut first);
            out.push_str(key);
            self.value(cells, row, out).map_err(|reason| (index, reason))?;
        }
        out.push('}');
        Ok(())
    }

    fn value(&self, cells: &Cells<'_>, row: usize, out: &mut String) -> Result<(), String> {
        if cells.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        match &cells.values {
            CellValues::Null => out.push_str("null"),
            CellValues::Boolean(values) => out.push_str(if values.value(row) { "true" } else { "false" }),
            CellValues::Int8(values) => push_integer(out, values[row].into()),
            CellValues::Int16(values) => push_integer(out, values[row].into()),
            CellValues::Int32(values) => push_integer(out, values[row].into()),
            CellValues::Int64(values) => push_integer(out, values[row]),
            CellValues::Float32(values) => quoted_unless(values[row].is_finite(), out, |out| write_float(out, values[row])),
            CellValues::Float64(values) => quoted_unless(values[row].is_finite(), out, |out| write_double(out, values[row])),
            CellValues::Decimal { values, scale } if self.options.plain_decimals => push_plain_decimal(out, values[row], *scale),
            CellValues::Decimal { values, scale } => write_decimal_stripped(out, values[row], *scale),
            CellValues::Date(values) => quoted_unless(false, out, |out| write_date(out, values[row].into())),
            // Whole seconds only, as in Flink.
            CellValues::Time(values) => quoted_unless(false, out, |out| write_time(out, i64::from(values[row] / 1_000) * 1_000_000_000)),
            CellValues::Timestamp { values, unit, zoned } => {
                let moment = Moment::from_unit(values[row], *unit);
                quoted_unless(false, out, |out| write_timestamp(out, moment, self.options.standard, *zoned));
            }
            CellValues::Text(values) => push_json_string(out, values.value(row), Surrogates::Escaped),
            CellValues::Binary(values) => quoted_unless(false, out, |out| base64::Engine::encode_string(&BASE64, values.value(row), out)),
            CellValues::List { list, item } => {
                let (start, end) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
                self.array(item, start..end, out)?;
            }
            CellValues::Map { map, keys, values } => {
                let (start, end) = (map.value_offsets()[row] as usize, map.value_offsets()[row + 1] as usize);
                self.map(keys, values, start..end, out)?;
            }
            CellValues::Row { names, columns } => self.object(names, columns, row, out)?,
        }
        Ok(())
    }

    fn array(&self, item: &Cells<'_>, elements: std::ops::Range<usize>, out: &mut String) -> Result<(), String> {
        out.push('[');
        let mut first = true;
        for at in elements {
            separate(out, &mut first);
            self.value(item, at, out)?;
        }
        out.push(']');
        Ok(())
    }

    fn object(&self, names: &[&str], columns: &[Cells<'_>], row: usize, out: &mut String) -> Result<(), String> {
        out.push('{');
        let mut first = true;
        for (name, column) in names.iter().zip(columns).filter(|(_, column)| !(self.options.ignore_null_fields && column.is_null(row))) {
            separate(out, &mut first);
            push_json_string(out, name, Surrogates::Escaped);
            out.push(':');
            self.value(column, row, out)?;
        }
        out.push('}');
        Ok(())
    }

    fn map(&self, keys: &Cells<'_>, values: &Cells<'_>, entries: std::ops::Range<usize>, out: &mut String) -> Result<(), String> {
        let CellValues::Text(texts) = &keys.values else {
            return Err("JSON has no maps with keys that are no text; use MAP<STRING, ...>".to_owned());
        };
        out.push('{');
        let mut first = true;
        for at in entries {
            let key = match (keys.is_null(at), self.options.map_null_key) {
                (false, _) => texts.value(at),
                (true, MapNullKey::Drop) => continue,
                (true, MapNullKey::Literal) => &self.options.map_null_literal,
                (true, MapNullKey::Fail) => {
                    return Err("JSON has no NULL keys in maps; set 'json.map-null-key.mode' to DROP or LITERAL".to_owned());
                }
            };
            separate(out, &mut first);
            push_json_string(out, key, Surrogates::Escaped);
            out.push(':');
            self.value(values, at, out)?;
        }
        out.push('}');
        Ok(())
    }
}

fn separate(out: &mut String, first: &mut bool) {
    if !std::mem::replace(first, false) {
        out.push(',');
    }
}

fn quoted_unless(bare: bool, out: &mut String, write: impl FnOnce(&mut String)) {
    if bare {
        return write(out);
    }
    out.push('"');
    write(out);
    out.push('"');
}
