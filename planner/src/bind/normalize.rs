//! Tables whose changes have to be put in order before anybody reads them: ChangelogNormalize goes directly behind their source.
//!
//! Such is `upsert-kafka`, whose records say only what a key's row is now, and a changelog format of which is said that it may repeat
//! changes (`table.exec.source.cdc-events-duplicate`). Watermarks are made in front of it, where the source's splits are still apart, as
//! Flink does for sources that make watermarks themselves; computed columns behind it. Source: Flink's
//! `StreamPhysicalTableSourceScanRule`, `DynamicSourceUtils.validateScanSourceForStreaming`.

use irmak_common::changelog_spec::NormalizeSpec;
use irmak_common::expr::Expr;
use irmak_common::operator_spec::ConnectorSpec;
use irmak_common::table_options::changelog_format;
use irmak_common::types::{Field, TimeAttribute};

use crate::algebra::{Rel, RelNode, map_columns, with_attribute};
use crate::catalog::Table;
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::scan::declared_columns;

impl Binder<'_> {
    /// The key that the table's changes are put in order by: positions of physical columns; `None`: they come as they are.
    pub(super) fn normalized_by(&self, table: &Table, connector: &ConnectorSpec, used: Span) -> Planned<Option<Vec<usize>>> {
        let physical = table.physical();
        let key: Vec<usize> = table.primary_key.iter().filter_map(|name| physical.index_of(name)).collect();
        if connector.connector == "upsert-kafka" {
            return Ok(Some(key));
        }
        let duplicate = "table.exec.source.cdc-events-duplicate";
        let asked = self.settings.get(duplicate).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        if !asked || changelog_format(&connector.options).is_none() {
            return Ok(None);
        }
        if key.is_empty() {
            let message = format!(
                "Configuration '{duplicate}' is enabled which requires the changelog sources to define a PRIMARY KEY. However, table \
                 '{}' doesn't have one.",
                table.database.dotted(&table.name)
            );
            let advice = "add PRIMARY KEY (column, ...) NOT ENFORCED to the table, or RESET the setting where each change comes once";
            return Err(PlanError::new(Code::Changelog, message).at(used).note(advice));
        }
        Ok(Some(key))
    }

    /// The table's rows with all columns as declared: source, watermark, the last row of each key, computed columns.
    pub(super) fn normalized(&self, table: &Table, scan: Rel, keys: Vec<usize>) -> Planned<Rel> {
        let mut declared = declared_columns(table, &scan);
        let mut below = scan;
        if let Some(watermark) = &table.watermark {
            let Some(time) = declared.get(watermark.column).cloned() else { return self.watermarked(table, below) };
            let place = match time.as_column() {
                Some(at) => at,
                None => {
                    below = with_column(below, time, &table.columns[watermark.column].name);
                    below.schema.len() - 1
                }
            };
            let ty = with_attribute(&below.schema.fields[place].ty, TimeAttribute::Rowtime);
            let expr = map_columns(&watermark.expr, &|column| declared.get(column).cloned()).unwrap_or_else(|| watermark.expr.clone());
            below = self.assigned(table, below, place, expr)?;
            declared[watermark.column] = Expr::column(place, ty);
        }
        let spec = NormalizeSpec { keys, update_before: true, state_ttl_ms: self.settings.state_ttl_ms()? };
        let schema = below.schema.clone();
        let rel = Rel { node: RelNode::Normalize { input: Box::new(below), spec }, schema };
        let in_order = declared.len() == rel.schema.len() && declared.iter().enumerate().all(|(at, expr)| expr.as_column() == Some(at));
        if in_order {
            return Ok(rel);
        }
        Ok(rel.project(declared, table.columns.iter().map(|column| column.name.clone()).collect()))
    }
}

/// The relation with one more column.
fn with_column(rel: Rel, expr: Expr, name: &str) -> Rel {
    let mut exprs = rel.columns();
    let names = rel.schema.fields.iter().chain([&Field::new(name, expr.ty.clone())]).map(|field| field.name.clone()).collect();
    exprs.push(expr);
    rel.project(exprs, names)
}
