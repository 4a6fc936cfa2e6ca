//! HTTP by hand: requests that no decent client would send, byte for byte.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(60);
/// How long to listen to whoever may as well say nothing.
const LISTEN: Duration = Duration::from_secs(5);

/// What HTTP/2 begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Sends bytes to a port of 127.0.0.1, says that no more follow, and returns what comes back until the end or for some seconds.
///
/// Errors: nobody listens. An answer that breaks off is an answer.
pub fn send(port: u16, bytes: &[u8]) -> Result<String> {
    exchange(port, bytes, Then::End)
}

/// What the sender does after its last byte.
enum Then {
    /// It says that no more follow.
    End,
    /// It waits for the other side to close.
    Listen,
}

fn exchange(port: u16, bytes: &[u8], then: Then) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("connecting to port {port}"))?;
    let wait = if let Then::End = then { LISTEN } else { WAIT };
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    // Whoever is refused may find the connection closed while it still writes.
    let _ = stream.write_all(bytes);
    if let Then::End = then {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// One HTTP/1.1 request with these header lines, and the status of its answer with the answer itself.
///
/// Errors: nobody listens, or what comes back is no HTTP.
pub fn request(port: u16, line: &str, headers: &[&str], body: &[u8]) -> Result<(u16, String)> {
    let mut bytes = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    headers.iter().for_each(|header| bytes.push_str(&format!("{header}\r\n")));
    bytes.push_str("\r\n");
    let answer = exchange(port, &[bytes.as_bytes(), body].concat(), Then::Listen)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.with_context(|| format!("no HTTP answer to {line}: {answer:?}"))?, answer))
}

/// The beginning of a gRPC call over HTTP/2, without its message.
pub fn grpc_call(path: &str) -> Vec<u8> {
    let literal = |text: &str| [&[text.len() as u8][..], text.as_bytes()].concat();
    // POST, http, then literals without an index: path, authority, content type, te.
    let headers = [
        vec![0x83, 0x86, 0x04],
        literal(path),
        vec![0x01],
        literal("127.0.0.1"),
        vec![0x0f, 0x10],
        literal("application/grpc"),
        vec![0x00],
        literal("te"),
        literal("trailers"),
    ]
    .concat();
    [PREFACE.to_vec(), frame(4, 0, 0, &[]), frame(1, 4, 1, &headers)].concat()
}

/// A DATA frame of the call.
pub fn grpc_data(message: &[u8]) -> Vec<u8> {
    frame(0, 0, 1, message)
}

/// An HTTP/2 frame: kind, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}
