//! A JobManager and a TaskManager of different versions: neither works with the other, and both say so.

use std::pin::Pin;

use anyhow::{Context, Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::process::{output, tied};
use irmak_e2e::scenario;
use irmak_e2e::wait::seconds;
use irmak_e2e::{places, ports};
use irmak_proto::v1;
use irmak_proto::v1::job_manager_client::JobManagerClient;
use irmak_proto::v1::job_manager_server::{JobManager, JobManagerServer};
use irmak_proto::v1::task_manager_command::Command;
use irmak_proto::v1::task_manager_event::Event;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// The first command that a JobManager has for a TaskManager of this version.
async fn first_word_to(version: &str, rpc_port: u16) -> Result<Command> {
    let mut client = JobManagerClient::connect(format!("http://127.0.0.1:{rpc_port}")).await?;
    let register = v1::Register {
        task_manager: "127.0.0.1:1-abcdef".to_owned(),
        version: version.to_owned(),
        slots: 4,
        data_address: "127.0.0.1:1".to_owned(),
        ..v1::Register::default()
    };
    let event = v1::TaskManagerEvent { event: Some(Event::Register(register)) };
    let said = tokio_stream::once(event).chain(tokio_stream::pending());
    let mut commands = client.attach(said).await?.into_inner();
    commands.message().await?.and_then(|command| command.command).context("the stream ended without a word")
}

#[test]
fn a_job_manager_refuses_a_task_manager_of_another_version_and_says_both() -> Result<()> {
    scenario::run("foreign-taskmanager", |s| {
        let mut cluster = s.cluster(Layout::of(1, 1))?;
        let word = runtime()?.block_on(async { tokio::time::timeout(seconds(60), first_word_to("0.0.1", cluster.rpc_port())).await })??;
        let Command::Refused(refused) = word else { anyhow::bail!("it was taken: {word:?}") };
        ensure!(!refused.retry && refused.reason.contains("0.0.1") && refused.reason.contains("must be the same"), "{refused:?}");
        ensure!(cluster.job_manager().log_text().contains("127.0.0.1:1-abcdef is refused"), "the JobManager's log says nothing");
        cluster.wait_slots(1)?;
        cluster.never_crashed()
    })
}

/// A JobManager of another time: it refuses all.
struct Stranger;

#[tonic::async_trait]
impl JobManager for Stranger {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<v1::TaskManagerCommand, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<v1::TaskManagerEvent>>) -> Result<Response<Self::AttachStream>, Status> {
        let first = request.into_inner().message().await?.and_then(|event| event.event);
        let Some(Event::Register(register)) = first else { return Err(Status::invalid_argument("no registration")) };
        let reason = format!("the TaskManager has version {}, the JobManager 99.0.0; both must be the same", register.version);
        let refused = Command::Refused(v1::Refused { reason, retry: false });
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(v1::TaskManagerCommand { leader_epoch: 1, command: Some(refused) })))))
    }
}

#[test]
fn a_task_manager_that_is_refused_ends_and_says_why() -> Result<()> {
    scenario::run("foreign-jobmanager", |s| {
        let port = ports::free()?;
        let runtime = runtime()?;
        let address = ([127, 0, 0, 1], port).into();
        let server = runtime.spawn(tonic::transport::Server::builder().add_service(JobManagerServer::new(Stranger)).serve(address));
        let mut command = tied(&places::binary()?);
        command.args(["taskmanager", "-D", &format!("jobmanager.rpc.port={port}"), "-D", "metrics.reporter.prom.port=off"]);
        command.current_dir(s.dir());
        let said = output(command, seconds(20));
        server.abort();
        let said = said?;
        ensure!(matches!(said.code, Some(code) if code != 0), "it works for a stranger: {}", said.all());
        for word in ["99.0.0", "both must be the same", &port.to_string()] {
            ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
        }
        Ok(())
    })
}
