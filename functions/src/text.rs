//! Functions of texts.
//!
//! Lengths and positions count code points, except where Flink's Java code counts UTF-16 units (LPAD, RPAD, OVERLAY); a unit cut
//! off its pair is written as `?` there.

mod case;
mod classify;
mod pad;
mod search;
mod slice;
mod split;

use crate::function::Function;

pub(crate) const FUNCTIONS: &[&[Function]] =
    &[case::FUNCTIONS, classify::FUNCTIONS, pad::FUNCTIONS, search::FUNCTIONS, slice::FUNCTIONS, split::FUNCTIONS];

/// The text of UTF-16 units, `?` for half a pair, as Java's encoder writes it.
pub(crate) fn push_utf16(out: &mut String, units: impl IntoIterator<Item = u16>) {
    out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or('?')));
}
