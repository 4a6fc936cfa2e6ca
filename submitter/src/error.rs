//! What a client can fail with, and the exit code of each.

use irmak_common::error::Diagnostic;

/// A verb that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SubmitterError {
    /// The script is wrong.
    #[error("{0}")]
    Script(Box<Diagnostic>),
    /// The script cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// As given.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody answers at the JobManager's address.
    #[error(
        "no JobManager answered at {address} within {waited_s} s ({reason}); start one with `irmak jobmanager`, or name another with -m HOST:PORT"
    )]
    Unreachable {
        /// host:port
        address: String,
        /// Seconds.
        waited_s: u64,
        /// The last answer.
        reason: String,
    },
    /// An address that is none.
    #[error("`{address}` is not an address: HOST:PORT is expected, as in localhost:8081")]
    Address {
        /// As given.
        address: String,
    },
    /// The JobManager refused, or failed.
    #[error("{0}")]
    Refused(String),
    /// The job ended, but not well.
    #[error("job {job} {state}: {message}")]
    JobEnded {
        /// Its id.
        job: String,
        /// `failed` or `was canceled`.
        state: &'static str,
        /// Why.
        message: String,
    },
    /// Statements of a script failed that went on behind them; each has been told already.
    #[error("error: {failed} of {statements} statements failed")]
    Statements {
        /// How many.
        failed: usize,
        /// Of how many.
        statements: usize,
    },
    /// Ctrl-C, where nobody is there to go on.
    #[error("interrupted")]
    Interrupted,
    /// The terminal cannot be read.
    #[error("cannot read the terminal: {0}")]
    Terminal(String),
    /// The result cannot be written.
    #[error("cannot write the result: {0}")]
    Output(std::io::Error),
    /// What the JobManager sent makes no sense to this client.
    #[error("the JobManager's answer cannot be read: {0}; is it of another version?")]
    Answer(String),
}

impl SubmitterError {
    /// 1: the job or the request failed. 3: nobody answered. 130: interrupted.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 3,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

impl From<tonic::Status> for SubmitterError {
    fn from(status: tonic::Status) -> Self {
        match serde_json::from_slice::<Diagnostic>(status.details()) {
            Ok(diagnostic) => Self::Script(Box::new(diagnostic)),
            Err(_) => Self::Refused(format!("error: {}", status.message())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use irmak_common::error::Position;

    #[test]
    fn a_wrong_script_reads_on_the_terminal_as_the_job_manager_told_it() {
        let place = Position { line: 1, column: 8, length: 5 };
        let mut told = Diagnostic::new("E0207", "column `prise` is not in table `t`").at("SELECT prise FROM t", place);
        told.label = Some("did you mean `price`?".into());
        told.notes.push("columns: id, price".into());
        let details = serde_json::to_vec(&told).unwrap();
        let status = tonic::Status::with_details(tonic::Code::InvalidArgument, told.message.clone(), details.into());
        assert_eq!(SubmitterError::from(status).to_string(), told.to_string());
    }
}
