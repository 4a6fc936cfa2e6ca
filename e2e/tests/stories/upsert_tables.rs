//! `upsert-kafka` read and written against a real broker: what a topic with tombstones comes down to, also while TaskManagers are killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;

use anyhow::{Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::kafka::Kafka;
use irmak_e2e::process::{output, tied};
use irmak_e2e::random::Random;
use irmak_e2e::scenario::{self, PARTITIONS, Scenario};
use irmak_e2e::wait::{seconds, until, when};
use irmak_e2e::{places, produce};

/// What a record says of an account: its owner and balance now, or nothing: the account is closed.
type Said = Option<(String, i64)>;

/// The changes of accounts, the same each time: about one in six closes an account, and many say what was said before.
fn changes(random: &mut Random, count: u32) -> Vec<(u32, Said)> {
    let mut change = |_| {
        let account = random.below(200) as u32;
        let said = (random.below(6) > 0).then(|| (format!("owner-{}", random.below(7)), random.below(20) as i64));
        (account, said)
    };
    (0..count).map(&mut change).collect()
}

/// Sends changes, each account's to a partition of its own.
fn send(kafka: &Kafka, topic: &str, changes: &[(u32, Said)], dir: &Path) -> Result<()> {
    for partition in 0..PARTITIONS {
        let mut text = String::new();
        for (account, said) in changes.iter().filter(|(account, _)| account % PARTITIONS == partition) {
            let value = said.as_ref().map_or(String::new(), |(owner, balance)| format!(r#"{{"owner":"{owner}","balance":{balance}}}"#));
            text += &format!("{{\"id\":{account}}}\t{value}\n");
        }
        let file = dir.join(format!("changes-{partition}"));
        std::fs::write(&file, text)?;
        let mut kcat = tied(Path::new("kcat"));
        // -Z: no value is NULL.
        kcat.args(["-P", "-Z", "-b", &kafka.address(), "-t", topic, "-p", &partition.to_string(), "-K", "\t", "-l"]).arg(&file);
        let said = output(kcat, seconds(120))?;
        ensure!(said.code == Some(0), "producing to {topic}: {}", said.all());
    }
    Ok(())
}

/// What each owner has in the end: accounts and balance.
fn totals(changes: &[(u32, Said)]) -> BTreeMap<String, (i64, i64)> {
    let mut accounts: BTreeMap<u32, &(String, i64)> = BTreeMap::new();
    for (account, said) in changes {
        match said {
            Some(said) => accounts.insert(*account, said),
            None => accounts.remove(account),
        };
    }
    let mut totals = BTreeMap::new();
    for (owner, balance) in accounts.into_values() {
        let (count, sum): &mut (i64, i64) = totals.entry(owner.clone()).or_default();
        *count += 1;
        *sum += balance;
    }
    totals
}

/// The last record of each key of the topic of totals; those without a value are left out.
fn written(kafka: &Kafka, topic: &str) -> Result<BTreeMap<String, String>> {
    let mut last: BTreeMap<String, String> = produce::read_back_keyed(kafka, topic)?.into_iter().collect();
    last.retain(|_, value| !value.is_empty());
    Ok(last)
}

fn shown(totals: &BTreeMap<String, (i64, i64)>) -> BTreeMap<String, String> {
    let line = |(owner, (accounts, balance)): (&String, &(i64, i64))| {
        (owner.clone(), format!(r#"{{"owner":"{owner}","accounts":{accounts},"balance":{balance}}}"#))
    };
    totals.iter().map(line).collect()
}

/// Both tables; `more`: further options of the accounts.
fn tables(s: &Scenario, kafka: &Kafka, more: &str) -> String {
    let (broker, topic) = (kafka.address(), s.topic());
    format!(
        "CREATE TABLE accounts (k_id INT, owner STRING, balance BIGINT, PRIMARY KEY (k_id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', \
         'topic' = '{topic}', 'properties.bootstrap.servers' = '{broker}', 'key.format' = 'json', 'value.format' = 'json', \
         'key.fields-prefix' = 'k_', 'value.fields-include' = 'EXCEPT_KEY'{more});\n\
         CREATE TABLE totals (owner STRING, accounts BIGINT, balance BIGINT, PRIMARY KEY (owner) NOT ENFORCED) WITH \
         ('connector' = 'upsert-kafka', 'topic' = '{topic}-totals', 'properties.bootstrap.servers' = '{broker}', 'key.format' = 'raw', \
         'value.format' = 'json');\n"
    )
}

const QUERY: &str = "INSERT INTO totals SELECT owner, COUNT(*), SUM(balance) FROM accounts GROUP BY owner;\n";

#[test]
fn a_bounded_read_of_an_upsert_topic_comes_down_to_its_last_rows() -> Result<()> {
    scenario::run("upsert-bounded", |s| {
        let kafka = s.kafka()?;
        kafka.create_topic(&format!("{}-totals", s.topic()), PARTITIONS, &[])?;
        let all = changes(&mut Random::seeded(31), 3_000);
        send(kafka, &s.topic(), &all, s.dir())?;
        let file = s.dir().join("totals.sql");
        let bounded = ", 'scan.bounded.mode' = 'latest-offset'";
        std::fs::write(&file, format!("SET 'parallelism.default' = '2';\n{}{QUERY}", tables(s, kafka, bounded)))?;
        let mut run = tied(&places::binary()?);
        run.args(["run", "-t", "local"]).arg(&file).current_dir(s.dir());
        let said = output(run, seconds(120))?;
        ensure!(said.code == Some(0), "{}", said.all());
        let (found, due) = (written(kafka, &format!("{}-totals", s.topic()))?, shown(&totals(&all)));
        ensure!(found == due, "{found:?}\ndue: {due:?}");
        Ok(())
    })
}

#[test]
fn killed_task_managers_leave_the_right_totals_of_an_upsert_topic() -> Result<()> {
    scenario::run("upsert-killed", |s| {
        let kafka = s.kafka()?;
        let output = format!("{}-totals", s.topic());
        kafka.create_topic(&output, PARTITIONS, &[])?;
        let mut random = Random::seeded(32);
        let mut cluster = s.cluster(Layout::of(3, 1).quick_heartbeat())?;
        let client = cluster.client()?;
        let file = s.dir().join("totals.sql");
        let settings = "SET 'execution.checkpointing.interval' = '500 ms';\nSET 'restart-strategy.type' = 'exponential-delay';\n\
                        SET 'restart-strategy.exponential-delay.initial-backoff' = '100 ms';\n\
                        SET 'restart-strategy.exponential-delay.max-backoff' = '500 ms';\n";
        std::fs::write(&file, format!("{settings}{}{QUERY}", tables(s, kafka, "")))?;
        let job = client.submit(&file, 2)?;
        client.wait_state(&job, "RUNNING", seconds(60))?;
        let mut all = Vec::new();
        for blow in 0..4 {
            let more = changes(&mut random, 1_500);
            send(kafka, &s.topic(), &more, s.dir())?;
            all.extend(more);
            if blow == 0 {
                client.wait_checkpoints(&job, 1, seconds(60))?;
            }
            sleep(random.millis(0, 1_000));
            let busy = cluster.busy_task_managers()?;
            if let Some(victim) = busy.get(random.below(busy.len().max(1) as u64) as usize) {
                cluster.task_manager(*victim)?.kill()?;
                cluster.task_manager(*victim)?.start_again()?;
            }
        }
        let more = changes(&mut random, 500);
        send(kafka, &s.topic(), &more, s.dir())?;
        all.extend(more);
        let due = shown(&totals(&all));
        until("the totals of all accounts", seconds(120), || {
            let found = written(kafka, &output)?;
            when(found == due, || format!("{found:?}\ndue: {due:?}"))
        })?;
        // Two more checkpoints change nothing.
        client.wait_checkpoints(&job, 2, seconds(60))?;
        let found = written(kafka, &output)?;
        ensure!(found == due, "{found:?}\ndue: {due:?}");
        eprintln!("upsert-killed: {} changes of accounts, {} owners, LOST=0 DUP=0", all.len(), due.len());
        cluster.nobody_panicked()
    })
}
