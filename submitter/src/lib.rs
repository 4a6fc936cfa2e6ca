//! The client verbs: sql, run, list, cancel, stop, info. Everything they know of a cluster is the gRPC service `Jobs`.
//!
//! Results go to standard output, everything else to standard error; the exit code says how it ended.

pub mod args;
pub mod error;

mod cancel;
mod collect;
mod connect;
mod info;
mod list;
mod output;
mod progress;
mod run;
mod script;
mod sql;
mod stop;

pub use args::{RunArgs, SqlArgs, Target, Verb};
pub use error::SubmitterError;

/// Carries out one verb.
///
/// # Errors
/// Says what went wrong and what to do; [`SubmitterError::exit_code`] is the process's.
pub async fn execute(verb: Verb) -> Result<(), SubmitterError> {
    match verb {
        Verb::Sql(args) => sql::sql(args).await,
        Verb::Run(args) => run::run(args).await,
        Verb::List(args) => list::list(args).await,
        Verb::Cancel(args) => cancel::cancel(args).await,
        Verb::Stop(args) => stop::stop(args).await,
        Verb::Info(args) => info::info(args).await,
    }
}
