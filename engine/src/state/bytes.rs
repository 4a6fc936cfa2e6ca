//! The stored form of state that is written a key at a time: one piece of bytes a key group.
//!
//! ```text
//! version u8 | fingerprint u64 | (key length u32, key, value length u32, value) an entry
//! ```
//!
//! What a value holds is its operator's matter. A key's group is that of its hash, so that rescaling moves whole keys.

use std::collections::BTreeMap;

use irmak_common::key_group::{KeyGroup, MaxParallelism};

use crate::error::EngineError;
use crate::state::snapshot::Reader;

const VERSION: u8 = 1;

/// Key groups under construction.
#[derive(Debug)]
pub(crate) struct BytesWriter {
    fingerprint: u64,
    max: MaxParallelism,
    groups: BTreeMap<KeyGroup, Vec<u8>>,
}

impl BytesWriter {
    /// Nothing yet. The fingerprint tells the state of one query from that of another.
    pub(crate) fn new(fingerprint: u64, max: MaxParallelism) -> Self {
        Self { fingerprint, max, groups: BTreeMap::new() }
    }

    /// Adds a key, with its hash, and what `write` says of it.
    pub(crate) fn entry(
        &mut self,
        hash: u64,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let fingerprint = self.fingerprint;
        let bytes = self.groups.entry(KeyGroup::of_hash(hash, self.max)).or_insert_with(|| {
            let mut head = vec![VERSION];
            head.extend_from_slice(&fingerprint.to_le_bytes());
            head
        });
        put_bytes(bytes, key);
        let at = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        write(bytes)?;
        let length = (bytes.len() - at - 4) as u32;
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        Ok(())
    }

    /// Every key group's bytes.
    pub(crate) fn finish(self) -> BTreeMap<KeyGroup, Vec<u8>> {
        self.groups
    }
}

/// Calls `take` with each key of a key group's bytes, and a reader of its value.
///
/// # Errors
/// [`EngineError::State`] for bytes of another version or query, or that are cut short.
pub(crate) fn read_entries(
    fingerprint: u64,
    bytes: &[u8],
    mut take: impl FnMut(&[u8], &mut Reader<'_>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut reader = Reader { bytes };
    match reader.take(1)?[0] {
        VERSION => {}
        other => return Err(EngineError::state(format!("it has version {other}, this engine reads version {VERSION}"))),
    }
    if reader.number::<8>().map(u64::from_le_bytes)? != fingerprint {
        return Err(EngineError::state("it belongs to another query"));
    }
    while !reader.bytes.is_empty() {
        let key = take_bytes(&mut reader)?;
        let mut value = Reader { bytes: take_bytes(&mut reader)? };
        take(key, &mut value)?;
    }
    Ok(())
}

/// Bytes with their length before them.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The reverse of [`put_bytes`].
pub(crate) fn take_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], EngineError> {
    let length = reader.number().map(u32::from_le_bytes)? as usize;
    reader.take(length)
}

/// A whole number.
pub(crate) fn put_number(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// The reverse of [`put_number`].
pub(crate) fn take_number(reader: &mut Reader<'_>) -> Result<i64, EngineError> {
    reader.number().map(i64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn entries_are_read_back_by_key_group_and_only_by_their_own_query() {
        let mut writer = BytesWriter::new(7, MaxParallelism::default());
        for key in [b"a".as_slice(), b"bb", b""] {
            writer
                .entry(xxh3_64(key), key, |out| {
                    put_number(out, key.len() as i64);
                    Ok(())
                })
                .unwrap();
        }
        let mut found = Vec::new();
        for (group, bytes) in writer.finish() {
            read_entries(7, &bytes, |key, value| {
                assert_eq!(KeyGroup::of(key, MaxParallelism::default()), group);
                found.push((key.to_vec(), take_number(value)?));
                Ok(())
            })
            .unwrap();
            assert!(read_entries(8, &bytes, |_, _| Ok(())).is_err());
            assert!(read_entries(7, &bytes[..bytes.len() - 1], |_, value| take_number(value).map(|_| ())).is_err());
        }
        found.sort();
        assert_eq!(found, [(b"".to_vec(), 0), (b"a".to_vec(), 1), (b"bb".to_vec(), 2)]);
    }
}
