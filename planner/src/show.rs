//! SHOW, DESCRIBE and SET without arguments: answers that the planner has itself.

use irmak_common::operator_spec::redact;
use irmak_functions::names;

use crate::Outcome;
use crate::ast::{Listed, Show};
use crate::catalog::{ColumnKind, Entry, Table, View, span_of};
use crate::databases;
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
    Ok(match what {
        Show::Names { listed: Listed::FullModules, .. } => {
            let columns = vec![("module name".into(), "STRING".into()), ("used".into(), "BOOLEAN".into())];
            Outcome::Table { columns, rows: vec![vec![Some("core".into()), Some("TRUE".into())]], plain: false }
        }
        Show::Names { listed, within, only } => {
            let (title, names) = named(session, *listed, within)?;
            list(title, names.into_iter().filter(|name| only.as_ref().is_none_or(|only| only.takes(name))))
        }
        Show::Columns { table, only } => {
            let Outcome::Table { columns, mut rows, plain } = describe(session, table)? else { return Ok(Outcome::None) };
            let taken = |name: &str| only.as_ref().is_none_or(|only| only.takes(name));
            rows.retain(|row| row.first().and_then(Option::as_deref).is_some_and(taken));
            Outcome::Table { columns, rows, plain }
        }
        Show::CreateTable(name) => match session.resolve(name)? {
            Entry::Table(table) => text(create_table(session, table)),
            Entry::View(_) => return Err(wrong(name, "a view", "SHOW CREATE VIEW")),
        },
        Show::CreateView(name) => match session.resolve(name)? {
            Entry::View(view) => {
                let (database, name) = session.catalog.full_name(session.catalog.current(), name)?;
                text(create_view(view, &database.quoted(&name)))
            }
            Entry::Table(_) => return Err(wrong(name, "a table", "SHOW CREATE TABLE")),
        },
        Show::CreateCatalog(name) => databases::show_create(&session.catalog, name)?,
    })
}

/// The title of a list, and the names in it.
fn named(session: &Session<'_>, listed: Listed, within: &[Name]) -> Planned<(&'static str, Vec<String>)> {
    let catalog = &session.catalog;
    let current = catalog.current();
    if listed == Listed::Databases {
        let only = Name { text: current.catalog.clone(), span: span_of(within) };
        let [name] = (if within.is_empty() { std::slice::from_ref(&only) } else { within }) else {
            return Err(PlanError::new(Code::Syntax, "databases are listed of a catalog").at(span_of(within)));
        };
        let databases = &catalog.databases.catalog(name)?.databases;
        return Ok(("database name", databases.keys().cloned().collect()));
    }
    // Functions are of no database: Flink asks for none.
    let database = match listed {
        Listed::Tables | Listed::Views if !within.is_empty() => catalog.databases.existing(within)?,
        _ => current.clone(),
    };
    let entries = || catalog.entries(&database);
    Ok(match listed {
        Listed::Tables => ("table name", entries().map(|(name, _)| name.to_owned()).collect()),
        Listed::Views => {
            ("view name", entries().filter(|(_, entry)| matches!(entry, Entry::View(_))).map(|(name, _)| name.to_owned()).collect())
        }
        Listed::Functions => ("function name", names().map(str::to_owned).collect()),
        Listed::UserFunctions => ("function name", Vec::new()),
        Listed::Procedures => ("procedure name", Vec::new()),
        Listed::Catalogs => ("catalog name", catalog.databases.catalogs().keys().cloned().collect()),
        Listed::Databases | Listed::CurrentDatabase => ("current database name", vec![current.name.clone()]),
        Listed::CurrentCatalog => ("current catalog name", vec![current.catalog.clone()]),
        Listed::Modules | Listed::FullModules => ("module name", vec!["core".to_owned()]),
        Listed::Jars => ("jars", Vec::new()),
    })
}

fn wrong(name: &[Name], what: &str, instead: &str) -> PlanError {
    let told = name.last().map_or("", |name| name.text.as_str());
    PlanError::new(Code::UnknownTable, format!("`{told}` is {what}")).at(span_of(name)).label(format!("use {instead}"))
}

fn text(text: String) -> Outcome {
    Outcome::Table { columns: vec![("result".into(), "STRING".into())], rows: vec![vec![Some(text)]], plain: true }
}

fn create_table(session: &Session<'_>, table: &Table) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let comment = column.comment.as_ref().map(|comment| format!(" COMMENT '{}'", quoted(comment))).unwrap_or_default();
            let kind = match &column.kind {
                ColumnKind::Physical => column.ty.to_string(),
                ColumnKind::Computed { syntax, .. } => format!("AS {}", session.text(syntax.span)),
                ColumnKind::Metadata { key, is_virtual } => {
                    format!("{} METADATA FROM '{}'{}", column.ty, quoted(key), if *is_virtual { " VIRTUAL" } else { "" })
                }
            };
            format!("  `{}` {kind}{comment}", column.name)
        })
        .collect();
    if let Some(watermark) = &table.watermark {
        let expr = session.text(watermark.syntax.span);
        lines.push(format!("  WATERMARK FOR `{}` AS {expr}", table.columns[watermark.column].name));
    }
    if !table.primary_key.is_empty() {
        lines.push(format!("  PRIMARY KEY (`{}`) NOT ENFORCED", table.primary_key.join("`, `")));
    }
    let temporary = if table.temporary { "TEMPORARY " } else { "" };
    let mut text = format!("CREATE {temporary}TABLE {} (\n{}\n)", table.database.quoted(&table.name), lines.join(",\n"));
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

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn create_view(view: &View, full_name: &str) -> String {
    let columns: Vec<String> = view.columns.iter().map(|column| format!("`{}`", column.text)).collect();
    let columns = if columns.is_empty() { String::new() } else { format!("({})", columns.join(", ")) };
    let temporary = if view.temporary { "TEMPORARY " } else { "" };
    format!("CREATE {temporary}VIEW {full_name}{columns}\nAS {}\n", view.text)
}

/// DESCRIBE.
pub(crate) fn describe(session: &Session<'_>, name: &[Name]) -> Planned<Outcome> {
    let titles = ["name", "type", "null", "key", "extras", "watermark"];
    let rows = match session.resolve(name)? {
        Entry::Table(table) => table.columns.iter().enumerate().map(|(at, column)| describe_column(session, table, at, column)).collect(),
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

fn describe_column(session: &Session<'_>, table: &Table, at: usize, column: &crate::catalog::Column) -> Vec<Option<String>> {
    let watermark = table.watermark.as_ref().filter(|watermark| watermark.column == at);
    let mut ty = column.ty.with_nullable(true);
    if watermark.is_some() {
        ty = crate::algebra::with_attribute(&ty, irmak_common::types::TimeAttribute::Rowtime);
    }
    let extras = match &column.kind {
        ColumnKind::Physical => None,
        ColumnKind::Computed { syntax, .. } => Some(format!("AS {}", session.text(syntax.span))),
        ColumnKind::Metadata { key, is_virtual } => Some(format!("METADATA FROM '{key}'{}", if *is_virtual { " VIRTUAL" } else { "" })),
    };
    let key = table.primary_key.contains(&column.name).then(|| format!("PRI({})", table.primary_key.join(", ")));
    vec![
        Some(column.name.clone()),
        Some(ty.to_string()),
        Some(column.ty.nullable.to_string().to_uppercase()),
        key,
        extras,
        watermark.map(|watermark| session.text(watermark.syntax.span)),
    ]
}

/// SET without arguments: all settings, secrets covered.
pub(crate) fn settings(settings: &Settings) -> Outcome {
    let rows = settings.all().iter().map(|(key, value)| vec![Some(key.clone()), Some(redact(key, value))]).collect();
    let columns = vec![("key".into(), "STRING".into()), ("value".into(), "STRING".into())];
    Outcome::Table { columns, rows, plain: false }
}
