//! Aggregates over the rows around each row: which rows those are, and what they amount to.
//!
//! A frame that begins with its part only grows from row to row: one accumulator a part is enough. Any other is added up for itself;
//! rows whose frames are equal share one. Source of the bounds: Flink's over frames (`RowUnboundedPrecedingOverFrame` and the like).

use std::ops::Range;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{SortOptions, concat, take};
use arrow::row::{RowConverter, SortField};
use irmak_common::batch_spec::{BatchFrame, FrameEdge};

use super::piece::Piece;
use crate::accumulate::{AggregateSet, Inputs};
use crate::error::EngineError;
use crate::state::groups::{Scratch, add_rows};

/// Rows of frames that are added up at once.
const FRAME_ROWS_MAX: usize = 1 << 20;

/// The frame of each row of a piece.
pub(super) fn bounds(
    frame: &BatchFrame,
    piece: &Piece<'_>,
    columns: &dyn Fn(usize) -> Result<ArrayRef, EngineError>,
) -> Result<Vec<Range<usize>>, EngineError> {
    let starts = edge(&frame.start, piece, true, columns)?;
    let ends = edge(&frame.end, piece, false, columns)?;
    Ok(starts.into_iter().zip(ends).map(|(start, end)| start..end.max(start)).collect())
}

/// The first row of each frame, or the row behind its last one.
fn edge(
    edge: &FrameEdge,
    piece: &Piece<'_>,
    is_start: bool,
    columns: &dyn Fn(usize) -> Result<ArrayRef, EngineError>,
) -> Result<Vec<usize>, EngineError> {
    let rows = 0..piece.rows.len();
    Ok(match edge {
        FrameEdge::Unbounded => rows.map(|row| if is_start { piece.part(row).start } else { piece.part(row).end }).collect(),
        FrameEdge::Peers => rows.map(|row| if is_start { piece.peers[row].start } else { piece.peers[row].end }).collect(),
        FrameEdge::Rows(distance) => rows
            .map(|row| {
                let (part, behind) = (piece.part(row), i64::from(!is_start));
                let at = (row as i64).saturating_add(*distance).saturating_add(behind);
                usize::try_from(at).unwrap_or(0).clamp(part.start, part.end)
            })
            .collect(),
        FrameEdge::Range { key, limit, descending, nulls_first } => {
            let (key, limit) = (columns(*key)?, columns(*limit)?);
            let failed = EngineError::arrow("finding the rows of a RANGE");
            let options = SortOptions { descending: *descending, nulls_first: *nulls_first };
            let converter = RowConverter::new(vec![SortField::new_with_options(key.data_type().clone(), options)]).map_err(&failed)?;
            let keys = converter.convert_columns(&[key]).map_err(&failed)?;
            let limits = converter.convert_columns(&[limit]).map_err(&failed)?;
            rows.map(|row| {
                let (part, limit) = (piece.part(row).range(), limits.row(row));
                let (mut low, mut high) = (part.start, part.end);
                while low < high {
                    let middle = low + (high - low) / 2;
                    let before = if is_start { keys.row(middle) < limit } else { keys.row(middle) <= limit };
                    if before { low = middle + 1 } else { high = middle }
                }
                low
            })
            .collect()
        }
    })
}

/// What the frames amount to, a value a row.
pub(super) fn add_up(set: &AggregateSet, inputs: &Inputs, piece: &Piece<'_>, frames: &[Range<usize>]) -> Result<ArrayRef, EngineError> {
    // An empty frame may lie anywhere; one that does not begin with its part would bring rows that it does not hold.
    let growing = (0..frames.len()).all(|row| frames[row].start == piece.part(row).start);
    let whole = (0..frames.len()).all(|row| frames[row] == piece.part(row).range());
    let monotonic = || frames.windows(2).enumerate().all(|(row, pair)| pair[0].end <= pair[1].end || piece.part(row + 1).start == row + 1);
    if growing && !whole && monotonic() { running(set, inputs, piece, frames) } else { apart(set, inputs, frames) }
}

/// Frames that only grow: in rounds, in each of which every part takes one step.
fn running(set: &AggregateSet, inputs: &Inputs, piece: &Piece<'_>, frames: &[Range<usize>]) -> Result<ArrayRef, EngineError> {
    let mut rounds: Vec<Vec<Step>> = Vec::new();
    for (group, part) in piece.parts.iter().enumerate() {
        let (mut row, mut added, mut round) = (part.start, part.start, 0);
        while row < part.end {
            let end = frames[row].end.max(added);
            let first = row;
            while row < part.end && frames[row].end.max(added) == end {
                row += 1;
            }
            if round == rounds.len() {
                rounds.push(Vec::new());
            }
            rounds[round].push(Step { group: group as u32, add: added..end, rows: first..row });
            (added, round) = (end, round + 1);
        }
    }
    let mut accumulators = set.accumulators()?;
    let mut scratch = Scratch::default();
    let mut places = vec![0u32; frames.len()];
    let (mut pieces, mut place) = (Vec::with_capacity(rounds.len()), 0u32);
    for steps in &rounds {
        let rows: Vec<u32> = steps.iter().flat_map(|step| step.add.clone()).map(|row| row as u32).collect();
        scratch.groups().clear();
        scratch.groups().extend(steps.iter().flat_map(|step| std::iter::repeat_n(step.group, step.add.len())));
        add_rows(&mut accumulators, piece.parts.len(), inputs, &rows, &mut scratch)?;
        let groups: Vec<u32> = steps.iter().map(|step| step.group).collect();
        for accumulator in &accumulators {
            pieces.push(accumulator.evaluate(&groups)?);
        }
        for step in steps {
            places[step.rows.clone()].fill(place);
            place += 1;
        }
    }
    placed(&pieces, &places)
}

/// A part's accumulator takes some rows more; then it has the result of some rows.
struct Step {
    group: u32,
    add: Range<usize>,
    rows: Range<usize>,
}

/// Frames of any kind: each is added up for itself.
fn apart(set: &AggregateSet, inputs: &Inputs, frames: &[Range<usize>]) -> Result<ArrayRef, EngineError> {
    let (mut pieces, mut places) = (Vec::new(), Vec::with_capacity(frames.len()));
    let (mut base, mut groups, mut rows) = (0u32, 0u32, Vec::new());
    let mut scratch = Scratch::default();
    scratch.groups().clear();
    let mut last: Option<&Range<usize>> = None;
    for frame in frames {
        if last != Some(frame) {
            if rows.len() >= FRAME_ROWS_MAX {
                pieces.push(sum(set, inputs, groups, &rows, &mut scratch)?);
                (base, groups) = (base + groups, 0);
                rows.clear();
                scratch.groups().clear();
            }
            rows.extend(frame.clone().map(|row| row as u32));
            scratch.groups().extend(std::iter::repeat_n(groups, frame.len()));
            groups += 1;
            last = Some(frame);
        }
        places.push(base + groups - 1);
    }
    pieces.push(sum(set, inputs, groups, &rows, &mut scratch)?);
    placed(&pieces, &places)
}

fn sum(set: &AggregateSet, inputs: &Inputs, groups: u32, rows: &[u32], scratch: &mut Scratch) -> Result<ArrayRef, EngineError> {
    let mut accumulators = set.accumulators()?;
    add_rows(&mut accumulators, groups as usize, inputs, rows, scratch)?;
    let all: Vec<u32> = (0..groups).collect();
    let accumulator = accumulators.first().ok_or_else(|| EngineError::plan("a call OVER a window without a function"))?;
    accumulator.evaluate(&all)
}

fn placed(pieces: &[ArrayRef], places: &[u32]) -> Result<ArrayRef, EngineError> {
    let failed = EngineError::arrow("putting results in order");
    let all = concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(&failed)?;
    take(&all, &UInt32Array::from(places.to_vec()), None).map_err(failed)
}
