//! Whether a table's options are those of its connector and formats, and what is wrong if not.

use std::collections::BTreeMap;

use super::OptionKind::{Boolean, Character, Charset, Duration, Integer, MemorySize, OneOf, Text};
use super::{ConnectorOptions, FormatOptions, Formats, OptionKind, OptionSpec, Side, connector, format};
use crate::charset::Charset as Named;
use crate::duration::{parse_duration, parse_memory_size};
use crate::error::nearest;

/// What is wrong with a table's options. `key` is the option to point at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// There is no `connector` option.
    #[error("there is no option `connector`")]
    NoConnector,
    /// No such connector.
    #[error("there is no connector `{name}`")]
    UnknownConnector {
        /// As written.
        name: String,
    },
    /// It is only written, or only read.
    #[error("connector `{name}` cannot be used as a {side}")]
    WrongSide {
        /// The connector.
        name: &'static str,
        /// `source` or `sink`.
        side: &'static str,
    },
    /// No such format.
    #[error("there is no format `{name}`")]
    UnknownFormat {
        /// The option that names it.
        key: String,
        /// As written.
        name: String,
    },
    /// The connector or format has no such option.
    #[error("{owner} has no option `{key}`")]
    Unknown {
        /// The option.
        key: String,
        /// `connector kafka`, `format json`.
        owner: String,
        /// The nearest that there is.
        near: Option<String>,
        /// All that there are.
        known: Vec<String>,
    },
    /// A required option is missing.
    #[error("required option `{key}` is missing for {owner}")]
    Missing {
        /// The option.
        key: String,
        /// `connector kafka`.
        owner: String,
    },
    /// The value is not one that the option takes.
    #[error("option `{key}` cannot be `{value}`: {expected}")]
    Value {
        /// The option.
        key: String,
        /// As written.
        value: String,
        /// What it takes, in words.
        expected: String,
    },
}

impl OptionError {
    /// The option that the error is about, where one of those given is.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::NoConnector | Self::Missing { .. } => None,
            Self::UnknownConnector { .. } | Self::WrongSide { .. } => Some("connector"),
            Self::UnknownFormat { key, .. } | Self::Unknown { key, .. } | Self::Value { key, .. } => Some(key),
        }
    }
}

/// What the check of a table's options has to say though they are good.
pub type OptionWarnings = Vec<String>;

/// Checks all options of a table, `connector` included, for use on one side (never [`Side::Both`]).
///
/// # Errors
/// The first thing that is wrong.
pub fn check(options: &BTreeMap<String, String>, side: Side) -> Result<OptionWarnings, OptionError> {
    let name = options.get("connector").ok_or(OptionError::NoConnector)?;
    let connector = connector(name).ok_or_else(|| OptionError::UnknownConnector { name: name.clone() })?;
    if side == Side::Source && !connector.source {
        return Err(OptionError::WrongSide { name: connector.name, side: "source" });
    }
    if side == Side::Sink && !connector.sink {
        return Err(OptionError::WrongSide { name: connector.name, side: "sink" });
    }
    let owner = format!("connector {}", connector.name);
    for spec in connector.options.iter().filter(|spec| spec.required) {
        if !options.contains_key(spec.key) {
            return Err(OptionError::Missing { key: spec.key.into(), owner });
        }
    }
    if connector.name == "kafka" && !options.contains_key("topic") && !options.contains_key("topic-pattern") {
        return Err(OptionError::Missing { key: "topic".into(), owner });
    }
    let formats = named_formats(options, connector)?;
    let mut warnings = Vec::new();
    for (key, value) in options.iter().filter(|(key, _)| *key != "connector") {
        check_option(key, value, connector, &formats, &mut warnings)?;
    }
    warnings.extend(without_effect(connector.name, options, side));
    Ok(warnings)
}

/// Options of Flink's that are accepted and change nothing here, with why: (connector, side, key, why).
const WITHOUT_EFFECT: &[(&str, Side, &str, &str)] = &[
    ("filesystem", Side::Source, "source.report-statistics", "no plan depends on statistics of files"),
    ("filesystem", Side::Sink, "sink.shuffle-by-partition.enable", "each subtask writes the partitions of the rows that it has"),
    ("filesystem", Side::Sink, "compaction.file-size", "files are not compacted"),
    ("filesystem", Side::Sink, "compaction.parallelism", "files are not compacted"),
    ("filesystem", Side::Sink, "sink.partition-commit.policy.class", "classes need a JVM"),
    ("filesystem", Side::Sink, "sink.partition-commit.policy.class.parameters", "classes need a JVM"),
];

fn without_effect(connector: &str, options: &BTreeMap<String, String>, side: Side) -> OptionWarnings {
    let set = |key: &str| options.get(key).is_some_and(|value| !value.trim().eq_ignore_ascii_case("false"));
    let here = WITHOUT_EFFECT.iter().filter(|(owner, of, key, _)| *owner == connector && *of == side && set(key));
    here.map(|(_, _, key, why)| format!("option `{key}` has no effect: {why}")).collect()
}

/// A format in use: the prefix that its options have, and it.
type NamedFormat = (String, &'static FormatOptions);

fn named_formats(options: &BTreeMap<String, String>, connector: &ConnectorOptions) -> Result<Vec<NamedFormat>, OptionError> {
    let keys: &[&str] = match connector.formats {
        Formats::None => &[],
        Formats::One => &["format"],
        Formats::KeyAndValue => &["format", "value.format", "key.format"],
    };
    let mut formats = Vec::new();
    for key in keys {
        let Some(name) = options.get(*key) else { continue };
        let format = format(name).ok_or_else(|| OptionError::UnknownFormat { key: (*key).to_owned(), name: name.clone() })?;
        let role = key.strip_suffix("format").unwrap_or_default();
        formats.push((format!("{role}{}.", format.name), format));
        if *key == "value.format" {
            // Flink reads `value.json.x`; jobs that say `json.x` beside `value.format` mean the same.
            formats.push((format!("{}.", format.name), format));
        }
    }
    let has_value = options.contains_key("format") || options.contains_key("value.format");
    if connector.formats != Formats::None && !has_value {
        return Err(OptionError::Missing { key: "format".into(), owner: format!("connector {}", connector.name) });
    }
    Ok(formats)
}

fn check_option(
    key: &str,
    value: &str,
    connector: &ConnectorOptions,
    formats: &[NamedFormat],
    warnings: &mut OptionWarnings,
) -> Result<(), OptionError> {
    if connector.formats != Formats::None && matches!(key, "format" | "value.format" | "key.format") {
        return Ok(());
    }
    if let Some(spec) = find(connector.options, key) {
        return check_value(key, value, spec.kind);
    }
    let of_format = formats.iter().find_map(|(prefix, format)| key.strip_prefix(prefix.as_str()).map(|name| (prefix, format, name)));
    let Some((prefix, format, name)) = of_format else {
        let known = known_keys(connector, formats);
        return Err(unknown(key, format!("connector {}", connector.name), known));
    };
    if let Some(spec) = find(format.options, name) {
        return check_value(key, value, spec.kind);
    }
    let known: Vec<String> = format.options.iter().map(|spec| format!("{prefix}{}", spec.key)).collect();
    if connector.formats == Formats::One {
        let near = nearest(key, known.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        warnings.push(format!("format {} has no option `{key}`, it is ignored{near}", format.name));
        return Ok(());
    }
    Err(unknown(key, format!("format {}", format.name), known))
}

fn find<'a>(options: &'a [OptionSpec], key: &str) -> Option<&'a OptionSpec> {
    let is = |spec: &&OptionSpec| spec.key == key || spec.key.strip_suffix('*').is_some_and(|prefix| key.starts_with(prefix));
    options.iter().find(is)
}

fn known_keys(connector: &ConnectorOptions, formats: &[NamedFormat]) -> Vec<String> {
    let own = connector.options.iter().map(|spec| spec.key.to_owned());
    let formatted = formats.iter().flat_map(|(prefix, format)| format.options.iter().map(move |spec| format!("{prefix}{}", spec.key)));
    let mut known: Vec<String> = own.chain(formatted).collect();
    match connector.formats {
        Formats::None => {}
        Formats::One => known.push("format".into()),
        Formats::KeyAndValue => known.extend(["format", "value.format", "key.format"].map(str::to_owned)),
    }
    known.sort();
    known
}

fn unknown(key: &str, owner: String, known: Vec<String>) -> OptionError {
    let near = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
    OptionError::Unknown { key: key.to_owned(), owner, near, known }
}

fn check_value(key: &str, value: &str, kind: OptionKind) -> Result<(), OptionError> {
    let expected = match kind {
        Text => None,
        Boolean => {
            (!value.trim().eq_ignore_ascii_case("true") && !value.trim().eq_ignore_ascii_case("false")).then(|| "true or false".into())
        }
        Integer => value.trim().parse::<i64>().is_err().then(|| "a whole number".into()),
        Duration => parse_duration(value).err().map(|error| format!("a duration such as `10 s`; {error}")),
        MemorySize => parse_memory_size(value).err().map(|error| format!("a size such as `128MB`; {error}")),
        Character => (value.chars().count() != 1 && !value.starts_with('\\')).then(|| "one character".into()),
        Charset => Named::named(value).is_none().then(|| Named::accepted(value)),
        OneOf(values) => (!values.iter().any(|known| known.eq_ignore_ascii_case(value))).then(|| format!("one of {}", values.join(", "))),
    };
    match expected {
        None => Ok(()),
        Some(expected) => Err(OptionError::Value { key: key.to_owned(), value: value.to_owned(), expected }),
    }
}
