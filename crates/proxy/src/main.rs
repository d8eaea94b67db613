//! The `nutcracker` binary: reads the command line and does what it asks for.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use nutcracker::cli::{self, Command};
use nutcracker::start;

fn main() -> ExitCode {
    match cli::parse(env::args_os().skip(1)) {
        Ok(Command::Inform(information)) => {
            eprint!("{}", information.text());
            ExitCode::SUCCESS
        }
        Ok(Command::TestConf { conf_file }) => start::test_conf(&conf_file),
        Ok(Command::Run(options)) => start::run(&options),
        Err(error) => {
            // Nothing is left to say where that cannot be said.
            let _ = io::stderr().write_all(&error.text());
            ExitCode::FAILURE
        }
    }
}
