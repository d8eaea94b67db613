//! What the demo tells, step by step, and what has to be true for it to go on.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::interrupt;

use super::charts;
use super::client::{Client, Protocol, Response};
use super::keys;
use super::stage::Stage;
use super::stats::{PoolStats, Stats};
use super::table::Table;
use super::term::{Ink, Term, grouped, progress_line, seconds};
use super::traffic::{self, Tally};

/// How often missing keys are written again before the demo gives up on a whole reading.
const REFILLS_MAX: usize = 10;

/// How long a server may take to come back, of which the configuration asks for two seconds.
const RETURN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the statistics may take to show an ejection. The original's lag behind a little.
const STATS_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the demo with the binary `proxy`, from the first server's start to the last one's end.
///
/// # Errors
/// What cannot be started, a value that is not what was written, and any other sentence of the
/// story that turns out untrue; Ctrl-C before the end of the story.
pub(super) fn tell(proxy: &Path, once: bool, term: &mut Term) -> Result<()> {
    term.title("nutcracker demo", "many caches behind one address")?;
    let start = Instant::now();
    term.heading(1, "Start")?;
    let stage = Stage::set(proxy)?;
    let folder = stage.folder().display().to_string();
    let spans = vec![("start", start.elapsed())];
    let mut story = Story { term, stage, start, spans, values_checked: 0 };
    let told = story.introduce(proxy).and_then(|()| story.acts());
    if let Err(Failure::Wrong(_) | Failure::System { .. }) = told {
        story.show_log()?;
    }
    told?;
    story.close()?;
    if !once {
        story.invite()?;
        story.stage.wait_for_ctrl_c()?;
    }
    let Story { term, stage, .. } = story;
    drop(stage);
    let ended = format!("The servers and the proxy are gone, and so is {folder}.");
    let ended = term.style().paint(Ink::Faint, &ended);
    term.outcome(&ended)?;
    term.line("")
}

/// The demo under way.
struct Story<'a> {
    term: &'a mut Term,
    stage: Stage,
    start: Instant,
    /// How long each step took.
    spans: Vec<(&'static str, Duration)>,
    /// How many values have been compared with what was written.
    values_checked: u64,
}

/// What a pass over keys does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Write,
    Read,
}

impl Story<'_> {
    fn acts(&mut self) -> Result<()> {
        let all: Vec<u32> = (0..keys::COUNT).collect();
        let mut redis = self.connect(Protocol::Redis)?;
        let mut memcached = self.connect(Protocol::Memcached)?;

        self.step(2, "write", "Write 10,000 keys through each pool", |story| {
            story.whole_pass("Redis", Pass::Write, &mut redis, &all, 1)?;
            story.whole_pass("memcached", Pass::Write, &mut memcached, &all, 1)
        })?;
        self.step(3, "read", "Read them back and compare each value", |story| {
            story.whole_pass("Redis", Pass::Read, &mut redis, &all, 1)?;
            story.whole_pass("memcached", Pass::Read, &mut memcached, &all, 1)
        })?;
        let held =
            self.step(4, "count", "Where they landed, asked of each server", Self::show_shares)?;
        let victim = Victim::choose(&self.stage, &held)?;
        let title = format!("Kill {} and go on reading", victim.name);
        self.step(5, "failure", &title, |story| story.failure(&mut redis, &victim, &all, &held))?;
        let title = format!("Bring {} back", victim.name);
        self.step(6, "return", &title, |story| {
            story.come_back(&mut redis, &victim, &all)?;
            story.whole_pass("memcached", Pass::Read, &mut memcached, &all, 1)?;
            story.show_regained(&victim)
        })?;
        self.step(7, "statistics", "What the proxy counted", Self::show_statistics)
    }

    /// Runs a step under its heading and notes how long it took.
    fn step<T>(
        &mut self,
        number: usize,
        name: &'static str,
        title: &str,
        act: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.term.heading(number, title)?;
        let start = Instant::now();
        let result = act(self)?;
        self.spans.push((name, start.elapsed()));
        Ok(result)
    }

    fn connect(&self, protocol: Protocol) -> Result<Client> {
        Client::connect(protocol, self.stage.pool(protocol)?.listen)
    }

    /// Step 1: who is there.
    fn introduce(&mut self, proxy: &Path) -> Result<()> {
        self.show(&charts::pools(self.stage.pools()))?;
        let here = std::env::current_dir().unwrap_or_default();
        let file = proxy.strip_prefix(&here).unwrap_or(proxy).display();
        let pid = self.stage.proxy.process().pid();
        self.term.line(&format!("proxy {file}, process {pid}"))?;
        self.term.line(&format!("as configured by {}", self.stage.conf_remark()))
    }

    /// A pass over `indexes` with a moving bar, then its line. A wrong value ends the story.
    fn pass(
        &mut self,
        label: &str,
        pass: Pass,
        client: &mut Client,
        indexes: &[u32],
        generation: u32,
    ) -> Result<Tally> {
        let whole = indexes.len() as u64;
        let start = Instant::now();
        let parts = |tally: &Tally| {
            let bad = tally.refused + tally.wrong;
            [(Ink::Good, tally.right), (Ink::Notice, tally.missing), (Ink::Bad, bad)]
        };
        let term = &mut *self.term;
        let watch = |tally: &Tally| {
            term.moving(|style| {
                let remark = grouped(tally.done());
                progress_line(style, label, &parts(tally), whole, &remark)
            })
        };
        let tally = match pass {
            Pass::Write => traffic::write(client, indexes, generation, watch)?,
            Pass::Read => traffic::read(client, indexes, generation, watch)?,
        };
        let took = start.elapsed();
        let what = match (pass, tally.right == whole) {
            (Pass::Write, true) => "stored",
            (Pass::Read, true) => "right",
            (Pass::Write, false) => "sent",
            (Pass::Read, false) => "asked for",
        };
        let remark = format!("{:>6} {what:<9}  {}", grouped(whole), seconds(took));
        self.term.line(&progress_line(self.term.style(), label, &parts(&tally), whole, &remark))?;
        if pass == Pass::Read {
            self.values_checked += tally.right + tally.wrong;
        }
        match &tally.first_wrong {
            Some(wrong) => Err(Failure::Wrong(format!(
                "{label}: {} of {whole} answers are wrong; the first: {wrong}",
                tally.wrong
            ))),
            None => Ok(tally),
        }
    }

    /// A pass in which every key has to come out right.
    fn whole_pass(
        &mut self,
        label: &str,
        pass: Pass,
        client: &mut Client,
        indexes: &[u32],
        generation: u32,
    ) -> Result<()> {
        let tally = self.pass(label, pass, client, indexes, generation)?;
        if tally.right == indexes.len() as u64 {
            return Ok(());
        }
        let said = tally.first_refusal.map_or(String::new(), |text| format!(", the first: {text}"));
        Err(Failure::Wrong(format!(
            "{label}: of {} keys {} are missing and {} were refused{said}",
            indexes.len(),
            tally.missing,
            tally.refused
        )))
    }

    /// Step 4: how each pool's keys are spread. Together a pool's servers must hold each key once.
    /// Returns what the Redis servers hold, in the pool's order.
    fn show_shares(&mut self) -> Result<Vec<u64>> {
        let redis = self.shares(Protocol::Redis)?;
        let memcached = self.shares(Protocol::Memcached)?;
        let redis_servers = &self.stage.pool(Protocol::Redis)?.servers;
        let memcached_servers = &self.stage.pool(Protocol::Memcached)?.servers;
        let servers = redis_servers.iter().chain(memcached_servers);
        let held = redis.iter().chain(&memcached).copied();
        let table = charts::shares(servers.zip(held), u64::from(keys::COUNT), self.term.style());
        self.show(&table)?;
        Ok(redis)
    }

    /// How many keys each server of a pool holds, every key being on one of them.
    fn shares(&self, protocol: Protocol) -> Result<Vec<u64>> {
        let held = self.stage.keys_held(self.stage.pool(protocol)?)?;
        let held: Vec<u64> = held.into_iter().map(Option::unwrap_or_default).collect();
        let sum: u64 = held.iter().sum();
        if sum == u64::from(keys::COUNT) {
            return Ok(held);
        }
        Err(Failure::Wrong(format!(
            "the {} servers hold {sum} keys together, and {} were written",
            protocol.name(),
            keys::COUNT
        )))
    }

    /// Step 5: a server dies, its keys find another home, and nobody else's move.
    fn failure(
        &mut self,
        redis: &mut Client,
        victim: &Victim,
        all: &[u32],
        held: &[u64],
    ) -> Result<()> {
        self.stage.kill_redis(victim.port);
        let name = self.term.style().paint(Ink::Name, &victim.name);
        let keys = grouped(victim.keys);
        self.term.line(&format!("{name} got SIGKILL, and its {keys} keys are gone with it."))?;
        let tally = self.pass("read", Pass::Read, redis, all, 1)?;
        for line in &charts::losses(&tally).lines(self.term.style())[1..] {
            self.term.line(line)?;
        }
        if tally.right != u64::from(keys::COUNT) - victim.keys {
            return Err(Failure::Wrong(format!(
                "the other servers held {} keys, and {} were found",
                u64::from(keys::COUNT) - victim.keys,
                tally.right
            )));
        }
        self.await_ejection(redis)?;
        self.refill(redis, tally, all)?;
        let servers = &self.stage.pool(Protocol::Redis)?.servers;
        let now = self.stage.keys_held(self.stage.pool(Protocol::Redis)?)?;
        let changes = servers.iter().zip(held.iter().copied().zip(now));
        let table = charts::heirs(&changes.collect::<Vec<_>>(), self.term.style());
        self.show(&table)
    }

    /// Waits until the statistics show the ejection, and shows it.
    fn await_ejection(&mut self, redis: &mut Client) -> Result<()> {
        let pool = self.stage.pool(Protocol::Redis)?.name.clone();
        let end = Instant::now() + STATS_TIMEOUT;
        loop {
            let ejects = Stats::ask(self.stage.proxy.stats_port())?.of_pool(&pool, "server_ejects");
            if ejects > 0 {
                let ejects =
                    self.term.style().paint(Ink::Strong, &format!("server_ejects: {ejects}"));
                return self.term.line(&format!(
                    "The stats port says {ejects}. Refill, as an application would:"
                ));
            }
            if Instant::now() >= end {
                return Err(Failure::Wrong(format!(
                    "the stats port still says server_ejects: 0 for pool '{pool}'"
                )));
            }
            // The original hands its counters on when a request comes.
            redis.get(&[keys::key(0)])?;
            interrupt::sleep(Duration::from_millis(20))?;
        }
    }

    /// Writes what is lacking until a reading finds every key.
    fn refill(&mut self, redis: &mut Client, mut tally: Tally, all: &[u32]) -> Result<()> {
        for _ in 0..REFILLS_MAX {
            self.pass("refill", Pass::Write, redis, &tally.lacking, 1)?;
            tally = self.pass("read", Pass::Read, redis, all, 1)?;
            if tally.lacking.is_empty() {
                return Ok(());
            }
        }
        Err(Failure::Wrong(format!(
            "{} keys are still lacking after {REFILLS_MAX} refills",
            tally.lacking.len()
        )))
    }

    /// Step 6: the server starts again, empty, and gets its keys back.
    fn come_back(&mut self, redis: &mut Client, victim: &Victim, all: &[u32]) -> Result<()> {
        self.stage.restart_redis(victim.port)?;
        let name = self.term.style().paint(Ink::Name, &victim.name);
        self.term.line(&format!("{name} runs again on port {}, empty.", victim.port))?;
        self.await_return(redis, victim)?;
        let waited = seconds(victim.chosen_at.elapsed());
        self.term.line(&format!(
            "It is back on the ring {waited} after its death. All keys get new values:"
        ))?;
        self.whole_pass("write", Pass::Write, redis, all, 2)?;
        self.whole_pass("read", Pass::Read, redis, all, 2)
    }

    /// The end of step 6: the keys are where they were before.
    fn show_regained(&mut self, victim: &Victim) -> Result<()> {
        let keys = Client::connect(Protocol::Redis, victim.port)?.count()?;
        if keys != victim.keys {
            return Err(Failure::Wrong(format!(
                "{} held {} keys before and holds {keys} after its return",
                victim.name, victim.keys
            )));
        }
        let style = self.term.style();
        let name = style.paint(Ink::Name, &victim.name);
        self.term.line(&format!("{name} holds its {} keys again.", grouped(keys)))?;
        let advice = "The others keep old copies: with ejection on, give keys an expiry time.";
        self.term.line(&style.paint(Ink::Faint, advice))
    }

    /// Writes one of the server's old keys through the pool until it lands there.
    fn await_return(&mut self, redis: &mut Client, victim: &Victim) -> Result<()> {
        let mut direct = Client::connect(Protocol::Redis, victim.port)?;
        let pair = [(victim.a_key.clone(), "back?".to_owned())];
        let start = Instant::now();
        loop {
            redis.set(&pair)?;
            if direct.redis(&["EXISTS", &victim.a_key])? == Response::Integer(1) {
                return Ok(());
            }
            let waited = start.elapsed();
            if waited > RETURN_TIMEOUT {
                return Err(Failure::Wrong(format!(
                    "{} has not come back in {}",
                    victim.name,
                    seconds(RETURN_TIMEOUT)
                )));
            }
            self.term.moving(|style| {
                let text =
                    format!("waiting for server_retry_timeout to pass ... {}", seconds(waited));
                style.paint(Ink::Faint, &text)
            })?;
            interrupt::sleep(Duration::from_millis(20))?;
        }
    }

    /// Step 7: the stats port, as tables.
    fn show_statistics(&mut self) -> Result<()> {
        let stats = Stats::ask(self.stage.proxy.stats_port())?;
        self.show(&charts::statistics(&stats))?;
        for (name, PoolStats { counters, .. }) in &stats.pools {
            let [clients, ejects, errors] =
                ["client_connections", "server_ejects", "forward_error"]
                    .map(|name| counters.get(name));
            let name = self.term.style().paint(Ink::Name, name);
            self.term.line(&format!(
                "pool {name}: {}, {}, {}",
                plural(clients, "client"),
                plural(ejects, "ejection"),
                plural(errors, "error answer")
            ))?;
        }
        Ok(())
    }

    /// The verdict and the times.
    fn close(&mut self) -> Result<()> {
        let style = self.term.style();
        let (mark, dot) = if style.live { ("✓ ", " · ") } else { ("", ", ") };
        let count = grouped(self.values_checked);
        let took = seconds(self.start.elapsed());
        let verdict = format!("{mark}{count} values compared, every one right, in {took}.");
        self.term.outcome(&style.paint(Ink::Good, &verdict))?;
        let spans: Vec<String> =
            self.spans.iter().map(|(name, span)| format!("{name} {}", seconds(*span))).collect();
        // Two lines of them keep within the width.
        for spans in spans.chunks(spans.len().div_ceil(2)) {
            self.term.line(&style.paint(Ink::Faint, &spans.join(dot)))?;
        }
        Ok(())
    }

    /// How to go on by hand.
    fn invite(&mut self) -> Result<()> {
        let redis = self.stage.pool(Protocol::Redis)?.listen;
        let memcached = self.stage.pool(Protocol::Memcached)?.listen;
        let stats = self.stage.proxy.stats_port();
        let key = keys::key(42);
        let style = self.term.style();
        self.term
            .outcome(&style.paint(Ink::Strong, "All of it stays up. From another terminal:"))?;
        for command in [
            format!("redis-cli -p {redis} get {key}"),
            format!("printf 'get {key}\\r\\nquit\\r\\n' | nc 127.0.0.1 {memcached}"),
            format!("nc 127.0.0.1 {stats}"),
            format!("cat {}", self.stage.conf_file().display()),
            format!("tail -f {}", self.stage.log_file().display()),
        ] {
            self.term.line(&style.paint(Ink::Name, &command))?;
        }
        self.term.outcome("Ctrl-C ends it and cleans up.")
    }

    /// The end of the proxy's log, for a story that went wrong: its folder is about to go.
    fn show_log(&mut self) -> Result<()> {
        const LINES: usize = 20;
        let log = fs::read_to_string(self.stage.log_file()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        self.term.outcome("The end of the proxy's log:")?;
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            self.term.line(line)?;
        }
        Ok(())
    }

    fn show(&mut self, table: &Table) -> Result<()> {
        let style = self.term.style();
        table.lines(style).iter().try_for_each(|line| self.term.line(line))
    }
}

/// The Redis server that is killed.
struct Victim {
    name: String,
    port: u16,
    /// How many keys it holds.
    keys: u64,
    /// One of them.
    a_key: String,
    /// When it was chosen, which is just before its death.
    chosen_at: Instant,
}

impl Victim {
    /// Chooses the third Redis server, as good as any, `held` being what each holds.
    fn choose(stage: &Stage, held: &[u64]) -> Result<Self> {
        const INDEX: usize = 2;
        let servers = &stage.pool(Protocol::Redis)?.servers;
        let (Some(server), Some(&keys)) = (servers.get(INDEX), held.get(INDEX)) else {
            return Err(Failure::Wrong("the Redis pool has no third server to kill".to_owned()));
        };
        let mut client = Client::connect(Protocol::Redis, server.port)?;
        let a_key = match client.redis(&["RANDOMKEY"])? {
            Response::Value(key) => String::from_utf8_lossy(&key).into_owned(),
            other => {
                return Err(Failure::Wrong(format!("{} has no key: {other:?}", server.name)));
            }
        };
        Ok(Self {
            name: server.name.clone(),
            port: server.port,
            keys,
            a_key,
            chosen_at: Instant::now(),
        })
    }
}

/// `count` of what is called `noun`.
fn plural(count: i64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
