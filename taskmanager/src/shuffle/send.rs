//! The producer's end of a channel: a queue within the process, or a gRPC stream to another TaskManager.
//!
//! A task's thread sends; when there is no room it waits, and that wait is its backpressure. Remote channels are encoded in the task's
//! thread; a tokio task of their own feeds the stream, which takes frames only while the receiver's window has room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use irmak_common::element::Element;
use irmak_common::id::AttemptId;
use irmak_common::limits::{CHANNEL_ELEMENTS_MAX, FRAME_BYTES_MAX};
use irmak_proto::v1;
use irmak_proto::v1::shuffle_client::ShuffleClient;
use irmak_runtime::tasks;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel as Connection, Endpoint};
use tonic::{Code, Status};

use super::frame::Encoder;
use super::registry::{CONSUMER_WAIT, ChannelId, Destination, NoConsumer, Registry};
use crate::error::TaskError;
use crate::task::control::Control;
use crate::task::inbox::PushError;

/// How long one try to reach another TaskManager may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between tries.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);
/// The words by which a receiver says that its task has ended, which is no failure of the sender.
pub const CONSUMER_GONE: &str = "the consuming task is gone";

/// The connections to other TaskManagers, one an address.
#[derive(Debug)]
pub struct Peers {
    connections: Mutex<HashMap<String, Slot>>,
    window: u32,
}

/// A connection, made by the first channel that needs it while the others wait.
type Slot = Arc<tokio::sync::Mutex<Option<Connection>>>;

impl Peers {
    /// No connection yet; `window`: bytes in flight that a channel asks for.
    pub fn new(window: u32) -> Self {
        Self { connections: Mutex::default(), window }
    }

    async fn connect(&self, address: &str) -> Result<Connection, String> {
        let slot = self.connections.lock().unwrap_or_else(PoisonError::into_inner).entry(address.to_owned()).or_default().clone();
        let mut connection = slot.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .initial_stream_window_size(self.window)
            .initial_connection_window_size(i32::MAX as u32)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(20));
        let made = endpoint.connect().await.map_err(|error| causes(&error))?;
        Ok(connection.insert(made).clone())
    }

    fn forget(&self, address: &str) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
    }
}

/// What a producer needs to know to open its channels.
#[derive(Clone, Debug)]
pub struct Network {
    /// One's own data address.
    pub address: String,
    /// The consumers here.
    pub registry: Arc<Registry>,
    /// The way to consumers elsewhere.
    pub peers: Arc<Peers>,
    /// Whether bodies are compressed.
    pub lz4: bool,
}

/// The producer's end of one channel. Dropping it ends the channel cleanly.
pub struct Output {
    /// The consuming subtask, for messages.
    target: String,
    way: Way,
}

enum Way {
    Local(Destination),
    Remote(Box<Remote>),
}

struct Remote {
    encoder: Encoder,
    frames: Vec<v1::Frame>,
    sender: mpsc::Sender<v1::Frame>,
}

impl Output {
    /// Opens a channel from `control`'s task. Within the process it waits for the consumer to be deployed; to another one it returns at
    /// once, and a channel that cannot be made fails the task later.
    ///
    /// # Errors
    /// No consumer here, or the task was cancelled.
    pub fn open(network: &Network, control: &Arc<Control>, gate: u32, consumer: AttemptId, address: &str) -> Result<Self, TaskError> {
        let id = ChannelId { consumer, producer: control.attempt.subtask, gate };
        let target = consumer.subtask.to_string();
        let way = if address == network.address {
            let connected: Result<Destination, NoConsumer> = control.wait(network.registry.connect(id))?;
            Way::Local(connected.map_err(|error| TaskError::Channel(format!("no channel to {target}: {error}")))?)
        } else {
            let (sender, frames) = mpsc::channel(CHANNEL_ELEMENTS_MAX);
            let (peers, control, address) = (network.peers.clone(), control.clone(), address.to_owned());
            let runtime = control.handle().clone();
            let _entered = runtime.enter();
            tasks::spawn("shuffle-send", feed(peers, control, id, address, frames));
            Way::Remote(Box::new(Remote { encoder: Encoder::new(network.lz4), frames: Vec::new(), sender }))
        };
        Ok(Self { target, way })
    }

    /// Sends an element, waiting for room. Returns bytes sent over the network, or held by the batch.
    ///
    /// # Errors
    /// The task was cancelled, or the batch cannot be sent.
    pub fn send(&mut self, control: &Control, element: Element) -> Result<u64, TaskError> {
        match &mut self.way {
            Way::Local(destination) => send_local(destination, control, element),
            Way::Remote(remote) => {
                let encoded = remote.encoder.encode(&element, &mut remote.frames);
                encoded.map_err(|source| TaskError::Encode { target: self.target.clone(), source })?;
                let mut bytes = 0;
                for frame in remote.frames.drain(..) {
                    bytes += frame_bytes(&frame);
                    send_remote(&remote.sender, control, frame)?;
                }
                Ok(bytes)
            }
        }
    }
}

fn send_local(destination: &Destination, control: &Control, element: Element) -> Result<u64, TaskError> {
    let bytes = match &element {
        Element::Batch(batch) => super::partition::batch_bytes(batch),
        _ => 0,
    };
    let inbox = &destination.control.inbox;
    let open = match inbox.try_push(destination.channel, element) {
        Ok(()) => true,
        Err(PushError::Closed) => false,
        Err(PushError::Full(element)) => control.wait(inbox.push(destination.channel, element))?,
    };
    if open {
        destination.control.gauges.count_bytes_in(bytes);
        return Ok(bytes);
    }
    // The consumer has ended and said why; this task's own order to end is on its way.
    Err(control.wait_for_cancel())
}

fn send_remote(sender: &mpsc::Sender<v1::Frame>, control: &Control, frame: v1::Frame) -> Result<(), TaskError> {
    let open = match sender.try_send(frame) {
        Ok(()) => true,
        Err(mpsc::error::TrySendError::Closed(_)) => false,
        Err(mpsc::error::TrySendError::Full(frame)) => control.wait(sender.send(frame))?.is_ok(),
    };
    if open {
        return Ok(());
    }
    // The stream broke, and whoever ran it says why in a moment; or the consumer has ended, and the order to end is on its way.
    Err(control.wait_for_cancel())
}

fn frame_bytes(frame: &v1::Frame) -> u64 {
    match &frame.frame {
        Some(v1::frame::Frame::Batch(batch)) => (batch.header.len() + batch.body.len()) as u64,
        Some(v1::frame::Frame::Schema(schema)) => schema.len() as u64,
        _ => 0,
    }
}

/// Runs the stream of one channel until it ends.
async fn feed(peers: Arc<Peers>, control: Arc<Control>, id: ChannelId, address: String, frames: mpsc::Receiver<v1::Frame>) {
    let outcome = exchange(&peers, &control, id, &address, frames).await;
    let Err(status) = outcome else { return };
    if status.message() == CONSUMER_GONE || control.check().is_err() {
        return;
    }
    peers.forget(&address);
    control.fail(format!("the channel to {} at {address} broke: {}", id.consumer.subtask, words(&status)));
}

async fn exchange(peers: &Peers, control: &Control, id: ChannelId, address: &str, frames: mpsc::Receiver<v1::Frame>) -> Result<(), Status> {
    let connection = reach(peers, control, address).await?;
    let header = v1::ChannelHeader { producer: Some(control.attempt.into()), gate: id.gate, consumer: Some(id.consumer.into()) };
    let first = v1::Frame { frame: Some(v1::frame::Frame::Header(header)) };
    let frames = futures::StreamExt::chain(futures::stream::iter([first]), ReceiverStream::new(frames));
    let mut client = ShuffleClient::new(connection).max_encoding_message_size(FRAME_BYTES_MAX * 2);
    client.exchange(frames).await.map(|_| ())
}

/// A connection that works: another TaskManager may need a moment to be there.
async fn reach(peers: &Peers, control: &Control, address: &str) -> Result<Connection, Status> {
    let begun = Instant::now();
    loop {
        match peers.connect(address).await {
            Ok(connection) => return Ok(connection),
            Err(reason) if begun.elapsed() >= CONSUMER_WAIT || control.check().is_err() => {
                return Err(Status::failed_precondition(format!("cannot connect: {reason}")));
            }
            Err(_) => tokio::time::sleep(CONNECT_PAUSE).await,
        }
    }
}

/// A status in words for a person.
pub fn words(status: &Status) -> String {
    match status.code() {
        Code::Unknown | Code::Unavailable | Code::Cancelled | Code::Internal => {
            let source = std::error::Error::source(status).map(causes).unwrap_or_default();
            let text = if source.is_empty() { status.message().to_owned() } else { format!("{} ({source})", status.message()) };
            format!("{text}; its TaskManager may be gone")
        }
        _ => status.message().to_owned(),
    }
}

/// An error and its causes.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
