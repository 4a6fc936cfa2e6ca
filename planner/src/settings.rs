//! The session's options: Flink's keys, what the planner makes of them, and which keys exist.

use std::collections::BTreeMap;

use irmak_common::changelog_spec::MiniBatch;
use irmak_common::duration::parse_duration;
use irmak_common::error::nearest;
use irmak_common::job_graph::{CheckpointOptions, RestartStrategy};
use irmak_common::key_group::MaxParallelism;
use irmak_functions::Environment;

use crate::changelog::materialize::Materialize;
use crate::constraint::{LengthEnforcer, NullEnforcer};
use crate::error::{Code, PlanError, Planned, Span};

/// Options by key: the cluster's and the command line's, then what the script SETs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    base: BTreeMap<String, String>,
    set: BTreeMap<String, (String, Span)>,
}

const EARLY_FIRE: &str = "table.exec.emit.early-fire.enabled";
const LATE_FIRE: &str = "table.exec.emit.late-fire.enabled";

/// When windows speak besides their end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fires {
    /// With every row before it.
    pub(crate) early: bool,
    /// With every row so long after it.
    pub(crate) lateness_ms: u64,
}

impl Settings {
    /// The options that hold before the script.
    pub(crate) fn new(base: &BTreeMap<String, String>) -> Self {
        Self { base: base.clone(), set: BTreeMap::new() }
    }

    /// SET; returns a warning where the key is not known.
    pub(crate) fn set(&mut self, key: &str, value: &str, span: Span) -> Option<String> {
        self.set.insert(key.to_owned(), (value.to_owned(), span));
        unknown_key(key)
    }

    /// RESET of one key, or of all.
    pub(crate) fn reset(&mut self, key: Option<&str>) {
        match key {
            Some(key) => {
                self.set.remove(key);
            }
            None => self.set.clear(),
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.set.get(key).map(|(value, _)| value).or_else(|| self.base.get(key)).map(String::as_str)
    }

    /// All options that hold.
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut all = self.base.clone();
        all.extend(self.set.iter().map(|(key, (value, _))| (key.clone(), value.clone())));
        all
    }

    /// The first of these keys that is given, with its value: new names first, old ones behind.
    fn first<'a>(&'a self, keys: &[&'static str]) -> Option<(&'static str, &'a str)> {
        keys.iter().find_map(|key| self.get(key).map(|value| (*key, value)))
    }

    /// The error of a value that a key does not take.
    fn bad(&self, key: &str, value: &str, expected: &str) -> PlanError {
        let error = PlanError::new(Code::SettingValue, format!("`{key}` cannot be `{value}`")).label(format!("expected: {expected}"));
        match self.set.get(key) {
            Some((_, span)) => error.at(*span),
            None => error,
        }
    }

    fn parsed<T: std::str::FromStr>(&self, keys: &[&'static str], expected: &str) -> Planned<Option<T>> {
        let Some((key, value)) = self.first(keys) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| self.bad(key, value, expected))
    }

    fn millis(&self, keys: &[&'static str]) -> Planned<Option<u64>> {
        let Some((key, value)) = self.first(keys) else { return Ok(None) };
        let duration = parse_duration(value).map_err(|error| self.bad(key, value, &format!("a duration such as `10 s`; {error}")))?;
        Ok(Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// What expressions depend on.
    pub(crate) fn environment(&self) -> Environment {
        let zone = match self.get("table.local-time-zone") {
            None | Some("default") => "UTC".to_owned(),
            Some(zone) => zone.to_owned(),
        };
        Environment { zone, options: self.all() }
    }

    /// `parallelism.default`.
    pub(crate) fn parallelism(&self) -> Planned<u32> {
        let parallelism =
            self.parsed::<u32>(&["parallelism.default", "table.exec.resource.default-parallelism"], "a whole number from 1")?;
        match parallelism {
            None => Ok(1),
            Some(0) => Err(self.bad("parallelism.default", "0", "a whole number from 1")),
            Some(parallelism) if parallelism > 32_768 => Err(self.bad("parallelism.default", &parallelism.to_string(), "at most 32768")),
            Some(parallelism) => Ok(parallelism),
        }
    }

    /// `sink.parallelism` of a table.
    pub(crate) fn sink_parallelism(&self, options: &BTreeMap<String, String>) -> Planned<Option<u32>> {
        let Some(value) = options.get("sink.parallelism") else { return Ok(None) };
        match value.trim().parse::<u32>() {
            Ok(parallelism) if (1..=32_768).contains(&parallelism) => Ok(Some(parallelism)),
            _ => Err(PlanError::new(Code::OptionValue, format!("`sink.parallelism` cannot be `{value}`: a whole number from 1 to 32768"))),
        }
    }

    /// `pipeline.max-parallelism`.
    pub(crate) fn max_parallelism(&self) -> Planned<MaxParallelism> {
        let keys = ["pipeline.max-parallelism", "parallelism.max"];
        let Some(groups) = self.parsed::<i64>(&keys, "a whole number from 1 to 32768")? else { return Ok(MaxParallelism::default()) };
        if groups == -1 {
            return Ok(MaxParallelism::default());
        }
        let checked = u32::try_from(groups).ok().and_then(MaxParallelism::new);
        checked.ok_or_else(|| self.bad(keys[0], &groups.to_string(), "a whole number from 1 to 32768"))
    }

    /// `table.exec.source.idle-timeout`, or the table's own `scan.watermark.idle-timeout`; `None`: sources are never idle.
    pub(crate) fn idle_timeout_ms(&self, table: &BTreeMap<String, String>) -> Planned<Option<u64>> {
        let own = table.get("scan.watermark.idle-timeout").and_then(|value| parse_duration(value).ok());
        let own = own.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let timeout = match own {
            Some(own) => Some(own),
            None => self.millis(&["table.exec.source.idle-timeout"])?,
        };
        Ok(timeout.filter(|timeout| *timeout > 0))
    }

    /// `pipeline.auto-watermark-interval`: event time between two watermarks, 200 ms unless said otherwise.
    pub(crate) fn watermark_gap_ms(&self) -> Planned<i64> {
        let gap = self.millis(&["pipeline.auto-watermark-interval"])?;
        Ok(gap.map_or(200, |gap| i64::try_from(gap).unwrap_or(i64::MAX)))
    }

    /// `execution.runtime-mode` is `batch`: the answer is said once, when all of the input has come.
    pub(crate) fn batch(&self) -> bool {
        self.get("execution.runtime-mode").is_some_and(|mode| mode.trim().eq_ignore_ascii_case("batch"))
    }

    /// Refuses values of `execution.runtime-mode` that are none, and AUTOMATIC in Flink's words.
    pub(crate) fn runtime_mode(&self) -> Planned<()> {
        let key = "execution.runtime-mode";
        match self.get(key).map(|mode| (mode, mode.trim().to_ascii_lowercase())) {
            Some((_, lower)) if lower == "automatic" => {
                let words = "Unsupported mode 'AUTOMATIC' for 'execution.runtime-mode'. Only an explicit BATCH or STREAMING mode is supported in Table API.";
                let error = PlanError::new(Code::SettingValue, words).label("expected: streaming, batch");
                Err(match self.set.get(key) {
                    Some((_, span)) => error.at(*span),
                    None => error,
                })
            }
            Some((mode, lower)) if !matches!(lower.as_str(), "streaming" | "batch") => Err(self.bad(key, mode, "streaming, batch")),
            _ => Ok(()),
        }
    }

    /// Whether windows are asked to speak before or after their end.
    pub(crate) fn fires_early_or_late(&self) -> bool {
        if self.batch() {
            return false;
        }
        let on = |key: &str| self.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        on(EARLY_FIRE) || on(LATE_FIRE)
    }

    /// `table.exec.emit.early-fire.*` and `late-fire.*`; `None`: windows speak once, when they are over. `allow-lateness` alone changes
    /// nothing, as in Flink.
    ///
    /// # Errors
    /// Fires without a delay; late fires without a lateness that is allowed.
    pub(crate) fn fires(&self) -> Planned<Option<Fires>> {
        if self.batch() {
            return Ok(None);
        }
        let on = |key: &str| self.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let (early, late) = (on(EARLY_FIRE), on(LATE_FIRE));
        self.fire_delay("Early", early, EARLY_FIRE, "table.exec.emit.early-fire.delay")?;
        self.fire_delay("Late", late, LATE_FIRE, "table.exec.emit.late-fire.delay")?;
        if !late {
            return Ok(early.then_some(Fires { early, lateness_ms: 0 }));
        }
        let lateness_ms = self.millis(&["table.exec.emit.allow-lateness"])?.unwrap_or(self.state_ttl_ms()?);
        if lateness_ms == 0 {
            let message = "The 'AFTER WATERMARK' emit strategy requires set 'table.exec.emit.allow-lateness'";
            let error = PlanError::new(Code::SettingValue, message).label("for example: SET 'table.exec.emit.allow-lateness' = '5 s'");
            return Err(match self.set.get(LATE_FIRE) {
                Some((_, span)) => error.at(*span),
                None => error,
            });
        }
        Ok(Some(Fires { early, lateness_ms }))
    }

    /// Fires that are asked for have a delay, as in Flink, though here it changes nothing.
    fn fire_delay(&self, when: &str, asked: bool, switch: &str, delay: &'static str) -> Planned<()> {
        if self.millis(&[delay])?.is_some() || !asked {
            return Ok(());
        }
        let message =
            format!("{when}-fire delay should not be null or negative value when enable {}-fire emit strategy", when.to_lowercase());
        let error = PlanError::new(Code::SettingValue, message).label(format!("for example: SET '{delay}' = '0 s'"));
        Err(match self.set.get(switch) {
            Some((_, span)) => error.at(*span),
            None => error,
        })
    }

    /// `table.exec.mini-batch.*`; `None`: it is off, or has no size.
    pub(crate) fn mini_batch(&self) -> Planned<Option<MiniBatch>> {
        if self.batch() || !self.get("table.exec.mini-batch.enabled").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let rows = self.parsed::<u64>(&["table.exec.mini-batch.size"], "a whole number from 1")?.filter(|rows| *rows > 0);
        let latency_ms = self.millis(&["table.exec.mini-batch.allow-latency"])?.filter(|latency| *latency > 0);
        match (rows, latency_ms) {
            (Some(rows), Some(latency_ms)) => Ok(Some(MiniBatch { rows, latency_ms })),
            (None, _) => Err(self.bad("table.exec.mini-batch.size", "", "with mini-batch.enabled, a whole number from 1")),
            (_, None) => Err(self.bad("table.exec.mini-batch.allow-latency", "", "with mini-batch.enabled, a duration above 0")),
        }
    }

    /// `table.exec.state.ttl`, 0: state is kept for ever.
    pub(crate) fn state_ttl_ms(&self) -> Planned<u64> {
        Ok(self.millis(&["table.exec.state.ttl"])?.unwrap_or(0))
    }

    /// `table.exec.sink.not-null-enforcer`: whether NULL in a NOT NULL column fails the job, or drops the row.
    pub(crate) fn null_enforcer(&self) -> Planned<NullEnforcer> {
        let key = "table.exec.sink.not-null-enforcer";
        match self.get(key).map(|value| (value, value.trim().to_ascii_uppercase())) {
            None => Ok(NullEnforcer::Error),
            Some((_, upper)) if upper == "ERROR" => Ok(NullEnforcer::Error),
            Some((_, upper)) if upper == "DROP" => Ok(NullEnforcer::Drop),
            Some((value, _)) => Err(self.bad(key, value, "ERROR, DROP")),
        }
    }

    /// `table.exec.sink.upsert-materialize`: when a SinkMaterializer stands in front of a sink that goes by key.
    pub(crate) fn upsert_materialize(&self) -> Planned<Materialize> {
        let key = "table.exec.sink.upsert-materialize";
        match self.get(key).map(|value| (value, value.trim().to_ascii_uppercase())) {
            None => Ok(Materialize::Auto),
            Some((_, upper)) if upper == "AUTO" => Ok(Materialize::Auto),
            Some((_, upper)) if upper == "NONE" => Ok(Materialize::None),
            Some((_, upper)) if upper == "FORCE" => Ok(Materialize::Force),
            Some((value, _)) => Err(self.bad(key, value, "AUTO, NONE, FORCE")),
        }
    }

    /// `table.exec.sink.type-length-enforcer`: what becomes of a text that is not as long as its column declares.
    pub(crate) fn length_enforcer(&self) -> Planned<LengthEnforcer> {
        let key = "table.exec.sink.type-length-enforcer";
        match self.get(key).map(|value| (value, value.trim().to_ascii_uppercase())) {
            None => Ok(LengthEnforcer::Ignore),
            Some((_, upper)) if upper == "IGNORE" => Ok(LengthEnforcer::Ignore),
            Some((_, upper)) if upper == "TRIM_PAD" => Ok(LengthEnforcer::TrimPad),
            Some((_, upper)) if upper == "ERROR" => Ok(LengthEnforcer::Error),
            Some((value, _)) => Err(self.bad(key, value, "IGNORE, TRIM_PAD, ERROR")),
        }
    }

    /// The job's checkpoints: `None` where it takes none. `needed`: a sink shows nothing without them.
    pub(crate) fn checkpointing(&self, needed: bool, warnings: &mut Vec<String>) -> Planned<Option<CheckpointOptions>> {
        let defaults = CheckpointOptions::default();
        if self.batch() {
            // Only the last one, with which sinks show what they have; after a failure the job begins anew.
            return Ok(None);
        }
        let interval = match self.millis(&["execution.checkpointing.interval"])? {
            Some(0) => {
                if needed {
                    let message =
                        "checkpoints are switched off (execution.checkpointing.interval is 0): files become visible only when the job ends";
                    warnings.push(message.into());
                }
                return Ok(None);
            }
            Some(interval) => interval,
            None if needed => defaults.interval_ms,
            None => return Ok(None),
        };
        let retained = self.parsed(&["execution.checkpointing.num-retained", "state.checkpoints.num-retained"], "a whole number")?;
        Ok(Some(CheckpointOptions {
            interval_ms: interval,
            min_pause_ms: self.millis(&["execution.checkpointing.min-pause"])?.unwrap_or(defaults.min_pause_ms),
            timeout_ms: self.millis(&["execution.checkpointing.timeout"])?.unwrap_or(defaults.timeout_ms),
            tolerable_failures: self
                .parsed(&["execution.checkpointing.tolerable-failed-checkpoints"], "a whole number")?
                .unwrap_or(defaults.tolerable_failures),
            retained: retained.unwrap_or(defaults.retained),
            dir: self.first(&["execution.checkpointing.dir", "state.checkpoints.dir"]).map(|(_, dir)| dir.to_owned()),
        }))
    }

    /// `restart-strategy.*`; `default`: what holds when nothing is said.
    pub(crate) fn restart(&self, default: RestartStrategy) -> Planned<RestartStrategy> {
        let Some((key, name)) = self.first(&["restart-strategy.type", "restart-strategy"]) else {
            // Read in any case: a wrong value is said.
            let exponential = self.exponential()?;
            return Ok(if default == RestartStrategy::None { default } else { exponential });
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "none" | "off" | "disable" | "disabled" | "no-restart" | "norestart" => Ok(RestartStrategy::None),
            "fixed-delay" | "fixeddelay" => Ok(RestartStrategy::FixedDelay {
                attempts: self.parsed(&["restart-strategy.fixed-delay.attempts"], "a whole number")?.unwrap_or(1),
                delay_ms: self.millis(&["restart-strategy.fixed-delay.delay"])?.unwrap_or(1_000),
            }),
            "failure-rate" | "failurerate" => Ok(RestartStrategy::FailureRate {
                max_failures: self.parsed(&["restart-strategy.failure-rate.max-failures-per-interval"], "a whole number")?.unwrap_or(1),
                interval_ms: self.millis(&["restart-strategy.failure-rate.failure-rate-interval"])?.unwrap_or(60_000),
                delay_ms: self.millis(&["restart-strategy.failure-rate.delay"])?.unwrap_or(1_000),
            }),
            "exponential-delay" | "exponentialdelay" => self.exponential(),
            _ => Err(self.bad(key, name, "none, fixed-delay, failure-rate, exponential-delay")),
        }
    }

    /// The keys of the exponential delay, which count whether or not the strategy is named: it is the default.
    fn exponential(&self) -> Planned<RestartStrategy> {
        let default = RestartStrategy::default();
        let RestartStrategy::ExponentialDelay { initial_ms, max_ms, multiplier, reset_ms, jitter, attempts } = default else {
            return Ok(default);
        };
        let key = |name: &str| EXPONENTIAL.iter().copied().find(|key| key.ends_with(name)).unwrap_or_default();
        let millis = |name: &str, default: u64| self.millis(&[key(name)]).map(|found| found.unwrap_or(default));
        let share = |name: &str, default: f64, least: f64, most: f64, expected: &str| -> Planned<f64> {
            let Some(share) = self.parsed::<f64>(&[key(name)], expected)? else { return Ok(default) };
            let fits = (least..=most).contains(&share);
            if fits { Ok(share) } else { Err(self.bad(key(name), &share.to_string(), expected)) }
        };
        let attempts = match self.get(key("attempts-before-reset-backoff")) {
            None => attempts,
            // Flink's default is `Infinite`, which stands for the largest of its numbers.
            Some(text) if text.trim().eq_ignore_ascii_case("infinite") => u32::MAX,
            Some(_) => self.parsed::<u32>(&[key("attempts-before-reset-backoff")], "a whole number")?.unwrap_or(attempts),
        };
        let (initial_ms, max_ms) = (millis("initial-backoff", initial_ms)?, millis("max-backoff", max_ms)?);
        Ok(RestartStrategy::ExponentialDelay {
            initial_ms,
            max_ms,
            multiplier: share("backoff-multiplier", multiplier, 1.0, f64::MAX, "a number from 1")?,
            reset_ms: millis("reset-backoff-threshold", reset_ms)?,
            jitter: share("jitter-factor", jitter, 0.0, 1.0, "a number from 0 to 1")?,
            attempts,
        })
    }
}

const EXPONENTIAL: [&str; 6] = [
    "restart-strategy.exponential-delay.initial-backoff",
    "restart-strategy.exponential-delay.max-backoff",
    "restart-strategy.exponential-delay.backoff-multiplier",
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    "restart-strategy.exponential-delay.jitter-factor",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
];

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

    #[test]
    fn the_exponential_delays_keys_count_without_its_name() {
        let check = |pairs: &[(&str, &str)], expected: Result<(u64, f64, u32), &str>| {
            let base = pairs.iter().map(|(key, value)| (format!("restart-strategy.{key}"), (*value).to_owned())).collect();
            let got = match Settings::new(&base).restart(RestartStrategy::default()) {
                Ok(RestartStrategy::ExponentialDelay { initial_ms, multiplier, attempts, .. }) => Ok((initial_ms, multiplier, attempts)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.in_script("f", "").message),
            };
            match expected {
                Ok(expected) => assert_eq!(got, Ok(expected)),
                Err(words) => assert!(got.as_ref().is_err_and(|message| message.contains(words)), "{got:?}"),
            }
        };
        check(&[], Ok((100, 1.5, u32::MAX)));
        check(&[("type", "exponential-delay")], Ok((100, 1.5, u32::MAX)));
        check(&[("exponential-delay.initial-backoff", "3 s")], Ok((3_000, 1.5, u32::MAX)));
        check(&[("exponential-delay.attempts-before-reset-backoff", "4")], Ok((100, 1.5, 4)));
        check(&[("exponential-delay.attempts-before-reset-backoff", "Infinite")], Ok((100, 1.5, u32::MAX)));
        check(&[("exponential-delay.backoff-multiplier", "0.5")], Err("`0.5`"));
        check(&[("exponential-delay.jitter-factor", "2")], Err("jitter-factor"));
    }

    #[test]
    fn checkpoints_are_on_where_a_sink_needs_them() {
        let settings = |pairs: &[(&str, &str)]| Settings::new(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let interval = |pairs: &[(&str, &str)], needed| {
            let mut warnings = Vec::new();
            let options = settings(pairs).checkpointing(needed, &mut warnings).unwrap();
            (options.map(|options| options.interval_ms), warnings.len())
        };
        assert_eq!(interval(&[], true), (Some(10_000), 0));
        assert_eq!(interval(&[], false), (None, 0));
        assert_eq!(interval(&[("execution.checkpointing.interval", "0")], true), (None, 1));
        assert_eq!(interval(&[("execution.checkpointing.interval", "3 s")], false), (Some(3_000), 0));
    }
}
