//! What is printed, to the byte: scripts and monitors read it.

use nutcracker_engine::stats::{PoolFigure, ServerFigure};

/// The version block. The version is that of the original whose place this program takes: scripts
/// look for it, as they do in the log's first line. `/metrics` has the program's own.
pub(super) const VERSION: &str = "This is nutcracker-0.5.0\nasync event backend: epoll\n\n";

/// The usage. The line ends are the original's mixture, and `-w` is this program's addition.
pub(super) const USAGE: &str = concat!(
    "Usage: nutcracker [-?hVdDt] [-v verbosity level] [-o output file]\r\n",
    "                  [-c conf file] [-s stats port] [-a stats addr]\r\n",
    "                  [-i stats interval] [-p pid file] [-m mbuf size]\r\n",
    "\n",
    "Options:\r\n",
    "  -h, --help             : this help\r\n",
    "  -V, --version          : show version and exit\r\n",
    "  -t, --test-conf        : test configuration for syntax errors and exit\r\n",
    "  -d, --daemonize        : run as a daemon\r\n",
    "  -D, --describe-stats   : print stats description and exit\n",
    "  -v, --verbose=N        : set logging level (default: 5, min: 0, max: 11)\r\n",
    "  -o, --output=S         : set logging file (default: stderr)\r\n",
    "  -c, --conf-file=S      : set configuration file (default: conf/nutcracker.yml)\r\n",
    "  -s, --stats-port=N     : set stats monitoring port (default: 22222)\r\n",
    "  -a, --stats-addr=S     : set stats monitoring ip (default: 0.0.0.0)\r\n",
    "  -i, --stats-interval=N : set stats aggregation interval in msec (default: 30000 msec)\r\n",
    "  -p, --pid-file=S       : set pid file (default: off)\r\n",
    "  -m, --mbuf-size=N      : set size of mbuf chunk in bytes (default: 16384 bytes)\r\n",
    "  -w, --workers=N|auto   : set number of worker threads (default: 1)\r\n",
    "\n",
);

/// What `-D` prints: every counter of the JSON with the original's description, in their order.
pub(super) fn stats() -> String {
    let pool = PoolFigure::ALL.iter().map(|figure| (figure.name(), figure.original()));
    let server = ServerFigure::ALL.iter().map(|figure| (figure.name(), figure.original()));
    format!("pool stats:\n{}\nserver stats:\n{}", described(pool), described(server))
}

/// A line for each figure that the original has.
fn described<'a>(figures: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let line = |(name, original): (&str, Option<&str>)| {
        original.map(|text| format!("  {name:<18}  \"{text}\"\n"))
    };
    figures.filter_map(line).collect()
}
