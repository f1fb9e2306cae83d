//! Programs of the team's own that underpin was told to run: what prints a schema, and what runs migrations.

use crate::EngineError;
use crate::files::SqlFiles;
use std::process::{Command, Output, Stdio};
use underpin_model::{Diagnostic, Severity};

/// How many of the last lines of what a program said are shown where it fails.
const SHOWN: usize = 20;

/// Runs a program with these variables beside those of this process; what it is for is told where it fails.
pub(crate) fn run(
    words: &[String],
    environment: Vec<(&'static str, String)>,
    purpose: &str,
) -> Result<Output, EngineError> {
    let Some((first, rest)) = words.split_first() else {
        return Err(EngineError::Usage(format!("no program was named that {purpose}")));
    };
    let output = Command::new(first)
        .args(rest)
        .envs(environment)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| EngineError::Usage(format!("{first}, which {purpose}, cannot be started: {e}")))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if said.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { said };
    let lines: Vec<&str> = said.lines().collect();
    let told = Diagnostic::new(
        Severity::Error,
        "program-fails",
        format!("`{}`, which {purpose}, ended with {}", words.join(" "), output.status),
    );
    Err(EngineError::Input(vec![told.note(lines[lines.len().saturating_sub(SHOWN)..].join("\n"))]))
}

/// The SQL that a program prints.
pub(crate) fn printed(words: &[String], environment: Vec<(&'static str, String)>) -> Result<SqlFiles, EngineError> {
    let output = run(words, environment, "prints the desired schema")?;
    let name = format!("output of {}", words.join(" "));
    let bad = |code: &str, why: &str| {
        EngineError::input(code, format!("`{}`, which prints the desired schema, {why}", words.join(" ")))
    };
    let text = String::from_utf8(output.stdout).map_err(|_| bad("not-utf8", "prints what is not UTF-8"))?;
    if text.contains('\0') {
        return Err(bad("not-text", "prints a byte that is zero"));
    }
    let files = SqlFiles::of_text(name, text);
    // Nothing would mean that everything goes.
    if files.files.iter().all(|f| f.split.statements.is_empty()) {
        return Err(bad("empty-output", "prints no statement; everything in the database would have to be dropped"));
    }
    Ok(files)
}
