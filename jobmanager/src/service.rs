//! The TaskManagers' side: `JobManager.Attach`. One stream is one TaskManager; what it says becomes events.

use std::pin::Pin;

use futures::Stream;
use irmak_proto::v1;
use irmak_proto::v1::task_manager_command::Command as Wire;
use irmak_proto::v1::task_manager_event::Event as Said;
use irmak_runtime::tasks;
use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::actor::{Handle, Message};
use crate::core::event::{Event, Peer};
use crate::wire;

/// See the module's page.
pub(crate) struct TaskManagers {
    pub(crate) actor: Handle,
}

#[tonic::async_trait]
impl v1::job_manager_server::JobManager for TaskManagers {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<v1::TaskManagerCommand, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<v1::TaskManagerEvent>>) -> Result<Response<Self::AttachStream>, Status> {
        let mut events = request.into_inner();
        let first = events.next().await.transpose()?.and_then(|event| event.event);
        let Some(Said::Register(register)) = first else { return Err(Status::invalid_argument("a stream begins with a registration")) };
        if let Some(refused) = refuse(&register, self.actor.epoch) {
            return Ok(Response::new(Box::pin(tokio_stream::once(Ok(refused)))));
        }
        let registration = wire::registration(&register).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let id = registration.peer.id.clone();
        let (reply, answer) = oneshot::channel();
        self.actor.tell(Message::Attach(Box::new(registration), reply)).await;
        let (session, orders) = answer.await.map_err(|_| Status::unavailable("the JobManager is shutting down"))?;
        let peer = Peer { id, session };
        tasks::spawn("task-manager-events", listen(self.actor.clone(), peer, events));
        Ok(Response::new(Box::pin(ReceiverStream::new(orders))))
    }
}

/// Why a TaskManager may not join, if so.
fn refuse(register: &v1::Register, epoch: u64) -> Option<v1::TaskManagerCommand> {
    let ours = env!("CARGO_PKG_VERSION");
    if register.version == ours {
        return None;
    }
    let reason = format!("the TaskManager has version {}, the JobManager {ours}; both must be the same", register.version);
    tracing::warn!("TaskManager {} is refused: {reason}", register.task_manager);
    Some(v1::TaskManagerCommand { leader_epoch: epoch, command: Some(Wire::Refused(v1::Refused { reason, retry: false })) })
}

async fn listen(actor: Handle, peer: Peer, mut events: Streaming<v1::TaskManagerEvent>) {
    loop {
        let said = match events.next().await {
            Some(Ok(message)) => message.event,
            Some(Err(status)) => {
                tracing::debug!("the stream of TaskManager {} broke: {status}", peer.id);
                break;
            }
            None => break,
        };
        match said {
            Some(Said::CollectedRows(rows)) => actor.tell(Message::Collected(peer.clone(), Box::new(rows))).await,
            Some(said) => match wire::event(&peer, said) {
                Ok(Some(event)) => actor.tell(Message::Event(event)).await,
                Ok(None) => {}
                Err(error) => {
                    tracing::error!("TaskManager {} says what cannot be understood: {error}", peer.id);
                    break;
                }
            },
            None => {}
        }
    }
    tracing::info!("TaskManager {} is gone", peer.id);
    actor.tell(Message::Event(Event::StreamEnded(peer))).await;
}
