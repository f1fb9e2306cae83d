//! One file a command.

mod apply;
mod drift;
mod explain;
mod generate;
mod inspect;
mod plan;
mod status;
mod verify;

use crate::args::{Cli, Command};
use crate::{exit, output};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use underpin_engine::EngineError;
use underpin_executor::Cancel;
use underpin_model::HazardKind;
use underpin_report::Format;

/// Runs the command and says how it ended, as an exit code.
pub fn run(cli: &Cli) -> u8 {
    let result = match &cli.command {
        Command::Plan(args) => plan::run(cli, args),
        Command::Apply(args) => apply::run(cli, args),
        Command::Drift(args) => drift::run(cli, args),
        Command::Inspect(args) => inspect::run(cli, args),
        Command::Generate(args) => generate::run(cli, args),
        Command::Verify(args) => verify::run(cli, args),
        Command::Status(args) => status::run(cli, args),
        Command::Undo(args) => apply::undo(cli, args),
        Command::Explain(args) => explain::run(args),
    };
    result.unwrap_or_else(|error| {
        if ENDING.load(Ordering::SeqCst) {
            // What was interrupted fails in some way; the handler ends the process when all is cleaned up.
            loop {
                std::thread::park();
            }
        }
        output::error(cli, &error);
        exit::of_error(&error)
    })
}

/// The output format of that name.
fn format(name: &str) -> Result<&'static Format, EngineError> {
    Format::named(name).ok_or_else(|| {
        let known: Vec<&str> = underpin_report::FORMATS.iter().map(|f| f.name).collect();
        EngineError::Usage(format!("there is no output format `{name}`; there are: {}", known.join(", ")))
    })
}

fn no_view(name: &str) -> EngineError {
    EngineError::Usage(format!("this command has no output format `{name}`"))
}

/// The hazards that `--allow` names.
fn hazards(names: &[String]) -> Result<BTreeSet<HazardKind>, EngineError> {
    let mut allowed = BTreeSet::new();
    for name in names {
        if name == "all" {
            allowed.extend(HazardKind::ALL);
        } else {
            allowed.insert(HazardKind::parse(name).ok_or_else(|| {
                let known: Vec<&str> = HazardKind::ALL.iter().map(|h| h.name()).collect();
                EngineError::Usage(format!("there is no hazard `{name}`; there are: {}, all", known.join(", ")))
            })?);
        }
    }
    Ok(allowed)
}

/// Ctrl-C ends private servers; a plan that is being applied is stopped first, so that it says what it leaves.
fn interruptible(cancel: Option<Cancel>) {
    let pressed = AtomicBool::new(false);
    // A second handler can only be set by a second command in one process, which there is not.
    let _ = ctrlc::set_handler(move || {
        let again = pressed.swap(true, Ordering::SeqCst);
        match &cancel {
            Some(cancel) if !again && RUNNING.load(Ordering::SeqCst) => cancel.cancel(),
            _ => {
                ENDING.store(true, Ordering::SeqCst);
                underpin_scratch::stop_all();
                underpin_engine::clean_up();
                std::process::exit(130);
            }
        }
    });
}

/// Whether the handler is about to end the process.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether a plan is being applied.
pub static RUNNING: AtomicBool = AtomicBool::new(false);
