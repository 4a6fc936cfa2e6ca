//! Making a finished file visible: a rename, that may be done again after any crash and by any attempt, and comes to the same end.

use std::io::ErrorKind;
use std::path::Path;

use super::entry::Pending;
use super::part_file::sync_folder;
use crate::error::ConnectorError;

/// Makes the file visible.
///
/// Hidden there and visible not: renamed. Visible there and hidden not: was done before. Neither: somebody else removed it, and rows are
/// lost, which is an error. Both: somebody else made a file of that name, which is not overwritten.
pub(super) fn commit(table: &str, root: &Path, file: &Pending) -> Result<(), ConnectorError> {
    let (hidden, visible) = (root.join(&file.hidden), root.join(&file.visible));
    let found = match hidden.metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return was_committed(table, file, &hidden, &visible),
        Err(error) => return Err(ConnectorError::file(table, "look at", &hidden, error)),
    };
    if found.len() != file.bytes {
        let reason = format!("{} has {} bytes, and {} were promised", hidden.display(), found.len(), file.bytes);
        return Err(ConnectorError::State { table: table.to_owned(), reason });
    }
    if visible.symlink_metadata().is_ok() {
        let error = std::io::Error::from(ErrorKind::AlreadyExists);
        return Err(ConnectorError::file(table, "rename a finished file to", &visible, error));
    }
    match std::fs::rename(&hidden, &visible) {
        // Another attempt of the same job was quicker.
        Err(error) if error.kind() == ErrorKind::NotFound => was_committed(table, file, &hidden, &visible),
        Err(error) => Err(ConnectorError::file(table, "rename a finished file to", &visible, error)),
        Ok(()) => sync_folder(table, visible.parent().unwrap_or(root)),
    }
}

fn was_committed(table: &str, file: &Pending, hidden: &Path, visible: &Path) -> Result<(), ConnectorError> {
    if visible.metadata().is_ok_and(|found| found.len() == file.bytes) {
        return Ok(());
    }
    Err(ConnectorError::FileLost { table: table.to_owned(), hidden: hidden.to_owned(), visible: visible.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_done_twice_is_done_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = Pending { subtask: 0, checkpoint: 1, hidden: ".a".into(), visible: "a".into(), bytes: 3 };
        std::fs::write(root.join(".a"), "abc").unwrap();
        commit("t", root, &file).unwrap();
        commit("t", root, &file).unwrap();
        assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "abc");
        assert!(!root.join(".a").exists());
    }

    #[test]
    fn a_lost_file_is_named_and_a_foreign_one_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = Pending { subtask: 0, checkpoint: 1, hidden: ".a".into(), visible: "a".into(), bytes: 3 };
        let lost = commit("t", root, &file).unwrap_err();
        assert!(matches!(lost, ConnectorError::FileLost { .. }) && lost.to_string().contains("/a "), "{lost}");
        std::fs::write(root.join(".a"), "abc").unwrap();
        std::fs::write(root.join("a"), "foreign").unwrap();
        assert!(commit("t", root, &file).is_err());
        assert_eq!(std::fs::read_to_string(root.join("a")).unwrap(), "foreign");
        std::fs::remove_file(root.join("a")).unwrap();
        std::fs::write(root.join(".a"), "ab").unwrap();
        assert!(commit("t", root, &file).unwrap_err().to_string().contains("3 were promised"));
    }
}
