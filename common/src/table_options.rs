//! The options of tables: for every connector and format which keys there are, what they take, and what they are when left out.
//!
//! One table, read by the planner (unknown, missing and ill-formed options) and by the connectors (defaults). Keys are Flink 1.20's;
//! those marked `ours` are Irmak's own. A format's options stand under its name (`json.ignore-parse-errors`), behind `key.` or
//! `value.` where the format was named so.

use std::collections::BTreeMap;

use crate::duration::{parse_duration, parse_memory_size};
use crate::error::nearest;

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// `true` or `false`, in any case.
    Boolean,
    /// A whole number.
    Integer,
    /// `10 s`.
    Duration,
    /// `128MB`.
    MemorySize,
    /// One character.
    Character,
    /// One of these, in any case.
    OneOf(&'static [&'static str]),
}

/// Which side of a connector reads the option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Source and sink.
    Both,
    /// Only the source.
    Source,
    /// Only the sink.
    Sink,
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its key; a key ending in `*` stands for all with that beginning.
    pub key: &'static str,
    /// What it takes.
    pub kind: OptionKind,
    /// What it is when left out; `None`: nothing, or made from others.
    pub default: Option<&'static str>,
    /// Whether it must be given (on its side).
    pub required: bool,
    /// Who reads it.
    pub side: Side,
}

/// How a connector takes formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// It has none.
    None,
    /// `format` is required; options that the format does not know are let pass, as Flink does for files.
    One,
    /// `format` or `value.format` is required, `key.format` may be given.
    KeyAndValue,
}

/// A connector.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorOptions {
    /// `kafka` and so on.
    pub name: &'static str,
    /// Its options, those of formats apart.
    pub options: &'static [OptionSpec],
    /// Its formats.
    pub formats: Formats,
    /// Whether it can be read.
    pub source: bool,
    /// Whether it can be written.
    pub sink: bool,
    /// Metadata columns that it offers.
    pub metadata: &'static [&'static str],
}

impl ConnectorOptions {
    /// Metadata columns that can be written.
    pub fn writable_metadata(&self) -> &'static [&'static str] {
        match self.name {
            "kafka" => &["topic", "headers", "timestamp"],
            "upsert-kafka" => &["headers", "timestamp"],
            _ => &[],
        }
    }
}

/// A format.
#[derive(Clone, Copy, Debug)]
pub struct FormatOptions {
    /// `json` and so on.
    pub name: &'static str,
    /// Its options, without the format's name.
    pub options: &'static [OptionSpec],
}

const fn option(key: &'static str, kind: OptionKind, default: Option<&'static str>) -> OptionSpec {
    OptionSpec { key, kind, default, required: false, side: Side::Both }
}

const fn source(key: &'static str, kind: OptionKind, default: Option<&'static str>) -> OptionSpec {
    OptionSpec { key, kind, default, required: false, side: Side::Source }
}

const fn sink(key: &'static str, kind: OptionKind, default: Option<&'static str>) -> OptionSpec {
    OptionSpec { key, kind, default, required: false, side: Side::Sink }
}

const fn required(key: &'static str, kind: OptionKind) -> OptionSpec {
    OptionSpec { key, kind, default: None, required: true, side: Side::Both }
}

use OptionKind::{Boolean, Character, Duration, Integer, MemorySize, OneOf, Text};

const STARTUP: &[&str] = &["earliest-offset", "latest-offset", "group-offsets", "timestamp", "specific-offsets"];
const BOUNDED: &[&str] = &["unbounded", "latest-offset", "group-offsets", "timestamp", "specific-offsets"];
const TIMESTAMPS: &[&str] = &["SQL", "ISO-8601"];
const NULL_KEYS: &[&str] = &["FAIL", "DROP", "LITERAL"];

const KAFKA: &[OptionSpec] = &[
    option("topic", Text, None),
    option("topic-pattern", Text, None),
    required("properties.bootstrap.servers", Text),
    option("properties.group.id", Text, None),
    option("properties.*", Text, None),
    option("key.fields", Text, Some("")),
    option("key.fields-prefix", Text, Some("")),
    option("value.fields-include", OneOf(&["ALL", "EXCEPT_KEY"]), Some("ALL")),
    source("scan.startup.mode", OneOf(STARTUP), Some("group-offsets")),
    source("scan.startup.specific-offsets", Text, None),
    source("scan.startup.timestamp-millis", Integer, None),
    source("scan.bounded.mode", OneOf(BOUNDED), Some("unbounded")),
    source("scan.bounded.specific-offsets", Text, None),
    source("scan.bounded.timestamp-millis", Integer, None),
    source("scan.topic-partition-discovery.interval", Duration, Some("5 min")),
    source("scan.watermark.emit.strategy", OneOf(&["on-event", "on-periodic"]), Some("on-periodic")),
    source("scan.watermark.alignment.group", Text, None),
    source("scan.watermark.alignment.max-drift", Duration, Some("1 min")),
    source("scan.watermark.alignment.update-interval", Duration, None),
    source("scan.watermark.idle-timeout", Duration, None),
    source("scan.parallelism", Integer, None),
    // Ours: where records go that cannot be read.
    source("scan.dead-letter", Text, None),
    sink("sink.partitioner", Text, Some("default")),
    sink("sink.delivery-guarantee", OneOf(&["none", "at-least-once", "exactly-once"]), Some("at-least-once")),
    sink("sink.semantic", Text, None),
    sink("sink.transactional-id-prefix", Text, None),
    sink("sink.parallelism", Integer, None),
];

/// Its key is the table's primary key.
const UPSERT_KAFKA: &[OptionSpec] = &[
    required("topic", Text),
    required("properties.bootstrap.servers", Text),
    option("properties.*", Text, None),
    required("key.format", Text),
    option("key.fields-prefix", Text, Some("")),
    option("value.fields-include", OneOf(&["ALL", "EXCEPT_KEY"]), Some("ALL")),
    source("scan.bounded.mode", OneOf(BOUNDED), Some("unbounded")),
    source("scan.bounded.specific-offsets", Text, None),
    source("scan.bounded.timestamp-millis", Integer, None),
    source("scan.topic-partition-discovery.interval", Duration, Some("5 min")),
    source("scan.watermark.emit.strategy", OneOf(&["on-event", "on-periodic"]), Some("on-periodic")),
    source("scan.watermark.alignment.group", Text, None),
    source("scan.watermark.alignment.max-drift", Duration, Some("1 min")),
    source("scan.watermark.alignment.update-interval", Duration, None),
    source("scan.watermark.idle-timeout", Duration, None),
    source("scan.parallelism", Integer, None),
    // Ours: where records go that cannot be read.
    source("scan.dead-letter", Text, None),
    sink("sink.delivery-guarantee", OneOf(&["none", "at-least-once", "exactly-once"]), Some("at-least-once")),
    sink("sink.parallelism", Integer, None),
    // Every change is written as it comes: what a buffer would hold back is written too.
    sink("sink.buffer-flush.max-rows", Integer, Some("0")),
    sink("sink.buffer-flush.interval", Duration, Some("0")),
];

const FILESYSTEM: &[OptionSpec] = &[
    required("path", Text),
    source("source.monitor-interval", Duration, None),
    source("source.path.regex-pattern", Text, None),
    source("source.report-statistics", Text, None),
    source("scan.parallelism", Integer, None),
    source("scan.watermark.idle-timeout", Duration, None),
    source("scan.watermark.emit.strategy", OneOf(&["on-event", "on-periodic"]), Some("on-periodic")),
    // Ours: where records go that cannot be read.
    source("scan.dead-letter", Text, None),
    option("partition.default-name", Text, Some("__DEFAULT_PARTITION__")),
    option("partition.time-extractor.kind", Text, Some("default")),
    option("partition.time-extractor.class", Text, None),
    option("partition.time-extractor.timestamp-pattern", Text, None),
    option("partition.time-extractor.timestamp-formatter", Text, None),
    sink("sink.rolling-policy.file-size", MemorySize, Some("128MB")),
    sink("sink.rolling-policy.rollover-interval", Duration, Some("30 min")),
    sink("sink.rolling-policy.inactivity-interval", Duration, None),
    sink("sink.rolling-policy.check-interval", Duration, Some("1 min")),
    // Ours: roll behind so many rows.
    sink("sink.rolling-policy.rollover-rows", Integer, None),
    sink("sink.shuffle-by-partition.enable", Boolean, Some("false")),
    sink("sink.partition-commit.trigger", OneOf(&["process-time", "partition-time"]), Some("process-time")),
    sink("sink.partition-commit.delay", Duration, Some("0 s")),
    sink("sink.partition-commit.watermark-time-zone", Text, Some("UTC")),
    sink("sink.partition-commit.policy.kind", Text, None),
    sink("sink.partition-commit.policy.class", Text, None),
    sink("sink.partition-commit.policy.class.parameters", Text, None),
    sink("sink.partition-commit.success-file.name", Text, Some("_SUCCESS")),
    sink("sink.parallelism", Integer, None),
    sink("auto-compaction", Boolean, Some("false")),
    sink("compaction.file-size", MemorySize, None),
    sink("compaction.parallelism", Integer, None),
];

const DATAGEN: &[OptionSpec] = &[
    source("rows-per-second", Integer, Some("10000")),
    source("number-of-rows", Integer, None),
    source("scan.parallelism", Integer, None),
    source("fields.*", Text, None),
];

const PRINT: &[OptionSpec] =
    &[sink("print-identifier", Text, None), sink("standard-error", Boolean, Some("false")), sink("sink.parallelism", Integer, None)];

const BLACKHOLE: &[OptionSpec] = &[sink("sink.parallelism", Integer, None)];

const JSON: &[OptionSpec] = &[
    option("fail-on-missing-field", Boolean, Some("false")),
    option("ignore-parse-errors", Boolean, Some("false")),
    option("timestamp-format.standard", OneOf(TIMESTAMPS), Some("SQL")),
    option("map-null-key.mode", OneOf(NULL_KEYS), Some("FAIL")),
    option("map-null-key.literal", Text, Some("null")),
    option("encode.decimal-as-plain-number", Boolean, Some("false")),
    option("encode.ignore-null-fields", Boolean, Some("false")),
    option("decode.json-parser.enabled", Boolean, Some("true")),
];

const CSV: &[OptionSpec] = &[
    option("field-delimiter", Character, Some(",")),
    option("disable-quote-character", Boolean, Some("false")),
    option("quote-character", Character, Some("\"")),
    option("allow-comments", Boolean, Some("false")),
    option("ignore-parse-errors", Boolean, Some("false")),
    option("array-element-delimiter", Text, Some(";")),
    option("escape-character", Character, None),
    option("null-literal", Text, None),
    option("write-bigdecimal-in-scientific-notation", Boolean, Some("true")),
    // Flink dropped it long ago; jobs still carry it.
    option("record-row-delimiter", Text, None),
    option("line-delimiter", Text, None),
];

const RAW: &[OptionSpec] =
    &[option("charset", Text, Some("UTF-8")), option("endianness", OneOf(&["big-endian", "little-endian"]), Some("big-endian"))];

/// What all changelog formats have: the rows inside are JSON.
macro_rules! changelog_options {
    ($($own:expr),*) => {
        &[
            $($own,)*
            option("ignore-parse-errors", Boolean, Some("false")),
            option("timestamp-format.standard", OneOf(TIMESTAMPS), Some("SQL")),
            option("map-null-key.mode", OneOf(NULL_KEYS), Some("FAIL")),
            option("map-null-key.literal", Text, Some("null")),
            option("encode.decimal-as-plain-number", Boolean, Some("false")),
            option("encode.ignore-null-fields", Boolean, Some("false")),
        ]
    };
}

const DEBEZIUM_JSON: &[OptionSpec] = changelog_options![option("schema-include", Boolean, Some("false"))];
const CANAL_JSON: &[OptionSpec] = changelog_options![option("database.include", Text, None), option("table.include", Text, None)];
const MAXWELL_JSON: &[OptionSpec] = changelog_options![];
const OGG_JSON: &[OptionSpec] = changelog_options![];

/// Every connector.
pub const CONNECTORS: &[ConnectorOptions] = &[
    ConnectorOptions { name: "blackhole", options: BLACKHOLE, formats: Formats::None, source: false, sink: true, metadata: &[] },
    ConnectorOptions { name: "datagen", options: DATAGEN, formats: Formats::None, source: true, sink: false, metadata: &[] },
    ConnectorOptions {
        name: "filesystem",
        options: FILESYSTEM,
        formats: Formats::One,
        source: true,
        sink: true,
        metadata: &["file.path", "file.name", "file.size", "file.modification-time"],
    },
    ConnectorOptions {
        name: "kafka",
        options: KAFKA,
        formats: Formats::KeyAndValue,
        source: true,
        sink: true,
        metadata: &["topic", "partition", "headers", "leader-epoch", "offset", "timestamp", "timestamp-type"],
    },
    ConnectorOptions { name: "print", options: PRINT, formats: Formats::None, source: false, sink: true, metadata: &[] },
    ConnectorOptions {
        name: "upsert-kafka",
        options: UPSERT_KAFKA,
        formats: Formats::KeyAndValue,
        source: true,
        sink: true,
        metadata: &["topic", "partition", "headers", "leader-epoch", "offset", "timestamp", "timestamp-type"],
    },
];

/// Every format.
pub const FORMATS: &[FormatOptions] = &[
    FormatOptions { name: "canal-json", options: CANAL_JSON },
    FormatOptions { name: "csv", options: CSV },
    FormatOptions { name: "debezium-json", options: DEBEZIUM_JSON },
    FormatOptions { name: "json", options: JSON },
    FormatOptions { name: "maxwell-json", options: MAXWELL_JSON },
    FormatOptions { name: "ogg-json", options: OGG_JSON },
    FormatOptions { name: "raw", options: RAW },
];

/// The format of a table's rows, if it is a changelog: read, it brings all four row kinds; written, it takes them.
pub fn changelog_format(options: &BTreeMap<String, String>) -> Option<&'static str> {
    let named = options.get("value.format").or_else(|| options.get("format"))?;
    CHANGELOGS.into_iter().find(|name| name == named)
}

const CHANGELOGS: [&str; 4] = ["canal-json", "debezium-json", "maxwell-json", "ogg-json"];

/// Whether a format's records are changes, not rows.
pub fn is_changelog(format: &str) -> bool {
    CHANGELOGS.contains(&format)
}

/// The connector of this name.
pub fn connector(name: &str) -> Option<&'static ConnectorOptions> {
    CONNECTORS.iter().find(|connector| connector.name == name)
}

/// The format of this name.
pub fn format(name: &str) -> Option<&'static FormatOptions> {
    FORMATS.iter().find(|format| format.name == name)
}

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
        OneOf(values) => (!values.iter().any(|known| known.eq_ignore_ascii_case(value))).then(|| format!("one of {}", values.join(", "))),
    };
    match expected {
        None => Ok(()),
        Some(expected) => Err(OptionError::Value { key: key.to_owned(), value: value.to_owned(), expected }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_table(options: &[(&str, &str)], side: Side) -> Result<OptionWarnings, String> {
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        check(&options, side).map_err(|error| error.to_string())
    }

    const FILE: [(&str, &str); 3] = [("connector", "filesystem"), ("path", "/x"), ("format", "csv")];

    #[test]
    fn the_reference_tables_are_accepted() {
        let kafka = [
            ("connector", "kafka"),
            ("topic", "sahibinden"),
            ("properties.bootstrap.servers", "localhost:9092"),
            ("properties.group.id", "sahibinden-group"),
            ("scan.startup.mode", "earliest-offset"),
            ("value.format", "json"),
        ];
        assert_eq!(check_table(&kafka, Side::Source), Ok(vec![]));
        let csv = [("csv.field-delimiter", ","), ("csv.ignore-parse-errors", "true"), ("csv.record-row-delimiter", "\n")];
        assert_eq!(check_table(&[FILE.as_slice(), &csv].concat(), Side::Sink), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let more = |extra: &'static [(&str, &str)]| check_table(&[FILE.as_slice(), extra].concat(), Side::Source).unwrap_err();
        assert_eq!(check_table(&[("connector", "kafak")], Side::Source).unwrap_err(), "there is no connector `kafak`");
        assert_eq!(check_table(&FILE[..2], Side::Source).unwrap_err(), "required option `format` is missing for connector filesystem");
        assert_eq!(more(&[("pth", "x")]), "connector filesystem has no option `pth`");
        assert_eq!(more(&[("csv.allow-comments", "maybe")]), "option `csv.allow-comments` cannot be `maybe`: true or false");
        assert_eq!(check_table(&[("connector", "print")], Side::Source).unwrap_err(), "connector `print` cannot be used as a source");
    }

    #[test]
    fn changelogs_are_known_by_their_format() {
        let of = |options: &[(&str, &str)]| {
            changelog_format(&options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        assert_eq!(of(&[("format", "debezium-json")]), Some("debezium-json"));
        assert_eq!(of(&[("value.format", "canal-json"), ("key.format", "json")]), Some("canal-json"));
        assert_eq!(of(&FILE), None);
        let canal = [("connector", "filesystem"), ("path", "/x"), ("format", "canal-json"), ("canal-json.database.include", "shop")];
        assert_eq!(check_table(&canal, Side::Source), Ok(vec![]));
    }

    #[test]
    fn an_option_without_effect_is_a_warning_on_its_side() {
        let options = [FILE.as_slice(), &[("sink.shuffle-by-partition.enable", "true"), ("source.report-statistics", "NONE")]].concat();
        let warned = |side| check_table(&options, side).unwrap();
        assert_eq!(
            warned(Side::Sink),
            ["option `sink.shuffle-by-partition.enable` has no effect: each subtask writes the partitions of the rows that it has"]
        );
        assert_eq!(warned(Side::Source).len(), 1);
        let off = [FILE.as_slice(), &[("sink.shuffle-by-partition.enable", "false")]].concat();
        assert_eq!(check_table(&off, Side::Sink), Ok(vec![]));
    }

    #[test]
    fn an_unknown_option_of_a_file_format_is_a_warning() {
        let options = [FILE.as_slice(), &[("csv.field-delimiterr", ",")]].concat();
        let warnings = check_table(&options, Side::Source).unwrap();
        assert_eq!(warnings, ["format csv has no option `csv.field-delimiterr`, it is ignored; did you mean `csv.field-delimiter`?"]);
    }
}
