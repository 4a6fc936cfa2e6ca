//! The prompt: a line editor with history, completion and statements over several lines, around a session.

use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use tokio::signal::unix::{SignalKind, signal};

use super::command;
use super::session::{Done, Session};
use super::split;
use super::words::Words;
use crate::error::SubmitterError;

const PROMPT: &str = "Irmak SQL> ";

/// Statements that the history keeps.
const HISTORY_MAX: usize = 1_000;

/// Reads and carries out statements until QUIT or the end of input.
pub(crate) async fn run(session: &mut Session, history: Option<PathBuf>) -> Result<(), SubmitterError> {
    // Ctrl-C between two lines must not end the session: once listened to, the signal no longer ends the process.
    let _listens = signal(SignalKind::interrupt()).map_err(|error| SubmitterError::Terminal(error.to_string()))?;
    let mut editor = editor()?;
    if let Some(history) = &history {
        // None there yet, or none that can be read: a session begins all the same.
        let _ = editor.load_history(history);
    }
    let mut stale = true;
    loop {
        if std::mem::take(&mut stale) {
            refresh(session, &mut editor).await;
        }
        let typed = match editor.readline(PROMPT) {
            Ok(typed) => typed,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(SubmitterError::Terminal(error.to_string())),
        };
        if typed.trim().is_empty() {
            continue;
        }
        let _ = editor.add_history_entry(typed.trim_end());
        if let Some(history) = &history {
            let _ = editor.append_history(history);
        }
        let before = session.statements();
        if carry_out(session, &typed).await == Done::Quit {
            return Ok(());
        }
        stale = session.statements() != before;
    }
}

/// Carries out what was typed; the rest of it is left out once something of it fails or is interrupted.
async fn carry_out(session: &mut Session, typed: &str) -> Done {
    for piece in split::split(typed) {
        match session.execute("sql", &piece).await {
            Ok(Done::Next) => {}
            Ok(done) => return done,
            Err(error) => {
                let text = error.to_string();
                eprintln!("{}{text}", if text.starts_with("error") { "" } else { "error: " });
                return Done::Next;
            }
        }
    }
    Done::Next
}

/// Asks for the names that can be completed. A JobManager that is away leaves the old ones.
async fn refresh(session: &Session, editor: &mut Editor<Typist, FileHistory>) {
    if let (Ok(words), Some(typist)) = (session.words().await, editor.helper_mut()) {
        typist.words = words;
    }
}

fn editor() -> Result<Editor<Typist, FileHistory>, SubmitterError> {
    let broken = |error: ReadlineError| SubmitterError::Terminal(error.to_string());
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(broken)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .bracketed_paste(true)
        .build();
    let mut editor = Editor::with_config(config).map_err(broken)?;
    editor.set_helper(Some(Typist::default()));
    Ok(editor)
}

/// What the line editor asks while somebody types.
#[derive(Debug, Default)]
struct Typist {
    words: Words,
}

impl Helper for Typist {}
impl Highlighter for Typist {}
impl Hinter for Typist {
    type Hint = String;
}

impl Completer for Typist {
    type Candidate = String;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.words.complete(line, cursor))
    }
}

impl Validator for Typist {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let whole = is_whole(context.input());
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// Whether Enter sends what was typed, rather than beginning another line.
fn is_whole(typed: &str) -> bool {
    if command::of(typed).is_some() {
        return true;
    }
    !split::is_open(typed) && split::split(typed).last().is_none_or(|piece| piece.ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_sends_whole_statements_and_the_clients_own_words() {
        for (typed, whole) in [
            ("", true),
            ("quit", true),
            ("help;", true),
            ("SELECT 1", false),
            ("SELECT 1;", true),
            ("SELECT ';", false),
            ("SELECT 1; -- done", true),
            ("SELECT 1; SELECT", false),
            ("/* begun", false),
            ("EXECUTE STATEMENT SET BEGIN\nINSERT INTO a SELECT 1;", false),
        ] {
            assert_eq!(is_whole(typed), whole, "{typed}");
        }
    }
}
