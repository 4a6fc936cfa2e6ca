//! Kill points: named places where a daemon dies on request, so that a crash test can put a crash exactly there.
//!
//! Compiled in by the feature `kill-points` only; otherwise [`kill_point`] is nothing. `IRMAK_KILL_POINT=name` arms one point;
//! the process aborts the first time it gets there. `IRMAK_KILL_MARKER_DIR` holds a marker file for a point that has fired, so that
//! the restarted process passes it.

/// Dies here if this point is armed. Names: `before-pre-commit`, `after-pre-commit`, `before-manifest`, `after-manifest`,
/// `before-commit`, `mid-commit`, `after-commit`.
#[cfg(feature = "kill-points")]
pub fn kill_point(name: &'static str) {
    let armed = std::env::var("IRMAK_KILL_POINT").is_ok_and(|point| point == name);
    if !armed {
        return;
    }
    let Ok(dir) = std::env::var("IRMAK_KILL_MARKER_DIR") else { return };
    let marker = std::path::Path::new(&dir).join(name);
    // Created by exactly one of all threads and processes: that one dies.
    if std::fs::OpenOptions::new().write(true).create_new(true).open(marker).is_ok() {
        eprintln!("kill point {name}: aborting");
        std::process::abort();
    }
}

/// Nothing, without the feature `kill-points`.
#[cfg(not(feature = "kill-points"))]
#[inline]
pub fn kill_point(name: &'static str) {
    let _ = name;
}
