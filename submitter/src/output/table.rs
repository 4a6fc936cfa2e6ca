//! Flink's growing table: widths follow from the types, so that rows can be shown as they come.
//!
//! Source: Flink's `TableauStyle` with widths derived by type.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;
use irmak_common::types::{Schema, TypeKind};

use super::{Printer, kinds, text_of};

/// Columns of text are cut at this width.
const TEXT_WIDTH: usize = 30;

pub(crate) struct Table<W> {
    out: W,
    widths: Vec<usize>,
    rows: u64,
}

impl<W: Write> Table<W> {
    pub(crate) fn begin(mut out: W, schema: &Schema) -> io::Result<Self> {
        let width = |name: &str, kind: &TypeKind| value_width(kind).max(name.chars().count().min(TEXT_WIDTH));
        let widths: Vec<usize> = schema.fields.iter().map(|field| width(&field.name, &field.ty.kind)).collect();
        rule(&mut out, &widths)?;
        write!(out, "| op |")?;
        for (field, width) in schema.fields.iter().zip(&widths) {
            write!(out, " {} |", fit(&field.name, *width))?;
        }
        writeln!(out)?;
        rule(&mut out, &widths)?;
        out.flush()?;
        Ok(Self { out, widths, rows: 0 })
    }
}

impl<W: Write> Printer for Table<W> {
    fn rows(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let kind = kinds(batch);
        for row in 0..batch.num_rows() {
            write!(self.out, "| {} |", kind(row).short())?;
            for (column, width) in batch.columns().iter().zip(&self.widths) {
                let text = text_of(column.as_ref(), row).unwrap_or_else(|| "<NULL>".to_owned());
                write!(self.out, " {} |", fit(&text, *width))?;
            }
            writeln!(self.out)?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        rule(&mut self.out, &self.widths)?;
        let plural = if self.rows == 1 { "" } else { "s" };
        writeln!(self.out, "Received a total of {} row{plural}", self.rows)?;
        self.out.flush()
    }
}

fn rule(out: &mut impl Write, widths: &[usize]) -> io::Result<()> {
    write!(out, "+----+")?;
    widths.iter().try_for_each(|width| write!(out, "{:-<1$}+", "", width + 2))?;
    writeln!(out)
}

/// `text` right-aligned in `width` characters, cut with `...` where it is longer.
pub(super) fn fit(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return format!("{text:>width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{kept}...")
}

fn value_width(kind: &TypeKind) -> usize {
    match kind {
        TypeKind::Char(n) | TypeKind::Varchar(n) => (*n as usize).clamp(4, TEXT_WIDTH),
        TypeKind::Boolean => 7,
        TypeKind::TinyInt => 7,
        TypeKind::SmallInt => 8,
        TypeKind::Int => 11,
        TypeKind::BigInt => 20,
        TypeKind::Decimal { precision, .. } => usize::from(*precision) + 2,
        TypeKind::Date => 10,
        TypeKind::Time(_) => 8,
        TypeKind::Timestamp { precision: 0, .. } | TypeKind::TimestampLtz { precision: 0, .. } => 19,
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => 20 + usize::from(*precision),
        _ => TEXT_WIDTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_and_short_text_stands_right() {
        assert_eq!(fit("abc", 5), "  abc");
        assert_eq!(fit("çağrılar", 6), "çağ...");
    }
}
