//! Servers side by side: which one of the old list is which one of the new.

use crate::config::{Pool, Server};

/// Which server of two pools is which.
#[derive(Debug)]
pub(super) struct Pairs {
    /// For each server of the old pool, its index in the new one.
    new_of: Vec<Option<usize>>,
}

impl Pairs {
    /// Pairs servers of the same name; of what is left, those of the same address.
    pub(super) fn of(old: &Pool, new: &Pool) -> Self {
        let mut new_of: Vec<Option<usize>> = old
            .servers
            .iter()
            .map(|server| new.servers.iter().position(|other| other.name == server.name))
            .collect();
        let mut taken = vec![false; new.servers.len()];
        new_of.iter().flatten().for_each(|&at| taken[at] = true);
        for (server, pair) in old.servers.iter().zip(&mut new_of) {
            if pair.is_none() {
                let same =
                    |(at, other): (usize, &Server)| !taken[at] && other.address == server.address;
                *pair = new.servers.iter().enumerate().position(same);
                pair.iter().for_each(|&at| taken[at] = true);
            }
        }
        Self { new_of }
    }

    /// The new server that the old one of this index is now.
    pub(super) fn new_of(&self, old: usize) -> Option<usize> {
        self.new_of[old]
    }

    /// The changes, a line each: of the old pool's servers in their order, then those added.
    pub(super) fn lines(&self, old: &Pool, new: &Pool) -> Vec<String> {
        let mut lines = Vec::new();
        for (server, pair) in old.servers.iter().zip(&self.new_of) {
            match pair {
                Some(at) => changes(server, &new.servers[*at], &mut lines),
                None => lines.push(format!("server '{}' removed: {}", server.name, is(server))),
            }
        }
        for (at, server) in new.servers.iter().enumerate() {
            if !self.new_of.contains(&Some(at)) {
                lines.push(format!("server '{}' added: {}", server.name, is(server)));
            }
        }
        lines
    }
}

fn is(server: &Server) -> String {
    format!("{}, weight {}", server.address, server.weight)
}

fn changes(old: &Server, new: &Server, lines: &mut Vec<String>) {
    let name = &old.name;
    if old.name != new.name {
        lines.push(format!("server '{name}' renamed: '{}'", new.name));
    }
    if old.address != new.address {
        lines.push(format!("server '{name}' address: {} -> {}", old.address, new.address));
    }
    if old.weight != new.weight {
        lines.push(format!("server '{name}' weight: {} -> {}", old.weight, new.weight));
    }
}
