//! The stored form of a join's rows: one piece of bytes a key group.
//!
//! ```text
//! version u8 | fingerprint u64 | (side u8, time i64, count i64, key length u32, row length u32, key, row) a record
//! ```
//!
//! Records of one key lie in their order. The fingerprint is a hash of the types of both sides and their keys.

use std::collections::BTreeMap;

use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::time::{Millis, Watermark};
use xxhash_rust::xxh3::xxh3_64;

use super::side::Side;
use super::store::{Kept, Store};
use crate::error::EngineError;
use crate::state::rescale::Owned;
use crate::state::snapshot::Reader;

const VERSION: u8 = 1;

/// Both stores, by key group.
pub(crate) fn encode(fingerprint: u64, max: MaxParallelism, stores: [&Store; 2]) -> BTreeMap<KeyGroup, Vec<u8>> {
    let mut shares: BTreeMap<KeyGroup, Vec<u8>> = BTreeMap::new();
    for (side, store) in stores.into_iter().enumerate() {
        for first in store.first_of_keys() {
            let share = shares.entry(KeyGroup::of_hash(store.hash(first), max)).or_insert_with(|| {
                let mut share = vec![VERSION];
                share.extend_from_slice(&fingerprint.to_le_bytes());
                share
            });
            for id in std::iter::successors(Some(first), |id| store.next(*id)) {
                let (key, row) = (store.key(id), store.row(id));
                share.push(side as u8);
                share.extend_from_slice(&store.time(id).to_le_bytes());
                share.extend_from_slice(&store.count(id).to_le_bytes());
                share.extend_from_slice(&(key.len() as u32).to_le_bytes());
                share.extend_from_slice(&(row.len() as u32).to_le_bytes());
                share.extend_from_slice(key);
                share.extend_from_slice(row);
            }
        }
    }
    shares
}

/// Gives every owned record, with its side, to `keep`.
///
/// # Errors
/// State of another version or join, or cut short.
pub(crate) fn restore(
    fingerprint: u64,
    owned: &Owned<'_>,
    sides: &[Side; 2],
    mut keep: impl FnMut(usize, Kept<'_>),
) -> Result<(), EngineError> {
    for bytes in owned.keyed() {
        let mut reader = Reader { bytes };
        match reader.take(1)?[0] {
            VERSION => {}
            other => return Err(EngineError::state(format!("it has version {other}, this engine reads version {VERSION}"))),
        }
        if reader.number().map(u64::from_le_bytes)? != fingerprint {
            return Err(EngineError::state("it belongs to a join of other columns or keys"));
        }
        while !reader.bytes.is_empty() {
            let side = usize::from(reader.take(1)?[0]);
            let time = reader.number().map(i64::from_le_bytes)?;
            let count = reader.number().map(i64::from_le_bytes)?;
            let lengths = [reader.number().map(u32::from_le_bytes)? as usize, reader.number().map(u32::from_le_bytes)? as usize];
            let (key, row) = (reader.take(lengths[0])?, reader.take(lengths[1])?);
            let formed = sides.get(side).is_some_and(|side| side.keys.format().holds(key) && side.rows.format().holds(row));
            if !formed {
                return Err(EngineError::state("a row has not the form of this join's rows"));
            }
            keep(side, Kept { hash: xxh3_64(key), key, row, time, count });
        }
    }
    Ok(())
}

/// A watermark as a union entry.
pub(crate) fn encode_watermark(watermark: Watermark) -> Vec<Vec<u8>> {
    vec![watermark.0.to_le_bytes().to_vec()]
}

/// The watermark that all subtasks had reached.
///
/// # Errors
/// An entry that is none.
pub(crate) fn restore_watermark(owned: &Owned<'_>) -> Result<Watermark, EngineError> {
    let restored = owned.union().map(|entry| entry.try_into().map(Millis::from_le_bytes)).collect::<Result<Vec<_>, _>>();
    let restored = restored.map_err(|_| EngineError::state("a join's watermark is cut short"))?;
    Ok(Watermark(restored.into_iter().min().unwrap_or(Millis::MIN)))
}
