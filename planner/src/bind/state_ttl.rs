//! `SELECT /*+ STATE_TTL('o' = '1 d', 'c' = '12 h') */`: how long a join or a GROUP BY keeps what came from a table, in place of
//! `table.exec.state.ttl`.
//!
//! A table goes by its alias, or by its name where it has none. A hint speaks of the tables of its own SELECT alone. Source: Flink's
//! `StateTtlHint` and `QueryHintsResolver`.

use irmak_common::duration::parse_duration;

use crate::ast::{Select, TableRef};
use crate::error::{Code, PlanError, Planned};

use super::Binder;

/// What the hints of a SELECT say, by table.
pub(crate) type Lives = Vec<(String, u64)>;

impl Binder<'_> {
    /// The hints of a SELECT, read.
    pub(super) fn lives(select: &Select) -> Planned<Lives> {
        let mut names = Vec::new();
        select.from.iter().for_each(|from| tables(from, &mut names));
        let mut lives = Vec::with_capacity(select.state_ttl.len());
        for entry in &select.state_ttl {
            if !names.contains(&entry.table.as_str()) {
                let message = format!(
                    "The options of following hints cannot match the name of input tables or views: `{}` in `STATE_TTL`",
                    entry.table
                );
                let error = PlanError::new(Code::UnknownTable, message).at(entry.span).suggest(&entry.table, names.iter().copied());
                return Err(error.note("a table goes by its alias where it has one"));
            }
            let ttl = parse_duration(&entry.ttl).map_err(|error| {
                PlanError::new(Code::SettingValue, format!("STATE_TTL of `{}` takes a duration such as `1 d`; {error}", entry.table))
                    .at(entry.span)
            })?;
            lives.push((entry.table.clone(), u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
        }
        Ok(lives)
    }

    /// How long the state of a table of the present SELECT lives, where a hint says so.
    pub(super) fn life_of(&self, table: &TableRef) -> Option<u64> {
        let name = name_of(table)?;
        self.lives.iter().find(|(known, _)| known == name).map(|(_, ttl)| *ttl)
    }

    /// How long the groups of the present SELECT live.
    pub(super) fn life_of_groups(&self) -> Planned<u64> {
        self.groups_live.map_or_else(|| self.settings.state_ttl_ms(), Ok)
    }
}

/// The name that a hint calls a table by.
fn name_of(table: &TableRef) -> Option<&str> {
    match table {
        TableRef::Table { alias: Some(alias), .. }
        | TableRef::Derived { alias: Some(alias), .. }
        | TableRef::Window { alias: Some(alias), .. } => Some(&alias.name.text),
        TableRef::Table { name, .. } => name.last().map(|name| name.text.as_str()),
        _ => None,
    }
}

fn tables<'a>(from: &'a TableRef, names: &mut Vec<&'a str>) {
    match from {
        TableRef::Join { left, right, .. } => {
            tables(left, names);
            tables(right, names);
        }
        other => names.extend(name_of(other)),
    }
}
