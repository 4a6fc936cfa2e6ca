//! Plans a script and prints what came of it: `cargo run -p irmak-planner --example plan FILE`.

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, explain, plan};

fn main() {
    let file = std::env::args().nth(1).unwrap_or_else(|| "-".into());
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return eprintln!("{file}: {error}"),
    };
    let format = match file.rsplit('.').next() {
        Some("yaml" | "yml") => Format::Yaml,
        Some("json") => Format::Json,
        _ => Format::Sql,
    };
    match plan(&Request { file: &file, text: &text, format, configuration: &BTreeMap::new() }) {
        Err(error) => eprintln!("{error}"),
        Ok(statements) => statements.iter().for_each(|statement| {
            statement.warnings.iter().for_each(|warning| println!("warning: {warning}"));
            match &statement.outcome {
                Outcome::Job(graph) => println!("{}", explain::text(graph)),
                Outcome::Table { rows, .. } => rows.iter().flatten().flatten().for_each(|cell| println!("{cell}")),
                Outcome::None => {}
            }
        }),
    }
}
