//! The keys of one stream: a few of each sort, in a name space of its own, so that streams may run
//! side by side, and one of them again alone.

use crate::random::Random;

/// The sorts of keys, by their letters; `r` and `y` stand alone (see `forms.rs`).
pub(super) const SORTS: &[u8] = b"silhenzpg";

/// The keys of a stream.
#[derive(Debug)]
pub(super) struct Cast {
    keys: Vec<(u8, Vec<u8>)>,
    alone: [Vec<u8>; 2],
    tag: Option<[u8; 2]>,
    space: Vec<u8>,
}

impl Cast {
    /// Draws the keys of the stream whose names all begin with `space`; `tag` is what its pool
    /// takes for a hash tag.
    pub(super) fn draw(space: &[u8], tag: Option<[u8; 2]>, random: &mut Random) -> Self {
        let mut cast =
            Self { keys: Vec::new(), alone: Default::default(), tag, space: space.to_vec() };
        for &sort in SORTS {
            for nth in b'0'..b'0' + random.between(1, 3) as u8 {
                let key = cast.name(sort, nth, random);
                cast.keys.push((sort, key));
            }
        }
        cast.alone = [b'r', b'y'].map(|sort| cast.name(sort, b'0', random));
        cast
    }

    /// Adds the key of no bytes to the strings; other streams have it as well.
    pub(super) fn add_empty_key(&mut self) {
        self.keys.push((b's', Vec::new()));
    }

    /// A key of a sort; one of another sort, six times in a hundred.
    pub(super) fn key(&self, sort: u8, random: &mut Random) -> &[u8] {
        if let Some(at) = [b'r', b'y'].iter().position(|alone| *alone == sort) {
            return &self.alone[at];
        }
        if sort == b'k' || random.chance(60) {
            return self.any(random);
        }
        loop {
            let (of, key) = random.pick(&self.keys);
            if *of == sort {
                return key;
            }
        }
    }

    /// Any key but those of sorts that stand alone.
    pub(super) fn any(&self, random: &mut Random) -> &[u8] {
        &random.pick(&self.keys).1
    }

    /// Three keys that live on one server, whatever the pool.
    pub(super) fn together(&self, sort: u8) -> Option<[Vec<u8>; 3]> {
        let [open, close] = self.tag?;
        Some(
            [b'1', b'2', b'3'].map(|nth| {
                [&self.space[..], &[open], &self.space, &[close, sort, b't', nth]].concat()
            }),
        )
    }

    /// A key that no other request of the stream has.
    pub(super) fn own(&self, name: &str) -> Vec<u8> {
        [&self.space[..], b"own:", name.as_bytes()].concat()
    }

    /// A name: plain, with a hash tag or something like it, with any bytes, or long.
    fn name(&self, sort: u8, nth: u8, random: &mut Random) -> Vec<u8> {
        let mut name = [&self.space[..], &[sort, nth]].concat();
        match random.below(40) {
            0..18 => {}
            18..28 => {
                const TAGS: [&[u8]; 8] =
                    [b"{a}", b"{ab}x", b"{}", b"{", b"}a{", b"{{a}}", b"$t$", b"$$u$"];
                name.extend_from_slice(random.pick::<&[u8]>(&TAGS));
            }
            28..36 => {
                let length = random.between(1, 30);
                name.extend((0..length).map(|_| random.draw() as u8));
            }
            36..39 => name.resize(random.between(100, 600), b'k'),
            _ => name.resize(LONGEST_KEY - random.below(2), b'K'),
        }
        name
    }
}

/// The longest key of the original with the default chunks, bytes.
pub(super) const LONGEST_KEY: usize = 16384 - 48 - 1;
