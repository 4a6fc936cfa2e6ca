//! Patterns: LIKE, SIMILAR TO, and Java's regular expressions.
//!
//! A constant pattern is compiled once, others are remembered. Java's expressions run on `fancy-regex`, which knows look-around and
//! back references; where Java's classes are ASCII's (`\d`, `\w`, `\s`) they are written so. Not supported: a match inside a
//! surrogate pair, except by the empty pattern.

mod like;
mod regexp;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fancy_regex::Regex;

use crate::function::Function;

pub(crate) const FUNCTIONS: &[&[Function]] = &[like::FUNCTIONS, regexp::FUNCTIONS];

/// Patterns that are remembered, at most.
const CACHE_MAX: usize = 64;

/// Java's expression as ours; `None` where it is none.
pub(crate) fn java_regex(pattern: &str) -> Option<Regex> {
    Regex::new(&translate(pattern)).ok()
}

/// The same meaning in the other syntax.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str(if in_class { "a-zA-Z0-9_" } else { "[a-zA-Z0-9_]" }),
                Some('W') => out.push_str("[^a-zA-Z0-9_]"),
                Some('s') => out.push_str(if in_class { " \\t\\n\\x0B\\f\\r" } else { "[ \\t\\n\\x0B\\f\\r]" }),
                Some('S') => out.push_str("[^ \\t\\n\\x0B\\f\\r]"),
                Some('Z') => out.push_str("(?=\\n?\\z)"),
                Some('Q') => {
                    let rest: String = chars.by_ref().collect();
                    let (quoted, behind) = rest.split_once("\\E").unwrap_or((&rest, ""));
                    out.push_str(&fancy_regex::escape(quoted));
                    out.push_str(&translate(behind));
                    return out;
                }
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' => {
                in_class = true;
                out.push(c);
            }
            ']' => {
                in_class = false;
                out.push(c);
            }
            // Java's dot stops at every line terminator, and $ stands before the last one too.
            '.' if !in_class => out.push_str("[^\\n\\r\\x{85}\\x{2028}\\x{2029}]"),
            '$' if !in_class => out.push_str("(?=(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])?\\z)"),
            _ => out.push(c),
        }
    }
    out
}

/// Compiled patterns by their text.
pub(crate) struct Cache<T> {
    known: Mutex<HashMap<String, Arc<T>>>,
    make: Box<dyn Fn(&str) -> T + Send + Sync>,
}

impl<T> Cache<T> {
    pub(crate) fn new(make: impl Fn(&str) -> T + Send + Sync + 'static) -> Self {
        Self { known: Mutex::new(HashMap::new()), make: Box::new(make) }
    }

    /// What was made of the pattern, now or before.
    pub(crate) fn get(&self, pattern: &str) -> Arc<T> {
        // A poisoned lock holds patterns all the same: nothing is half-made in it.
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(found) = known.get(pattern) {
            return found.clone();
        }
        if known.len() >= CACHE_MAX {
            known.clear();
        }
        let made = Arc::new((self.make)(pattern));
        known.insert(pattern.to_owned(), made.clone());
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_classes_are_asciis() {
        for (pattern, text, matches) in [
            (r"^\w+$", "été", false),
            (r"^[\w]+$", "abc_1", true),
            (r"\d", "٣", false),
            ("^a.c$", "a\nc", false),
            ("c$", "abc\n", true),
            (r"\Qa.c\E$", "a.c", true),
            (r"\Qa.c\E$", "abc", false),
            ("(?=b)b", "ab", true),
            (r"(a)\1", "aa", true),
        ] {
            assert_eq!(java_regex(pattern).unwrap().is_match(text).unwrap(), matches, "{pattern}");
        }
        assert!(java_regex("(").is_none());
    }
}
