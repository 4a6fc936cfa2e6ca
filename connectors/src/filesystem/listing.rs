//! Which files a table has, which subtask reads which, and what their folders say of them.
//!
//! Names that begin with `.` or `_` are none of the table's: files being written, marks. Who reads a file is a function of its path below
//! the table's folder and of the parallelism alone.

use std::path::{Path, PathBuf};

use irmak_common::types::Schema;
use regex::Regex;
use xxhash_rust::xxh3::xxh3_64;

use super::partition::unescape;
use crate::error::ConnectorError;

/// Folders inside of folders that are looked into.
const DEPTH_MAX: usize = 32;

/// A file of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedFile {
    /// Below the table's path, with `/`; empty where the path is a file itself.
    pub(super) relative: String,
    pub(super) path: PathBuf,
}

/// Which of the files below a folder are the table's.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// `source.path.regex-pattern`: what the whole path must look like.
    pub(super) pattern: Option<Regex>,
    /// What the path below the folder must look like: the wildcards of `path`.
    pub(super) glob: Option<Regex>,
    /// The folders that a file must lie in, one a partition column, by their escaped names.
    pub(super) partitions: Vec<String>,
}

impl Choice {
    fn takes(&self, file: &ListedFile) -> bool {
        let folders: Vec<&str> = file.relative.split('/').collect();
        let in_folder = |name: &String| {
            folders[..folders.len() - 1].iter().any(|folder| folder.split_once('=').is_some_and(|(key, _)| unescape(key) == *name))
        };
        self.pattern.as_ref().is_none_or(|pattern| file.path.to_str().is_some_and(|path| pattern.is_match(path)))
            && self.glob.as_ref().is_none_or(|glob| glob.is_match(&file.relative))
            && self.partitions.iter().all(in_folder)
    }
}

/// All files, in the order of their paths.
pub(super) fn list(table: &str, root: &Path, choice: &Choice) -> Result<Vec<ListedFile>, ConnectorError> {
    let found = root.metadata().map_err(|error| ConnectorError::file(table, "read", root, error))?;
    if found.is_file() && !choice.partitions.is_empty() {
        let folders: Vec<_> = choice.partitions.iter().map(|name| format!("{name}=...")).collect();
        let accepted = format!("a folder that holds {}, as PARTITIONED BY says", folders.join("/"));
        return Err(ConnectorError::option(table, "path", &root.display().to_string(), accepted));
    }
    if found.is_file() {
        return Ok(vec![ListedFile { relative: String::new(), path: root.to_owned() }]);
    }
    let mut files = Vec::new();
    walk(table, root, "", DEPTH_MAX, &mut files)?;
    let found = files.len();
    files.retain(|file| choice.takes(file));
    if files.is_empty() && found > 0 {
        let root = root.display();
        tracing::warn!(table, %root, found, "none of the folder's files is the table's: look at PARTITIONED BY, wildcards and regex-pattern");
    }
    files.sort();
    Ok(files)
}

fn walk(table: &str, folder: &Path, relative: &str, depth: usize, files: &mut Vec<ListedFile>) -> Result<(), ConnectorError> {
    let failed = |error| ConnectorError::file(table, "list", folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with(['.', '_']) {
            continue;
        }
        let relative = if relative.is_empty() { name } else { format!("{relative}/{name}") };
        // Links are followed; where they lead is judged before a file is opened.
        match entry.path().metadata() {
            Ok(found) if found.is_dir() && depth > 0 => walk(table, &entry.path(), &relative, depth - 1, files)?,
            Ok(found) if found.is_file() => files.push(ListedFile { relative, path: entry.path() }),
            _ => {}
        }
    }
    Ok(())
}

/// The subtask, in `0..parallelism`, that reads this file.
pub(super) fn owner(relative: &str, parallelism: u32) -> u32 {
    (xxh3_64(relative.as_bytes()) % u64::from(parallelism.max(1))) as u32
}

/// The partition columns with what the file's folders say of them (`day=1/hour=07/a.csv`), by their position among the table's; a value is
/// NULL where its folder has the default name.
pub(super) fn partition_values(
    relative: &str,
    physical: &Schema,
    partition_by: &[usize],
    default_name: &str,
) -> Vec<(usize, Option<String>)> {
    let mut folders: Vec<&str> = relative.split('/').collect();
    folders.pop();
    let value = |folder: &str| {
        let (name, value) = folder.split_once('=')?;
        let column = physical.index_of(&unescape(name)).filter(|column| partition_by.contains(column))?;
        let value = unescape(value);
        Some((column, (value != default_name).then_some(value)))
    };
    folders.into_iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use irmak_common::types::TypeKind;

    use super::*;

    #[test]
    fn folders_name_partition_columns_only() {
        let columns = Schema::nullable(&[("id", TypeKind::Int), ("day", TypeKind::Int), ("h/x", TypeKind::STRING)]);
        for (path, expected) in [
            ("day=1/h%2Fx=07/a.csv", vec![(1, Some("1".to_owned())), (2, Some("07".to_owned()))]),
            ("day=__D__/a.csv", vec![(1, None)]),
            ("id=7/day=1/a.csv", vec![(1, Some("1".to_owned()))]),
            ("other=1/day=2", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(partition_values(path, &columns, &[1, 2], "__D__"), expected, "{path}");
        }
    }

    #[test]
    fn hidden_files_and_marks_are_none_of_the_tables() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", ".part.inprogress.1", "_SUCCESS", "k=1/c.csv", ".hidden/d.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names =
            |choice: &Choice| -> Vec<String> { list("t", folder.path(), choice).unwrap().into_iter().map(|file| file.relative).collect() };
        let all = Choice::default();
        assert_eq!(names(&all), ["a.csv", "b.csv", "k=1/c.csv"]);
        let regex = |text| Some(Regex::new(text).unwrap());
        assert_eq!(names(&Choice { pattern: regex("/[ac].csv$"), ..Choice::default() }), ["a.csv", "k=1/c.csv"]);
        assert_eq!(names(&Choice { glob: regex("^[^/]*$"), ..Choice::default() }), ["a.csv", "b.csv"]);
        // What lies beside the partitions is none of them, as in Flink.
        assert_eq!(names(&Choice { partitions: vec!["k".into()], ..Choice::default() }), ["k=1/c.csv"]);
        assert!(list("t", &folder.path().join("missing"), &all).unwrap_err().to_string().contains("missing"));
    }
}
