//! The `nutcracker` binary: reads the command line and does what it asks for.
//!
//! A first argument that is exactly the name of a tool runs that tool. Any other command line is the
//! proxy's, and read as the original reads it.
#![forbid(unsafe_code)]

use std::env;
use std::path::Path;
use std::process::ExitCode;

use nutcracker::cli::{self, Command};
use nutcracker::paths::Paths;
use nutcracker::standard_error;
use nutcracker::start;
use nutcracker::tools::{self, Tool};

fn main() -> ExitCode {
    if let Some(tool) = env::args_os().nth(1).and_then(|word| Tool::named(&word)) {
        return tools::run(tool, env::args_os().skip(2));
    }
    match cli::parse(env::args_os().skip(1)) {
        Ok(Command::Inform(information)) => {
            standard_error::write(information.text().as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Command::TestConf { conf_file }) => {
            start::test_conf(&Paths::of_test(conf_file, Path::new("/")))
        }
        Ok(Command::Run(options)) => start::run(&options, &Paths::of_run(&options, Path::new("/"))),
        Err(error) => {
            standard_error::write(&error.text());
            ExitCode::FAILURE
        }
    }
}
