//! Kafka tables against a real broker, both sides: what one job writes another reads, with what a mock cannot show (times, transactions).

use std::path::Path;

use anyhow::{Result, ensure};
use irmak_e2e::kafka::Kafka;
use irmak_e2e::process::{output, tied};
use irmak_e2e::scenario::{self, Scenario};
use irmak_e2e::wait::seconds;
use irmak_e2e::{places, produce};

/// Runs a script in one process and returns the rows that it prints, sorted.
fn local(s: &Scenario, name: &str, script: &str) -> Result<Vec<String>> {
    let file = s.dir().join(format!("{name}.sql"));
    std::fs::write(&file, format!("SET 'table.local-time-zone' = 'UTC';\n{script}"))?;
    let mut run = tied(&places::binary()?);
    run.args(["run", "-t", "local", "--output", "jsonl"]).arg(&file).current_dir(s.dir());
    let said = output(run, seconds(60))?;
    ensure!(said.code == Some(0), "{name} failed: {}", said.all());
    let mut rows: Vec<String> = said.stdout.lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect();
    rows.sort();
    Ok(rows)
}

/// `CREATE TABLE name (columns)` over a topic.
fn table(kafka: &Kafka, name: &str, topic: &str, columns: &str, options: &str) -> String {
    format!(
        "CREATE TABLE {name} ({columns}) WITH ('connector' = 'kafka', 'topic' = '{topic}', \
         'properties.bootstrap.servers' = '{}'{options});\n",
        kafka.address()
    )
}

const READ: &str = ", 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json'";

#[test]
fn what_one_job_writes_another_reads_with_key_time_and_headers() -> Result<()> {
    scenario::run("kafka-tables", |s| {
        let kafka = s.kafka()?;
        let columns =
            "k_id INT, name STRING, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', more MAP<STRING, BYTES> METADATA FROM 'headers'";
        let keyed = ", 'key.format' = 'json', 'key.fields' = 'k_id', 'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY', \
                     'value.format' = 'json'";
        let writes = table(kafka, "t", &s.topic(), columns, keyed)
            + "INSERT INTO t VALUES \
               (1, 'a', TO_TIMESTAMP_LTZ(1000, 3), MAP['h', x'61']), \
               (2, 'b', TO_TIMESTAMP_LTZ(2000, 3), MAP['h', x'62']), \
               (3, 'c', TO_TIMESTAMP_LTZ(3000, 3), MAP['h', x'63']);";
        local(s, "write", &writes)?;
        let bounded = ", 'scan.bounded.mode' = 'latest-offset'";
        let from = |startup: &str| {
            table(kafka, "t", &s.topic(), columns, &format!("{keyed}, {startup}{bounded}"))
                + "SELECT k_id, name, ts, CAST(more['h'] AS STRING) AS h FROM t;"
        };
        let all = local(s, "read", &from("'scan.startup.mode' = 'earliest-offset'"))?;
        let row = |id: u32, name: &str| format!(r#"["+I","{id}","{name}","1970-01-01 00:00:0{id}.000","{name}"]"#);
        ensure!(all == [row(1, "a"), row(2, "b"), row(3, "c")], "{all:?}");
        let later = local(s, "later", &from("'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '1500'"))?;
        ensure!(later == [row(2, "b"), row(3, "c")], "from 1500 ms: {later:?}");
        let until = from("'scan.startup.mode' = 'earliest-offset'").replace(
            "'scan.bounded.mode' = 'latest-offset'",
            "'scan.bounded.mode' = 'timestamp', 'scan.bounded.timestamp-millis' = '2500'",
        );
        let earlier = local(s, "earlier", &until)?;
        ensure!(earlier == [row(1, "a"), row(2, "b")], "until 2500 ms: {earlier:?}");
        let keys: Vec<String> = produce::read_back_keyed(kafka, &s.topic())?.into_iter().map(|(key, _)| key).collect();
        ensure!(keys.iter().any(|key| key == r#"{"id":2}"#), "{keys:?}");
        Ok(())
    })
}

/// Sends lines in one transaction, which is committed.
fn transaction(kafka: &Kafka, topic: &str, lines: &str, dir: &Path) -> Result<()> {
    let file = dir.join("transaction");
    std::fs::write(&file, lines)?;
    let mut kcat = tied(Path::new("kcat"));
    kcat.args(["-P", "-b", &kafka.address(), "-t", topic, "-p", "0", "-X", "transactional.id=story", "-l"]).arg(&file);
    let said = output(kcat, seconds(60))?;
    ensure!(said.code == Some(0), "producing in a transaction: {}", said.all());
    Ok(())
}

#[test]
fn marks_of_transactions_are_no_records_and_a_bounded_read_ends_behind_them() -> Result<()> {
    scenario::run("kafka-transactions", |s| {
        let kafka = s.kafka()?;
        transaction(kafka, &s.topic(), "{\"id\":1}\n{\"id\":2}\n", s.dir())?;
        transaction(kafka, &s.topic(), "{\"id\":3}\n", s.dir())?;
        let script =
            table(kafka, "t", &s.topic(), "id INT, place BIGINT METADATA FROM 'offset' VIRTUAL", READ) + "SELECT id, place FROM t;";
        let rows = local(s, "read", &script)?;
        // Offset 2 is the first transaction's mark.
        ensure!(rows == [r#"["+I","1","0"]"#, r#"["+I","2","1"]"#, r#"["+I","3","3"]"#], "{rows:?}");
        Ok(())
    })
}

#[test]
fn an_updating_query_leaves_the_last_row_of_each_key_in_an_upsert_table() -> Result<()> {
    scenario::run("kafka-upsert", |s| {
        let kafka = s.kafka()?;
        let script = format!(
            "CREATE TABLE counts (name STRING, n BIGINT, PRIMARY KEY (name) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', \
             'topic' = '{}', 'properties.bootstrap.servers' = '{}', 'key.format' = 'raw', 'value.format' = 'json');\n\
             INSERT INTO counts SELECT name, COUNT(*) FROM (VALUES ('a'), ('b'), ('a'), ('a')) AS v (name) GROUP BY name;",
            s.topic(),
            kafka.address()
        );
        local(s, "counts", &script)?;
        let last: std::collections::BTreeMap<_, _> = produce::read_back_keyed(kafka, &s.topic())?.into_iter().collect();
        let shown: Vec<_> = last.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        ensure!(shown == [("a", r#"{"name":"a","n":3}"#), ("b", r#"{"name":"b","n":1}"#)], "{shown:?}");
        Ok(())
    })
}
