//! Checkpoint storage: small objects under a URI, written once, read back whole.
//!
//! `file://` today; other schemes are refused by name. Writes are durable when they return (file and folder are synced).
//! Knows nothing of checkpoints: paths and bytes.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

/// What went wrong, with the URI it went wrong at.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A URI that names no folder we can write to.
    #[error("`{uri}` cannot be used for checkpoints: {reason}")]
    Uri {
        /// As given.
        uri: String,
        /// Why.
        reason: String,
    },
    /// Put-if-absent found something there.
    #[error("`{uri}` exists already")]
    AlreadyExists {
        /// Of the object.
        uri: String,
    },
    /// There is no such object.
    #[error("`{uri}` does not exist")]
    NotFound {
        /// Of the object.
        uri: String,
    },
    /// The store failed: disk full, no permission, away.
    #[error("cannot {action} `{uri}`: {source}")]
    Store {
        /// `write`, `read`, `list`, `delete`.
        action: &'static str,
        /// Of the object or folder.
        uri: String,
        /// Why.
        source: Box<object_store::Error>,
    },
}

/// A folder of a store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    root: String,
}

impl Storage {
    /// The folder at a URI (`file:///var/irmak/checkpoints`) or an absolute path; created if absent.
    ///
    /// # Errors
    /// When the scheme is not supported or the folder cannot be created.
    pub fn open(uri: &str) -> Result<Self, StorageError> {
        let refuse = |reason: String| StorageError::Uri { uri: uri.to_owned(), reason };
        let path = local_path(uri).map_err(&refuse)?;
        std::fs::create_dir_all(&path).map_err(|error| refuse(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(&path).map_err(|error| refuse(error.to_string()))?;
        Ok(Self { store: Arc::new(store.with_fsync(true)), root: uri.trim_end_matches('/').to_owned() })
    }

    /// The URI of an object of this folder.
    pub fn uri(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// The path of an object within this folder, where its URI lies here.
    pub fn relative<'a>(&self, uri: &'a str) -> Option<&'a str> {
        uri.strip_prefix(&self.root)?.strip_prefix('/')
    }

    /// Writes an object, over an old one if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<(), StorageError> {
        self.put_with(path, bytes, PutMode::Overwrite).await
    }

    /// Writes an object that must not exist yet; of several at once exactly one succeeds.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`], or when the store fails.
    pub async fn put_if_absent(&self, path: &str, bytes: Bytes) -> Result<(), StorageError> {
        self.put_with(path, bytes, PutMode::Create).await
    }

    async fn put_with(&self, path: &str, bytes: Bytes, mode: PutMode) -> Result<(), StorageError> {
        let options = PutOptions { mode, ..PutOptions::default() };
        let written = self.store.put_opts(&ObjectPath::from(path), PutPayload::from_bytes(bytes), options).await;
        written.map(|_| ()).map_err(|error| self.explain("write", path, error))
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], or when the store fails.
    pub async fn get(&self, path: &str) -> Result<Bytes, StorageError> {
        let found = self.store.get(&ObjectPath::from(path)).await.map_err(|error| self.explain("read", path, error))?;
        found.bytes().await.map_err(|error| self.explain("read", path, error))
    }

    /// Removes an object; one that is gone already is fine.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, path: &str) -> Result<(), StorageError> {
        match self.store.delete(&ObjectPath::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.explain("delete", path, error)),
        }
    }

    /// The paths of all objects below a folder, sorted. An absent folder is empty.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, StorageError> {
        let prefix = ObjectPath::from(folder);
        let found = self.store.list(Some(&prefix)).map_ok(|object| object.location.to_string());
        let mut paths: Vec<String> = found.try_collect().await.map_err(|error| self.explain("list", folder, error))?;
        paths.sort();
        Ok(paths)
    }

    /// Removes a folder and all below it. Object stores have no folders: there, the objects are all there is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_all(&self, folder: &str) -> Result<(), StorageError> {
        for path in self.list(folder).await? {
            self.delete(&path).await?;
        }
        if let Ok(root) = local_path(&self.root) {
            // What is left are empty folders; one that somebody wrote into meanwhile stays.
            let _ = std::fs::remove_dir(root.join(folder));
        }
        Ok(())
    }

    fn explain(&self, action: &'static str, path: &str, error: object_store::Error) -> StorageError {
        let uri = self.uri(path);
        match error {
            object_store::Error::AlreadyExists { .. } => StorageError::AlreadyExists { uri },
            object_store::Error::NotFound { .. } => StorageError::NotFound { uri },
            source => StorageError::Store { action, uri, source: Box::new(source) },
        }
    }
}

/// The path of a `file:` URI or of an absolute path; else why there is none.
pub fn local_path(uri: &str) -> Result<PathBuf, String> {
    let path = match uri.split_once(':') {
        Some(("file", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        Some((scheme, rest)) if rest.starts_with("//") => {
            return Err(format!("the scheme `{scheme}` is not supported; use file:///an/absolute/path"));
        }
        _ => uri,
    };
    if path.starts_with('/') {
        Ok(PathBuf::from(path))
    } else {
        Err("an absolute path is expected, as in file:///var/irmak/checkpoints".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Storage) {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::open(&format!("file://{}", dir.path().display())).unwrap();
        (dir, storage)
    }

    #[tokio::test]
    async fn put_if_absent_lets_one_of_many_win() {
        let (_dir, storage) = folder();
        let tries: Vec<_> = (0..16u8)
            .map(|i| {
                let storage = storage.clone();
                crate::tasks::spawn("put", async move { storage.put_if_absent("chk-1/_metadata", Bytes::from(vec![i])).await.is_ok() })
            })
            .collect();
        let mut won = 0;
        for attempt in tries {
            won += usize::from(attempt.await.unwrap());
        }
        assert_eq!(won, 1);
    }

    #[tokio::test]
    async fn what_was_put_is_listed_read_and_deleted() {
        let (_dir, storage) = folder();
        storage.put("a/b", Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(storage.list("a").await.unwrap(), ["a/b"]);
        assert_eq!(storage.list("nothing").await.unwrap(), [""; 0]);
        assert_eq!(storage.get("a/b").await.unwrap(), Bytes::from_static(b"x"));
        storage.delete_all("a").await.unwrap();
        storage.delete("a/b").await.unwrap();
        assert!(matches!(storage.get("a/b").await, Err(StorageError::NotFound { .. })));
    }

    #[test]
    fn a_scheme_that_is_not_supported_is_named() {
        let error = Storage::open("ftp://host/x").unwrap_err().to_string();
        assert!(error.contains("`ftp` is not supported"), "{error}");
        assert!(Storage::open("relative/path").is_err());
    }
}
