//! The stored form of MATCH_RECOGNIZE: a piece of bytes a key group.
//!
//! ```text
//! length u64 | keys, as `state::bytes` writes them | rows, absent where there are none
//! ```
//!
//! A key has, each with its count before it: rows that wait (time, row), in order of arrival; nodes of paths (the one before, variable,
//! row, order), each behind the one before it; open matches and complete ones (state, node, order and time of the first row), as they lie
//! in their queues. A row is its position among the group's rows, a node its position among the key's.

use std::collections::BTreeMap;

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::match_spec::MatchSpec;
use irmak_common::time::Millis;
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use super::MatchRecognize;
use super::buffer::NOTHING;
use super::heap::Heap;
use super::matcher::{Begun, Matches};
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::ordered::rows;
use crate::state::bytes::{BytesWriter, put_number, read_entries, take_number};
use crate::state::snapshot::Reader;

/// What stored bytes depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) fingerprint: u64,
    pub(super) max_parallelism: MaxParallelism,
}

/// The shape of the pattern, the keys and the rows; not the conditions, which may change.
pub(super) fn fingerprint(spec: &MatchSpec, keys: &KeyEncoder, input: &Schema) -> u64 {
    let mut text = keys.format().fingerprint();
    for variable in &spec.pattern {
        text.push_str(&format!("{} {} {:?} {};", variable.name, variable.min, variable.max, variable.greedy));
    }
    let types: Vec<_> = input.fields.iter().map(|field| field.ty.kind.to_arrow()).collect();
    xxh3_64(format!("{text}{types:?}").as_bytes())
}

/// Numbers given anew, in order of first mention.
#[derive(Default)]
struct Renumbered {
    places: BTreeMap<u32, i64>,
    all: Vec<u32>,
}

impl Renumbered {
    fn place(&mut self, number: u32) -> i64 {
        *self.places.entry(number).or_insert_with(|| {
            self.all.push(number);
            self.all.len() as i64 - 1
        })
    }
}

impl MatchRecognize {
    pub(super) fn stored(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let mut waiting: BTreeMap<u32, Vec<(u64, Millis, u32)>> = BTreeMap::new();
        for (&(time, arrival), &(key, row)) in &self.waiting {
            waiting.entry(key).or_default().push((arrival, time, row));
        }
        waiting.values_mut().for_each(|rows| rows.sort_unstable());
        let mut writer = BytesWriter::new(self.place.fingerprint, self.place.max_parallelism);
        let mut rows: BTreeMap<KeyGroup, Renumbered> = BTreeMap::new();
        for (key, matches) in self.matches.iter().enumerate() {
            let waits = waiting.get(&(key as u32)).map_or(&[][..], Vec::as_slice);
            if matches.is_fresh() && waits.is_empty() {
                continue;
            }
            let hash = self.table.hash(key as u32);
            let rows = rows.entry(KeyGroup::of_hash(hash, self.place.max_parallelism)).or_default();
            writer.entry(hash, self.table.key(key as u32), |out| {
                self.write_key(matches, waits, rows, out);
                Ok(())
            })?;
        }
        let mut snapshot = OperatorSnapshot { union: vec![self.clock.snapshot()], ..OperatorSnapshot::default() };
        for (group, keys) in writer.finish() {
            let mut bytes = (keys.len() as u64).to_le_bytes().to_vec();
            bytes.extend_from_slice(&keys);
            if let Some(rows) = rows.get(&group).filter(|rows| !rows.all.is_empty()) {
                bytes.extend_from_slice(&rows::encode(&self.buffer.store.batch(&rows.all)?)?);
            }
            snapshot.keyed.insert(group, bytes);
        }
        Ok(snapshot)
    }

    fn write_key(&self, matches: &Matches, waits: &[(u64, Millis, u32)], rows: &mut Renumbered, out: &mut Vec<u8>) {
        put_number(out, waits.len() as i64);
        for &(_, time, row) in waits {
            put_number(out, time);
            put_number(out, rows.place(row));
        }
        let nodes = self.nodes(matches);
        put_number(out, nodes.all.len() as i64);
        for number in &nodes.all {
            let Some((_, node)) = self.buffer.path(*number).next() else { continue };
            put_number(out, nodes.places.get(&node.before).copied().unwrap_or(-1));
            put_number(out, i64::from(node.variable));
            put_number(out, rows.place(node.row));
            put_number(out, node.order as i64);
        }
        for queue in [&matches.open, &matches.complete] {
            put_number(out, queue.items().len() as i64);
            for begun in queue.items() {
                put_number(out, begun.state as i64);
                put_number(out, nodes.places.get(&begun.node).copied().unwrap_or(-1));
                put_number(out, begun.first as i64);
                put_number(out, begun.since);
            }
        }
    }

    /// All nodes of a key's matches, each behind the one before it.
    fn nodes(&self, matches: &Matches) -> Renumbered {
        let mut nodes = Renumbered::default();
        for begun in matches.open.items().iter().chain(matches.complete.items()) {
            let known = |number: u32| nodes.places.contains_key(&number);
            let path: Vec<u32> = self.buffer.path(begun.node).map(|(number, _)| number).take_while(|number| !known(*number)).collect();
            path.into_iter().rev().for_each(|number| {
                nodes.place(number);
            });
        }
        nodes
    }

    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut reader = Reader { bytes };
        let length = reader.number().map(u64::from_le_bytes)?;
        let keys = reader.take(usize::try_from(length).map_err(|_| EngineError::state("it is cut short"))?)?;
        let rows = if reader.bytes.is_empty() {
            Vec::new()
        } else {
            let batch = rows::decode(reader.bytes, &self.input)?;
            self.buffer.add(&batch, &(0..batch.num_rows() as u32).collect::<Vec<_>>())?
        };
        read_entries(self.place.fingerprint, keys, |key, value| {
            if !self.keys.format().holds(key) {
                return Err(EngineError::state("a key has not the form of this query's keys"));
            }
            let number = self.table.intern(xxh3_64(key), key);
            self.matches.resize_with(self.matches.len().max(number as usize + 1), Matches::default);
            self.read_key(number, value, &rows)
        })?;
        // What waits or is on a path holds its row now; each row was held once more while it was handed round.
        let waiting: std::collections::BTreeSet<u32> = self.waiting.values().map(|(_, row)| *row).collect();
        rows.into_iter().filter(|row| !waiting.contains(row)).for_each(|row| self.buffer.release_row(row));
        Ok(())
    }

    fn read_key(&mut self, key: u32, value: &mut Reader<'_>, rows: &[u32]) -> Result<(), EngineError> {
        let lost = || EngineError::state("a row or a match is missing");
        let row = |place: i64| usize::try_from(place).ok().and_then(|place| rows.get(place)).copied().ok_or_else(lost);
        for _ in 0..take_number(value)? {
            let time = take_number(value)?;
            self.arrivals += 1;
            self.waiting.insert((time, self.arrivals), (key, row(take_number(value)?)?));
        }
        let mut nodes: Vec<u32> = Vec::new();
        let node = |nodes: &[u32], place: i64| match place {
            -1 => Ok(NOTHING),
            place => usize::try_from(place).ok().and_then(|place| nodes.get(place)).copied().ok_or_else(lost),
        };
        for _ in 0..take_number(value)? {
            let before = node(&nodes, take_number(value)?)?;
            let variable = usize::try_from(take_number(value)?).ok().filter(|at| *at < self.conditions.len()).ok_or_else(lost)?;
            let row = row(take_number(value)?)?;
            let order = take_number(value)? as u64;
            self.looked_at = self.looked_at.max(order.saturating_add(1));
            nodes.push(self.buffer.extend(before, variable, row, order));
        }
        let mut queues = [Heap::new(), Heap::new()];
        for queue in &mut queues {
            for _ in 0..take_number(value)? {
                let state =
                    usize::try_from(take_number(value)?).ok().filter(|state| *state < self.rules.automaton.len()).ok_or_else(lost)?;
                let node = node(&nodes, take_number(value)?)?;
                let begun = Begun { state, node, first: take_number(value)? as u64, since: take_number(value)? };
                self.buffer.hold(node);
                if node != NOTHING && self.rules.within_ms > 0 {
                    self.timers.insert((begun.since.saturating_add(self.rules.within_ms), key));
                }
                queue.push(begun);
            }
        }
        nodes.into_iter().for_each(|node| self.buffer.release(node));
        let [open, complete] = queues;
        self.matches[key as usize] = Matches { open, complete };
        Ok(())
    }
}
