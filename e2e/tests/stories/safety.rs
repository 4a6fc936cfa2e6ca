//! Safe by default: who may reach a cluster, who may change it, which files a job touches, and where its secrets are seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use irmak_e2e::client::Client;
use irmak_e2e::cluster::{Cluster, Layout};
use irmak_e2e::http;
use irmak_e2e::process::{Process, output, tied};
use irmak_e2e::scenario::{self, Scenario};
use irmak_e2e::wait::{Seen, seconds, until};
use irmak_e2e::{places, ports};

/// The addresses, as /proc writes them, that a process listens on.
fn listens_on(process: &Process) -> Result<BTreeSet<String>> {
    let pid = process.pid()?;
    let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))?
        .flatten()
        .filter_map(|fd| Some(fs::read_link(fd.path()).ok()?.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}"))?;
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(state), Some(inode)) = (columns.get(1), columns.get(3), columns.get(9)) else { continue };
            // 0A is LISTEN.
            if *state == "0A" && sockets.contains(*inode) {
                found.insert(local.split(':').next().unwrap_or_default().to_owned());
            }
        }
    }
    Ok(found)
}

#[test]
fn a_cluster_that_is_not_told_otherwise_listens_to_this_machine_only() -> Result<()> {
    scenario::run("loopback", |s| {
        let cluster = s.cluster(Layout::of(1, 1))?;
        for process in cluster.processes() {
            let addresses = listens_on(process)?;
            ensure!(!addresses.is_empty(), "{} listens nowhere", process.name());
            // 127.0.0.1 and ::1 in the kernel's order of bytes.
            let loopback = ["0100007F", "00000000000000000000000001000000"];
            ensure!(addresses.iter().all(|address| loopback.contains(&address.as_str())), "{}: {addresses:?}", process.name());
        }
        Ok(())
    })
}

#[test]
fn a_wide_bind_needs_a_word_that_says_one_knows_what_it_means() -> Result<()> {
    scenario::run("wide-bind", |s| {
        for (verb, key) in
            [("jobmanager", "rest.bind-address"), ("jobmanager", "jobmanager.bind-host"), ("taskmanager", "taskmanager.bind-host")]
        {
            let mut command = tied(&places::binary()?);
            command.args([verb, "-D", &format!("{key}=0.0.0.0"), "-D", &format!("jobmanager.rpc.port={}", ports::free()?)]);
            command.args(["-D", &format!("rest.port={}", ports::free()?)]).current_dir(s.dir());
            command.args(["-D", &format!("jobmanager.data-dir={}", s.dir().join("journal").display())]);
            let said = output(command, seconds(20))?;
            ensure!(matches!(said.code, Some(code) if code != 0), "{key}=0.0.0.0 is let through: {}", said.all());
            for word in [key, "irmak.security.allow-unauthenticated"] {
                ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
            }
        }
        Ok(())
    })
}

/// A job that runs until it is cancelled, and needs nothing.
fn endless(s: &Scenario, client: &Client) -> Result<String> {
    let script = s.dir().join("endless.sql");
    fs::write(
        &script,
        "CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');
         CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
         INSERT INTO nowhere SELECT n FROM numbers;\n",
    )?;
    client.submit(&script, 1)
}

#[test]
fn pages_of_other_sites_and_borrowed_names_change_nothing() -> Result<()> {
    scenario::run("host-and-origin", |s| {
        let cluster = s.cluster(Layout::of(1, 1))?;
        let client = cluster.client()?;
        let job = endless(s, &client)?;
        client.wait_state(&job, "RUNNING", seconds(20))?;
        let port = client.port();
        let own = format!("Host: 127.0.0.1:{port}");
        let rebound = format!("Host: evil.example:{port}");
        let cancel = format!("PATCH /jobs/{job}?mode=cancel");
        let stop = format!("POST /v1/jobs/{job}/stop");
        let attacks: [(&str, Vec<&str>); 6] = [
            (&cancel, vec![&own, "Origin: https://evil.example"]),
            (&cancel, vec![&own, "Origin: null"]),
            (&cancel, vec![&rebound]),
            (&stop, vec![&own, "Origin: http://localhost:1"]),
            (&stop, vec![&rebound, "Origin: http://evil.example"]),
            // gRPC on the same port, as a page could send it.
            ("POST /irmak.v1.Jobs/Cancel", vec![&own, "Origin: http://evil.example", "Content-Type: application/grpc"]),
        ];
        for (line, mut headers) in attacks {
            headers.push("Content-Length: 0");
            let (status, answer) = http::request(port, line, &headers, &[])?;
            ensure!(status == 403, "{line} {headers:?}: {answer}");
        }
        ensure!(client.state(&job)? == "RUNNING", "a stranger ended the job");
        let (status, answer) = http::request(port, "GET /jobs", &[&rebound], &[])?;
        ensure!(!answer.to_ascii_lowercase().contains("access-control-allow-origin"), "GET opens the answer to all: {status} {answer}");
        let origin = format!("Origin: http://127.0.0.1:{port}");
        let (status, answer) = http::request(port, &cancel, &[&own, &origin, "Content-Length: 0"], &[])?;
        ensure!(status == 202, "the page's own call: {answer}");
        client.wait_state(&job, "CANCELED", seconds(20))
    })
}

/// A cluster that other machines could reach, whose jobs may use one folder.
fn shared_cluster(s: &Scenario, root: &Path) -> Result<Cluster> {
    let wide = Layout::of(1, 2)
        .with("irmak.security.allow-unauthenticated", "true")
        .with("taskmanager.bind-host", "0.0.0.0")
        .with("irmak.security.file-roots", &root.display().to_string());
    s.cluster(wide)
}

#[test]
fn jobs_of_a_shared_cluster_keep_to_its_folders() -> Result<()> {
    scenario::run("file-roots", |s| {
        let (root, outside) = (s.dir().join("data"), s.dir().join("private"));
        fs::create_dir_all(&root)?;
        fs::create_dir_all(&outside)?;
        fs::write(outside.join("secret.csv"), "top secret\n")?;
        std::os::unix::fs::symlink(&outside, root.join("link"))?;
        let mut cluster = shared_cluster(s, &root)?;
        let client = cluster.client()?;
        let table = |name: &str, path: &Path| {
            format!(
                "CREATE TABLE {name} (word STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://{}');\n",
                path.display()
            )
        };
        let write = |path: &Path| format!("{}INSERT INTO sink VALUES ('x');\n", table("sink", path));
        let copy = |from: &Path| {
            format!("{}{}INSERT INTO sink SELECT word FROM source;\n", table("source", from), table("sink", &root.join("copy")))
        };
        let checkpoints = format!("SET 'execution.checkpointing.dir' = 'file://{}';\n{}", outside.display(), write(&root.join("ok")));
        let savepoint = format!("file://{}/chk-1", outside.display());
        let refused: [(&str, String, Vec<&str>); 7] = [
            ("write outside", write(&outside.join("out")), vec![]),
            ("write over a link", write(&root.join("link/out")), vec![]),
            ("write beside", write(&root.join("../private/out")), vec![]),
            ("read outside", copy(&outside), vec![]),
            ("read over a link", copy(&root.join("link")), vec![]),
            ("keep checkpoints outside", checkpoints, vec![]),
            ("begin with a checkpoint outside", write(&root.join("ok2")), vec!["-s", &savepoint]),
        ];
        for (what, script, args) in refused {
            let file = s.dir().join("job.sql");
            fs::write(&file, script)?;
            let file = file.display().to_string();
            let args: Vec<&str> = args.into_iter().chain([file.as_str()]).collect();
            let said = client.irmak("run", &args, seconds(30))?;
            ensure!(matches!(said.code, Some(code) if code != 0), "a job may {what}: {}", said.all());
            let words = ["outside the folders", "without `..`"];
            ensure!(words.iter().any(|words| said.stderr.contains(words)), "{what}: {}", said.all());
        }
        let left: Vec<_> = fs::read_dir(&outside)?.flatten().map(|entry| entry.file_name()).collect();
        ensure!(left.len() == 1, "something was written outside: {left:?}");
        let allowed = s.dir().join("allowed.sql");
        fs::write(&allowed, write(&root.join("words")))?;
        let said = client.run(&allowed, 1, seconds(30))?;
        ensure!(said.code == Some(0), "a job within the folders: {}", said.all());
        cluster.never_crashed()
    })
}

/// The secret that no output may hold.
const SECRET: &str = "kanarya-7f3a9c";

/// Everything that a cluster prints and serves about a job, each with its name.
fn everything(cluster: &Cluster, client: &Client, job: &str, metrics: &[u16]) -> Result<Vec<(String, String)>> {
    let vertex = client.get(&format!("/jobs/{job}"))?["vertices"][0]["id"].as_str().context("no vertex")?.to_owned();
    let manager = client.get("/taskmanagers")?["taskmanagers"][0]["id"].as_str().context("no TaskManager")?.to_owned();
    let mut paths: Vec<String> =
        ["/", "/config", "/overview", "/jobs/overview", "/jobmanager/config", "/jobmanager/environment"].map(str::to_owned).to_vec();
    paths.extend(["/taskmanagers", "/jobmanager/metrics", "/jobmanager/logs", "/jobmanager/log"].map(str::to_owned));
    for rest in
        ["", "/plan", "/config", "/exceptions", "/checkpoints", "/checkpoints/config", "/metrics", "/accumulators", "/execution-result"]
    {
        paths.push(format!("/jobs/{job}{rest}"));
    }
    for rest in ["", "/metrics", "/watermarks", "/backpressure", "/subtasktimes", "/taskmanagers", "/accumulators", "/subtasks/0"] {
        paths.push(format!("/jobs/{job}/vertices/{vertex}{rest}"));
    }
    for rest in ["", "/metrics", "/logs", "/log", "/stdout", "/thread-dump"] {
        paths.push(format!("/taskmanagers/{manager}{rest}"));
    }
    let host = format!("Host: 127.0.0.1:{}", client.port());
    let mut all = Vec::new();
    for path in paths {
        all.push((path.clone(), http::request(client.port(), &format!("GET {path}"), &[&host], &[])?.1));
    }
    for port in metrics {
        all.push((format!("metrics on {port}"), http::request(*port, "GET /metrics", &["Host: 127.0.0.1"], &[])?.1));
    }
    all.push(("irmak list".to_owned(), client.irmak("list", &["-a"], seconds(10))?.all()));
    all.extend(cluster.processes().map(|process| (format!("log of {}", process.name()), process.log_text())));
    Ok(all)
}

#[test]
fn no_secret_is_printed_or_served() -> Result<()> {
    scenario::run("secrets", |s| {
        let metrics = ports::row(2)?;
        let mut cluster = s.cluster(
            Layout::of(1, 2)
                .with("metrics.reporter.prom.port", &metrics.to_string())
                .with("s3.secret-key", &format!("{SECRET}-s3"))
                .with("security.ssl.rest.key-password", &format!("{SECRET}-ssl"))
                .with("fs.azure.account.key.x", &format!("{SECRET}-azure")),
        )?;
        let client = cluster.client()?;
        let jaas = format!("org.apache.kafka.common.security.plain.PlainLoginModule required username=\"u\" password=\"{SECRET}-jaas\";");
        let table = |more: &str| {
            format!(
                "SET 'pipeline.name' = 'secrets';
                 CREATE TABLE t (id BIGINT, word STRING) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = '127.0.0.1:9',
                 'properties.security.protocol' = 'SASL_PLAINTEXT', 'properties.sasl.mechanism' = 'PLAIN',
                 'properties.sasl.jaas.config' = '{jaas}',
                 'properties.ssl.keystore.password' = '{SECRET}-keystore',
                 'properties.ssl.key.password' = '{SECRET}-key',
                 {more}'scan.startup.mode' = 'earliest-offset', 'value.format' = 'json');
                 CREATE TABLE nowhere (id BIGINT, word STRING) WITH ('connector' = 'blackhole');
                 INSERT INTO nowhere SELECT id, word FROM t;\n"
            )
        };
        let script = s.dir().join("secrets.sql");
        fs::write(&script, table(""))?;
        let info = client.irmak("info", &[&script.display().to_string()], seconds(20))?;
        ensure!(info.code == Some(0), "{}", info.all());
        let job = client.submit(&script, 1)?;
        until("a word about the broker", seconds(30), || {
            let words = client.words(&job);
            Ok(if words.contains("127.0.0.1:9") { Seen::Yes(()) } else { Seen::NotYet(words) })
        })?;
        // The JobManager uses the first metrics port, the TaskManager the next.
        let mut all = everything(&cluster, &client, &job, &[metrics, metrics + 1])?;
        all.push(("irmak info".to_owned(), info.all()));
        for (what, more) in [
            ("a misspelt key", format!("'properties.sasl.jaas.confg' = '{SECRET}-misspelt',\n")),
            ("a misplaced key", format!("'sasl.password' = '{SECRET}-misplaced',\n")),
            ("a value on an error's line", format!("'properties.ssl.truststore.password' = '{SECRET}-line', 'scan.startup.mod' = 'x',\n")),
        ] {
            fs::write(&script, table(&more))?;
            let said = client.irmak("run", &["-d", &script.display().to_string()], seconds(20))?;
            all.push((format!("irmak run with {what}"), said.all()));
        }
        client.cancel(&job)?;
        all.extend(everything(&cluster, &client, &job, &[metrics])?);
        for (place, text) in &all {
            let line = text.lines().find(|line| line.contains(SECRET));
            ensure!(line.is_none(), "a secret is seen in {place}: {}", line.unwrap_or_default());
        }
        cluster.never_crashed()
    })
}
