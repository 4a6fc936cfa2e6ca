//! A table that is read: its source, the columns that it computes, its watermark.

use std::collections::BTreeMap;

use irmak_common::error::nearest;
use irmak_common::expr::Expr;
use irmak_common::kafka_fields::{KafkaFields, check_kafka};
use irmak_common::operator_spec::{ConnectorSpec, SourceSpec, WatermarkSpec};
use irmak_common::table_options::{self, OptionError, Side, check};
use irmak_common::types::{Field, LogicalType, Schema, TimeAttribute, TypeKind};

use crate::advice;
use crate::algebra::{Rel, RelNode, with_attribute};
use crate::catalog::{ColumnKind, Table};
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;

impl Binder<'_> {
    /// The table's rows, with all columns as declared.
    pub(crate) fn scan(&mut self, table: &Table, used: Span) -> Planned<Rel> {
        let mut connector = self.connector(table, Side::Source, used)?;
        if connector.connector == "upsert-kafka" {
            // The key's columns are the primary key's.
            connector.options.insert("key.fields".into(), table.primary_key.join(";"));
        }
        let normalized_by = self.normalized_by(table, &connector, used)?;
        let physical = table.physical();
        let metadata: Vec<_> = table
            .columns
            .iter()
            .filter_map(|column| match &column.kind {
                ColumnKind::Metadata { key, .. } => Some((key.clone(), column)),
                _ => None,
            })
            .collect();
        let offered = table_options::connector(&connector.connector).map_or(&[][..], |connector| connector.metadata);
        if let Some((key, column)) = metadata.iter().find(|(key, _)| !offered.contains(&key.as_str())) {
            let message = format!(
                "column `{}` of table `{}` is metadata `{key}`, which connector {} does not have",
                column.name, table.name, connector.connector
            );
            let error = PlanError::new(Code::UnknownField, message).at(used).suggest(key, offered.iter().copied());
            let none = format!("connector {} has no metadata columns", connector.connector);
            return Err(error.note(if offered.is_empty() { none } else { format!("metadata: {}", offered.join(", ")) }));
        }
        let mut schema = physical.clone();
        schema.fields.extend(metadata.iter().map(|(_, column)| Field::new(&column.name, column.ty.clone())));
        let source = SourceSpec {
            table: table.name.clone(),
            database: table.database.clone(),
            connector,
            projection: (0..physical.len()).collect(),
            partition_by: table.partitioned_by.iter().filter_map(|name| physical.index_of(name)).collect(),
            primary_key: table.primary_key.iter().filter_map(|name| physical.index_of(name)).collect(),
            physical,
            metadata: metadata.iter().map(|(key, column)| (key.clone(), column.ty.clone())).collect(),
        };
        let scan = Rel { node: RelNode::Scan(Box::new(source)), schema };
        let rel = match normalized_by {
            _ if self.settings.batch() => self.bounded(table, declared(table, scan), used)?,
            Some(keys) => self.normalized(table, scan, keys)?,
            None => self.watermarked(table, declared(table, scan))?,
        };
        let schema = rel.schema.clone();
        Ok(Rel { node: RelNode::Table { input: Box::new(rel), name: table.name.clone() }, schema })
    }

    /// A table's connector, its options checked for one side.
    pub(crate) fn connector(&mut self, table: &Table, side: Side, used: Span) -> Planned<ConnectorSpec> {
        let mut options = table.option_map();
        let warnings = check(&options, side).map_err(|error| option_error(table, &error, used))?;
        for warning in warnings {
            self.warn(format!("table {}: {warning}", table.name));
        }
        if matches!(options.get("connector").map(String::as_str), Some("kafka" | "upsert-kafka")) {
            let physical = table.physical();
            let columns: Vec<&str> = physical.fields.iter().map(|field| field.name.as_str()).collect();
            let metadata = table.columns.iter().filter_map(|column| match &column.kind {
                ColumnKind::Metadata { key, is_virtual: false } => Some(key.as_str()),
                _ => None,
            });
            let metadata: Vec<&str> = metadata.collect();
            let checked = check_kafka(&options, side, &columns, &metadata).and_then(|()| match options.get("connector") {
                Some(name) if name == "upsert-kafka" => {
                    let position = |key: &String| columns.iter().position(|column| column == key);
                    let key: Vec<usize> = table.primary_key.iter().filter_map(position).collect();
                    KafkaFields::upsert(&options, &columns, &key).map(|_| ())
                }
                _ => Ok(()),
            });
            checked.map_err(|error| option_error(table, &error, used))?;
        }
        let connector = options.remove("connector").unwrap_or_default();
        Ok(ConnectorSpec { connector, options })
    }

    pub(super) fn watermarked(&self, table: &Table, rel: Rel) -> Planned<Rel> {
        let Some(watermark) = &table.watermark else { return Ok(rel) };
        self.assigned(table, rel, watermark.column, watermark.expr.clone())
    }

    /// Declares the event time of a column: `expr` is the watermark after a row.
    pub(super) fn assigned(&self, table: &Table, rel: Rel, rowtime: usize, expr: Expr) -> Planned<Rel> {
        let mut schema = rel.schema.clone();
        let field = &mut schema.fields[rowtime];
        field.ty = in_millis(with_attribute(&field.ty, TimeAttribute::Rowtime));
        let spec = WatermarkSpec {
            rowtime,
            expr,
            idle_timeout_ms: self.settings.idle_timeout_ms(&table.option_map())?,
            emit_gap_ms: self.settings.watermark_gap_ms()?,
            exact: false,
        };
        Ok(Rel { node: RelNode::Watermark { input: Box::new(rel), spec: Box::new(spec) }, schema })
    }
}

/// A time attribute counts milliseconds whatever the column's precision, as Flink's does. The values are stored so already.
fn in_millis(ty: LogicalType) -> LogicalType {
    let kind = match ty.kind {
        TypeKind::Timestamp { attribute, .. } => TypeKind::Timestamp { precision: 3, attribute },
        TypeKind::TimestampLtz { attribute, .. } => TypeKind::TimestampLtz { precision: 3, attribute },
        kind => kind,
    };
    LogicalType { kind, nullable: ty.nullable }
}

/// The columns in the order of their declaration, computed ones computed.
fn declared(table: &Table, scan: Rel) -> Rel {
    let exprs = declared_columns(table, &scan);
    let in_order = exprs.len() == scan.schema.len() && exprs.iter().enumerate().all(|(at, expr)| expr.as_column() == Some(at));
    if in_order {
        return scan;
    }
    let names = table.columns.iter().map(|column| column.name.clone()).collect();
    scan.project(exprs, names)
}

/// The declared columns, over those of the source.
pub(super) fn declared_columns(table: &Table, scan: &Rel) -> Vec<Expr> {
    let (mut physical, mut metadata) = (0, scan.schema.len() - metadata_columns(table));
    let mut exprs = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        let position = match &column.kind {
            ColumnKind::Physical => &mut physical,
            ColumnKind::Metadata { .. } => &mut metadata,
            ColumnKind::Computed { expr, .. } => {
                exprs.push(expr.clone());
                continue;
            }
        };
        exprs.push(Expr::column(*position, column.ty.clone()));
        *position += 1;
    }
    exprs
}

fn metadata_columns(table: &Table) -> usize {
    table.columns.iter().filter(|column| matches!(column.kind, ColumnKind::Metadata { .. })).count()
}

/// What computed columns and watermarks may read: physical columns, then metadata.
pub(crate) fn source_layout(table_columns: &[crate::catalog::Column]) -> Schema {
    let of = |metadata: bool| {
        table_columns
            .iter()
            .filter(move |column| match column.kind {
                ColumnKind::Physical => !metadata,
                ColumnKind::Metadata { .. } => metadata,
                ColumnKind::Computed { .. } => false,
            })
            .map(|column| Field::new(&column.name, column.ty.clone()))
    };
    Schema::new(of(false).chain(of(true)).collect())
}

/// An option's error at the option, or at the table's name.
pub(crate) fn option_error(table: &Table, error: &OptionError, used: Span) -> PlanError {
    let code = match error {
        OptionError::NoConnector | OptionError::Missing { .. } => Code::MissingOption,
        OptionError::UnknownConnector { .. } | OptionError::WrongSide { .. } => Code::UnknownConnector,
        OptionError::UnknownFormat { .. } => Code::UnknownFormat,
        OptionError::Unknown { .. } => Code::UnknownOption,
        OptionError::Value { .. } => Code::OptionValue,
    };
    let option = error.key().and_then(|key| table.options.iter().find(|option| option.key == key));
    // A required option that is misspelled is missing; the place to look at is the misspelling.
    let misspelled = match error {
        OptionError::NoConnector => nearest("connector", table.options.iter().map(|option| option.key.as_str())),
        OptionError::Missing { key, .. } => nearest(key, table.options.iter().map(|option| option.key.as_str())),
        _ => None,
    };
    let option = option.or_else(|| table.options.iter().find(|option| Some(option.key.as_str()) == misspelled));
    let refusal = PlanError::new(code, format!("table `{}`: {error}", table.name));
    let refusal = match (error, option) {
        (OptionError::Unknown { .. } | OptionError::NoConnector | OptionError::Missing { .. }, Some(option)) => refusal.at(option.key_span),
        (_, Some(option)) => refusal.at(option.value_span),
        (_, None) if table.span != Span::default() => refusal.at(table.span),
        (_, None) => refusal.at(used),
    };
    match error {
        OptionError::Unknown { near, known, .. } => {
            let refusal = if let Some(near) = near { refusal.label(format!("did you mean `{near}`?")) } else { refusal };
            refusal.note(format!("options: {}", known.join(", ")))
        }
        OptionError::UnknownConnector { name } => {
            let known: Vec<&str> = irmak_common::table_options::CONNECTORS.iter().map(|connector| connector.name).collect();
            let refusal = refusal.suggest(name, known.iter().copied()).note(format!("connectors: {}", known.join(", ")));
            advised(refusal, advice::connector(name))
        }
        OptionError::UnknownFormat { name, .. } => {
            let known: Vec<&str> = irmak_common::table_options::FORMATS.iter().map(|format| format.name).collect();
            let refusal = refusal.suggest(name, known.iter().copied()).note(format!("formats: {}", known.join(", ")));
            advised(refusal, advice::format(name))
        }
        OptionError::NoConnector => missing(refusal, "connector", &table.option_map()),
        OptionError::Missing { key, .. } => missing(refusal, key, &table.option_map()),
        _ => refusal,
    }
}

fn advised(refusal: PlanError, advice: Option<&str>) -> PlanError {
    match advice {
        Some(advice) => refusal.note(advice),
        None => refusal,
    }
}

fn missing(refusal: PlanError, key: &str, given: &BTreeMap<String, String>) -> PlanError {
    match nearest(key, given.keys().map(String::as_str)) {
        Some(_) => refusal.label(format!("did you mean `{key}`?")),
        None => refusal.label(format!("WITH needs '{key}' = '...'")),
    }
}
