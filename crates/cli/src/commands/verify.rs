//! `underpin verify`: does a folder of migrations hold what it says?

use crate::args::{Cli, VerifyArgs, settings};
use crate::{exit, output};
use underpin_engine::{EngineError, MigrationsDir, verify};
use underpin_model::Severity;
use underpin_report::wire::{Document, VerifiedV1};

pub fn run(cli: &Cli, args: &VerifyArgs) -> Result<u8, EngineError> {
    super::interruptible(None);
    if !["text", "json"].contains(&args.output.as_str()) {
        return Err(super::no_view(&args.output));
    }
    let settings = settings("verify.json", &[], &args.common, None)?;
    let folder = MigrationsDir { path: args.migrations.clone(), format: args.format.clone() };
    let found = verify(&settings, &folder)?;
    output::findings(cli, &|name| found.texts.get(name), &found.diagnostics);
    let is_wrong = found.diagnostics.iter().any(|d| d.severity == Severity::Error);
    let report = VerifiedV1 {
        format: VerifiedV1::FORMAT.to_owned(),
        tool: found.tool.to_owned(),
        migrations: found.migrations,
        both_ways: found.both_ways,
        waiting: found.waiting.clone(),
        diagnostics: found.diagnostics.iter().map(Into::into).collect(),
    };
    output::data(cli, &args.common, &found.texts, |out, _| {
        if args.output == "json" {
            return underpin_report::wire::write(out, &report);
        }
        writeln!(
            out,
            "{}: {} of {} migrations were run, taken back and run again",
            report.tool, report.both_ways, report.migrations
        )
    })?;
    Ok(if is_wrong { exit::INPUT } else { exit::DONE })
}
