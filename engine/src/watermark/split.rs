//! The splits of a source subtask: how far each has come, which of them are idle, and which holds event time back.

use std::collections::HashMap;

use irmak_common::split::{SplitEvent, SplitIndex, SplitProgress};
use irmak_common::time::Millis;
use jiff::Timestamp;

use super::SplitMap;
use crate::error::EngineError;
use crate::state::snapshot::Reader;

const VERSION: u8 = 1;

/// The split of rows that do not say theirs.
const UNNAMED: SplitIndex = SplitIndex::MAX;

/// How long a split may hold event time back before a person is told, where no idle timeout is set.
const MESSAGE_MS: Millis = 5_000;

/// One split.
#[derive(Debug)]
pub(crate) struct Split {
    name: String,
    watermark: Millis,
    caught_up: bool,
    finished: bool,
    idle: bool,
    /// Processing time of its last rows, or since when it is caught up, whichever is later.
    active_at: Millis,
}

/// All splits of the subtask.
#[derive(Debug)]
pub(crate) struct Splits {
    splits: SplitMap,
    selected: SplitIndex,
    idle_timeout: Option<Millis>,
    /// Of a checkpoint, by name: (watermark, emitted by its subtask).
    restored: HashMap<String, (Millis, Millis)>,
    now: Millis,
}

impl Splits {
    /// # Errors
    /// Entries that are no snapshot of splits.
    pub(super) fn restore<'a>(idle_timeout: Option<Millis>, entries: impl Iterator<Item = &'a [u8]>) -> Result<Self, EngineError> {
        let mut restored = HashMap::new();
        for bytes in entries {
            let mut reader = Reader { bytes };
            if reader.take(1)?[0] != VERSION {
                return Err(EngineError::state("watermarks of an unknown version"));
            }
            let emitted = reader.number().map(i64::from_le_bytes)?;
            while !reader.bytes.is_empty() {
                let watermark = reader.number().map(i64::from_le_bytes)?;
                let length = reader.number().map(u32::from_le_bytes)? as usize;
                let name = String::from_utf8_lossy(reader.take(length)?).into_owned();
                restored.insert(name, (watermark, emitted));
            }
        }
        Ok(Self { splits: SplitMap::new(), selected: UNNAMED, idle_timeout, restored, now: Millis::MIN })
    }

    /// One entry, holding every named split; `None` where there are none.
    pub(super) fn snapshot(&self, emitted: Millis) -> Option<Vec<u8>> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&emitted.to_le_bytes());
        let header = bytes.len();
        for split in self.splits.values().filter(|split| !split.name.is_empty()) {
            bytes.extend_from_slice(&split.watermark.to_le_bytes());
            bytes.extend_from_slice(&(split.name.len() as u32).to_le_bytes());
            bytes.extend_from_slice(split.name.as_bytes());
        }
        (bytes.len() > header).then_some(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.splits.is_empty()
    }

    /// Takes in what a source says. Returns the watermark that had been emitted when a restored split was stored.
    pub(super) fn on_event(&mut self, event: &SplitEvent, now: Millis) -> Option<Millis> {
        self.now = self.now.max(now);
        match event {
            SplitEvent::Added { split, name } => {
                let restored = self.restored.remove(name);
                let watermark = restored.map_or(Millis::MIN, |(watermark, _)| watermark);
                self.splits.insert(*split, Split { name: name.clone(), ..Split::new(watermark, now) });
                return restored.map(|(_, emitted)| emitted);
            }
            SplitEvent::CaughtUp { split } => self.change(*split, |split| {
                if !split.caught_up {
                    (split.caught_up, split.active_at) = (true, now);
                }
            }),
            SplitEvent::Behind { split } => self.change(*split, |split| (split.caught_up, split.idle) = (false, false)),
            SplitEvent::Finished { split } => self.change(*split, |split| split.finished = true),
            SplitEvent::NoSplits => {}
        }
        None
    }

    fn change(&mut self, split: SplitIndex, change: impl FnOnce(&mut Split)) {
        change(self.splits.entry(split).or_insert_with(|| Split::new(Millis::MIN, self.now)));
    }

    /// Rows of this split have come; `current` and `others` speak of it from now on.
    pub(super) fn select(&mut self, split: Option<SplitIndex>, now: Millis) {
        self.now = self.now.max(now);
        self.selected = split.unwrap_or(UNNAMED);
        let split = self.splits.entry(self.selected).or_insert_with(|| Split::new(Millis::MIN, now));
        // Nobody says of unnamed rows whether there are more.
        split.caught_up |= self.selected == UNNAMED;
        (split.active_at, split.idle) = (now, false);
    }

    /// How far the selected split has come.
    pub(super) fn current(&self) -> Millis {
        self.splits.get(&self.selected).map_or(Millis::MIN, |split| split.watermark)
    }

    pub(super) fn set_current(&mut self, watermark: Millis) {
        self.change(self.selected, |split| split.watermark = watermark);
    }

    /// How far all splits but the selected one have come; the end of time where there are none.
    pub(super) fn others(&self) -> Millis {
        self.holding().filter(|(index, _)| **index != self.selected).map(|(_, split)| split.watermark).min().unwrap_or(Millis::MAX)
    }

    /// How far all splits have come; the beginning of time where there are none.
    pub(super) fn combined(&self) -> Millis {
        self.holding().map(|(_, split)| split.watermark).min().unwrap_or(Millis::MIN)
    }

    /// How far the most advanced split has come.
    pub(super) fn furthest(&self) -> Millis {
        self.splits.values().map(|split| split.watermark).max().unwrap_or(Millis::MIN)
    }

    /// How far each split has come.
    pub(super) fn progress(&self, into: &mut Vec<SplitProgress>) {
        let behind = |split: &Split| !split.idle && !split.finished && !split.caught_up;
        let progress =
            |(index, split): (&SplitIndex, &Split)| SplitProgress { split: *index, watermark: split.watermark, behind: behind(split) };
        into.extend(self.splits.iter().map(progress));
    }

    /// Whether none holds event time back, though not all have ended.
    pub(super) fn all_idle(&self) -> bool {
        self.holding().next().is_none() && self.splits.values().any(|split| split.idle && !split.finished)
    }

    fn holding(&self) -> impl Iterator<Item = (&SplitIndex, &Split)> {
        self.splits.iter().filter(|(_, split)| !split.idle && !split.finished)
    }

    /// When the next split would become idle, or its silence worth a word.
    pub(super) fn next_timer(&self) -> Option<Millis> {
        let wait = self.idle_timeout.unwrap_or(MESSAGE_MS);
        let silent = self.holding().filter(|(_, split)| split.caught_up).map(|(_, split)| split.active_at + wait);
        silent.filter(|at| self.idle_timeout.is_some() || *at > self.now).min()
    }

    /// Marks splits as idle whose time has come; whether there were any.
    pub(super) fn on_time(&mut self, now: Millis) -> bool {
        self.now = self.now.max(now);
        let Some(timeout) = self.idle_timeout else { return false };
        let mut any = false;
        for split in self.splits.values_mut().filter(|split| split.caught_up && !split.idle && !split.finished) {
            split.idle = split.active_at + timeout <= now;
            any |= split.idle;
        }
        any
    }

    /// Which split holds event time back since when, and what to do about it.
    pub(super) fn message(&self) -> Option<String> {
        if self.idle_timeout.is_some() {
            return None;
        }
        let (_, split) = self.holding().min_by_key(|(_, split)| split.watermark)?;
        let silent = split.caught_up && split.active_at.saturating_add(MESSAGE_MS) <= self.now;
        let held_back = split.watermark == Millis::MIN || self.furthest() > split.watermark;
        (silent && held_back && !split.name.is_empty()).then(|| {
            let since = Timestamp::from_millisecond(split.active_at).map_or_else(|_| "its start".into(), |at| format!("{at:.0}"));
            format!(
                "{} has had no row since {since} and holds event time back: no window closes until it has one; \
                 set 'table.exec.source.idle-timeout' (for example '30 s') to go on without it",
                split.name
            )
        })
    }
}

impl Split {
    fn new(watermark: Millis, now: Millis) -> Self {
        Self { name: String::new(), watermark, caught_up: false, finished: false, idle: false, active_at: now }
    }
}
