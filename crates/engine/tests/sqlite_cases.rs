//! Every case under `testdata/cases/sqlite`, both ways, with the judge of `any_sqlite_schema`: a database of `from.sql` with the rows of `rows.sql`
//! is brought to `to.sql` and back, and one of `to.sql` without rows to `from.sql` and back.
//!
//! `CASE=text` runs only the cases whose path holds the text. What a case expects beside that stands in its files, on lines of their own:
//! - `-- refused: TEXT` in `to.sql`: the rows do not fit it, and the message holds the text. In `from.sql` likewise, for the way back.
//! - `-- made anew: t, u` or `-- made anew: nothing` in `to.sql`: the tables that the plan makes anew; ALTER does the rest.
//! - `-- holds: QUERY` in `to.sql`: a query that gives a true value when the schema is there.

mod support;

use std::path::{Path, PathBuf};
use support::open;
use support::renames::said;
use support::road::{Outcome, Wanted, go};
use underpin_model::Plan;

/// The folders of cases under a folder.
fn cases(folder: &Path, found: &mut Vec<PathBuf>) {
    if folder.join("from.sql").exists() {
        found.push(folder.to_owned());
        return;
    }
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the cases are there").map(|e| e.expect("it can be read").path()).collect();
    entries.sort();
    entries.iter().filter(|p| p.is_dir()).for_each(|p| cases(p, found));
}

/// What lines that begin so say of a case.
fn lines<'s>(sql: &'s str, head: &str) -> Vec<&'s str> {
    sql.lines().filter_map(|line| line.strip_prefix("-- ")?.strip_prefix(head)?.strip_prefix(": ")).collect()
}

/// The tables that a plan makes anew.
fn made_anew(plan: &Plan) -> String {
    let steps = plan.stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    let tables = steps.filter(|s| s.recipe.is_some()).filter_map(underpin_sqlite::rebuilt_table);
    let list = tables.collect::<Vec<String>>().join(", ");
    if list.is_empty() { "nothing".to_owned() } else { list }
}

/// Brings a database to a schema, and looks at what the files of the case say of that.
fn bring(db: &Path, from: &str, wanted: &Wanted) -> Result<bool, String> {
    let refused = lines(&wanted.sql, "refused");
    match (go(db, from, wanted)?, refused.first()) {
        (Outcome::Done(_), Some(_)) => Err("the rows were taken".to_owned()),
        (Outcome::Impossible(why), None) => Err(format!("it was refused: {why}")),
        (Outcome::Impossible(why), Some(part)) if why.contains(part) => Ok(false),
        (Outcome::Impossible(why), Some(part)) => Err(format!("it was refused, and `{part}` is not in: {why}")),
        (Outcome::Done(plan), None) => {
            let (expected, anew) = (lines(&wanted.sql, "made anew"), made_anew(&plan));
            if expected.first().is_some_and(|e| *e != anew) {
                return Err(format!("made anew: {anew}"));
            }
            let connection = open(db).map_err(|e| e.to_string())?;
            for query in lines(&wanted.sql, "holds") {
                let holds: Option<bool> =
                    connection.query_row(query, [], |row| row.get(0)).map_err(|e| format!("{query}: {e}"))?;
                if holds != Some(true) {
                    return Err(format!("does not hold: {query}"));
                }
            }
            Ok(true)
        }
    }
}

fn check(case: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let text = |name: &str| std::fs::read_to_string(case.join(name)).unwrap_or_default();
    let (from, to, rows) = (text("from.sql"), text("to.sql"), text("rows.sql"));
    let wanted = |name: &str, sql: &str| {
        let (hints, filled) = said(sql);
        Wanted::new(folder.path().join(name), sql, hints, filled)
    };
    let (there, back) = (wanted("to.sql", &to)?, wanted("from.sql", &from)?);
    let build = |name: &str, sql: &str| {
        let db = folder.path().join(name);
        open(&db).and_then(|c| c.execute_batch(sql)).map_err(|e| format!("{name} cannot be built: {e}")).map(|()| db)
    };
    let with_rows = build("rows.db", &format!("{from}\n;\n{rows}"))?;
    if bring(&with_rows, &from, &there).map_err(|e| format!("with rows: {e}"))? {
        bring(&with_rows, &to, &back).map_err(|e| format!("with rows, and back: {e}"))?;
    }
    let without = build("empty.db", &to)?;
    let way = |e: String| format!("without rows, backwards: {e}");
    match go(&without, &to, &back).map_err(way)? {
        Outcome::Done(_) => {}
        Outcome::Impossible(why) => return Err(way(why)),
    }
    let way = |e: String| format!("without rows, backwards and forth: {e}");
    match go(&without, &from, &there).map_err(way)? {
        Outcome::Done(_) => Ok(()),
        Outcome::Impossible(why) => Err(way(why)),
    }
}

#[test]
fn every_case_converges_both_ways() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/sqlite");
    let mut found = Vec::new();
    cases(&root, &mut found);
    let only = std::env::var("CASE").unwrap_or_default();
    found.retain(|case| case.to_string_lossy().contains(&only));
    let name = |case: &PathBuf| case.strip_prefix(&root).unwrap_or(case).display().to_string();
    let failed: Vec<String> =
        found.iter().filter_map(|case| check(case).err().map(|why| format!("{}: {why}", name(case)))).collect();
    println!("{} cases ran", found.len());
    assert!(!found.is_empty(), "there is no case");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n\n"));
}
