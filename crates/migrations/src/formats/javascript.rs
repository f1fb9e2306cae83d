//! Pieces of JavaScript and TypeScript, for tools whose migrations are programs in them.

use crate::unchecked::{OFF, ON};

/// How a file gives what is in it to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `exports.up = …`
    Common,
    /// `export …`
    Module,
    /// `export …`, with types.
    Types,
}

/// The ending and the style of a new file: those of the file that stands last, for the project's own configuration decides
/// which of them its tool can load.
pub(super) fn like(last: Option<(&str, &str)>, default: (&'static str, Style)) -> (&'static str, Style) {
    let Some((path, text)) = last else { return default };
    match path.rsplit('.').next().unwrap_or_default() {
        "ts" => ("ts", Style::Types),
        "mts" => ("mts", Style::Types),
        "cts" => ("cts", Style::Types),
        "mjs" => ("mjs", Style::Module),
        "cjs" => ("cjs", Style::Common),
        _ if text.lines().any(|l| l.starts_with("export ")) => ("js", Style::Module),
        _ => ("js", Style::Common),
    }
}

/// A text as a template literal. A carriage return is written out: as it stands it would be read as a line feed.
pub(super) fn template(text: &str) -> String {
    let inner = text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${").replace('\r', "\\r");
    format!("`{inner}`")
}

/// A text as a string on one line.
pub(super) fn string(text: &str) -> String {
    let inner = text.replace('\\', "\\\\").replace('\'', "\\'").replace(['\n', '\r', '\u{2028}', '\u{2029}'], " ");
    format!("'{inner}'")
}

/// Lines of a comment. The separators of lines and paragraphs end a comment too.
pub(super) fn comments(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|l| l.replace(['\u{2028}', '\u{2029}'], " ")).collect();
    crate::header(&lines, "//")
}

/// The body of a function that runs `statements` of SQLite by `run`, one connection's, in a transaction with foreign keys off. It
/// leaves the switch as it was.
pub(super) fn unchecked(indent: &str) -> String {
    let lines = [
        "const [{ foreign_keys: before }] = await run('PRAGMA foreign_keys');".to_owned(),
        format!("await run('{OFF}');"),
        "try {".to_owned(),
        "  await run('BEGIN IMMEDIATE');".to_owned(),
        "  try {".to_owned(),
        "    for (const sql of statements) await run(sql);".to_owned(),
        "    await run('COMMIT');".to_owned(),
        "  } catch (error) {".to_owned(),
        "    await run('ROLLBACK').catch(() => {});".to_owned(),
        "    throw error;".to_owned(),
        "  }".to_owned(),
        "} finally {".to_owned(),
        format!("  if (before) await run('{ON}');"),
        "}".to_owned(),
    ];
    lines.iter().map(|line| format!("{indent}{line}\n")).collect()
}

/// The call of that function.
pub(super) fn unchecked_call(on: &str, sql: &[String], indent: &str) -> String {
    let list: String = sql.iter().map(|s| format!("{indent}  {},\n", template(s))).collect();
    format!("{indent}await withoutForeignKeys({on}, [\n{list}{indent}]);\n")
}

/// Why there is such a function.
pub(super) const UNCHECKED: &str = "// While foreign keys are on, SQLite deletes what refers to a table that is dropped, and they cannot be switched inside of a\n\
     // transaction.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_holds_the_text_as_it_is() {
        assert_eq!(template("a`b ${c} $d \\n\r\n"), "`a\\`b \\${c} $d \\\\n\\r\n`");
        assert_eq!(string("it's \\ a\nb"), "'it\\'s \\\\ a b'");
        assert_eq!(comments(&["a\u{2028}b\nc".to_owned()]), "// a b\n// c\n");
    }

    #[test]
    fn a_new_file_is_like_the_last_one() {
        let none = ("js", Style::Common);
        assert_eq!(like(None, none), none);
        assert_eq!(like(Some(("1_a.ts", "")), none), ("ts", Style::Types));
        assert_eq!(like(Some(("1_a.js", "// x\nexport async function up() {}")), none), ("js", Style::Module));
        assert_eq!(like(Some(("1_a.cjs", "exports.up = 1")), none), ("cjs", Style::Common));
    }
}
