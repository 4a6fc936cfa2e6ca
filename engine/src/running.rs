//! Running aggregates: the result is asked for before and after every row, and rows may be taken back.
//!
//! The sibling of [`crate::accumulate`], whose aggregates speak once, when a window ends. Results are appended to the aggregate's own
//! output column, two can be compared there, and the last ones be taken back: nothing is allocated per row for COUNT, SUM, AVG and
//! for MIN and MAX that only grow. Source of every rule: Flink 1.20's aggregate functions, those `WithRetract` for updating input.
//!
//! Knows nothing of keys.

mod adapter;
mod average;
mod count;
mod counted;
mod distinct;
mod fold;
mod list;
pub(crate) mod rows;
mod sorted;
mod text;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use irmak_common::call_spec::AggregateCall;
use irmak_common::operator_spec::WindowStyle;

use crate::accumulate::{accumulator, physical_type, unknown};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::snapshot::Reader;

/// One aggregate's state for groups `0..n`, and a column of results.
pub(crate) trait Running: Send {
    /// Makes it `groups` groups: new ones are empty.
    fn resize(&mut self, groups: usize);

    /// The arguments that the next rows are of, in their physical types.
    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError>;

    /// Adds a row of the arguments to a group, or takes it back.
    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError>;

    /// Appends the present result of a group to the output.
    fn push(&mut self, group: u32) -> Result<(), EngineError>;

    /// Whether two results of the output are equal.
    fn same(&self, a: usize, b: usize) -> bool;

    /// Takes back the last results of the output.
    fn pop(&mut self, results: usize);

    /// The output, of the call's type; begins anew.
    fn finish(&mut self) -> Result<ArrayRef, EngineError>;

    /// Makes one group empty.
    fn forget(&mut self, group: u32);

    /// Makes group `kept[i]` number `i`, for all of them, and forgets the others. `kept` ascends.
    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError>;

    /// Writes the state of a group.
    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError>;

    /// Reads it into an empty group.
    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError>;
}

/// The running form of a call. `retracts`: rows may be taken back.
///
/// # Errors
/// [`EngineError::Unsupported`] for functions that do not exist here.
pub(crate) fn running(call: &AggregateCall, retracts: bool) -> Result<Box<dyn Running>, EngineError> {
    // These are the same with and without.
    let distinct = call.distinct && !matches!(call.function.as_str(), "MIN" | "MAX");
    let approximate = call.function == "APPROX_COUNT_DISTINCT";
    if !distinct && !approximate {
        return plain(call, retracts);
    }
    let function = if approximate { "COUNT".to_owned() } else { call.function.clone() };
    let inner = plain(&AggregateCall { distinct: false, function, ..call.clone() }, retracts)?;
    distinct::distinct(&types(call), inner)
}

fn types(call: &AggregateCall) -> Vec<DataType> {
    call.arg_types.iter().map(|ty| physical_type(&ty.kind.to_arrow())).collect()
}

fn plain(call: &AggregateCall, retracts: bool) -> Result<Box<dyn Running>, EngineError> {
    let (types, output) = (types(call), call.ty.kind.to_arrow());
    let Some(input) = types.first() else {
        return if call.function == "COUNT" { Ok(count::count()) } else { Err(unknown(call)) };
    };
    let found = match (call.function.as_str(), retracts) {
        ("COUNT", _) => Some(count::count()),
        ("SUM", _) => fold::sum(input, &output, None),
        ("$SUM0" | "SUM0", _) => fold::sum(input, &output, Some(())),
        ("AVG", _) => average::average(input, &output),
        (name @ ("MIN" | "MAX" | "FIRST_VALUE" | "LAST_VALUE"), false) => {
            text::text(name, input, &output).or_else(|| fold::kept(name, input, &output))
        }
        ("MIN", true) => Some(sorted::sorted(input, &output, sorted::End::Least)?),
        ("MAX", true) => Some(sorted::sorted(input, &output, sorted::End::Greatest)?),
        ("FIRST_VALUE", true) => Some(list::list(&types, &output, list::Result::First)?),
        ("LAST_VALUE", true) => Some(list::list(&types, &output, list::Result::Last)?),
        (_, false) => Some(adapter::adapter(accumulator(call, WindowStyle::Group)?)?),
        (_, true) => {
            // Refused here rather than with the first row.
            accumulator(call, WindowStyle::Group)?;
            Some(list::list(&types, &output, list::Result::Of(Box::new(call.clone())))?)
        }
    };
    found.ok_or_else(|| unknown(call))
}

/// Items `kept[i]` at place `i`.
fn keep<T: Default>(items: &mut Vec<T>, kept: &[u32]) {
    for (to, &from) in kept.iter().enumerate() {
        let item = std::mem::take(&mut items[from as usize]);
        items[to] = item;
    }
    items.truncate(kept.len());
}
