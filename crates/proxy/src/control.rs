//! Who has the workers begin, give way to those of another configuration, and end.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};

use crate::config::{self, Config, LoadError};
use crate::generation::{Generation, Generations, News, Obstacle, Premises};
use crate::log::{self, reason};
use crate::signals::Wish;
use crate::stats_server::StatsSource;

/// How often it is looked what generations before the newest have counted.
const CARRY_INTERVAL: Duration = Duration::from_secs(1);

/// Who has the workers begin, give way to others, and end.
#[derive(Debug)]
pub struct Control {
    premises: Premises,
    conf_file: PathBuf,
    generations: Generations,
    /// How many have been made, or tried.
    made: u64,
    /// What the statistics are made of.
    source: watch::Sender<Arc<StatsSource>>,
    news: UnboundedReceiver<News>,
    /// For those to come.
    tell: UnboundedSender<News>,
    is_stopping: bool,
    /// The configuration that is to hold next. A wish for another takes its place.
    loading: Option<Loading>,
}

impl Control {
    /// Over `first`, which was made on those premises of what `conf_file` says.
    #[must_use]
    pub fn new(premises: Premises, conf_file: PathBuf, first: Generation) -> Self {
        let (tell, news) = mpsc::unbounded_channel();
        Self {
            premises,
            conf_file,
            source: watch::Sender::new(first.source()),
            generations: Generations::new(first, tell.clone()),
            made: 1,
            news,
            tell,
            is_stopping: false,
            loading: None,
        }
    }

    /// Starts the workers.
    ///
    /// # Errors
    /// [`Obstacle`], when the system has no thread left.
    pub fn start(&mut self) -> Result<(), Obstacle> {
        self.generations.start()
    }

    /// What the statistics are made of, now and later.
    #[must_use]
    pub fn source(&self) -> watch::Receiver<Arc<StatsSource>> {
        self.source.subscribe()
    }

    /// Obeys until all workers have ended, or one cannot go on.
    pub async fn run(&mut self, mut wishes: UnboundedReceiver<Wish>) -> ExitCode {
        loop {
            tokio::select! {
                Some(news) = self.news.recv() => match self.generations.note(news) {
                    Ok(true) => {}
                    Ok(false) => return ExitCode::SUCCESS,
                    Err(error) => {
                        tracing::error!("a worker cannot go on: {}", reason(&error));
                        return ExitCode::FAILURE;
                    }
                },
                Some(wish) = wishes.recv() => match wish {
                    Wish::Stop => {
                        (self.is_stopping, self.loading) = (true, None);
                        self.generations.stop();
                    }
                    Wish::Reload if self.is_stopping => {}
                    Wish::Reload => self.loading = Some(begin_load(&self.conf_file)),
                },
                config = loaded(&mut self.loading) => self.reload(config),
                // What others count shows within a second.
                () = tokio::time::sleep(CARRY_INTERVAL), if self.generations.has_elders() => {
                    self.generations.carry();
                }
            }
        }
    }

    /// Puts the configuration to work that the file has now. Where that cannot be, the one that holds goes on.
    fn reload(&mut self, config: Result<Config, String>) {
        let next = match config.and_then(|config| self.prepare(config)) {
            Ok(next) => next,
            Err(message) => {
                for line in message.lines() {
                    tracing::error!("{line}");
                }
                log::always!("the configuration is not reloaded, and the one before goes on");
                return;
            }
        };
        let path = self.conf_file.display();
        log::always!("configuration '{path}' is reloaded: {}", next.extent());
        let source = next.source();
        self.generations.succeed(next);
        self.source.send_replace(source);
    }

    /// What `config` asks for, started; or what is in the way, a line each.
    fn prepare(&mut self, config: Config) -> Result<Generation, String> {
        let before = Some(self.generations.newest());
        let next = Generation::new(&self.premises, self.made, config, before);
        let mut next = next.map_err(|obstacle| obstacle.to_string())?;
        self.made += 1;
        if let Err(obstacle) = next.start(&self.tell) {
            next.stop();
            return Err(obstacle.to_string());
        }
        Ok(next)
    }
}

/// A configuration that is being read, on a thread of its own: names in it may take long to look up.
type Loading = oneshot::Receiver<Result<Config, String>>;

fn begin_load(conf_file: &Path) -> Loading {
    let conf_file = conf_file.to_path_buf();
    let (tell, loading) = oneshot::channel();
    let load = move || {
        // Nobody wants it any more when another is wished for, or the proxy stops.
        let _ = tell.send(load(&conf_file).map_err(|error| error.to_string()));
    };
    // Where there is no thread left, what is dropped with `load` says so.
    let _ = thread::Builder::new().name("reload".into()).spawn(load);
    loading
}

/// Waits until it is read; for ever while there is none.
async fn loaded(loading: &mut Option<Loading>) -> Result<Config, String> {
    let Some(under_way) = loading else { return std::future::pending().await };
    let config = under_way.await;
    *loading = None;
    config.unwrap_or_else(|_| Err("the system has no thread left to read it with".to_owned()))
}

/// Reads the configuration, and logs what in it is hardly meant.
///
/// # Errors
/// As [`config::load`].
pub fn load(conf_file: &Path) -> Result<Config, LoadError> {
    let config = config::load(conf_file)?;
    for warning in &config.warnings {
        tracing::warn!("{}:{warning}", conf_file.display());
    }
    Ok(config)
}
