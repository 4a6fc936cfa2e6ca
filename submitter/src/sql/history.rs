//! Where typed statements are kept from one session to the next.

use std::ffi::OsString;
use std::path::PathBuf;

/// The file, its folder made: as given, else `irmak/sql_history` in the user's state folder. `None`: nothing is kept.
pub(crate) fn path(given: Option<PathBuf>) -> Option<PathBuf> {
    let path = match given {
        Some(given) => given,
        None => folder(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))?.join("irmak/sql_history"),
    };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).ok()?;
    }
    Some(path)
}

/// The user's state folder, by the XDG base directory specification.
fn folder(state: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |text: OsString| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    state.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".local/state")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_wins_over_the_home_folder_and_must_be_absolute() {
        let of = |state: &str, home: &str| folder(Some(state.into()), Some(home.into()));
        assert_eq!(of("/s", "/h"), Some("/s".into()));
        assert_eq!(of("", "/h"), Some("/h/.local/state".into()));
        assert_eq!(of("s", "/h"), Some("/h/.local/state".into()));
        assert_eq!(folder(None, None), None);
    }
}
