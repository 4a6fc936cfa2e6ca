//! Results of statements that answer at once: SHOW, DESCRIBE, EXPLAIN.

use std::io::{self, Write};

use irmak_proto::v1::ResultTable;
use serde_json::{Value, json};

use crate::args::OutputFormat;

pub(crate) fn print(table: &ResultTable, format: OutputFormat) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        OutputFormat::Jsonl if !table.plain => jsonl(&mut out, table),
        _ if table.plain => {
            rows(table).try_for_each(|cells| writeln!(out, "{}", cells.into_iter().flatten().collect::<Vec<_>>().join("\t")))
        }
        _ => grid(&mut out, table),
    }
}

fn rows(table: &ResultTable) -> impl Iterator<Item = Vec<Option<&str>>> {
    table.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_deref()).collect())
}

fn jsonl(out: &mut impl Write, table: &ResultTable) -> io::Result<()> {
    let columns: Vec<Value> = table.columns.iter().map(|column| json!([column.name, column.r#type])).collect();
    writeln!(out, "{}", json!({ "columns": columns }))?;
    rows(table).try_for_each(|cells| {
        let line: Vec<Value> = std::iter::once(json!("+I")).chain(cells.into_iter().map(Value::from)).collect();
        writeln!(out, "{}", Value::Array(line))
    })
}

fn grid(out: &mut impl Write, table: &ResultTable) -> io::Result<()> {
    let shown = |cell: Option<&str>| cell.unwrap_or("<NULL>").to_owned();
    let lines: Vec<Vec<String>> = rows(table).map(|cells| cells.into_iter().map(shown).collect()).collect();
    let width = |at: usize, name: &str| {
        lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0).max(name.chars().count())
    };
    let widths: Vec<usize> = table.columns.iter().enumerate().map(|(at, column)| width(at, &column.name)).collect();
    let rule = |out: &mut dyn Write| {
        let dashes: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
        writeln!(out, "+{}+", dashes.join("+"))
    };
    let line = |out: &mut dyn Write, cells: &[String]| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:>width$} ")).collect();
        writeln!(out, "|{}|", cells.join("|"))
    };
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    rule(out)?;
    line(out, &names)?;
    rule(out)?;
    lines.iter().try_for_each(|cells| line(out, cells))?;
    rule(out)?;
    let plural = if lines.len() == 1 { "" } else { "s" };
    writeln!(out, "{} row{plural} in set", lines.len())
}
