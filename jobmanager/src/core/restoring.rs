//! What an attempt begins with: manifests are read, checked against the job, and the newest is taken.
//!
//! Storage that fails is asked again; a checkpoint that is not this job's to restore fails the job for good, before anything runs.

use std::sync::Arc;

use irmak_common::checkpoint::{MANIFEST_VERSION, Manifest};
use irmak_common::status::JobStatus;
use irmak_common::time::Millis;

use super::checkpoint_history::Restored;
use super::event::{Command, RestoreFrom};
use super::job::{Context, Job, Phase};

/// Milliseconds between two tries to read checkpoints from storage that fails.
const LOAD_RETRY_MS: Millis = 5_000;

impl Job {
    pub(super) fn load(&mut self, from: RestoreFrom, ctx: &mut Context<'_>) {
        self.phase = Phase::Loading;
        ctx.out.push(Command::LoadCheckpoints { job: self.id, from });
    }

    /// The answer to a load.
    pub(super) fn loaded(&mut self, loaded: Result<Vec<Manifest>, String>, ctx: &mut Context<'_>) {
        let manifests = match loaded {
            Ok(manifests) => manifests,
            Err(reason) => return self.load_failed(reason, ctx),
        };
        if let Some(problem) = manifests.iter().find_map(|manifest| self.unfit(manifest)) {
            return self.refuse_state(problem, ctx);
        }
        match self.phase {
            Phase::Loading if self.reload => {
                self.keep_newest(manifests, ctx);
                self.phase = Phase::Pending;
            }
            Phase::Loading => match manifests.into_iter().next_back() {
                Some(manifest) => {
                    self.initial = Some(Arc::new(manifest));
                    self.phase = Phase::Pending;
                }
                None => self.refuse_state("there is no checkpoint to restore".to_owned(), ctx),
            },
            Phase::Reconciling { until, .. } => {
                self.keep_newest(manifests, ctx);
                self.phase = Phase::Reconciling { until, loaded: true };
            }
            _ => {}
        }
    }

    fn keep_newest(&mut self, manifests: Vec<Manifest>, ctx: &mut Context<'_>) {
        self.reload = false;
        for old in self.checkpoints.loaded(manifests) {
            self.delete(&old, ctx);
        }
    }

    fn load_failed(&mut self, reason: String, ctx: &mut Context<'_>) {
        match self.phase {
            Phase::Loading if self.reload => self.phase = Phase::LoadFailed { retry_at: ctx.now + LOAD_RETRY_MS, reason },
            Phase::Loading => self.refuse_state(reason, ctx),
            // The deadline passes, and the restart reads again.
            Phase::Reconciling { .. } => self.reload = true,
            _ => {}
        }
    }

    /// Why a manifest is not this job's to restore.
    fn unfit(&self, manifest: &Manifest) -> Option<String> {
        let (theirs, ours) = (manifest.max_parallelism, self.graph.max_parallelism.get());
        if manifest.version != MANIFEST_VERSION {
            Some(format!(
                "checkpoint {} has format version {}; this release reads version {MANIFEST_VERSION}",
                manifest.checkpoint, manifest.version
            ))
        } else if theirs != ours {
            Some(format!(
                "checkpoint {} was taken with max parallelism {theirs}, the job has {ours}: SET 'pipeline.max-parallelism' = '{theirs}'",
                manifest.checkpoint
            ))
        } else {
            None
        }
    }

    /// No attempt can begin: the job fails for good.
    fn refuse_state(&mut self, reason: String, ctx: &mut Context<'_>) {
        let failure = self.failure("RestoreFailed", reason, ctx.now);
        self.record(failure, ctx);
        self.end(JobStatus::Failed, ctx);
    }

    pub(super) fn note_restore(&mut self, manifest: Option<&Arc<Manifest>>, ctx: &Context<'_>) {
        let Some(manifest) = manifest else { return };
        let own = manifest.job == self.id;
        let path = match &self.restore_from {
            Some(path) if !own => path.clone(),
            _ => format!("{}/chk-{}", self.checkpoint_folder(ctx.settings), manifest.checkpoint),
        };
        self.checkpoints.restored_from(Restored { id: manifest.checkpoint, at: ctx.now, savepoint: !own, path });
    }
}
