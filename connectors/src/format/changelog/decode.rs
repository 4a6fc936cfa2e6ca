//! Envelopes into rows with their kinds.
//!
//! The envelope is read as any JSON row, its rows as nested rows; what happened decides which of them a record means. Which values those
//! are is noted by column (an update of `canal-json` and `maxwell-json` names only what changed: the rest of the old row is the new one's)
//! and gathered once a batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt8Array};
use arrow::compute::interleave;
use irmak_common::element::RowKind;
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};

use super::Dialect;
use crate::error::{RecordError, shorten};
use crate::format::column::{Column, Values};
use crate::format::json::{JsonDecoder, JsonOptions, keys_below};
use crate::format::{Decoded, FormatError};

/// Which of the envelope's two rows a value is taken from.
const OLD: usize = 0;
const NEW: usize = 1;

/// Decodes envelopes into the projected columns of a schema, the row kinds behind them.
pub(crate) struct ChangelogDecoder {
    envelope: JsonDecoder,
    dialect: Dialect,
    ignore_parse_errors: bool,
    names: Vec<String>,
    /// Columns declared NOT NULL.
    required: Vec<usize>,
    /// For each column: which of the two rows each value comes from, and the value's place there.
    picks: Vec<Vec<(usize, usize)>>,
    kinds: Vec<u8>,
}

/// A row of a record: for each column its old or new value.
struct Change<'a> {
    kind: RowKind,
    side: usize,
    place: usize,
    /// An old row that holds only what changed: the place of the new one, and the keys that the record has.
    partial: Option<(usize, &'a [Vec<u8>])>,
}

impl ChangelogDecoder {
    /// A decoder for envelopes around rows with these fields; others are stepped over.
    pub(crate) fn new(schema: &Schema, options: JsonOptions, dialect: Dialect) -> Self {
        let nullable = schema.fields.iter().map(|field| Field::new(&field.name, field.ty.kind.clone().nullable()));
        let row = TypeKind::Row(nullable.collect()).nullable();
        Self {
            ignore_parse_errors: options.ignore_parse_errors,
            envelope: JsonDecoder::new(&envelope(&dialect, row), options),
            dialect,
            names: schema.fields.iter().map(|field| field.name.clone()).collect(),
            required: (0..schema.len()).filter(|index| !schema.fields[*index].ty.nullable).collect(),
            picks: vec![Vec::new(); schema.len()],
            kinds: Vec::new(),
        }
    }

    /// Rows decoded and not yet taken.
    pub(crate) fn rows(&self) -> usize {
        self.kinds.len()
    }

    /// Appends the record's rows: none, one, two, or as many as it holds.
    ///
    /// # Errors
    /// A record that is no JSON, or no envelope; nothing is appended then.
    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, RecordError> {
        match self.envelope.decode(record)? {
            Decoded::Row => {}
            other => return Ok(other),
        }
        let before = self.kinds.len();
        match self.changes(record) {
            // Nothing was picked from it: the envelope need not be kept.
            Ok(()) if self.kinds.len() == before => {
                self.envelope.forget_last();
                Ok(Decoded::Empty)
            }
            Ok(()) => Ok(Decoded::Row),
            Err(reason) => {
                self.envelope.forget_last();
                self.kinds.truncate(before);
                self.picks.iter_mut().for_each(|picks| picks.truncate(before));
                if self.ignore_parse_errors { Ok(Decoded::Skipped) } else { Err(RecordError::whole(record, 0, reason)) }
            }
        }
    }

    /// Finds out what the envelope that was read last means.
    fn changes(&mut self, record: &[u8]) -> Result<(), String> {
        let (_, _, what) = self.dialect.keys();
        let columns = self.payload()?;
        let last = columns[NEW].len() - 1;
        let word = text(&columns[2], last).ok_or_else(|| format!("the field `{what}` is missing"))?;
        let passes = |regex: &Option<regex::Regex>, at: usize| {
            regex
                .as_ref()
                .is_none_or(|regex| columns.get(at).and_then(|column| text(column, last)).is_some_and(|name| regex.is_match(name)))
        };
        if let Dialect::Canal { database, table } = &self.dialect
            && !(passes(database, 3) && passes(table, 4))
        {
            return Ok(());
        }
        let kinds = kinds(&self.dialect, word).ok_or_else(|| format!("`{}` is no `{what}` that is known", shorten(word.as_bytes())))?;
        let old = places(&columns[OLD]);
        let new = places(&columns[NEW]);
        match kinds {
            Kinds::None => Ok(()),
            Kinds::One(kind, side) => {
                let (places, name) = if side == OLD { (old, self.dialect.keys().0) } else { (new, self.dialect.keys().1) };
                let places = places.ok_or_else(|| missing(name, kind))?;
                places.into_iter().try_for_each(|place| self.push(&Change { kind, side, place, partial: None }))
            }
            Kinds::Update => {
                let (old, new) = (
                    old.ok_or_else(|| missing(self.dialect.keys().0, RowKind::UpdateBefore))?,
                    new.ok_or_else(|| missing(self.dialect.keys().1, RowKind::UpdateAfter))?,
                );
                if old.len() < new.len() {
                    return Err(format!("{} rows are new, and {} are old", new.len(), old.len()));
                }
                let named = match self.dialect {
                    Dialect::Canal { .. } | Dialect::Maxwell => Some(keys_below(record, b"old")),
                    Dialect::Debezium { .. } | Dialect::Ogg => None,
                };
                for (old, new) in old.zip(new) {
                    let partial = named.as_deref().map(|keys| (new, keys));
                    self.push(&Change { kind: RowKind::UpdateBefore, side: OLD, place: old, partial })?;
                    self.push(&Change { kind: RowKind::UpdateAfter, side: NEW, place: new, partial: None })?;
                }
                Ok(())
            }
        }
    }

    /// The fields of the envelope: old rows, new rows, what happened, and what a dialect has besides.
    fn payload(&self) -> Result<&[Column], String> {
        let columns = self.envelope.columns();
        match (&self.dialect, columns) {
            (Dialect::Debezium { schema_include: true }, [payload]) => match &payload.values {
                Values::Row { columns, .. } if !payload.is_null(payload.len() - 1) => Ok(columns),
                _ => Err("the field `payload` is missing; is 'debezium-json.schema-include' meant to be false?".to_owned()),
            },
            _ => Ok(columns),
        }
    }

    fn push(&mut self, change: &Change<'_>) -> Result<(), String> {
        for index in 0..self.names.len() {
            let is_null = |side, place| row_is_null(self.payload().ok().and_then(|columns| columns.get(side)), index, place);
            let mut pick = (change.side, change.place);
            let mut null = is_null(change.side, change.place);
            if let Some((new, keys)) = change.partial.filter(|_| null)
                && !keys.iter().any(|key| key == self.names[index].as_bytes())
            {
                (pick, null) = ((NEW, new), is_null(NEW, new));
            }
            if null && self.required.contains(&index) {
                return Err(format!("NULL in the column `{}`, which is NOT NULL", self.names[index]));
            }
            self.picks[index].push(pick);
        }
        self.kinds.push(change.kind as u8);
        Ok(())
    }

    /// The rows as arrays, one a projected column, and the row kinds behind them.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        let mut fields = self.envelope.finish()?;
        if matches!(self.dialect, Dialect::Debezium { schema_include: true }) {
            fields =
                fields.first().and_then(|payload| payload.as_struct_opt()).map(|payload| payload.columns().to_vec()).unwrap_or_default();
        }
        let rows: Vec<&ArrayRef> = fields.iter().take(2).map(|rows| rows.as_list_opt::<i32>().map_or(rows, |list| list.values())).collect();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.picks.len() + 1);
        for (index, picks) in self.picks.iter_mut().enumerate() {
            let sides: Vec<&dyn Array> =
                rows.iter().filter_map(|rows| rows.as_struct_opt()?.columns().get(index).map(|column| column.as_ref())).collect();
            columns.push(interleave(&sides, picks)?);
            picks.clear();
        }
        columns.push(Arc::new(UInt8Array::from(std::mem::take(&mut self.kinds))));
        Ok(columns)
    }
}

/// The columns of the envelope around rows of this type.
fn envelope(dialect: &Dialect, row: LogicalType) -> Schema {
    let (before, after, what) = dialect.keys();
    let rows = match dialect {
        Dialect::Canal { .. } => TypeKind::Array(Box::new(row)).nullable(),
        _ => row,
    };
    let word = || TypeKind::STRING.nullable();
    let mut fields = vec![Field::new(before, rows.clone()), Field::new(after, rows), Field::new(what, word())];
    match dialect {
        Dialect::Canal { .. } => fields.extend([Field::new("database", word()), Field::new("table", word())]),
        Dialect::Debezium { schema_include: true } => fields = vec![Field::new("payload", TypeKind::Row(fields).nullable())],
        _ => {}
    }
    Schema::new(fields)
}

/// What a record's word makes of its rows.
enum Kinds {
    /// All rows of one side, of one kind.
    One(RowKind, usize),
    /// Each old row becomes a new one.
    Update,
    /// It is about the table, not its rows.
    None,
}

fn kinds(dialect: &Dialect, word: &str) -> Option<Kinds> {
    let deleted = match dialect {
        Dialect::Debezium { .. } | Dialect::Ogg => OLD,
        Dialect::Canal { .. } | Dialect::Maxwell => NEW,
    };
    Some(match (dialect, word) {
        (Dialect::Debezium { .. }, "c" | "r") | (Dialect::Canal { .. }, "INSERT") | (Dialect::Maxwell, "insert") | (Dialect::Ogg, "I") => {
            Kinds::One(RowKind::Insert, NEW)
        }
        (Dialect::Debezium { .. }, "u") | (Dialect::Canal { .. }, "UPDATE") | (Dialect::Maxwell, "update") | (Dialect::Ogg, "U") => {
            Kinds::Update
        }
        (Dialect::Debezium { .. }, "d") | (Dialect::Canal { .. }, "DELETE") | (Dialect::Maxwell, "delete") | (Dialect::Ogg, "D") => {
            Kinds::One(RowKind::Delete, deleted)
        }
        (Dialect::Canal { .. }, "CREATE") => Kinds::None,
        _ => return None,
    })
}

fn missing(name: &str, kind: RowKind) -> String {
    let hint = match (name, kind) {
        ("before", RowKind::UpdateBefore | RowKind::Delete) => {
            "; on PostgreSQL, set the table's REPLICA IDENTITY to FULL, so that old rows are recorded whole"
        }
        _ => "",
    };
    format!("the field `{name}` is null, and a row of kind {} is expected there{hint}", kind.short())
}

/// The text of a column's row; `None`: NULL, or no text.
fn text(column: &Column, row: usize) -> Option<&str> {
    let Values::Text(bytes) = &column.values else { return None };
    if column.is_null(row) {
        return None;
    }
    let range = *bytes.offsets.get(row)? as usize..*bytes.offsets.get(row + 1)? as usize;
    std::str::from_utf8(bytes.bytes.get(range)?).ok()
}

/// Where the rows of the last record stand: one, or as many as its list has. `None`: NULL.
fn places(column: &Column) -> Option<std::ops::Range<usize>> {
    let last = column.len().checked_sub(1)?;
    if column.is_null(last) {
        return None;
    }
    match &column.values {
        Values::List { offsets, .. } => Some(*offsets.get(last)? as usize..*offsets.get(last + 1)? as usize),
        _ => Some(last..last + 1),
    }
}

/// Whether a field of a row of the envelope is NULL.
fn row_is_null(column: Option<&Column>, field: usize, place: usize) -> bool {
    let rows = match column.map(|column| &column.values) {
        Some(Values::List { item, .. }) => Some(&item.values),
        other => other,
    };
    match rows {
        Some(Values::Row { columns, .. }) => columns.get(field).is_none_or(|column| column.is_null(place)),
        _ => true,
    }
}
