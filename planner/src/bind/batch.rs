//! Tables in batch mode: they must end, and have no time attributes.
//!
//! Source: Flink's `DynamicSourceUtils.validateScanSourceForBatch` and `DefaultSchemaResolver`.

use std::collections::BTreeMap;

use irmak_common::table_options::changelog_format;

use crate::algebra::{Rel, RelNode, plain};
use crate::catalog::Table;
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;

impl Binder<'_> {
    /// The table's rows, its watermark left out: nothing is late where all of the input is known.
    ///
    /// # Errors
    /// Flink's refusals of tables without end, and of tables whose rows change.
    pub(crate) fn bounded(&self, table: &Table, mut rel: Rel, used: Span) -> Planned<Rel> {
        let options = table.option_map();
        let connector = options.get("connector").map_or("", String::as_str);
        let name = table.database.dotted(&table.name);
        if let Some(how) = endless(connector, &options) {
            let message = format!("Querying an unbounded table '{name}' in batch mode is not allowed. The table source is unbounded.");
            return Err(PlanError::new(Code::Unsupported, message).at(used).note(how));
        }
        if connector == "upsert-kafka" || changelog_format(&options).is_some() {
            let message = format!(
                "Querying a table in batch mode is currently only possible for INSERT-only table sources. But the source for table \
                 '{name}' produces other changelog messages than INSERT."
            );
            let how = "read it in streaming mode: SET 'execution.runtime-mode' = 'streaming'";
            return Err(PlanError::new(Code::Unsupported, message).at(used).note(how));
        }
        rel.schema.fields.iter_mut().for_each(|field| field.ty = plain(&field.ty));
        if let RelNode::Project { exprs, .. } = &mut rel.node {
            exprs.iter_mut().for_each(|expr| expr.ty = plain(&expr.ty));
        }
        Ok(rel)
    }
}

/// How to give a table without end one; `None`: it ends by itself.
fn endless(connector: &str, options: &BTreeMap<String, String>) -> Option<String> {
    let given = |key: &str| options.get(key).map(|value| value.trim().to_ascii_lowercase());
    match connector {
        "kafka" | "upsert-kafka" if given("scan.bounded.mode").is_none_or(|mode| mode == "unbounded") => {
            Some("give it an end: 'scan.bounded.mode' = 'latest-offset' in its WITH".to_owned())
        }
        "filesystem" if given("source.monitor-interval").is_some() => {
            Some("leave 'source.monitor-interval' out of its WITH: the files that are there are then all".to_owned())
        }
        "datagen" if given("number-of-rows").is_none() && !options.iter().any(is_sequence) => {
            Some("give it an end: 'number-of-rows' = '...' in its WITH, or a column of kind 'sequence'".to_owned())
        }
        _ => None,
    }
}

fn is_sequence((key, value): (&String, &String)) -> bool {
    key.starts_with("fields.") && key.ends_with(".kind") && value.trim().eq_ignore_ascii_case("sequence")
}
