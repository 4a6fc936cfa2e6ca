//! What an expression's meaning depends on beyond its operands: the session's options.

use std::collections::BTreeMap;

/// The session's options that expressions look at. Fixed when a job is planned; part of its graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `table.local-time-zone`: a tz database name (`Asia/Shanghai`), `UTC`, or an offset (`+03:00`, `GMT+3`).
    pub zone: String,
    /// Other options under Flink's keys; unknown ones are no matter of this crate.
    pub options: BTreeMap<String, String>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { zone: "UTC".into(), options: BTreeMap::new() }
    }
}

impl Environment {
    /// The option that names the database in use, Flink's internal one. The planner sets it where it computes constants, and nobody else.
    pub const CURRENT_DATABASE: &'static str = "__table.query-start.current-database__";

    /// The default options in this zone.
    pub fn in_zone(zone: impl Into<String>) -> Self {
        Self { zone: zone.into(), ..Self::default() }
    }
}
