//! The decoders beside Arrow's; the planner over the recorded queries; jobs that need no broker; then the reference job: a real Kafka broker, the hand-written loop and Irmak over
//! the same topics, one after another.
//!
//! Everything but the two peers comes from the end-to-end harness: broker, rows, cluster configuration, and the comparison of each result
//! with rows that neither peer had a part in. A run that lost or doubled a row is shown and ends the program with exit code 1.

mod args;
mod daemons;
mod decoders;
mod measure;
mod planning;
mod quiet;
mod reference;
mod statements;
mod table;
mod usage;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use irmak_e2e::kafka::Kafka;
use irmak_e2e::listings::Listings;
use irmak_e2e::{expect, places, produce};

use args::Args;
use reference::{Figures, Topic};
use table::{IRMAK, LOOP, Line};

/// The allocator that the binary has, so that the decoders are timed with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows that the decoders are timed over.
const DECODED: u32 = 400_000;

fn main() -> ExitCode {
    match bench(&Args::parse()) {
        Ok(exact) => ExitCode::from(u8::from(!exact)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything and prints the table; returns whether every result was exact.
fn bench(args: &Args) -> Result<bool> {
    if cfg!(debug_assertions) {
        eprintln!("warning: this is a debug build; its figures mean nothing");
    }
    if args.planning_only {
        println!("{}", planning::render(&planning::measure()?));
        return Ok(true);
    }
    let decoders = if args.loop_only || args.statements_only { String::new() } else { decoders()? };
    if args.decoders_only {
        println!("{decoders}");
        return Ok(true);
    }
    let dir = places::scenario_dir("bench")?;
    if !args.loop_only {
        places::binary()?;
    }
    let listings = Listings::load()?;
    let mut statements = if args.loop_only { Vec::new() } else { statements::all(&listings, &dir, args.statement.as_deref())? };
    for round in 0..args.repeat {
        statements.iter_mut().try_for_each(|statement| statement.run(&dir)).with_context(|| format!("round {round}"))?;
    }
    if args.statements_only {
        println!("{}", statements::render(&statements));
        return Ok(true);
    }
    let expected = expect::bounded(&listings, args.rows);
    eprintln!("starting Kafka");
    let kafka = Kafka::start(&dir.join("kafka"))?;
    let mut topics = Vec::new();
    for &partitions in &args.partitions {
        let name = format!("listings-{partitions}");
        eprintln!("sending {} rows to {partitions} partition(s)", args.rows);
        kafka.create_topic(&name, partitions, &[])?;
        produce::rows(&kafka, &listings, &name, partitions, args.rows, &dir)?;
        topics.push(Topic { kafka: &kafka, name, partitions, expected: &expected });
    }
    let mut lines: Vec<Line> = topics.iter().flat_map(|topic| lines_of(args, topic)).collect();
    let mut quiet = Vec::new();
    for round in 0..args.repeat {
        for line in &mut lines {
            let topic = topics.iter().find(|topic| topic.partitions == line.partitions).context("a line without a topic")?;
            let home = dir.join(format!("round-{round}")).join(format!("{}-{}", line.partitions, line.who.replace(' ', "-")));
            std::fs::create_dir_all(&home)?;
            let figures = if line.who == LOOP { topic.handwritten(&home)? } else { topic.irmak(&home)? };
            eprintln!("round {round}: {} over {} partition(s): {figures:?}", line.who, line.partitions);
            line.runs.push(figures);
            // Two million rows a run: what was compared is not kept.
            std::fs::remove_dir_all(home.join("output"))?;
        }
        if let (false, Some(topic)) = (args.loop_only, topics.first()) {
            let home = dir.join(format!("round-{round}")).join("quiet");
            quiet.push(quiet::measure(&home, topic)?);
            eprintln!("round {round}: quiet: {:?}", quiet.last());
        }
    }
    println!("{}", table::render(args.rows, &lines, &quiet));
    if !statements.is_empty() {
        println!("{}", statements::render(&statements));
        println!("{decoders}");
        println!("{}", planning::render(&planning::measure()?));
    }
    let exact = |run: &Figures| run.lost == 0 && run.doubled == 0;
    Ok(lines.iter().all(|line| line.runs.iter().all(exact)))
}

/// The table of the decoders.
fn decoders() -> Result<String> {
    let mut measured = Vec::new();
    for rows in decoders::all(DECODED)? {
        measured.extend(decoders::measure(&rows)?);
    }
    Ok(decoders::render(&measured))
}

fn lines_of(args: &Args, topic: &Topic<'_>) -> Vec<Line> {
    let line = |who, parallelism| Line { who, partitions: topic.partitions, parallelism, runs: Vec::new() };
    let mut lines = vec![line(LOOP, 1)];
    if !args.loop_only {
        lines.push(line(IRMAK, topic.parallelism()));
    }
    lines
}
