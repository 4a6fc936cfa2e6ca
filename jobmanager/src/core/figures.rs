//! A subtask's figures over time: the newest report, and rates made of the last two.
//!
//! Counters in a report count from the attempt's start; a rate is a difference over the time between two reports. Knows nothing of
//! how a report travels.

use irmak_common::metrics::TaskMetrics;
use irmak_common::time::Millis;

/// Rates need at least so much time between two reports; closer ones are merged.
const GAP_MS_MIN: i64 = 200;

/// What is known of one subtask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The newest report.
    pub metrics: TaskMetrics,
    /// When it came; `None`: never.
    pub at: Option<Millis>,
    /// Per second and as shares, over the last two reports.
    pub rates: Rates,
    base: Option<(Millis, Box<TaskMetrics>)>,
}

/// Speed and use of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Rows a second in.
    pub records_in: f64,
    /// Rows a second out.
    pub records_out: f64,
    /// Bytes a second in.
    pub bytes_in: f64,
    /// Bytes a second out.
    pub bytes_out: f64,
    /// Share of time spent computing, `0.0..=1.0`.
    pub busy: f64,
    /// Share of time spent waiting for room downstream.
    pub backpressured: f64,
    /// Share of time spent waiting for input.
    pub idle: f64,
}

impl Figures {
    /// Takes a report that came now.
    pub fn report(&mut self, now: Millis, metrics: TaskMetrics) {
        let gap_ms = match &self.base {
            Some((at, _)) => now - at,
            None => 0,
        };
        if let Some((_, base)) = self.base.as_ref().filter(|_| gap_ms >= GAP_MS_MIN) {
            self.rates = Rates::between(base, &metrics, gap_ms);
        }
        if self.base.is_none() || gap_ms >= GAP_MS_MIN {
            self.base = Some((now, Box::new(metrics.clone())));
        }
        self.metrics = metrics;
        self.at = Some(now);
    }

    /// The task runs no longer: counters stay, speed is none.
    pub fn stop(&mut self) {
        self.rates = Rates::default();
        self.metrics.message = None;
    }
}

impl Rates {
    fn between(from: &TaskMetrics, to: &TaskMetrics, gap_ms: i64) -> Self {
        let gap = gap_ms as f64;
        let per_second = |from: u64, to: u64| to.saturating_sub(from) as f64 * 1_000.0 / gap;
        let share = |from: u64, to: u64| (to.saturating_sub(from) as f64 / gap).min(1.0);
        Self {
            records_in: per_second(from.records_in, to.records_in),
            records_out: per_second(from.records_out, to.records_out),
            bytes_in: per_second(from.bytes_in, to.bytes_in),
            bytes_out: per_second(from.bytes_out, to.bytes_out),
            busy: share(from.busy_ms, to.busy_ms),
            backpressured: share(from.backpressured_ms, to.backpressured_ms),
            idle: share(from.idle_ms, to.idle_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(records: u64, busy_ms: u64) -> TaskMetrics {
        TaskMetrics { records_in: records, busy_ms, ..TaskMetrics::default() }
    }

    #[test]
    fn rates_are_differences_over_time() {
        let mut figures = Figures::default();
        figures.report(0, metrics(100, 0));
        assert_eq!(figures.rates.records_in, 0.0, "one report has no speed");
        figures.report(500, metrics(1_100, 250));
        assert_eq!((figures.rates.records_in, figures.rates.busy), (2_000.0, 0.5));
    }

    #[test]
    fn reports_that_follow_at_once_do_not_distort_rates() {
        let mut figures = Figures::default();
        figures.report(0, metrics(0, 0));
        figures.report(1_000, metrics(1_000, 0));
        figures.report(1_001, metrics(1_002, 0));
        assert_eq!((figures.rates.records_in, figures.metrics.records_in), (1_000.0, 1_002));
    }
}
