//! A session: what its statements have made so far, and the carrying out of the next one.
//!
//! The session is a list of accepted statements (CREATE, DROP, SET, RESET, USE), kept here and sent along with each new one: the
//! JobManager plans them together and remembers nothing, so a session outlives its restart.

use irmak_proto::v1;
use irmak_proto::v1::statement_outcome::Outcome;

use super::command::{self, Command};
use super::split::Piece;
use super::words::Words;
use crate::args::OutputFormat;
use crate::collect::{self, Watched};
use crate::connect::Client;
use crate::error::SubmitterError;
use crate::output::result_table;
use crate::{progress, run, stop};

/// See the module's page.
pub(crate) struct Session {
    client: Client,
    configuration: Vec<(String, String)>,
    output: OutputFormat,
    earlier: Vec<v1::ScriptPart>,
    /// Jobs of this session that were not waited for.
    pub(crate) submitted: Vec<String>,
}

/// How a statement was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The next one may come.
    Next,
    /// A person ended a query: the next one may come, where a person is there to give it.
    Interrupted,
    /// QUIT.
    Quit,
}

impl Session {
    pub(crate) fn new(client: Client, configuration: Vec<(String, String)>, output: OutputFormat) -> Self {
        Self { client, configuration, output, earlier: Vec::new(), submitted: Vec::new() }
    }

    /// How many statements have changed the session.
    pub(crate) fn statements(&self) -> usize {
        self.earlier.len()
    }

    /// Carries out one statement; rows and answers go to standard output, words about them to standard error.
    pub(crate) async fn execute(&mut self, file: &str, piece: &Piece) -> Result<Done, SubmitterError> {
        match command::of(&piece.text) {
            Some(Command::Quit) => Ok(Done::Quit),
            Some(Command::Help) => {
                eprintln!("{}", command::HELP);
                Ok(Done::Next)
            }
            Some(Command::Clear) => {
                eprint!("\x1b[H\x1b[2J");
                Ok(Done::Next)
            }
            Some(Command::ShowJobs) => {
                let jobs = self.client.list(v1::ListRequest {}).await?.into_inner().jobs;
                self.print(&command::table_of(&jobs))?;
                Ok(Done::Next)
            }
            Some(Command::StopJob(job)) => {
                stop::stop_job(&mut self.client, &job).await?;
                Ok(Done::Next)
            }
            None => {
                let answer = tokio::select! {
                    () = interrupt() => return Ok(Done::Interrupted),
                    answer = self.plan(file, piece) => answer?,
                };
                self.carry_out(answer, file, piece).await
            }
        }
    }

    /// What the JobManager makes of a statement; jobs in it run when this returns.
    async fn plan(&self, file: &str, piece: &Piece) -> Result<v1::SubmitResponse, SubmitterError> {
        run::submit(&mut self.client.clone(), self.request(file, piece)).await
    }

    fn request(&self, file: &str, piece: &Piece) -> v1::SubmitRequest {
        v1::SubmitRequest {
            submission_id: uuid::Uuid::new_v4().simple().to_string(),
            file_name: file.to_owned(),
            format: "sql".to_owned(),
            script: piece.text.clone(),
            configuration: self.configuration.iter().cloned().collect(),
            session: self.earlier.clone(),
            line: piece.line,
            ..Default::default()
        }
    }

    async fn carry_out(&mut self, answer: v1::SubmitResponse, file: &str, piece: &Piece) -> Result<Done, SubmitterError> {
        let mut done = Done::Next;
        for outcome in answer.outcomes {
            outcome.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            match outcome.outcome {
                Some(Outcome::Table(table)) => self.print(&table)?,
                Some(Outcome::Job(job)) => {
                    // CREATE TABLE AS makes a table too; planned again, its job is not.
                    if command::creates(&piece.text) {
                        self.keep(file, piece);
                    }
                    done = self.follow(job).await?;
                }
                // Whatever gives no answer has changed the session.
                None => {
                    self.keep(file, piece);
                    eprintln!("[INFO] Execute statement succeeded.");
                }
            }
        }
        Ok(done)
    }

    /// Makes a statement part of the session.
    fn keep(&mut self, file: &str, piece: &Piece) {
        self.earlier.push(v1::ScriptPart { file_name: file.to_owned(), line: piece.line, script: piece.text.clone() });
    }

    async fn follow(&mut self, job: v1::SubmittedJob) -> Result<Done, SubmitterError> {
        if !job.collect_schema.is_empty() {
            return Ok(match collect::collect(&mut self.client, &job, self.output).await? {
                Watched::ToItsEnd => Done::Next,
                Watched::UntilInterrupted => {
                    eprintln!("Query cancelled.");
                    Done::Interrupted
                }
            });
        }
        match self.output {
            OutputFormat::Table => println!("Job ID: {}", job.job_id),
            OutputFormat::Jsonl => println!("{}", serde_json::json!({ "job_id": job.job_id })),
        }
        if !self.waits().await? {
            self.submitted.push(job.job_id);
            return Ok(Done::Next);
        }
        tokio::select! {
            end = progress::follow(&mut self.client, &job.job_id) => end.map(|()| Done::Next),
            () = interrupt() => {
                eprintln!("\nThe job runs on; `irmak cancel {}` ends it.", job.job_id);
                self.submitted.push(job.job_id);
                Ok(Done::Interrupted)
            }
        }
    }

    /// `table.dml-sync`: whether INSERT waits for its job to end.
    async fn waits(&self) -> Result<bool, SubmitterError> {
        let settings = self.answer("SET;").await?;
        let yes = |row: &Vec<String>| row.len() == 2 && row[0] == "table.dml-sync" && row[1].trim().eq_ignore_ascii_case("true");
        Ok(settings.iter().any(yes))
    }

    /// Waits for the jobs that were not waited for, one after the other.
    pub(crate) async fn wait_for_submitted(&mut self) -> Result<(), SubmitterError> {
        for job in std::mem::take(&mut self.submitted) {
            progress::follow(&mut self.client, &job).await?;
        }
        Ok(())
    }

    /// The names that a person may type now: tables, views, their columns, functions.
    pub(crate) async fn words(&self) -> Result<Words, SubmitterError> {
        let first = |rows: Vec<Vec<String>>| rows.into_iter().filter_map(|row| row.into_iter().next()).collect::<Vec<String>>();
        let tables = first(self.answer("SHOW TABLES;").await?);
        let functions = first(self.answer("SHOW FUNCTIONS;").await?);
        let describe: String = tables.iter().map(|table| format!("DESCRIBE `{}`; ", table.replace('`', "``"))).collect();
        let columns = if tables.is_empty() { Vec::new() } else { first(self.answer(&describe).await?) };
        Ok(Words::new(tables, columns, functions))
    }

    /// The rows that statements of the planner's own answer with, NULL as an empty text.
    async fn answer(&self, script: &str) -> Result<Vec<Vec<String>>, SubmitterError> {
        let piece = Piece { text: script.to_owned(), line: 1, ended: true };
        let answer = self.plan("session", &piece).await?;
        let tables = answer.outcomes.into_iter().filter_map(|outcome| match outcome.outcome {
            Some(Outcome::Table(table)) => Some(table.rows),
            _ => None,
        });
        Ok(tables.flatten().map(|row| row.cells.into_iter().map(|cell| cell.text.unwrap_or_default()).collect()).collect())
    }

    fn print(&self, table: &v1::ResultTable) -> Result<(), SubmitterError> {
        result_table::print(table, self.output).map_err(SubmitterError::Output)
    }
}

/// Ctrl-C, once.
async fn interrupt() {
    // Where the signal cannot be listened to, it ends the process, as ever.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
