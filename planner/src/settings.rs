//! The session's options: Flink's keys and what the planner makes of them.

mod keys;
mod recovery;

use std::collections::BTreeMap;

use irmak_common::changelog_spec::MiniBatch;
use irmak_common::duration::parse_duration;
use irmak_common::key_group::MaxParallelism;
use irmak_functions::Environment;

use crate::changelog::materialize::Materialize;
use crate::constraint::{LengthEnforcer, NullEnforcer};
use crate::error::{Code, PlanError, Planned, Span};
pub(crate) use keys::unknown_key;

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
}
