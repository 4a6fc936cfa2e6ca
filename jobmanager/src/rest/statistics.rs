//! Figures of many in a few: Flink's summaries with percentiles.

use serde_json::{Value, json};

/// Whole numbers, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary(Vec<i64>);

impl FromIterator<i64> for Summary {
    fn from_iter<I: IntoIterator<Item = i64>>(values: I) -> Self {
        let mut values: Vec<i64> = values.into_iter().collect();
        values.sort_unstable();
        Self(values)
    }
}

impl Summary {
    /// Flink's `StatsSummaryDto`: `min`, `max`, `avg`, and percentiles, which are `"NaN"` where there is no value.
    pub(super) fn json(&self) -> Value {
        json!({
            "min": self.0.first().copied().unwrap_or(0),
            "max": self.0.last().copied().unwrap_or(0),
            "avg": self.average(),
            "p50": self.percentile(0.5),
            "p90": self.percentile(0.9),
            "p95": self.percentile(0.95),
            "p99": self.percentile(0.99),
            "p999": self.percentile(0.999),
        })
    }

    /// Flink's `MetricStatistics` of the subtasks of a vertex.
    pub(super) fn quartiles(&self) -> Value {
        let whole = |value: Value| value.as_f64().map_or(0, |value| value as i64);
        json!({
            "min": self.0.first().copied().unwrap_or(0),
            "max": self.0.last().copied().unwrap_or(0),
            "avg": self.average(),
            "sum": self.0.iter().sum::<i64>(),
            "median": whole(self.percentile(0.5)),
            "p25": whole(self.percentile(0.25)),
            "p75": whole(self.percentile(0.75)),
            "p95": whole(self.percentile(0.95)),
        })
    }

    fn average(&self) -> i64 {
        let count = self.0.len().max(1) as i64;
        self.0.iter().sum::<i64>() / count
    }

    /// The smallest value that is not below `share` of all.
    fn percentile(&self, share: f64) -> Value {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).map_or_else(|| json!("NaN"), |value| json!(*value as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let summary: Summary = (1..=10).rev().collect();
        let shown = summary.json();
        assert_eq!((&shown["min"], &shown["max"], &shown["avg"]), (&json!(1), &json!(10), &json!(5)));
        assert_eq!((&shown["p50"], &shown["p90"], &shown["p999"]), (&json!(5.0), &json!(9.0), &json!(10.0)));
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Summary::default().json()["p50"], json!("NaN"));
    }
}
