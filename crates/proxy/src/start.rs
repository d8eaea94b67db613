//! From options to serving, and from a signal to the end.

use std::fmt;
use std::future;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::{self, Runtime};
use tokio::sync::{Notify, mpsc};

use crate::cli::Options;
use crate::config::{self, LoadError};
use crate::control::{self, Control};
use crate::daemon::{self, Launcher};
use crate::generation::{Generation, Obstacle, Premises};
use crate::log::{self, Log, reason};
use crate::names::Resolver;
use crate::paths::Paths;
use crate::patience;
use crate::pid_file::{PidFile, PidFileError};
use crate::signals::{Signals, Wish};
use crate::standard_error::say;
use crate::stats_server::{self, StatsServer};
use crate::sys;

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
            say(error);
            return ExitCode::FAILURE;
        }
    };
    let launcher = if options.daemonize { daemon::detach() } else { Ok(Launcher::nobody()) };
    let launcher = match launcher {
        Ok(launcher) => launcher,
        Err(error) => {
            say(format_args!("nutcracker: cannot become a daemon: {}", reason(&error)));
            return ExitCode::FAILURE;
        }
    };
    log.install().expect("the process has one log");
    log.record_panics();
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
                say(&message);
            } else if let StartError::Load(LoadError::Invalid(_)) = &error {
                say(invalid_line(&paths.conf_file));
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
            say(format_args!("nutcracker: configuration file '{path}' syntax is ok"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&error);
            if let LoadError::Invalid(_) = error {
                say(invalid_line(conf_file));
            }
            say(invalid_line(conf_file));
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
    Obstacle(Obstacle),
}

impl From<Obstacle> for StartError {
    fn from(obstacle: Obstacle) -> Self {
        Self::Obstacle(obstacle)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::PidFile(error) => error.fmt(f),
            Self::Stats(error) => error.fmt(f),
            Self::Obstacle(obstacle) => obstacle.fmt(f),
        }
    }
}

/// A proxy that has all it needs to serve.
struct Proxy {
    runtime: Runtime,
    signals: Signals,
    stats_server: StatsServer,
    control: Control,
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
            .map_err(Obstacle::system("starting the control plane"))?;
        let context = runtime.enter();
        let mut signals = Signals::catch().map_err(Obstacle::system("catching signals"))?;
        write_banner();

        let config = control::load(&paths.conf_file).map_err(StartError::Load)?;
        let premises = Premises {
            begun,
            host_name: sys::host_name().map_err(Obstacle::system("asking for the host's name"))?,
            mbuf_bytes: options.mbuf_bytes,
            workers: options.workers,
            resolver: Arc::new(Resolver::start().map_err(Obstacle::system("starting a thread"))?),
            everybody: Arc::default(),
            holders: Arc::default(),
        };
        let stats_server = patience::when_free(
            || StatsServer::bind(&options.stats_addr, options.stats_port),
            stats_server::BindError::kind,
        );
        let stats_server = stats_server.map_err(StartError::Stats)?;
        signals.catch_stops().map_err(Obstacle::system("catching signals"))?;
        drop(context);
        let first = Generation::new(&premises, 0, config, None)?;
        // Later than in the original: a start that fails leaves the file to whoever serves there.
        let pid_file = paths.pid_file.as_deref().map(PidFile::create).transpose();
        let pid_file = pid_file.map_err(StartError::PidFile)?;
        let (version, extent) = (env!("CARGO_PKG_VERSION"), first.extent());
        let mut control = Control::new(premises, paths.conf_file.clone(), first);
        control.start()?;
        tracing::info!("successor {version} serves: {extent}, log level {}", log.level());
        Ok(Self { runtime, signals, stats_server, control, _pid_file: pid_file })
    }

    /// Serves until a signal asks for the end, or a worker cannot go on.
    fn run(self, log: Log) -> ExitCode {
        let mut control = self.control;
        let source = control.source();
        let (wished, wishes) = mpsc::unbounded_channel();
        let stops = Notify::new();
        let wish = |what| {
            if what == Wish::Stop {
                stops.notify_one();
            }
            // Whoever hears it ends with the process.
            let _ = wished.send(what);
        };
        // From the moment it stops, the port is its successor's, as those of the pools are.
        let statistics = async {
            tokio::select! {
                result = self.stats_server.serve(source) => result,
                () = stops.notified() => future::pending().await,
            }
        };
        let ended = self.runtime.block_on(async {
            tokio::select! {
                code = control.run(wishes) => code,
                never = self.signals.run(log, wish) => match never {},
                never = log::write_summaries_for_ever() => match never {},
                result = statistics => match result {
                    Ok(never) => match never {},
                    Err(error) => {
                        tracing::error!("serving statistics failed: {}", reason(&error));
                        ExitCode::FAILURE
                    }
                },
            }
        });
        // A configuration that is being read is waited for by nobody.
        self.runtime.shutdown_background();
        ended
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
