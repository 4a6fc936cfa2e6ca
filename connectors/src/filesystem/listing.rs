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

/// All files, in the order of their paths.
pub(super) fn list(table: &str, root: &Path, pattern: Option<&Regex>) -> Result<Vec<ListedFile>, ConnectorError> {
    let found = root.metadata().map_err(|error| ConnectorError::file(table, "read", root, error))?;
    if found.is_file() {
        return Ok(vec![ListedFile { relative: String::new(), path: root.to_owned() }]);
    }
    let mut files = Vec::new();
    walk(table, root, "", DEPTH_MAX, &mut files)?;
    if let Some(pattern) = pattern {
        files.retain(|file| file.path.to_str().is_some_and(|path| pattern.is_match(path)));
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

/// The columns that the file's folders name (`day=1/hour=07/a.csv`), by their position among the table's; a value is NULL where its folder
/// has the default name.
pub(super) fn partition_values(relative: &str, physical: &Schema, default_name: &str) -> Vec<(usize, Option<String>)> {
    let mut folders: Vec<&str> = relative.split('/').collect();
    folders.pop();
    let value = |folder: &str| {
        let (name, value) = folder.split_once('=')?;
        let column = physical.index_of(&unescape(name))?;
        let value = unescape(value);
        Some((column, (value != default_name).then_some(value)))
    };
    folders.into_iter().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use irmak_common::types::TypeKind;

    use super::*;
    use crate::format::recordings::schema;

    #[test]
    fn folders_name_columns_of_the_table_only() {
        let columns = schema(&[("id", TypeKind::Int), ("day", TypeKind::Int), ("h/x", TypeKind::STRING)]);
        for (path, expected) in [
            ("day=1/h%2Fx=07/a.csv", vec![(1, Some("1".to_owned())), (2, Some("07".to_owned()))]),
            ("day=__D__/a.csv", vec![(1, None)]),
            ("other=1/day=2", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(partition_values(path, &columns, "__D__"), expected, "{path}");
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
        let names = |pattern: Option<&Regex>| -> Vec<String> {
            list("t", folder.path(), pattern).unwrap().into_iter().map(|file| file.relative).collect()
        };
        assert_eq!(names(None), ["a.csv", "b.csv", "k=1/c.csv"]);
        assert_eq!(names(Some(&Regex::new("/[ac].csv$").unwrap())), ["a.csv", "k=1/c.csv"]);
        assert!(list("t", &folder.path().join("missing"), None).unwrap_err().to_string().contains("missing"));
    }
}
