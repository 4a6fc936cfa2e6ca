//! `irmak sql`: what a person types at a prompt, and what a script gets through a pipe.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::process::{Output, output, tied};
use irmak_e2e::terminal::Terminal;
use irmak_e2e::wait::seconds;
use irmak_e2e::{places, scenario};

const NUMBERS: &str = "CREATE TABLE numbers (n INT) WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '3');";
const ENDLESS: &str = "CREATE TABLE endless (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');";

#[test]
fn a_person_types_statements_sees_rows_stream_and_cancels_only_the_query() -> Result<()> {
    scenario::run("sql-prompt", |s| {
        let cluster = s.cluster(Layout::of(1, 8))?;
        let client = cluster.client()?;
        let address = client.url().trim_start_matches("http://").to_owned();
        let history = s.dir().join("history");
        let env = [("IRMAK_SQL_HISTORY", history.to_str().context("a path that is no text")?)];
        let mut terminal = Terminal::start(&places::binary()?, &["sql", "-m", &address], &env)?;
        terminal.sees("8 of 8 slots free", seconds(20))?;
        terminal.sees("Irmak SQL> ", seconds(10))?;

        // A statement over two lines, then an error with its caret: the session goes on.
        terminal.press(&format!("{}\r", NUMBERS.replace(" WITH", "\rWITH")))?;
        terminal.sees("succeeded", seconds(10))?;
        terminal.press("SELECT m FROM numbers;\r")?;
        terminal.sees("error[E0207]", seconds(10))?;
        terminal.sees("^ did you mean `n`?", seconds(5))?;

        // Tab completes keyword, column and table.
        terminal.press("SELEC\t n FROM num\t;\r")?;
        terminal.sees("Received a total of 3 rows", seconds(20))?;

        // An endless query streams until Ctrl-C; its job is cancelled, the session is not.
        terminal.press(&format!("{ENDLESS}\r"))?;
        terminal.sees("succeeded", seconds(10))?;
        terminal.press("SELECT n FROM endless;\r")?;
        terminal.sees("| +I |", seconds(20))?;
        terminal.press("\x03")?;
        terminal.sees("Query cancelled.", seconds(10))?;
        terminal.press("SHOW JOBS;\r")?;
        let jobs = terminal.sees("2 rows in set", seconds(10))?;
        ensure!(jobs.contains("FINISHED") && jobs.contains("CANCELED") && !jobs.contains("RUNNING"), "{jobs}");

        // INSERT prints its job's id and waits for nothing.
        terminal.press("CREATE TABLE nowhere (n INT) WITH ('connector' = 'blackhole');\r")?;
        terminal.sees("succeeded", seconds(10))?;
        terminal.press("INSERT INTO nowhere SELECT n FROM endless;\r")?;
        terminal.sees("Job ID: ", seconds(10))?;
        let line = terminal.sees("\r\n", seconds(5))?;
        let job = line.trim();
        client.wait_state(job, "RUNNING", seconds(20))?;

        // The history brings it back; Ctrl-C clears the line; QUIT needs no `;`.
        terminal.press("\x1b[A")?;
        terminal.sees("INSERT INTO nowhere", seconds(5))?;
        terminal.press("\x03")?;
        // As everywhere, Ctrl-C drops what was typed ahead of it.
        terminal.sees("Irmak SQL> ", seconds(5))?;
        terminal.press("quit\r")?;
        terminal.ends(0, seconds(30))?;
        client.cancel(job)?;
        let kept = fs::read_to_string(&history)?;
        ensure!(kept.contains("INSERT INTO nowhere") && kept.contains("SELECT n FROM endless;"), "{kept}");
        cluster.nobody_panicked()
    })
}

#[test]
fn a_pipe_goes_on_behind_a_wrong_statement_and_a_file_does_not() -> Result<()> {
    scenario::run("sql-pipe", |s| {
        let script = format!("{NUMBERS}\nSELECT m FROM numbers;\nSELECT n FROM numbers;");
        let path = s.dir().join("script.sql");
        fs::write(&path, &script)?;

        let said = sql(&["-t", "local", "--output", "jsonl"], Some(&path))?;
        ensure!(said.code == Some(1), "{}", said.all());
        ensure!(said.stdout == "{\"columns\":[[\"n\",\"INT\"]]}\n[\"+I\",\"1\"]\n[\"+I\",\"2\"]\n[\"+I\",\"3\"]\n", "{}", said.all());
        ensure!(said.stderr.contains("--> -:2:8") && said.stderr.contains("1 of 3 statements failed"), "{}", said.all());

        let file = path.to_str().context("a path that is no text")?;
        let said = sql(&["-t", "local", "-f", file], None)?;
        ensure!(said.code == Some(1) && said.stdout.is_empty(), "{}", said.all());
        ensure!(said.stderr.contains("script.sql:2:8"), "{}", said.all());
        Ok(())
    })
}

#[test]
fn an_init_file_makes_tables_and_a_local_insert_is_waited_for() -> Result<()> {
    scenario::run("sql-init", |s| {
        let (init, out) = (s.dir().join("init.sql"), s.dir().join("out"));
        let sink =
            format!("CREATE TABLE files (n INT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');", places::uri(&out));
        fs::write(&init, format!("{NUMBERS}\n{sink}"))?;
        let init = init.to_str().context("a path that is no text")?;
        let said =
            sql(&["-t", "local", "-i", init, "-e", "BEGIN STATEMENT SET;\nINSERT INTO files SELECT n * 2 FROM numbers;\nEND;"], None)?;
        ensure!(said.code == Some(0) && said.stdout.starts_with("Job ID: "), "{}", said.all());
        let mut files = fs::read_dir(&out)?.collect::<Result<Vec<_>, _>>()?;
        files.retain(|file| !file.file_name().to_string_lossy().starts_with('.'));
        let text: String = files.iter().map(|file| fs::read_to_string(file.path())).collect::<Result<_, _>>()?;
        ensure!(text == "2\n4\n6\n", "{text:?}");
        Ok(())
    })
}

/// `irmak sql`, with a file at its standard input or nothing.
fn sql(args: &[&str], stdin: Option<&std::path::Path>) -> Result<Output> {
    let program = places::binary()?;
    let Some(path) = stdin else {
        let mut command = tied(&program);
        command.arg("sql").args(args).stdin(Stdio::null());
        return output(command, seconds(60));
    };
    let mut command = tied("sh".as_ref());
    command.args(["-c", "exec \"$0\" sql \"$@\" < \"$IRMAK_TEST_STDIN\""]).arg(program).args(args).env("IRMAK_TEST_STDIN", path);
    output(command, seconds(60))
}
