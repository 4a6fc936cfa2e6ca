//! What people who come from elsewhere write, and what to write here: one line each, for the notes of errors.
//!
//! Knows words, not places: whoever refuses says where.

use irmak_common::types::{LogicalType, TypeKind};

/// What to do instead of a connector that Flink has as a jar; `None`: it is none of those.
pub(crate) fn connector(name: &str) -> Option<&'static str> {
    let jars = ["jdbc", "elasticsearch", "opensearch", "hbase", "hive", "mongodb", "dynamodb", "kinesis", "firehose", "pulsar", "rabbitmq"];
    let cdc = ["mysql-cdc", "postgres-cdc", "oracle-cdc", "sqlserver-cdc", "mongodb-cdc"];
    let lakes = ["iceberg", "hudi", "paimon", "delta"];
    let begins = |known: &[&str]| known.iter().any(|known| name.starts_with(known));
    if begins(&cdc) {
        Some(
            "a CDC connector of Flink is a jar, and there are none here: let Debezium write to Kafka, and read it with 'format' = 'debezium-json'",
        )
    } else if begins(&lakes) {
        Some("in Flink it is a jar, and there are none here: write files with 'connector' = 'filesystem'")
    } else if begins(&jars) {
        Some(
            "in Flink it is a jar, and there are none here: go through Kafka ('connector' = 'kafka') or files ('connector' = 'filesystem')",
        )
    } else {
        None
    }
}

/// The same for a format.
pub(crate) fn format(name: &str) -> Option<&'static str> {
    let jars = ["avro", "avro-confluent", "debezium-avro-confluent", "protobuf", "parquet", "orc"];
    jars.contains(&name).then_some("in Flink it is a jar, and there are none here: use json or csv")
}

/// The type that is meant by one of another system.
pub(crate) fn type_name(name: &str) -> Option<&'static str> {
    Some(match name.to_uppercase().as_str() {
        "TEXT" | "NVARCHAR" | "CLOB" | "JSON" | "UUID" | "STR" => "STRING",
        "DATETIME" | "TIMESTAMPTZ" => "TIMESTAMP(3)",
        "LONG" | "INT64" | "INT8" | "BIGSERIAL" => "BIGINT",
        "INT32" | "INT4" | "SERIAL" | "MEDIUMINT" => "INT",
        "INT16" | "INT2" | "SHORT" => "SMALLINT",
        "BOOL" => "BOOLEAN",
        "FLOAT64" | "FLOAT8" => "DOUBLE",
        "FLOAT32" | "FLOAT4" => "FLOAT",
        "NUMBER" | "MONEY" | "BIGNUMERIC" => "DECIMAL(p, s)",
        "BLOB" | "BYTEA" => "BYTES",
        "STRUCT" => "ROW<...>",
        "LIST" => "ARRAY<...>",
        _ => return None,
    })
}

/// The symbol that is meant by one that Flink SQL does not have.
pub(crate) fn symbol(text: &str) -> Option<String> {
    let written = match text {
        "==" => "=",
        "&&" => "AND",
        "!" => "NOT",
        _ if text.len() > 2 && text.starts_with('"') && text.ends_with('"') => {
            let inside = &text[1..text.len() - 1];
            return Some(format!("a name stands in backticks: `{inside}`; a text in single quotes: '{inside}'"));
        }
        _ => return None,
    };
    Some(format!("write `{written}`"))
}

/// What to do instead of a statement that there is none of here.
pub(crate) fn statement(word: &str) -> Option<&'static str> {
    Some(match word {
        "ADD" | "REMOVE" => "there are no jars: connectors, formats and functions are built in",
        "LOAD" | "UNLOAD" => "there are no modules: all functions are there from the start",
        "DELETE" | "UPDATE" | "TRUNCATE" => "a stream is written with INSERT only; `irmak run` has no tables of its own to change",
        "ANALYZE" => "plans follow from their script alone: statistics would change nothing",
        "COMPILE" => "EXPLAIN shows the plan; a job keeps its state across changes of its script by savepoints",
        _ => return None,
    })
}

/// What to do instead of making a thing that there is none of here.
pub(crate) fn created(what: &str) -> Option<&'static str> {
    Some(match what {
        "FUNCTION" | "SYSTEM" => {
            "functions are built in, SHOW FUNCTIONS lists them: one of your own would be code, and no job brings code along"
        }
        _ => return None,
    })
}

/// How a plain column becomes a time attribute.
pub(crate) fn time_attribute(ty: &LogicalType, name: Option<&str>) -> String {
    let name = name.unwrap_or("ts");
    match &ty.kind {
        TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => {
            format!(
                "declare it in its table: WATERMARK FOR `{name}` AS `{name}` - INTERVAL '5' SECOND; a column that was computed or cast is none any more"
            )
        }
        TypeKind::Char(_) | TypeKind::Varchar(_) => from(name, &format!("TO_TIMESTAMP(`{name}`)")),
        TypeKind::BigInt => from(name, &format!("TO_TIMESTAMP_LTZ(`{name}`, 3)")),
        _ => "time attributes: a column with a WATERMARK, or one declared AS PROCTIME()".to_owned(),
    }
}

fn from(name: &str, expr: &str) -> String {
    format!("compute one in its table: `{name}_time` AS {expr}, WATERMARK FOR `{name}_time` AS `{name}_time` - INTERVAL '5' SECOND")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_strangers_get_advice_and_others_none() {
        assert!(connector("elasticsearch-7").is_some() && connector("mysql-cdc").unwrap().contains("debezium-json"));
        assert_eq!((connector("kafak"), format("jason"), type_name("FOO"), symbol("@"), statement("CALL")), (None, None, None, None, None));
        assert_eq!(type_name("text"), Some("STRING"));
        assert!(symbol("\"id\"").unwrap().contains("`id`"));
    }
}
