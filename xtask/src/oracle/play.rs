//! Plays a case's clients against one port.

use std::collections::BTreeSet;
use std::time::Duration;

use super::case::{Case, Step, Turn};
use super::client::{Client, Outcome};
use super::draw::DIGEST;
use super::reply::Reply;
use crate::failure::Result;
use crate::{interrupt, wire};

/// Time for a request to arrive at its server, however busy the machine.
const WAIT: Duration = Duration::from_millis(60);

/// An iteration that has not ended after so many steps never will.
const CURSORS_MAX: usize = 3000;

/// Plays `case` against `port` and returns what came at each step.
///
/// # Errors
/// The system's, when it cannot connect; an interruption.
pub(crate) fn play(port: u16, case: &Case) -> Result<Vec<Vec<Outcome>>> {
    let mut player = Player { port, clients: Vec::new(), digest: vec![b'0'; 40] };
    let mut heard = Vec::with_capacity(case.steps.len());
    let mut rest = case.steps.as_slice();
    while !rest.is_empty() {
        interrupt::check()?;
        let of_one = rest.iter().take_while(|step| step.connection == rest[0].connection).count();
        let (now, behind) = rest.split_at(if case.is_pipelined { of_one } else { 1 });
        rest = behind;
        player.some(now, &mut heard)?;
        // Who has nothing to say where he should is not asked further.
        if heard.last().is_some_and(|last| last.contains(&Outcome::Silence)) {
            heard.resize(case.steps.len(), vec![Outcome::Silence]);
            break;
        }
    }
    Ok(heard)
}

/// A case's clients.
struct Player {
    port: u16,
    clients: Vec<Option<Client>>,
    digest: Vec<u8>,
}

impl Player {
    /// Steps of one connection: all of them are sent, and then answered.
    fn some(&mut self, steps: &[Step], heard: &mut Vec<Vec<Outcome>>) -> Result<()> {
        if steps[0].turn == Turn::Wait {
            interrupt::sleep(WAIT)?;
            heard.push(Vec::new());
            return Ok(());
        }
        let digest = self.digest.clone();
        let client = self.client(steps[0].connection)?;
        if steps[0].turn == Turn::Iterate {
            heard.push(vec![iterate(client, &steps[0].words)]);
            return Ok(());
        }
        let requests = steps.iter().filter(|step| !step.words.is_empty());
        let bytes: Vec<u8> = requests.flat_map(|step| encode(step, &digest)).collect();
        client.send(&bytes);
        for step in steps {
            let mut outcomes = Vec::new();
            while outcomes.len() < step.replies {
                let outcome = client.receive();
                let is_reply = matches!(outcome, Outcome::Reply(..));
                let is_refused = matches!(&outcome, Outcome::Reply(reply, _) if reply.is_error());
                outcomes.push(outcome);
                // A refusal is the only answer to what else would have several.
                if !is_reply || (is_refused && step.replies > 1) {
                    break;
                }
            }
            heard.push(outcomes);
        }
        if steps.len() == 1
            && let Some(Outcome::Reply(reply, _)) = heard.last().and_then(|last| last.first())
            && steps[0].name() == "script"
            && reply.text.len() == 40
        {
            self.digest.clone_from(&reply.text);
        }
        Ok(())
    }

    fn client(&mut self, number: usize) -> Result<&mut Client> {
        if self.clients.len() <= number {
            self.clients.resize_with(number + 1, || None);
        }
        let place = &mut self.clients[number];
        if place.is_none() {
            *place = Some(Client::connect(self.port)?);
        }
        Ok(place.as_mut().expect("it is connected now"))
    }
}

/// A step's request, with the digest filled in.
fn encode(step: &Step, digest: &[u8]) -> Vec<u8> {
    if step.turn == Turn::Raw {
        return step.words.concat();
    }
    let fill = |word: &Vec<u8>| if word == DIGEST { digest.to_vec() } else { word.clone() };
    wire::array(&step.words.iter().map(fill).collect::<Vec<_>>())
}

/// Goes through a whole iteration. The result is an array of each key found, or what came instead
/// of the next part.
fn iterate(client: &mut Client, words: &[Vec<u8>]) -> Outcome {
    let mut words = words.to_vec();
    let mut found = BTreeSet::new();
    for _ in 0..CURSORS_MAX {
        client.send(&wire::array(&words));
        let outcome = client.receive();
        let Outcome::Reply(reply, _) = &outcome else { return outcome };
        let [cursor, keys] = reply.elements.as_slice() else { return outcome };
        found.extend(keys.texts());
        if cursor.text == b"0" {
            let keys: Vec<Vec<u8>> = found.into_iter().collect();
            let bytes = wire::array(&keys);
            let reply = Reply::read(&bytes).ok().flatten().expect("written just now").0;
            return Outcome::Reply(reply, bytes);
        }
        words[1].clone_from(&cursor.text);
    }
    Outcome::Garbage(format!("no end of SCAN after {CURSORS_MAX} cursors").into_bytes())
}
