//! A job for tests: constant rows, an event-time window by key, and a collect sink, over any number of TaskManagers; and the
//! expectation, computed without the engine.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::ipc::reader::StreamReader;
use irmak_common::call_spec::AggregateCall;
use irmak_common::expr::{Expr, Value};
use irmak_common::id::{AttemptId, JobId, SubtaskId, VertexId};
use irmak_common::job_graph::{JobOptions, OperatorNode, Partitioning, RestartStrategy};
use irmak_common::key_group::MaxParallelism;
use irmak_common::operator_spec::{OperatorSpec, WatermarkSpec, WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::task::{Consumer, InputChannel, OutputGate, TaskDescriptor, TaskRestore};
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};

use super::jobmanager::Cluster;

/// (key, event time in milliseconds)
pub(crate) type Row = (i64, i64);

/// A vertex to be laid out: its chain, and how its rows reach the next one.
struct Layer {
    vertex: VertexId,
    name: &'static str,
    parallelism: u32,
    chain: Vec<OperatorNode>,
    to_next: Option<Partitioning>,
}

/// What a test chooses of its job.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) rows: Vec<Row>,
    /// Subtasks of the window vertex.
    pub(crate) parallelism: u32,
    pub(crate) window_ms: i64,
    pub(crate) attempt: u32,
    pub(crate) restore: BTreeMap<VertexId, TaskRestore>,
    pub(crate) checkpoint_dir: String,
}

impl Job {
    pub(crate) fn new(rows: Vec<Row>, parallelism: u32) -> Self {
        Self {
            rows,
            parallelism,
            window_ms: 1_000,
            attempt: 0,
            restore: BTreeMap::new(),
            checkpoint_dir: "file:///tmp/irmak-unused".to_owned(),
        }
    }

    /// Every subtask's descriptor; `place` says which TaskManager (by address) each runs on.
    pub(crate) fn descriptors(&self, place: impl Fn(&str, u32) -> String) -> Vec<TaskDescriptor> {
        let layers = self.layers();
        let mut tasks = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            for index in 0..layer.parallelism {
                let before = at.checked_sub(1).map(|before| &layers[before]);
                let next = layers.get(at + 1);
                tasks.push(self.descriptor(layer, index, before, next, &place));
            }
        }
        tasks
    }

    fn descriptor(
        &self,
        layer: &Layer,
        index: u32,
        before: Option<&Layer>,
        next: Option<&Layer>,
        place: &impl Fn(&str, u32) -> String,
    ) -> TaskDescriptor {
        let id = |layer: &Layer, index| SubtaskId { vertex: layer.vertex, index };
        let inputs = before
            .into_iter()
            .flat_map(|before| (0..before.parallelism).map(|producer| InputChannel { producer: id(before, producer), gate: 0, input: 0 }));
        let outputs = next.into_iter().map(|next| OutputGate {
            target: next.vertex,
            partitioning: layer.to_next.clone().unwrap(),
            consumers: (0..next.parallelism)
                .map(|consumer| Consumer { subtask: id(next, consumer), address: place(next.name, consumer) })
                .collect(),
        });
        TaskDescriptor {
            attempt: AttemptId { job: JobId::of_text("job"), subtask: id(layer, index), attempt: self.attempt },
            job_name: "job".to_owned(),
            vertex_name: layer.name.to_owned(),
            parallelism: layer.parallelism,
            max_parallelism: MaxParallelism::default(),
            slot: index,
            chain: layer.chain.clone(),
            inputs: inputs.collect(),
            input_schemas: before.map(|before| before.chain.last().unwrap().output.clone()).into_iter().collect(),
            outputs: outputs.collect(),
            options: JobOptions { checkpointing: None, restart: RestartStrategy::None, configuration: BTreeMap::new() },
            checkpoint_dir: self.checkpoint_dir.clone(),
            restore: self.restore.get(&layer.vertex).cloned(),
        }
    }

    fn layers(&self) -> Vec<Layer> {
        let rowtime = TypeKind::Timestamp { precision: 3, attribute: TimeAttribute::Rowtime };
        let rows = Schema::new(vec![Field::new("k", TypeKind::BigInt.nullable()), Field::new("ts", rowtime.clone().nullable())]);
        let values = self.rows.iter().map(|(key, time)| vec![Value::Int(*key), Value::Int(*time)]).collect();
        let watermark =
            WatermarkSpec { rowtime: 1, expr: Expr::column(1, rowtime.nullable()), idle_timeout_ms: None, emit_gap_ms: 0, exact: false };
        let results = Schema::new(vec![
            Field::new("k", TypeKind::BigInt.nullable()),
            Field::new("n", TypeKind::BigInt.not_null()),
            Field::new("window_start", TypeKind::timestamp(3).not_null()),
        ]);
        let count = AggregateCall {
            function: "COUNT".to_owned(),
            args: Vec::new(),
            arg_types: Vec::new(),
            distinct: false,
            filter: None,
            ty: TypeKind::BigInt.not_null(),
            name: "n".to_owned(),
        };
        let window = WindowAggregateSpec {
            window: WindowSpec {
                kind: WindowKind::Tumble { size: self.window_ms, offset: 0 },
                time: Some(1),
                zone: None,
                style: WindowStyle::Group,
            },
            keys: vec![0],
            aggregates: vec![count],
            properties: vec![WindowProperty::Start],
            allowed_lateness_ms: 0,
            retracts: false,
        };
        vec![
            Layer {
                vertex: VertexId::of_text("source"),
                name: "source",
                parallelism: 1,
                chain: vec![
                    node(1, "Values", OperatorSpec::Values { rows: values }, &rows),
                    node(2, "WatermarkAssigner", OperatorSpec::Watermark(watermark), &rows),
                ],
                to_next: Some(Partitioning::Hash { columns: vec![0] }),
            },
            Layer {
                vertex: VertexId::of_text("window"),
                name: "window",
                parallelism: self.parallelism,
                chain: vec![node(3, "GroupWindowAggregate", OperatorSpec::WindowAggregate(window), &results)],
                to_next: Some(Partitioning::Global),
            },
            Layer {
                vertex: VertexId::of_text("collect"),
                name: "collect",
                parallelism: 1,
                chain: vec![node(4, "Collect", OperatorSpec::Collect, &results)],
                to_next: None,
            },
        ]
    }

    /// (key, window start) to the number of rows.
    pub(crate) fn expected(&self) -> BTreeMap<(i64, i64), i64> {
        let mut counts = BTreeMap::new();
        for (key, time) in &self.rows {
            *counts.entry((*key, time.div_euclid(self.window_ms) * self.window_ms)).or_insert(0) += 1;
        }
        counts
    }

    /// Deploys the job: the source on the first TaskManager, the window's subtasks in turn over all, the sink on the last.
    pub(crate) async fn deploy(&self, cluster: &mut Cluster) {
        let addresses: Vec<String> = (0..cluster.members.len()).map(|member| cluster.address(member)).collect();
        let last = addresses.len() - 1;
        let place = |vertex: &str, index: u32| match vertex {
            "source" => 0,
            "collect" => last,
            _ => index as usize % (last + 1),
        };
        let tasks = self.descriptors(|vertex, index| addresses[place(vertex, index)].clone());
        let placed: Vec<_> = tasks.into_iter().map(|task| (place(&task.vertex_name, task.subtask().index), task)).collect();
        cluster.deploy(&placed).await;
    }
}

fn node(id: u32, name: &str, spec: OperatorSpec, output: &Schema) -> OperatorNode {
    OperatorNode { id, name: name.to_owned(), description: name.to_owned(), spec, output: output.clone() }
}

/// The rows of a collect sink; a row that came twice is an error, as is a gap.
pub(crate) fn collected(cluster: &Cluster) -> BTreeMap<(i64, i64), i64> {
    let (mut rows, mut offset) = (BTreeMap::new(), 0);
    for message in &cluster.rows {
        assert_eq!(message.offset, offset, "rows have a gap");
        offset += u64::from(message.rows);
        if message.end {
            continue;
        }
        for batch in StreamReader::try_new(message.arrow_ipc.as_slice(), None).unwrap() {
            let batch = batch.unwrap();
            let column = |at: usize| batch.column(at).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let number = |at| column(at).value(row).parse::<i64>().unwrap();
                let old = rows.insert((number(0), millis(column(2).value(row))), number(1));
                assert_eq!(old, None, "a window was emitted twice");
            }
        }
    }
    assert!(cluster.rows.last().is_some_and(|message| message.end), "the last message says that no rows follow");
    rows
}

/// Milliseconds of `1970-01-01 00:00:01.000`, a time of the first day.
fn millis(text: &str) -> i64 {
    let time = text.strip_prefix("1970-01-01 ").unwrap();
    let parts: Vec<i64> = time.split([':', '.']).map(|part| part.parse().unwrap()).collect();
    ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000 + parts[3]
}

/// Rows of `keys` keys, in order of time.
pub(crate) fn rows(count: i64, keys: i64) -> Vec<Row> {
    (0..count).map(|row| (row * 7 % keys, row * 3)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_job_gives_each_result_once_within_one_task_manager() {
    let job = Job::new(rows(20_000, 100), 2);
    let mut cluster = Cluster::start(1).await;
    job.deploy(&mut cluster).await;
    cluster.run_to_the_end(1).await;
    assert_eq!(collected(&cluster), job.expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_job_gives_each_result_once_over_three_task_managers() {
    let job = Job::new(rows(20_000, 100), 3);
    let mut cluster = Cluster::start(3).await;
    job.deploy(&mut cluster).await;
    cluster.run_to_the_end(1).await;
    assert_eq!(collected(&cluster), job.expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_carry_each_tasks_figures() {
    let job = Job::new(rows(1_000, 10), 1);
    let mut cluster = Cluster::start(2).await;
    job.deploy(&mut cluster).await;
    cluster.until("all tasks have ended", |cluster| cluster.ended.len() == 3).await;
    for member in &mut cluster.members {
        member.heartbeat().await;
    }
    cluster.until("heartbeats", |cluster| cluster.metrics.len() == 3).await;
    let by_name = |name| cluster.metrics.iter().find(|(task, _)| task.subtask.vertex == VertexId::of_text(name)).unwrap().1;
    let (source, window, sink) = (by_name("source"), by_name("window"), by_name("collect"));
    assert_eq!((source.records_in, source.records_out, window.records_in), (1_000, 1_000, 1_000));
    assert_eq!(window.records_out, sink.records_in);
    assert!(window.bytes_in > 0 && source.bytes_out > 0 && window.watermark == Some(i64::MAX), "{window:?}");
    assert!(window.operators.iter().any(|(id, name, value)| *id == 3 && name == "numRecordsIn" && *value == 1_000.0), "{window:?}");
}
