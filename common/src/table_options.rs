//! The options of tables: for every connector and format which keys there are, what they take, and what they are when left out.
//!
//! One table, read by the planner (unknown, missing and ill-formed options) and by the connectors (defaults). Keys are Flink 1.20's;
//! those marked `ours` are Irmak's own. A format's options stand under its name (`json.ignore-parse-errors`), behind `key.` or
//! `value.` where the format was named so.

mod check;
mod known;

use std::collections::BTreeMap;

pub use check::{OptionError, OptionWarnings, check};
pub use known::{CONNECTORS, FORMATS};

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
    /// The name of a charset.
    Charset,
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
