//! Recorded queries, changed at random: planned or refused, soon, and never more. `fuzz/` does the same for longer, with a compiler's help.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use irmak_planner::{Format, Outcome, Request, explain, plan};

/// A plan takes a few milliseconds; a machine that does much else at once takes its time.
const LONGEST: Duration = Duration::from_secs(60);

/// `IRMAK_FUZZ_SECONDS`, else 3.
fn span() -> Duration {
    Duration::from_secs(std::env::var("IRMAK_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3))
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// Words, numbers, texts, white space and symbols, so that changes keep most of a query whole.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            0
        } else if c.is_whitespace() {
            1
        } else {
            2
        }
    };
    let (mut tokens, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let end = if kind(first) == 2 { first.len_utf8() } else { rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len()) };
        let (token, tail) = rest.split_at(end);
        tokens.push(token);
        rest = tail;
    }
    tokens
}

fn mutated(query: &str, words: &[&str], random: &mut Random) -> String {
    let mut tokens: Vec<String> = tokens(query).into_iter().map(str::to_owned).collect();
    for _ in 0..=random.below(3) {
        let at = random.below(tokens.len());
        let upto = (at + 1 + random.below(6)).min(tokens.len());
        match random.below(7) {
            0 => drop(tokens.drain(at..upto)),
            1 => tokens.insert(at, format!(" {} ", random.of(words))),
            2 => tokens[at] = random.of(words).to_owned(),
            3 => {
                let piece = tokens[at..upto].to_vec();
                let times = if random.below(20) == 0 { 300 } else { 1 + random.below(3) };
                drop(tokens.splice(at..at, vec![piece; times].concat()));
            }
            4 => {
                let other = random.below(tokens.len());
                tokens.swap(at, other);
            }
            5 => tokens[at] = random.of(&["99999999999999999999", "-1", "1e400", "0", "'\u{0}'", "ü", "\u{1F600}", "''", "`x`"]).to_owned(),
            _ => tokens.truncate(at.max(1)),
        }
        if tokens.is_empty() {
            tokens.push(";".to_owned());
        }
    }
    tokens.concat()
}

fn planned(text: &str, format: Format) {
    match plan(&Request { file: "m", text, format, configuration: &BTreeMap::new() }) {
        Ok(statements) => statements.iter().for_each(|statement| {
            if let Outcome::Job(graph) = &statement.outcome {
                assert!(!explain::text(graph).is_empty());
                let json = serde_json::to_string(graph).unwrap();
                assert!(serde_json::from_str::<irmak_common::job_graph::JobGraph>(&json).is_ok(), "its JSON cannot be read");
            }
        }),
        Err(error) => assert!(error.to_string().starts_with("error[E0"), "{error}"),
    }
}

/// Plans changed seeds until the time is over; tells of all that broke.
fn withstands(seeds: Vec<String>, format: Format) {
    assert!(!seeds.is_empty());
    let run = move || {
        let words: Vec<&str> = seeds.iter().flat_map(|seed| tokens(seed)).filter(|token| !token.trim().is_empty()).collect();
        let (begin, mut random, mut broken) = (Instant::now(), Random(0x9E37_79B9_7F4A_7C15), Vec::new());
        while begin.elapsed() < span() {
            let seed = &seeds[random.below(seeds.len())];
            let text = mutated(seed, &words, &mut random);
            let at = Instant::now();
            let outcome = catch_unwind(|| planned(&text, format));
            if outcome.is_err() || at.elapsed() > LONGEST {
                broken.push(format!("{} ms: {text}", at.elapsed().as_millis()));
            }
        }
        assert!(broken.is_empty(), "{} texts broke it:\n{}", broken.len(), broken.join("\n----\n"));
    };
    // A server's threads have 2 MiB.
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

fn files(folder: &str, name: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if name(&path.to_string_lossy()) {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn changed_queries_are_planned_or_refused() {
    withstands(files("golden", |name| name.ends_with("query.sql")), Format::Sql);
}

#[test]
fn changed_job_specs_are_planned_or_refused() {
    withstands(files("examples", |name| name.ends_with(".yaml")), Format::Yaml);
}
