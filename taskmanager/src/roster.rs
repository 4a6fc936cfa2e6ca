//! The tasks that are here, by attempt: their reins and their names. Shared by the control stream and the metrics page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use irmak_common::id::AttemptId;

use crate::task::control::Control;

/// A task that is here.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its reins.
    pub(crate) control: Arc<Control>,
    /// The job's name.
    pub(crate) job_name: String,
    /// The vertex's name.
    pub(crate) vertex_name: String,
}

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    members: Mutex<BTreeMap<AttemptId, Member>>,
}

impl Roster {
    /// A task came.
    pub(crate) fn add(&self, member: Member) {
        self.lock().insert(member.control.attempt, member);
    }

    /// A task went.
    pub(crate) fn remove(&self, attempt: AttemptId) {
        self.lock().remove(&attempt);
    }

    /// A task's reins.
    pub(crate) fn control(&self, attempt: AttemptId) -> Option<Arc<Control>> {
        self.lock().get(&attempt).map(|member| member.control.clone())
    }

    /// All of them, by attempt.
    pub(crate) fn all(&self) -> Vec<Member> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AttemptId, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
