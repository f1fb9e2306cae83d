//! `underpin inspect`: the schema that is there.

use crate::args::{Cli, InspectArgs, settings};
use crate::{exit, output};
use underpin_engine::{EngineError, inspect};
use underpin_report::wire::{self, SnapshotV1};

pub fn run(cli: &Cli, args: &InspectArgs) -> Result<u8, EngineError> {
    super::interruptible(None);
    if !["sql", "json", "text"].contains(&args.output.as_str()) {
        return Err(super::no_view(&args.output));
    }
    let settings = settings(&args.db, &[], &args.common, None)?;
    let seen = inspect(&settings)?;
    output::findings(cli, &|name| seen.texts.get(name), &seen.diagnostics);
    match args.output.as_str() {
        "json" => {
            let snapshot = SnapshotV1::of_catalog("postgres", &seen.server.text, &seen.catalog)
                .map_err(|e| EngineError::Failure(e.to_string()))?;
            output::data(cli, &args.common, &seen.texts, |out, _| wire::write(out, &snapshot))?;
        }
        "text" => output::data(cli, &args.common, &seen.texts, |out, _| {
            seen.catalog.objects.keys().try_for_each(|id| writeln!(out, "{id}"))
        })?,
        _ => output::data(cli, &args.common, &seen.texts, |out, _| {
            // Bodies are looked at when they run: what they name may come later in the script.
            writeln!(out, "SET check_function_bodies = off;")?;
            seen.script.iter().try_for_each(|s| writeln!(out, "{s};"))
        })?,
    }
    Ok(exit::DONE)
}
