//! Logs: one line an event on standard error, in words; `RUST_LOG` or `IRMAK_LOG` choose how much.

use tracing_subscriber::EnvFilter;

/// Starts logging for this process; a second call does nothing.
///
/// The level is taken from `IRMAK_LOG`, then `RUST_LOG`, else `default` (`info`, `warn`, ...).
pub fn init(default: &str) {
    let chosen = std::env::var("IRMAK_LOG").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::try_new(chosen.unwrap_or_else(|_| default.to_owned())).unwrap_or_else(|_| EnvFilter::new(default));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    let started =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colour).with_target(false).try_init();
    // The only failure is that a subscriber is already there: then it stays.
    drop(started);
}
