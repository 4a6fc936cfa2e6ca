//! The clients' side: the gRPC service `Jobs`, on the REST port.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use irmak_common::error::{Diagnostic, nearest};
use irmak_common::id::JobId;
use irmak_common::job_graph::JobGraph;
use irmak_common::status::JobStatus;
use irmak_planner as planner;
use irmak_proto::v1;
use irmak_runtime::roots::FileRoots;
use irmak_runtime::tasks;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::actor::{Handle, Message};
use crate::collect::{Next, Results};
use crate::core::event::Event;
use crate::core::job::Job;
use crate::core::record::{NewJob, Outcome, StatementOutcome, Submission};
use crate::progress;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// See the module's page.
pub(crate) struct Jobs {
    pub(crate) actor: Handle,
    pub(crate) configuration: Arc<BTreeMap<String, String>>,
    /// Which folders a submission may name.
    pub(crate) roots: FileRoots,
    /// URI of the cluster's own checkpoints.
    pub(crate) checkpoint_dir: String,
}

impl Jobs {
    async fn plan_script(&self, request: &v1::SubmitRequest) -> Result<(Vec<planner::Statement>, bool), Status> {
        let format = match request.format.as_str() {
            "sql" => planner::Format::Sql,
            "yaml" => planner::Format::Yaml,
            "json" => planner::Format::Json,
            other => return Err(Status::invalid_argument(format!("`{other}` is not a format: sql, yaml or json is expected"))),
        };
        let mut configuration = self.configuration.as_ref().clone();
        configuration.extend(request.configuration.clone());
        let one_by_one = configuration.get("table.dml-sync").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let (file, text, line, session) = (request.file_name.clone(), request.script.clone(), request.line, request.session.clone());
        let planned = tasks::spawn_blocking(move || {
            let earlier: Vec<planner::Part<'_>> =
                session.iter().map(|part| planner::Part { file: &part.file_name, text: &part.script, line: part.line }).collect();
            let request = planner::Request { file: &file, text: &text, format, configuration: &configuration };
            planner::plan_in(&earlier, line, &request)
        });
        let statements = planned.await.map_err(|error| Status::internal(format!("the planner failed: {error}")))?;
        match statements {
            Ok(statements) => Ok((statements, one_by_one)),
            Err(diagnostic) => {
                self.actor.tell(Message::Refused(diagnostic.to_string())).await;
                Err(rejected(&diagnostic))
            }
        }
    }
}

impl Jobs {
    /// Whether the cluster may read and write where these jobs want their checkpoints.
    fn check_folders(&self, submission: &Submission) -> Result<(), String> {
        for job in &submission.jobs {
            let dir = job.graph.options.checkpointing.as_ref().and_then(|options| options.dir.as_deref());
            for (what, uri) in [("execution.checkpointing.dir", dir), ("the checkpoint to begin with", job.restore_from.as_deref())] {
                let allowed = uri.map_or(Ok(()), |uri| self.roots.check(uri, &self.checkpoint_dir));
                allowed.map_err(|reason| format!("{what}: {reason}"))?;
            }
        }
        Ok(())
    }
}

/// A wrong script, with the diagnostic for machines in the details.
fn rejected(diagnostic: &Diagnostic) -> Status {
    let details = serde_json::to_vec(diagnostic).unwrap_or_default();
    Status::with_details(Code::InvalidArgument, diagnostic.message.clone(), details.into())
}

#[tonic::async_trait]
impl v1::jobs_server::Jobs for Jobs {
    type WatchStream = Answers<v1::JobProgress>;
    type CollectStream = Answers<v1::CollectResponse>;

    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitResponse>, Status> {
        let request = request.into_inner();
        let id = request.submission_id.clone();
        if id.is_empty() {
            return Err(Status::invalid_argument("a submission needs an id of its own"));
        }
        if let Some(known) = outcome(&self.actor, &id).await? {
            return Ok(Response::new(known));
        }
        let (statements, one_by_one) = self.plan_script(&request).await?;
        let savepoint = (!request.savepoint_path.is_empty()).then_some(request.savepoint_path);
        let submission = submission(id.clone(), statements, savepoint, one_by_one);
        self.check_folders(&submission).map_err(Status::permission_denied)?;
        if submission.jobs.is_empty() {
            // Nothing starts, so nothing needs to be remembered: planned again, it says the same again.
            return Ok(Response::new(progress::response(&submission.outcomes)));
        }
        self.actor.tell(Message::Event(Event::Submit(Box::new(submission)))).await;
        let known = outcome(&self.actor, &id).await?;
        known.map(Response::new).ok_or_else(|| Status::unavailable("the submission was not taken; submit it again"))
    }

    async fn plan(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::PlanResponse>, Status> {
        let (statements, _) = self.plan_script(&request.into_inner()).await?;
        let graphs: Vec<JobGraph> = statements
            .into_iter()
            .filter_map(|statement| match statement.outcome {
                planner::Outcome::Job(graph) => Some(graph),
                _ => None,
            })
            .collect();
        let text: Vec<String> = graphs.iter().map(planner::explain::text).collect();
        let json = serde_json::Value::Array(graphs.iter().map(planner::explain::json).collect());
        Ok(Response::new(v1::PlanResponse { text: text.join("\n\n"), json: format!("{json:#}") }))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let job = find(&self.actor, &request.get_ref().job_id).await?;
        let (sender, receiver) = mpsc::channel(4);
        tasks::spawn("watch", watch(self.actor.clone(), job, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn collect(&self, request: Request<v1::CollectRequest>) -> Result<Response<Self::CollectStream>, Status> {
        let job = find(&self.actor, &request.get_ref().job_id).await?;
        let (reply, answer) = oneshot::channel();
        self.actor.tell(Message::Collect(job, reply)).await;
        let results = answer.await.map_err(|_| Status::unavailable("the JobManager is shutting down"))?;
        let results = results.ok_or_else(|| Status::not_found(format!("job {job} has no rows to send, or has them no longer")))?;
        if !results.take() {
            return Err(Status::failed_precondition("another client receives the rows of this job"));
        }
        let (sender, receiver) = mpsc::channel(4);
        tasks::spawn("collect", hand_out(self.actor.clone(), job, results, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list(&self, _: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        let jobs = self.actor.look(|view| view.core.jobs().map(progress::entry).collect()).await?;
        Ok(Response::new(v1::ListResponse { jobs }))
    }

    async fn cancel(&self, request: Request<v1::CancelRequest>) -> Result<Response<v1::CancelResponse>, Status> {
        let job = find(&self.actor, &request.get_ref().job_id).await?;
        // Asked twice, a cancellation says the same twice.
        still_open(&self.actor, job, "cancel", JobStatus::Canceled).await?;
        self.actor.tell(Message::Event(Event::Cancel(job))).await;
        ended(&self.actor, job).await?;
        Ok(Response::new(v1::CancelResponse {}))
    }

    async fn stop(&self, request: Request<v1::StopRequest>) -> Result<Response<v1::StopResponse>, Status> {
        let job = find(&self.actor, &request.get_ref().job_id).await?;
        still_open(&self.actor, job, "stop", JobStatus::Finished).await?;
        if self.actor.look(move |view| view.core.job(job).is_some_and(Job::is_batch)).await? {
            let message = format!("{job} is a batch job: it says its answer at its end; let it end, or cancel it");
            return Err(Status::failed_precondition(message));
        }
        self.actor.tell(Message::Event(Event::Stop(job))).await;
        let state = ended(&self.actor, job).await?;
        Ok(Response::new(v1::StopResponse { state }))
    }

    async fn health(&self, _: Request<v1::HealthRequest>) -> Result<Response<v1::HealthResponse>, Status> {
        let health = self.actor.look(|view| {
            let cluster = view.core.cluster();
            v1::HealthResponse {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                task_managers: cluster.all().count() as u32,
                slots_total: cluster.slots_total(),
                slots_available: cluster.slots_free(),
            }
        });
        Ok(Response::new(health.await?))
    }
}

fn submission(id: String, statements: Vec<planner::Statement>, savepoint: Option<String>, one_by_one: bool) -> Submission {
    let (mut jobs, mut outcomes): (Vec<NewJob>, Vec<StatementOutcome>) = (Vec::new(), Vec::new());
    for statement in statements {
        let mut warnings = statement.warnings;
        let outcome = match statement.outcome {
            planner::Outcome::Job(graph) => {
                warnings.extend(graph.warnings.clone());
                let job = JobId::random();
                let after = jobs.last().map(|job| job.id).filter(|_| one_by_one);
                let (name, collect) = (graph.name.clone(), graph.collect.clone());
                jobs.push(NewJob { id: job, graph: Arc::new(graph), after, restore_from: savepoint.clone() });
                Outcome::Job { id: job, name, collect }
            }
            planner::Outcome::Table { columns, rows, plain } => Outcome::Table { columns, rows, plain },
            planner::Outcome::None => Outcome::None,
        };
        outcomes.push(StatementOutcome { warnings, outcome });
    }
    Submission { id, jobs, outcomes }
}

async fn outcome(actor: &Handle, id: &str) -> Result<Option<v1::SubmitResponse>, Status> {
    let id = id.to_owned();
    actor.look(move |view| view.core.submission(&id).map(progress::response)).await
}

async fn find(actor: &Handle, text: &str) -> Result<JobId, Status> {
    let job: JobId = text.parse().map_err(|error: irmak_common::id::ParseIdError| Status::invalid_argument(error.to_string()))?;
    let near = actor.look(move |view| match view.core.job(job) {
        Some(_) => Ok(()),
        None => {
            let ids: Vec<String> = view.core.jobs().map(|job| job.id.to_string()).collect();
            Err(nearest(&job.to_string(), ids.iter().map(String::as_str)).map(str::to_owned))
        }
    });
    match near.await? {
        Ok(()) => Ok(job),
        Err(Some(near)) => Err(Status::not_found(format!("job {job} is not known; did you mean {near}?"))),
        Err(None) => Err(Status::not_found(format!("job {job} is not known; `irmak list -a` shows all jobs"))),
    }
}

/// Refuses to end a job that has ended otherwise than `wanted`.
async fn still_open(actor: &Handle, job: JobId, verb: &str, wanted: JobStatus) -> Result<(), Status> {
    let status = actor.look(move |view| view.core.job(job).map(|job| job.status)).await?;
    match status.filter(|status| status.is_terminal() && *status != wanted) {
        Some(status) => Err(Status::failed_precondition(format!("job {job} is {status}: there is nothing to {verb}"))),
        None => Ok(()),
    }
}

/// The state a job ended in, once it has.
async fn ended(actor: &Handle, job: JobId) -> Result<String, Status> {
    let mut changes = actor.changes();
    loop {
        changes.mark_unchanged();
        let state = actor.look(move |view| view.core.job(job).map_or(JobStatus::Finished, |job| job.status)).await?;
        if state.is_terminal() {
            return Ok(state.to_string());
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), changes.changed()).await;
    }
}

/// Sends a job's rows to its one client. A client that goes before the end leaves the job without an audience: it is cancelled.
async fn hand_out(actor: Handle, job: JobId, results: Arc<Results>, sender: mpsc::Sender<Result<v1::CollectResponse, Status>>) {
    loop {
        let next = tokio::select! {
            next = results.next() => next,
            () = sender.closed() => break,
        };
        match next {
            Next::Rows(upto, arrow_ipc) => {
                if sender.send(Ok(v1::CollectResponse { arrow_ipc })).await.is_err() {
                    break;
                }
                actor.tell(Message::Consumed(job, upto)).await;
            }
            Next::End => return,
            Next::Broken(reason) => {
                let _ = sender.send(Err(Status::aborted(reason))).await;
                break;
            }
        }
    }
    tracing::info!("job {job} is cancelled: nobody receives its rows any more");
    actor.tell(Message::Event(Event::Cancel(job))).await;
}

async fn watch(actor: Handle, job: JobId, sender: mpsc::Sender<Result<v1::JobProgress, Status>>) {
    let mut changes = actor.changes();
    loop {
        changes.mark_unchanged();
        let seen =
            actor.look(move |view| view.core.job(job).map(|found| (progress::progress(view, found), found.status.is_terminal()))).await;
        let Ok(Some((progress, over))) = seen else { return };
        if sender.send(Ok(progress)).await.is_err() || over {
            return;
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), changes.changed()).await;
        // Many changes in a moment make one message.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
