//! Rows of a changelog into envelopes. An update is written as what it is to a reader: the old row goes, the new one comes.

use irmak_common::element::RowKind;
use irmak_common::types::Schema;

use super::Dialect;
use crate::format::cells::Cells;
use crate::format::json::{JsonEncoder, JsonOptions};

/// Writes envelopes.
pub(crate) struct ChangelogEncoder {
    rows: JsonEncoder,
    dialect: Dialect,
    ignore_null_fields: bool,
}

impl ChangelogEncoder {
    /// An encoder of rows with the columns of a schema.
    pub(crate) fn new(schema: &Schema, options: JsonOptions, dialect: Dialect) -> Self {
        Self { ignore_null_fields: options.ignore_null_fields, rows: JsonEncoder::new(schema, options), dialect }
    }

    /// Appends one row, without a line break. An error names the column and says why it cannot be written.
    pub(crate) fn encode(&self, columns: &[Cells<'_>], kind: RowKind, row: usize, out: &mut String) -> Result<(), (usize, String)> {
        let comes = matches!(kind, RowKind::Insert | RowKind::UpdateAfter);
        let (before, after, what) = self.dialect.keys();
        let word = match (&self.dialect, comes) {
            (Dialect::Debezium { .. }, true) => "c",
            (Dialect::Debezium { .. }, false) => "d",
            (Dialect::Canal { .. }, true) => "INSERT",
            (Dialect::Canal { .. }, false) => "DELETE",
            (Dialect::Maxwell, true) => "insert",
            (Dialect::Maxwell, false) => "delete",
            (Dialect::Ogg, true) => "I",
            (Dialect::Ogg, false) => "D",
        };
        let open = |out: &mut String, text: &str| {
            out.push('{');
            out.push_str(text);
            self.rows.encode(columns, row, out)
        };
        match &self.dialect {
            Dialect::Canal { .. } => {
                open(out, "\"data\":[")?;
                out.push(']');
            }
            Dialect::Maxwell => open(out, "\"data\":")?,
            // A null field is left out where null fields are.
            Dialect::Debezium { .. } | Dialect::Ogg => match (comes, self.ignore_null_fields) {
                (true, false) => open(out, &format!("\"{before}\":null,\"{after}\":"))?,
                (true, true) => open(out, &format!("\"{after}\":"))?,
                (false, ignored) => {
                    open(out, &format!("\"{before}\":"))?;
                    out.push_str(if ignored { "" } else { ",\"after\":null" });
                }
            },
        }
        out.push_str(&format!(",\"{what}\":\"{word}\"}}"));
        Ok(())
    }
}
