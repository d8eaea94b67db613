//! A crowd: clients that have made one request each, and stay connected without a word.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::script::Script;
use super::workload::{Random, Workload};
use crate::failure::{Failure, Result};
use crate::{interrupt, servers};

/// Connects `clients` clients to `port`; each makes a request, checks the response and stays. One
/// after the other: what is to be seen is a client at rest, and all at once would also show the
/// crowd's requests.
///
/// # Errors
/// A client that cannot connect, or a wrong answer.
pub(crate) fn connect(port: u16, workload: Workload, clients: usize) -> Result<Vec<TcpStream>> {
    let (script, mut random) = (Script::new(&workload), Random::new(0));
    let (mut request, mut due) = (Vec::new(), Vec::new());
    (0..clients)
        .map(|client| {
            interrupt::check()?;
            request.clear();
            due.clear();
            script.write(&mut random, &mut request, &mut due);
            let mut response = vec![0; due.len()];
            let mut talk = || {
                let mut stream = servers::connect(port)?;
                stream.write_all(&request)?;
                stream.read_exact(&mut response)?;
                Ok(stream)
            };
            let stream = talk().map_err(Failure::system(format!("idle client {client}")))?;
            if response != due {
                let found = response.escape_ascii();
                return Err(Failure::Wrong(format!("idle client {client} was answered {found}")));
            }
            Ok(stream)
        })
        .collect()
}
