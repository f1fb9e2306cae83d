//! The shared cases: statements with what servers of all versions were recorded to do.

use crate::harness::{Matrix, Ran, Seen};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use underpin_model::LockMode;

fn file() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    shared.join("design/lock-matrix.json")
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn mode(name: &str) -> Option<LockMode> {
    LockMode::from_pg_locks(&format!("{name}Lock"))
}

/// What was recorded of a version, of tables that were there before.
fn recorded(result: &Value, tables: &BTreeSet<String>) -> Seen {
    let by_last: BTreeMap<&str, &String> =
        tables.iter().map(|t| (t.rsplit('.').next().unwrap_or_default(), t)).collect();
    let mut seen = Seen::default();
    for (name, modes) in result["locks"].as_object().into_iter().flatten().filter(|(name, _)| !name.ends_with("(new)"))
    {
        let strongest = texts(modes).iter().filter_map(|m| mode(m)).max();
        if let Some(strong) = strongest.filter(|m| *m >= LockMode::ShareUpdateExclusive) {
            seen.locks.insert(name.clone(), strong);
        }
    }
    seen.rewrites = texts(&result["rewrite"]).into_iter().filter(|name| tables.contains(name)).collect();
    let scanned = result["scans"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    seen.scans = Some(scanned.filter_map(|name| by_last.get(name).map(|t| (*t).clone())).collect());
    for message in texts(&result["msgs"]) {
        let table = message.strip_prefix("building index \"").and_then(|m| m.split("on table \"").nth(1));
        let table = table.and_then(|t| t.split('"').next()).and_then(|t| by_last.get(t));
        seen.builds.extend(table.map(|t| (*t).clone()));
    }
    seen
}

#[test]
fn what_was_recorded_is_predicted() {
    let path = file();
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("NOT CHECKED: the recorded locks of the shared cases are not here ({}; set SHARED)", path.display());
        return;
    };
    let all: Value = serde_json::from_str(&text).expect("the shared cases are JSON");
    let fixture = all["fixture"].as_str().expect("there is a fixture");
    let mut matrix = Matrix::start(fixture, "SET search_path = app; SET timezone = 'UTC'");
    let major = matrix.major();
    let only = std::env::var("UNDERPIN_CASE").unwrap_or_default();
    let (mut count, mut equal, mut refused, mut unrecorded) = (0, 0, 0, 0);
    let (mut wrong, mut plans, mut tried) = (Vec::new(), Vec::new(), 0);
    for (name, case) in all["statements"].as_object().into_iter().flatten() {
        if !only.is_empty() && !name.contains(&only) {
            continue;
        }
        if case["since"].as_u64().is_some_and(|since| since > u64::from(major)) {
            continue;
        }
        count += 1;
        let of_version =
            |r: &&Value| r["versions"].as_array().into_iter().flatten().any(|v| v.as_u64() == Some(u64::from(major)));
        let result = case["results"].as_array().into_iter().flatten().find(of_version);
        let statements = texts(&case["sql"]);
        let ran = matrix.run(&texts(&case["setup"]), &statements);
        let (done, predicted, tables) = match ran {
            Ran::Refused(words) => {
                match result.map(|r| r["error"].as_str()) {
                    Some(None) => wrong.push(format!("{name}: refused here, not when it was recorded: {words}")),
                    _ => refused += 1,
                }
                continue;
            }
            Ran::Done { done, predicted, plans: failing, tables, unknown } => {
                tried += 1;
                if !failing.is_empty() {
                    plans.push(format!("{name}: {}\n      {}", statements.join("; "), failing.join("\n      ")));
                }
                if unknown {
                    wrong.push(format!("{name}: no fact for {}", statements.join("; ")));
                    continue;
                }
                (done, predicted, tables)
            }
        };
        let mut found = done.differences(&predicted, "server");
        match result {
            Some(result) => found.extend(recorded(result, &tables).differences(&predicted, "recorded")),
            None => unrecorded += 1,
        }
        if found.is_empty() {
            equal += 1;
        } else {
            wrong.push(format!("{name}: {}\n      {}", statements.join("; "), found.join("\n      ")));
        }
    }
    println!(
        "facts: PostgreSQL {major}: {count} recorded statements, {refused} refused by the server, {equal} of {} equal \
         ({unrecorded} not recorded for this version); prepared statements right for {} of {tried}",
        count - refused,
        tried - plans.len()
    );
    assert!(
        wrong.is_empty() && plans.is_empty(),
        "{} statements do other than predicted:\n{}\n{} statements break other plans than predicted:\n{}",
        wrong.len(),
        wrong.join("\n"),
        plans.len(),
        plans.join("\n")
    );
}
