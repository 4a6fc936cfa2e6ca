//! docs/errors.md lists every code, and each of its examples brings its code about.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use irmak_planner::{Format, Request, plan};

/// An example: the code above it, the word behind its language, its text.
struct Example {
    code: String,
    fence: String,
    text: String,
}

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md")).unwrap()
}

fn examples(page: &str) -> Vec<Example> {
    let (mut found, mut code, mut lines) = (Vec::new(), String::new(), page.lines());
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("### ") {
            code = heading.split(':').next().unwrap().to_owned();
        }
        if let Some(fence) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push(Example { code: code.clone(), fence: fence.to_owned(), text: text.join("\n") });
        }
    }
    found
}

#[test]
fn the_page_lists_every_code_of_the_source_and_no_other() {
    let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/error.rs")).unwrap();
    let quoted = source.split('"').filter(|text| text.len() == 5 && text.starts_with('E') && text[1..].bytes().all(|b| b.is_ascii_digit()));
    let codes: BTreeSet<&str> = quoted.collect();
    let page = page();
    let told: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")?.split(':').next()).collect();
    assert!(codes.len() > 30, "{codes:?}");
    assert_eq!(told, codes.into_iter().collect::<Vec<_>>(), "docs/errors.md, in order");
}

#[test]
fn every_example_brings_its_code_about_and_points_at_a_place() {
    let page = page();
    let examples = examples(&page);
    let tables = &examples.iter().find(|example| example.fence == "sql tables").expect("the tables of the examples").text;
    let mut wrong = Vec::new();
    for example in examples.iter().filter(|example| !example.code.is_empty()) {
        let (format, text) = match example.fence.as_str() {
            "sql alone" => (Format::Sql, example.text.clone()),
            "sql deep" => (Format::Sql, format!("{tables}\nSELECT {}id{} FROM listing;", "(".repeat(200), ")".repeat(200))),
            "yaml" => (Format::Yaml, example.text.clone()),
            _ => (Format::Sql, format!("{tables}\n{}", example.text)),
        };
        match plan(&Request { file: "job", text: &text, format, configuration: &BTreeMap::new() }) {
            Err(error) if error.code == example.code && (error.position.is_some() || ["E0107", "E0108"].contains(&error.code.as_str())) => {
            }
            Err(error) => wrong.push(format!("{}: {error}", example.code)),
            Ok(_) => wrong.push(format!("{}: accepted: {}", example.code, example.text)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
