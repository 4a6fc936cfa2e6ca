//! What conditions and measures read of a match, and what they make of it: for many matches at once, a column a read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, TimestampMillisecondArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::call_spec::AggregateCall;
use irmak_common::match_spec::{MatchExpr, MatchRead};
use irmak_common::operator_spec::WindowStyle;
use irmak_common::time::Millis;
use irmak_common::types::{Field as ColumnField, Schema};
use irmak_functions::{Environment, Evaluator, compile};

use super::buffer::Buffer;
use crate::accumulate::{Accumulator, AggregateSet};
use crate::error::EngineError;

/// A match, or what there is of it and a row that may become its next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The path.
    pub(super) node: u32,
    /// The row behind it, as this variable's.
    pub(super) next: Option<(usize, u32)>,
    /// `MATCH_ROWTIME()`
    pub(super) time: Millis,
}

/// An expression, ready to run.
pub(super) struct Reader {
    /// Which it is of the operator's, for messages.
    index: usize,
    reads: Vec<Read>,
    schema: SchemaRef,
    /// `None`: it is its only read as it is.
    evaluator: Option<Evaluator>,
}

enum Read {
    Row { variable: Option<usize>, from_first: bool, offset: usize, column: usize, ty: DataType },
    Aggregate(Box<Aggregate>),
    Rowtime(DataType),
    Proctime(DataType),
}

struct Aggregate {
    variable: Option<usize>,
    args: Vec<Evaluator>,
    schema: SchemaRef,
    set: AggregateSet,
}

impl Reader {
    pub(super) fn new(index: usize, expr: &MatchExpr, functions: &Environment) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Expression { index, source };
        let field = |(at, read): (usize, &MatchRead)| Field::new(format!("${at}"), read.ty().kind.to_arrow(), true);
        let schema = Arc::new(ArrowSchema::new(expr.reads.iter().enumerate().map(field).collect::<Vec<_>>()));
        let evaluator = match expr.expr.as_column() {
            Some(0) if expr.reads.len() == 1 => None,
            _ => Some(compile(&expr.expr, functions).map_err(failed)?),
        };
        let reads = expr.reads.iter().map(|read| Read::new(index, read, functions)).collect::<Result<_, _>>()?;
        Ok(Self { index, reads, schema, evaluator })
    }

    /// The expression's value for each of these.
    pub(super) fn values(&self, asked: &[Asked], buffer: &Buffer, now: Millis) -> Result<ArrayRef, EngineError> {
        let columns = self.reads.iter().map(|read| read.column(self.index, asked, buffer, now)).collect::<Result<Vec<_>, _>>()?;
        let Some(evaluator) = &self.evaluator else {
            return columns.into_iter().next().ok_or_else(|| EngineError::plan("an expression that reads nothing"));
        };
        let batch = self.batch(columns, asked.len())?;
        evaluator.evaluate(&batch, now).map_err(|source| EngineError::Evaluation { index: self.index, source })
    }

    /// Where a condition is TRUE.
    pub(super) fn holds(&self, asked: &[Asked], buffer: &Buffer, now: Millis) -> Result<BooleanArray, EngineError> {
        let Some(evaluator) = &self.evaluator else {
            let array = self.values(asked, buffer, now)?;
            let found = array.as_any().downcast_ref::<BooleanArray>().ok_or_else(|| EngineError::plan("a condition that is no BOOLEAN"))?;
            return Ok((0..found.len()).map(|row| Some(found.is_valid(row) && found.value(row))).collect());
        };
        let columns = self.reads.iter().map(|read| read.column(self.index, asked, buffer, now)).collect::<Result<Vec<_>, _>>()?;
        let batch = self.batch(columns, asked.len())?;
        evaluator.select(&batch, now).map_err(|source| EngineError::Evaluation { index: self.index, source })
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, EngineError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(EngineError::arrow("reading matches"))
    }
}

impl Read {
    fn new(index: usize, read: &MatchRead, functions: &Environment) -> Result<Self, EngineError> {
        Ok(match read {
            MatchRead::Field { variable, from_first, offset, column, ty } => Self::Row {
                variable: *variable,
                from_first: *from_first,
                offset: *offset as usize,
                column: *column,
                ty: ty.kind.to_arrow(),
            },
            MatchRead::Aggregate { variable, function, args, ty } => {
                let evaluators = args.iter().map(|arg| compile(arg, functions));
                let evaluators = evaluators.collect::<Result<_, _>>().map_err(|source| EngineError::Expression { index, source })?;
                let fields = args.iter().enumerate().map(|(at, arg)| ColumnField::new(format!("$arg{at}"), arg.ty.with_nullable(true)));
                let input = Schema::new(fields.collect());
                let call = AggregateCall {
                    function: function.clone(),
                    args: (0..args.len()).collect(),
                    arg_types: args.iter().map(|arg| arg.ty.clone()).collect(),
                    distinct: false,
                    filter: None,
                    ty: ty.clone(),
                    name: String::new(),
                };
                let set = AggregateSet::new(&[call], &input, WindowStyle::Group)?;
                Self::Aggregate(Box::new(Aggregate { variable: *variable, args: evaluators, schema: input.to_arrow(), set }))
            }
            MatchRead::Rowtime { ty } => Self::Rowtime(ty.kind.to_arrow()),
            MatchRead::Proctime { ty } => Self::Proctime(ty.kind.to_arrow()),
        })
    }

    fn column(&self, index: usize, asked: &[Asked], buffer: &Buffer, now: Millis) -> Result<ArrayRef, EngineError> {
        match self {
            Self::Row { variable, from_first, offset, column, ty } => {
                let find = |asked: &Asked| match from_first {
                    true => rows(asked, *variable, buffer).rev().nth(*offset),
                    false => from_last(asked, *variable, buffer).nth(*offset),
                };
                gather(&asked.iter().map(find).collect::<Vec<_>>(), *column, ty, buffer)
            }
            Self::Aggregate(aggregate) => aggregate.column(index, asked, buffer, now),
            Self::Rowtime(ty) => times(asked.iter().map(|asked| asked.time), ty),
            Self::Proctime(ty) => times(asked.iter().map(|_| now), ty),
        }
    }
}

/// The rows of a variable (`None`: of all) from the last to the first.
fn from_last<'a>(asked: &Asked, variable: Option<usize>, buffer: &'a Buffer) -> impl Iterator<Item = u32> + 'a {
    let is_meant = move |of: usize| variable.is_none_or(|wanted| wanted == of);
    let next = asked.next.filter(|(of, _)| is_meant(*of)).map(|(_, row)| row);
    let path = buffer.path(asked.node).filter(move |(_, node)| is_meant(node.variable as usize)).map(|(_, node)| node.row);
    next.into_iter().chain(path)
}

/// The same, to be read from either end.
fn rows(asked: &Asked, variable: Option<usize>, buffer: &Buffer) -> std::vec::IntoIter<u32> {
    from_last(asked, variable, buffer).collect::<Vec<_>>().into_iter()
}

/// A column of some rows; NULL where there is no row.
fn gather(rows: &[Option<u32>], column: usize, ty: &DataType, buffer: &Buffer) -> Result<ArrayRef, EngineError> {
    let numbers: Vec<u32> = rows.iter().flatten().copied().collect();
    if numbers.is_empty() {
        return Ok(new_null_array(ty, rows.len()));
    }
    let found = buffer.store.columns(&numbers, std::iter::once(column))?.pop();
    let found = found.ok_or_else(|| EngineError::plan(format!("column {column} of a row is not there")))?;
    if numbers.len() == rows.len() {
        return Ok(found);
    }
    let mut next = 0..;
    let places: UInt32Array = rows.iter().map(|row| row.and_then(|_| next.next())).collect();
    take(&found, &places, None).map_err(EngineError::arrow("reading matches"))
}

fn times(times: impl Iterator<Item = Millis>, ty: &DataType) -> Result<ArrayRef, EngineError> {
    let times = TimestampMillisecondArray::from_iter_values(times);
    match ty {
        DataType::Timestamp(TimeUnit::Millisecond, None) => Ok(Arc::new(times)),
        other => cast(&times, other).map_err(EngineError::arrow("reading the time of matches")),
    }
}

impl Aggregate {
    /// One group a match.
    fn column(&self, index: usize, asked: &[Asked], buffer: &Buffer, now: Millis) -> Result<ArrayRef, EngineError> {
        let (mut groups, mut numbers) = (Vec::new(), Vec::new());
        for (group, asked) in asked.iter().enumerate() {
            for row in rows(asked, self.variable, buffer).rev() {
                groups.push(group as u32);
                numbers.push(row);
            }
        }
        let mut accumulator = self.empty(asked.len())?;
        if !numbers.is_empty() {
            let args = self.arguments(index, &numbers, buffer, now)?;
            let all: Vec<u32> = (0..numbers.len() as u32).collect();
            accumulator.update(&groups, &all, self.set.inputs(&args)?.args(0))?;
        }
        accumulator.evaluate(&(0..asked.len() as u32).collect::<Vec<_>>())
    }

    fn empty(&self, groups: usize) -> Result<Box<dyn Accumulator>, EngineError> {
        let accumulator = self.set.accumulators()?.pop();
        let mut accumulator = accumulator.ok_or_else(|| EngineError::plan("an aggregate without function"))?;
        accumulator.resize(groups);
        Ok(accumulator)
    }

    fn arguments(&self, index: usize, numbers: &[u32], buffer: &Buffer, now: Millis) -> Result<RecordBatch, EngineError> {
        let batch = if self.args.is_empty() { None } else { Some(buffer.store.batch(numbers)?) };
        let evaluate = |arg: &Evaluator| match &batch {
            Some(batch) => arg.evaluate(batch, now).map_err(|source| EngineError::Evaluation { index, source }),
            None => Err(EngineError::plan("an aggregate without rows")),
        };
        let columns = self.args.iter().map(evaluate).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(EngineError::arrow("reading matches"))
    }
}
