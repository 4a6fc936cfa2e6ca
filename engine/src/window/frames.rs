//! Frames: how slices make up windows. One implementation a kind of window; here the simplest, whose slices are windows.

use std::collections::BTreeMap;

use irmak_common::element::Element;
use irmak_common::time::Millis;

use super::emit::Emitter;
use super::{Progress, Slice};
use crate::accumulate::AggregateSet;
use crate::error::EngineError;
use crate::key::hash_of_times;
use crate::state::groups::GroupTable;
use crate::state::snapshot::{Section, SectionHead};

/// Where rows of a slice go.
pub(crate) enum Place<'a> {
    /// Into this table.
    Table(&'a mut GroupTable),
    /// Every window that they belong to is over.
    Late,
    /// No window takes them.
    Nowhere,
}

/// The tables of all open windows of one kind.
pub(crate) trait Frames: Send {
    /// Where rows of `slice` go.
    fn place(&mut self, slice: Slice, progress: &Progress) -> Result<Place<'_>, EngineError>;

    /// Emits every window that is over and was not, in order of ends, and lets go of what no window needs any more.
    fn fire(&mut self, progress: &Progress, emitter: &mut Emitter, out: &mut Vec<Element>) -> Result<(), EngineError>;

    /// The end of the window that will be over next, of those that are not; `None`: there is none.
    fn next_end(&self, progress: &Progress) -> Option<Millis>;

    /// What is to be stored.
    fn sections(&self) -> Vec<Section<'_>>;

    /// The table that a stored section is merged into.
    fn restore(&mut self, head: SectionHead) -> Result<&mut GroupTable, EngineError>;
}

/// Tables, made when needed and used again.
pub(crate) struct Pool {
    aggregates: AggregateSet,
    spare: Vec<GroupTable>,
    spare_bytes: usize,
}

/// Spare tables beyond so many bytes are let go: small windows are many, and a burst of large ones should not hold memory for ever.
const SPARE_BYTES_MAX: usize = 4 << 20;

impl Pool {
    pub(crate) fn new(aggregates: AggregateSet) -> Self {
        Self { aggregates, spare: Vec::new(), spare_bytes: 0 }
    }

    /// An empty table.
    pub(crate) fn take(&mut self) -> Result<GroupTable, EngineError> {
        let Some(table) = self.spare.pop() else { return GroupTable::new(&self.aggregates) };
        self.spare_bytes -= table.keys.size();
        Ok(table)
    }

    /// A table that is needed no more.
    pub(crate) fn give(&mut self, mut table: GroupTable) {
        let size = table.keys.size();
        if self.spare_bytes + size <= SPARE_BYTES_MAX {
            table.clear();
            self.spare_bytes += size;
            self.spare.push(table);
        }
    }
}

/// All rows of a table, for a snapshot.
pub(crate) fn section(kind: u8, start: Millis, end: Millis, table: &GroupTable) -> Section<'_> {
    Section {
        head: SectionHead { kind, start, end },
        keys: &table.keys,
        rows: (0..table.keys.len() as u32).map(|id| (id, id)).collect(),
        intervals: Vec::new(),
        sent_by: None,
        accumulators: &table.accumulators,
    }
}

/// TUMBLE, and windows that rows bring along: a slice is a window.
pub(crate) struct Whole {
    pool: Pool,
    /// By (end, start), so that windows that end first come first.
    tables: BTreeMap<(Millis, Millis), GroupTable>,
    shuffle: Shuffle,
}

/// By what rows were sent to this subtask, and so by what their state moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shuffle {
    /// Their keys.
    Keys,
    /// Their window: attached windows without keys, by the columns of start and end.
    Window,
}

impl Whole {
    pub(crate) fn new(pool: Pool, shuffle: Shuffle) -> Self {
        Self { pool, tables: BTreeMap::new(), shuffle }
    }

    fn table(&mut self, start: Millis, end: Millis) -> Result<&mut GroupTable, EngineError> {
        Ok(match self.tables.entry((end, start)) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(self.pool.take()?),
        })
    }
}

impl Frames for Whole {
    fn place(&mut self, slice: Slice, progress: &Progress) -> Result<Place<'_>, EngineError> {
        if progress.is_over(slice.end) {
            return Ok(Place::Late);
        }
        self.table(slice.start, slice.end).map(Place::Table)
    }

    fn fire(&mut self, progress: &Progress, emitter: &mut Emitter, out: &mut Vec<Element>) -> Result<(), EngineError> {
        while let Some(entry) = self.tables.first_entry() {
            let (end, start) = *entry.key();
            if !progress.is_over(end) {
                break;
            }
            let table = entry.remove();
            emitter.window(Slice { start, end }, &table, out)?;
            self.pool.give(table);
        }
        Ok(())
    }

    fn next_end(&self, _: &Progress) -> Option<Millis> {
        self.tables.keys().next().map(|(end, _)| *end)
    }

    fn sections(&self) -> Vec<Section<'_>> {
        let sent_by = |start, end| (self.shuffle == Shuffle::Window).then(|| hash_of_times([start, end]));
        let stored = |(&(end, start), table)| Section { sent_by: sent_by(start, end), ..section(0, start, end, table) };
        self.tables.iter().map(stored).collect()
    }

    fn restore(&mut self, head: SectionHead) -> Result<&mut GroupTable, EngineError> {
        self.table(head.start, head.end)
    }
}
