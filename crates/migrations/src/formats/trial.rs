//! Steps that every format has to carry as they are.
#![allow(clippy::unwrap_used)]

use crate::{Down, Files, Format, New, Trouble, named};
use std::env;
use std::path::PathBuf;
use time::macros::datetime;

/// Text that tools tend to read something into.
pub(super) const NASTY: &str = r#"CREATE FUNCTION nasty(a integer) RETURNS text LANGUAGE plpgsql AS $fn$
-- no-transaction
-- +goose StatementEnd
-- atlas:txmode none
-- migrate:down
-- atlas:delimiter \n
--> statement-breakpoint
DECLARE
    x text := 'it''s; "q" ? ?? :x :name %s %(x)s %% ${x} {{x}} `tick` \n \ back';
    begin_at integer; /* ; */
BEGIN
    IF a > 1 THEN RETURN x || ';
';
    END IF;
    RETURN 'a$b' || $in$;$in$ || '/*';
END;
$fn$"#;

pub(super) fn step(slug: &str, transaction: bool, up: &[&str], down: Down) -> New {
    New {
        slug: slug.to_owned(),
        summary: vec![
            format!("{slug}: what it does; CREATE INDEX CONCURRENTLY is only a word here."),
            "locks: none -- atlas:txmode none".to_owned(),
        ],
        transaction,
        up: up.iter().map(|sql| (*sql).to_owned()).collect(),
        down,
        done: None,
    }
}

pub(super) fn by(transaction: bool, sql: &[&str]) -> Down {
    Down::By { transaction, sql: sql.iter().map(|sql| (*sql).to_owned()).collect() }
}

/// A table, a column that becomes NOT NULL in steps, an index beside, a foreign key, and a function.
pub(super) fn steps() -> Vec<New> {
    let backfill = "DO $backfill$\nDECLARE last bigint;\nBEGIN\n    LOOP\n        UPDATE t SET n = id::text WHERE id IN \
                    (SELECT id FROM t WHERE n IS NULL ORDER BY id LIMIT 10);\n        EXIT WHEN NOT FOUND;\n        \
                    COMMIT;\n    END LOOP;\nEND\n$backfill$";
    let mut index = step(
        "t_n_idx",
        false,
        &["CREATE INDEX CONCURRENTLY t_n_idx ON t (n)"],
        by(false, &["DROP INDEX CONCURRENTLY IF EXISTS t_n_idx"]),
    );
    index.done = Some(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('t_n_idx') -- valid, not only there".to_owned(),
    );
    let mut backfill = step("backfill", false, &[backfill], by(true, &[]));
    backfill.done = Some("SELECT NOT EXISTS (SELECT FROM t WHERE n IS NULL)".to_owned());
    vec![
        step(
            "base",
            true,
            &[
                "CREATE TABLE t (id bigint PRIMARY KEY, note text DEFAULT 'a;b')",
                "CREATE TABLE u (id bigint, t bigint)",
                "INSERT INTO t (id) SELECT generate_series(1, 25)",
            ],
            by(true, &["DROP TABLE u", "DROP TABLE t"]),
        ),
        step(
            "expand",
            true,
            &["ALTER TABLE t ADD COLUMN n text -- ends in a comment; so"],
            by(true, &["ALTER TABLE t DROP COLUMN n"]),
        ),
        index,
        backfill,
        step(
            "checked",
            true,
            &["ALTER TABLE t ADD CONSTRAINT t_n CHECK (n IS NOT NULL) NOT VALID"],
            by(true, &["ALTER TABLE t DROP CONSTRAINT t_n"]),
        ),
        step("validated", true, &["ALTER TABLE t VALIDATE CONSTRAINT t_n"], by(true, &[])),
        step(
            "not_null",
            true,
            &["ALTER TABLE t ALTER COLUMN n SET NOT NULL", "ALTER TABLE t DROP CONSTRAINT t_n"],
            by(
                true,
                &[
                    "ALTER TABLE t ADD CONSTRAINT t_n CHECK (n IS NOT NULL) NOT VALID",
                    "ALTER TABLE t ALTER COLUMN n DROP NOT NULL",
                ],
            ),
        ),
        step(
            "reference",
            true,
            &["ALTER TABLE u ADD CONSTRAINT u_t FOREIGN KEY (t) REFERENCES t (id) NOT VALID"],
            by(true, &["ALTER TABLE u DROP CONSTRAINT u_t"]),
        ),
        step("reference_validated", true, &["ALTER TABLE u VALIDATE CONSTRAINT u_t"], by(true, &[])),
        step(
            "nasty",
            true,
            &[NASTY, "COMMENT ON FUNCTION nasty(integer) IS 'a ? :x %s ${x}'"],
            by(true, &["DROP FUNCTION nasty(integer)"]),
        ),
    ]
}

pub(super) fn folder(files: &[(&str, &str)]) -> Files {
    let owned = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    Files::of(&PathBuf::from("migrations"), owned)
}

/// The folder with all steps, written and read back: the same statements and transactions.
pub(super) fn there_and_back(format: &dyn Format) -> Files {
    let now = datetime!(2026-11-22 10:30:00 UTC);
    let (empty, steps) = (Files::default(), steps());
    let files = empty.with(&format.write(&empty, &[], &steps, now).unwrap());
    let found = format.read(&files).unwrap();
    assert_eq!(found.len(), steps.len());
    for (found, step) in found.iter().zip(&steps) {
        let sql: Vec<String> = found
            .up
            .iter()
            .flat_map(|m| {
                underpin_sql::split(&m.sql)
                    .statements
                    .iter()
                    .map(|s| m.sql[s.span.clone()].to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        let expected: Vec<String> =
            step.up.iter().map(|s| s.split(" -- ends").next().unwrap_or_default().to_owned()).collect();
        assert_eq!(sql, expected, "{}", found.file);
        assert!(found.transaction || step.up.len() == 1, "{}", found.file);
        assert!(!found.transaction || step.transaction, "{}", found.file);
    }
    // Further ones stand behind all that are there.
    let more = files.with(&format.write(&files, &found, &steps, now).unwrap());
    let both = format.read(&more).unwrap();
    assert_eq!(both[..found.len()], found);
    assert_eq!(both.len(), 2 * steps.len());
    files
}

/// The codes of what is wrong with a folder.
pub(super) fn codes(format: &dyn Format, files: &Files) -> Vec<String> {
    let Err(Trouble(found)) = format.read(files) else { return Vec::new() };
    assert!(found.iter().all(|d| d.span.is_some() || d.code == "no-sum-file"), "{found:?}");
    found.into_iter().map(|d| d.code.to_string()).collect()
}

#[test]
fn folders_that_the_tools_ran_are_read() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats");
    if !root.exists() {
        eprintln!("NOT CHECKED: the shared cases are not here");
        return;
    }
    for (format, folder, alone) in [
        ("atlas", "atlas/migrations", 2),
        ("prisma", "prisma/prisma/migrations", 5),
        ("refinery", "refinery/migrations", 0),
        ("sqlx", "sqlx/migrations", 2),
    ] {
        let files = Files::read(&root.join(folder)).unwrap();
        let found = named(format).unwrap().read(&files).unwrap();
        let names: Vec<&str> = found.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["base", "expand", "index", "backfill", "check", "validate", "notnull"], "{format}");
        assert_eq!(found.iter().filter(|m| !m.transaction).count(), alone, "{format}");
    }
}
