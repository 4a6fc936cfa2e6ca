//! A table's options, read once and with their types: a bad value is an error that names key, value and what is accepted.
//!
//! Which keys exist is the planner's matter (`irmak_common::table_options`); here values are judged.

use std::collections::BTreeMap;
use std::time::Duration;

use irmak_common::duration::{parse_duration, parse_memory_size};
use irmak_common::operator_spec::ConnectorSpec;

use crate::error::ConnectorError;

/// The options of one table.
pub(crate) struct Options<'a> {
    pub(crate) table: &'a str,
    map: &'a BTreeMap<String, String>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(table: &'a str, connector: &'a ConnectorSpec) -> Self {
        Self { table, map: &connector.options }
    }

    /// The value as written.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.map.get(key).map(String::as_str)
    }

    /// The keys that begin so, each with what stands behind, and the values as written.
    pub(crate) fn below(&self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        let all = self.map.iter();
        all.filter_map(move |(key, value)| Some((key.as_str(), key.strip_prefix(prefix)?, value.as_str())))
    }

    /// The value of the first of these keys that is there, with its key.
    pub(crate) fn first_of(&self, keys: &[&'static str]) -> Option<(&'static str, &'a str)> {
        keys.iter().find_map(|key| self.get(key).map(|value| (*key, value)))
    }

    pub(crate) fn required(&self, key: &str, what: &str) -> Result<&'a str, ConnectorError> {
        self.get(key).ok_or_else(|| ConnectorError::MissingOption {
            table: self.table.to_owned(),
            key: key.to_owned(),
            what: what.to_owned(),
        })
    }

    /// `true` or `false`, in any case, as Java's configuration reads them.
    pub(crate) fn bool(&self, key: &str, default: bool) -> Result<bool, ConnectorError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) if value.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(self.bad(key, value, "true or false")),
        }
    }

    /// One of the names, case and `_`/`-` ignored as Flink's enum options do.
    pub(crate) fn one_of<T: Copy>(&self, key: &str, names: &[(&str, T)], default: T) -> Result<T, ConnectorError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        let plain = |text: &str| text.trim().to_ascii_lowercase().replace('_', "-");
        let found = names.iter().find(|(name, _)| plain(name) == plain(value));
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let accepted: Vec<_> = names.iter().map(|(name, _)| *name).collect();
            self.bad(key, value, &accepted.join(", "))
        })
    }

    pub(crate) fn duration(&self, key: &str) -> Result<Option<Duration>, ConnectorError> {
        let parse = |value| parse_duration(value).map_err(|error| self.bad(key, value, &format!("a duration such as 10 s ({error})")));
        self.get(key).map(parse).transpose()
    }

    pub(crate) fn memory_size(&self, key: &str) -> Result<Option<u64>, ConnectorError> {
        let parse = |value| parse_memory_size(value).map_err(|error| self.bad(key, value, &format!("a size such as 128MB ({error})")));
        self.get(key).map(parse).transpose()
    }

    pub(crate) fn parsed<T: std::str::FromStr>(&self, key: &str, accepted: &str) -> Result<Option<T>, ConnectorError> {
        self.get(key).map(|value| value.trim().parse().map_err(|_| self.bad(key, value, accepted))).transpose()
    }

    /// Exactly one character, which must be in ASCII; Java's escapes (`\t`) are understood.
    pub(crate) fn ascii_char(&self, key: &str) -> Result<Option<u8>, ConnectorError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let mut chars = value.chars();
        let found = match (chars.next(), chars.next(), chars.next()) {
            (Some(one), None, _) => Some(one),
            (Some('\\'), Some(escaped), None) => unescape(escaped),
            (Some('\\'), Some('u'), Some(_)) if value.len() == 6 => u32::from_str_radix(&value[2..], 16).ok().and_then(char::from_u32),
            _ => None,
        };
        match found {
            Some(c) if c.is_ascii() => Ok(Some(c as u8)),
            _ => Err(self.bad(key, value, "one ASCII character, such as , or \\t")),
        }
    }

    /// All options whose key begins with `prefix`, without it.
    pub(crate) fn with_prefix(&self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.map.iter().filter_map(move |(key, value)| key.strip_prefix(prefix).map(|rest| (rest, value.as_str())))
    }

    pub(crate) fn bad(&self, key: &str, value: &str, accepted: &str) -> ConnectorError {
        ConnectorError::option(self.table, key, value, accepted)
    }

    pub(crate) fn unsupported(&self, what: impl Into<String>, instead: impl Into<String>) -> ConnectorError {
        ConnectorError::Unsupported { table: self.table.to_owned(), what: what.into(), instead: instead.into() }
    }
}

fn unescape(escaped: char) -> Option<char> {
    match escaped {
        't' => Some('\t'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        '\\' | '\'' | '"' => Some(escaped),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: PartialEq + std::fmt::Debug>(
        value: &str,
        read: impl Fn(&Options<'_>) -> Result<T, ConnectorError>,
        expected: Result<T, &str>,
    ) {
        let connector = ConnectorSpec { connector: "kafka".into(), options: BTreeMap::from([("k".to_owned(), value.to_owned())]) };
        let result = read(&Options::new("t", &connector)).map_err(|error| error.to_string());
        match expected {
            Ok(expected) => assert_eq!(result, Ok(expected), "{value}"),
            Err(words) => assert!(result.as_ref().is_err_and(|error| error.contains(words)), "{value}: {result:?}"),
        }
    }

    #[test]
    fn values_have_types_and_bad_ones_say_what_is_accepted() {
        check("TRUE", |o| o.bool("k", false), Ok(true));
        check("yes", |o| o.bool("k", false), Err("true or false"));
        check("Latest_Offset", |o| o.one_of("k", &[("latest-offset", 1), ("earliest-offset", 2)], 2), Ok(1));
        check("x", |o| o.one_of("k", &[("latest-offset", 1), ("earliest-offset", 2)], 2), Err("latest-offset, earliest-offset"));
        check("10 s", |o| o.duration("k"), Ok(Some(Duration::from_secs(10))));
        check("soon", |o| o.duration("k"), Err("a duration such as 10 s"));
        check("1 mb", |o| o.memory_size("k"), Ok(Some(1 << 20)));
        check("\\t", |o| o.ascii_char("k"), Ok(Some(b'\t')));
        check(";", |o| o.ascii_char("k"), Ok(Some(b';')));
        check("\\u0001", |o| o.ascii_char("k"), Ok(Some(1)));
        check("ab", |o| o.ascii_char("k"), Err("one ASCII character"));
        check("é", |o| o.ascii_char("k"), Err("one ASCII character"));
    }
}
