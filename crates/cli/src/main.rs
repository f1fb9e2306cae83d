//! `underpin`: composition of the command line, nothing else. What a command does is in `commands/`.

mod args;
mod commands;
mod config;
mod exit;
mod output;
mod progress;

use clap::FromArgMatches;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let command = match config::command(&words) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}");
            return exit::of(exit::of_error(&error));
        }
    };
    let cli = match command.try_get_matches_from(words).and_then(|matches| args::Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { exit::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    exit::of(commands::run(&cli))
}
