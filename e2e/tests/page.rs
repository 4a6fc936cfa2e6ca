//! The page in headless Chromium, on real clusters: one that runs the reference job from a real broker, one that people err on.

use std::fs;

use anyhow::{Context, Result, ensure};
use irmak_e2e::browser::check_page;
use irmak_e2e::cluster::Layout;
use irmak_e2e::places;
use irmak_e2e::produce::Feed;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::seconds;

#[test]
fn the_page_shows_a_running_job_and_cancels_it() -> Result<()> {
    scenario::run("page", |s| {
        let kafka = s.kafka()?;
        let feed = Feed::start(kafka, &s.listings, &s.topic(), PARTITIONS, 1_000)?;
        let mut cluster = s.cluster(Layout::of(2, 2))?;
        let client = cluster.client()?;
        let job = client.submit(&s.script(kafka)?.impatient(1_000)?.write(s.dir(), "kdv")?, 2)?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        println!("{}", check_page(&client.url(), &s.dir().join("screenshots"), &["--cancel"])?);
        ensure!(client.state(&job)? == "CANCELED", "the page cancelled the job and REST says {}", client.state(&job)?);
        drop(feed);
        cluster.never_crashed()
    })
}

/// A wrong statement never becomes a job: REST and page keep its error beside the jobs. A bad record fails one, whose page says why.
#[test]
fn a_wrong_statement_and_a_bad_record_read_the_same_on_the_terminal_in_rest_and_on_the_page() -> Result<()> {
    scenario::run("same-words", |s| {
        let mut cluster = s.cluster(Layout::of(1, 1))?;
        let client = cluster.client()?;
        let input = s.dir().join("input");
        fs::create_dir_all(&input)?;
        fs::write(input.join("rows.json"), "{\"id\": 1, \"price\": 2.5}\n{\"id\": 2, \"price\": \"pahali\"}\n")?;
        let tables = format!(
            "CREATE TABLE listing (id INT, price DOUBLE)\nWITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json');\n\
             CREATE TABLE prices (price DOUBLE) WITH ('connector' = 'blackhole');\n",
            places::uri(&input)
        );
        let run = |name: &str, statement: &str| -> Result<String> {
            let file = s.dir().join(name);
            fs::write(&file, format!("{tables}{statement};\n"))?;
            let said = client.run(&file, 1, seconds(60))?;
            ensure!(said.code == Some(1), "{name} should fail: {}", said.all());
            Ok(said.stderr)
        };

        let said = run("wrong.sql", "INSERT INTO prices SELECT prise FROM listing")?;
        let overview = client.get("/overview")?;
        let told = overview["irmak"]["refused-scripts"][0]["message"].as_str().with_context(|| format!("no refusal in {overview}"))?;
        ensure!(said.trim_end() == told, "REST says {told:?}, the terminal {said:?}");
        let caret = "\n4 | INSERT INTO prices SELECT prise FROM listing;\n  |                           ^^^^^ did you mean `price`?\n";
        ensure!(told.contains("wrong.sql:4:27\n") && told.contains(caret), "no line, column or caret in {told}");

        let said = run("bad.sql", "INSERT INTO prices SELECT price FROM listing")?;
        let jobs = client.get("/jobs/overview")?;
        let job = jobs["jobs"][0]["jid"].as_str().with_context(|| format!("not one job in {jobs}"))?;
        let exceptions = client.get(&format!("/jobs/{job}/exceptions"))?;
        let told = exceptions["root-exception"].as_str().with_context(|| format!("no root-exception in {exceptions}"))?;
        ensure!(told.contains("pahali") && said.contains(told), "REST says {told:?}, the terminal {said:?}");

        // It holds the page to what REST has just said, letter for letter.
        println!("{}", check_page(&client.url(), &s.dir().join("screenshots"), &["--job", job])?);
        cluster.never_crashed()
    })
}
