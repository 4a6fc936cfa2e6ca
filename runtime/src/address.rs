//! Where daemons listen: hosts that mean this machine, `host:port` texts, and ports to try one after the other.
//!
//! What a daemon may bind to is its own decision; here is only what both have to know for it.

use std::net::IpAddr;

use tokio::net::TcpListener;

use crate::config::{ConfigError, Configuration, keys};

/// How many ports a single `metrics.reporter.prom.port` stands for: several daemons of one machine share a configuration.
const SUCCESSORS: u16 = 31;

/// Whether a name or address means this machine only.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `host:port`, with brackets where IPv6 asks for them.
pub fn join(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `metrics.reporter.prom.port` as ports to try in order; none: switched off. One port means itself and its successors.
///
/// # Errors
/// What is neither a port, a range, nor `off`.
pub fn prometheus_ports(config: &Configuration) -> Result<Vec<u16>, ConfigError> {
    let text = config.get(&keys::PROMETHEUS_PORT)?;
    if text == "0" || text.eq_ignore_ascii_case("off") {
        return Ok(Vec::new());
    }
    let bad = |reason: String| ConfigError::Value {
        key: keys::PROMETHEUS_PORT.name.to_owned(),
        value: text.clone(),
        reason,
        accepts: keys::PROMETHEUS_PORT.accepts,
    };
    let port = |text: &str| text.trim().parse::<u16>().map_err(|error| bad(error.to_string()));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => port(&text).map(|first| (first, first.saturating_add(SUCCESSORS)))?,
    };
    if first > last || first == 0 { Err(bad("the range is empty".to_owned())) } else { Ok((first..=last).collect()) }
}

/// Listens on the first of `ports` that is free; `None`: none is.
pub async fn bind_first(host: &str, ports: &[u16]) -> Option<TcpListener> {
    for port in ports {
        if let Ok(listener) = TcpListener::bind((host, *port)).await {
            return Some(listener);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine_are_known_in_every_spelling() {
        let check = |host: &str, expected: bool| assert_eq!(is_loopback(host), expected, "{host}");
        ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"].into_iter().for_each(|host| check(host, true));
        ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.example.org"].into_iter().for_each(|host| check(host, false));
    }

    #[test]
    fn an_ipv6_host_gets_brackets_once() {
        assert_eq!(join("::1", 1), "[::1]:1");
        assert_eq!(join("[::1]", 1), "[::1]:1");
        assert_eq!(join("localhost", 1), "localhost:1");
    }

    #[test]
    fn metrics_ports_are_a_port_a_range_or_none() {
        let ports = |text: &str| {
            let mut config = Configuration::default();
            config.set("metrics.reporter.prom.port", text);
            prometheus_ports(&config).map_err(|error| error.to_string())
        };
        assert_eq!(ports("9250-9252").unwrap(), [9250, 9251, 9252]);
        assert_eq!(ports("9249").unwrap().len(), 32);
        assert!(ports("off").unwrap().is_empty() && ports("0").unwrap().is_empty());
        assert!(ports("9300-9200").unwrap_err().contains("the range is empty"));
    }

    #[tokio::test]
    async fn a_busy_port_passes_the_turn_to_the_next() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut ports = vec![taken.local_addr().unwrap().port()];
        // Whoever else runs here may take one of these in between, and not all of them.
        for _ in 0..8 {
            ports.push(TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port());
        }
        let found = bind_first("127.0.0.1", &ports).await.unwrap().local_addr().unwrap().port();
        assert!(found != ports[0] && ports.contains(&found), "{found} of {ports:?}");
        assert!(bind_first("127.0.0.1", &ports[..1]).await.is_none());
    }
}
