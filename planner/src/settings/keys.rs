//! The keys that are known, and what to say of others.

use irmak_common::error::nearest;

/// What to say of a key that nobody knows; `None`: it is known.
pub(crate) fn unknown_key(key: &str) -> Option<String> {
    let known = |known: &&str| key == *known || known.strip_suffix('*').is_some_and(|prefix| key.starts_with(prefix));
    if KEYS.iter().any(known) {
        return None;
    }
    // A key's first word alone is what is left of a longer one in other systems.
    let part = || KEYS.iter().copied().find(|known| known.split_once('.').is_some_and(|(first, _)| first.eq_ignore_ascii_case(key)));
    let near = nearest(key, KEYS.iter().copied()).or_else(part).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Some(format!("setting `{key}` is not known and has no effect{near}"))
}

/// Keys that have an effect, or that Flink jobs carry and that need none here.
const KEYS: &[&str] = &[
    "cluster.*",
    "execution.attached",
    "execution.checkpointing.*",
    "execution.runtime-mode",
    "execution.target",
    "heartbeat.*",
    "io.tmp.dirs",
    "jobmanager.*",
    "metrics.*",
    "parallelism.default",
    "parallelism.max",
    "pipeline.auto-watermark-interval",
    "pipeline.max-parallelism",
    "pipeline.name",
    "pipeline.object-reuse",
    "pipeline.operator-chaining",
    "pipeline.operator-chaining.enabled",
    "rest.*",
    "restart-strategy",
    "restart-strategy.*",
    "sql-client.*",
    "state.backend",
    "state.backend.*",
    "state.checkpoints.dir",
    "state.checkpoints.num-retained",
    "state.savepoints.dir",
    "state.storage.*",
    "table.dml-sync",
    "table.dynamic-table-options.enabled",
    "table.exec.emit.allow-lateness",
    "table.exec.emit.early-fire.delay",
    "table.exec.emit.early-fire.enabled",
    "table.exec.emit.late-fire.delay",
    "table.exec.emit.late-fire.enabled",
    "table.exec.legacy-cast-behaviour",
    "table.exec.mini-batch.allow-latency",
    "table.exec.mini-batch.enabled",
    "table.exec.mini-batch.size",
    "table.exec.resource.default-parallelism",
    "table.exec.sink.*",
    "table.exec.source.cdc-events-duplicate",
    "table.exec.source.idle-timeout",
    "table.exec.state.ttl",
    "table.exec.window-agg.buffer-size-limit",
    "table.local-time-zone",
    "table.optimizer.*",
    "table.plan.*",
    "table.planner",
    "table.sql-dialect",
    "taskmanager.*",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest() {
        assert_eq!(unknown_key("parallelism.default"), None);
        assert_eq!(unknown_key("execution.checkpointing.interval"), None);
        let warning = unknown_key("paralelism.default").unwrap();
        assert!(warning.ends_with("did you mean `parallelism.default`?"), "{warning}");
    }
}
