//! kill -9 under operators that remember: joins, OVER, Top-N, groups and partitions, all on one cluster, over one stream of rows.
//!
//! Each job's state holds every row so far (a running sum, the rows of a join, a count by state), so one row lost or doubled at any of the
//! blows shows in all results behind it. Every TaskManager is killed once, so every job restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::thread::sleep;

use anyhow::{Context, Result, ensure};
use irmak_e2e::client::Client;
use irmak_e2e::cluster::{Cluster, Layout};
use irmak_e2e::compare::Folder;
use irmak_e2e::expect::DELAY_MS;
use irmak_e2e::kafka::Kafka;
use irmak_e2e::listings::{BEAT_MS, Listings, START_MS, timestamp};
use irmak_e2e::places;
use irmak_e2e::produce::{self, Feed};
use irmak_e2e::random::Random;
use irmak_e2e::scenario::{self, PARTITIONS, Scenario};
use irmak_e2e::wait::{Seen, seconds, until};

/// Listings: every `LISTINGS`th row is of the same one, one a beat.
const LISTINGS: u32 = 22;
/// How many rows a minute of event time has.
const MINUTE_ROWS: u32 = LISTINGS * (60_000 / BEAT_MS) as u32;

/// What a job writes to.
enum Sink {
    /// CSV files below `output/NAME`.
    Files,
    /// An upsert table: the topic `STORY-NAME`, with its primary key.
    Upsert(&'static str),
}

/// A statement with its own sink `results`, over the tables `orders` and `payments`.
struct Job {
    name: &'static str,
    sink: Sink,
    columns: &'static str,
    options: &'static str,
    query: &'static str,
}

const JOBS: [Job; 6] = [
    Job {
        name: "interval-join",
        sink: Sink::Files,
        columns: "ordered INT, paid INT",
        options: "",
        query: "SELECT o.id, p.id FROM orders o JOIN payments p ON o.listing = p.listing \
                AND p.timestamp_column BETWEEN o.timestamp_column - INTERVAL '5' SECOND AND o.timestamp_column",
    },
    Job {
        name: "over",
        sink: Sink::Files,
        columns: "id INT, n BIGINT, total BIGINT",
        options: "",
        query: "SELECT id, COUNT(*) OVER w, SUM(CAST(id AS BIGINT)) OVER w FROM orders \
                WINDOW w AS (PARTITION BY listing ORDER BY timestamp_column ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    },
    Job {
        name: "partitions",
        sink: Sink::Files,
        columns: "id INT, in_minute STRING) PARTITIONED BY (in_minute",
        options: ", 'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.trigger' = 'partition-time', \
                  'sink.partition-commit.delay' = '1 min', 'partition.time-extractor.timestamp-pattern' = '$in_minute', \
                  'partition.time-extractor.timestamp-formatter' = 'yyyy-MM-dd-HH-mm'",
        query: "SELECT id, DATE_FORMAT(timestamp_column, 'yyyy-MM-dd-HH-mm') FROM orders",
    },
    Job {
        name: "group",
        sink: Sink::Upsert("listing"),
        columns: "listing INT, n BIGINT, total BIGINT",
        options: "",
        query: "SELECT listing, COUNT(*), SUM(CAST(id AS BIGINT)) FROM orders GROUP BY listing",
    },
    Job {
        name: "top",
        sink: Sink::Upsert("listing, place"),
        columns: "listing INT, id INT, place BIGINT",
        options: "",
        query: "SELECT listing, id, place FROM (SELECT listing, id, ROW_NUMBER() OVER (PARTITION BY listing ORDER BY id DESC) AS place \
                FROM orders) WHERE place <= 3",
    },
    Job {
        name: "left-join",
        sink: Sink::Upsert("state"),
        columns: "state STRING, n BIGINT, total BIGINT",
        options: "",
        query: "SELECT state, COUNT(*), SUM(CAST(id AS BIGINT)) FROM \
                (SELECT o.id, CASE WHEN p.id IS NULL THEN 'open' ELSE 'paid' END AS state FROM orders o LEFT JOIN payments p ON o.id = p.id) \
                GROUP BY state",
    },
];

impl Job {
    fn topic(&self, s: &Scenario) -> String {
        format!("{}-{}", s.topic(), self.name)
    }

    fn output(&self, s: &Scenario) -> std::path::PathBuf {
        s.output_dir().join(self.name)
    }

    fn script(&self, s: &Scenario, kafka: &Kafka) -> String {
        let source = |table: &str| {
            format!(
                "CREATE TABLE {table} (id INT, timestamp_column TIMESTAMP(3), listing AS MOD(id, {LISTINGS}), \
                 WATERMARK FOR timestamp_column AS timestamp_column - INTERVAL '5' SECOND) WITH ('connector' = 'kafka', \
                 'topic' = '{}-{table}', 'properties.bootstrap.servers' = '{}', 'scan.startup.mode' = 'earliest-offset', \
                 'value.format' = 'json');\n",
                s.topic(),
                kafka.address()
            )
        };
        let (columns, options) = (self.columns, self.options);
        let sink = match self.sink {
            Sink::Files => format!(
                "CREATE TABLE results ({columns}) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '{}', \
                 'sink.rolling-policy.rollover-interval' = '1 s', 'sink.rolling-policy.check-interval' = '200 ms'{options});\n",
                places::uri(&self.output(s))
            ),
            Sink::Upsert(key) => format!(
                "CREATE TABLE results ({columns}, PRIMARY KEY ({key}) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = '{}', \
                 'properties.bootstrap.servers' = '{}', 'key.format' = 'json', 'value.format' = 'json'{options});\n",
                self.topic(s),
                kafka.address()
            ),
        };
        format!(
            "SET 'pipeline.name' = '{}';\nSET 'execution.checkpointing.interval' = '500 ms';\n\
             SET 'restart-strategy.type' = 'exponential-delay';\n\
             SET 'restart-strategy.exponential-delay.initial-backoff' = '100 ms';\n\
             SET 'restart-strategy.exponential-delay.max-backoff' = '500 ms';\n{}{}{sink}INSERT INTO results {};\n",
            self.name,
            source("orders"),
            source("payments"),
            self.query
        )
    }

    fn submit(&self, s: &Scenario, kafka: &Kafka, client: &Client) -> Result<String> {
        if let Sink::Upsert(_) = self.sink {
            kafka.create_topic(&self.topic(s), 2, &[])?;
        }
        let file = s.dir().join(format!("{}.sql", self.name));
        fs::write(&file, self.script(s, kafka))?;
        client.submit(&file, 2).with_context(|| self.name)
    }
}

/// How many rows each side had in the end.
#[derive(Clone, Copy)]
struct Sent {
    orders: u32,
    payments: u32,
}

/// The lines that a job's files must hold.
fn expected_lines(name: &str, listings: &Listings, sent: Sent) -> Vec<String> {
    match name {
        "interval-join" => (0..sent.orders)
            .flat_map(|order| [Some(order), order.checked_sub(LISTINGS)].map(|paid| (order, paid)))
            .filter_map(|(order, paid)| paid.filter(|paid| *paid < sent.payments).map(|paid| format!("{order},{paid}")))
            .collect(),
        "over" => {
            // A row comes out when the slowest partition's watermark has reached its time.
            let watermark = listings.time_ms(sent.orders - PARTITIONS) - DELAY_MS;
            let due = (0..sent.orders).take_while(|id| listings.time_ms(*id) <= watermark);
            due.map(|id| {
                let n = u64::from(id / LISTINGS) + 1;
                let first = u64::from(id % LISTINGS);
                format!("{id},{n},{}", n * (first + u64::from(id)) / 2)
            })
            .collect()
        }
        // The minute is the folder's name.
        _ => (0..sent.orders).map(|id| id.to_string()).collect(),
    }
}

/// The rows that an upsert topic must end with, each as its JSON.
fn expected_rows(name: &str, sent: Sent) -> BTreeSet<String> {
    let ids_of = |listing: u32| (listing..sent.orders).step_by(LISTINGS as usize);
    match name {
        "group" => (0..LISTINGS)
            .map(|listing| (listing, ids_of(listing).count(), ids_of(listing).map(u64::from).sum::<u64>()))
            .map(|(listing, n, total)| format!(r#"{{"listing":{listing},"n":{n},"total":{total}}}"#))
            .collect(),
        "top" => (0..LISTINGS)
            .flat_map(|listing| ids_of(listing).rev().take(3).zip(1..).map(move |(id, place)| (listing, id, place)))
            .map(|(listing, id, place)| format!(r#"{{"listing":{listing},"id":{id},"place":{place}}}"#))
            .collect(),
        _ => {
            let row = |state: &str, ids: std::ops::Range<u32>| {
                let total: u64 = ids.clone().map(u64::from).sum();
                (!ids.is_empty()).then(|| format!(r#"{{"state":"{state}","n":{},"total":{total}}}"#, ids.len()))
            };
            let paid = sent.payments.min(sent.orders);
            [row("paid", 0..paid), row("open", paid..sent.orders)].into_iter().flatten().collect()
        }
    }
}

/// What a reader of an upsert topic has at its end: the last value of each key, deleted ones left out.
fn upserted(kafka: &Kafka, topic: &str) -> Result<BTreeSet<String>> {
    let last: BTreeMap<String, String> = produce::read_back_keyed(kafka, topic)?.into_iter().collect();
    Ok(last.into_values().filter(|value| !value.is_empty()).collect())
}

/// Every partition that has its mark must show all of its rows; returns how many have.
///
/// The marks are read first: what becomes visible later is no excuse.
fn marked_partitions(root: &Path, listings: &Listings) -> Result<usize> {
    let Ok(folders) = fs::read_dir(root) else { return Ok(0) };
    let mut marked = 0;
    for folder in folders.flatten().map(|entry| entry.path()).filter(|path| path.join("_SUCCESS").exists()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let minute = name.strip_prefix("in_minute=").with_context(|| format!("partition {name}"))?;
        let mut ids: Vec<u32> = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let visible = path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with(['.', '_']));
            if visible {
                ids.extend(fs::read_to_string(&path)?.lines().map(str::parse::<u32>).collect::<Result<Vec<_>, _>>()?);
            }
        }
        ids.sort_unstable();
        let first = ids.first().copied().unwrap_or_default() / MINUTE_ROWS * MINUTE_ROWS;
        let text = timestamp(listings.time_ms(first)).replace([' ', ':'], "-");
        ensure!(text.starts_with(minute), "{name} holds row {first} of {text}");
        ensure!(
            ids.iter().copied().eq(first..first + MINUTE_ROWS),
            "{name} has its mark and LOST={} of its {MINUTE_ROWS} rows",
            i64::from(MINUTE_ROWS) - ids.len() as i64
        );
        marked += 1;
    }
    Ok(marked)
}

/// How many minutes the slowest partition's watermark has left behind by the delay: so many marks there must be, at least.
fn complete_minutes(listings: &Listings, rows: u32) -> usize {
    let watermark = listings.time_ms(rows - PARTITIONS) - DELAY_MS;
    usize::try_from((watermark - 1 - START_MS).div_euclid(60_000)).unwrap_or_default()
}

/// The blows: every TaskManager once, the JobManager once alone and once together with a TaskManager.
fn strike(cluster: &mut Cluster, random: &mut Random, blow: usize) -> Result<()> {
    let (task_manager, job_manager) = [(Some(0), false), (None, true), (Some(1), false), (Some(2), true)][blow];
    if let Some(index) = task_manager {
        cluster.task_manager(index)?.kill()?;
    }
    if job_manager {
        cluster.job_manager().kill()?;
    }
    sleep(random.millis(0, 500));
    cluster.restart_dead().map(|_| ())
}

#[test]
fn joins_over_top_n_groups_and_partitions_survive_kill_9_of_every_daemon() -> Result<()> {
    scenario::run("operators-killed", |s| {
        let mut random = Random::seeded(23);
        let kafka = irmak_e2e::kafka::shared()?;
        let (orders, payments) = (format!("{}-orders", s.topic()), format!("{}-payments", s.topic()));
        kafka.create_topic(&orders, PARTITIONS, &[])?;
        kafka.create_topic(&payments, PARTITIONS, &[])?;
        // Any two TaskManagers hold all jobs.
        let mut cluster = s.cluster(Layout::of(3, JOBS.len() as u32).quick_heartbeat())?;
        let client = cluster.client()?;
        // Payments are slower: some orders are open at any time, and whatever was open is taken back.
        let order_feed = Feed::start(kafka, &s.listings, &orders, PARTITIONS, 400)?;
        let payment_feed = Feed::start(kafka, &s.listings, &payments, PARTITIONS, 300)?;
        let jobs = JOBS.iter().map(|job| Ok((job, job.submit(s, kafka, &client)?))).collect::<Result<Vec<_>>>()?;
        for (job, id) in &jobs {
            client.wait_checkpoints(id, 1, seconds(30)).with_context(|| job.name)?;
        }
        let marks = |job: &Job| marked_partitions(&job.output(s), &s.listings);
        let mut folders: Vec<Folder> = JOBS.iter().map(|job| Folder::new(&job.output(s))).collect();
        for blow in 0..4 {
            let until_next = std::time::Instant::now() + random.millis(500, 2_000);
            while std::time::Instant::now() < until_next {
                marks(&JOBS[2])?;
            }
            strike(&mut cluster, &mut random, blow)?;
            for (folder, job) in folders.iter_mut().zip(&JOBS) {
                folder.look().with_context(|| job.name)?;
            }
            for (job, id) in &jobs {
                client.wait_checkpoints(id, 1, seconds(30)).with_context(|| format!("{} after blow {blow}", job.name))?;
                marks(&JOBS[2])?;
            }
        }
        let sent = Sent { orders: order_feed.finish()?, payments: payment_feed.finish()? };
        for ((job, id), folder) in jobs.iter().zip(&mut folders) {
            judge(s, kafka, job, folder, sent).with_context(|| format!("{}: {}", job.name, client.root_cause(id)))?;
        }
        let complete = complete_minutes(&s.listings, sent.orders);
        until("the marks of all complete partitions", seconds(30), || {
            let now = marks(&JOBS[2])?;
            Ok(if now >= complete { Seen::Yes(()) } else { Seen::NotYet(format!("{now} of {complete}")) })
        })?;
        // Two more checkpoints make nothing else visible.
        for ((job, id), folder) in jobs.iter().zip(&mut folders) {
            client.wait_checkpoints(id, 2, seconds(30)).with_context(|| job.name)?;
            folder.unchanged().with_context(|| job.name)?;
        }
        eprintln!(
            "operators-killed: 4 blows, {} orders, {} payments, {complete} partitions complete, LOST=0 DUP=0",
            sent.orders, sent.payments
        );
        cluster.nobody_panicked()
    })
}

/// Waits until a job's sink holds what it must, and nothing else.
fn judge(s: &Scenario, kafka: &Kafka, job: &Job, folder: &mut Folder, sent: Sent) -> Result<()> {
    if let Sink::Files = job.sink {
        return folder.wait_exact(&expected_lines(job.name, &s.listings, sent), seconds(60));
    }
    let expected = expected_rows(job.name, sent);
    until("the last rows of every key", seconds(60), || {
        let found = upserted(kafka, &job.topic(s))?;
        let (lost, wrong): (Vec<_>, Vec<_>) = (expected.difference(&found).collect(), found.difference(&expected).collect());
        let differ = || format!("of {} rows lost {lost:?}, wrong {wrong:?}", expected.len());
        Ok(if found == expected { Seen::Yes(()) } else { Seen::NotYet(differ()) })
    })
}
