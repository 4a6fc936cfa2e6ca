//! `INSERT INTO`: the query's columns become the sink's.

use irmak_common::expr::Expr;
use irmak_common::operator_spec::SinkSpec;
use irmak_common::table_options::Side;
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};
use irmak_functions::implicitly_castable;

use crate::algebra::{Rel, Root, Target, cast_to, plain, same_kind};
use crate::ast::Insert;
use crate::catalog::{ColumnKind, Entry, Table, span_of};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::Binder;
use super::expr::ExprBinder;
use super::scope::Scope;

impl Binder<'_> {
    /// The query of an INSERT, with the sink's columns, and the sink.
    pub(crate) fn insert(&mut self, insert: &Insert) -> Planned<Root> {
        let table = match self.catalog.resolve(&insert.table)? {
            Entry::Table(table) => table.clone(),
            Entry::View(_) => {
                return Err(PlanError::new(Code::UnknownTable, "a view cannot be written to").at(span_of(&insert.table)));
            }
        };
        if let Some(span) = insert.overwrite {
            return Err(PlanError::new(Code::Unsupported, "INSERT OVERWRITE is for batch jobs").at(span).label("write INSERT INTO"));
        }
        let columns = sink_columns(&table);
        let targets = self.targets(insert, &table, &columns)?;
        let query = self.query(&insert.query)?;
        let rel = self.fitted(insert, &table, query, &columns, &targets)?;
        let connector = self.connector(&table, Side::Sink, span_of(&insert.table))?;
        let metadata = written_metadata(&table, &connector.connector, span_of(&insert.table))?;
        let parallelism = self.settings.sink_parallelism(&connector.options)?;
        let position = |name: &String| columns.fields.iter().position(|field| field.name == *name);
        let spec = SinkSpec {
            ends_old_keys: false,
            table: table.name.clone(),
            database: table.database.clone(),
            connector,
            partition_by: table.partitioned_by.iter().filter_map(position).collect(),
            primary_key: table.primary_key.iter().filter_map(position).collect(),
            metadata: metadata.into_iter().filter_map(|(name, key)| Some((position(&name)?, key))).collect(),
            schema: columns,
        };
        Ok(Root { rel, target: Target::Sink { spec, parallelism }, span: span_of(&insert.table) })
    }

    /// Which sink column each column of the query goes to; static partitions are none of them.
    fn targets(&mut self, insert: &Insert, table: &Table, columns: &Schema) -> Planned<Vec<usize>> {
        let known: Vec<&str> = columns.fields.iter().map(|field| field.name.as_str()).collect();
        let find = |name: &Name| {
            known.iter().position(|known| *known == name.text).ok_or_else(|| {
                PlanError::new(Code::UnknownColumn, format!("there is no column `{}` to write in `{}`", name.text, table.name))
                    .at(name.span)
                    .suggest(&name.text, known.iter().copied())
                    .note(format!("columns: {}", known.join(", ")))
            })
        };
        let mut fixed = Vec::new();
        for (name, _) in &insert.partition {
            if !table.partitioned_by.contains(&name.text) {
                let message = format!("`{}` is not a partition column of `{}`", name.text, table.name);
                return Err(PlanError::new(Code::UnknownColumn, message).at(name.span));
            }
            fixed.push(find(name)?);
        }
        if insert.columns.is_empty() {
            return Ok((0..columns.len()).filter(|at| !fixed.contains(at)).collect());
        }
        let mut targets = Vec::new();
        for name in &insert.columns {
            let at = find(name)?;
            if targets.contains(&at) {
                return Err(PlanError::new(Code::DuplicateColumn, format!("column `{}` is written twice", name.text)).at(name.span));
            }
            targets.push(at);
        }
        Ok(targets)
    }

    /// The query's rows as rows of the sink.
    fn fitted(&mut self, insert: &Insert, table: &Table, query: Rel, columns: &Schema, targets: &[usize]) -> Planned<Rel> {
        if query.schema.len() != targets.len() {
            return Err(count_mismatch(insert, table, &query, columns, targets));
        }
        let mut exprs: Vec<Option<Expr>> = vec![None; columns.len()];
        for (expr, target) in query.columns().into_iter().zip(targets) {
            let field = &columns.fields[*target];
            let from = plain(&expr.ty);
            if !storable(&from, &field.ty) {
                return Err(self.incompatible(insert, &query, *target, targets, field));
            }
            exprs[*target] = Some(fit(plain_column(expr), &field.ty));
        }
        for (name, value) in &insert.partition {
            let (scope, schema) = (Scope::default(), Schema::default());
            let bound = ExprBinder { scope: &scope, schema: &schema, grouping: None, clause: "PARTITION" }.bind(value)?;
            if let Some(at) = columns.fields.iter().position(|field| field.name == name.text) {
                exprs[at] = Some(cast_to(bound, &columns.fields[at].ty));
            }
        }
        let missing = exprs.iter().zip(&columns.fields).find(|(expr, field)| expr.is_none() && !field.ty.nullable);
        if let Some((_, field)) = missing {
            let message = format!("column `{}` of `{}` is NOT NULL and is not written", field.name, table.name);
            return Err(PlanError::new(Code::Incompatible, message).at(span_of(&insert.columns)));
        }
        let exprs = exprs.into_iter().zip(&columns.fields).map(|(expr, field)| expr.unwrap_or_else(|| Expr::null(field.ty.kind.clone())));
        let names = columns.fields.iter().map(|field| field.name.clone()).collect();
        Ok(query.project(exprs.collect(), names))
    }

    fn incompatible(&self, insert: &Insert, query: &Rel, target: usize, targets: &[usize], field: &Field) -> PlanError {
        let at = targets.iter().position(|known| *known == target).unwrap_or_default();
        let given = &query.schema.fields[at];
        let message = format!("column `{}` of the query is {}, but `{}` of the sink is {}", given.name, given.ty, field.name, field.ty);
        PlanError::new(Code::Incompatible, message).at(item_span(insert, at)).label(format!("cast it: CAST(... AS {})", field.ty.kind))
    }
}

/// A column as what the sink stores: a time attribute is a plain timestamp there.
fn plain_column(expr: Expr) -> Expr {
    let ty = plain(&expr.ty);
    Expr { ty, ..expr }
}

/// A column as one of the sink's type. Texts and bytes that surely fit stay what they are; others are cut and padded by the cast.
///
/// Source: Flink's `LogicalTypeCasts.supportsAvoidingCast`.
fn fit(column: Expr, ty: &LogicalType) -> Expr {
    use TypeKind as K;
    let fits = match (&column.ty.kind, &ty.kind) {
        (K::Char(from) | K::Varchar(from), K::Varchar(to)) => from <= to,
        (K::Binary(from) | K::Varbinary(from), K::Varbinary(to)) => from <= to,
        _ => false,
    };
    if fits {
        let ty = ty.with_nullable(column.ty.nullable);
        return Expr { ty, ..column };
    }
    cast_to(column, ty)
}

/// Whether a sink's column takes values of the type as they come. Source: Flink's `LogicalTypeCasts.supportsImplicitCast`, by which a text of
/// any length is no CHAR, and bytes of any length are no BINARY.
fn storable(from: &LogicalType, to: &LogicalType) -> bool {
    same_kind(from, to) || (implicitly_castable(from, to) && !fixes_length(&from.kind, &to.kind))
}

fn fixes_length(from: &TypeKind, to: &TypeKind) -> bool {
    use TypeKind as K;
    match (from, to) {
        (K::Varchar(_), K::Char(_)) | (K::Varbinary(_), K::Binary(_)) => true,
        (K::Array(a), K::Array(b)) | (K::Multiset(a), K::Multiset(b)) => fixes_length(&a.kind, &b.kind),
        (K::Map(ak, av), K::Map(bk, bv)) => fixes_length(&ak.kind, &bk.kind) || fixes_length(&av.kind, &bv.kind),
        (K::Row(a), K::Row(b)) => a.iter().zip(b).any(|(a, b)| fixes_length(&a.ty.kind, &b.ty.kind)),
        _ => false,
    }
}

/// The place of an item of the query's SELECT list, or of the query.
fn item_span(insert: &Insert, at: usize) -> Span {
    if let crate::ast::Body::Select(select) = &insert.query.body
        && let Some(crate::ast::SelectItem::Expr { expr, .. }) = select.items.get(at)
        && select.items.iter().take(at).all(|item| matches!(item, crate::ast::SelectItem::Expr { .. }))
    {
        return expr.span;
    }
    insert.query.span
}

/// The metadata columns that are written: (column, metadata key).
fn written_metadata(table: &Table, connector: &str, used: Span) -> Planned<Vec<(String, String)>> {
    let writable = irmak_common::table_options::connector(connector).map_or(&[][..], |connector| connector.writable_metadata());
    let mut written = Vec::new();
    for column in &table.columns {
        let ColumnKind::Metadata { key, is_virtual: false } = &column.kind else { continue };
        if !writable.contains(&key.as_str()) {
            let message =
                format!("column `{}` of table `{}` is metadata `{key}`, which connector {connector} cannot write", column.name, table.name);
            let error = PlanError::new(Code::Unsupported, message).at(used).label("declare the column VIRTUAL, it is then only read");
            let none = format!("connector {connector} has no metadata columns that can be written");
            return Err(error.note(if writable.is_empty() { none } else { format!("writable metadata: {}", writable.join(", ")) }));
        }
        written.push((column.name.clone(), key.clone()));
    }
    Ok(written)
}

/// The columns that a sink stores: what is computed, or is metadata that is only read, is not written.
pub(crate) fn sink_columns(table: &Table) -> Schema {
    let stored =
        table.columns.iter().filter(|column| matches!(column.kind, ColumnKind::Physical | ColumnKind::Metadata { is_virtual: false, .. }));
    Schema::new(stored.map(|column| Field::new(&column.name, column.ty.clone())).collect())
}

fn count_mismatch(insert: &Insert, table: &Table, query: &Rel, columns: &Schema, targets: &[usize]) -> PlanError {
    let told = |fields: &mut dyn Iterator<Item = &Field>| {
        fields.map(|field| format!("{}: {}", field.name, field.ty)).collect::<Vec<_>>().join(", ")
    };
    let sink = told(&mut targets.iter().map(|at| &columns.fields[*at]));
    let given = told(&mut query.schema.fields.iter());
    PlanError::new(
        Code::ColumnCount,
        format!(
            "the query has {} column{}, and {} of `{}` {} written",
            query.schema.len(),
            if query.schema.len() == 1 { "" } else { "s" },
            targets.len(),
            table.name,
            if targets.len() == 1 { "is" } else { "are" }
        ),
    )
    .at(insert.query.span)
    .note(format!("query: [{given}]"))
    .note(format!("sink:  [{sink}]"))
}
