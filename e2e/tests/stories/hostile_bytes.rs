//! Bytes that nobody should send: garbage, halves, giants. Whoever gets them says so or closes, and goes on with its work.

use std::fs;

use anyhow::{Result, ensure};
use irmak_e2e::cluster::{Cluster, Layout};
use irmak_e2e::http::{self, PREFACE};
use irmak_e2e::scenario::{self, Scenario};
use irmak_e2e::wait::seconds;

/// A job that needs both sides of the cluster runs to its end.
fn still_works(s: &Scenario, cluster: &mut Cluster) -> Result<()> {
    let script = s.dir().join("works.sql");
    fs::write(&script, "SELECT UPPER(name) AS name FROM (VALUES ('a'), ('b')) AS t(name);\n")?;
    let said = cluster.client()?.irmak("run", &["-p", "2", "--output", "jsonl", &script.display().to_string()], seconds(30))?;
    ensure!(said.code == Some(0) && said.stdout.contains("\"A\""), "a job after the attack: {}", said.all());
    cluster.wait_slots(2)?;
    cluster.never_crashed()
}

#[test]
fn garbage_and_truncated_frames_on_every_port_harm_nobody() -> Result<()> {
    scenario::run("garbage", |s| {
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let attach = http::grpc_call("/irmak.v1.JobManager/Attach");
        let exchange = http::grpc_call("/irmak.v1.Shuffle/Exchange");
        let submit = http::grpc_call("/irmak.v1.Jobs/Submit");
        // A message is a flag, four bytes of length, and so many bytes.
        let truncated = http::grpc_data(&[0, 0, 0, 0, 100, 1, 2, 3]);
        let no_message = http::grpc_data(&[0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]);
        let giant = http::grpc_data(&[0, 0xff, 0xff, 0xff, 0xff, 1]);
        let mut attacks: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            (0..=255u8).cycle().take(100_000).collect(),
            PREFACE[..10].to_vec(),
            [PREFACE, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"].concat(),
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
            [b"GET /".to_vec(), vec![b'a'; 200_000]].concat(),
        ];
        for call in [&attach, &exchange, &submit] {
            attacks.push(call[..call.len() - 5].to_vec());
            attacks.extend([&truncated, &no_message, &giant].map(|data| [call.as_slice(), data].concat()));
        }
        for port in cluster.ports() {
            let all: Vec<_> = attacks.iter().map(|attack| http::send(port, attack)).collect();
            ensure!(all.iter().all(Result::is_ok), "port {port} no longer listens");
        }
        still_works(s, &mut cluster)
    })
}

#[test]
fn a_body_too_large_is_refused_with_the_bound_declared_or_not() -> Result<()> {
    scenario::run("big-body", |s| {
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let client = cluster.client()?;
        let host = format!("Host: 127.0.0.1:{}", client.port());
        let path = "PATCH /jobs/0123456789abcdef0123456789abcdef?mode=cancel";
        let (status, answer) = http::request(client.port(), path, &[&host, "Content-Length: 5000000"], &[])?;
        ensure!(status == 413 && answer.contains("4194304"), "a declared body: {answer}");
        let (status, _) = http::request(client.port(), path, &[&host, "Content-Length: 99999999999999999999"], &[])?;
        ensure!((400..500).contains(&status), "a body of no size: {status}");
        // A script beyond the bound, over gRPC.
        let script = s.dir().join("big.sql");
        fs::write(&script, format!("-- {}\nSELECT 1;\n", "x".repeat(5_000_000)))?;
        let said = client.run(&script, 1, seconds(20))?;
        ensure!(matches!(said.code, Some(code) if code != 0), "a script of 5 MB: {}", said.all());
        ensure!(said.stderr.len() < 1_000 && said.stderr.contains("big.sql"), "it names no file, or tells too much: {}", said.all());
        still_works(s, &mut cluster)
    })
}
