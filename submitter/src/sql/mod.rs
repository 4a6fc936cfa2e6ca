//! `irmak sql`: statements from a prompt, a file, an argument or a pipe, one after the other, in one session.

mod command;
mod history;
mod prompt;
mod session;
mod split;
mod words;

use std::io::{IsTerminal, Read};

use irmak_common::limits::SCRIPT_BYTES_MAX;
use irmak_proto::v1;

use crate::args::{RunTarget, ScriptFormat, SqlArgs};
use crate::connect::{Client, connect};
use crate::error::SubmitterError;
use crate::script;
use session::{Done, Session};

/// What happens to the rest of a script when a statement fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnError {
    Stop,
    GoOn,
}

pub(crate) async fn sql(args: SqlArgs) -> Result<(), SubmitterError> {
    let client = connect(&args.cluster).await?;
    let mut session = Session::new(client.clone(), args.configuration.clone(), args.output);
    if let Some(init) = &args.init {
        run(&mut session, init, &script::read(init, Some(ScriptFormat::Sql))?.text, OnError::Stop).await?;
    }
    let ended = if let Some(statements) = &args.execute {
        run(&mut session, "-e", statements, OnError::Stop).await
    } else if let Some(file) = args.file.as_ref().or(args.script.as_ref()) {
        run(&mut session, file, &script::read(file, Some(ScriptFormat::Sql))?.text, OnError::Stop).await
    } else if std::io::stdin().is_terminal() {
        welcome(client, &args).await?;
        prompt::run(&mut session, history::path(args.history)).await?;
        farewell(&session, args.target);
        return Ok(());
    } else {
        run(&mut session, "-", &piped()?, OnError::GoOn).await
    };
    // A cluster that lives in this process would take its jobs along.
    if args.target == RunTarget::Local && !matches!(ended, Err(SubmitterError::Interrupted)) {
        let waited = session.wait_for_submitted().await;
        return ended.and(waited);
    }
    ended
}

/// Carries out a script's statements.
async fn run(session: &mut Session, file: &str, script: &str, on_error: OnError) -> Result<(), SubmitterError> {
    let pieces = split::split(script);
    let mut failed = 0;
    for piece in &pieces {
        match session.execute(file, piece).await {
            Ok(Done::Next) => {}
            Ok(Done::Quit) => break,
            Ok(Done::Interrupted) => return Err(SubmitterError::Interrupted),
            Err(error) if on_error == OnError::Stop => return Err(error),
            Err(error) => {
                eprintln!("{error}");
                failed += 1;
            }
        }
    }
    if failed > 0 { Err(SubmitterError::Statements { failed, statements: pieces.len() }) } else { Ok(()) }
}

fn piped() -> Result<String, SubmitterError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(SCRIPT_BYTES_MAX as u64 + 1).read_to_string(&mut text);
    read.map_err(|source| SubmitterError::Read { file: "standard input".to_owned(), source })?;
    if text.len() > SCRIPT_BYTES_MAX {
        return Err(SubmitterError::Refused(format!("error: standard input is larger than {} MiB", SCRIPT_BYTES_MAX >> 20)));
    }
    Ok(text)
}

async fn welcome(mut client: Client, args: &SqlArgs) -> Result<(), SubmitterError> {
    let health = client.health(v1::HealthRequest {}).await?.into_inner();
    let place = match args.target {
        RunTarget::Local => format!("a cluster of this session, its page on http://{}", args.cluster.jobmanager),
        RunTarget::Remote => format!(
            "{}: {} TaskManagers, {} of {} slots free",
            args.cluster.jobmanager, health.task_managers, health.slots_available, health.slots_total
        ),
    };
    eprintln!("Irmak {} on {place}", health.version);
    eprintln!("A statement ends with `;`. HELP; lists them, QUIT; leaves.");
    Ok(())
}

fn farewell(session: &Session, target: RunTarget) {
    let jobs = session.submitted.len();
    if jobs > 0 && target == RunTarget::Local {
        eprintln!("The cluster of this session ends, and with it its {jobs} submitted job{}.", if jobs == 1 { "" } else { "s" });
    }
}
