//! The servers and proxies that a chore runs: real ones, on free loopback ports, in a scratch
//! folder, gone when their guard drops.
//!
//! A `start` returns when the process answers. Redis and memcached are asked for their process id,
//! so a stranger that sits on the port is not taken for them.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::proc::{self, Launch, Proc};
use crate::{interrupt, ports};

/// How long a server may take to answer. Far above what one takes on a slow machine.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// How long between two attempts to reach a starting server.
const START_STEP: Duration = Duration::from_millis(10);

/// A `redis-server` without persistence.
#[derive(Debug)]
pub(crate) struct Redis {
    process: Proc,
    port: u16,
}

impl Redis {
    /// Starts one that keeps its log in `folder`.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::start_on(ports::free()?, folder)
    }

    /// Starts one on `port`, as the return of a server that was there before.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(crate) fn start_on(port: u16, folder: &Path) -> Result<Self> {
        let program = proc::find("redis-server", "redis-server")?;
        let port_text = port.to_string();
        // A thousand clients may come at once: none is to wait for a second attempt to connect.
        #[rustfmt::skip]
        let arguments = [
            "--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--tcp-backlog", "4096",
        ];
        let name = format!("redis-{port}");
        let launch = Launch { name: &name, program: &program, folder, cores: &[], input: None };
        let mut process = Proc::start(launch, &arguments)?;
        await_answer(&mut process, |pid| {
            let found = ask(port, "INFO server\r\n", "process_id:")?;
            Ok(found == pid.to_string())
        })?;
        Ok(Self { process, port })
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The process.
    pub(crate) fn process(&mut self) -> &mut Proc {
        &mut self.process
    }
}

/// A `memcached` that speaks TCP only.
#[derive(Debug)]
pub(crate) struct Memcached {
    process: Proc,
    port: u16,
}

impl Memcached {
    /// Starts one that keeps its log in `folder`.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::start_on(ports::free()?, folder)
    }

    /// Starts one with `more` arguments.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(crate) fn start_with(folder: &Path, more: &[&str]) -> Result<Self> {
        Self::start_on_with(ports::free()?, folder, more)
    }

    /// Starts one on `port`, as the return of a server that was there before.
    ///
    /// # Errors
    /// When it is not installed, or does not come up.
    pub(crate) fn start_on(port: u16, folder: &Path) -> Result<Self> {
        Self::start_on_with(port, folder, &[])
    }

    fn start_on_with(port: u16, folder: &Path, more: &[&str]) -> Result<Self> {
        let program = proc::find("memcached", "memcached")?;
        let port_text = port.to_string();
        // One thread: the chores share few cores. No UDP, and room enough that nothing is evicted.
        // Started by root it insists on being told whom to run as; a change of user would take
        // away the kernel's promise to kill it with its parent (prctl(2), PR_SET_PDEATHSIG), so
        // root stays root here.
        let mut arguments = vec!["-p", &port_text, "-l", "127.0.0.1", "-U", "0", "-t", "1"];
        arguments.extend(["-m", "1024"]);
        if rustix::process::geteuid().is_root() {
            arguments.extend(["-u", "root"]);
        }
        arguments.extend(more);
        let name = format!("memcached-{port}");
        let launch = Launch { name: &name, program: &program, folder, cores: &[], input: None };
        let mut process = Proc::start(launch, &arguments)?;
        await_answer(&mut process, |pid| {
            let found = ask(port, "stats\r\n", "STAT pid ")?;
            Ok(found == pid.to_string())
        })?;
        Ok(Self { process, port })
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process.
    pub(crate) fn process(&mut self) -> &mut Proc {
        &mut self.process
    }
}

/// A proxy: ours or the original, which share their command line and configuration.
#[derive(Debug)]
pub(crate) struct Proxy {
    process: Proc,
    stats_port: u16,
}

/// What a [`Proxy`] is started with.
#[derive(Debug)]
pub(crate) struct ProxySettings<'a> {
    /// What messages and its files in the scratch folder are called.
    pub(crate) name: &'a str,
    /// The binary.
    pub(crate) program: &'a Path,
    /// The configuration file's text.
    pub(crate) configuration: &'a str,
    /// The only cores it may run on; none leaves it where this process may run.
    pub(crate) cores: &'a [usize],
    /// Where its configuration and log go.
    pub(crate) folder: &'a Path,
    /// Further arguments.
    pub(crate) more: &'a [&'a str],
}

impl Proxy {
    /// Starts one, with its statistics on a free port, and waits until it accepts on `listens`,
    /// the ports of its pools.
    ///
    /// # Errors
    /// When the binary is missing, or does not come up.
    pub(crate) fn start(settings: &ProxySettings<'_>, listens: &[u16]) -> Result<Self> {
        let mut proxy = Self::launch(settings)?;
        await_listens(&mut proxy.process, listens)?;
        Ok(proxy)
    }

    /// Starts one and waits for nothing.
    ///
    /// # Errors
    /// When the binary is missing, or cannot be started.
    pub(crate) fn launch(settings: &ProxySettings<'_>) -> Result<Self> {
        let file = settings.folder.join(format!("{}.yml", settings.name));
        fs::write(&file, settings.configuration)
            .map_err(Failure::system(format!("writing {}", file.display())))?;
        let file = file.to_string_lossy();
        let stats_port = ports::free()?;
        let stats_text = stats_port.to_string();
        // An empty -o is standard error, which goes to a file of the scratch folder.
        let mut arguments = vec!["-c", &file, "-o", "", "-s", &stats_text, "-a", "127.0.0.1"];
        arguments.extend(settings.more);
        let &ProxySettings { name, program, folder, cores, .. } = settings;
        let launch = Launch { name, program, folder, cores, input: None };
        let process = Proc::start(launch, &arguments)?;
        Ok(Self { process, stats_port })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where its statistics are served, on 127.0.0.1.
    pub(crate) fn stats_port(&self) -> u16 {
        self.stats_port
    }

    /// The process.
    pub(crate) fn process(&mut self) -> &mut Proc {
        &mut self.process
    }
}

/// The original's binary.
///
/// # Errors
/// [`Failure::MissingProgram`], naming Debian's package.
pub(crate) fn original() -> Result<PathBuf> {
    proc::find("nutcracker", "nutcracker")
}

/// Our binary as `make` builds it, under the workspace's target folder.
///
/// # Errors
/// [`Failure::MissingProgram`], naming the command that builds it.
pub(crate) fn ours() -> Result<PathBuf> {
    let program = target_folder().join("release/nutcracker");
    if program.is_file() {
        return Ok(program);
    }
    let remedy = "this builds it: cargo build --release -p nutcracker".to_owned();
    Err(Failure::MissingProgram { program, remedy })
}

/// The workspace's target folder.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target"),
        PathBuf::from,
    )
}

/// Connects to `port` of 127.0.0.1, with a timeout for this and for every read and write.
///
/// # Errors
/// The system's.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, START_TIMEOUT)?;
    stream.set_read_timeout(Some(START_TIMEOUT))?;
    stream.set_write_timeout(Some(START_TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Waits until `process` accepts on all of `ports`.
///
/// # Errors
/// When it ends, or does not come up in time.
pub(crate) fn await_listens(process: &mut Proc, ports: &[u16]) -> Result<()> {
    await_answer(process, |_| {
        ports.iter().try_for_each(|port| connect(*port).map(drop))?;
        Ok(true)
    })?;
    // Another process on one of the ports would have accepted too; then ours has ended by now.
    process.expect_running()
}

/// Waits until `answers` says yes about the process id; an error of it means "not yet".
fn await_answer(process: &mut Proc, answers: impl Fn(u32) -> io::Result<bool>) -> Result<()> {
    let end = Instant::now() + START_TIMEOUT;
    loop {
        process.expect_running()?;
        let last = answers(process.pid());
        if matches!(last, Ok(true)) {
            return Ok(());
        }
        if Instant::now() >= end {
            let why = match last {
                Ok(_) => "another process answers on its port".to_owned(),
                Err(error) => error.to_string(),
            };
            let name = process.name();
            return Err(Failure::Wrong(format!("{name} did not come up in 10 seconds: {why}")));
        }
        interrupt::sleep(START_STEP)?;
    }
}

/// Sends `request` to `port` and returns the rest of the first line of the answer that starts
/// with `prefix`, without its line ending.
fn ask(port: u16, request: &str, prefix: &str) -> io::Result<String> {
    let mut stream = connect(port)?;
    stream.write_all(request.as_bytes())?;
    for line in BufReader::new(stream).lines() {
        if let Some(rest) = line?.strip_prefix(prefix) {
            return Ok(rest.trim_end().to_owned());
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
