//! The rules of the house, held by a test: who may depend on whom, what the lower floors must not know, how long a file
//! may be, and what must not be left lying about.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of every crate. A crate may depend only on crates of lower floors; a new crate gets its line here.
const FLOORS: &[(&str, u32)] = &[
    ("underpin-model", 0),
    ("underpin-sql", 1),
    ("underpin-diff", 1),
    ("underpin-planner", 1),
    ("underpin-connect", 2),
    ("underpin-migrations", 2),
    ("underpin-postgres", 2),
    ("underpin-sqlite", 2),
    ("underpin-report", 2),
    ("underpin-scratch", 3),
    ("underpin-executor", 3),
    ("underpin-engine", 4),
    ("underpin", 5),
];

/// The crates that serve every dialect and so may know none.
const NEUTRAL: &[&str] = &["model", "diff", "planner"];

/// Words by which a dialect is known, where a word begins.
const DIALECTS: &[&str] = &["postgres", "pg", "mysql", "mariadb", "sqlite"];

/// Where a neutral crate names a dialect all the same, and why. An entry that is no longer needed fails the test.
const KNOWN: &[(&str, &str)] = &[
    // The lock modes of the plan's format are PostgreSQL's, the one dialect there is so far.
    ("crates/model/src/plan.rs", "from_pg_locks"),
];

/// The most lines that a file may have.
const LONGEST: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The files under a folder with that ending, by their paths from the root.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    let mut open = vec![root.join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                // Another program may be at work in the folder; what is gone again is no file of ours.
                if let Ok(text) = fs::read_to_string(&path) {
                    found.push((name, text));
                }
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no .{ending} files in {folder}");
    found
}

/// The name of the crate and the names of ours that it depends on, apart from those for tests alone.
fn dependencies(manifest: &str) -> (String, Vec<String>) {
    let (mut section, mut name, mut needs) = (String::new(), String::new(), Vec::new());
    for line in manifest.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix('[') {
            section = heading.trim_matches(['[', ']']).to_owned();
            // `[dependencies.name]` is a heading and a dependency at once.
            if let Some(need) = section.strip_prefix("dependencies.") {
                needs.push(need.to_owned());
            }
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim().split('.').next().unwrap_or_default();
            match section.as_str() {
                "package" if key == "name" => name = value.trim().trim_matches('"').to_owned(),
                s if s == "dependencies" || s == "build-dependencies" || s.ends_with(".dependencies") => {
                    needs.push(key.to_owned());
                }
                _ => {}
            }
        }
    }
    needs.retain(|n| n.starts_with("underpin"));
    (name, needs)
}

/// The code without comments; a line stays a line. Strings stay, for a name in a string is a name.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        if in_string && c == '\\' {
            let two: String = rest.chars().take(2).collect();
            out.push_str(&two);
            rest = &rest[two.len()..];
            continue;
        }
        // A quote between single ones begins no string.
        if !in_string && rest.starts_with("'\"'") {
            out.push_str("'\"'");
            rest = &rest[3..];
            continue;
        }
        if c == '"' {
            in_string = !in_string;
        } else if !in_string && rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        } else if !in_string && rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |e| e + 2);
            out.extend(rest[..end].chars().filter(|c| *c == '\n'));
            rest = &rest[end..];
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The words of an identifier or a text, lower case: `PgKind`, `pg_locks` and `from_pg` all hold `pg`.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut lower_before = false;
    for c in line.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && lower_before) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
        lower_before = c.is_ascii_lowercase();
    }
    words.retain(|w| !w.is_empty());
    words
}

#[test]
fn crates_depend_only_on_lower_floors() {
    let floors: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (file, text) in files("crates", "toml").iter().filter(|(f, _)| f.ends_with("/Cargo.toml")) {
        let (name, needs) = dependencies(text);
        let Some(floor) = floors.get(name.as_str()) else {
            wrong.push(format!("{file}: {name} has no floor; give it one in this test"));
            continue;
        };
        seen += 1;
        for need in needs {
            match floors.get(need.as_str()) {
                Some(below) if below < floor => {}
                Some(below) => wrong.push(format!("{file}: {name} (floor {floor}) depends on {need} (floor {below})")),
                None => wrong.push(format!("{file}: {name} depends on {need}, which has no floor")),
            }
        }
    }
    assert_eq!(seen, FLOORS.len(), "a crate of the table is gone: {wrong:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn neutral_crates_name_no_dialect() {
    let mut wrong = Vec::new();
    let mut used = vec![false; KNOWN.len()];
    for folder in NEUTRAL {
        for (file, text) in files(&format!("crates/{folder}/src"), "rs") {
            for (n, line) in without_comments(&text).lines().enumerate() {
                let mut line = line.to_owned();
                for (at, (known_file, known)) in KNOWN.iter().enumerate() {
                    if *known_file == file && line.contains(known) {
                        used[at] = true;
                        line = line.replace(known, "");
                    }
                }
                if let Some(word) = words(&line)
                    .into_iter()
                    .find(|w| DIALECTS.iter().any(|d| w == d || (*d != "pg" && w.starts_with(d))))
                {
                    wrong.push(format!("{file}:{}: names `{word}`", n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these crates serve every dialect; what knows one belongs into its crate: {wrong:#?}");
    let unused: Vec<_> = KNOWN.iter().zip(&used).filter(|(_, used)| !**used).map(|(k, _)| k).collect();
    assert!(unused.is_empty(), "no longer needed, take them out: {unused:?}");
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = files("crates", "rs")
        .iter()
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| format!("{file}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "a file is about one thing; take these apart (at most {LONGEST} lines): {long:#?}");
}

#[test]
fn every_source_file_says_what_it_is_about() {
    // A module's own tests need no words beside the module's.
    let silent: Vec<String> = files("crates", "rs")
        .into_iter()
        .filter(|(file, text)| !text.starts_with("//!") && !file.ends_with("/tests.rs"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "begin these with a `//!` that says what they are about: {silent:#?}");
}

#[test]
fn nothing_is_left_undone() {
    // Put together here, so that this file does not hold what it looks for.
    let marks = [format!("{}!(", "todo"), format!("{}!(", "unimplemented"), format!("#[{}", "ignore")];
    let mut left = Vec::new();
    for (file, text) in files("crates", "rs") {
        for (n, line) in without_comments(&text).lines().enumerate() {
            if let Some(mark) = marks.iter().find(|m| line.contains(m.as_str())) {
                left.push(format!("{file}:{}: {mark}", n + 1));
            }
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn the_readers_of_this_test_read() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\nunderpin-b.workspace = true\nserde = \"1\"\n[dev-dependencies]\nunderpin-c = {}\n\
                    [dependencies.underpin-d]\n[target.'cfg(unix)'.dependencies]\nunderpin-e = {}\n";
    let (name, needs) = dependencies(manifest);
    assert_eq!((name.as_str(), needs.join(" ")), ("a", "underpin-b underpin-d underpin-e".to_owned()));
    assert_eq!(without_comments("a // b\n\"// c\" /* d\n */ e '\"' // f\n"), "a \n\"// c\" \n e '\"' \n");
    assert_eq!(words("PgKind from_pg_locks(\"x y\")"), ["pg", "kind", "from", "pg", "locks", "x", "y"]);
}
