//! Runs operators as tasks would: rows to the subtask that owns their key, watermarks to all, state rescaled on the way.
//!
//! The input has the columns of [`input`]; results are lines of text, so that a table of expectations can be read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, StringArray, TimestampMillisecondArray, UInt8Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field as ArrowField, Int64Type, Schema as ArrowSchema};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use irmak_common::call_spec::AggregateCall;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, ROW_KIND_COLUMN, RowKind};
use irmak_common::job_graph::OperatorNode;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::operator_spec::{OperatorSpec, WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::{Field, LogicalType, Schema, TimeAttribute, TypeKind};
use irmak_engine::key::KeyEncoder;
use irmak_engine::operator::{Operator, OperatorContext, OperatorMetrics};
use irmak_engine::{EngineError, OperatorEnvironment, build};

pub(crate) const KEY: usize = 0;
pub(crate) const NUMBER: usize = 1;
pub(crate) const TIME: usize = 4;
pub(crate) const MARK: usize = 5;

/// One row of the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: Option<String>,
    pub(crate) number: Option<i32>,
    pub(crate) text: Option<String>,
    pub(crate) double: Option<f64>,
    pub(crate) time: Option<Millis>,
    /// What the watermark expression gives.
    pub(crate) mark: Option<Millis>,
}

/// A row with key, number and time.
pub(crate) fn row(key: &str, number: i32, time: Millis) -> Row {
    Row { key: Some(key.into()), number: Some(number), time: Some(time), mark: Some(time), ..Row::default() }
}

/// `k STRING, v INT, s STRING, d DOUBLE, ts TIMESTAMP(3) *ROWTIME*, mark TIMESTAMP(3)`
pub(crate) fn input() -> Schema {
    let rowtime = TypeKind::Timestamp { precision: 3, attribute: TimeAttribute::Rowtime };
    Schema::new(vec![
        Field::new("k", TypeKind::STRING.nullable()),
        Field::new("v", TypeKind::Int.nullable()),
        Field::new("s", TypeKind::STRING.nullable()),
        Field::new("d", TypeKind::Double.nullable()),
        Field::new("ts", rowtime.nullable()),
        Field::new("mark", TypeKind::timestamp(3).nullable()),
    ])
}

pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.key.clone()))),
        Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.number))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.text.clone()))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.double))),
        Arc::new(TimestampMillisecondArray::from_iter(rows.iter().map(|row| row.time))),
        Arc::new(TimestampMillisecondArray::from_iter(rows.iter().map(|row| row.mark))),
    ];
    RecordBatch::try_new(input().to_arrow(), columns).unwrap()
}

/// An aggregate over a column of the input, of this result type.
pub(crate) fn call(function: &str, column: Option<usize>, kind: TypeKind) -> AggregateCall {
    let schema = input();
    AggregateCall {
        function: function.into(),
        args: column.into_iter().collect(),
        arg_types: column.map(|column| schema.fields[column].ty.clone()).into_iter().collect(),
        distinct: false,
        filter: None,
        ty: kind.nullable(),
        name: function.to_lowercase(),
    }
}

/// COUNT(*), SUM(v), MIN(v), MAX(v), AVG(v)
pub(crate) fn usual_calls() -> Vec<AggregateCall> {
    let over_number = |function| call(function, Some(NUMBER), TypeKind::Int);
    vec![call("COUNT", None, TypeKind::BigInt), over_number("SUM"), over_number("MIN"), over_number("MAX"), over_number("AVG")]
}

/// An event-time window aggregate by key, with window start and end.
pub(crate) fn window(kind: WindowKind, style: WindowStyle, aggregates: Vec<AggregateCall>) -> WindowAggregateSpec {
    WindowAggregateSpec {
        window: WindowSpec { kind, time: Some(TIME), zone: None, style },
        keys: vec![KEY],
        aggregates,
        properties: vec![WindowProperty::Start, WindowProperty::End],
        allowed_lateness_ms: 0,
        retracts: false,
    }
}

/// The node of a window aggregate over [`input`].
pub(crate) fn window_node(spec: WindowAggregateSpec) -> OperatorNode {
    let schema = input();
    let mut fields: Vec<Field> = spec.keys.iter().map(|&key| schema.fields[key].clone()).collect();
    fields.extend(spec.aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
    fields.extend(spec.properties.iter().map(|property| Field::new(format!("{property:?}"), property_type(*property))));
    node(OperatorSpec::WindowAggregate(spec), Schema::new(fields))
}

fn property_type(property: WindowProperty) -> LogicalType {
    match property {
        WindowProperty::Proctime => TypeKind::timestamp_ltz(3).not_null(),
        _ => TypeKind::timestamp(3).not_null(),
    }
}

pub(crate) fn node(spec: OperatorSpec, output: Schema) -> OperatorNode {
    OperatorNode { id: 1, name: "under test".into(), description: String::new(), spec, output }
}

/// An operator at some parallelism.
pub(crate) struct Cluster {
    node: OperatorNode,
    subtasks: Vec<Box<dyn Operator>>,
    keys: KeyEncoder,
    pub(crate) now: Millis,
    pub(crate) split: Option<u32>,
}

impl Cluster {
    /// A fresh start; rows go by their key.
    pub(crate) fn new(node: OperatorNode, parallelism: u32) -> Result<Self, EngineError> {
        let keys = match &node.spec {
            OperatorSpec::WindowAggregate(spec) => match spec.window.kind {
                WindowKind::Attached { start, end } if spec.keys.is_empty() => vec![start, end],
                _ => spec.keys.clone(),
            },
            OperatorSpec::Over(spec) => spec.partition_by.clone(),
            OperatorSpec::WindowRank(spec) => spec.hash_columns(),
            // By the clock, windows are columns that come to be in the operator.
            OperatorSpec::GroupAggregate(spec) => spec.keys.iter().copied().filter(|key| *key < input().len()).collect(),
            OperatorSpec::Match(spec) => spec.partition_by.clone(),
            _ => Vec::new(),
        };
        let subtasks = start(&node, parallelism, &[])?;
        Ok(Self { node, subtasks, keys: KeyEncoder::new(&input(), &keys)?, now: 0, split: None })
    }

    /// Takes a snapshot and starts anew from it, at another parallelism.
    pub(crate) fn rescale(&mut self, parallelism: u32) -> Result<Vec<OperatorSnapshot>, EngineError> {
        let snapshots = self.subtasks.iter_mut().map(|subtask| subtask.snapshot()).collect::<Result<Vec<_>, _>>()?;
        self.subtasks = start(&self.node, parallelism, &snapshots)?;
        Ok(snapshots)
    }

    fn context(&self) -> OperatorContext {
        OperatorContext { now: self.now, split: self.split }
    }

    /// Rows, as one batch a subtask.
    pub(crate) fn rows(&mut self, rows: &[Row]) -> Result<Vec<Element>, EngineError> {
        let mut hashes = Vec::new();
        self.keys.hashes(&batch(rows), &mut hashes)?;
        let parallelism = self.subtasks.len() as u32;
        let max = MaxParallelism::default();
        let mut out = Vec::new();
        for index in 0..parallelism {
            let owned = rows.iter().zip(&hashes).filter(|(_, hash)| KeyGroup::of_hash(**hash, max).owner(parallelism, max) == index);
            let owned: Vec<Row> = owned.map(|(row, _)| row.clone()).collect();
            if !owned.is_empty() {
                let context = self.context();
                self.subtasks[index as usize].on_batch(&context, 0, batch(&owned), &mut out)?;
            }
        }
        Ok(out)
    }

    /// Rows with their kinds, one batch a subtask.
    pub(crate) fn changes(&mut self, changes: &[(RowKind, Row)]) -> Result<Vec<Element>, EngineError> {
        let rows: Vec<Row> = changes.iter().map(|(_, row)| row.clone()).collect();
        let mut hashes = Vec::new();
        self.keys.hashes(&batch(&rows), &mut hashes)?;
        let (parallelism, max) = (self.subtasks.len() as u32, MaxParallelism::default());
        let mut out = Vec::new();
        for index in 0..parallelism {
            let owned = changes.iter().zip(&hashes).filter(|(_, hash)| KeyGroup::of_hash(**hash, max).owner(parallelism, max) == index);
            let (kinds, owned): (Vec<u8>, Vec<Row>) = owned.map(|((kind, row), _)| (*kind as u8, row.clone())).unzip();
            if owned.is_empty() {
                continue;
            }
            let plain = batch(&owned);
            let kind = Arc::new(ArrowField::new(ROW_KIND_COLUMN, DataType::UInt8, false));
            let fields: Vec<_> = plain.schema_ref().fields().iter().cloned().chain([kind]).collect();
            let kinds: ArrayRef = Arc::new(UInt8Array::from(kinds));
            let columns = plain.columns().iter().cloned().chain([kinds]).collect();
            let changed = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).unwrap();
            let context = self.context();
            self.subtasks[index as usize].on_batch(&context, 0, changed, &mut out)?;
        }
        Ok(out)
    }

    /// One call of every subtask.
    pub(crate) fn each(
        &mut self,
        mut call: impl FnMut(&mut dyn Operator, &OperatorContext, &mut Vec<Element>) -> Result<(), EngineError>,
    ) -> Result<Vec<Element>, EngineError> {
        let (context, mut out) = (self.context(), Vec::new());
        for subtask in &mut self.subtasks {
            call(subtask.as_mut(), &context, &mut out)?;
        }
        Ok(out)
    }

    pub(crate) fn watermark(&mut self, watermark: Millis) -> Result<Vec<Element>, EngineError> {
        self.each(|subtask, context, out| subtask.on_watermark(context, Watermark(watermark), out))
    }

    /// Sets the clock and runs the timers that are due.
    pub(crate) fn clock(&mut self, now: Millis) -> Result<Vec<Element>, EngineError> {
        self.now = now;
        self.each(|subtask, context, out| {
            for _ in 0..100 {
                if subtask.next_timer().is_none_or(|timer| timer > now) {
                    return Ok(());
                }
                subtask.on_timer(context, out)?;
            }
            panic!("a timer that is always due");
        })
    }

    pub(crate) fn metrics(&self) -> Vec<OperatorMetrics> {
        self.subtasks.iter().map(|subtask| subtask.metrics()).collect()
    }

    pub(crate) fn late(&self) -> u64 {
        self.metrics().iter().map(|metrics| metrics.late_records).sum()
    }
}

fn start(node: &OperatorNode, parallelism: u32, restored: &[OperatorSnapshot]) -> Result<Vec<Box<dyn Operator>>, EngineError> {
    let environment =
        |subtask_index| OperatorEnvironment { subtask_index, parallelism, restored: restored.to_vec(), ..OperatorEnvironment::default() };
    (0..parallelism).map(|index| build(node, &[input()], &environment(index))).collect()
}

/// What a script does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Rows(Vec<Row>),
    Watermark(Millis),
    Clock(Millis),
    Rescale(u32),
    End,
}

/// Runs a script at parallelism 1 (until it rescales) and compares the lines that come out.
#[track_caller]
pub(crate) fn check(node: OperatorNode, script: &[Step], expected: &[&str]) {
    let mut cluster = Cluster::new(node, 1).unwrap();
    let mut lines = Vec::new();
    for step in script {
        let out = match step {
            Step::Rows(rows) => cluster.rows(rows).unwrap(),
            Step::Watermark(watermark) => cluster.watermark(*watermark).unwrap(),
            Step::Clock(now) => cluster.clock(*now).unwrap(),
            Step::Rescale(parallelism) => cluster.rescale(*parallelism).map(|_| Vec::new()).unwrap(),
            Step::End => cluster.each(|subtask, context, out| subtask.on_end(context, out)).unwrap(),
        };
        lines.extend(render(&out));
    }
    assert_eq!(lines, expected);
}

/// Elements as text: a line a row (cells separated by spaces, times as milliseconds, `-` for NULL), `--- 7` for a watermark.
pub(crate) fn render(elements: &[Element]) -> Vec<String> {
    let mut lines = Vec::new();
    for element in elements {
        match element {
            Element::Batch(batch) => lines.extend(lines_of(batch)),
            Element::Watermark(Watermark::MAX) => lines.push("--- end of time".into()),
            Element::Watermark(watermark) => lines.push(format!("--- {}", watermark.0)),
            Element::Idle => lines.push("--- idle".into()),
            other => lines.push(format!("{other:?}")),
        }
    }
    lines
}

pub(crate) fn lines_of(batch: &RecordBatch) -> Vec<String> {
    let columns: Vec<Vec<String>> = batch.columns().iter().map(cells).collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect::<Vec<_>>().join(" ")).collect()
}

fn cells(column: &ArrayRef) -> Vec<String> {
    if let DataType::Timestamp(..) = column.data_type() {
        let times = cast(column, &DataType::Int64).unwrap();
        let times = times.as_primitive::<Int64Type>();
        return (0..times.len()).map(|row| if times.is_null(row) { "-".into() } else { times.value(row).to_string() }).collect();
    }
    if let Some(maps) = column.as_map_opt() {
        let (keys, values) = (cells(irmak_common::map::keys(maps)), cells(maps.values()));
        let entries = |row: usize| maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize;
        let shown = |row: usize| entries(row).map(|at| format!("{}: {}", keys[at], values[at])).collect::<Vec<_>>().join(", ");
        return (0..maps.len()).map(|row| format!("{{{}}}", shown(row))).collect();
    }
    let options = FormatOptions::default().with_null("-");
    let formatter = ArrayFormatter::try_new(column, &options).unwrap();
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}
