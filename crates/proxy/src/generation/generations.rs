//! The generations of a process, one behind the other: which one holds, which give way to it, and what those
//! count.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::{Generation, News, Obstacle};
use crate::config::Pool;
use crate::stats_server::{Past, Place};
use crate::succession::heir;

/// The generations of a process that have not ended.
#[derive(Debug)]
pub struct Generations {
    /// The one whose configuration holds.
    newest: Generation,
    /// Those before it, oldest first.
    elders: Vec<Elder>,
    news: UnboundedSender<News>,
}

impl Generations {
    /// The first. `news` is where [`note`](Self::note) gets what it is told.
    #[must_use]
    pub const fn new(first: Generation, news: UnboundedSender<News>) -> Self {
        Self { newest: first, elders: Vec::new(), news }
    }

    /// The one whose configuration holds.
    #[must_use]
    pub const fn newest(&self) -> &Generation {
        &self.newest
    }

    /// Starts the first one's workers.
    ///
    /// # Errors
    /// As [`Generation::start`].
    pub fn start(&mut self) -> Result<(), Obstacle> {
        self.newest.start(&self.news)
    }

    /// `next` is the newest from now on, started already, and all before it give way to it.
    pub fn succeed(&mut self, next: Generation) {
        let before = std::mem::replace(&mut self.newest, next);
        self.newest.fit_room(&before);
        let into = self.newest.past();
        let heirs = heirs(&before, &self.newest);
        for elder in &mut self.elders {
            for heir in &mut elder.heirs {
                *heir = heir.and_then(|pool| heirs[pool]);
            }
            let places = places(&elder.generation, &elder.heirs, &self.newest);
            elder.past.redirect(Arc::clone(&into), places);
        }
        let places = places(&before, &heirs, &self.newest);
        let past = Past::new(Arc::clone(&before.stats), into, places);
        past.carry();
        // Those that others may still hand something over to hear of it when that is over.
        let is_last = before.predecessors == 0;
        self.elders.push(Elder { generation: before, heirs, past });
        for elder in &self.elders {
            elder.generation.give_way(&elder.heirs, &mut self.newest, &self.news);
        }
        if let Some(before) = self.elders.last()
            && is_last
        {
            before.generation.dismiss();
        }
    }

    /// Whether there are clients of another configuration than the newest.
    #[must_use]
    pub const fn has_elders(&self) -> bool {
        !self.elders.is_empty()
    }

    /// Carries into the newest's counters what others have counted.
    pub fn carry(&self) {
        self.elders.iter().for_each(|elder| elder.past.carry());
    }

    /// Stops all.
    pub fn stop(&self) {
        self.all().for_each(Generation::stop);
    }

    /// Takes news in. Says whether any worker is left.
    ///
    /// # Errors
    /// Why a worker could not go on.
    pub fn note(&mut self, news: News) -> io::Result<bool> {
        match news {
            News::Ended { generation, result } => {
                // One that could not be started is none of these.
                if let Some(generation) = self.find(generation) {
                    result?;
                    generation.running -= 1;
                }
                self.carry();
                self.elders.retain(|elder| elder.generation.running > 0);
            }
            News::Released { generation } => {
                let newest = self.newest.number;
                if let Some(generation) = self.find(generation) {
                    generation.predecessors -= 1;
                    if generation.predecessors == 0 && generation.number != newest {
                        generation.dismiss();
                    }
                }
            }
        }
        Ok(self.all().any(|generation| generation.running > 0))
    }

    fn all(&self) -> impl Iterator<Item = &Generation> {
        self.elders.iter().map(|elder| &elder.generation).chain([&self.newest])
    }

    fn find(&mut self, number: u64) -> Option<&mut Generation> {
        let elders = self.elders.iter_mut().map(|elder| &mut elder.generation);
        elders.chain([&mut self.newest]).find(|generation| generation.number == number)
    }
}

/// A generation whose clients go over to the newest.
#[derive(Debug)]
struct Elder {
    generation: Generation,
    /// For each of its pools, which of the newest's its clients go to.
    heirs: Vec<Option<usize>>,
    /// What it counts.
    past: Past,
}

/// Where the figures of `elder`, whose pools' heirs are given, go on in `newest`. Servers' names are what
/// consumers know them by.
fn places(elder: &Generation, heirs: &[Option<usize>], newest: &Generation) -> Vec<Option<Place>> {
    let pools: Vec<&Pool> = newest.pools().collect();
    let place = |(pool, heir): (&Pool, &Option<usize>)| {
        let heir = (*heir)?;
        let at = |name: &str| pools[heir].servers.iter().position(|other| other.name == name);
        let servers = pool.servers.iter().map(|server| at(&server.name)).collect();
        Some(Place { pool: heir, servers })
    };
    elder.pools().zip(heirs).map(place).collect()
}

/// For each pool of `before`, which of `next` its clients go to.
fn heirs(before: &Generation, next: &Generation) -> Vec<Option<usize>> {
    let pools: Vec<&Pool> = next.pools().collect();
    before.pools().map(|pool| heir(pool, &pools)).collect()
}
