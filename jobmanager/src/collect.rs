//! Rows on their way from a collect sink to a client: kept until the client takes them, bounded by the credit given to the sink.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use irmak_common::id::JobId;
use irmak_common::limits::COLLECT_ROWS_MAX;
use irmak_proto::v1;
use tokio::sync::Notify;

/// One job's rows.
#[derive(Debug, Default)]
pub struct Results {
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    parts: VecDeque<(u64, Vec<u8>)>,
    ended: bool,
    taken: bool,
}

/// What a client finds.
pub enum Next {
    /// Rows, and the offset behind them.
    Rows(u64, Vec<u8>),
    /// None follow.
    End,
}

impl Results {
    fn with<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        change(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// No rows follow.
    pub fn end(&self) {
        self.with(|queue| queue.ended = true);
        self.news.notify_one();
    }

    /// Takes the client's place; `false` when another has it.
    pub fn take(&self) -> bool {
        self.with(|queue| !std::mem::replace(&mut queue.taken, true))
    }

    /// The next rows, waiting for them.
    pub async fn next(&self) -> Next {
        loop {
            let news = self.news.notified();
            let found = self.with(|queue| match queue.parts.pop_front() {
                Some((upto, bytes)) => Some(Next::Rows(upto, bytes)),
                None if queue.ended => Some(Next::End),
                None => None,
            });
            match found {
                Some(found) => return found,
                None => news.await,
            }
        }
    }
}

/// All jobs' rows.
#[derive(Debug, Default)]
pub struct Collects {
    jobs: BTreeMap<JobId, (Arc<Results>, Option<v1::Attempt>)>,
    /// Jobs that have ended, oldest first: a client may ask for their rows a moment later.
    ended: VecDeque<JobId>,
}

/// Ended jobs whose rows are kept.
const ENDED_MAX: usize = 64;

impl Collects {
    /// Rows came.
    pub fn received(&mut self, rows: v1::CollectedRows) {
        let Some(job) = rows.attempt.as_ref().and_then(|attempt| attempt.job.parse::<JobId>().ok()) else { return };
        let (results, attempt) = self.jobs.entry(job).or_default();
        *attempt = rows.attempt;
        let upto = rows.offset + u64::from(rows.rows);
        results.with(|queue| {
            if rows.rows > 0 {
                queue.parts.push_back((upto, rows.arrow_ipc));
            }
            queue.ended |= rows.end;
        });
        results.news.notify_one();
    }

    /// The job runs no longer: no rows follow. Those that are here wait for the client, which may be slower than a quick job.
    pub fn job_ended(&mut self, job: JobId) {
        let Some((results, _)) = self.jobs.get(&job) else { return };
        results.end();
        if !self.ended.contains(&job) {
            self.ended.push_back(job);
        }
        while self.ended.len() > ENDED_MAX {
            self.ended.pop_front().and_then(|oldest| self.jobs.remove(&oldest));
        }
    }

    /// The rows of a job, present or to come.
    pub fn results(&mut self, job: JobId) -> Arc<Results> {
        Arc::clone(&self.jobs.entry(job).or_default().0)
    }

    /// Who may send how far, when a client has taken rows up to here.
    pub fn allow(&self, job: JobId, upto: u64) -> Option<(v1::Attempt, u64)> {
        let (_, attempt) = self.jobs.get(&job)?;
        Some((attempt.clone()?, upto + COLLECT_ROWS_MAX as u64))
    }
}

#[cfg(test)]
mod tests {
    use irmak_common::id::{AttemptId, SubtaskId, VertexId};

    use super::*;

    fn rows(offset: u64, end: bool) -> v1::CollectedRows {
        let subtask = SubtaskId { vertex: VertexId::of_text("v"), index: 0 };
        let attempt = AttemptId { job: JobId::of_text("j"), subtask, attempt: 0 };
        v1::CollectedRows { attempt: Some(attempt.into()), offset, rows: 1, arrow_ipc: vec![7], end }
    }

    #[tokio::test]
    async fn a_client_that_comes_after_the_end_of_a_quick_job_gets_its_rows() {
        let (mut collects, job) = (Collects::default(), JobId::of_text("j"));
        collects.received(rows(0, false));
        collects.job_ended(job);
        let results = collects.results(job);
        assert!(results.take());
        assert!(matches!(results.next().await, Next::Rows(1, _)));
        assert!(matches!(results.next().await, Next::End));
    }

    #[test]
    fn one_client_has_the_rows() {
        let mut collects = Collects::default();
        let results = collects.results(JobId::of_text("j"));
        assert!(results.take() && !results.take());
    }
}
