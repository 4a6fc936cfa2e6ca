//! The house's own rules, read from its manifests and files: which room may use which, and that every file says what it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use irmak_e2e::places::repository;

/// A room, and the rooms that it may use. Rooms that may use all others are not listed.
const ARROWS: [(&str, &[&str]); 10] = [
    ("common", &[]),
    ("proto", &["common"]),
    ("functions", &["common"]),
    ("planner", &["common", "functions"]),
    ("engine", &["common", "functions"]),
    ("connectors", &["common"]),
    ("runtime", &["common"]),
    ("taskmanager", &["common", "proto", "functions", "engine", "connectors", "runtime"]),
    ("jobmanager", &["common", "proto", "planner", "runtime"]),
    ("submitter", &["common", "proto"]),
];

/// What lower rooms never link, as they know neither network nor runtime.
const FORBIDDEN: [(&str, &[&str]); 7] = [
    ("common", &["tokio", "tonic", "rdkafka"]),
    ("functions", &["tokio", "tonic", "rdkafka"]),
    ("planner", &["tokio", "tonic", "rdkafka"]),
    ("engine", &["tokio", "tonic", "rdkafka"]),
    ("connectors", &["tonic"]),
    ("runtime", &["tonic", "rdkafka"]),
    ("jobmanager", &["rdkafka"]),
];

/// The names in `[dependencies]` of a room's manifest; what its tests use is free.
fn dependencies(room: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(repository().join(room).join("Cargo.toml"))?;
    let section = text.split("\n[dependencies]").nth(1).unwrap_or_default();
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('['));
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().trim().to_owned();
    Ok(lines.map(name).filter(|name| !name.is_empty() && !name.starts_with('#')).collect())
}

#[test]
fn no_room_uses_a_room_that_it_may_not() -> Result<()> {
    for (room, allowed) in ARROWS {
        for used in dependencies(room)?.iter().filter_map(|name| name.strip_prefix("irmak-")) {
            ensure!(allowed.contains(&used), "{room} uses {used}; it may use {allowed:?}");
        }
    }
    Ok(())
}

#[test]
fn no_room_links_what_its_shelf_forbids() -> Result<()> {
    for (room, forbidden) in FORBIDDEN {
        for used in dependencies(room)? {
            ensure!(!forbidden.contains(&used.as_str()), "{room} links {used}");
        }
    }
    Ok(())
}

#[test]
fn every_rust_file_opens_by_saying_what_it_is() -> Result<()> {
    let mut files = Vec::new();
    for room in ARROWS.iter().map(|(room, _)| *room).chain(["irmak", "e2e"]) {
        rust_files(&repository().join(room), &mut files)?;
    }
    ensure!(files.len() > 50, "only {} files found", files.len());
    for file in files {
        ensure!(fs::read_to_string(&file)?.starts_with("//!"), "{} does not open with //!", file.display());
    }
    Ok(())
}

#[test]
fn every_configuration_key_that_is_read_is_in_the_manual() -> Result<()> {
    let source = fs::read_to_string(repository().join("runtime/src/config/keys.rs"))?;
    let manual = fs::read_to_string(repository().join("docs/configuration.md"))?;
    let table = source.split("\nkeys! {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap_or_default();
    let names: Vec<&str> = table.lines().filter_map(|line| line.split_once("= (\"")?.1.split('"').next()).collect();
    ensure!(names.len() > 10, "only {} keys found in keys.rs: has its form changed?", names.len());
    for name in names {
        ensure!(manual.contains(&format!("`{name}`")), "docs/configuration.md says nothing of {name}");
    }
    Ok(())
}

#[test]
fn every_crate_that_is_used_has_its_reason_in_the_manual() -> Result<()> {
    let manifest = fs::read_to_string(repository().join("Cargo.toml"))?;
    let manual = fs::read_to_string(repository().join("docs/dependencies.md"))?;
    let rows: Vec<&str> = manual.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
    let section = manifest.split("\n[workspace.dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
    let names: Vec<&str> = section.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    ensure!(names.len() > 30, "only {} crates found in Cargo.toml: has its form changed?", names.len());
    for name in names.into_iter().filter(|name| !name.starts_with("irmak-") && *name != "protox") {
        ensure!(rows.iter().any(|row| row.split(", ").any(|known| known == name)), "docs/dependencies.md says nothing of {name}");
    }
    Ok(())
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
