//! SHOW, DESCRIBE and SET without arguments: answers that the planner has itself.

use irmak_common::operator_spec::redact;
use irmak_functions::names;

use crate::Outcome;
use crate::ast::Show;
use crate::catalog::{CATALOG, ColumnKind, DATABASE, Entry, Table, View, span_of};
use crate::error::{Code, PlanError, Planned};
use crate::session::Session;
use crate::settings::Settings;
use crate::token::Name;

fn list(title: &str, items: impl IntoIterator<Item = String>) -> Outcome {
    let rows = items.into_iter().map(|item| vec![Some(item)]).collect();
    Outcome::Table { columns: vec![(title.to_owned(), "STRING".into())], rows, plain: false }
}

/// What SHOW shows.
pub(crate) fn show(session: &Session<'_>, what: &Show) -> Planned<Outcome> {
    let entries = || session.catalog.entries();
    Ok(match what {
        Show::Tables => list("table name", entries().map(|(name, _)| name.to_owned())),
        Show::Views => list("view name", entries().filter(|(_, entry)| matches!(entry, Entry::View(_))).map(|(name, _)| name.to_owned())),
        Show::Functions => list("function name", names().map(str::to_owned)),
        Show::Catalogs => list("catalog name", [CATALOG.to_owned()]),
        Show::Databases => list("database name", [DATABASE.to_owned()]),
        Show::CurrentCatalog => list("current catalog name", [CATALOG.to_owned()]),
        Show::CurrentDatabase => list("current database name", [DATABASE.to_owned()]),
        Show::Jars => list("jars", []),
        Show::CreateTable(name) => match session.resolve(name)? {
            Entry::Table(table) => text(create_table(table)),
            Entry::View(_) => return Err(wrong(name, "a view", "SHOW CREATE VIEW")),
        },
        Show::CreateView(name) => match session.resolve(name)? {
            Entry::View(view) => text(create_view(view, name)),
            Entry::Table(_) => return Err(wrong(name, "a table", "SHOW CREATE TABLE")),
        },
    })
}

fn wrong(name: &[Name], what: &str, instead: &str) -> PlanError {
    let told = name.last().map_or("", |name| name.text.as_str());
    PlanError::new(Code::UnknownTable, format!("`{told}` is {what}")).at(span_of(name)).label(format!("use {instead}"))
}

fn text(text: String) -> Outcome {
    Outcome::Table { columns: vec![("result".into(), "STRING".into())], rows: vec![vec![Some(text)]], plain: true }
}

fn create_table(table: &Table) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let comment = column.comment.as_ref().map(|comment| format!(" COMMENT '{}'", quoted(comment))).unwrap_or_default();
            let kind = match &column.kind {
                ColumnKind::Physical => column.ty.to_string(),
                ColumnKind::Computed { expr, .. } => format!("AS {}", crate::describe::expr(expr, &layout(table))),
                ColumnKind::Metadata { key, is_virtual } => {
                    format!("{} METADATA FROM '{}'{}", column.ty, quoted(key), if *is_virtual { " VIRTUAL" } else { "" })
                }
            };
            format!("  `{}` {kind}{comment}", column.name)
        })
        .collect();
    if let Some(watermark) = &table.watermark {
        let schema = irmak_common::types::Schema::new(
            table.columns.iter().map(|column| irmak_common::types::Field::new(format!("`{}`", column.name), column.ty.clone())).collect(),
        );
        let expr = crate::describe::expr(&watermark.expr, &schema);
        lines.push(format!("  WATERMARK FOR `{}` AS {expr}", table.columns[watermark.column].name));
    }
    if !table.primary_key.is_empty() {
        lines.push(format!("  PRIMARY KEY (`{}`) NOT ENFORCED", table.primary_key.join("`, `")));
    }
    let temporary = if table.temporary { "TEMPORARY " } else { "" };
    let mut text = format!("CREATE {temporary}TABLE `{CATALOG}`.`{DATABASE}`.`{}` (\n{}\n)", table.name, lines.join(",\n"));
    if let Some(comment) = &table.comment {
        text.push_str(&format!(" COMMENT '{}'", quoted(comment)));
    }
    if !table.partitioned_by.is_empty() {
        text.push_str(&format!("\nPARTITIONED BY (`{}`)", table.partitioned_by.join("`, `")));
    }
    let options =
        table.options.iter().map(|option| format!("  '{}' = '{}'", quoted(&option.key), quoted(&redact(&option.key, &option.value))));
    text.push_str(&format!("\nWITH (\n{}\n)\n", options.collect::<Vec<_>>().join(",\n")));
    text
}

fn layout(table: &Table) -> irmak_common::types::Schema {
    let mut schema = crate::bind::scan::source_layout(&table.columns);
    schema.fields.iter_mut().for_each(|field| field.name = format!("`{}`", field.name));
    schema
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn create_view(view: &View, name: &[Name]) -> String {
    let told = name.last().map_or("", |name| name.text.as_str());
    let columns: Vec<String> = view.columns.iter().map(|column| format!("`{}`", column.text)).collect();
    let columns = if columns.is_empty() { String::new() } else { format!("({})", columns.join(", ")) };
    format!("CREATE VIEW `{CATALOG}`.`{DATABASE}`.`{told}`{columns}\nAS {}\n", view.text)
}

/// DESCRIBE.
pub(crate) fn describe(session: &Session<'_>, name: &[Name]) -> Planned<Outcome> {
    let titles = ["name", "type", "null", "key", "extras", "watermark"];
    let rows = match session.resolve(name)? {
        Entry::Table(table) => table.columns.iter().enumerate().map(|(at, column)| describe_column(table, at, column)).collect(),
        Entry::View(_) => {
            let mut binder = crate::bind::Binder::new(&session.catalog, &session.settings);
            let rel = binder.named_table(name, &[], None)?.rel;
            let cells = |field: &irmak_common::types::Field| {
                let kind = field.ty.with_nullable(true).to_string();
                vec![Some(field.name.clone()), Some(kind), Some(field.ty.nullable.to_string().to_uppercase()), None, None, None]
            };
            rel.schema.fields.iter().map(cells).collect()
        }
    };
    let columns = titles.iter().map(|title| ((*title).to_owned(), "STRING".to_owned())).collect();
    Ok(Outcome::Table { columns, rows, plain: false })
}

fn describe_column(table: &Table, at: usize, column: &crate::catalog::Column) -> Vec<Option<String>> {
    let watermark = table.watermark.as_ref().filter(|watermark| watermark.column == at);
    let schema = irmak_common::types::Schema::new(
        table.columns.iter().map(|column| irmak_common::types::Field::new(format!("`{}`", column.name), column.ty.clone())).collect(),
    );
    let mut ty = column.ty.with_nullable(true);
    if watermark.is_some() {
        ty = crate::algebra::with_attribute(&ty, irmak_common::types::TimeAttribute::Rowtime);
    }
    let extras = match &column.kind {
        ColumnKind::Physical => None,
        ColumnKind::Computed { expr, .. } => Some(format!("AS {}", crate::describe::expr(expr, &layout(table)))),
        ColumnKind::Metadata { key, is_virtual } => Some(format!("METADATA FROM '{key}'{}", if *is_virtual { " VIRTUAL" } else { "" })),
    };
    let key = table.primary_key.contains(&column.name).then(|| format!("PRI({})", table.primary_key.join(", ")));
    vec![
        Some(column.name.clone()),
        Some(ty.to_string()),
        Some(column.ty.nullable.to_string().to_uppercase()),
        key,
        extras,
        watermark.map(|watermark| crate::describe::expr(&watermark.expr, &schema)),
    ]
}

/// SET without arguments: all settings, secrets covered.
pub(crate) fn settings(settings: &Settings) -> Outcome {
    let rows = settings.all().iter().map(|(key, value)| vec![Some(key.clone()), Some(redact(key, value))]).collect();
    let columns = vec![("key".into(), "STRING".into()), ("value".into(), "STRING".into())];
    Outcome::Table { columns, rows, plain: false }
}
