//! `underpin status`: what is in flight.

use crate::args::{Cli, StatusArgs};
use crate::{exit, output};
use underpin_engine::{EngineError, FileTexts, Source, status};
use underpin_report::wire::{self, StatusV1};
use underpin_report::write_status_text;

pub fn run(cli: &Cli, args: &StatusArgs) -> Result<u8, EngineError> {
    super::interruptible(None);
    if !["text", "json"].contains(&args.output.as_str()) {
        return Err(super::no_view(&args.output));
    }
    let status = status(&Source::parse(std::slice::from_ref(&args.db))?)?;
    output::data_to(cli, args.out.as_deref(), &FileTexts::default(), |out, view| match args.output.as_str() {
        "json" => wire::write(out, &StatusV1::from(&status)),
        _ => write_status_text(out, &status, view),
    })?;
    Ok(exit::DONE)
}
