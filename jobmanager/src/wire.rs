//! Between the core's events and orders and the messages of a TaskManager's stream.

use irmak_common::element::CheckpointKind;
use irmak_common::id::{AttemptId, CheckpointId, TaskManagerId};
use irmak_common::status::ExecutionState;
use irmak_proto::convert::{self, WireError};
use irmak_proto::v1;
use irmak_proto::v1::task_manager_command::Command as Wire;
use irmak_proto::v1::task_manager_event::Event as Said;

use crate::core::event::{Event, Order, Peer, Registration, Session};

/// Flink's `heartbeat.*`, milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct HeartbeatTimes {
    /// How often.
    pub interval_ms: u64,
    /// How long without.
    pub timeout_ms: u64,
}

impl HeartbeatTimes {
    pub(crate) fn wire(self) -> v1::Registered {
        v1::Registered { heartbeat_interval_ms: self.interval_ms, heartbeat_timeout_ms: self.timeout_ms }
    }
}

/// An order as it goes over the wire.
pub(crate) fn order(order: &Order) -> Result<Wire, WireError> {
    let attempt = |id: &AttemptId| Some((*id).into());
    Ok(match order {
        Order::Deploy(task) => Wire::Deploy(v1::Deploy { task: convert::to_json("task", task.as_ref())? }),
        Order::Cancel(id) => Wire::Cancel(v1::Cancel { attempt: attempt(id) }),
        Order::Trigger { attempt: id, checkpoint, kind, at } => Wire::TriggerCheckpoint(v1::TriggerCheckpoint {
            attempt: attempt(id),
            checkpoint: checkpoint.0,
            kind: kind_name(*kind).to_owned(),
            triggered_at: *at,
        }),
        Order::Complete { attempt: id, checkpoint } => {
            Wire::CheckpointComplete(v1::CheckpointComplete { attempt: attempt(id), checkpoint: checkpoint.0 })
        }
        Order::Stop(id) => Wire::Stop(v1::Stop { attempt: attempt(id) }),
        Order::Finish(id) => Wire::Finish(v1::Finish { attempt: attempt(id) }),
    })
}

fn kind_name(kind: CheckpointKind) -> &'static str {
    match kind {
        CheckpointKind::Checkpoint => "Checkpoint",
        CheckpointKind::Savepoint => "Savepoint",
        CheckpointKind::Final => "Final",
    }
}

/// A registration; its session is not known yet.
pub(crate) fn registration(register: &v1::Register) -> Result<Registration, WireError> {
    let running = register.running.iter().map(|task| Ok((convert::attempt(&task.attempt)?, state(&task.state)?, task.slot)));
    Ok(Registration {
        peer: Peer { id: TaskManagerId(register.task_manager.clone()), session: Session::default() },
        slots: register.slots,
        data_address: register.data_address.clone(),
        memory_bytes: register.memory_bytes,
        cpu_cores: register.cpu_cores,
        running: running.collect::<Result<_, WireError>>()?,
    })
}

/// What a TaskManager said, as an event of the core; `None` for rows, which the core never sees.
pub(crate) fn event(from: &Peer, said: Said) -> Result<Option<Event>, WireError> {
    let from = from.clone();
    Ok(Some(match said {
        Said::Register(_) => return Err(WireError::Missing("a second registration on one stream")),
        Said::CollectedRows(_) => return Ok(None),
        Said::TaskState(said) => Event::TaskState {
            from,
            attempt: convert::attempt(&said.attempt)?,
            state: state(&said.state)?,
            failure: (!said.failure.is_empty()).then_some(said.failure),
            unrecoverable: said.unrecoverable,
            at: said.at,
        },
        Said::CheckpointAcknowledged(said) => Event::Acknowledged {
            from,
            attempt: convert::attempt(&said.attempt)?,
            checkpoint: CheckpointId(said.checkpoint),
            snapshot: Box::new(convert::from_json("snapshot", &said.snapshot)?),
        },
        Said::CheckpointDeclined(said) => Event::Declined {
            from,
            attempt: convert::attempt(&said.attempt)?,
            checkpoint: CheckpointId(said.checkpoint),
            reason: said.reason,
        },
        Said::CheckpointCommitted(said) => {
            Event::Committed { from, attempt: convert::attempt(&said.attempt)?, checkpoint: CheckpointId(said.checkpoint) }
        }
        Said::TaskEnded(said) => Event::Ended { from, attempt: convert::attempt(&said.attempt)? },
        Said::Heartbeat(said) => {
            let tasks = said.tasks.iter().map(|task| Ok((convert::attempt(&task.attempt)?, convert::from_json("metrics", &task.metrics)?)));
            Event::Heartbeat {
                from,
                tasks: tasks.collect::<Result<_, WireError>>()?,
                memory_used: said.memory_used_bytes,
                cpu_load: said.cpu_load,
            }
        }
    }))
}

fn state(name: &str) -> Result<ExecutionState, WireError> {
    ExecutionState::ALL.into_iter().find(|state| state.as_str() == name).ok_or(WireError::Missing("a state that is known"))
}
