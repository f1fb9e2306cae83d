//! Alembic: a file of Python a revision, each with the revision that it stands on.
//!
//! `op.execute` takes `:name` for a parameter, so every colon is escaped; `%` is not touched. A step that must not run in a
//! transaction stands in an `autocommit_block`. The version table holds the heads, without checksums.
//!
//! In SQLite the tool begins no transaction that holds DDL together. What is to be one begins it itself in an `autocommit_block`, and
//! takes it back where it fails: the block commits what is open when it ends, however it ends.
//!
//! Source: runs of 1.20.1 with SQLAlchemy 2.1.9; `script/base.py`, `runtime/migration.py` of the tool.

use super::python::{Node, assigned, heads, literal, ordered, strings};
use crate::migration::fit;
use crate::text::cannot;
use crate::unchecked::{OFF, ON, checked};
use crate::{
    Baseline, Dialect, Down, Files, Format, Migration, Mode, New, Program, Trouble, Written, header, next_stamp,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::OffsetDateTime;

pub(super) struct Alembic;

/// The folder of the revisions in the one that was named: itself, or `versions` where that of `env.py` was named.
fn base(files: &Files) -> &'static str {
    let has_env = files.bytes("env.py").is_some();
    if has_env || files.iter().any(|(path, _)| path.starts_with("versions/")) { "versions/" } else { "" }
}

/// The files that the tool would load: folders under that of the revisions too, for teams that let it look there.
fn sources(files: &Files) -> impl Iterator<Item = &str> {
    let base = base(files);
    files.iter().map(|(path, _)| path).filter(move |path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        path.starts_with(base) && name.ends_with(".py") && !name.starts_with("__init__") && !name.starts_with(".#")
    })
}

/// The revisions, with the names of their branches resolved.
fn nodes(files: &Files) -> Result<Vec<Node<'_>>, Trouble> {
    let mut found = Vec::new();
    let mut trouble = Vec::new();
    let mut labels: BTreeMap<&str, String> = BTreeMap::new();
    for path in sources(files) {
        let text = files.text(path)?;
        let Some((line, value)) = assigned(text, "revision", "") else {
            let words = format!("{path} says no `revision`; Alembic refuses the folder");
            let one = Trouble::at(files, path, 1, "bad-name", words);
            trouble.extend(one.help("give it a revision, or keep it elsewhere").0);
            continue;
        };
        let Some(name) = strings(value).first().copied() else {
            let words = format!("the revision of {path} is not a plain string: {value}");
            trouble.extend(Trouble::at(files, path, line, "unreadable-revision", words).0);
            continue;
        };
        let mut needs = Vec::new();
        let mut at = line;
        for key in ["down_revision", "depends_on"] {
            let Some((line, value)) = assigned(text, key, "") else { continue };
            at = if key == "down_revision" { line } else { at };
            let names = strings(value);
            if names.is_empty() && !matches!(value, "None" | "()" | "[]") {
                let words = format!("the {key} of {path} is no plain string or list of them: {value}");
                trouble.extend(Trouble::at(files, path, line, "unreadable-revision", words).0);
            }
            needs.extend(names.into_iter().map(str::to_owned));
        }
        if let Some((_, value)) = assigned(text, "branch_labels", "") {
            labels.extend(strings(value).into_iter().map(|label| (label, name.to_owned())));
        }
        found.push(Node { name: name.to_owned(), file: path, line: at, needs });
    }
    for need in found.iter_mut().flat_map(|n: &mut Node| n.needs.iter_mut()) {
        if let Some(name) = labels.get(need.as_str()) {
            need.clone_from(name);
        }
    }
    if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
}

impl Format for Alembic {
    fn name(&self) -> &'static str {
        "alembic"
    }

    fn title(&self) -> &'static str {
        "Alembic"
    }

    fn recognises(&self, files: &Files) -> bool {
        let is_env = files.text("env.py").is_ok_and(|text| text.contains("alembic"));
        is_env
            || sources(files).any(|path| {
                files.text(path).is_ok_and(|text| {
                    assigned(text, "revision", "").is_some() && assigned(text, "down_revision", "").is_some()
                })
            })
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let nodes = nodes(files)?;
        let order = ordered(files, &nodes)?;
        let heads = heads(&nodes);
        if let [first, .., last] = heads.as_slice() {
            let names: Vec<&str> = heads.iter().map(|n| n.name.as_str()).collect();
            let words = format!(
                "the folder has several heads: {}; {} and {} were written side by side",
                names.join(", "),
                first.file,
                last.file
            );
            return Err(Trouble::at(files, last.file, last.line, "several-heads", words)
                .help("join them with `alembic merge heads`"));
        }
        order
            .into_iter()
            .map(|node| {
                let name = node.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".py");
                let name = name.strip_prefix(&node.name).map_or(name, |rest| rest.trim_start_matches('_'));
                let alone = files.text(node.file)?.contains("autocommit_block");
                Ok(Migration {
                    version: node.name.clone(),
                    name: name.to_owned(),
                    file: node.file.to_owned(),
                    transaction: !alone,
                    up: Vec::new(),
                    down: Some(Vec::new()),
                    down_transaction: !alone,
                })
            })
            .collect()
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let dialect = files.dialect();
        let mut before = there.last().map(|m| m.version.clone());
        let versions = next_stamp(there.iter().map(|m| m.version.as_str()), new.len(), now);
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(versions) {
            let says = before.as_deref().map_or("None".to_owned(), literal);
            let mut text = format!(
                "\"\"\"{}\n\nRevision ID: {version}\nRevises: {}\n\"\"\"\n",
                new.slug,
                before.as_deref().unwrap_or_default()
            );
            text.push_str(&header(&new.summary, "#"));
            let _ = write!(
                text,
                "from alembic import op\n\nrevision = {}\ndown_revision = {says}\nbranch_labels = None\n\
                 depends_on = None\n\n\ndef upgrade() -> None:\n{}\n\ndef downgrade() -> None:\n{}",
                literal(&version),
                body(dialect, new.mode, &new.up),
                match &new.down {
                    Down::By { mode, sql } => body(dialect, *mode, sql),
                    Down::Cannot(why) => format!("    raise RuntimeError({})\n", literal(&cannot(why))),
                }
            );
            written.push(Written { path: format!("{}{version}_{}.py", base(files), new.slug), text });
            before = Some(version);
        }
        Ok(written)
    }

    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        // Of SQLite the tool begins none for all of them.
        if dialect == Dialect::Sqlite {
            return Vec::new();
        }
        let words = "`context.configure` in env.py needs `transaction_per_migration=True`: without it all pending \
                     migrations are one transaction, which keeps the locks of each until the last has run.";
        if new.len() > 1 || new.iter().any(|n| n.mode != Mode::Whole) { vec![words.to_owned()] } else { Vec::new() }
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.alembic_version"],
            Dialect::Sqlite => &["alembic_version"],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let Some(last) = done.last() else { return Ok(Baseline::by(Vec::new())) };
        Ok(Baseline::by(vec![
            "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) NOT NULL, \
             CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
                .to_owned(),
            "DELETE FROM alembic_version".to_owned(),
            format!("INSERT INTO alembic_version (version_num) VALUES ({})", files.dialect().literal(&last.version)),
        ]))
    }

    fn program(&self, _: Dialect) -> Option<Program> {
        Some(Program {
            words: &["alembic", "upgrade", "head"],
            needs: "env.py must take the database from DATABASE_URL in place of sqlalchemy.url",
        })
    }
}

/// The body of a function that runs the statements.
fn body(dialect: Dialect, mode: Mode, sql: &[String]) -> String {
    if sql.is_empty() {
        return "    pass\n".to_owned();
    }
    let block = "    with op.get_context().autocommit_block():\n";
    match (dialect, mode) {
        (_, Mode::Alone) => format!("{block}{}", calls(sql, 8)),
        (Dialect::Sqlite, Mode::Whole) if sql.len() > 1 => format!("{block}{}", own_transaction(sql, 8)),
        (_, Mode::Unchecked) => {
            let sql = own_transaction(&checked(sql), 12);
            format!(
                "{block}        bind = op.get_bind()\n        \
                 were_on = bind is None or bind.exec_driver_sql(\"PRAGMA foreign_keys\").scalar()\n        \
                 op.execute({})\n        try:\n{sql}        finally:\n            if were_on:\n                op.execute({})\n",
                literal(OFF),
                literal(ON)
            )
        }
        (Dialect::Postgres | Dialect::Sqlite, Mode::Whole) => calls(sql, 4),
    }
}

/// Calls that run the statements, a line each behind so many blanks.
fn calls(sql: &[String], indent: usize) -> String {
    sql.iter().fold(String::new(), |mut out, one| {
        let _ = writeln!(out, "{:indent$}op.execute({})", "", literal(&one.replace(':', "\\:")));
        out
    })
}

/// The same in a transaction.
fn own_transaction(sql: &[String], indent: usize) -> String {
    let blanks = " ".repeat(indent);
    format!(
        "{blanks}op.execute(\"BEGIN IMMEDIATE\")\n{blanks}try:\n{}{blanks}    op.execute(\"COMMIT\")\n\
         {blanks}except BaseException:\n{blanks}    # autocommit_block() commits what is open when it ends.\n\
         {blanks}    op.execute(\"ROLLBACK\")\n{blanks}    raise\n",
        calls(sql, indent + 4)
    )
}

#[cfg(test)]
mod tests {
    use super::super::trial::{NOW, by, cannot, codes, folder, step};
    use super::*;

    #[test]
    fn the_chain_decides_the_order() {
        let files = folder(&[
            ("env.py", "from alembic import context"),
            ("versions/a.py", "revision = 'b2'\r\ndown_revision = 'a1'\r\n"),
            ("versions/z.py", "\u{feff}revision: str = \"a1\"\ndown_revision: str | None = None\n"),
            ("versions/m.py", "revision = 'm'\ndown_revision = ('b2', 'c3')\n"),
            ("versions/c.py", "revision = 'c3'\ndown_revision = 'a1'\nbranch_labels = ('x',)\n"),
            ("versions/__init__.py", ""),
        ]);
        assert!(Alembic.recognises(&files));

        let there = Alembic.read(&files).unwrap();
        let versions: Vec<&str> = there.iter().map(|m| m.version.as_str()).collect();
        assert_eq!(versions, ["a1", "b2", "c3", "m"]);
    }

    #[test]
    fn what_the_tool_refuses_is_named() {
        let a = ("a.py", "revision = 'a'\ndown_revision = None\n");
        assert_eq!(
            codes(&Alembic, &folder(&[a, ("b.py", "revision = 'a'\ndown_revision = None\n")])),
            ["duplicate-version"]
        );
        assert_eq!(codes(&Alembic, &folder(&[a, ("b.py", "revision = 'b'\ndown_revision = 'x'\n")])), ["broken-chain"]);
        assert_eq!(
            codes(&Alembic, &folder(&[a, ("b.py", "revision = 'b'\ndown_revision = None\n")])),
            ["several-heads"]
        );
        assert_eq!(codes(&Alembic, &folder(&[("b.py", "revision = 'b'\ndown_revision = 'b'\n")])), ["broken-chain"]);
        assert_eq!(codes(&Alembic, &folder(&[a, ("b.py", "x = 1\n")])), ["bad-name"]);
        assert_eq!(codes(&Alembic, &folder(&[a, ("b.py", "revision = name()\n")])), ["unreadable-revision"]);
        assert_eq!(
            codes(&Alembic, &folder(&[a, ("b.py", "revision = 'b'\ndown_revision = x\n")])),
            ["unreadable-revision"]
        );
    }

    #[test]
    fn new_revisions_stand_on_the_head_and_are_read_back() {
        let files = folder(&[("env.py", "alembic"), ("versions/a.py", "revision = 'ae1'\ndown_revision = None\n")]);
        let there = Alembic.read(&files).unwrap();
        let up = ["SELECT ':x', 1::int, '%', \"q\", '\\:', $$ `?` ${y}\n;-- \"\"\"\n$$"];
        let done = [
            step("one", true, &up, cannot("data is \"gone\": x")),
            step("two", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(true, &[])),
        ];
        let written = Alembic.write(&files, &there, &done, NOW).unwrap();
        assert_eq!(written[0].path, "versions/20261122103000_one.py");
        for line in [
            "down_revision = \"ae1\"\n",
            "${x} */ \"\"\" CREATE INDEX CONCURRENTLY\n# locks: none",
            "\"\"\"SELECT '\\\\:x', 1\\\\:\\\\:int, '%', \"q\", '\\\\\\\\:', $$ `?` ${y}\n;-- \\\"\\\"\"\n$$\"\"\"",
            "raise RuntimeError(\"this migration cannot be taken back: data is \\\"gone\\\": x\")",
        ] {
            assert!(written[0].text.contains(line), "{line}\n{}", written[0].text);
        }
        assert!(written[1].text.contains("    with op.get_context().autocommit_block():\n        op.execute("));
        let back = Alembic.read(&files.with(&written)).unwrap();
        let versions: Vec<(&str, bool)> = back.iter().map(|m| (m.version.as_str(), m.transaction)).collect();
        assert_eq!(versions, [("ae1", true), ("20261122103000", true), ("20261122103001", false)]);
        assert_eq!(Alembic.advice(Dialect::Postgres, &done).len(), 1);
        assert!(Alembic.baseline(&files, &back, NOW).unwrap().sql[2].contains("'20261122103001'"));
    }
}
