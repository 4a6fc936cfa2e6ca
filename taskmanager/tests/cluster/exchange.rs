//! The data port as a stranger meets it: good frames, damaged ones, late ones, and a consumer that does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, TimestampMillisecondArray};
use arrow::record_batch::RecordBatch;
use irmak_common::element::Element;
use irmak_common::id::{AttemptId, SubtaskId, VertexId};
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::task::TaskDescriptor;
use irmak_proto::v1;
use irmak_proto::v1::frame::Frame as Kind;
use irmak_proto::v1::shuffle_client::ShuffleClient;
use irmak_proto::v1::task_manager_command::Command;
use irmak_runtime::tasks;
use irmak_taskmanager::shuffle::frame::Encoder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::jobmanager::Cluster;
use super::jobs::{Job, rows};

/// A consuming task with one channel, fed by the test: rows of the window job's source.
fn consumer(attempt: u32) -> TaskDescriptor {
    let mut job = Job::new(rows(1, 1), 1);
    job.attempt = attempt;
    let mut task = job.descriptors(|_, _| String::new()).remove(1);
    let node = &mut task.chain[0];
    node.spec = OperatorSpec::Collect;
    node.output = task.input_schemas[0].clone();
    task.outputs.clear();
    task
}

fn batch(count: i64) -> Element {
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(0..count));
    Element::Batch(RecordBatch::try_from_iter_with_nullable([("k", keys, true), ("ts", times, true)]).unwrap())
}

fn frames(encoder: &mut Encoder, element: &Element) -> Vec<v1::Frame> {
    let mut frames = Vec::new();
    encoder.encode(element, &mut frames).unwrap();
    frames
}

/// A producer's stream, run by hand.
struct Producer {
    frames: mpsc::Sender<v1::Frame>,
    outcome: JoinHandle<Result<(), Status>>,
}

impl Producer {
    async fn open(address: &str, consumer: &TaskDescriptor) -> Self {
        let mut client = ShuffleClient::connect(format!("http://{address}")).await.unwrap();
        let (frames, outgoing) = mpsc::channel(1);
        let outcome = tasks::spawn("producer", async move { client.exchange(ReceiverStream::new(outgoing)).await.map(|_| ()) });
        let input = &consumer.inputs[0];
        let producer = AttemptId { subtask: input.producer, ..consumer.attempt };
        let header = v1::ChannelHeader { producer: Some(producer.into()), gate: input.gate, consumer: Some(consumer.attempt.into()) };
        let producer = Self { frames, outcome };
        producer.send(vec![v1::Frame { frame: Some(Kind::Header(header)) }]).await;
        producer
    }

    async fn send(&self, frames: Vec<v1::Frame>) {
        for frame in frames {
            let _ = self.frames.send(frame).await;
        }
    }

    async fn end(self) -> Result<(), Status> {
        drop(self.frames);
        tokio::time::timeout(Duration::from_secs(60), self.outcome).await.expect("the stream does not end").unwrap()
    }
}

async fn deployed(task: &TaskDescriptor) -> Cluster {
    let mut cluster = Cluster::start(1).await;
    cluster.deploy(&[(0, task.clone())]).await;
    cluster.until_all("RUNNING").await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_may_come_before_its_consumer() {
    let mut cluster = Cluster::start(1).await;
    let task = consumer(0);
    let producer = Producer::open(&cluster.address(0), &task).await;
    let mut encoder = Encoder::new(false);
    producer.send(frames(&mut encoder, &batch(10))).await;
    producer.send(frames(&mut encoder, &Element::EndOfInput)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    cluster.deploy(&[(0, task)]).await;
    cluster.until("the task has ended", |cluster| cluster.ended.len() == 1).await;
    producer.end().await.unwrap();
    assert_eq!(cluster.rows.iter().map(|message| message.rows).sum::<u32>(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_frame_fails_the_task_with_words_and_nothing_else() {
    let task = consumer(0);
    let mut cluster = deployed(&task).await;
    let producer = Producer::open(&cluster.address(0), &task).await;
    let mut sent = frames(&mut Encoder::new(false), &batch(1_000));
    if let Some(Kind::Batch(batch)) = &mut sent.last_mut().unwrap().frame {
        batch.body = batch.body.slice(..100);
    }
    producer.send(sent).await;
    cluster.until_all("FAILED").await;
    let failure = cluster.failure().unwrap().to_owned();
    assert!(failure.contains("the batch is damaged") && failure.contains("was it cut short?"), "{failure}");
    assert_eq!(producer.end().await.unwrap_err().code(), Code::InvalidArgument);
    // The TaskManager lives: the next attempt runs.
    cluster.forget();
    cluster.deploy(&[(0, consumer(1))]).await;
    cluster.until_all("RUNNING").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_frames_are_refused() {
    let task = consumer(0);
    let mut cluster = deployed(&task).await;
    let producer = Producer::open(&cluster.address(0), &task).await;
    producer.send(vec![v1::Frame { frame: Some(Kind::Schema(b"no schema".to_vec())) }]).await;
    cluster.until_all("FAILED").await;
    assert!(cluster.failure().unwrap().contains("the schema is damaged or of another version"), "{:?}", cluster.failure());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_of_an_older_attempt_is_refused() {
    let (old, new) = (consumer(3), consumer(4));
    let cluster = deployed(&new).await;
    let producer = Producer::open(&cluster.address(0), &old).await;
    let status = producer.end().await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("attempt 3 of the job is over: attempt 4 runs here"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_has_one_producer_and_must_be_planned() {
    let task = consumer(0);
    let mut cluster = deployed(&task).await;
    let first = Producer::open(&cluster.address(0), &task).await;
    first.send(frames(&mut Encoder::new(false), &batch(1))).await;
    cluster.until("the row came through", |cluster| !cluster.rows.is_empty()).await;
    let second = Producer::open(&cluster.address(0), &task).await;
    assert_eq!(second.end().await.unwrap_err().code(), Code::FailedPrecondition);
    let mut other = task.clone();
    other.inputs[0].producer = SubtaskId { vertex: VertexId::of_text("nobody"), index: 0 };
    let stranger = Producer::open(&cluster.address(0), &other).await;
    assert_eq!(stranger.end().await.unwrap_err().code(), Code::NotFound);
    first.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_vanishes_fails_the_consumer() {
    let task = consumer(0);
    let mut cluster = deployed(&task).await;
    // A process of its own, almost: when its runtime is gone, so are its sockets.
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, consumer) = (cluster.address(0), task.clone());
    let _producer = process.spawn(async move {
        let producer = Producer::open(&address, &consumer).await;
        producer.send(frames(&mut Encoder::new(false), &batch(1))).await;
        producer
    });
    cluster.until("the row came through", |cluster| !cluster.rows.is_empty()).await;
    process.shutdown_background();
    cluster.until_all("FAILED").await;
    assert!(cluster.failure().unwrap().contains("the channel from"), "{:?}", cluster.failure());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_does_not_read_holds_its_producer_back_and_can_be_cancelled() {
    let task = consumer(0);
    let mut cluster = deployed(&task).await;
    let producer = Producer::open(&cluster.address(0), &task).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let feeding = tasks::spawn("feed", {
        let (frames_of, sent) = (producer.frames.clone(), sent.clone());
        async move {
            let mut encoder = Encoder::new(false);
            loop {
                for frame in frames(&mut encoder, &batch(8_192)) {
                    if frames_of.send(frame).await.is_err() {
                        return;
                    }
                }
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    // The client of the collect sink takes nothing: after its credit of 65,536 rows (8 batches) the task stops reading.
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = sent.load(Ordering::SeqCst);
        if now == last && now > 8 {
            break;
        }
        last = now;
    }
    // 8 out, 8 in the queue, and what a window of 1 MB holds of batches of 128 KB, with some slack for what is between.
    assert!(last <= 8 + 8 + 8 + 8, "{last} batches were taken");
    cluster.cancel_all().await;
    cluster.until_all("CANCELED").await;
    drop(producer.frames);
    feeding.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_wait_for_room_can_be_cancelled() {
    // Each row is a key of its own: 100,000 results for a client that takes 65,536.
    let mut job = Job::new((0..100_000).map(|row| (row, row)).collect(), 2);
    job.window_ms = 86_400_000;
    let mut cluster = Cluster::start(2).await;
    job.deploy(&mut cluster).await;
    cluster.until("the client's credit is spent", |cluster| cluster.rows.iter().map(|message| message.rows).sum::<u32>() == 65_536).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The client takes some, and so many more come.
    let sink = *cluster.tasks().iter().find(|task| task.subtask.vertex == VertexId::of_text("collect")).unwrap();
    let allow = v1::AllowCollect { attempt: Some(sink.into()), offset: 65_536 + 1_000 };
    cluster.members[1].order(Command::AllowCollect(allow)).await;
    cluster.until("the new credit is spent", |cluster| cluster.rows.iter().map(|message| message.rows).sum::<u32>() == 66_536).await;
    // Whoever waits for room says so, also while it waits.
    for member in &mut cluster.members {
        member.heartbeat().await;
    }
    cluster.until("heartbeats", |cluster| cluster.metrics.len() == 4).await;
    let metrics = &cluster.metrics[&sink];
    assert!(metrics.backpressured_ms >= 200, "{metrics:?}");
    cluster.cancel_all().await;
    cluster.until_all("CANCELED").await;
}
