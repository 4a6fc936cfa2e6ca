//! Rows on their way from a collect sink to a client: kept until the client takes them, bounded by the credit given to the sink.
//!
//! A short query may be over before its client asks for the rows, so they outlive their job for a while. They are handed out once:
//! where the job was restarted, rows would come again, and the client is told so instead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use irmak_common::id::JobId;
use irmak_common::limits::COLLECT_ROWS_MAX;
use irmak_common::time::Millis;
use irmak_proto::v1;
use tokio::sync::Notify;

/// Milliseconds that the rows of an ended job wait for a client.
const KEPT_MS: Millis = 300_000;

/// One job's rows.
#[derive(Debug, Default)]
pub struct Results {
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    parts: VecDeque<(u64, Vec<u8>)>,
    /// No rows follow: the job is over, or why they are worth nothing.
    closed: Option<Result<(), String>>,
    taken: bool,
}

/// What a client finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Rows, and the offset behind them.
    Rows(u64, Vec<u8>),
    /// None follow.
    End,
    /// What follows would be wrong: why.
    Broken(String),
}

impl Results {
    fn with<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        change(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the client's place; `false` when another has it.
    pub fn take(&self) -> bool {
        self.with(|queue| !std::mem::replace(&mut queue.taken, true))
    }

    /// The next rows, waiting for them.
    pub async fn next(&self) -> Next {
        loop {
            let news = self.news.notified();
            match self.poll() {
                Some(found) => return found,
                None => news.await,
            }
        }
    }

    fn poll(&self) -> Option<Next> {
        self.with(|queue| match (&queue.closed, queue.parts.pop_front()) {
            (Some(Err(reason)), _) => Some(Next::Broken(reason.clone())),
            (_, Some((upto, bytes))) => Some(Next::Rows(upto, bytes)),
            (Some(Ok(())), None) => Some(Next::End),
            (None, None) => None,
        })
    }

    fn push(&self, upto: u64, bytes: Vec<u8>) {
        self.with(|queue| queue.parts.push_back((upto, bytes)));
        self.news.notify_one();
    }

    /// The first reason stands.
    fn close(&self, how: Result<(), String>) {
        self.with(|queue| {
            queue.closed.get_or_insert(how);
        });
        self.news.notify_one();
    }
}

#[derive(Debug, Default)]
struct Entry {
    results: Arc<Results>,
    /// Who sends.
    attempt: Option<v1::Attempt>,
    ended_at: Option<Millis>,
}

/// All jobs' rows.
#[derive(Debug, Default)]
pub struct Collects {
    jobs: BTreeMap<JobId, Entry>,
}

impl Collects {
    /// Rows came.
    pub fn received(&mut self, rows: v1::CollectedRows) {
        let Some(job) = rows.attempt.as_ref().and_then(|attempt| attempt.job.parse::<JobId>().ok()) else { return };
        let entry = self.jobs.entry(job).or_default();
        if entry.attempt.is_some() && entry.attempt != rows.attempt {
            let reason = "the job was restarted while its rows were being sent, and they would come again; submit the query again";
            return entry.results.close(Err(reason.to_owned()));
        }
        entry.attempt = rows.attempt;
        if rows.rows > 0 {
            entry.results.push(rows.offset + u64::from(rows.rows), rows.arrow_ipc);
        }
    }

    /// A job that collects runs no longer: no rows follow those that are here.
    pub fn job_ended(&mut self, job: JobId, now: Millis) {
        let entry = self.jobs.entry(job).or_default();
        entry.ended_at.get_or_insert(now);
        entry.results.close(Ok(()));
    }

    /// The rows of a job that collects, present or to come. `over`: it has ended, and where nothing is here nothing will be.
    pub fn results(&mut self, job: JobId, over: bool) -> Option<Arc<Results>> {
        if over {
            return self.jobs.get(&job).map(|entry| Arc::clone(&entry.results));
        }
        Some(Arc::clone(&self.jobs.entry(job).or_default().results))
    }

    /// Who may send how far, when a client has taken rows up to here.
    pub fn allow(&self, job: JobId, upto: u64) -> Option<(v1::Attempt, u64)> {
        let attempt = self.jobs.get(&job)?.attempt.clone()?;
        Some((attempt, upto + COLLECT_ROWS_MAX as u64))
    }

    /// Drops what nobody came for.
    pub fn forget(&mut self, now: Millis) {
        self.jobs.retain(|_, entry| entry.ended_at.is_none_or(|at| now - at < KEPT_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId::from_u128(7);

    fn rows(attempt: u32, offset: u64, rows: u32) -> v1::CollectedRows {
        let attempt = v1::Attempt { job: JOB.to_string(), vertex: JOB.to_string(), subtask: 0, attempt };
        v1::CollectedRows { attempt: Some(attempt), offset, rows, arrow_ipc: vec![offset as u8], end: false }
    }

    fn drain(results: &Results) -> Vec<Next> {
        std::iter::from_fn(|| results.poll()).take(5).collect()
    }

    #[test]
    fn rows_outlive_their_job_until_a_client_comes() {
        let mut collects = Collects::default();
        collects.received(rows(0, 0, 3));
        collects.job_ended(JOB, 0);
        let results = collects.results(JOB, true).unwrap();
        assert_eq!(drain(&results)[..2], [Next::Rows(3, vec![0]), Next::End]);
        collects.forget(KEPT_MS);
        assert!(collects.results(JOB, true).is_none(), "nothing is kept for ever");
    }

    #[test]
    fn a_job_that_ended_without_rows_has_an_end_all_the_same() {
        let mut collects = Collects::default();
        collects.job_ended(JOB, 0);
        assert_eq!(drain(&collects.results(JOB, true).unwrap())[0], Next::End);
    }

    #[test]
    fn rows_of_a_second_attempt_are_refused_in_words() {
        let mut collects = Collects::default();
        collects.received(rows(0, 0, 3));
        collects.received(rows(1, 0, 3));
        collects.job_ended(JOB, 0);
        let Next::Broken(words) = &drain(&collects.results(JOB, true).unwrap())[0] else { panic!("rows came twice") };
        assert!(words.contains("restarted"), "{words}");
    }

    #[test]
    fn a_client_has_its_place_alone() {
        let results = Results::default();
        assert!(results.take() && !results.take());
    }

    #[test]
    fn credit_reaches_as_far_as_the_bound_beyond_what_was_taken() {
        let mut collects = Collects::default();
        assert_eq!(collects.allow(JOB, 10), None, "nobody has sent anything yet");
        collects.received(rows(0, 0, 3));
        assert_eq!(collects.allow(JOB, 3).unwrap().1, 3 + COLLECT_ROWS_MAX as u64);
    }
}
