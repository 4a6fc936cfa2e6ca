//! Tables with versions: a primary key and a rowtime, declared or made by a view that keeps the last row of each key.

use crate::algebra::{Rel, RelNode};
use crate::ast::Alias;
use crate::catalog::{Entry, span_of};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::Binder;
use super::join::{Versioned, rowtime};

impl Binder<'_> {
    /// The table behind `FOR SYSTEM_TIME AS OF`.
    pub(crate) fn versioned(&mut self, name: &[Name], options: &[(String, String)], alias: Option<&Alias>, at: Span) -> Planned<Versioned> {
        let scoped = self.named_table(name, options, alias)?;
        let last = name.last().map_or("", |name| name.text.as_str()).to_owned();
        let key = match self.catalog.get_from(&self.home, name) {
            Some(Entry::Table(table)) if !self.ctes.iter().any(|(cte, _)| *cte == last) => {
                let place = |key: &String| table.columns.iter().position(|column| column.name == *key);
                table.primary_key.iter().map(place).collect::<Option<Vec<_>>>().filter(|key| !key.is_empty())
            }
            _ => unique_key(&scoped.rel),
        };
        let Some(key) = key else {
            let message = format!("a temporal join needs a primary key, and table `{last}` has none");
            let error = PlanError::new(Code::Types, message).at(span_of(name)).label("declare PRIMARY KEY (...) NOT ENFORCED");
            return Err(
                error.note("a view that keeps the last row of each key has one: ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) = 1")
            );
        };
        let Some(time) = rowtime(&scoped.rel) else {
            let message = format!("a temporal join needs a time attribute in table `{last}`, from which on each version holds");
            return Err(PlanError::new(Code::TimeAttribute, message).at(at).label("declare a WATERMARK"));
        };
        Ok(Versioned { scoped, key, time })
    }
}

/// The columns by which the rows of a relation differ, where an operator made it so.
fn unique_key(rel: &Rel) -> Option<Vec<usize>> {
    match &rel.node {
        RelNode::Deduplicate { spec, .. } => Some(spec.keys.clone()),
        RelNode::RowNumber { spec, .. } if spec.start == 1 && spec.end == Some(1) => Some(spec.partition_by.clone()),
        RelNode::Rank { spec, .. } if spec.start == 1 && spec.end == 1 => Some(spec.partition_by.clone()),
        RelNode::GroupAggregate { spec, .. } => Some((0..spec.keys.len()).collect()),
        RelNode::Filter { input, .. } => unique_key(input),
        RelNode::Project { input, exprs } => {
            let below = unique_key(input)?;
            below.into_iter().map(|key| exprs.iter().position(|expr| expr.as_column() == Some(key))).collect()
        }
        _ => None,
    }
}
