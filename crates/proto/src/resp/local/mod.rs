//! What the proxy answers itself of Redis' protocol: the arguments read, and the answers written.
//!
//! Pure functions. What they need to know of clients and of the process comes in as facts.

mod client;
mod command;
mod fuzz;
mod hello;
mod reply;
mod server;

pub use client::{
    ClientAsk, ClientFacts, ClientFilter, ReplyMode, client_help, client_line, is_valid_name,
    parse_client, tracking_info,
};
pub use command::command;
#[doc(hidden)]
pub use fuzz::fuzz_local;
pub use hello::{
    Credentials, Hello, HelloFacts, SelectError, authentication, hello, parse_hello, parse_select,
};
pub use reply::Reply;
pub use server::{ServerFacts, cluster, config, info, time};

use super::parts::Strings;

/// The level of Redis' commands that the table has, told as the version in `HELLO` and `INFO`.
/// Libraries compare it to decide which commands they may send.
pub const REDIS_LEVEL: &str = "7.4.0";

/// The words of a whole request in its ordinary form, the command's name first.
pub fn words(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    Strings::new(frame)
}

/// Why a request is refused that is answered here: the error's whole line but its first byte and its
/// end, `ERR syntax error`.
pub type Refusal = std::borrow::Cow<'static, str>;

/// What Redis says where an argument is not what the command knows.
const SYNTAX: Refusal = Refusal::Borrowed("ERR syntax error");

/// What Redis says where a number is expected.
const NO_INTEGER: Refusal = Refusal::Borrowed("ERR value is not an integer or out of range");

/// What Redis says to a subcommand with a wrong number of arguments.
fn wrong_arity(command: &str, subcommand: &[u8]) -> Refusal {
    let subcommand = printable(&subcommand.to_ascii_lowercase());
    format!("ERR wrong number of arguments for '{command}|{subcommand}' command").into()
}

/// What Redis says to a subcommand that it does not know.
fn unknown_subcommand(command: &str, subcommand: &[u8]) -> Refusal {
    let command = command.to_ascii_uppercase();
    let shown = printable(&subcommand[..subcommand.len().min(128)]);
    format!("ERR unknown subcommand '{shown}'. Try {command} HELP.").into()
}

/// A client's word as it may stand in an error, which is one line.
fn printable(word: &[u8]) -> String {
    String::from_utf8_lossy(word).replace(['\r', '\n', '\0'], " ")
}

/// Whether a word is `other`, whatever the case of its letters.
fn is(word: &[u8], other: &str) -> bool {
    word.eq_ignore_ascii_case(other.as_bytes())
}

/// The answer to a `HELP`: each subcommand, and what it does below it.
fn help(command: &str, subcommands: &[(&str, &str)], reply: &mut Reply<'_>) {
    reply.array(3 + 2 * subcommands.len());
    reply.status(&format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (form, text) in subcommands {
        reply.status(form);
        reply.status(&format!("    {text}"));
    }
    reply.status("HELP");
    reply.status("    Prints this help.");
}
