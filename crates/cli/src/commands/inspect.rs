//! `underpin inspect`: the schema that is there.

use crate::args::{Cli, InspectArgs, settings};
use crate::{exit, output};
use underpin_engine::{EngineError, inspect};
use underpin_report::wire;

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
            output::data(cli, &args.common, &seen.texts, |out, _| wire::write(out, &seen.snapshot))?;
        }
        "text" => output::data(cli, &args.common, &seen.texts, |out, _| {
            seen.objects.iter().try_for_each(|id| writeln!(out, "{id}"))
        })?,
        _ => output::data(cli, &args.common, &seen.texts, |out, _| {
            seen.prologue.iter().chain(&seen.script).try_for_each(|s| writeln!(out, "{s};"))
        })?,
    }
    Ok(exit::DONE)
}
