//! The stored form of tables: one piece of bytes a key group, holding that group's share of every window.
//!
//! ```text
//! version u8 | fingerprint u64 | sections u32 | (kind u8, start i64, end i64, rows u32) a section
//!   | key length u32 a row | keys | Arrow IPC stream of the accumulators' state columns, absent where there are none
//! ```
//!
//! Rows lie in order of sections. The fingerprint is a hash of key types and aggregates: state of another query is refused instead
//! of misread. Written column by column.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use arrow::ipc::MetadataVersion;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::record_batch::RecordBatch;
use irmak_common::key_group::{KeyGroup, MaxParallelism};

use crate::accumulate::Accumulator;
use crate::error::EngineError;
use crate::state::keyed::KeyTable;

const VERSION: u8 = 1;
const SECTION_BYTES: usize = 21;

/// What a section is: the operator's own numbering, and a window or pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SectionHead {
    pub(crate) kind: u8,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// Rows to be stored: groups of accumulators, and the key of each.
pub(crate) struct Section<'a> {
    pub(crate) head: SectionHead,
    pub(crate) keys: &'a KeyTable,
    /// (key number, group number) a row.
    pub(crate) rows: Vec<(u32, u32)>,
    /// Sessions: each row's own start and end, in place of the head's. They come back as sections of one row.
    pub(crate) intervals: Vec<(i64, i64)>,
    /// The hash that all its rows were sent by, where it is not their key's.
    pub(crate) sent_by: Option<u64>,
    pub(crate) accumulators: &'a [Box<dyn Accumulator>],
}

/// One key group's share, read back.
pub(crate) struct Image<'a> {
    /// In order; with the number of rows of each.
    pub(crate) sections: Vec<(SectionHead, usize)>,
    /// One a row.
    pub(crate) keys: Vec<&'a [u8]>,
    /// All state columns of all accumulators, one behind the other.
    pub(crate) states: Vec<ArrayRef>,
}

#[derive(Default)]
struct Share {
    heads: Vec<u8>,
    sections: u32,
    lengths: Vec<u8>,
    keys: Vec<u8>,
    /// Pieces of each state column.
    states: Vec<Vec<ArrayRef>>,
}

/// Every key group's bytes; groups without rows are absent.
pub(crate) fn encode(fingerprint: u64, max: MaxParallelism, sections: &[Section<'_>]) -> Result<BTreeMap<KeyGroup, Vec<u8>>, EngineError> {
    let mut shares: BTreeMap<KeyGroup, Share> = BTreeMap::new();
    for section in sections {
        share_out(section, max, &mut shares)?;
    }
    shares.into_iter().map(|(group, share)| Ok((group, share.finish(fingerprint)?))).collect()
}

/// Sorts a section's rows by key group, then cuts keys and state columns at the borders.
fn share_out(section: &Section<'_>, max: MaxParallelism, shares: &mut BTreeMap<KeyGroup, Share>) -> Result<(), EngineError> {
    let hash = |key: u32| section.sent_by.unwrap_or_else(|| section.keys.hash(key));
    let group_of = |(row, &(key, _)): (usize, &(u32, u32))| (KeyGroup::of_hash(hash(key), max), row);
    let mut rows: Vec<(KeyGroup, usize)> = section.rows.iter().enumerate().map(group_of).collect();
    rows.sort_by_key(|row| row.0);
    let groups: Vec<u32> = rows.iter().map(|&(_, row)| section.rows[row].1).collect();
    let mut states = Vec::new();
    for accumulator in section.accumulators {
        states.extend(accumulator.state(&groups)?);
    }
    let mut from = 0;
    for chunk in rows.chunk_by(|a, b| a.0 == b.0) {
        let share = shares.entry(chunk[0].0).or_default();
        if section.intervals.is_empty() {
            share.head(section.head, chunk.len());
        }
        for &(_, row) in chunk {
            if let Some(&(start, end)) = section.intervals.get(row) {
                share.head(SectionHead { start, end, ..section.head }, 1);
            }
            let key = section.keys.key(section.rows[row].0);
            share.lengths.extend_from_slice(&(key.len() as u32).to_le_bytes());
            share.keys.extend_from_slice(key);
        }
        share.states.resize_with(states.len(), Vec::new);
        for (pieces, state) in share.states.iter_mut().zip(&states) {
            pieces.push(state.slice(from, chunk.len()));
        }
        from += chunk.len();
    }
    Ok(())
}

impl Share {
    fn head(&mut self, head: SectionHead, rows: usize) {
        self.sections += 1;
        self.heads.push(head.kind);
        self.heads.extend_from_slice(&head.start.to_le_bytes());
        self.heads.extend_from_slice(&head.end.to_le_bytes());
        self.heads.extend_from_slice(&(rows as u32).to_le_bytes());
    }

    fn finish(self, fingerprint: u64) -> Result<Vec<u8>, EngineError> {
        let mut bytes = Vec::with_capacity(13 + self.heads.len() + self.lengths.len() + self.keys.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        bytes.extend_from_slice(&self.sections.to_le_bytes());
        bytes.extend_from_slice(&self.heads);
        bytes.extend_from_slice(&self.lengths);
        bytes.extend_from_slice(&self.keys);
        if !self.states.is_empty() {
            write_states(&self.states, &mut bytes)?;
        }
        Ok(bytes)
    }
}

fn write_states(states: &[Vec<ArrayRef>], bytes: &mut Vec<u8>) -> Result<(), EngineError> {
    let failed = EngineError::arrow("encoding accumulators");
    let columns = states.iter().map(|pieces| concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>()));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
    let fields = columns.iter().map(|column| Field::new("", column.data_type().clone(), true)).collect::<Vec<_>>();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(&failed)?;
    // Many small streams: buffers are padded no further than they must be.
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).map_err(&failed)?;
    let mut writer = StreamWriter::try_new_with_options(bytes, batch.schema_ref(), options).map_err(&failed)?;
    writer.write(&batch).map_err(&failed)?;
    writer.finish().map_err(&failed)
}

/// Reads one key group's bytes.
///
/// # Errors
/// [`EngineError::State`] for bytes of another version or query, or that are cut short.
pub(crate) fn decode(fingerprint: u64, bytes: &[u8]) -> Result<Image<'_>, EngineError> {
    let mut reader = Reader { bytes };
    match reader.take(1)?[0] {
        VERSION => {}
        other => return Err(EngineError::state(format!("it has version {other}, this engine reads version {VERSION}"))),
    }
    if reader.number::<8>().map(u64::from_le_bytes)? != fingerprint {
        return Err(EngineError::state("it belongs to a query with other keys or aggregates"));
    }
    let count = reader.number().map(u32::from_le_bytes)? as usize;
    let heads = reader.take(count.saturating_mul(SECTION_BYTES))?;
    let sections = heads.chunks_exact(SECTION_BYTES).map(read_head).collect::<Result<Vec<_>, _>>()?;
    let rows: usize = sections.iter().map(|(_, rows)| rows).sum();
    let lengths = reader.take(rows.saturating_mul(4))?;
    let mut keys = Vec::with_capacity(rows);
    for length in lengths.chunks_exact(4) {
        keys.push(reader.take(u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize)?);
    }
    let states = if reader.bytes.is_empty() { Vec::new() } else { read_states(reader.bytes, rows)? };
    Ok(Image { sections, keys, states })
}

fn read_head(bytes: &[u8]) -> Result<(SectionHead, usize), EngineError> {
    let mut reader = Reader { bytes };
    let head = SectionHead {
        kind: reader.take(1)?[0],
        start: reader.number().map(i64::from_le_bytes)?,
        end: reader.number().map(i64::from_le_bytes)?,
    };
    Ok((head, reader.number().map(u32::from_le_bytes)? as usize))
}

fn read_states(bytes: &[u8], rows: usize) -> Result<Vec<ArrayRef>, EngineError> {
    let failed = EngineError::arrow("decoding accumulators");
    let mut reader = StreamReader::try_new(bytes, None).map_err(&failed)?;
    let batch = reader.next().ok_or_else(|| EngineError::state("the accumulators are missing"))?.map_err(&failed)?;
    if batch.num_rows() != rows {
        return Err(EngineError::state(format!("{} accumulators for {rows} keys", batch.num_rows())));
    }
    Ok(batch.columns().to_vec())
}

/// Bytes still to be read.
pub(crate) struct Reader<'a> {
    pub(crate) bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], EngineError> {
        let (head, rest) = self.bytes.split_at_checked(count).ok_or_else(|| EngineError::state("it is cut short"))?;
        self.bytes = rest;
        Ok(head)
    }

    /// The next `N` bytes, for `from_le_bytes`.
    pub(crate) fn number<const N: usize>(&mut self) -> Result<[u8; N], EngineError> {
        let mut number = [0; N];
        number.copy_from_slice(self.take(N)?);
        Ok(number)
    }
}
