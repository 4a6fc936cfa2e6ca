//! `CREATE TABLE`: from syntax to a checked table.

use irmak_common::expr::Expr;
use irmak_common::table_options::OptionError;
use irmak_common::types::{LogicalType, Schema, TimeAttribute, TypeKind};

use crate::algebra::plain;
use crate::ast::{self, ColumnDef, CreateTable, Like, OptionDef};
use crate::bind::Binder;
use crate::bind::expr::{ExprBinder, article};
use crate::bind::scan::{option_error, source_layout};
use crate::bind::scope::Scope;
use crate::catalog::{Catalog, Column, ColumnKind, Entry, Table, Watermark, span_of};
use crate::error::{Code, PlanError, Planned};
use crate::rewrite::fold::fold;
use crate::token::Name;

/// The table that a statement makes.
pub(crate) fn table(create: &CreateTable, binder: &Binder<'_>) -> Planned<Table> {
    let base = match &create.like {
        Some(like) => inherited(like, binder.catalog)?,
        None => None,
    };
    let mut columns = base.as_ref().map(|base| base.columns.clone()).unwrap_or_default();
    declare(create, binder, &mut columns, create.like.as_ref())?;
    let mut watermark = None;
    if let Some((name, expr)) = &create.watermark {
        second_watermark(base.as_ref(), name, create.like.as_ref())?;
        watermark = Some(checked_watermark(name, expr, &columns, binder)?);
    } else if let Some(inherited) = base.as_ref().and_then(|base| base.watermark.as_ref()) {
        watermark = Some(checked_watermark(&inherited.name, &inherited.syntax, &columns, binder)?);
    }
    let mut options = base.as_ref().map(|base| base.options.clone()).unwrap_or_default();
    merge_options(&mut options, create)?;
    second_of_base(base.as_ref(), create)?;
    let (database, name) = binder.catalog.full_name(&binder.home, &create.name)?;
    let mut table = Table {
        name,
        database,
        columns,
        watermark,
        primary_key: base.as_ref().map(|base| base.primary_key.clone()).unwrap_or_default(),
        partitioned_by: base.as_ref().map(|base| base.partitioned_by.clone()).unwrap_or_default(),
        comment: create.comment.clone(),
        options,
        span: span_of(&create.name),
        temporary: create.temporary,
    };
    if table.columns.is_empty() {
        return Err(PlanError::new(Code::Syntax, format!("table `{}` has no columns", table.name)).at(table.span));
    }
    keys(create, &mut table)?;
    if !table.options.iter().any(|option| option.key == "connector") {
        return Err(option_error(&table, &OptionError::NoConnector, table.span));
    }
    Ok(table)
}

/// What to say of options that are given twice: the last one counts. `line`: where the statement begins.
pub(crate) fn options_given_twice(create: &CreateTable, line: u32) -> Vec<String> {
    let place = |option: &OptionDef| format!("line {}, column {}", option.value_span.line + 1 - line, option.value_span.column);
    let twice = create.options.iter().enumerate().filter_map(|(at, option)| {
        let before = create.options[..at].iter().rev().find(|known| known.key == option.key)?;
        Some(format!(
            "option '{}' is given twice: '{}' ({} of the statement) gives way to '{}' ({})",
            option.key,
            before.value,
            place(before),
            option.value,
            place(option)
        ))
    });
    twice.collect()
}

/// What LIKE takes over: everything, but what is excluded.
fn inherited(like: &Like, catalog: &Catalog) -> Planned<Option<Table>> {
    let Entry::Table(base) = catalog.resolve(&like.name)? else {
        return Err(PlanError::new(Code::UnknownTable, "LIKE takes a table, not a view").at(span_of(&like.name)));
    };
    let mut base = (**base).clone();
    let strategy = |feature: &str| like.strategy(feature);
    if strategy("CONSTRAINTS") == "EXCLUDING" {
        base.primary_key.clear();
    }
    if strategy("PARTITIONS") == "EXCLUDING" {
        base.partitioned_by.clear();
    }
    if strategy("OPTIONS") == "EXCLUDING" {
        base.options.clear();
    }
    if strategy("WATERMARKS") == "EXCLUDING" {
        base.watermark = None;
    }
    let generated = strategy("GENERATED") == "EXCLUDING";
    let metadata = strategy("METADATA") == "EXCLUDING";
    base.columns.retain(|column| match column.kind {
        ColumnKind::Physical => true,
        ColumnKind::Computed { .. } => !generated,
        ColumnKind::Metadata { .. } => !metadata,
    });
    Ok(Some(base))
}

/// A watermark beside the base table's.
fn second_watermark(base: Option<&Table>, name: &Name, like: Option<&Like>) -> Planned<()> {
    let Some(inherited) = base.and_then(|base| base.watermark.as_ref()) else { return Ok(()) };
    let overwrites = like.is_some_and(|like| like.strategy("WATERMARKS") == "OVERWRITING");
    if overwrites && inherited.name.text == name.text {
        return Ok(());
    }
    let error = PlanError::new(Code::Twice, format!("the base table has a watermark on `{}` already", inherited.name.text)).at(name.span);
    Err(error.label("LIKE ... (EXCLUDING WATERMARKS) leaves it out"))
}

/// A key, or partitions, beside the base table's.
fn second_of_base(base: Option<&Table>, create: &CreateTable) -> Planned<()> {
    let Some(base) = base else { return Ok(()) };
    if let Some((_, span)) = create.primary_key.as_ref().filter(|_| !base.primary_key.is_empty()) {
        let error = PlanError::new(Code::Twice, "the base table has a primary key already").at(*span);
        return Err(error.label("LIKE ... (EXCLUDING CONSTRAINTS) leaves it out"));
    }
    if !base.partitioned_by.is_empty() && !create.partitioned_by.is_empty() {
        let error = PlanError::new(Code::Twice, "the base table has partitions already").at(span_of(&create.partitioned_by));
        return Err(error.label("LIKE ... (EXCLUDING PARTITIONS) leaves them out"));
    }
    Ok(())
}

fn merge_options(options: &mut Vec<OptionDef>, create: &CreateTable) -> Planned<()> {
    let inherited = options.len();
    for option in &create.options {
        match options.iter().position(|known| known.key == option.key) {
            Some(at) if at < inherited && create.like.as_ref().is_none_or(|like| like.strategy("OPTIONS") == "OVERWRITING") => {
                options[at] = option.clone();
            }
            Some(at) if at < inherited => {
                let message = format!("option '{}' is in the base table already, as '{}'", option.key, options[at].value);
                return Err(PlanError::new(Code::Twice, message).at(option.key_span).label("OVERWRITING OPTIONS takes the new value"));
            }
            Some(at) => options[at] = option.clone(),
            None => options.push(option.clone()),
        }
    }
    Ok(())
}

/// The statement's columns behind those inherited: first what is stored, then what is computed of it.
fn declare(create: &CreateTable, binder: &Binder<'_>, columns: &mut Vec<Column>, like: Option<&Like>) -> Planned<()> {
    let overwrites = |feature: &str| like.is_some_and(|like| like.strategy(feature) == "OVERWRITING");
    let inherited = columns.len();
    let mut places = Vec::with_capacity(create.columns.len());
    for column in &create.columns {
        let known = columns.iter().position(|known| known.name == column.name.text);
        let place = match known {
            Some(at) if at < inherited && overwrites_column(&columns[at], &overwrites) => at,
            Some(_) => {
                let message = format!("column `{}` is declared twice", column.name.text);
                return Err(PlanError::new(Code::DuplicateColumn, message).at(column.name.span));
            }
            None => {
                columns.push(placeholder(column));
                columns.len() - 1
            }
        };
        if let ast::ColumnKind::Physical(ty) | ast::ColumnKind::Metadata { ty, .. } = &column.kind {
            columns[place] = stored(column, ty);
        } else {
            columns[place] = placeholder(column);
        }
        places.push(place);
    }
    let layout = source_layout(&without(columns, &places, create));
    let scope = Scope::of(&layout, None);
    for (column, place) in create.columns.iter().zip(places) {
        if let ast::ColumnKind::Computed(syntax) = &column.kind {
            columns[place] = computed(column, syntax, &scope, &layout, binder)?;
        }
    }
    // Inherited computed columns were bound over other positions.
    for column in columns.iter_mut().take(inherited) {
        if let ColumnKind::Computed { syntax, .. } = column.kind.clone() {
            let mut bind = ExprBinder { scope: &scope, schema: &layout, grouping: None, clause: "a computed column" };
            let expr = fold(bind.bind(&syntax)?, &binder.environment);
            column.kind = ColumnKind::Computed { expr, syntax };
        }
    }
    Ok(())
}

fn overwrites_column(column: &Column, overwrites: &impl Fn(&str) -> bool) -> bool {
    match column.kind {
        ColumnKind::Physical => false,
        ColumnKind::Computed { .. } => overwrites("GENERATED"),
        ColumnKind::Metadata { .. } => overwrites("METADATA"),
    }
}

/// The columns without those that are to be computed.
fn without(columns: &[Column], places: &[usize], create: &CreateTable) -> Vec<Column> {
    let computed: Vec<usize> = create
        .columns
        .iter()
        .zip(places)
        .filter(|(column, _)| matches!(column.kind, ast::ColumnKind::Computed(_)))
        .map(|(_, place)| *place)
        .collect();
    columns.iter().enumerate().filter(|(at, _)| !computed.contains(at)).map(|(_, column)| column.clone()).collect()
}

fn placeholder(column: &ColumnDef) -> Column {
    stored(column, &TypeKind::Null.nullable())
}

fn stored(column: &ColumnDef, ty: &LogicalType) -> Column {
    let kind = match &column.kind {
        ast::ColumnKind::Metadata { key, is_virtual, .. } => {
            ColumnKind::Metadata { key: key.clone().unwrap_or_else(|| column.name.text.clone()), is_virtual: *is_virtual }
        }
        _ => ColumnKind::Physical,
    };
    Column { name: column.name.text.clone(), span: column.name.span, kind, ty: ty.clone(), comment: column.comment.clone() }
}

fn computed(column: &ColumnDef, syntax: &ast::Expr, scope: &Scope, layout: &Schema, binder: &Binder<'_>) -> Planned<Column> {
    let mut bind = ExprBinder { scope, schema: layout, grouping: None, clause: "a computed column" };
    let expr: Expr = fold(bind.bind(syntax)?, &binder.environment);
    if expr.ty.kind == TypeKind::Null {
        return Err(PlanError::new(Code::Types, format!("column `{}` has no type", column.name.text))
            .at(syntax.span)
            .label("write CAST(NULL AS a type)"));
    }
    let ty = expr.ty.clone();
    let kind = ColumnKind::Computed { expr, syntax: syntax.clone() };
    Ok(Column { name: column.name.text.clone(), span: column.name.span, kind, ty, comment: column.comment.clone() })
}

fn checked_watermark(name: &Name, syntax: &ast::Expr, columns: &[Column], binder: &Binder<'_>) -> Planned<Watermark> {
    let schema = Schema::new(columns.iter().map(|column| irmak_common::types::Field::new(&column.name, column.ty.clone())).collect());
    let scope = Scope::of(&schema, None);
    let (column, _) = scope.resolve(std::slice::from_ref(name))?;
    let ty = &columns[column].ty;
    let precise = match ty.kind {
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => precision <= 3,
        _ => false,
    };
    if !precise || ty.kind.time_attribute() == TimeAttribute::Proctime {
        let message = format!(
            "a watermark is on a column of TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p from 0 to 3, and `{}` is {}",
            name.text,
            article(ty)
        );
        return Err(PlanError::new(Code::TimeAttribute, message).at(name.span).note(crate::advice::time_attribute(ty, Some(&name.text))));
    }
    let mut bind = ExprBinder { scope: &scope, schema: &schema, grouping: None, clause: "a watermark" };
    let expr = fold(bind.bind(syntax)?, &binder.environment);
    let same_family = matches!(
        (&plain(&expr.ty).kind, &ty.kind),
        (TypeKind::Timestamp { .. }, TypeKind::Timestamp { .. }) | (TypeKind::TimestampLtz { .. }, TypeKind::TimestampLtz { .. })
    );
    if !same_family {
        let message = format!("the watermark's expression is {}, and its column {}", article(&expr.ty), article(ty));
        return Err(PlanError::new(Code::Types, message).at(syntax.span));
    }
    Ok(Watermark { column, expr, syntax: syntax.clone(), name: name.clone() })
}

fn keys(create: &CreateTable, table: &mut Table) -> Planned<()> {
    let unknown = |name: &Name, table: &Table| {
        let known: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        PlanError::new(Code::UnknownColumn, format!("column `{}` is not in table `{}`", name.text, table.name))
            .at(name.span)
            .suggest(&name.text, known.iter().copied())
            .note(format!("columns: {}", known.join(", ")))
    };
    if let Some((names, _)) = &create.primary_key {
        table.primary_key.clear();
        if let Some(twice) = crate::session::repeated(names) {
            return Err(PlanError::new(Code::DuplicateColumn, format!("the primary key names `{}` twice", twice.text)).at(twice.span));
        }
        for name in names {
            let Some(column) = table.columns.iter_mut().find(|column| column.name == name.text) else { return Err(unknown(name, table)) };
            if !matches!(column.kind, ColumnKind::Physical) {
                let message = format!("`{}` is no physical column and cannot be in the primary key", name.text);
                return Err(PlanError::new(Code::Types, message).at(name.span));
            }
            // A key is never NULL.
            column.ty.nullable = false;
            table.primary_key.push(name.text.clone());
        }
    }
    for name in &create.partitioned_by {
        if !table.columns.iter().any(|column| column.name == name.text) {
            return Err(unknown(name, table));
        }
        table.partitioned_by.push(name.text.clone());
    }
    Ok(())
}
