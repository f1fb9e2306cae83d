//! Where output goes: data to stdout or a file, all else to stderr.

use crate::args::{Cli, Color, Common};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use underpin_engine::{EngineError, FileTexts};
use underpin_model::Diagnostic;
use underpin_report::{View, color_wanted, write_diagnostics};

fn asked(color: Color) -> Option<bool> {
    match color {
        Color::Auto => None,
        Color::Always => Some(true),
        Color::Never => Some(false),
    }
}

fn wanted(cli: &Cli, terminal: bool) -> bool {
    color_wanted(asked(cli.color), std::env::var_os("NO_COLOR").as_deref(), terminal)
}

/// Makes sure that the file that was asked for can be written, before anything is done that it shall tell of.
pub fn writable(common: &Common) -> Result<(), EngineError> {
    let Some(path) = &common.out else { return Ok(()) };
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map(drop).map_err(|e| not_writable(path, &e))
}

fn not_writable(path: &Path, error: &io::Error) -> EngineError {
    EngineError::Usage(format!("{} cannot be written: {error}", path.display()))
}

/// Writes data to the file that was asked for, or to stdout.
pub fn data(
    cli: &Cli,
    common: &Common,
    texts: &FileTexts,
    write: impl FnOnce(&mut dyn Write, &View<'_>) -> io::Result<()>,
) -> Result<(), EngineError> {
    data_to(cli, common.out.as_deref(), texts, write)
}

/// The same for a command without the options of a comparison.
pub fn data_to(
    cli: &Cli,
    path: Option<&Path>,
    texts: &FileTexts,
    write: impl FnOnce(&mut dyn Write, &View<'_>) -> io::Result<()>,
) -> Result<(), EngineError> {
    let source = |name: &str| texts.get(name);
    let failed = |e: io::Error| EngineError::Failure(format!("the output cannot be written: {e}"));
    if let Some(path) = path {
        let mut file = BufWriter::new(File::create(path).map_err(|e| not_writable(path, &e))?);
        let view = View { color: false, source: &source };
        return write(&mut file, &view).and_then(|()| file.flush()).map_err(failed);
    }
    let stdout = io::stdout();
    let view = View { color: wanted(cli, stdout.is_terminal()), source: &source };
    let mut out = BufWriter::new(stdout.lock());
    match write(&mut out, &view).and_then(|()| out.flush()) {
        // The reader has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(failed),
    }
}

/// Shows findings on stderr.
pub fn findings(cli: &Cli, texts: &dyn Fn(&str) -> Option<String>, list: &[Diagnostic]) {
    if cli.quiet || list.is_empty() {
        return;
    }
    let stderr = io::stderr();
    let view = View { color: wanted(cli, stderr.is_terminal()), source: texts };
    let _ = write_diagnostics(&mut stderr.lock(), list, &view);
}

/// Shows an error on stderr.
pub fn error(cli: &Cli, error: &EngineError) {
    let stderr = io::stderr();
    match error {
        EngineError::Input(list) | EngineError::Unproved(list) => {
            let read = |name: &str| std::fs::read_to_string(name).ok();
            let view = View { color: wanted(cli, stderr.is_terminal()), source: &read };
            let _ = write_diagnostics(&mut stderr.lock(), list, &view);
        }
        EngineError::Usage(text)
        | EngineError::Unreachable(text)
        | EngineError::Refused(text)
        | EngineError::Stopped(text)
        | EngineError::Outdated(text)
        | EngineError::Failure(text) => {
            let _ = writeln!(stderr.lock(), "error: {text}");
        }
    }
}
