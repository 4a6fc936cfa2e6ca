//! Settings of checkpoints and restarts: `execution.checkpointing.*` and `restart-strategy.*`.

use irmak_common::job_graph::{CheckpointOptions, RestartStrategy};

use super::Settings;
use crate::error::Planned;

const EXPONENTIAL: [&str; 6] = [
    "restart-strategy.exponential-delay.initial-backoff",
    "restart-strategy.exponential-delay.max-backoff",
    "restart-strategy.exponential-delay.backoff-multiplier",
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    "restart-strategy.exponential-delay.jitter-factor",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
];

impl Settings {
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

#[cfg(test)]
mod tests {
    use super::*;

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
