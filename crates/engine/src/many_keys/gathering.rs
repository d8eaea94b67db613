//! A split request: its fragments, and where each one's response is.

use nutcracker_proto::Gather;

use crate::action::CloseReason;
use crate::bytes::held::Held;
use crate::request::RequestId;

/// A request whose fragments are under way.
#[derive(Debug)]
pub(crate) struct Gathering {
    pub(crate) gather: Gather,
    /// The request that was split; [`RequestId::NONE`] once its client is gone.
    pub(crate) parent: RequestId,
    /// Fragments that have not ended.
    pub(crate) pending: u32,
    /// For each key, in order, which fragment carries it; empty where the order is of no matter.
    pub(crate) owners: Vec<u32>,
    /// One a server, in the servers' order.
    pub(crate) ends: Vec<End>,
    /// What a fragment without a response means for the whole.
    pub(crate) lack: Lack,
    /// How many more bytes of responses may come together.
    pub(crate) room: usize,
    /// Every server of the pool was asked, so that a fragment's number is its server's.
    pub(crate) of_all: bool,
}

/// What a fragment without a response means for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// It fails.
    Fails,
    /// Something stands in for it; see `partial.rs`.
    StandIn,
    /// The others are the whole.
    LeftOut,
}

impl Gathering {
    /// The fragment `ordinal`, which is pending, becomes `parts`: its keys, in order, belong to `owners` of
    /// them. The first has its place; says which place the second has, behind which are the others'.
    pub(crate) fn divide(
        &mut self,
        ordinal: u32,
        parts: usize,
        mut owners: impl Iterator<Item = u32>,
    ) -> u32 {
        let second = self.ends.len() as u32;
        for owner in self.owners.iter_mut().filter(|owner| **owner == ordinal) {
            match owners.next().expect("each key of it has an owner") {
                0 => {}
                part => *owner = second + part - 1,
            }
        }
        self.ends.extend((1..parts).map(|_| End::Pending { bytes: 0 }));
        self.pending += parts as u32 - 1;
        second
    }

    /// Takes room for a response of so many bytes, if there is as much.
    pub(crate) const fn take_room(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.room;
        if fits {
            self.room -= bytes;
        }
        fits
    }

    /// Bytes of the responses that are there, and of the fragments that wait for theirs.
    pub(crate) fn held_bytes(&self) -> usize {
        let bytes = |end: &End| match end {
            End::Response(held) => held.len(),
            End::Pending { bytes } => *bytes as usize,
            End::Failed(_) => 0,
        };
        self.ends.iter().map(bytes).sum()
    }
}

/// How a fragment ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It has not. Its request has so many bytes; 0 where it is small.
    Pending { bytes: u32 },
    /// With a response.
    Response(Held),
    /// Without one.
    Failed(Box<CloseReason>),
}

/// The split requests of a worker. Places, and the room for owners, are used again.
#[derive(Debug, Default)]
pub(crate) struct Gatherings {
    table: Vec<Gathering>,
    free: Vec<u32>,
}

/// Owners for which a free place keeps room: a request with more gives its room back.
const OWNERS_KEPT_MAX: usize = 1_024;

/// Free places kept when nothing is split any more.
const SPARE_PLACES_MAX: usize = 1_024;

impl Gatherings {
    /// A place with nothing in it, and `room` for so many bytes of responses.
    pub(crate) fn insert(&mut self, gather: Gather, parent: RequestId, room: usize) -> u32 {
        if let Some(at) = self.free.pop() {
            let place = &mut self.table[at as usize];
            (place.gather, place.parent, place.room) = (gather, parent, room);
            (place.lack, place.of_all) = (Lack::Fails, false);
            return at;
        }
        self.table.push(Gathering {
            gather,
            parent,
            pending: 0,
            owners: Vec::new(),
            ends: Vec::new(),
            lack: Lack::Fails,
            room,
            of_all: false,
        });
        (self.table.len() - 1) as u32
    }

    pub(crate) fn get(&self, at: u32) -> &Gathering {
        &self.table[at as usize]
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> &mut Gathering {
        &mut self.table[at as usize]
    }

    /// Frees a place; what its fragments' ends held must have been released.
    pub(crate) fn remove(&mut self, at: u32) {
        let place = &mut self.table[at as usize];
        place.owners.clear();
        place.owners.shrink_to(OWNERS_KEPT_MAX);
        place.ends.clear();
        place.pending = 0;
        self.free.push(at);
        if self.free.len() == self.table.len() && self.table.len() > SPARE_PLACES_MAX {
            *self = Self::default();
        }
    }

    /// Split requests under way.
    pub(crate) fn len(&self) -> usize {
        self.table.len() - self.free.len()
    }
}
