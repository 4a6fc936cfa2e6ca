//! What the client does itself: leaving, help, clearing the screen, and Flink's statements about jobs.

use irmak_proto::v1;

/// A statement that is not the planner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Quit,
    Help,
    Clear,
    ShowJobs,
    StopJob(String),
}

/// What HELP says.
pub(crate) const HELP: &str = "\
A statement ends with `;` and may take several lines. Tables, views and settings live as long as the session.

  SELECT ...;              streams its rows until Ctrl-C, which cancels the query and nothing else
  INSERT INTO ...;         submits a job and prints its id; SET 'table.dml-sync' = 'true'; waits for its end
  EXECUTE STATEMENT SET BEGIN ... END;   several INSERTs in one job
  CREATE | ALTER | DROP TABLE | VIEW ...;   SHOW TABLES | VIEWS | FUNCTIONS | CREATE TABLE t;   DESCRIBE t;
  SET 'key' = 'value';     RESET 'key';     SET;     shows all settings
  EXPLAIN ...;             the plan of a query, INSERT or statement set
  SHOW JOBS;               STOP JOB 'id';   the jobs of the cluster
  CLEAR;   HELP;   QUIT; or EXIT; or Ctrl-D

Tab completes, arrows up and down bring back earlier statements, Ctrl-R searches them, Ctrl-C clears the line.";

/// The client's own statement in `text`, with or without its `;`.
pub(crate) fn of(text: &str) -> Option<Command> {
    let text = text.trim().trim_end_matches(';').trim_end();
    let words: Vec<String> = text.split_whitespace().map(str::to_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["QUIT" | "EXIT"] => Some(Command::Quit),
        ["HELP"] => Some(Command::Help),
        ["CLEAR"] => Some(Command::Clear),
        ["SHOW", "JOBS"] => Some(Command::ShowJobs),
        ["STOP", "JOB", _] => {
            let id = text.split_whitespace().last()?.trim_matches('\'');
            Some(Command::StopJob(id.to_owned()))
        }
        _ => None,
    }
}

/// Whether a statement begins with CREATE, comments left out.
pub(crate) fn creates(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        let behind = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map(|(_, behind)| behind)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map(|(_, behind)| behind)
        } else {
            return rest.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("CREATE"));
        };
        rest = behind.unwrap_or_default().trim_start();
    }
}

/// SHOW JOBS, with Flink's columns.
pub(crate) fn table_of(jobs: &[v1::JobEntry]) -> v1::ResultTable {
    let columns = ["job id", "job name", "status", "start time"];
    let row = |job: &v1::JobEntry| {
        let start = jiff::Timestamp::from_millisecond(job.start_time).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
        let cells = [job.job_id.clone(), job.name.clone(), job.state.clone(), start.unwrap_or_default()];
        v1::ResultRow { cells: cells.into_iter().map(|text| v1::Cell { text: Some(text) }).collect() }
    };
    v1::ResultTable {
        columns: columns.iter().map(|name| v1::Column { name: (*name).to_owned(), r#type: "STRING".to_owned() }).collect(),
        rows: jobs.iter().map(row).collect(),
        plain: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_clients_own_words_are_taken() {
        for (text, command) in [
            ("quit", Some(Command::Quit)),
            (" EXIT ; ", Some(Command::Quit)),
            ("Help;", Some(Command::Help)),
            ("show  jobs;", Some(Command::ShowJobs)),
            ("STOP JOB 'ab12';", Some(Command::StopJob("ab12".into()))),
            ("SHOW TABLES;", None),
            ("SELECT 'quit';", None),
            ("STOP JOB 'a' WITH SAVEPOINT;", None),
        ] {
            assert_eq!(of(text), command, "{text}");
        }
    }

    #[test]
    fn a_statement_that_creates_is_known_behind_comments() {
        for text in ["CREATE TABLE a AS SELECT 1;", "  create table", "-- CREATE\n/* ; */ CREATE TABLE a"] {
            assert!(creates(text), "{text}");
        }
        for text in ["SELECT 1;", "-- CREATE TABLE", "/* CREATE", "", "INSERT INTO a SELECT 1 /* CREATE */;"] {
            assert!(!creates(text), "{text}");
        }
    }

    #[test]
    fn the_start_of_a_job_is_told_in_utc() {
        let entry = v1::JobEntry { job_id: "a".into(), start_time: 0, ..Default::default() };
        assert_eq!(table_of(&[entry]).rows[0].cells[3].text.as_deref(), Some("1970-01-01T00:00:00.000Z"));
    }
}
