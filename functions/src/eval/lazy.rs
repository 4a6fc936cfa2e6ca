//! AND, OR and CASE: what need not be computed is not, where computing it might fail.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::{and_kleene, interleave, not, or_kleene};

use super::node::{Node, Rows};
use crate::column::{Column, arrow_error, internal};
use crate::error::EvalError;

/// Three-valued AND: a row whose answer is FALSE asks no further operand that might fail.
pub(super) fn and(args: &[Node], rows: &Rows<'_>) -> Result<Column, EvalError> {
    connect(args, rows, |answer| !answer, and_kleene)
}

/// Three-valued OR: a row whose answer is TRUE asks no further operand that might fail.
pub(super) fn or(args: &[Node], rows: &Rows<'_>) -> Result<Column, EvalError> {
    connect(args, rows, |answer| answer, or_kleene)
}

type Connect = fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, arrow::error::ArrowError>;

fn connect(args: &[Node], rows: &Rows<'_>, decides: fn(bool) -> bool, combine: Connect) -> Result<Column, EvalError> {
    let mut answer: Option<BooleanArray> = None;
    for arg in args {
        let next = match &answer {
            None => truth(arg.evaluate(rows)?.into_rows(rows.len)?)?,
            Some(_) if arg.is_total() => truth(arg.evaluate(rows)?.into_rows(rows.len)?)?,
            Some(answer) => {
                let open = BooleanArray::from_iter((0..rows.len).map(|row| Some(answer.is_null(row) || !decides(answer.value(row)))));
                if open.true_count() == 0 {
                    break;
                }
                let narrow = rows.filtered(&open, arg)?;
                let found = truth(arg.evaluate(&narrow)?.into_rows(narrow.len)?)?;
                spread(&found, &open)
            }
        };
        answer = Some(match answer {
            None => next,
            Some(answer) => combine(&answer, &next).map_err(arrow_error)?,
        });
    }
    answer.map(|answer| Column::Rows(std::sync::Arc::new(answer) as ArrayRef)).ok_or_else(|| internal("AND or OR without operands"))
}

fn truth(array: ArrayRef) -> Result<BooleanArray, EvalError> {
    array
        .as_boolean_opt()
        .cloned()
        .ok_or_else(|| internal(format!("operand of Arrow type {} where BOOLEAN was planned", array.data_type())))
}

/// The found values at the rows of the mask, NULL elsewhere.
fn spread(found: &BooleanArray, mask: &BooleanArray) -> BooleanArray {
    let mut next = 0..found.len();
    let pick = |chosen: bool| chosen.then(|| next.next()).flatten().filter(|at| found.is_valid(*at)).map(|at| found.value(at));
    mask.values().iter().map(pick).collect()
}

/// The value of the first branch whose condition is TRUE.
pub(super) fn case(branches: &[(Node, Node)], otherwise: &Node, rows: &Rows<'_>) -> Result<Column, EvalError> {
    let mut values: Vec<ArrayRef> = Vec::with_capacity(branches.len() + 1);
    // For each row: which array holds its value, and where in it.
    let mut sources = vec![(usize::MAX, 0); rows.len];
    let mut open = BooleanArray::new(arrow::buffer::BooleanBuffer::new_set(rows.len), None);
    for (when, then) in branches {
        if open.true_count() == 0 {
            break;
        }
        let condition = lazily(when, rows, &open)?;
        let taken = BooleanArray::from_iter((0..rows.len).map(|row| {
            let at = condition.place(row);
            let truth = condition.array.as_boolean();
            Some(open.value(row) && truth.is_valid(at) && truth.value(at))
        }));
        if taken.true_count() > 0 {
            take_values(then, rows, &taken, &mut values, &mut sources)?;
            open = arrow::compute::and(&open, &not(&taken).map_err(arrow_error)?).map_err(arrow_error)?;
        }
    }
    if open.true_count() > 0 || rows.len == 0 {
        take_values(otherwise, rows, &open, &mut values, &mut sources)?;
    }
    if values.len() == 1 && values[0].len() == rows.len && sources.iter().enumerate().all(|(row, source)| *source == (0, row)) {
        return Ok(Column::Rows(values.swap_remove(0)));
    }
    let arrays: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
    Ok(Column::Rows(interleave(&arrays, &sources).map_err(arrow_error)?))
}

fn take_values(
    node: &Node,
    rows: &Rows<'_>,
    mask: &BooleanArray,
    values: &mut Vec<ArrayRef>,
    sources: &mut [(usize, usize)],
) -> Result<(), EvalError> {
    let found = lazily(node, rows, mask)?;
    for row in mask.values().set_indices() {
        sources[row] = (values.len(), found.place(row));
    }
    values.push(found.array);
    Ok(())
}

/// Values for the rows of a mask, computed for all rows where that can do no harm.
struct Found {
    array: ArrayRef,
    places: Places,
}

enum Places {
    Same,
    First,
    Listed(UInt32Array),
}

impl Found {
    fn place(&self, row: usize) -> usize {
        match &self.places {
            Places::Same => row,
            Places::First => 0,
            Places::Listed(places) => places.value(row) as usize,
        }
    }
}

fn lazily(node: &Node, rows: &Rows<'_>, mask: &BooleanArray) -> Result<Found, EvalError> {
    if node.is_total() || mask.true_count() == rows.len {
        return Ok(match node.evaluate(rows)? {
            Column::Rows(array) => Found { array, places: Places::Same },
            Column::Constant(array) => Found { array, places: Places::First },
        });
    }
    let narrow = rows.filtered(mask, node)?;
    let array = node.evaluate(&narrow)?.into_rows(narrow.len)?;
    let mut next = 0..;
    let places = mask.values().iter().map(|chosen| if chosen { next.next().unwrap_or(0) } else { 0 }).collect::<Vec<u32>>();
    // A row outside the mask looks at the first value, which a mask with any row has.
    Ok(Found { array, places: Places::Listed(UInt32Array::from(places)) })
}
