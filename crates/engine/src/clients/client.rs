//! A client's conn: the line of responses, in the order of the requests.

use nutcracker_proto::RequestParser;

use crate::bytes::held::{Held, Holding};
use crate::bytes::inbox::Inbox;
use crate::bytes::outbox::Outbox;
use crate::bytes::spares::Spares;
use crate::clients::resuming::Resuming;
use crate::clients::session::{Lane, Session};
use crate::flushes::Flushes;
use crate::ids::{ConnId, PoolId};
use crate::limits::{POSTPONED_BYTES_MAX, POSTPONED_TURNS_MAX, PoolLimits, SHARE_BYTES_MIN};
use crate::own::Own;
use crate::pool::Pool;
use crate::pubsub::Subscriptions;
use crate::request::{Answer, Line, Requests};

/// One client. Idle it owns no buffer.
#[derive(Debug)]
pub(crate) struct ClientConn {
    pub(crate) pool: PoolId,
    pub(crate) parser: RequestParser,
    pub(crate) inbox: Inbox,
    /// What the message at the front of the inbox misses at least, bytes.
    pub(crate) missing: usize,
    /// Bytes to pass over as they come: what is left of a request that was refused.
    pub(crate) skip: usize,
    pub(crate) outbox: Outbox,
    /// Requests whose response is not in the outbox yet, in the order they came.
    pub(crate) line: Line,
    /// Their number, with those that it wants no response to and that have not ended.
    pub(crate) outstanding: u32,
    /// How many of them there may be.
    requests_max: u32,
    /// How many bytes may wait in the outbox.
    unsent_bytes_max: u32,
    /// What it has said about itself.
    pub(crate) session: Session,
    /// Which server conns its outstanding requests are on.
    pub(crate) lane: Lane,
    /// Too much is outstanding, or memory is short: not parsed, not read.
    pub(crate) paused: bool,
    /// Until when, as far as its requests go.
    pub(crate) until: Until,
    /// What it does on a server conn of its own, for who has one.
    pub(crate) own: Option<Box<Own>>,
    /// Its socket has said its end while it was paused.
    pub(crate) hung_up: bool,
    /// What it is subscribed to, for who is.
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    /// In the list of conns to flush.
    pub(crate) dirty: bool,
    /// For how many turns it has been in that list.
    pub(crate) postponed: u8,
    /// The socket took less than it was offered: wait until it says it takes more.
    pub(crate) awaits_writable: bool,
    /// No more requests; it closes when what is due has gone.
    pub(crate) closing: Option<Farewell>,
}

/// What has to become of a paused client's requests before it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Half of those that there may be have ended.
    HalfEnded,
    /// All have.
    AllEnded,
    /// All have, or there is room on a server conn: it is among those that [wait](crate::clients::crowd::Crowd) for it.
    Room,
    /// Half have: it has waited for room, and asks once more.
    HasRoom,
}

/// Why a client's conn closes once its responses have gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The client said so: end of stream, or QUIT.
    Asked,
    /// The client broke a rule.
    Misbehaved,
    /// The proxy stops.
    Stopping,
    /// It goes over to another engine, and is not closed at all.
    HandedOver,
}

impl ClientConn {
    pub(crate) const fn new(
        pool: PoolId,
        parser: RequestParser,
        inbox: Inbox,
        outbox: Outbox,
        limits: &PoolLimits,
        session: Session,
    ) -> Self {
        Self {
            pool,
            parser,
            inbox,
            missing: 1,
            skip: 0,
            outbox,
            line: Line::new(),
            outstanding: 0,
            requests_max: limits.client_requests,
            unsent_bytes_max: limits.client_unsent_bytes,
            session,
            lane: Lane::Shared,
            paused: false,
            until: Until::HalfEnded,
            own: None,
            hung_up: false,
            subscriptions: None,
            dirty: false,
            postponed: 0,
            awaits_writable: false,
            closing: None,
        }
    }

    /// Has as much outstanding as it may.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.outstanding >= self.requests_max || self.outbox.len() >= self.unsent_bytes_max as usize
    }

    /// How many more it may have outstanding, if what waits in its outbox allows any.
    pub(crate) const fn requests_left(&self) -> u32 {
        self.requests_max.saturating_sub(self.outstanding)
    }

    /// It has something to send: whether it is to be put on the list of those, where it is not yet.
    #[inline]
    pub(crate) const fn become_dirty(&mut self) -> bool {
        let is_new = !self.dirty && !self.awaits_writable;
        self.dirty |= is_new;
        is_new
    }

    /// Whether `pool`, which is its pool, has a password that it has not given.
    #[inline]
    pub(crate) const fn owes_password(&self, pool: &Pool) -> bool {
        pool.has_password && !self.session.authenticated
    }

    /// Something was put into its outbox, and perhaps it has little enough outstanding to be read again.
    #[inline]
    pub(crate) fn note_delivery(
        &mut self,
        own: ConnId,
        resuming: &mut Resuming,
        flushes: &mut Flushes,
    ) {
        if self.may_resume() {
            resuming.push(own);
        }
        if self.become_dirty() {
            flushes.push_client(own);
        }
    }

    /// Moves what is held for the front of its line to its outbox. Says whether what is at the front then is finished
    /// as well, and was not held.
    #[inline]
    pub(crate) fn deliver_held(
        &mut self,
        requests: &mut Requests,
        holding: &mut Holding,
        spares: &mut Spares,
    ) -> bool {
        loop {
            let front = self.line.front();
            if front.is_none() {
                return false;
            }
            match requests.get(front).answer {
                Answer::Awaited => return false,
                Answer::Held(_) => {}
                Answer::Failed(_) | Answer::Gathered => return true,
            }
            self.line.pop(requests);
            self.outstanding -= 1;
            match requests.remove(front) {
                Answer::Held(Held::Shared(shared)) if shared.len() >= SHARE_BYTES_MIN => {
                    self.outbox.share(shared);
                }
                Answer::Held(held) => {
                    self.outbox.push(holding.bytes(&held), spares);
                    holding.release(held, spares);
                }
                other => unreachable!("it is held: {other:?}"),
            }
        }
    }

    /// Puts its flush off for a turn, if more is due to it and what waits is little and has not waited for long.
    #[inline]
    pub(crate) fn postpone(&mut self) -> bool {
        let may = !self.line.is_empty()
            && !self.outbox.is_empty()
            && self.postponed < POSTPONED_TURNS_MAX
            && self.outbox.len() <= POSTPONED_BYTES_MAX
            && !self.awaits_writable
            && self.closing.is_none();
        self.postponed += u8::from(may);
        may
    }

    /// Has little enough outstanding to be read from again.
    #[inline]
    pub(crate) fn may_resume(&self) -> bool {
        let requests = match self.until {
            Until::HalfEnded | Until::HasRoom => self.requests_max / 2,
            Until::AllEnded | Until::Room => 0,
        };
        self.paused
            && self.outstanding <= requests
            && self.outbox.len() <= self.unsent_bytes_max as usize / 2
    }

    /// It will be closed once nothing is due to it.
    pub(crate) fn will_close(&self) -> bool {
        self.closing.is_some_and(|farewell| farewell != Farewell::HandedOver)
    }

    /// Nothing is due to it any more; what it wants no response to may be under way.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.line.is_empty() && self.outbox.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With its places in the tables here and in the shell, it is to stay below 300.
    #[test]
    fn an_idle_client_is_small() {
        assert!(size_of::<ClientConn>() <= 240, "{} bytes", size_of::<ClientConn>());
    }
}
