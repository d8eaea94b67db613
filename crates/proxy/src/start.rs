//! From options to serving, and from a signal to the end.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Poll, Waker};
use nutcracker_engine::Room;
use nutcracker_engine::stats::Stats;
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;

use crate::cli::Options;
use crate::config::{self, Config, Global, LoadError, Workers};
use crate::daemon::{self, Launcher};
use crate::log::{self, Log, reason};
use crate::memory::{self, Memory};
use crate::names::Resolver;
use crate::net::{self, Listener};
use crate::paths::Paths;
use crate::pid_file::{PidFile, PidFileError};
use crate::rounds::Rounds;
use crate::shared::{Mailbox, Message, Shared};
use crate::signals::Signals;
use crate::stats_server::{self, PoolNames, StatsServer, StatsSource};
use crate::worker::{Seat, WAKE, Worker};
use crate::{sys, topology};

/// How long a stop may take: what is outstanding then is dropped.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Descriptors kept for the log, the statistics, the pollers and whatever a library opens (the
/// original's `RESERVED_FDS`).
const RESERVED_DESCRIPTORS: usize = 32;

/// Descriptors a worker needs for itself: its poller, its waker.
const WORKER_DESCRIPTORS: usize = 2;

/// Runs the proxy to its end and says how it ended: 0 after a signal asked it to stop, 1 when it
/// could not start or go on. The steps and their order are the original's (`nc_pre_run`, `nc_run`),
/// but for the pid file, which is written once all sockets are open.
#[must_use]
pub fn run(options: &Options, paths: &Paths) -> ExitCode {
    let begun = Instant::now();
    sys::bound_allocator();
    let log = match Log::open(options.verbosity, paths.output.as_deref()) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let launcher = if options.daemonize { daemon::detach() } else { Ok(Launcher::nobody()) };
    let launcher = match launcher {
        Ok(launcher) => launcher,
        Err(error) => {
            eprintln!("nutcracker: cannot become a daemon: {}", reason(&error));
            return ExitCode::FAILURE;
        }
    };
    log.install().expect("the process has one log");
    let proxy = match Proxy::start(options, paths, &log, begun) {
        Ok(proxy) => proxy,
        Err(error) => {
            for line in error.to_string().lines() {
                tracing::error!("{line}");
            }
            log::always!("done, rabbit done");
            let mut message = error.to_string();
            if let StartError::Load(LoadError::Invalid(_)) = &error {
                message.push('\n');
                message.push_str(&invalid_line(&paths.conf_file));
            }
            // A log on standard error has said it there already, unless it was told to be silent.
            let logged_there = paths.output.is_none() && log.level() > 0;
            if !logged_there && !options.daemonize {
                eprintln!("{message}");
            } else if let StartError::Load(LoadError::Invalid(_)) = &error {
                eprintln!("{}", invalid_line(&paths.conf_file));
            }
            launcher.failed(&message);
            return ExitCode::FAILURE;
        }
    };
    launcher.ready();
    let ended = proxy.run(log);
    log::write_summaries();
    log::always!("done, rabbit done");
    ended
}

/// Checks the configuration (`-t`) and says on standard error whether it is valid: what is wrong
/// with it, then the original's verdict, as often as the original gives it.
#[must_use]
pub fn test_conf(paths: &Paths) -> ExitCode {
    let conf_file = &paths.conf_file;
    match config::load(conf_file) {
        Ok(_) => {
            let path = conf_file.display();
            eprintln!("nutcracker: configuration file '{path}' syntax is ok");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            if let LoadError::Invalid(_) = error {
                eprintln!("{}", invalid_line(conf_file));
            }
            eprintln!("{}", invalid_line(conf_file));
            ExitCode::FAILURE
        }
    }
}

fn invalid_line(conf_file: &Path) -> String {
    format!("nutcracker: configuration file '{}' syntax is invalid", conf_file.display())
}

/// Why the proxy does not start.
#[derive(Debug)]
enum StartError {
    Load(LoadError),
    PidFile(PidFileError),
    Stats(stats_server::BindError),
    Listen(net::BindError),
    System { doing: &'static str, error: io::Error },
}

impl StartError {
    fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { doing, error }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::PidFile(error) => error.fmt(f),
            Self::Stats(error) => error.fmt(f),
            Self::Listen(error) => error.fmt(f),
            Self::System { doing, error } => write!(f, "{doing} failed: {}", reason(error)),
        }
    }
}

/// A proxy that has all it needs to serve.
struct Proxy {
    runtime: Runtime,
    signals: Signals,
    stats_server: StatsServer,
    stats_source: Arc<StatsSource>,
    shared: Arc<Shared>,
    seats: Vec<Seat>,
    /// Its thread ends when the proxy does.
    _rounds: Rounds,
    /// Removed when the proxy ends.
    _pid_file: Option<PidFile>,
}

impl Proxy {
    fn start(
        options: &Options,
        paths: &Paths,
        log: &Log,
        begun: Instant,
    ) -> Result<Self, StartError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::system("starting the control plane"))?;
        let signals = {
            let _context = runtime.enter();
            Signals::catch().map_err(StartError::system("catching signals"))?
        };
        write_banner();

        let config = config::load(&paths.conf_file).map_err(StartError::Load)?;
        for warning in &config.warnings {
            tracing::warn!("{}: {warning}", paths.conf_file.display());
        }
        let workers = worker_count(options, &config);
        let Global { busy_poll, turn_pause, .. } = config.global;
        let memory_max = memory::limit(config.global.memory_max);
        let clients_max = clients_max(&config, workers)?;
        let room = Arc::new(Room::new(clients_max));
        let pools = topology::pools(&config, options.mbuf_bytes, &room);
        let stats_server = StatsServer::bind(&options.stats_addr, options.stats_port)
            .map_err(StartError::Stats)?;
        let listeners: Vec<Listener> = config
            .pools
            .iter()
            .map(Listener::bind)
            .collect::<Result<_, _>>()
            .map_err(StartError::Listen)?;
        // Later than in the original: a start that fails leaves the file to whoever serves there.
        let pid_file = paths.pid_file.as_deref().map(PidFile::create).transpose();
        let pid_file = pid_file.map_err(StartError::PidFile)?;

        let mut polls = Vec::with_capacity(workers);
        let mut mailboxes = Vec::with_capacity(workers);
        for _ in 0..workers {
            let poll = Poll::new().map_err(StartError::system("epoll create"))?;
            let waker =
                Waker::new(poll.registry(), WAKE).map_err(StartError::system("making a waker"))?;
            polls.push(poll);
            mailboxes.push(Mailbox::new(waker));
        }
        let stats: Arc<[Arc<Stats>]> = (0..workers)
            .map(|_| Arc::new(Stats::new(config.pools.iter().map(|pool| pool.servers.len()))))
            .collect();
        let stats_source = Arc::new(StatsSource::new(
            sys::host_name().map_err(StartError::system("asking for the host's name"))?,
            begun,
            memory_max,
            pool_names(&config),
            Arc::clone(&stats),
        ));
        let resolver = Resolver::start().map_err(StartError::system("starting a thread"))?;
        tracing::info!(
            "{} pools on {workers} workers, at most {clients_max} clients, log level {}",
            config.pools.len(),
            log.level()
        );
        let shared = Arc::new(Shared::new(config, pools, mailboxes.into(), resolver, room));
        let told = Arc::clone(&shared);
        let rounds = Rounds::start(
            shared.shells.iter().map(|shell| &shell.config),
            move |pool, addresses| {
                for mailbox in &told.mailboxes {
                    mailbox.send(Message::Addresses { pool, addresses: Arc::clone(&addresses) });
                }
            },
        );
        let rounds = rounds.map_err(StartError::system("starting a thread"))?;
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut listeners = Some(listeners);
        let seats = polls
            .into_iter()
            .enumerate()
            .map(|(id, poll)| Seat {
                id,
                poll,
                listeners: listeners.take().unwrap_or_default(),
                stats: Arc::clone(&stats),
                epoch: begun,
                seed: (seed as u64).wrapping_add(id as u64),
                busy_poll,
                turn_pause,
                memory: Memory::new(memory_max),
                stop_timeout: STOP_TIMEOUT,
            })
            .collect();
        Ok(Self {
            runtime,
            signals,
            stats_server,
            stats_source,
            shared,
            seats,
            _rounds: rounds,
            _pid_file: pid_file,
        })
    }

    /// Serves until a signal asks for the end, or a worker cannot go on.
    fn run(self, log: Log) -> ExitCode {
        let (ended, mut endings) = mpsc::unbounded_channel();
        let workers = self.seats.len();
        for (id, seat) in self.seats.into_iter().enumerate() {
            let (ended, shared) = (ended.clone(), Arc::clone(&self.shared));
            let spawned = thread::Builder::new().name(format!("worker-{id}")).spawn(move || {
                let result = Worker::new(seat, shared).and_then(Worker::run);
                // The control plane outlives the workers, unless it has given up on them.
                let _ = ended.send(result);
            });
            if let Err(error) = spawned {
                tracing::error!("starting worker {id} failed: {}", reason(&error));
                return ExitCode::FAILURE;
            }
        }
        let shared = Arc::clone(&self.shared);
        let stop = move || {
            for mailbox in &shared.mailboxes {
                mailbox.send(Message::Stop);
            }
        };
        let all_ended = async {
            for _ in 0..workers {
                match endings.recv().await {
                    Some(Ok(())) | None => {}
                    Some(Err(error)) => {
                        tracing::error!("a worker cannot go on: {}", reason(&error));
                        return ExitCode::FAILURE;
                    }
                }
            }
            ExitCode::SUCCESS
        };
        self.runtime.block_on(async {
            tokio::select! {
                code = all_ended => code,
                never = self.signals.run(log, stop) => match never {},
                never = log::write_summaries_for_ever() => match never {},
                result = self.stats_server.serve(self.stats_source) => match result {
                    Ok(never) => match never {},
                    Err(error) => {
                        tracing::error!("serving statistics failed: {}", reason(&error));
                        ExitCode::FAILURE
                    }
                },
            }
        })
    }
}

/// The original's two lines, always logged.
fn write_banner() {
    let (kernel, release, machine) = match sys::system_names() {
        Ok(names) => (names.kernel, names.release, names.machine),
        Err(_) => Default::default(),
    };
    let pid = std::process::id();
    log::always!("nutcracker-0.5.0 built for {kernel} {release} {machine} started on pid {pid}");
    log::always!(
        "run, rabbit run / dig that hole, forget the sun / and when at last the work is done / \
         don't sit down / it's time to dig another one"
    );
}

/// How many workers there are: what the command line says, else the configuration, else one.
fn worker_count(options: &Options, config: &Config) -> usize {
    options.workers.or(config.global.workers).map_or(1, Workers::count)
}

/// How many clients the limit of descriptors leaves room for, once all servers are connected
/// (`core_calc_connections`). They share it with server conns beyond the ordinary ones.
fn clients_max(config: &Config, workers: usize) -> Result<usize, StartError> {
    let limit = sys::raise_open_files_limit()
        .map_err(StartError::system("raising the limit of open files"))?;
    let taken = descriptors_taken(config, workers);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match limit.checked_sub(taken) {
        Some(clients) if clients > 0 => Ok(clients),
        _ => Err(StartError::System {
            doing: "making room for clients",
            error: io::Error::other(format!(
                "the servers need {taken} open files and the limit is {limit}: raise it (ulimit -n)"
            )),
        }),
    }
}

/// How many open files the proxy needs for all but its clients, once all servers are connected by their
/// ordinary conns. Others (pinned, listening, of another class) take places of clients while they are
/// open, see [`Room`].
#[must_use]
pub fn descriptors_taken(config: &Config, workers: usize) -> usize {
    let servers: usize = config
        .pools
        .iter()
        .map(|pool| pool.servers.len() * pool.server_connections as usize * workers + 1)
        .sum();
    servers + RESERVED_DESCRIPTORS + workers * WORKER_DESCRIPTORS
}

fn pool_names(config: &Config) -> Vec<PoolNames> {
    let names = |pool: &config::Pool| PoolNames {
        name: pool.name.clone(),
        servers: pool.servers.iter().map(|server| server.name.clone()).collect(),
    };
    config.pools.iter().map(names).collect()
}
