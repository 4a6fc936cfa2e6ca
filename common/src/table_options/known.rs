//! Every connector and format with its options: the table itself.

use super::OptionKind::{Boolean, Character, Charset, Duration, Integer, MemorySize, OneOf, Text};
use super::{ConnectorOptions, FormatOptions, Formats, OptionKind, OptionSpec, Side};

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

const STARTUP: &[&str] = &["earliest-offset", "latest-offset", "group-offsets", "timestamp", "specific-offsets"];
const BOUNDED: &[&str] = &["unbounded", "latest-offset", "group-offsets", "timestamp", "specific-offsets"];
const TIMESTAMPS: &[&str] = &["SQL", "ISO-8601"];
const NULL_KEYS: &[&str] = &["FAIL", "DROP", "LITERAL"];

/// What both tables on Kafka have, behind how they name their topic, and before what is their own.
macro_rules! kafka_options {
    ([$($topic:expr),*], [$($own:expr),* $(,)?]) => {
        &[
            $($topic,)*
            required("properties.bootstrap.servers", Text),
            option("properties.*", Text, None),
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
            $($own,)*
        ]
    };
}

const KAFKA: &[OptionSpec] = kafka_options!(
    [option("topic", Text, None), option("topic-pattern", Text, None)],
    [
        option("properties.group.id", Text, None),
        option("key.fields", Text, Some("")),
        source("scan.startup.mode", OneOf(STARTUP), Some("group-offsets")),
        source("scan.startup.specific-offsets", Text, None),
        source("scan.startup.timestamp-millis", Integer, None),
        sink("sink.partitioner", Text, Some("default")),
        sink("sink.semantic", Text, None),
        sink("sink.transactional-id-prefix", Text, None),
    ]
);

/// Its key is the table's primary key.
const UPSERT_KAFKA: &[OptionSpec] = kafka_options!(
    [required("topic", Text)],
    [
        required("key.format", Text),
        // Every change is written as it comes: what a buffer would hold back is written too.
        sink("sink.buffer-flush.max-rows", Integer, Some("0")),
        sink("sink.buffer-flush.interval", Duration, Some("0")),
    ]
);

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
    &[option("charset", Charset, Some("UTF-8")), option("endianness", OneOf(&["big-endian", "little-endian"]), Some("big-endian"))];

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
