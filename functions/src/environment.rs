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

    /// Whether casts are those before Flink 1.15 (`table.exec.legacy-cast-behaviour`): what cannot be cast is NULL, lengths of texts are not heeded.
    pub(crate) fn legacy_casts(&self) -> bool {
        self.options.get("table.exec.legacy-cast-behaviour").is_some_and(|value| value.trim().eq_ignore_ascii_case("enabled"))
    }

    /// The default options in this zone.
    pub fn in_zone(zone: impl Into<String>) -> Self {
        Self { zone: zone.into(), ..Self::default() }
    }
}
