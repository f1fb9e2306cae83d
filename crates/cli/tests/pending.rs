//! Contracts that wait beside a folder of migrations: what is said of them where they are not as they were written.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use support::Lab;
use support::folder::{generate, names, on};

const TWO: &str = "CREATE TABLE t (id int PRIMARY KEY, name text, x text);";
const ONE: &str = "CREATE TABLE t (id int PRIMARY KEY, name text);";

/// A lab whose folder has a contract that drops `x`, in `pending-contract/drop/01_drop.sql`.
fn waiting(format: &str) -> Lab {
    let lab = Lab::new();
    generate(&lab, format, TWO, "base").code(0);
    generate(&lab, format, ONE, "drop").code(0).shows(&["waiting: the contract drop"]);
    lab
}

#[test]
fn a_folder_that_is_no_contract_is_told_with_its_place() {
    let lab = waiting("plain");
    let manifest = lab.path("pending-contract/drop/contract.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"made\"", "\"mode\"")).unwrap();
    for command in
        [&["generate", "--contract", "drop"][..], &["verify"], &["generate", "--name", "x", "--schema", "schema.sql"]]
    {
        on(&lab, command[0], "plain", &command[1..]).code(65).says(&[
            "error[bad-pending-contract]",
            "pending-contract/drop/contract.json is not as it was written",
            "pending-contract/drop/contract.json:3:",
            "unknown field `mode`",
            "take the folder from your version control",
        ]);
    }
    fs::write(&manifest, "{").unwrap();
    on(&lab, "verify", "plain", &[]).code(65).says(&["pending-contract/drop/contract.json:1:"]);
    fs::remove_file(&manifest).unwrap();
    on(&lab, "verify", "plain", &[]).code(65).says(&[
        "pending-contract/drop holds no contract.json, which says what waits there",
        "if it is no contract of underpin, move it elsewhere",
    ]);
    // A file that nobody would run, and that would go with the folder.
    fs::write(&manifest, text).unwrap();
    lab.file("pending-contract/drop/02_more.sql", "DROP TABLE t;");
    on(&lab, "generate", "plain", &["--contract", "drop"])
        .code(65)
        .says(&["pending-contract/drop/02_more.sql is no file of this contract"]);
    fs::remove_file(lab.path("pending-contract/drop/02_more.sql")).unwrap();
    on(&lab, "generate", "plain", &["--contract", "drop"]).code(0).never("contract-edited");
}

#[test]
fn what_was_edited_is_judged_anew() {
    let lab = waiting("plain");
    let file = lab.path("pending-contract/drop/01_drop.sql");
    let text = fs::read_to_string(&file).unwrap();
    // Comments and line ends are no statements.
    fs::write(&file, format!("-- we look at this on Monday\n{text}").replace('\n', "\r\n")).unwrap();
    on(&lab, "verify", "plain", &[]).code(0).never("contract-edited");
    let more = "DROP TABLE t;\nCREATE TABLE t (id int PRIMARY KEY, name text);\nTRUNCATE t;\n";
    fs::write(&file, format!("{text}\n{more}")).unwrap();
    let edited = "pending-contract/drop/01_drop.sql holds other statements than `generate` has written there";
    on(&lab, "verify", "plain", &[]).code(0).says(&["warning[contract-edited]", edited]);
    generate(&lab, "plain", ONE, "again").code(0).says(&[edited]).shows(&["Nothing to do"]);
    let before = names(&lab);
    on(&lab, "generate", "plain", &["--contract", "drop"]).code(3).says(&[
        "nothing was written, as what was edited does harm that was not allowed",
        "the values of public.t.x are lost",
        "the rows of public.t are lost",
        "a statement changes rows or takes them away: 'TRUNCATE t'",
        "--allow data-loss",
    ]);
    assert_eq!(names(&lab), before);
    on(&lab, "generate", "plain", &["--contract", "drop", "--allow", "data-loss"]).code(0).says(&[edited]);
    let written = names(&lab).into_iter().find(|n| n.ends_with("contract.up.sql") || n.contains("_drop.up")).unwrap();
    let written = fs::read_to_string(lab.path("m").join(written)).unwrap();
    for line in [
        "-- Why: written by hand",
        "-- Hazard: data-loss: a statement changes rows",
        "-- Lock: ACCESS EXCLUSIVE on t",
        "TRUNCATE t",
    ] {
        assert!(written.contains(line), "{line}: {written}");
    }
    assert!(!lab.path("pending-contract").exists());
    on(&lab, "verify", "plain", &[]).code(0);
}
