//! `underpin drift`: has the database left the schema?

use crate::args::{Cli, DriftArgs, settings};
use crate::{exit, output};
use underpin_engine::{EngineError, drift};

pub fn run(cli: &Cli, args: &DriftArgs) -> Result<u8, EngineError> {
    super::interruptible(None);
    let format = super::format(&args.output)?;
    let write = format.drift.ok_or_else(|| super::no_view(format.name))?;
    let schema = match &args.migrations {
        Some(folder) => {
            let format = args.format.as_ref().map_or_else(String::new, |name| format!("?format={name}"));
            vec![format!("migrations://{folder}{format}")]
        }
        None => args.sides.schema.clone(),
    };
    let settings = settings(&args.sides.db, &schema, &args.common, None)?;
    let (report, texts) = drift(&settings)?;
    output::data(cli, &args.common, &texts, |out, view| write(out, &report, view))?;
    Ok(if report.differences.is_empty() { exit::DONE } else { exit::DIFFERENCES })
}
