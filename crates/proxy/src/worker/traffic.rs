//! The traffic of a worker's conns: their sockets are opened, read, written to and closed.

use std::io::{self, IoSlice};
use std::sync::Arc;

use mio::event::Event;
use nutcracker_engine::limits::SLICES_A_WRITE;
use nutcracker_engine::{CloseReason, ConnId, PoolId, ServerId, Side};

use super::Worker;
use super::sockets::{Slot, Sockets};
use crate::net::{READ_BYTES_A_TURN, Socket, Target, close_reason, connect};
use crate::shared::Message;
use crate::subject::Subject;

/// Most bytes written to one conn before the others get their turn: what Linux lets a socket's buffer grow to by default.
/// A peer on the same machine empties it while it is filled.
const WRITTEN_BYTES_A_TURN: usize = 4 * 1024 * 1024;

/// Bytes of a turn after which no more is read of large requests of which part is there: they go on in the next, and
/// the others get their turn. A thousand clients that upload at the same moment have 256 MiB ready.
const TURN_BYTES_ENOUGH: usize = 4 * 1024 * 1024;

/// After so many bytes of a turn the count of memory is read once more: hundreds of clients may send large requests in
/// one, and a read of each may have ten times as much given out as it brings.
const LOOK_BYTES: usize = 256 * 1024;

impl Worker {
    /// Opens the socket of a new server conn, once its host is known.
    pub(super) fn open(&mut self, conn: ConnId, pool: PoolId, server: ServerId) {
        let shared = Arc::clone(&self.shared);
        match &shared.shells[pool.0 as usize].targets[server.0 as usize] {
            Target::Name { host, port } => {
                let (reply, id) = (Arc::clone(&self.shared), self.id);
                shared.resolver.resolve(host, *port, move |found| {
                    let target = found.map(Target::Tcp);
                    reply.mailboxes[id].send(Message::Resolved { conn, target });
                });
            }
            target => self.connect(conn, target),
        }
    }

    pub(super) fn connect(&mut self, conn: ConnId, target: &Target) {
        let opened = connect(target).and_then(|mut socket| {
            socket.register(self.pollers.all.registry(), Subject::Conn(conn).token())?;
            socket
                .register_answers(self.pollers.answers.registry(), Subject::Conn(conn).token())?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => {
                self.no_room.forget(conn);
                self.servers.insert(Slot::new(conn, socket, true));
            }
            Err(error) => self.handle_unopened(conn, close_reason(&error)),
        }
    }

    pub(super) fn handle_event(&mut self, conn: ConnId, event: &Event) {
        let Some(slot) = self.sockets(conn).get_mut(conn) else {
            let closed = self.lingering.read(conn);
            return self.release(closed);
        };
        if slot.connecting {
            match slot.socket.connected() {
                Ok(()) => slot.connecting = false,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(error) => return self.engine.handle_closed(conn, close_reason(&error)),
            }
            self.engine.handle_connected(conn);
        }
        let Some(slot) = self.sockets(conn).get_mut(conn) else { return };
        if event.is_read_closed() || event.is_error() {
            slot.read_closed = true;
        }
        if event.is_readable() || slot.read_closed {
            slot.readable = true;
            self.read(conn);
        }
        if event.is_writable() {
            self.engine.handle_writable(conn);
        }
    }

    /// Reads a conn until the kernel has no more, or the others have waited long enough; then it goes on
    /// in the next turn about all, whatever is told of it in this one.
    pub(super) fn read(&mut self, conn: ConnId) {
        let sockets = match conn.side() {
            Side::Client => &mut self.clients,
            Side::Server => &mut self.servers,
        };
        let Some(slot) = sockets.get_mut(conn) else { return };
        if !slot.readable || slot.connecting || slot.waits {
            return;
        }
        let mut budget = READ_BYTES_A_TURN;
        let error = loop {
            // A paused client's bytes stay in the kernel; `Action::Read` comes when it goes on.
            if !self.engine.may_read(conn) {
                if slot.read_closed {
                    self.engine.handle_hung_up(conn);
                }
                return self.engine.handle_unread(conn);
            }
            if budget == 0 {
                slot.waits = true;
                self.unread.push(conn);
                return;
            }
            if self.turn.bytes >= TURN_BYTES_ENOUGH && self.engine.is_amid_large(conn) {
                slot.waits = true;
                self.put_off.push(conn);
                return;
            }
            let space = self.engine.recv_space(conn);
            let offered = space.len();
            match slot.socket.read(space) {
                Ok(0) => break CloseReason::Eof,
                Ok(len) => {
                    budget = budget.saturating_sub(len);
                    self.turn.bytes += len;
                    let looks_again = self.turn.bytes >= self.memory_looked_at + LOOK_BYTES;
                    // A short read has emptied the socket: the next edge will tell of more. But an
                    // end that came with the data has had its edge already.
                    slot.readable = len == offered || slot.read_closed;
                    let go_on = self.engine.handle_received(conn, len);
                    if looks_again {
                        self.memory_looked_at = self.turn.bytes;
                        self.engine.handle_memory(self.memory.state(self.now));
                    }
                    // Nor will there be an edge to tell the engine that the peer of a client that is
                    // paused by now has gone.
                    if !slot.readable || (!go_on && !slot.read_closed) {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    slot.readable = false;
                    return;
                }
                Err(error) => break close_reason(&error),
            }
        };
        slot.readable = false;
        self.engine.handle_closed(conn, error);
    }

    /// Sends what a conn has to say: one system call, unless the socket takes less than all. Of much the rest goes in the
    /// next turn, whatever more there is in this one.
    pub(super) fn flush(&mut self, conn: ConnId) {
        let mut budget = WRITTEN_BYTES_A_TURN;
        loop {
            let sockets = match conn.side() {
                Side::Client => &mut self.clients,
                Side::Server => &mut self.servers,
            };
            let Some(slot) = sockets.get_mut(conn) else { return };
            if slot.sends_on {
                return;
            }
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let used = self.engine.poll_send(conn, &mut slices);
            if used == 0 {
                return;
            }
            if budget == 0 {
                slot.sends_on = true;
                self.unsent.push(conn);
                return;
            }
            self.turn.writes += usize::from(conn.side() == Side::Client);
            match write(&mut slot.socket, &slices[..used], budget) {
                Ok(len) => {
                    budget -= len;
                    self.engine.handle_sent(conn, len, false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.engine.handle_sent(conn, 0, true);
                }
                Err(error) => return self.engine.handle_closed(conn, close_reason(&error)),
            }
        }
    }

    /// Sends on to conns that had more to get than the turn before has sent.
    pub(super) fn send_on(&mut self) {
        for conn in std::mem::take(&mut self.unsent) {
            if let Some(slot) = self.sockets(conn).get_mut(conn) {
                slot.sends_on = false;
                self.flush(conn);
            }
        }
    }

    /// Closes a socket; a client's not before all that was due to it has arrived.
    pub(super) fn close(&mut self, conn: ConnId, pool: PoolId) {
        let slot = self.sockets(conn).remove(conn);
        if conn.side() == Side::Server {
            return;
        }
        let closed = match slot {
            Some(Slot { socket, readable, read_closed: false, .. }) => {
                // What clients have sent is not told of in a turn of answers.
                let unread = readable || !self.is_whole;
                self.lingering.take((conn, pool), socket, unread, self.now)
            }
            // The client has closed already, or its socket never worked.
            Some(_) | None => Some(pool),
        };
        self.release(closed);
    }

    /// Counts a client out whose socket has closed.
    fn release(&self, closed: Option<PoolId>) {
        if let Some(pool) = closed {
            self.shared.release(self.id, pool);
        }
    }

    pub(super) fn sockets(&mut self, conn: ConnId) -> &mut Sockets {
        match conn.side() {
            Side::Client => &mut self.clients,
            Side::Server => &mut self.servers,
        }
    }
}

/// Writes `slices`, but no more than `len` bytes of them. One system call.
fn write(socket: &mut Socket, slices: &[IoSlice<'_>], len: usize) -> io::Result<usize> {
    if slices.iter().map(|slice| slice.len()).sum::<usize>() <= len {
        return socket.write(slices);
    }
    let mut front = [IoSlice::new(&[]); SLICES_A_WRITE];
    let used = cut(slices, len, &mut front);
    socket.write(&front[..used])
}

/// Puts the first `len` bytes of `slices` into `front`, and returns how many slices those are.
fn cut<'a>(
    slices: &'a [IoSlice<'_>],
    mut len: usize,
    front: &mut [IoSlice<'a>; SLICES_A_WRITE],
) -> usize {
    let mut used = 0;
    for (slice, place) in slices.iter().zip(front) {
        if len == 0 {
            break;
        }
        let part = slice.len().min(len);
        *place = IoSlice::new(&slice[..part]);
        (len, used) = (len - part, used + 1);
    }
    used
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::path::Path;
    use std::thread;
    use std::time::{Duration, Instant};

    use mio::Waker;
    use nutcracker_engine::stats::Stats;
    use nutcracker_engine::{Action, Room};

    use super::*;
    use crate::names::Resolver;
    use crate::polling::Pollers;
    use crate::shared::{Mailbox, Shared};
    use crate::worker::{Seat, Terms};
    use crate::{config, topology};

    /// A worker with a pool of one server, and the server's conn of the one client's one request.
    struct World {
        worker: Worker,
        client: ConnId,
        server: ConnId,
    }

    fn worker() -> Worker {
        let text = "alpha:\n  listen: 127.0.0.1:1\n  redis: true\n  servers:\n  - 127.0.0.1:2:1\n";
        let config = config::parse(text.as_bytes(), Path::new("alpha.yml")).expect("it is valid");
        let room = Arc::new(Room::new(10));
        let pools = topology::pools(&config, 16 * 1024, &room);
        let pollers = Pollers::new().expect("pollers");
        let waker = Waker::new(pollers.all.registry(), Subject::Waker.token()).expect("a waker");
        let resolver = Arc::new(Resolver::start().expect("a thread"));
        let mailboxes = Box::new([Mailbox::new(waker)]);
        let shared = Arc::new(Shared::new(config, pools, mailboxes, resolver, room));
        let terms = Terms {
            stats: Arc::new([Arc::new(Stats::new([1]))]),
            epoch: Instant::now(),
            seed: 1,
            busy_poll: Duration::ZERO,
            turn_pause: Duration::ZERO,
            memory_max: usize::MAX,
            everybody: Arc::default(),
            holders: Arc::default(),
        };
        Worker::new(Seat { id: 0, pollers, listeners: Vec::new(), terms }, shared)
    }

    impl World {
        /// One whose client's socket is that, and has asked for something.
        fn new(stream: TcpStream) -> Self {
            stream.set_nonblocking(true).expect("it is open");
            let stream = mio::net::TcpStream::from_std(stream);
            let socket = Socket::tcp(stream, Ipv4Addr::LOCALHOST.into()).expect("it is open");
            let mut worker = worker();
            let client = worker.engine.handle_accepted(PoolId(0), None);
            worker.take_in(client, PoolId(0), socket);
            let mut world = Self { worker, client, server: client };
            world.comes(client, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
            while let Some(action) = world.worker.engine.poll_action() {
                match action {
                    Action::Connect { conn, .. } => {
                        world.server = conn;
                        world.worker.engine.handle_connected(conn);
                    }
                    Action::Flush(conn) => {
                        let len = world.waiting(conn);
                        world.worker.engine.handle_sent(conn, len, false);
                    }
                    other => panic!("{other:?}"),
                }
            }
            world
        }

        /// Bytes come in on `conn`.
        fn comes(&mut self, conn: ConnId, mut bytes: &[u8]) {
            while !bytes.is_empty() {
                let space = self.worker.engine.recv_space(conn);
                let len = space.len().min(bytes.len());
                space[..len].copy_from_slice(&bytes[..len]);
                bytes = &bytes[len..];
                self.worker.engine.handle_received(conn, len);
            }
        }

        /// How many bytes wait to be sent.
        fn waiting(&self, conn: ConnId) -> usize {
            let mut slices = [IoSlice::new(&[]); SLICES_A_WRITE];
            let used = self.worker.engine.poll_send(conn, &mut slices);
            slices[..used].iter().map(|slice| slice.len()).sum()
        }
    }

    #[test]
    fn who_reads_as_quickly_as_it_is_written_to_gets_a_part_a_turn() {
        const LEN: usize = 64 * 1024 * 1024;
        let (stream, mut peer) = connected();
        let reader = thread::spawn(move || {
            let (mut space, mut read) = (vec![0; 8 * 1024 * 1024], 0);
            while let Ok(len @ 1..) = peer.read(&mut space) {
                read += len;
            }
            read
        });
        let mut world = World::new(stream);
        let response = [format!("${LEN}\r\n").as_bytes(), &vec![b'v'; LEN], b"\r\n"].concat();
        world.comes(world.server, &response);
        let mut left = world.waiting(world.client);
        assert_eq!(left, response.len());
        while left > 0 {
            world.worker.send_on();
            // Where the reader was the slower one, it is told of at once that the socket takes more.
            world.worker.engine.handle_writable(world.client);
            world.worker.act();
            let sent = left - world.waiting(world.client);
            assert!(sent <= WRITTEN_BYTES_A_TURN, "{sent} bytes in one turn, of {left}");
            left -= sent;
        }
        assert!(world.worker.unsent.is_empty());
        drop(world);
        assert_eq!(reader.join().expect("it has read"), response.len());
    }

    /// A socket, and the other end of it.
    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let peer = TcpStream::connect(address).expect("it listens");
        let (stream, _) = listener.accept().expect("it has connected");
        (stream, peer)
    }

    #[test]
    fn the_rest_of_a_large_request_waits_where_a_turn_has_read_enough_and_a_small_one_does_not() {
        let (stream, mut peer) = connected();
        let mut world = World::new(stream);
        let client = world.client;
        /// What comes and is told of in a turn that has read so much, and how much of it is read.
        fn sends(world: &mut World, peer: &mut TcpStream, bytes: &[u8], before: usize) -> usize {
            peer.write_all(bytes).expect("the socket takes so much");
            world.worker.turn.bytes = before;
            let client = world.client;
            world.worker.clients.get_mut(client).expect("it is there").readable = true;
            world.worker.read(client);
            world.worker.turn.bytes - before
        }
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        assert_eq!(sends(&mut world, &mut peer, get, TURN_BYTES_ENOUGH), get.len());
        let head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n";
        assert_eq!(sends(&mut world, &mut peer, head, TURN_BYTES_ENOUGH), head.len());
        assert_eq!(sends(&mut world, &mut peer, &[b'v'; 9_000], 0), 9_000);
        assert!(world.worker.put_off.is_empty());
        assert_eq!(sends(&mut world, &mut peer, &[b'v'; 9_000], TURN_BYTES_ENOUGH), 0);
        assert_eq!(world.worker.put_off, [client]);
        // It is there once, whatever is told of it.
        assert_eq!(sends(&mut world, &mut peer, b"v", TURN_BYTES_ENOUGH), 0);
        assert_eq!(world.worker.put_off, [client]);
        assert_eq!(
            world.worker.timeout(None),
            Some(Duration::ZERO),
            "the next turn begins at once"
        );
        world.worker.begin_turn();
        world.worker.read_on();
        assert_eq!((world.worker.turn.bytes, world.worker.put_off.len()), (9_001, 0));
    }

    #[test]
    fn who_was_put_off_is_read_before_those_that_were_read_in_the_turn() {
        let (stream, mut peer) = connected();
        let mut world = World::new(stream);
        let client = world.client;
        let (other, mut others_peer) = connected();
        other.set_nonblocking(true).expect("it is open");
        let other = mio::net::TcpStream::from_std(other);
        let socket = Socket::tcp(other, Ipv4Addr::LOCALHOST.into()).expect("it is open");
        let other = world.worker.engine.handle_accepted(PoolId(0), None);
        world.worker.take_in(other, PoolId(0), socket);
        let head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n";
        for (conn, peer) in [(client, &mut peer), (other, &mut others_peer)] {
            world.comes(conn, head);
            world.comes(conn, &[b'v'; 100_000]);
            peer.write_all(&[b'v'; 50_000]).expect("the socket takes so much");
            world.worker.clients.get_mut(conn).expect("it is there").readable = true;
        }
        world.worker.unread.push(client);
        world.worker.put_off.push(other);
        world.worker.begin_turn();
        world.worker.turn.bytes = TURN_BYTES_ENOUGH - 1;
        world.worker.read_on();
        assert_eq!(world.worker.put_off, [client]);
        assert!(world.worker.unread.is_empty());
    }

    #[test]
    fn no_more_than_the_budget_is_offered_and_that_from_the_front() {
        let slices = [&b"abc"[..], b"de", b"fghi"].map(IoSlice::new);
        for (len, used) in [(1, 1), (3, 1), (4, 2), (5, 2), (6, 3), (9, 3), (100, 3)] {
            let mut front = [IoSlice::new(&[]); SLICES_A_WRITE];
            assert_eq!(cut(&slices, len, &mut front), used, "{len}");
            let offered: Vec<u8> = front[..used].iter().flat_map(|slice| slice.to_vec()).collect();
            assert_eq!(offered, b"abcdefghi"[..len.min(9)]);
        }
    }
}
