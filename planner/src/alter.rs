//! `ALTER TABLE`: the declaration of a table, changed and checked as if it had been written so from the start.
//!
//! A table here is only a description of what lies elsewhere, so nothing but the description changes. Refusals are Flink's: a column
//! that a watermark, a key, a partition or a computed column reads cannot go or be renamed under them.

use crate::ast::{Change, ColumnDef, ColumnKind as Kind, CreateTable, Elements, Expr, ExprKind, OptionDef, Place, Setting};
use crate::bind::Binder;
use crate::catalog::{ColumnKind, Table};
use crate::ddl;
use crate::error::{Code, PlanError, Planned, Span};
use crate::parse::ddl::declaration;
use crate::token::Name;

/// The table after a change other than of its name. `at` is the table's name in the statement.
pub(crate) fn altered(table: &Table, change: &Change, at: Span, binder: &Binder<'_>) -> Planned<Table> {
    let mut create = declared(table, at);
    match change {
        Change::RenameTo(_) | Change::Query(_) => {}
        Change::Set(options) => set(&mut create.options, options),
        Change::Reset(keys) => reset(&mut create.options, keys)?,
        Change::Add(elements) => add(&mut create, elements)?,
        Change::Modify(elements) => modify(&mut create, elements)?,
        Change::DropColumns(names) => drop_columns(&mut create, names)?,
        Change::DropWatermark(span) => {
            let none = || PlanError::new(Code::UnknownColumn, format!("table `{}` has no watermark", table.name)).at(*span);
            create.watermark.take().ok_or_else(none)?;
        }
        Change::DropPrimaryKey(span) => {
            let none = || PlanError::new(Code::UnknownColumn, format!("table `{}` has no primary key", table.name)).at(*span);
            create.primary_key.take().ok_or_else(none)?;
        }
        Change::RenameColumn { from, to } => rename(&mut create, from, to)?,
    }
    ddl::table(&create, binder).map_err(|error| error.at(at))
}

/// The statement that would make the table.
fn declared(table: &Table, at: Span) -> CreateTable {
    let name = |text: &String| Name { text: text.clone(), span: at };
    let column = |column: &crate::catalog::Column| ColumnDef {
        name: Name { text: column.name.clone(), span: column.span },
        kind: match &column.kind {
            ColumnKind::Physical => Kind::Physical(column.ty.clone()),
            ColumnKind::Computed { syntax, .. } => Kind::Computed(syntax.clone()),
            ColumnKind::Metadata { key, is_virtual } => {
                Kind::Metadata { ty: column.ty.clone(), key: Some(key.clone()), is_virtual: *is_virtual }
            }
        },
        comment: column.comment.clone(),
    };
    let key = (!table.primary_key.is_empty()).then(|| (table.primary_key.iter().map(name).collect(), at));
    CreateTable {
        temporary: table.temporary,
        columns: table.columns.iter().map(column).collect(),
        watermark: table.watermark.as_ref().map(|watermark| (watermark.name.clone(), watermark.syntax.clone())),
        primary_key: key,
        comment: table.comment.clone(),
        partitioned_by: table.partitioned_by.iter().map(name).collect(),
        options: table.options.clone(),
        ..declaration([&table.database.catalog, &table.database.name, &table.name].map(name).to_vec())
    }
}

fn set(options: &mut Vec<OptionDef>, changed: &[OptionDef]) {
    for option in changed {
        options.retain(|known| known.key != option.key);
        options.push(option.clone());
    }
}

fn reset(options: &mut Vec<OptionDef>, keys: &[Setting]) -> Planned<()> {
    for key in keys {
        if key.text == "connector" {
            let message = "ALTER TABLE RESET does not take 'connector'";
            return Err(PlanError::new(Code::OptionValue, message).at(key.span).label("SET another one"));
        }
        options.retain(|known| known.key != key.text);
    }
    Ok(())
}

fn add(create: &mut CreateTable, elements: &Elements) -> Planned<()> {
    for (column, place) in &elements.columns {
        if create.columns.iter().any(|known| known.name.text == column.name.text) {
            let message = format!("column `{}` is there already", column.name.text);
            return Err(PlanError::new(Code::DuplicateColumn, message).at(column.name.span).label("MODIFY changes it"));
        }
        put(create, column.clone(), place.as_ref())?;
    }
    if let Some((name, _)) = &elements.watermark {
        if create.watermark.is_some() {
            let message = "the table has a watermark already";
            return Err(PlanError::new(Code::Twice, message).at(name.span).label("MODIFY changes it"));
        }
        create.watermark.clone_from(&elements.watermark);
    }
    if let Some((_, span)) = &elements.primary_key {
        if create.primary_key.is_some() {
            return Err(PlanError::new(Code::Twice, "the table has a primary key already").at(*span).label("MODIFY changes it"));
        }
        create.primary_key.clone_from(&elements.primary_key);
    }
    Ok(())
}

fn modify(create: &mut CreateTable, elements: &Elements) -> Planned<()> {
    for (column, place) in &elements.columns {
        let at = find(create, &column.name)?;
        match place {
            None => create.columns[at] = column.clone(),
            Some(place) => {
                create.columns.remove(at);
                put(create, column.clone(), Some(place))?;
            }
        }
    }
    if let Some((name, _)) = &elements.watermark {
        if create.watermark.is_none() {
            return Err(PlanError::new(Code::UnknownColumn, "the table has no watermark").at(name.span).label("ADD makes one"));
        }
        create.watermark.clone_from(&elements.watermark);
    }
    if let Some((_, span)) = &elements.primary_key {
        if create.primary_key.is_none() {
            return Err(PlanError::new(Code::UnknownColumn, "the table has no primary key").at(*span).label("ADD makes one"));
        }
        create.primary_key.clone_from(&elements.primary_key);
    }
    Ok(())
}

fn put(create: &mut CreateTable, column: ColumnDef, place: Option<&Place>) -> Planned<()> {
    let at = match place {
        None => create.columns.len(),
        Some(Place::First) => 0,
        Some(Place::After(name)) => find(create, name)? + 1,
    };
    create.columns.insert(at, column);
    Ok(())
}

fn drop_columns(create: &mut CreateTable, names: &[Name]) -> Planned<()> {
    for (number, name) in names.iter().enumerate() {
        if names[..number].iter().any(|known| known.text == name.text) {
            return Err(PlanError::new(Code::DuplicateColumn, format!("column `{}` is dropped twice", name.text)).at(name.span));
        }
        find(create, name)?;
    }
    let dropped = |text: &str| names.iter().any(|name| name.text == text);
    for name in names {
        // Flink lets columns go together with those that are computed of them.
        if let Some(reader) = reader(create, &name.text, &dropped, Matter::All) {
            let message = format!("column `{}` cannot be dropped: {reader} reads it", name.text);
            return Err(PlanError::new(Code::Unsupported, message).at(name.span));
        }
    }
    create.columns.retain(|column| !dropped(&column.name.text));
    Ok(())
}

fn rename(create: &mut CreateTable, from: &Name, to: &Name) -> Planned<()> {
    let at = find(create, from)?;
    if create.columns.iter().any(|column| column.name.text == to.text) {
        return Err(PlanError::new(Code::DuplicateColumn, format!("column `{}` is there already", to.text)).at(to.span));
    }
    if let Some(reader) = reader(create, &from.text, &|_| false, Matter::AllButKey) {
        let message = format!("column `{}` cannot be renamed: {reader} reads it", from.text);
        return Err(PlanError::new(Code::Unsupported, message).at(from.span));
    }
    create.columns[at].name = to.clone();
    for name in create.primary_key.iter_mut().flat_map(|(names, _)| names).filter(|name| name.text == from.text) {
        name.text.clone_from(&to.text);
    }
    Ok(())
}

/// Whether the primary key counts among the readers of a column: it goes along with a new name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matter {
    All,
    AllButKey,
}

/// Who of the table reads a column, those that are dropped left out.
fn reader(create: &CreateTable, column: &str, dropped: &impl Fn(&str) -> bool, matter: Matter) -> Option<String> {
    let reads = |expr: &Expr| expr.any(&|expr| matches!(&expr.kind, ExprKind::Column(path) if path[0].text == column));
    let computed = create.columns.iter().find(|other| match &other.kind {
        Kind::Computed(expr) => !dropped(&other.name.text) && reads(expr),
        _ => false,
    });
    if let Some(computed) = computed {
        return Some(format!("the computed column `{}`", computed.name.text));
    }
    if create.watermark.as_ref().is_some_and(|(name, expr)| name.text == column || reads(expr)) {
        return Some("the watermark".into());
    }
    if create.partitioned_by.iter().any(|name| name.text == column) {
        return Some("PARTITIONED BY".into());
    }
    let in_key = create.primary_key.as_ref().is_some_and(|(names, _)| names.iter().any(|name| name.text == column));
    (in_key && matter == Matter::All).then(|| "the primary key".into())
}

fn find(create: &CreateTable, name: &Name) -> Planned<usize> {
    create.columns.iter().position(|column| column.name.text == name.text).ok_or_else(|| {
        let known: Vec<&str> = create.columns.iter().map(|column| column.name.text.as_str()).collect();
        PlanError::new(
            Code::UnknownColumn,
            format!("column `{}` is not in table `{}`", name.text, create.name.last().map_or("", |name| name.text.as_str())),
        )
        .at(name.span)
        .suggest(&name.text, known.iter().copied())
        .note(format!("columns: {}", known.join(", ")))
    })
}
