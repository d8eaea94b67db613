//! The `nutcracker` binary: reads the command line and does what it asks for.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nutcracker::cli::{self, Command};
use nutcracker::paths::Paths;
use nutcracker::start;

fn main() -> ExitCode {
    match cli::parse(env::args_os().skip(1)) {
        Ok(Command::Inform(information)) => {
            eprint!("{}", information.text());
            ExitCode::SUCCESS
        }
        Ok(Command::TestConf { conf_file }) => {
            start::test_conf(&Paths::of_test(conf_file, Path::new("/")))
        }
        Ok(Command::Run(options)) => start::run(&options, &Paths::of_run(&options, Path::new("/"))),
        Err(error) => {
            // Nothing is left to say where that cannot be said.
            let _ = io::stderr().write_all(&error.text());
            ExitCode::FAILURE
        }
    }
}
