//! Paths with wildcards: `/data/in/2025-*/part-?.csv` is the folder `/data/in` and a pattern for what lies below it.
//!
//! `*` and `?` stand for characters of one name, `**` for any folders, `[abc]` for one of these, `{csv,json}` for either. A folder that fits stands
//! for all files in it. Ours: Flink's `path` is taken literally there, and so is one here that exists as it is written.

use std::path::Path;

use regex::Regex;

/// The deepest folder without wildcards, and what must fit the rest; `None`: there are no wildcards, or a bracket is not closed.
pub(super) fn split(path: &str) -> Option<(&str, Regex)> {
    let first = path.find(['*', '?', '[', '{'])?;
    let plain = path.strip_prefix("file://").unwrap_or(path);
    if Path::new(plain).exists() {
        return None;
    }
    let folder = path[..first].rfind('/')?;
    // The root keeps its slash.
    let base = if path[..folder].is_empty() || path[..folder].ends_with('/') { &path[..=folder] } else { &path[..folder] };
    regex(&path[folder + 1..]).map(|regex| (base, regex))
}

/// What a path below the folder must look like.
fn regex(glob: &str) -> Option<Regex> {
    let mut text = String::from("^");
    let mut chars = glob.chars().peekable();
    let mut alternatives = 0u32;
    while let Some(character) = chars.next() {
        match character {
            '*' if chars.next_if_eq(&'*').is_some() => {
                // `**/x` is also `x`.
                text.push_str(if chars.next_if_eq(&'/').is_some() { "(?:.*/)?" } else { ".*" });
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => {
                let inside: String = std::iter::from_fn(|| chars.next_if(|next| *next != ']')).collect();
                chars.next()?;
                let (not, inside) = inside.strip_prefix(['!', '^']).map_or(("", inside.as_str()), |rest| ("^/", rest));
                text.push_str(&format!(
                    "[{not}{}]",
                    inside.replace('\\', "\\\\").replace('[', "\\[").replace('&', "\\&").replace('~', "\\~")
                ));
            }
            '{' => {
                alternatives += 1;
                text.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives -= 1;
                text.push(')');
            }
            ',' if alternatives > 0 => text.push('|'),
            plain => text.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4]))),
        }
    }
    text.push_str("(?:/.*)?$");
    Regex::new(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_parts_of_names_and_doubled_ones_for_folders() {
        for (path, base, fits, fails) in [
            ("/data/in/*.csv", "/data/in", &["a.csv", ".csv", "a.csv/part"][..], &["a.json", "x/a.csv"][..]),
            ("file:///data/2025-*/part-?", "file:///data", &["2025-01/part-1", "2025-/part-2"], &["2025-01/part-12", "2024/part-1"]),
            ("/data/**/x.csv", "/data", &["x.csv", "a/x.csv", "a/b/x.csv"], &["ax.csv"]),
            ("/data/{a,b}[0-9].csv", "/data", &["a1.csv", "b2.csv"], &["c1.csv", "ax.csv", "a1xcsv"]),
            ("/data/[!a]*", "/data", &["b"], &["a", "ab"]),
            ("/*", "/", &["nowhere"], &[]),
        ] {
            let (found, regex) = split(path).unwrap();
            assert_eq!(found, base, "{path}");
            for name in fits {
                assert!(regex.is_match(name), "{path}: {name}");
            }
            for name in fails {
                assert!(!regex.is_match(name), "{path}: {name}");
            }
        }
        assert!(split("/data/in").is_none());
        assert!(split("/data/in[").is_none());
    }
}
