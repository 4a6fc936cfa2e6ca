//! Which TaskManagers are alive, decided from what was heard and when.
//!
//! A TaskManager is lost when its stream ends, or when nothing was heard for `timeout`. It is lost exactly once, and only a new
//! registration, which carries a new session, brings it back: whatever the old one still says is refused.

use std::collections::BTreeMap;
use std::fmt;

use irmak_common::id::TaskManagerId;
use irmak_common::time::Millis;

use super::event::{Peer, Session};

/// Why a TaskManager counts as gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// Its stream ended.
    StreamEnded,
    /// Nothing was heard for so many milliseconds.
    Silent {
        /// The bound that was passed.
        for_ms: i64,
    },
    /// It opened another stream.
    Replaced,
    /// It was told to stop a task and did not for so many milliseconds.
    Stuck {
        /// The bound that was passed.
        for_ms: i64,
    },
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StreamEnded => f.write_str("its connection ended"),
            Self::Silent { for_ms } => write!(f, "nothing heard for {}", seconds(*for_ms)),
            Self::Replaced => f.write_str("it registered again"),
            Self::Stuck { for_ms } => write!(f, "it did not stop a task within {}", seconds(*for_ms)),
        }
    }
}

/// `5 s`, `0.2 s`.
pub(crate) fn seconds(ms: i64) -> String {
    if ms % 1_000 == 0 { format!("{} s", ms / 1_000) } else { format!("{:.1} s", ms as f64 / 1_000.0) }
}

/// The book of the living.
#[derive(Debug)]
pub struct Liveness {
    timeout_ms: i64,
    heard: BTreeMap<TaskManagerId, (Session, Millis)>,
}

impl Liveness {
    /// Nobody yet. `timeout_ms`: Flink's `heartbeat.timeout`.
    pub fn new(timeout_ms: i64) -> Self {
        Self { timeout_ms, heard: BTreeMap::new() }
    }

    /// A TaskManager registered. `false`: a newer session of it is known, this one is refused.
    pub fn registered(&mut self, now: Millis, peer: &Peer) -> bool {
        let newer = self.heard.get(&peer.id).is_some_and(|(session, _)| *session > peer.session);
        if !newer {
            self.heard.insert(peer.id.clone(), (peer.session, now));
        }
        !newer
    }

    /// Something was said. `false`: by one that is lost or replaced; it is not to be listened to.
    pub fn heard(&mut self, now: Millis, peer: &Peer) -> bool {
        match self.heard.get_mut(&peer.id) {
            Some((session, at)) if *session == peer.session => {
                *at = now;
                true
            }
            _ => false,
        }
    }

    /// Strikes one out. `false`: it was not in the book with this session.
    pub fn lose(&mut self, peer: &Peer) -> bool {
        let known = self.heard.get(&peer.id).is_some_and(|(session, _)| *session == peer.session);
        if known {
            self.heard.remove(&peer.id);
        }
        known
    }

    /// Strikes out and returns those that were silent too long.
    pub fn on_tick(&mut self, now: Millis) -> Vec<(Peer, LossReason)> {
        let silent: Vec<Peer> = self
            .heard
            .iter()
            .filter(|(_, (_, at))| now - at >= self.timeout_ms)
            .map(|(id, (session, _))| Peer { id: id.clone(), session: *session })
            .collect();
        silent.iter().for_each(|peer| {
            self.heard.remove(&peer.id);
        });
        silent.into_iter().map(|peer| (peer, LossReason::Silent { for_ms: self.timeout_ms })).collect()
    }

    /// When a TaskManager was last heard.
    pub fn last_heard(&self, id: &TaskManagerId) -> Option<Millis> {
        self.heard.get(id).map(|(_, at)| *at)
    }

    /// The session of a living TaskManager.
    pub fn session(&self, id: &TaskManagerId) -> Option<Session> {
        self.heard.get(id).map(|(session, _)| *session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Registered(u64),
        Heard(u64),
        StreamEnded(u64),
        Tick,
    }
    use Step::*;

    /// Runs a script of (time, step) and compares what was said of "tm": (time, words).
    fn check(script: &[(Millis, Step)], expected: &[(Millis, &str)]) {
        let mut book = Liveness::new(5_000);
        let mut said = Vec::new();
        for (at, step) in script {
            let peer = |session: &u64| Peer { id: TaskManagerId("tm".into()), session: Session(*session) };
            match step {
                Registered(session) if !book.registered(*at, &peer(session)) => said.push((*at, "refused".to_owned())),
                Heard(session) if !book.heard(*at, &peer(session)) => said.push((*at, "refused".to_owned())),
                StreamEnded(session) if book.lose(&peer(session)) => said.push((*at, "lost".to_owned())),
                Tick => said.extend(book.on_tick(*at).into_iter().map(|(_, why)| (*at, why.to_string()))),
                _ => {}
            }
        }
        let said: Vec<(Millis, &str)> = said.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn silence_loses_a_task_manager_once() {
        check(&[(0, Registered(1)), (4_999, Tick), (5_000, Tick), (9_000, Tick)], &[(5_000, "nothing heard for 5 s")]);
    }

    #[test]
    fn a_word_keeps_a_task_manager_alive() {
        check(&[(0, Registered(1)), (4_000, Heard(1)), (8_000, Tick), (9_000, Tick)], &[(9_000, "nothing heard for 5 s")]);
    }

    #[test]
    fn a_zombie_is_refused_after_its_successor_registered() {
        check(&[(0, Registered(1)), (10, Registered(2)), (20, Heard(1)), (30, StreamEnded(1)), (40, Heard(2))], &[(20, "refused")]);
    }

    #[test]
    fn an_older_stream_cannot_push_out_a_newer_one() {
        check(&[(0, Registered(2)), (10, Registered(1)), (20, Heard(2))], &[(10, "refused")]);
    }

    #[test]
    fn the_lost_stays_lost_until_it_registers_again() {
        check(
            &[(0, Registered(1)), (1, StreamEnded(1)), (2, StreamEnded(1)), (3, Heard(1)), (4, Registered(2)), (5, Heard(2))],
            &[(1, "lost"), (3, "refused")],
        );
    }
}
