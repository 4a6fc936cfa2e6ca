//! A task's inbox: one bounded queue a channel, and the commands of the JobManager.
//!
//! Any number of producers (threads and tokio tasks, one a channel), one consumer: the task's thread. Elements of one channel keep
//! their order; between channels the consumer goes round, so that none starves. A full channel makes its producer wait: that wait is
//! backpressure, and there is no other.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use irmak_common::element::{Barrier, Element};
use irmak_common::id::CheckpointId;
use irmak_common::limits::CHANNEL_ELEMENTS_MAX;
use tokio::sync::Notify;

/// Commands that wait at most: a task that leaves so many unread is stuck, and more would not help it.
const COMMANDS_MAX: usize = 256;

/// What a task is told beside its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A source: emit this barrier.
    Trigger(Barrier),
    /// The checkpoint's manifest exists.
    Complete(CheckpointId),
    /// A source: read no further.
    Stop,
    /// The final checkpoint is committed: go.
    Finish,
}

/// What the consumer got.
#[derive(Debug)]
pub enum Next {
    /// A command; they go before elements.
    Command(Command),
    /// An element and its channel.
    Element(usize, Element),
    /// Nothing until the deadline, or the task was woken to look around.
    Nothing,
}

/// Why an element could not be put.
#[derive(Debug)]
pub enum PushError {
    /// No room now.
    Full(Element),
    /// The task is gone.
    Closed,
}

#[derive(Debug)]
struct State {
    queues: Vec<VecDeque<Element>>,
    /// Elements in all queues.
    elements: usize,
    /// The channel to look at first.
    turn: usize,
    commands: VecDeque<Command>,
    woken: bool,
    closed: bool,
}

/// See the module's page.
#[derive(Debug)]
pub struct Inbox {
    state: Mutex<State>,
    readable: Condvar,
    room: Vec<Notify>,
}

impl Inbox {
    /// With so many channels; none for a source.
    pub fn new(channels: usize) -> Self {
        let state = State {
            queues: (0..channels).map(|_| VecDeque::with_capacity(CHANNEL_ELEMENTS_MAX)).collect(),
            elements: 0,
            turn: 0,
            commands: VecDeque::new(),
            woken: false,
            closed: false,
        };
        Self { state: Mutex::new(state), readable: Condvar::new(), room: (0..channels).map(|_| Notify::new()).collect() }
    }

    /// Puts an element without waiting.
    pub fn try_push(&self, channel: usize, element: Element) -> Result<(), PushError> {
        let mut state = self.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        match state.queues.get_mut(channel) {
            Some(queue) if queue.len() < CHANNEL_ELEMENTS_MAX => queue.push_back(element),
            Some(_) => return Err(PushError::Full(element)),
            None => return Err(PushError::Closed),
        }
        state.elements += 1;
        drop(state);
        self.readable.notify_one();
        Ok(())
    }

    /// Puts an element, waiting for room; `false`: the task is gone. Dropping the future puts nothing.
    pub async fn push(&self, channel: usize, element: Element) -> bool {
        let Some(room) = self.room.get(channel) else { return false };
        let mut element = element;
        loop {
            let notified = room.notified();
            match self.try_push(channel, element) {
                Ok(()) => return true,
                Err(PushError::Closed) => return false,
                Err(PushError::Full(back)) => element = back,
            }
            notified.await;
        }
    }

    /// Leaves a command; `false`: the task is gone, or too many wait already.
    pub fn command(&self, command: Command) -> bool {
        let mut state = self.lock();
        if state.closed || state.commands.len() >= COMMANDS_MAX {
            return false;
        }
        state.commands.push_back(command);
        drop(state);
        self.readable.notify_one();
        true
    }

    /// Makes a waiting consumer return.
    pub fn wake(&self) {
        self.lock().woken = true;
        self.readable.notify_one();
    }

    /// The task is gone: producers are told so from now on, and what is queued is dropped.
    pub fn close(&self) {
        let dropped = {
            let mut state = self.lock();
            state.closed = true;
            state.elements = 0;
            state.commands.clear();
            state.queues.iter_mut().map(std::mem::take).collect::<Vec<_>>()
        };
        drop(dropped);
        // One producer a channel; a permit is kept for one that is about to wait.
        self.room.iter().for_each(Notify::notify_one);
    }

    /// The next command, without waiting.
    pub fn try_command(&self) -> Option<Command> {
        self.lock().commands.pop_front()
    }

    /// The next command, or an element of a channel that is not blocked; waits until `deadline`. `on_wait` is called once before the
    /// first wait.
    pub fn next(&self, blocked: &[bool], deadline: Instant, on_wait: impl FnOnce()) -> Next {
        let mut on_wait = Some(on_wait);
        let mut state = self.lock();
        loop {
            if let Some(command) = state.commands.pop_front() {
                return Next::Command(command);
            }
            if let Some((channel, element)) = take(&mut state, blocked) {
                drop(state);
                self.room[channel].notify_one();
                return Next::Element(channel, element);
            }
            let wait = deadline.saturating_duration_since(Instant::now());
            if std::mem::take(&mut state.woken) || wait.is_zero() {
                return Next::Nothing;
            }
            if let Some(on_wait) = on_wait.take() {
                on_wait();
            }
            state = self.readable.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Elements that wait, over all channels.
    pub fn queued(&self) -> usize {
        self.lock().elements
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves queues that are still queues.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(state: &mut State, blocked: &[bool]) -> Option<(usize, Element)> {
    if state.elements == 0 {
        return None;
    }
    let channels = state.queues.len();
    for step in 0..channels {
        let channel = (state.turn + step) % channels;
        if blocked.get(channel).copied().unwrap_or(false) {
            continue;
        }
        if let Some(element) = state.queues[channel].pop_front() {
            state.elements -= 1;
            state.turn = (channel + 1) % channels;
            return Some((channel, element));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use irmak_common::time::Watermark;

    use super::*;

    fn mark(at: i64) -> Element {
        Element::Watermark(Watermark(at))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn channel_of(next: Next) -> Option<usize> {
        match next {
            Next::Element(channel, _) => Some(channel),
            _ => None,
        }
    }

    #[test]
    fn channels_take_turns() {
        let inbox = Inbox::new(2);
        (0..3).for_each(|at| inbox.try_push(0, mark(at)).unwrap());
        inbox.try_push(1, mark(0)).unwrap();
        let order: Vec<_> = (0..4).map(|_| channel_of(inbox.next(&[false, false], soon(), || ())).unwrap()).collect();
        assert_eq!(order, [0, 1, 0, 0]);
    }

    #[test]
    fn a_blocked_channel_keeps_its_elements() {
        let inbox = Inbox::new(2);
        inbox.try_push(0, mark(1)).unwrap();
        assert!(matches!(inbox.next(&[true, false], Instant::now(), || ()), Next::Nothing));
        assert_eq!(channel_of(inbox.next(&[false, false], soon(), || ())), Some(0));
    }

    #[test]
    fn commands_go_before_elements() {
        let inbox = Inbox::new(1);
        inbox.try_push(0, mark(1)).unwrap();
        assert!(inbox.command(Command::Stop));
        assert!(matches!(inbox.next(&[false], soon(), || ()), Next::Command(Command::Stop)));
    }

    #[test]
    fn a_full_channel_gives_the_element_back_until_there_is_room() {
        let inbox = Inbox::new(1);
        (0..CHANNEL_ELEMENTS_MAX as i64).for_each(|at| inbox.try_push(0, mark(at)).unwrap());
        assert!(matches!(inbox.try_push(0, mark(99)), Err(PushError::Full(Element::Watermark(Watermark(99))))));
        inbox.next(&[false], soon(), || ());
        inbox.try_push(0, mark(99)).unwrap();
        assert_eq!(inbox.queued(), CHANNEL_ELEMENTS_MAX);
    }

    #[tokio::test]
    async fn a_waiting_producer_hears_that_the_task_is_gone() {
        let inbox = Arc::new(Inbox::new(1));
        (0..CHANNEL_ELEMENTS_MAX as i64).for_each(|at| inbox.try_push(0, mark(at)).unwrap());
        let producer = irmak_runtime::tasks::spawn("producer", {
            let inbox = inbox.clone();
            async move { inbox.push(0, mark(99)).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        inbox.close();
        assert!(!producer.await.unwrap());
    }

    #[tokio::test]
    async fn a_waiting_producer_goes_on_when_there_is_room() {
        let inbox = Arc::new(Inbox::new(1));
        let producer = irmak_runtime::tasks::spawn("producer", {
            let inbox = inbox.clone();
            async move {
                for at in 0..100 {
                    assert!(inbox.push(0, mark(at)).await);
                }
            }
        });
        let consumer = std::thread::spawn(move || (0..100).filter(|_| channel_of(inbox.next(&[false], soon(), || ())).is_some()).count());
        producer.await.unwrap();
        assert_eq!(consumer.join().unwrap(), 100);
    }

    #[test]
    fn a_woken_consumer_returns_before_its_deadline() {
        let inbox = Inbox::new(1);
        inbox.wake();
        assert!(matches!(inbox.next(&[false], soon(), || ()), Next::Nothing));
    }
}
