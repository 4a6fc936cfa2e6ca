//! The consumer's end of channels from other TaskManagers: the gRPC service on the data port.
//!
//! A stream is read only while its channel has room; what waits beyond that is in HTTP/2's window, and then at the producer. A frame
//! that cannot be meant, or a stream that breaks, fails the consuming task with words, and never the process.

use std::sync::Arc;
use std::time::Duration;

use irmak_common::id::SubtaskId;
use irmak_common::limits::FRAME_BYTES_MAX;
use irmak_proto::convert;
use irmak_proto::v1;
use irmak_proto::v1::shuffle_server::{Shuffle, ShuffleServer};
use irmak_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::frame::Decoder;
use super::registry::{ChannelId, Destination, NoConsumer, Registry};
use super::send::{CONSUMER_GONE, words};
use crate::task::control::Control;

/// How long a producer may take to say who it is.
const HEADER_WAIT: Duration = Duration::from_secs(10);
/// Channels over one connection: far above any parallelism that a TaskManager hosts.
const STREAMS_MAX: u32 = 65_536;

/// Serves the data port until shutdown. `window`: bytes in flight a channel.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, registry: Arc<Registry>, window: u32, shutdown: Shutdown) -> Result<(), tonic::transport::Error> {
    let service = ShuffleServer::new(Receiver { registry }).max_decoding_message_size(FRAME_BYTES_MAX * 2);
    Server::builder()
        .initial_stream_window_size(window)
        .initial_connection_window_size(i32::MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .max_frame_size(1 << 20)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(service)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async move { shutdown.wait().await })
        .await
}

struct Receiver {
    registry: Arc<Registry>,
}

#[tonic::async_trait]
impl Shuffle for Receiver {
    async fn exchange(&self, request: Request<Streaming<v1::Frame>>) -> Result<Response<v1::ExchangeEnd>, Status> {
        let mut frames = request.into_inner();
        let first = tokio::time::timeout(HEADER_WAIT, frames.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("the channel's header did not come"))??;
        let id = channel_of(first)?;
        let destination = self.registry.connect(id).await.map_err(refusal)?;
        receive(&mut frames, id, &destination).await.map(|()| Response::new(v1::ExchangeEnd {}))
    }
}

fn channel_of(frame: Option<v1::Frame>) -> Result<ChannelId, Status> {
    let Some(v1::Frame { frame: Some(v1::frame::Frame::Header(header)) }) = frame else {
        return Err(Status::invalid_argument("a channel begins with its header"));
    };
    let wrong = |error: convert::WireError| Status::invalid_argument(format!("the channel's header: {error}"));
    let consumer = convert::attempt(&header.consumer).map_err(wrong)?;
    let producer = convert::attempt(&header.producer).map_err(wrong)?;
    if (producer.job, producer.attempt) != (consumer.job, consumer.attempt) {
        return Err(Status::invalid_argument("producer and consumer are of different attempts"));
    }
    Ok(ChannelId { consumer, producer: producer.subtask, gate: header.gate })
}

fn refusal(error: NoConsumer) -> Status {
    match error {
        NoConsumer::Stale { .. } | NoConsumer::Taken { .. } => Status::failed_precondition(error.to_string()),
        NoConsumer::NoChannel { .. } => Status::not_found(error.to_string()),
        NoConsumer::NotDeployed(_) => Status::deadline_exceeded(error.to_string()),
    }
}

async fn receive(frames: &mut Streaming<v1::Frame>, id: ChannelId, destination: &Destination) -> Result<(), Status> {
    let mut link = Link { control: &destination.control, producer: id.producer, over: false };
    let mut decoder = Decoder::new(destination.schema.clone());
    loop {
        let frame = match frames.message().await {
            Ok(Some(frame)) => frame,
            // The producer was cancelled, or has finished.
            Ok(None) => {
                link.over = true;
                return Ok(());
            }
            Err(status) => {
                link.fail(format!("broke: {}", words(&status)));
                return Err(status);
            }
        };
        let bytes = prost::Message::encoded_len(&frame) as u64;
        let element = match decoder.decode(frame) {
            Ok(Some(element)) => element,
            Ok(None) => continue,
            Err(error) => {
                link.fail(format!("cannot be read: {error}"));
                return Err(Status::invalid_argument(error.to_string()));
            }
        };
        destination.control.gauges.count_bytes_in(bytes);
        if !destination.control.inbox.push(destination.channel, element).await {
            link.over = true;
            return Err(Status::aborted(CONSUMER_GONE));
        }
    }
}

/// A connected channel. The server drops the call when its peer resets the stream; then, too, the consumer must hear of it.
struct Link<'a> {
    control: &'a Control,
    producer: SubtaskId,
    over: bool,
}

impl Link<'_> {
    fn fail(&mut self, what: String) {
        self.over = true;
        self.control.fail(format!("the channel from {} {what}", self.producer));
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.fail("was cut off; its TaskManager may be gone".to_owned());
        }
    }
}
