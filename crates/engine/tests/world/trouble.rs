//! Faults as they happen.

use super::World;
use super::events::Event;
use super::pipe::End;
use super::plan::{Fault, SECOND};
use super::server::Slip;
use super::shell::Far;

impl World {
    /// Lets the faults happen whose time has come.
    pub(super) fn go_wrong(&mut self) {
        while let Some((at, fault)) = self.plan.faults.get(self.faults_done).copied()
            && at <= self.now
        {
            self.faults_done += 1;
            self.tell(|| format!("{fault:?}"));
            match fault {
                Fault::Close { pool, server } => self.end_conns(pool, server, End::Eof),
                Fault::Reset { pool, server } => self.end_conns(pool, server, End::Reset),
                Fault::Half { pool, server } => {
                    let end = self.random.pick(&[End::Eof, End::Reset]);
                    self.servers[pool][server].slip = Some(Slip::Half(end));
                }
                Fault::Torn { pool, server, wait } => {
                    self.servers[pool][server].slip = Some(Slip::Torn(wait));
                }
                Fault::Garbage { pool, server } => {
                    self.servers[pool][server].slip = Some(Slip::Garbage);
                }
                Fault::Unasked { pool, server } => {
                    self.servers[pool][server].slip = Some(Slip::Unasked);
                }
                Fault::Freeze { pool, server, wait } => {
                    self.servers[pool][server].frozen_until = self.now + wait;
                }
                Fault::Forget { pool, server } => self.servers[pool][server].scripts.clear(),
                Fault::Short { wait } => {
                    let until = self.now + wait;
                    // Faults that follow each other must not use up the engine's patience.
                    if self.plan.evicts
                        || self.memory_short_until == 0
                        || self.now > self.memory_short_until + SECOND
                    {
                        self.memory_short_until = until;
                    }
                }
                Fault::Absent { pool, server, wait, absence } => {
                    let server = &mut self.servers[pool][server];
                    (server.absence, server.absent_until) = (Some(absence), self.now + wait);
                }
            }
        }
    }

    /// Holds the proxy up if it is time for that: in the middle of a turn of one engine, while others wait
    /// or are yet to have theirs.
    pub(super) fn stall(&mut self) {
        let Some(&(at, lasts)) = self.plan.stalls.get(self.stalls_done) else { return };
        if at > self.now || !self.random.chance(30) {
            return;
        }
        self.stalls_done += 1;
        self.now += lasts;
        for number in self.engines.numbers() {
            *self.stalled.entry(number).or_default() += lasts;
        }
        let busy = self.engines.iter().any(|engine| engine.outstanding().0 > 0);
        self.events.see_if(busy, Event::StalledBusy);
        self.tell(|| format!("was held up for {lasts} us"));
    }

    fn end_conns(&mut self, pool: usize, server: usize, end: End) {
        for socket in self.sockets.values_mut() {
            match &mut socket.far {
                Far::Server { pool: p, server: s, connecting: None, peer }
                    if (*p, *s) == (pool, server) =>
                {
                    peer.end(end, &mut socket.inbound, self.now, &mut self.random);
                }
                _ => {}
            }
        }
    }
}
