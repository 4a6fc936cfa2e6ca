//! Manifests and state objects in storage: written, found again, removed. What the core asks for, carried out.

use std::sync::Arc;

use bytes::Bytes;
use irmak_common::checkpoint::{MANIFEST_VERSION, Manifest};
use irmak_common::id::CheckpointId;
use irmak_runtime::kill_point;
use irmak_runtime::storage::{Storage, StorageError};

use crate::core::event::{Event, RestoreFrom};

/// The object whose existence is the checkpoint's.
const METADATA: &str = "_metadata";

/// Writes a manifest with put-if-absent. One that is there already is not this one: ids are never given twice, so somebody else
/// works on this job, and the checkpoint fails.
pub(crate) async fn write(folder: &str, manifest: &Arc<Manifest>) -> Event {
    let (job, checkpoint) = (manifest.job, manifest.checkpoint);
    match try_write(folder, manifest).await {
        Ok(()) => Event::ManifestWritten { job, checkpoint },
        Err(reason) => Event::ManifestFailed { job, checkpoint, reason },
    }
}

async fn try_write(folder: &str, manifest: &Manifest) -> Result<(), String> {
    kill_point("before-manifest");
    let bytes = serde_json::to_vec(manifest).map_err(|error| error.to_string())?;
    let storage = Storage::open(folder).map_err(|error| error.to_string())?;
    let path = format!("chk-{}/{METADATA}", manifest.checkpoint);
    storage.put_if_absent(&path, Bytes::from(bytes)).await.map_err(|error| error.to_string())?;
    kill_point("after-manifest");
    Ok(())
}

/// The manifests of a job's folder, or of one named checkpoint, by rising id.
pub(crate) async fn load(from: &RestoreFrom) -> Result<Vec<Manifest>, String> {
    let mut found = match from {
        RestoreFrom::JobFolder(folder) => all(folder).await.map_err(|error| error.to_string())?,
        RestoreFrom::Path(path) => vec![named(path).await?],
    };
    found.sort_by_key(|manifest| manifest.checkpoint);
    Ok(found)
}

async fn all(folder: &str) -> Result<Vec<Manifest>, StorageError> {
    let storage = Storage::open(folder)?;
    let mut manifests = Vec::new();
    for path in storage.list("").await? {
        if path.rsplit('/').next() != Some(METADATA) {
            continue;
        }
        let bytes = storage.get(&path).await?;
        match parse(&bytes) {
            Ok(manifest) => manifests.push(manifest),
            Err(reason) => tracing::warn!("{} is left out: {reason}", storage.uri(&path)),
        }
    }
    Ok(manifests)
}

async fn named(path: &str) -> Result<Manifest, String> {
    let folder = path.trim_end_matches('/').strip_suffix(METADATA).unwrap_or(path).trim_end_matches('/');
    let storage = Storage::open(folder).map_err(|error| error.to_string())?;
    let bytes = storage.get(METADATA).await.map_err(|error| format!("{error}; a checkpoint's folder (.../chk-7) is expected"))?;
    parse(&bytes).map_err(|reason| format!("{}: {reason}", storage.uri(METADATA)))
}

fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| format!("it is no manifest: {error}"))?;
    if manifest.version == MANIFEST_VERSION {
        Ok(manifest)
    } else {
        Err(format!("it has version {}, this release reads {MANIFEST_VERSION}", manifest.version))
    }
}

/// Removes a checkpoint: the manifest first, so that nothing points to what is going.
pub(crate) async fn delete(folder: &str, checkpoint: CheckpointId, objects: &[String]) {
    let removed = async {
        let storage = Storage::open(folder)?;
        storage.delete(&format!("chk-{checkpoint}/{METADATA}")).await?;
        delete_objects(objects).await;
        storage.delete_all(&format!("chk-{checkpoint}")).await
    };
    if let Err(error) = removed.await {
        tracing::warn!("checkpoint {checkpoint} is no longer needed and could not be removed: {error}");
    }
}

/// Removes state objects by URI.
pub(crate) async fn delete_objects(objects: &[String]) {
    for uri in objects {
        let Some((folder, name)) = uri.rsplit_once('/') else { continue };
        let removed = async { Storage::open(folder)?.delete(name).await };
        if let Err(error) = removed.await {
            tracing::warn!("a state object is no longer needed and could not be removed: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use irmak_common::element::CheckpointKind;
    use irmak_common::id::JobId;

    use super::*;

    fn manifest(triggered_at: i64) -> Arc<Manifest> {
        Arc::new(Manifest {
            version: MANIFEST_VERSION,
            job: JobId::from_u128(1),
            checkpoint: CheckpointId(7),
            kind: CheckpointKind::Checkpoint,
            max_parallelism: 128,
            triggered_at,
            tasks: Vec::new(),
        })
    }

    #[tokio::test]
    async fn a_manifest_that_exists_is_never_written_over_and_the_second_writer_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let folder = format!("file://{}", dir.path().display());
        assert!(matches!(write(&folder, &manifest(1)).await, Event::ManifestWritten { .. }));
        let Event::ManifestFailed { reason, .. } = write(&folder, &manifest(2)).await else { panic!("written over") };
        assert!(reason.contains("exists"), "{reason}");
        let found = load(&RestoreFrom::JobFolder(folder)).await.unwrap();
        assert_eq!(found, [manifest(1).as_ref().clone()]);
    }

    #[tokio::test]
    async fn a_deleted_checkpoint_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let folder = format!("file://{}", dir.path().display());
        write(&folder, &manifest(1)).await;
        let object = format!("{folder}/chk-7/state");
        std::fs::write(dir.path().join("chk-7/state"), b"x").unwrap();
        delete(&folder, CheckpointId(7), &[object]).await;
        assert!(!dir.path().join("chk-7").exists());
    }
}
