//! The TaskManagers that are here, and which job holds which of their slots.

use std::collections::BTreeMap;

use irmak_common::id::{JobId, TaskManagerId};
use irmak_common::time::Millis;

use super::event::{Peer, Registration, Session};
use super::schedule::SlotId;

/// One TaskManager.
#[derive(Clone, Debug)]
pub struct TaskManager {
    /// Its id.
    pub id: TaskManagerId,
    /// Its stream.
    pub session: Session,
    /// Slots it offers.
    pub slots: u32,
    /// `host:port` of its shuffle service.
    pub data_address: String,
    /// Bytes of memory of its machine.
    pub memory_bytes: u64,
    /// Bytes its process uses.
    pub memory_used: u64,
    /// Cores of its machine.
    pub cpu_cores: u32,
    /// Cores in use.
    pub cpu_load: f64,
    /// When it registered.
    pub registered_at: Millis,
    /// Slot to job.
    pub held: BTreeMap<u32, JobId>,
}

impl TaskManager {
    /// Slots that no job holds.
    pub fn free(&self) -> u32 {
        self.slots.saturating_sub(self.held.len() as u32)
    }

    /// Who it is on its stream.
    pub fn peer(&self) -> Peer {
        Peer { id: self.id.clone(), session: self.session }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Cluster {
    managers: BTreeMap<TaskManagerId, TaskManager>,
}

impl Cluster {
    /// A TaskManager is here, with no slot held.
    pub fn add(&mut self, now: Millis, registration: &Registration) {
        let manager = TaskManager {
            id: registration.peer.id.clone(),
            session: registration.peer.session,
            slots: registration.slots,
            data_address: registration.data_address.clone(),
            memory_bytes: registration.memory_bytes,
            memory_used: 0,
            cpu_cores: registration.cpu_cores,
            cpu_load: 0.0,
            registered_at: now,
            held: BTreeMap::new(),
        };
        self.managers.insert(manager.id.clone(), manager);
    }

    /// A TaskManager is gone, with its slots.
    pub fn remove(&mut self, id: &TaskManagerId) {
        self.managers.remove(id);
    }

    /// The TaskManager of this id.
    pub fn get(&self, id: &TaskManagerId) -> Option<&TaskManager> {
        self.managers.get(id)
    }

    /// The same, to change.
    pub fn get_mut(&mut self, id: &TaskManagerId) -> Option<&mut TaskManager> {
        self.managers.get_mut(id)
    }

    /// All, by id.
    pub fn all(&self) -> impl Iterator<Item = &TaskManager> {
        self.managers.values()
    }

    /// Slots in all.
    pub fn slots_total(&self) -> u32 {
        self.managers.values().map(|manager| manager.slots).sum()
    }

    /// Slots that no job holds.
    pub fn slots_free(&self) -> u32 {
        self.managers.values().map(TaskManager::free).sum()
    }

    /// Every free slot.
    pub fn free_slots(&self) -> Vec<SlotId> {
        let of = |manager: &TaskManager| {
            let free = (0..manager.slots).filter(|index| !manager.held.contains_key(index));
            free.map(|index| SlotId { task_manager: manager.id.clone(), index }).collect::<Vec<_>>()
        };
        self.managers.values().flat_map(of).collect()
    }

    /// A job takes a slot.
    pub fn hold(&mut self, slot: &SlotId, job: JobId) {
        if let Some(manager) = self.managers.get_mut(&slot.task_manager).filter(|manager| slot.index < manager.slots) {
            manager.held.insert(slot.index, job);
        }
    }

    /// A job gives all its slots back.
    pub fn release(&mut self, job: JobId) {
        self.managers.values_mut().for_each(|manager| manager.held.retain(|_, holder| *holder != job));
    }
}
