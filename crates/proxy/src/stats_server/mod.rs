//! The statistics port (`-a`, `-s`): whoever connects gets one JSON object and the end of the
//! stream, as from the original's `nc_stats.c`, with figures that are current.
//!
//! `bind.rs` opens the listener, `past.rs` has what was counted before the configuration that holds, `report.rs` has the figures and writes the JSON, `metrics.rs` writes
//! them in Prometheus' form, `answer.rs` talks to one reader.

mod answer;
mod bind;
mod metrics;
mod past;
mod report;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use crate::log::{limited, reason};
use bind::Listener;
pub use bind::{BindError, StatsServer};
pub use past::{Past, Place};
pub use report::{PoolNames, StatsSource};

impl StatsServer {
    /// Serves what `source` is at the time, for ever; dropping the future ends it and removes a unix socket's file.
    ///
    /// At most [`READERS_MAX`] readers are served at a time, each for a few seconds at most; the
    /// rest wait in the kernel's queue. To be run on the control plane.
    ///
    /// # Errors
    /// The system's, when it will not watch the listener.
    pub async fn serve(self, source: watch::Receiver<Arc<StatsSource>>) -> io::Result<Infallible> {
        let readers = Arc::new(Semaphore::new(READERS_MAX));
        match self.listener {
            Listener::Tcp(listener) => {
                let listener = TcpListener::from_std(listener)?;
                serve_each(async || Ok(listener.accept().await?.0), &readers, &source).await
            }
            Listener::Unix { listener, path } => {
                let listener = UnixListener::from_std(listener)?;
                // Held until the future is dropped.
                let _path = path;
                serve_each(async || Ok(listener.accept().await?.0), &readers, &source).await
            }
        }
    }
}

/// Readers served at a time.
pub const READERS_MAX: usize = 64;

/// How long to leave the listener alone after a failure, which is mostly a lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn serve_each<S>(
    accept: impl AsyncFn() -> io::Result<S>,
    readers: &Arc<Semaphore>,
    source: &watch::Receiver<Arc<StatsSource>>,
) -> io::Result<Infallible>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    loop {
        let permit = Arc::clone(readers).acquire_owned().await.map_err(io::Error::other)?;
        match accept().await {
            Ok(stream) => {
                let source = Arc::clone(&source.borrow());
                tokio::spawn(async move {
                    answer::answer(stream, &source).await;
                    drop(permit);
                });
            }
            Err(error) => {
                limited!(ERROR, "accept on the stats port failed: {}", reason(&error));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
