//! JSON records into columns, with Flink's rules of what becomes what.
//!
//! The hot path of every Kafka job: bytes go from the record straight into Arrow's buffers, nothing is allocated per row, keys are
//! looked for where they stood in the record before. A record that is bad leaves no trace in the columns.
//!
//! Source: Flink 1.20's `JsonParserToRowDataConverters`. Where Flink loses its place in the record behind a value of the wrong kind
//! (an object for an INT, with ignore-parse-errors), this decoder steps over the value instead.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use irmak_common::types::{Schema, TypeKind};

use super::cursor::{Cursor, Syntax, unescape};
use super::fault::Fault;
use super::options::JsonOptions;
use super::values::read_nullable;
use crate::error::{RecordError, shorten};
use crate::format::column::Column;
use crate::format::{Decoded, FormatError};

/// Keys of a record whose places are remembered; those behind are looked up by name.
const LAYOUT_KEYS_MAX: usize = 64;

/// Decodes records into the columns of a schema.
pub(crate) struct JsonDecoder {
    options: JsonOptions,
    names: Vec<String>,
    kinds: Vec<String>,
    columns: Vec<Column>,
    by_name: HashMap<Vec<u8>, usize>,
    layout: Vec<(Vec<u8>, Option<usize>)>,
    rows: usize,
}

impl JsonDecoder {
    /// A decoder for records with these fields; others are stepped over.
    pub(crate) fn new(schema: &Schema, options: JsonOptions) -> Self {
        let options = JsonOptions { exact: schema.fields.iter().any(|field| holds_decimals(&field.ty.kind)), ..options };
        let names: Vec<String> = schema.fields.iter().map(|field| field.name.clone()).collect();
        Self {
            options,
            by_name: names.iter().enumerate().map(|(index, name)| (name.clone().into_bytes(), index)).collect(),
            kinds: schema.fields.iter().map(|field| field.ty.kind.to_string()).collect(),
            columns: schema.fields.iter().map(|field| Column::new(&field.ty.kind)).collect(),
            layout: Vec::new(),
            names,
            rows: 0,
        }
    }

    /// Rows decoded and not yet taken.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows decoded since the last call, as arrays.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        self.rows = 0;
        self.columns.iter_mut().map(|column| column.finish().map_err(FormatError::from)).collect()
    }

    /// The columns as they are, for a format that looks into the record that it just read.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The row that was appended last is none after all.
    pub(crate) fn forget_last(&mut self) {
        self.rows = self.rows.saturating_sub(1);
        self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
    }

    /// Appends the record's row.
    ///
    /// # Errors
    /// A record that is no JSON or does not fit the columns; nothing is appended then.
    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, RecordError> {
        let body = record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record);
        if body.is_empty() {
            return Ok(Decoded::Empty);
        }
        match self.row(body) {
            Ok(()) => {
                self.rows += 1;
                Ok(Decoded::Row)
            }
            Err(fault) => {
                self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
                if self.options.ignore_parse_errors { Ok(Decoded::Skipped) } else { Err(self.explain(body, fault)) }
            }
        }
    }

    /// One row: what the object has of the columns, NULL for the others.
    #[inline]
    fn row(&mut self, body: &[u8]) -> Result<(), Fault> {
        self.object(body)?;
        for column in &mut self.columns {
            if column.len() == self.rows {
                column.push_null();
            }
        }
        // NULL in a column that is NOT NULL is found in front of the sink, as in Flink.
        Ok(())
    }

    /// One object; reading stops once as many known keys were seen as there are columns, as in Flink.
    fn object(&mut self, body: &[u8]) -> Result<(), Fault> {
        let mut cursor = Cursor::new(body);
        cursor.skip_space();
        if !cursor.take(b'{') {
            return Ok(cursor.wrong("a JSON object is expected")?);
        }
        let (mut seen, mut position) = (0, 0);
        cursor.members(b'}', 0, |cursor| {
            let column = self.key(cursor, position)?;
            position += 1;
            cursor.colon()?;
            match column {
                Some(index) if seen < self.columns.len() || self.options.tree => {
                    seen += 1;
                    let column = &mut self.columns[index];
                    // A key that comes twice: the later one counts.
                    if column.len() > self.rows {
                        column.truncate(self.rows);
                    }
                    read_nullable(cursor, column, &self.options, 1).map_err(|fault| fault.inside(&self.names[index]))
                }
                _ => Ok(cursor.skip_value(1)?),
            }
        })?;
        if seen < self.columns.len() && self.options.fail_on_missing_field {
            let missing = (0..self.columns.len()).find(|index| self.columns[*index].len() == self.rows);
            let name = missing.map_or("", |index| self.names[index].as_str());
            return Err(Fault::value(0, "the field is missing, and 'json.fail-on-missing-field' is true").inside(name));
        }
        Ok(())
    }

    /// Takes a key and says which column it is: first by what stood here in the record before.
    #[inline]
    fn key(&mut self, cursor: &mut Cursor<'_>, position: usize) -> Result<Option<usize>, Syntax> {
        if let Some((key, column)) = self.layout.get(position) {
            let end = cursor.at + 1 + key.len();
            let same = cursor.bytes.get(cursor.at + 1..end) == Some(key.as_slice());
            if same && cursor.peek() == Some(b'"') && cursor.bytes.get(end) == Some(&b'"') {
                cursor.at = end + 1;
                return Ok(*column);
            }
        }
        let raw = cursor.string()?;
        if raw.escaped {
            let mut key = Vec::new();
            unescape(raw, &mut key).map_err(|reason| Syntax { at: cursor.at, reason })?;
            return Ok(self.by_name.get(&key).copied());
        }
        let column = self.by_name.get(raw.bytes).copied();
        let (place, known) = ((raw.bytes.to_vec(), column), self.layout.len());
        if position < known {
            self.layout[position] = place;
        } else if position == known && position < LAYOUT_KEYS_MAX {
            self.layout.push(place);
        }
        Ok(column)
    }

    #[cold]
    fn explain(&self, body: &[u8], fault: Fault) -> RecordError {
        match fault {
            Fault::Syntax(syntax) => RecordError::whole(body, syntax.at, syntax.reason),
            Fault::Value(fault) => {
                let top = fault.path.split(['.', '[']).next().unwrap_or_default();
                let kind = self.names.iter().position(|name| name == top).map(|index| self.kinds[index].as_str());
                let mut cursor = Cursor { bytes: body, at: fault.start };
                let end = cursor.skip_value(0).map_or(body.len(), |()| cursor.at);
                RecordError {
                    column: Some(fault.path),
                    offset: fault.start,
                    text: shorten(&body[fault.start..end.max(fault.start)]),
                    reason: match kind {
                        Some(kind) => format!("{} (the column's type is {kind})", fault.reason),
                        None => fault.reason,
                    },
                }
            }
        }
    }
}

/// Whether a value of the type is a DECIMAL or has one inside.
fn holds_decimals(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::Decimal { .. } => true,
        TypeKind::Array(item) | TypeKind::Multiset(item) => holds_decimals(&item.kind),
        TypeKind::Map(key, value) => holds_decimals(&key.kind) || holds_decimals(&value.kind),
        TypeKind::Row(fields) => fields.iter().any(|field| holds_decimals(&field.ty.kind)),
        _ => false,
    }
}
