//! `underpin`: composition of the command line, nothing else. What a command does is in `commands/`.

mod args;
mod commands;
mod exit;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { exit::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    exit::of(commands::run(&cli))
}
