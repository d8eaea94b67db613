//! One reader of the statistics: what it gets, and how long it may take.
//!
//! The original's readers connect and read, so they are answered without having asked. Those who
//! ask in HTTP (curl, probes of load balancers) got a reset from the original; they are answered
//! in HTTP, provided their request is there when the proxy looks.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Writes the report and closes in good order, within [`WRITE_TIMEOUT`] and [`DRAIN_TIMEOUT`].
/// `json` is asked for when it is time to write.
pub(super) async fn answer<S>(mut stream: S, json: impl FnOnce() -> String)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = asked(&mut stream).await;
    let response = respond(asked, json());
    let written = timeout(WRITE_TIMEOUT, async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    });
    // A reader that went away, or that does not read, is its own problem.
    if let Ok(Ok(())) = written.await {
        let _ = timeout(DRAIN_TIMEOUT, drain(&mut stream)).await;
    }
}

/// How long a reader that sends nothing waits for the report, in full. HTTP clients send their
/// request right after connecting, mostly before the proxy has woken up; the wait is for the rest,
/// and for the control plane to hear from the kernel that bytes are there.
const GRACE: Duration = Duration::from_millis(2);

/// How long the report may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reader may take to close after the report.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How much a reader may send while it is waited for.
const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// What a reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing: the report as it is.
    Raw,
    /// The report with an HTTP header.
    Get,
    /// The HTTP header alone.
    Head,
}

async fn asked(stream: &mut (impl AsyncRead + Unpin)) -> Asked {
    let mut first = [0; 512];
    match timeout(GRACE, stream.read(&mut first)).await {
        Ok(Ok(len)) if first[..len].starts_with(b"GET ") => Asked::Get,
        Ok(Ok(len)) if first[..len].starts_with(b"HEAD ") => Asked::Head,
        _ => Asked::Raw,
    }
}

fn respond(asked: Asked, json: String) -> String {
    let header = format!(
        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        json.len()
    );
    match asked {
        Asked::Raw => json,
        Asked::Get => header + &json,
        Asked::Head => header,
    }
}

/// Reads to the end of the stream: closing with bytes unread would reset the connection, and the
/// reset can overtake the report.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut sink = [0; 4096];
    let mut received = 0;
    while received < DRAIN_BYTES_MAX {
        match stream.read(&mut sink).await? {
            0 => break,
            len => received += len,
        }
    }
    Ok(())
}
