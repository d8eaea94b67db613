//! Servers that follow a script.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// A server on a port of 127.0.0.1, until dropped: a thread a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: AtomicBool,
    conns: Mutex<Vec<Conn>>,
}

#[derive(Debug)]
struct Conn {
    /// For the peer's end; none once it is closed.
    stream: Option<TcpStream>,
    heard: Vec<u8>,
}

impl State {
    fn conns(&self) -> MutexGuard<'_, Vec<Conn>> {
        self.conns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a peer does about bytes that came.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Nothing.
    Nothing,
    /// Closes in good order.
    Close,
    /// Closes with a reset.
    Reset,
    /// Says this once for whatever one read brings.
    Say(Vec<u8>),
    /// Says this so much later, once for whatever one read brings.
    SayLater(Duration, Vec<u8>),
}

impl Peer {
    /// Does the same about whatever comes on any connection.
    pub(crate) fn start(does: Does) -> Self {
        Self::scripted(move |_, stream| match &does {
            Does::Nothing => true,
            Does::Close => false,
            Does::Reset => {
                SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).expect("it is open");
                false
            }
            Does::Say(words) => stream.write_all(words).is_ok(),
            Does::SayLater(later, words) => {
                thread::sleep(*later);
                stream.write_all(words).is_ok()
            }
        })
    }

    /// Calls `react` with what each read brings; false closes the connection.
    pub(crate) fn scripted(
        react: impl Fn(&[u8], &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let (shared, react) = (Arc::clone(&state), Arc::new(react));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (state, react) = (Arc::clone(&shared), Arc::clone(&react));
                let handle = Some(stream.try_clone().expect("it is open"));
                let at = {
                    let mut conns = state.conns();
                    conns.push(Conn { stream: handle, heard: Vec::new() });
                    conns.len() - 1
                };
                thread::spawn(move || serve(&state, at, stream, &*react));
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What came on each connection so far.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.state.conns().iter().map(|conn| conn.heard.clone()).collect()
    }
}

fn serve(
    state: &State,
    at: usize,
    mut stream: TcpStream,
    react: &dyn Fn(&[u8], &mut TcpStream) -> bool,
) {
    let mut space = vec![0; 64 * 1024];
    while let Ok(len @ 1..) = stream.read(&mut space) {
        state.conns()[at].heard.extend_from_slice(&space[..len]);
        if !react(&space[..len], &mut stream) {
            break;
        }
    }
    // The other handle of the socket: with the last of them it closes.
    state.conns()[at].stream = None;
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.state.conns().iter().filter_map(|conn| conn.stream.as_ref()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
