//! What a person or a topic may give that is wrong: an answer in words, never a panic, a hang or a silent default.

use std::fs;

use anyhow::{Context, Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::process::Output;
use irmak_e2e::scenario::{self, PARTITIONS, Scenario};
use irmak_e2e::script::Script;
use irmak_e2e::wait::seconds;
use irmak_e2e::{expect, produce};

/// Runs a script on a small cluster; it must fail, soon, and stderr must hold all of `words`.
fn fails_with(s: &Scenario, script: &Script, words: &[&str]) -> Result<Output> {
    let mut cluster = s.cluster(Layout::of(1, 2))?;
    let said = cluster.client()?.run(&script.write(s.dir(), "kdv")?, 2, seconds(60))?;
    ensure!(matches!(said.code, Some(code) if code != 0), "it should fail: {}", said.all());
    for word in words {
        ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
    }
    cluster.never_crashed()?;
    Ok(said)
}

#[test]
fn an_unknown_topic_is_named_with_the_nearest_that_exists() -> Result<()> {
    scenario::run("bad-topic", |s| {
        let kafka = s.kafka()?;
        let wrong = s.topic().replace("topic", "topik");
        let script = Script::reference(&wrong, &kafka.address(), &s.output_dir())?.bounded()?.set("restart-strategy.type", "none");
        fails_with(s, &script, &[&wrong, &s.topic()]).map(|_| ())
    })
}

#[test]
fn wrong_sql_shows_line_column_caret_and_the_nearest_name() -> Result<()> {
    scenario::run("bad-sql", |s| {
        let script = Script::reference("t", "127.0.0.1:1", &s.output_dir())?
            .replace("SELECT id, product, description, price,", "SELECT id, product, description, prise,")?;
        let said = fails_with(s, &script, &["error[E", "prise", "kdv.sql:37:", "^^^^^", "price"])?;
        ensure!(said.took < seconds(120), "a wrong statement took {:?}", said.took);
        Ok(())
    })
}

#[test]
fn an_unknown_option_names_the_nearest_known_one() -> Result<()> {
    scenario::run("bad-option", |s| {
        let script = Script::reference("t", "127.0.0.1:1", &s.output_dir())?.sink_option("sink.rolling-policy.file-sise", "1 MB")?;
        fails_with(s, &script, &["sink.rolling-policy.file-sise", "sink.rolling-policy.file-size"]).map(|_| ())
    })
}

#[test]
fn a_wrong_spec_is_told_by_its_path_in_the_document() -> Result<()> {
    scenario::run("bad-spec", |s| {
        let mut cluster = s.cluster(Layout::of(1, 1))?;
        let client = cluster.client()?;
        let spec = fs::read_to_string(irmak_e2e::places::repository().join("examples/kdv/kdv.yaml"))?;
        let cases: [(&str, &str, &str, &[&str]); 5] = [
            ("connector: kafka", "connector: kafkaa", "a connector that is none", &["sources[0].with.connector", "kafka.yaml:", "`kafka`"]),
            ("type: aggregate", "type: agregate", "an operator that is none", &["operators[0]", "agregate"]),
            ("as: price * (1 + kdv)", "as: prise * (1 + kdv)", "a column that is none", &["sources[0]", "prise", "price"]),
            ("from: distinct_listings", "from: distinct_listing", "an edge from nowhere", &["edges[1]", "distinct_listing"]),
            ("name: write_csv", "nahme: write_csv", "a field that is none", &["sinks[0]", "nahme"]),
        ];
        for (from, to, what, words) in cases {
            let file = s.dir().join("kafka.yaml");
            fs::write(&file, spec.replacen(from, to, 1))?;
            let said = client.run(&file, 1, seconds(20))?;
            ensure!(matches!(said.code, Some(code) if code != 0), "{what} is let through: {}", said.all());
            for word in words {
                ensure!(said.stderr.contains(word), "{what}: stderr lacks `{word}`: {}", said.all());
            }
        }
        let file = s.dir().join("torn.yaml");
        fs::write(&file, "sources: [1\nsinks: }")?;
        let said = client.run(&file, 1, seconds(20))?;
        ensure!(said.code != Some(0) && said.stderr.contains("torn.yaml"), "what is no YAML: {}", said.all());
        cluster.never_crashed()
    })
}

#[test]
fn an_unwritable_path_fails_the_job_by_name() -> Result<()> {
    scenario::run("bad-path", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 600, s.dir())?;
        // A file where a folder should be: nobody may write below it, root neither.
        fs::write(s.dir().join("taken"), "")?;
        let path = s.dir().join("taken/output");
        let script = Script::reference(&s.topic(), &kafka.address(), &path)?.bounded()?.set("restart-strategy.type", "none");
        fails_with(s, &script, &[&path.display().to_string()]).map(|_| ())
    })
}

#[test]
fn a_bad_record_fails_the_job_with_topic_partition_offset_column_and_text() -> Result<()> {
    scenario::run("bad-record", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 40, s.dir())?;
        let bad = s.listings.json(40).replace(": 1400000,", ": \"pahali\",");
        ensure!(bad.contains("\"pahali\""), "row 40 is not the listing that this test spoils: {bad}");
        produce::lines(kafka, &s.topic(), 2, &[bad], s.dir())?;
        // No restart strategy is named: the record stays as it is, so there is nothing to try again.
        let script = s.script(kafka)?.bounded()?;
        let mut cluster = s.cluster(Layout::of(1, 2))?;
        let client = cluster.client()?;
        let said = client.run(&script.write(s.dir(), "kdv")?, 2, seconds(60))?;
        ensure!(matches!(said.code, Some(code) if code != 0), "it should fail: {}", said.all());
        // Partition 2 holds rows 2, 6, ... 38: ten of them.
        for word in [&s.topic(), "pahali", "price", "partition 2", "offset 10"] {
            ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
        }
        // REST has the same sentence, and the page shows what REST has (dashboard/test/page.mjs).
        let jobs = client.get("/jobs/overview")?;
        let job = jobs["jobs"][0]["jid"].as_str().with_context(|| format!("no job in {jobs}"))?;
        let exceptions = client.get(&format!("/jobs/{job}/exceptions"))?;
        let told = exceptions["root-exception"].as_str().with_context(|| format!("no root-exception in {exceptions}"))?;
        ensure!(told.contains("pahali") && said.stderr.contains(told), "REST says {told:?}; the terminal: {}", said.all());
        cluster.never_crashed()
    })
}

#[test]
fn bad_records_are_skipped_when_the_format_says_so_and_counted() -> Result<()> {
    scenario::run("bad-record-skipped", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 1_100, s.dir())?;
        produce::lines(kafka, &s.topic(), 1, &["not json", "{\"id\": ", "[1, 2]"], s.dir())?;
        let script = s.script(kafka)?.bounded()?.source_option("value.json.ignore-parse-errors", "true")?;
        let mut cluster = s.cluster(Layout::of(1, 2))?;
        let client = cluster.client()?;
        let job = client.submit(&script.write(s.dir(), "kdv")?, 2)?;
        client.wait_state(&job, "FINISHED", seconds(60))?;
        s.output().wait_exact(&expect::bounded(&s.listings, 1_100), seconds(5))?;
        let details = client.get(&format!("/jobs/{job}"))?;
        let skipped: u64 =
            details["vertices"].as_array().into_iter().flatten().filter_map(|vertex| vertex["irmak"]["skipped-records"].as_u64()).sum();
        ensure!(skipped == 3, "{skipped} skipped records counted, 3 expected: {details}");
        cluster.never_crashed()
    })
}

#[test]
fn the_dead_letter_folder_keeps_bad_records_with_their_reason_and_the_job_goes_on() -> Result<()> {
    scenario::run("dead-letter", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 1_100, s.dir())?;
        produce::lines(kafka, &s.topic(), 3, &["bu json degil", "{\"id\": \"yok\"}"], s.dir())?;
        let letters = s.dir().join("letters");
        let script = s.script(kafka)?.bounded()?.source_option("scan.dead-letter", &format!("file://{}", letters.display()))?;
        let mut cluster = s.cluster(Layout::of(1, 2))?;
        let said = cluster.client()?.run(&script.write(s.dir(), "kdv")?, 2, seconds(60))?;
        ensure!(said.code == Some(0), "the job failed: {}", said.all());
        s.output().wait_exact(&expect::bounded(&s.listings, 1_100), seconds(5))?;
        let mut kept = String::new();
        for entry in fs::read_dir(&letters).with_context(|| format!("no folder {}", letters.display()))? {
            let path = entry?.path();
            if path.is_file() {
                kept += &fs::read_to_string(&path)?;
            }
        }
        for word in ["bu json degil", "yok", s.topic().as_str()] {
            ensure!(kept.contains(word), "the dead letters lack `{word}`:\n{kept}");
        }
        cluster.never_crashed()
    })
}

#[test]
fn a_record_of_fifty_megabytes_is_taken_or_refused_by_name_and_nobody_dies() -> Result<()> {
    scenario::run("big-record", |s| {
        let kafka = irmak_e2e::kafka::shared()?;
        kafka.create_topic(&s.topic(), PARTITIONS, &["max.message.bytes=73400320"])?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 600, s.dir())?;
        // kcat -l splits at line breaks, and one line may be this long.
        let big = s.listings.json(600).replace("\"description\": \"", &format!("\"description\": \"{}", "x".repeat(50_000_000)));
        produce::lines(kafka, &s.topic(), 0, &[&big], s.dir())?;
        let mut cluster = s.cluster(Layout::of(1, 2))?;
        let script = s.script(kafka)?.bounded()?.set("restart-strategy.type", "none").write(s.dir(), "kdv")?;
        let said = cluster.client()?.run(&script, 2, seconds(90))?;
        if said.code == Some(0) {
            let mut output = s.output();
            output.look()?;
            ensure!(output.visible_lines() == 601, "{} lines of 601", output.visible_lines());
        } else {
            for word in [s.topic().as_str(), "offset 150"] {
                ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
            }
            ensure!(said.stderr.len() < 100_000, "the message holds the record: {} bytes", said.stderr.len());
        }
        cluster.never_crashed()
    })
}
