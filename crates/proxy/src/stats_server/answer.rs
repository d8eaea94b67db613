//! One reader of the statistics: what it gets, and how long it may take.
//!
//! The original's readers connect and read, so they are answered without having asked. Those who
//! ask in HTTP (curl, probes of load balancers) got a reset from the original; they are answered
//! in HTTP, provided their request is there when the proxy looks: `/metrics` in Prometheus' form,
//! anything else with the JSON.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::metrics;
use super::report::StatsSource;

/// Writes the report and closes in good order, within [`WRITE_TIMEOUT`] and [`DRAIN_TIMEOUT`].
pub(super) async fn answer<S>(mut stream: S, source: &StatsSource)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let response = match asked(&mut stream).await {
        None => source.json(),
        Some(Asked { method, page: Page::Report }) => {
            respond(method, "application/json", &source.json())
        }
        Some(Asked { method, page: Page::Metrics }) => {
            respond(method, metrics::CONTENT_TYPE, &metrics::write(source))
        }
    };
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
/// request right after connecting, mostly before the proxy has woken up; the wait is for the rest:
/// on a busy machine one may lose the processor between the two, for a time slice (3 ms) or several, and
/// what it asks afterwards is too late. Readers that ask nothing come every few seconds, and do not mind.
const GRACE: Duration = Duration::from_millis(20);

/// How long the report may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reader may take to close after the report.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// How much a reader may send while it is waited for.
const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// What a reader asked for in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    method: Method,
    page: Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    /// The header alone.
    Head,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Report,
    Metrics,
}

/// `None` when nothing was asked, or nothing in HTTP: that reader gets the report as it is.
async fn asked(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut first = [0; 512];
    let len = timeout(GRACE, stream.read(&mut first)).await.ok()?.ok()?;
    read_request(&first[..len])
}

fn read_request(bytes: &[u8]) -> Option<Asked> {
    let (method, rest) = match bytes {
        [b'G', b'E', b'T', b' ', rest @ ..] => (Method::Get, rest),
        [b'H', b'E', b'A', b'D', b' ', rest @ ..] => (Method::Head, rest),
        _ => return None,
    };
    let target = rest.split(|byte| b" ?\r\n".contains(byte)).next().unwrap_or_default();
    let page = if target == b"/metrics" { Page::Metrics } else { Page::Report };
    Some(Asked { method, page })
}

fn respond(method: Method, content_type: &str, body: &str) -> String {
    let header = format!(
        "HTTP/1.0 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    match method {
        Method::Get => header + body,
        Method::Head => header,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_by_its_first_bytes_and_all_else_is_none() {
        let get = |page| Some(Asked { method: Method::Get, page });
        for (bytes, asked) in [
            (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], get(Page::Report)),
            (b"GET /metrics HTTP/1.1\r\n", get(Page::Metrics)),
            (b"GET /metrics?x=1 HTTP/1.0\r\n", get(Page::Metrics)),
            (b"GET /metrics\r\n", get(Page::Metrics)),
            (b"GET /metricsandmore HTTP/1.0\r\n", get(Page::Report)),
            (b"HEAD /metrics ", Some(Asked { method: Method::Head, page: Page::Metrics })),
            (b"GET", None),
            (b"POST / HTTP/1.1\r\n", None),
            (b"stats\r\n", None),
            (b"", None),
        ] {
            assert_eq!(read_request(bytes), asked, "{}", bytes.escape_ascii());
        }
    }
}
