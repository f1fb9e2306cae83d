//! What becomes of the values of a column whose type changes: none is cut or rounded without leave.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

#[test]
fn what_does_not_fit_is_refused_and_not_cut() {
    let lab = Lab::with("CREATE TABLE t (a text, b integer); INSERT INTO t VALUES ('four', 70000)");
    let schema = |a: &str, b: &str| format!("CREATE TABLE t (a {a}, b {b});");
    let short = schema("varchar(3)", "integer");
    lab.apply(&short, &["--strategy", "direct"]).code(1).says(&["too long"]);
    lab.apply(&schema("text", "smallint"), &["--strategy", "direct"]).code(1).says(&["out of range"]);
    assert_eq!(lab.value("SELECT a FROM t"), "four");
    // Who says how values go over has it so.
    let cut = "CREATE TABLE t (\n    -- underpin: using left(a, 3)\n    a varchar(3), b integer);";
    lab.apply(cut, &["--strategy", "direct"]).code(0);
    assert_eq!(lab.value("SELECT a FROM t"), "fou");
}

#[test]
fn what_is_rounded_or_lost_has_to_be_allowed() {
    let lab = Lab::with(
        "CREATE TABLE t (a numeric(8,4), b timestamptz, c bit(4), d double precision);
         INSERT INTO t VALUES (1.2345, '2026-01-02 03:04:05+00', '1011', 0.1)",
    );
    let whole = "a numeric(8,4), b timestamptz, c bit(4), d double precision";
    for (old, new, words) in [
        ("a numeric(8,4)", "a numeric(8,2)", "behind 2 digits"),
        ("b timestamptz", "b date", "time of day"),
        ("c bit(4)", "c bit(2)", "last 2 bits"),
        ("d double precision", "d real", "precision of real"),
    ] {
        let schema = format!("CREATE TABLE t ({});", whole.replace(old, new));
        lab.apply(&schema, &["--strategy", "direct"]).code(3).says(&["data-loss", words]);
    }
    // Longer bits are padded, as the plan says, and nothing is lost.
    let longer = format!("CREATE TABLE t ({});", whole.replace("bit(4)", "bit(6)"));
    lab.plan(&longer, &["--strategy", "direct"]).code(0).shows(&["2 zero bits"]);
    lab.apply(&longer, &["--strategy", "direct"]).code(0);
    assert_eq!(lab.value("SELECT c::text FROM t"), "101100");
}
