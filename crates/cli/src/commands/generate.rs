//! `underpin generate`: the next files of a folder of migrations.

use crate::args::{Cli, GenerateArgs, settings};
use crate::{exit, output};
use std::io::{self, Write};
use std::path::PathBuf;
use time::OffsetDateTime;
use underpin_engine::{EngineError, Generated, MigrationsDir, Request, baseline, contract, generate};
use underpin_report::{Summary, wire::GeneratedV1};

/// A source that is not looked at: `generate` reads the folder itself.
const NOWHERE: &str = "generate.json";

pub fn run(cli: &Cli, args: &GenerateArgs) -> Result<u8, EngineError> {
    super::interruptible(None);
    if !["text", "json"].contains(&args.output.as_str()) {
        return Err(super::no_view(&args.output));
    }
    output::writable(&args.common)?;
    let db = if args.baseline { args.db.as_deref().unwrap_or(NOWHERE) } else { NOWHERE };
    let mut settings = settings(db, &args.schema, &args.common, Some(&args.planning))?;
    // Databases that run the files have rows.
    settings.assume_rows = true;
    let folder = MigrationsDir { path: args.migrations.clone(), format: args.format.clone() };
    let name = args.name.clone().or_else(|| args.contract.clone()).unwrap_or_else(|| "baseline".to_owned());
    let allowed = super::hazards(&args.planning.allow)?;
    let request = Request { folder, name, now: OffsetDateTime::now_utc(), allowed };
    let made = match (args.baseline, &args.contract) {
        (true, _) => baseline(&settings, &request)?,
        (false, Some(_)) => contract(&settings, &request)?,
        (false, None) => generate(&settings, &request)?,
    };
    output::findings(cli, &|name| made.texts.get(name), &made.diagnostics);
    if args.output == "json" {
        let shown = |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect();
        let (advice, waiting) = (made.advice.clone(), made.waiting.clone());
        let report = GeneratedV1::new(shown(&made.written), shown(&made.removed), advice, waiting);
        output::data(cli, &args.common, &made.texts, |out, _| underpin_report::wire::write(out, &report))?;
    } else {
        output::data(cli, &args.common, &made.texts, |out, _| text(out, &made))?;
    }
    Ok(exit::DONE)
}

fn text(out: &mut dyn Write, made: &Generated) -> io::Result<()> {
    if made.written.is_empty() {
        writeln!(out, "Nothing to do: the migrations build what the schema says.")?;
    }
    if let Some(plan) = made.plan.as_ref().filter(|p| !p.is_empty()) {
        writeln!(out, "{}", Summary::of(plan).by_verb())?;
    }
    for path in &made.written {
        writeln!(out, "wrote {}", path.display())?;
    }
    for path in &made.removed {
        writeln!(out, "removed {}", path.display())?;
    }
    for words in &made.advice {
        writeln!(out, "note: {words}")?;
    }
    for name in &made.waiting {
        writeln!(
            out,
            "waiting: the contract {name}; once its gate is open, `underpin generate --contract {name}` brings it out"
        )?;
    }
    Ok(())
}
