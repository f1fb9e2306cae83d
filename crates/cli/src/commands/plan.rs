//! `underpin plan`: what would change, step by step; changes nothing.

use crate::args::{Cli, PlanArgs, settings};
use crate::{exit, output};
use underpin_engine::{EngineError, plan};

pub fn run(cli: &Cli, args: &PlanArgs) -> Result<u8, EngineError> {
    super::interruptible(None);
    let format = super::format(&args.output)?;
    let write = format.plan.ok_or_else(|| super::no_view(format.name))?;
    let allowed = super::hazards(&args.planning.allow)?;
    let settings = settings(&args.sides.db, &args.sides.schema, &args.common, Some(&args.planning))?;
    let made = plan(&settings)?;
    output::data(cli, &args.common, &made.texts, |out, view| write(out, &made.plan, view))?;
    if args.exit_code && !made.plan.is_empty() {
        return Ok(exit::DIFFERENCES);
    }
    // A plan is a question: what policy refuses is shown in it, and refused by apply.
    let _ = allowed;
    Ok(exit::DONE)
}
