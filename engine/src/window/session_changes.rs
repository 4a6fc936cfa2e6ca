//! The SESSION aggregate over a stream that updates: a session keeps what its rows said, and is aggregated when it is over.
//!
//! Sessions meet and become one, which accumulators that take values back cannot, so the values are kept and not their aggregate: the lists
//! are aggregates of [`SessionAggregate`], with what each row does behind them, and so is the state. A row that is taken back makes
//! sessions grow like any other; a session that has no rows left when it is over says nothing. Results are said once and only inserted.
//!
//! Source of the meaning: Flink's `UnsliceWindowAggProcessor` and `AggregateWindowOperator` with a record counter.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int8Array, Int64Array, ListArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field as ArrowField, Int8Type, Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::call_spec::AggregateCall;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::operator_spec::WindowAggregateSpec;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};

use super::session::SessionAggregate;
use crate::accumulate::{AggregateSet, mismatch};
use crate::changelog::{Change, RowKinds};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::group_aggregate::groups::Groups;
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::running::running;

/// What a row does, as a value beside its others.
const ADDS: i8 = 0;
const RETRACTS: i8 = 1;

pub(crate) struct SessionChanges {
    sessions: SessionAggregate,
    /// Columns of the input, the kinds not counted.
    width: usize,
    /// How many keys lead a session's row; behind them are the lists, the last of which is of what the rows did.
    keys: usize,
    lists: usize,
    /// The rows of sessions: the session's number, and the columns that were listed.
    rows: SchemaRef,
    numbers: KeyEncoder,
    /// The aggregates over them.
    calls: Vec<AggregateCall>,
    inputs: AggregateSet,
    schema: SchemaRef,
}

impl SessionChanges {
    pub(crate) fn new(spec: &WindowAggregateSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let mut columns: Vec<usize> = spec.aggregates.iter().flat_map(|call| call.args.iter().chain(&call.filter)).copied().collect();
        columns.sort_unstable();
        columns.dedup();
        let types = columns.iter().map(|column| {
            let field = input.fields.get(*column).map(|field| field.ty.clone());
            field.ok_or_else(|| EngineError::plan(format!("an aggregate reads column {column} of {}", input.len())))
        });
        let types = types.collect::<Result<Vec<_>, _>>()?;
        let keys = spec.keys.len();
        let properties =
            output.fields.get(keys + spec.aggregates.len()..).ok_or_else(|| EngineError::plan("a window without its columns"))?;

        let kind = TypeKind::TinyInt.not_null();
        let mut widened = input.clone();
        widened.fields.push(Field::new("$kind", kind.clone()));
        let mut lists: Vec<AggregateCall> = columns.iter().zip(&types).map(|(column, ty)| list_of(*column, ty)).collect();
        lists.push(list_of(input.len(), &kind));
        let listed = lists.iter().map(|call| Field::new(&call.name, call.ty.clone()));
        let between = output.fields[..keys].iter().cloned().chain(listed).chain(properties.iter().cloned()).collect();
        let kept = WindowAggregateSpec { aggregates: lists, retracts: false, ..spec.clone() };

        let values = columns.iter().zip(&types).map(|(column, ty)| Field::new(format!("$v{column}"), ty.with_nullable(true)));
        let rows = Schema::new(std::iter::once(Field::new("$session", TypeKind::BigInt.not_null())).chain(values).collect());
        let place = |column: usize| columns.binary_search(&column).map_or(0, |at| at + 1);
        let moved = |call: &AggregateCall| AggregateCall {
            args: call.args.iter().map(|column| place(*column)).collect(),
            filter: call.filter.map(place),
            ..call.clone()
        };
        let calls: Vec<AggregateCall> = spec.aggregates.iter().map(moved).collect();
        let operator = Self {
            sessions: SessionAggregate::new(&kept, &widened, &Schema::new(between), env)?,
            width: input.len(),
            keys,
            lists: kept.aggregates.len(),
            numbers: KeyEncoder::new(&rows, &[0])?,
            inputs: AggregateSet::columns(&calls, &rows, spec.window.style)?,
            rows: rows.to_arrow(),
            calls,
            schema: output.to_arrow(),
        };
        // Refused here rather than with the first session.
        operator.groups()?;
        Ok(operator)
    }

    fn groups(&self) -> Result<Groups, EngineError> {
        let aggregates = self.calls.iter().map(|call| running(call, true)).collect::<Result<Vec<_>, _>>()?;
        Ok(Groups::new(aggregates, 0, false))
    }

    /// Sessions that are over, aggregated.
    fn told(&mut self, elements: Vec<Element>, out: &mut Vec<Element>) -> Result<(), EngineError> {
        for element in elements {
            match element {
                Element::Batch(sessions) => out.extend(self.aggregated(&sessions)?.map(Element::Batch)),
                other => out.push(other),
            }
        }
        Ok(())
    }

    fn aggregated(&mut self, sessions: &RecordBatch) -> Result<Option<RecordBatch>, EngineError> {
        let failed = EngineError::arrow("building session results");
        let Lists { rows, kinds } = self.rows_of(sessions)?;
        self.numbers.encode(&rows)?;
        let inputs = self.inputs.inputs(&rows)?;
        let mut groups = self.groups()?;
        groups.bind(&inputs)?;
        let numbers = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>().clone();
        let mut found: Vec<Option<u32>> = vec![None; sessions.num_rows()];
        for row in 0..rows.num_rows() {
            let change = if kinds.value(row) == RETRACTS { Change::Retract } else { Change::Add };
            let Some((group, _)) = groups.of_row(&self.numbers, row, change, 0) else { continue };
            groups.apply(group, row, change, &inputs, true)?;
            let empty = groups.is_empty(group);
            if empty {
                groups.forget(group);
            }
            found[numbers.value(row) as usize] = (!empty).then_some(group);
        }
        let left: Vec<(u32, u32)> = found.iter().enumerate().filter_map(|(at, group)| group.map(|group| (at as u32, group))).collect();
        if left.is_empty() {
            return Ok(None);
        }
        left.iter().try_for_each(|(_, group)| groups.push(*group))?;
        let indices = UInt32Array::from_iter_values(left.iter().map(|(at, _)| *at));
        let of = |columns: &[ArrayRef]| columns.iter().map(|column| take(column, &indices, None)).collect::<Result<Vec<_>, _>>();
        let mut columns = of(&sessions.columns()[..self.keys]).map_err(&failed)?;
        columns.extend(groups.finish()?);
        columns.extend(of(&sessions.columns()[self.keys + self.lists..]).map_err(&failed)?);
        let options = RecordBatchOptions::new().with_row_count(Some(left.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map(Some).map_err(failed)
    }

    /// The rows of sessions, one session after the other.
    fn rows_of(&self, sessions: &RecordBatch) -> Result<Lists, EngineError> {
        let columns = &sessions.columns()[self.keys..self.keys + self.lists];
        let list = |at: usize| -> Result<&ListArray, EngineError> {
            columns[at].as_list_opt::<i32>().ok_or_else(|| mismatch(columns, at, &DataType::Null))
        };
        let values = |list: &ListArray| {
            let (from, to) = (list.value_offsets()[0] as usize, list.value_offsets()[list.len()] as usize);
            list.values().slice(from, to - from)
        };
        let last = list(self.lists - 1)?;
        let kinds =
            values(last).as_primitive_opt::<Int8Type>().cloned().ok_or_else(|| mismatch(columns, self.lists - 1, &DataType::Int8))?;
        let sizes = last.value_offsets().windows(2).map(|bounds| (bounds[1] - bounds[0]) as usize);
        let numbers = sizes.enumerate().flat_map(|(at, size)| std::iter::repeat_n(at as i64, size));
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(numbers))];
        for at in 0..self.lists - 1 {
            arrays.push(values(list(at)?));
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.rows), arrays).map_err(EngineError::arrow("reading a session's rows"))?;
        Ok(Lists { rows, kinds })
    }
}

/// Rows of sessions, and what each of them did.
struct Lists {
    rows: RecordBatch,
    kinds: Int8Array,
}

/// All values of a column, in order of arrival.
fn list_of(column: usize, ty: &LogicalType) -> AggregateCall {
    AggregateCall {
        function: "ARRAY_AGG".into(),
        args: vec![column],
        arg_types: vec![ty.clone()],
        distinct: false,
        filter: None,
        ty: TypeKind::Array(Box::new(ty.with_nullable(true))).nullable(),
        name: format!("$l{column}"),
    }
}

impl Operator for SessionChanges {
    fn on_batch(&mut self, context: &OperatorContext, input: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let kinds = RowKinds::of(&batch);
        let told = (0..batch.num_rows()).map(|row| if kinds.change(row) == Change::Retract { RETRACTS } else { ADDS });
        let told: ArrayRef = Arc::new(Int8Array::from_iter_values(told));
        let columns = batch.columns().iter().take(self.width).cloned().chain([told]).collect();
        let kind = Arc::new(ArrowField::new("$kind", DataType::Int8, false));
        let fields: Vec<_> = batch.schema_ref().fields().iter().take(self.width).cloned().chain([kind]).collect();
        let widened = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns);
        let widened = widened.map_err(EngineError::arrow("telling what a session's rows do"))?;
        self.sessions.on_batch(context, input, widened, out)
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut over = Vec::new();
        self.sessions.on_watermark(context, watermark, &mut over)?;
        self.told(over, out)
    }

    fn next_timer(&self) -> Option<Millis> {
        self.sessions.next_timer()
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut over = Vec::new();
        self.sessions.on_timer(context, &mut over)?;
        self.told(over, out)
    }

    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut over = Vec::new();
        self.sessions.on_end(context, &mut over)?;
        self.told(over, out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        self.sessions.snapshot()
    }

    fn metrics(&self) -> OperatorMetrics {
        self.sessions.metrics()
    }
}
