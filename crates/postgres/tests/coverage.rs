//! `docs/coverage.md` is what the list of kinds and the inventory of system catalogs say. `UNDERPIN_BLESS=1` writes it anew.

use std::fmt::Write;
use std::path::Path;
use underpin_model::Kind;
use underpin_postgres::PgKind;
use underpin_postgres::coverage::{Covered, How};
use underpin_postgres::inventory::{CATALOGS, Holds, Unread};
use underpin_postgres::{NEWEST, OLDEST};

const HEAD: &str = "\
# What is covered

Written from the code by `make bless` (`crates/postgres/tests/coverage.rs`): what stands beside each kind of object in
`crates/postgres/src/objects`, and `inventory.rs`. Every debug build holds each comparison of two objects to the first list, and a
test holds the second to all system catalogs and columns of a real server, so neither can grow stale.

Objects of every kind are made and ended. What is there under the same address on both sides and differs is altered, or ended and made
again in one plan, with what rests on it; the hazards of that are told in the plan.

## PostgreSQL

";

const CATALOGS_HEAD: &str = "\
## System catalogs of PostgreSQL

What becomes of the rows of every system catalog. Where rows are objects, each row of a user that no object stands for is named in a
warning `not-modelled`, which `--strict` makes an error. All columns are read, but for those that are named here.

| catalog | rows | columns that are not read |
|---|---|---|
";

fn versions(since: u32) -> String {
    if since == NEWEST { NEWEST.to_string() } else { format!("{since}–{NEWEST}") }
}

fn attribute(covered: &Covered) -> String {
    let mut text = covered.name.to_owned();
    if covered.since > OLDEST {
        let _ = write!(text, " ({})", versions(covered.since));
    }
    text
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn kinds() -> String {
    let mut text = String::from(
        "| kind | versions | altered in place | made again for | came later | shown by |\n|---|---|---|---|---|---|\n",
    );
    for kind in PgKind::ALL {
        let coverage = kind.coverage();
        let of = |how: fn(&How) -> bool| coverage.attributes.iter().filter(move |a| how(&a.how));
        let altered = list(of(|h| !matches!(h, How::Again)).map(attribute));
        // Attributes with one condition share it.
        let mut conditions: Vec<(&str, Vec<&str>)> = Vec::new();
        for a in coverage.attributes {
            let How::AgainWhere(why) = a.how else { continue };
            match conditions.iter_mut().find(|(known, _)| *known == why) {
                Some((_, names)) => names.push(a.name),
                None => conditions.push((why, vec![a.name])),
            }
        }
        let mut always = list(of(|h| matches!(h, How::Again)).map(attribute));
        for (why, names) in conditions {
            let _ = write!(always, "{}{} where {why}", if always.is_empty() { "" } else { "; " }, names.join(", "));
        }
        let made_again = always;
        let later = list(coverage.later.iter().map(|(what, since)| format!("{what} ({})", versions(*since))));
        let shown = list(coverage.shown_by.iter().map(|path| {
            let name = path.strip_prefix("testdata/cases/postgres/").or(path.rsplit('/').next()).unwrap_or(path);
            format!("[{name}](../{path})")
        }));
        let row = [kind.name().to_owned(), versions(coverage.since), altered, made_again, later, shown];
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

fn catalogs() -> String {
    let mut text = String::new();
    for catalog in CATALOGS {
        let rows = match catalog.holds {
            Holds::Objects | Holds::AllRead => "objects".to_owned(),
            Holds::PartsOf(what) => format!("parts of {what}"),
            Holds::Outside(why) => format!("no part of a schema: {why}"),
        };
        // Columns with one reason share it.
        let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
        for (column, reason) in catalog.unread {
            let words = match reason {
                Unread::PrintedBy(function) => format!("printed by `{function}`"),
                Unread::Follows(what) => format!("follows from {what}"),
                Unread::Physical(what) => format!("physical: {what}"),
                Unread::State(what) => format!("state: {what}"),
                Unread::LeftAlone(why) => format!("left alone: {why}"),
            };
            match reasons.iter_mut().find(|(known, _)| *known == words) {
                Some((_, columns)) => columns.push(column),
                None => reasons.push((words, vec![column])),
            }
        }
        let unread = reasons.into_iter().map(|(words, columns)| format!("`{}`: {words}", columns.join("`, `")));
        let _ = writeln!(text, "| `{}` | {rows} | {} |", catalog.name, unread.collect::<Vec<_>>().join("<br>"));
    }
    text
}

#[test]
fn the_page_says_what_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let lite = underpin_sqlite::coverage::section();
    let page = format!("{HEAD}{}\n{lite}\n{CATALOGS_HEAD}{}", kinds(), catalogs());
    let path = root.join("docs/coverage.md");
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/coverage.md is not what the code says; write it anew with `make bless`");
}

#[test]
fn what_is_said_to_show_a_kind_of_sqlite_is_there() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/sqlite");
    for kind in underpin_sqlite::LiteKind::ALL {
        let shown_by = kind.coverage().shown_by;
        assert!(!shown_by.is_empty(), "{}: no case shows it", kind.name());
        for path in shown_by {
            assert!(cases.join(path).join("from.sql").is_file(), "{}: {path} is not there", kind.name());
        }
    }
}

#[test]
fn what_is_said_to_show_a_kind_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for kind in PgKind::ALL {
        let coverage = kind.coverage();
        assert!(!coverage.shown_by.is_empty(), "{}: no case shows it", kind.name());
        for path in coverage.shown_by {
            let path = root.join(path);
            assert!(
                path.is_file() || path.join("from.sql").is_file(),
                "{}: {} is not there",
                kind.name(),
                path.display()
            );
        }
        let mut names: Vec<&str> = coverage.attributes.iter().map(|a| a.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), coverage.attributes.len(), "{}: an attribute is told twice", kind.name());
        for since in coverage.attributes.iter().map(|a| a.since).chain(coverage.later.iter().map(|(_, since)| *since)) {
            assert!((OLDEST..=NEWEST).contains(&since), "{}: {since} is no version that is supported", kind.name());
        }
    }
}
