//! Which consuming tasks there are in this TaskManager, and which of their channels have a producer.
//!
//! A producer may arrive before its consumer is deployed: it waits, for a bounded time. One of an older attempt is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use irmak_common::id::{AttemptId, JobId, SubtaskId};
use irmak_common::task::TaskDescriptor;
use tokio::sync::Notify;

use crate::task::control::Control;

/// How long a producer waits for its consumer to be deployed.
pub const CONSUMER_WAIT: Duration = Duration::from_secs(30);

/// One end of a channel at its consumer.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The consuming task.
    pub control: Arc<Control>,
    /// The channel's number in its inbox.
    pub channel: usize,
    /// The columns that were planned.
    pub schema: SchemaRef,
}

/// Why a producer has no consumer here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoConsumer {
    /// A newer attempt of the job runs here.
    #[error("attempt {attempt} of the job is over: attempt {newest} runs here")]
    Stale {
        /// The producer's.
        attempt: u32,
        /// The consumer's.
        newest: u32,
    },
    /// The consumer has no such channel.
    #[error("{consumer} has no channel from gate {gate} of {producer}")]
    NoChannel {
        /// The consuming subtask.
        consumer: SubtaskId,
        /// The producing subtask.
        producer: SubtaskId,
        /// Its gate.
        gate: u32,
    },
    /// Somebody else produces into the channel already.
    #[error("the channel from gate {gate} of {producer} to {consumer} is connected already")]
    Taken {
        /// The consuming subtask.
        consumer: SubtaskId,
        /// The producing subtask.
        producer: SubtaskId,
        /// Its gate.
        gate: u32,
    },
    /// It was not deployed in time.
    #[error("{0} was not deployed here within {wait} s", wait = CONSUMER_WAIT.as_secs())]
    NotDeployed(AttemptId),
}

/// A channel: whose, and which gate of the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelId {
    /// The consuming attempt.
    pub consumer: AttemptId,
    /// The producing subtask, of the same job and attempt.
    pub producer: SubtaskId,
    /// Which of its output gates.
    pub gate: u32,
}

/// A task and the channels that it was planned to have.
#[derive(Debug)]
pub struct Consumer {
    control: Arc<Control>,
    /// (channel, columns, connected) by producing subtask and gate.
    channels: HashMap<(SubtaskId, u32), (usize, SchemaRef, bool)>,
}

impl Consumer {
    /// The consumer that a descriptor makes of a task.
    pub fn new(task: &TaskDescriptor, control: &Arc<Control>) -> Self {
        let schemas: Vec<SchemaRef> = task.input_schemas.iter().map(|schema| schema.to_arrow()).collect();
        let none = || Arc::new(arrow::datatypes::Schema::empty());
        let channels = task.inputs.iter().enumerate().map(|(channel, input)| {
            let schema = schemas.get(input.input as usize).cloned().unwrap_or_else(none);
            ((input.producer, input.gate), (channel, schema, false))
        });
        Self { control: control.clone(), channels: channels.collect() }
    }
}

/// See the module's page.
#[derive(Debug, Default)]
pub struct Registry {
    consumers: Mutex<HashMap<AttemptId, Consumer>>,
    changed: Notify,
}

impl Registry {
    /// A task is here and may be sent to.
    pub fn add(&self, consumer: Consumer) {
        self.lock().insert(consumer.control.attempt, consumer);
        self.changed.notify_waiters();
    }

    /// A task is gone.
    pub fn remove(&self, attempt: AttemptId) {
        self.lock().remove(&attempt);
    }

    /// Connects a producer, waiting for its consumer to be deployed.
    ///
    /// # Errors
    /// [`NoConsumer`]
    pub async fn connect(&self, id: ChannelId) -> Result<Destination, NoConsumer> {
        let deployed = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(answer) = self.try_connect(id) {
                    return answer;
                }
                changed.await;
            }
        };
        tokio::time::timeout(CONSUMER_WAIT, deployed).await.unwrap_or(Err(NoConsumer::NotDeployed(id.consumer)))
    }

    fn try_connect(&self, id: ChannelId) -> Option<Result<Destination, NoConsumer>> {
        let mut consumers = self.lock();
        let (consumer, producer, gate) = (id.consumer.subtask, id.producer, id.gate);
        if let Some(found) = consumers.get_mut(&id.consumer) {
            return Some(match found.channels.get_mut(&(producer, gate)) {
                None => Err(NoConsumer::NoChannel { consumer, producer, gate }),
                Some((_, _, true)) => Err(NoConsumer::Taken { consumer, producer, gate }),
                Some((channel, schema, connected)) => {
                    *connected = true;
                    Ok(Destination { control: found.control.clone(), channel: *channel, schema: schema.clone() })
                }
            });
        }
        let newest = newest_attempt(&consumers, id.consumer.job)?;
        (newest > id.consumer.attempt).then_some(Err(NoConsumer::Stale { attempt: id.consumer.attempt, newest }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AttemptId, Consumer>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn newest_attempt(consumers: &HashMap<AttemptId, Consumer>, job: JobId) -> Option<u32> {
    consumers.keys().filter(|attempt| attempt.job == job).map(|attempt| attempt.attempt).max()
}
