//! Whether the brokers can be reached, in words for a person: since when not, how many tries, when the next.
//!
//! Pure: time arrives as an argument.

use irmak_common::retry::Backoff;
use irmak_common::time::Millis;

/// Tries come after 0.25 s, 0.5 s, ... up to 10 s.
const BACKOFF: Backoff = Backoff { initial_ms: 250, max_ms: 10_000, multiplier: 2.0, jitter: 0.0 };

/// The state of the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    trouble: Option<Trouble>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    since: Millis,
    tries: u32,
    next: Millis,
    reason: String,
}

impl Health {
    /// A try has failed.
    pub(super) fn failed(&mut self, now: Millis, reason: String) {
        let (since, tries) = self.trouble.as_ref().map_or((now, 1), |trouble| (trouble.since, trouble.tries.saturating_add(1)));
        let next = now.saturating_add_unsigned(BACKOFF.delay_ms(tries, 0.0));
        self.trouble = Some(Trouble { since, tries, next, reason });
    }

    /// Something was heard.
    pub(super) fn well(&mut self) {
        self.trouble = None;
    }

    pub(super) fn is_well(&self) -> bool {
        self.trouble.is_none()
    }

    /// Whether it is time to try again.
    pub(super) fn try_is_due(&self, now: Millis) -> bool {
        self.trouble.as_ref().is_none_or(|trouble| trouble.next <= now)
    }

    /// `broker 127.0.0.1:9092 refused the connection since 14:03:22 (9 tries, next in 8 s). The source waits; nothing is lost.`
    pub(super) fn message(&self, servers: &str, now: Millis, zone: &str) -> Option<String> {
        let Trouble { since, tries, next, reason } = self.trouble.as_ref()?;
        let (broker, plural) = (if servers.contains(',') { "brokers" } else { "broker" }, if *tries == 1 { "try" } else { "tries" });
        let wait = (next - now).max(0).saturating_add(999) / 1_000;
        let next = if wait == 0 { "next now".to_owned() } else { format!("next in {wait} s") };
        let since = clock_time(*since, zone);
        Some(format!("{broker} {servers} {} since {since} ({tries} {plural}, {next}). The source waits; nothing is lost.", words(reason)))
    }
}

/// librdkafka's reason, as a predicate.
fn words(reason: &str) -> String {
    let known = [
        ("connection refused", "refused the connection"),
        ("failed to resolve", "has a name that cannot be resolved"),
        ("name or service not known", "has a name that cannot be resolved"),
        ("no route to host", "cannot be reached over the network"),
        ("network is unreachable", "cannot be reached over the network"),
        ("ssl handshake failed", "and this side do not agree on TLS"),
        ("disconnected", "closed the connection"),
    ];
    let lower = reason.to_lowercase();
    let found = known.iter().find(|(words, _)| lower.contains(words)).map(|(_, said)| *said);
    match (found, reason.trim()) {
        (Some(said), _) => said.to_owned(),
        (None, "") => "does not answer".to_owned(),
        (None, reason) => format!("does not answer ({reason})"),
    }
}

/// `14:03:22` in the session's zone.
fn clock_time(millis: Millis, zone: &str) -> String {
    let Ok(instant) = jiff::Timestamp::from_millisecond(millis) else { return "the beginning".to_owned() };
    match jiff::tz::TimeZone::get(zone) {
        Ok(zone) => instant.to_zoned(zone).strftime("%H:%M:%S").to_string(),
        Err(_) => instant.strftime("%H:%M:%S UTC").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_with_its_beginning_its_tries_and_the_next() {
        let mut health = Health::default();
        assert_eq!(health.message("a:1", 0, "UTC"), None);
        let refused = "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        for now in [50_602_000, 50_603_000, 50_604_000] {
            health.failed(now, refused.to_owned());
        }
        assert!(!health.try_is_due(50_604_500) && health.try_is_due(50_605_000));
        assert_eq!(
            health.message("a:1", 50_604_500, "Europe/Istanbul").unwrap(),
            "broker a:1 refused the connection since 16:03:22 (3 tries, next in 1 s). The source waits; nothing is lost."
        );
        health.well();
        assert_eq!(health.message("a:1", 50_604_500, "UTC"), None);
    }
}
