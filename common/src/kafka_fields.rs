//! Which columns of a Kafka table stand in a record's key, and which in its value; and what of the table's options does not fit together.
//!
//! Pure: the planner refuses with it before a job starts, the connector reads and writes by it. Source: Flink's `KafkaConnectorOptionsUtil`.

use std::collections::BTreeMap;

use crate::table_options::{OptionError, Side, is_changelog};

/// The positions of physical columns, by where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaFields {
    /// Columns of the key, in the order of `key.fields`; none: keys are empty when written, and not looked at when read.
    pub key: Vec<usize>,
    /// Columns of the value, in the table's order.
    pub value: Vec<usize>,
    /// `key.fields-prefix`: the table's names have it, the key's records do not.
    pub prefix: String,
}

impl KafkaFields {
    /// The split of `columns`, the names of the table's physical columns.
    ///
    /// # Errors
    /// `key.fields` without `key.format` or the other way round, a name that is no column, a prefix that does not fit.
    pub fn read(options: &BTreeMap<String, String>, columns: &[&str]) -> Result<Self, OptionError> {
        let named: Vec<&str> = options.get("key.fields").map_or_else(Vec::new, |list| split_list(list));
        let prefix = options.get("key.fields-prefix").cloned().unwrap_or_default();
        let except_key = options.get("value.fields-include").is_some_and(|value| value.trim().eq_ignore_ascii_case("EXCEPT_KEY"));
        match options.get("key.format") {
            None if !named.is_empty() => {
                let expected = "only with a format for the keys: add 'key.format', such as 'json' or 'raw'";
                return Err(bad(options, "key.fields", expected));
            }
            Some(_) if named.is_empty() => {
                let expected = "only with the columns that make the key: add 'key.fields' = 'column;column'";
                return Err(bad(options, "key.format", expected));
            }
            _ => {}
        }
        if !prefix.is_empty() && !except_key {
            return Err(bad(
                options,
                "key.fields-prefix",
                "only together with 'value.fields-include' = 'EXCEPT_KEY', else fields would overlap",
            ));
        }
        let mut key = Vec::with_capacity(named.len());
        for name in &named {
            let Some(at) = columns.iter().position(|column| column == name) else {
                let expected = format!("physical columns of the table, separated by `;` (`{name}` is none): {}", columns.join(", "));
                return Err(bad(options, "key.fields", &expected));
            };
            if !name.starts_with(&prefix) {
                let expected = format!("names that begin with '{prefix}' as 'key.fields-prefix' says (`{name}` does not)");
                return Err(bad(options, "key.fields", &expected));
            }
            if key.contains(&at) {
                return Err(bad(options, "key.fields", &format!("each column once (`{name}` stands twice)")));
            }
            key.push(at);
        }
        let value = (0..columns.len()).filter(|at| !except_key || !key.contains(at)).collect();
        Ok(Self { key, value, prefix })
    }

    /// The same for `upsert-kafka`, whose key is the table's primary key (`key`: positions).
    ///
    /// # Errors
    /// No primary key, a prefix that does not fit, a format whose records are changes themselves.
    pub fn upsert(options: &BTreeMap<String, String>, columns: &[&str], key: &[usize]) -> Result<Self, OptionError> {
        for part in ["key", "value"] {
            let named = |name: &&str| options.contains_key(*name);
            let Some(option) = [format!("{part}.format"), "format".to_owned()].into_iter().find(|name| named(&name.as_str())) else {
                continue;
            };
            let format = options.get(&option).map_or("", String::as_str);
            if is_changelog(format) {
                let expected = format!(
                    "'upsert-kafka' connector doesn't support '{format}' as {part} format, because it's not in insert-only mode: a record is its \
                     key's row, one without a value its end; read such records with connector 'kafka'"
                );
                return Err(bad(options, &option, &expected));
            }
        }
        if key.is_empty() {
            let expected = "only with a key: add PRIMARY KEY (column, ...) NOT ENFORCED to the table; 'upsert-kafka' tables require to define \
                            a PRIMARY KEY constraint, which says what stands in the records' keys";
            return Err(bad(options, "key.format", expected));
        }
        let names: Vec<&str> = key.iter().filter_map(|at| columns.get(*at).copied()).collect();
        let mut named = options.clone();
        named.insert("key.fields".to_owned(), names.join(";"));
        Self::read(&named, columns)
    }

    /// What a column of the key is called in the key's records.
    pub fn key_name<'a>(&self, column: &'a str) -> &'a str {
        column.strip_prefix(self.prefix.as_str()).unwrap_or(column)
    }
}

fn split_list(list: &str) -> Vec<&str> {
    list.split(';').map(str::trim).filter(|name| !name.is_empty()).collect()
}

fn bad(options: &BTreeMap<String, String>, key: &str, expected: &str) -> OptionError {
    OptionError::Value { key: key.to_owned(), value: options.get(key).cloned().unwrap_or_default(), expected: expected.to_owned() }
}

/// What of a Kafka table's options does not fit together, on one side of a job; `metadata` are the keys of its writable metadata columns.
/// For `upsert-kafka` see [`KafkaFields::upsert`] too.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_kafka(options: &BTreeMap<String, String>, side: Side, columns: &[&str], metadata: &[&str]) -> Result<(), OptionError> {
    if options.get("connector").is_none_or(|connector| connector != "upsert-kafka") {
        KafkaFields::read(options, columns)?;
    }
    if options.contains_key("topic") && options.contains_key("topic-pattern") {
        return Err(bad(options, "topic-pattern", "not together with 'topic': leave one of them out"));
    }
    match side {
        Side::Sink => check_sink(options, metadata),
        _ => check_source(options),
    }
}

fn check_source(options: &BTreeMap<String, String>) -> Result<(), OptionError> {
    for (mode_key, mode, needed, example) in [
        ("scan.startup.mode", "timestamp", "scan.startup.timestamp-millis", "1739689689000"),
        ("scan.startup.mode", "specific-offsets", "scan.startup.specific-offsets", "partition:0,offset:42;partition:1,offset:300"),
        ("scan.bounded.mode", "timestamp", "scan.bounded.timestamp-millis", "1739689689000"),
        ("scan.bounded.mode", "specific-offsets", "scan.bounded.specific-offsets", "partition:0,offset:42;partition:1,offset:300"),
    ] {
        let is_mode = options.get(mode_key).is_some_and(|value| value.eq_ignore_ascii_case(mode));
        if is_mode && !options.contains_key(needed) {
            return Err(bad(options, mode_key, &format!("only with '{needed}', such as '{needed}' = '{example}'")));
        }
    }
    let drift = "scan.watermark.alignment.max-drift";
    if options.contains_key("scan.watermark.alignment.group") && !options.contains_key(drift) {
        return Err(bad(options, "scan.watermark.alignment.group", &format!("only with '{drift}', such as '{drift}' = '1 min'")));
    }
    Ok(())
}

fn check_sink(options: &BTreeMap<String, String>, metadata: &[&str]) -> Result<(), OptionError> {
    if options.get("sink.delivery-guarantee").is_some_and(|value| value.eq_ignore_ascii_case("exactly-once")) {
        let expected =
            "none or at-least-once: transactions come with a later version. Until then a reader can drop repeated rows by their key";
        return Err(bad(options, "sink.delivery-guarantee", expected));
    }
    let partitioner = options.get("sink.partitioner").map(String::as_str);
    match partitioner.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
        None | Some("default" | "fixed") => {}
        Some("round-robin") if options.get("key.fields").is_none_or(|fields| split_list(fields).is_empty()) => {}
        Some("round-robin") => return Err(bad(options, "sink.partitioner", "round-robin only without 'key.fields': keys belong together")),
        Some(_) => return Err(bad(options, "sink.partitioner", "default, fixed or round-robin (classes of the JVM cannot be run)")),
    }
    let topics = options.get("topic").map_or(0, |list| split_list(list).len());
    if topics != 1 && !metadata.contains(&"topic") {
        let key = if options.contains_key("topic") { "topic" } else { "topic-pattern" };
        return Err(bad(options, key, "exactly one topic to write to, or a column `topic STRING METADATA` that says which"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 3] = ["k_id", "v", "k_part"];

    fn check(given: &[(&str, &str)], expected: Result<(&[usize], &[usize]), &str>) {
        let options = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        match (KafkaFields::read(&options, &COLUMNS), expected) {
            (Ok(found), Ok((key, value))) => assert_eq!((found.key.as_slice(), found.value.as_slice()), (key, value), "{given:?}"),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (found, expected) => panic!("{given:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn columns_stand_in_the_key_in_the_value_or_in_both() {
        let key = ("key.format", "json");
        check(&[], Ok((&[], &[0, 1, 2])));
        check(&[key, ("key.fields", "k_part;k_id")], Ok((&[2, 0], &[0, 1, 2])));
        let except = ("value.fields-include", "EXCEPT_KEY");
        check(&[key, ("key.fields", "k_id"), except], Ok((&[0], &[1, 2])));
        check(&[key, ("key.fields", "k_id;k_part"), except, ("key.fields-prefix", "k_")], Ok((&[0, 2], &[1])));
    }

    #[test]
    fn what_does_not_fit_together_is_said_with_what_is_missing() {
        let key = ("key.format", "json");
        check(&[("key.fields", "k_id")], Err("add 'key.format'"));
        check(&[key], Err("add 'key.fields'"));
        check(&[key, ("key.fields", "id")], Err("(`id` is none): k_id, v, k_part"));
        check(&[key, ("key.fields", "k_id"), ("key.fields-prefix", "k_")], Err("EXCEPT_KEY"));
        let except = ("value.fields-include", "EXCEPT_KEY");
        check(&[key, ("key.fields", "v"), except, ("key.fields-prefix", "k_")], Err("(`v` does not)"));
        check(&[key, ("key.fields", "v;v")], Err("stands twice"));
    }

    #[test]
    fn the_key_of_an_upsert_table_is_its_primary_key() {
        let options = BTreeMap::from([("key.format".to_owned(), "json".to_owned())]);
        assert_eq!(KafkaFields::upsert(&options, &COLUMNS, &[2, 0]).map(|fields| fields.key), Ok(vec![2, 0]));
        assert!(KafkaFields::upsert(&options, &COLUMNS, &[]).unwrap_err().to_string().contains("add PRIMARY KEY"));
    }

    fn sink(given: &[(&str, &str)], metadata: &[&str]) -> Result<(), String> {
        let options = given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        check_kafka(&options, Side::Sink, &COLUMNS, metadata).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sink_needs_one_topic_and_a_guarantee_that_there_is() {
        assert_eq!(sink(&[("topic", "t")], &[]), Ok(()));
        assert!(sink(&[("topic", "t;u")], &[]).unwrap_err().contains("exactly one topic"));
        assert_eq!(sink(&[("topic", "t;u")], &["topic"]), Ok(()));
        assert!(sink(&[("topic", "t"), ("sink.delivery-guarantee", "exactly-once")], &[]).unwrap_err().contains("later version"));
        assert!(sink(&[("topic", "t"), ("sink.partitioner", "org.acme.P")], &[]).unwrap_err().contains("default, fixed or round-robin"));
        let keyed = [("topic", "t"), ("sink.partitioner", "round-robin"), ("key.format", "raw"), ("key.fields", "v")];
        assert!(sink(&keyed, &[]).unwrap_err().contains("keys belong together"));
    }
}
