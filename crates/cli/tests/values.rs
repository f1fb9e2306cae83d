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

/// Where a table has to be made again, its rows and counters go over, and none is doubled.
#[test]
fn rows_go_over_to_a_table_that_is_made_again() {
    let lab = Lab::with(
        "CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY, k int NOT NULL, gone text, g int GENERATED ALWAYS AS (k * 2) STORED,
             PRIMARY KEY (id, k)) PARTITION BY LIST (k);
         CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);
         CREATE TABLE apart PARTITION OF p FOR VALUES IN (3);
         INSERT INTO p (k) VALUES (1), (2), (3), (2); SELECT setval('p_id_seq', 40);
         CREATE TABLE plain (id bigserial PRIMARY KEY, v text); INSERT INTO plain (v) VALUES ('a'), ('b');
         CREATE TABLE refers (plain_id bigint REFERENCES plain (id)); INSERT INTO refers VALUES (2);
         CREATE TABLE base (id int, x text); CREATE TABLE heir (id int, x text, y int); INSERT INTO heir VALUES (1, 'x', 2)",
    );
    let schema = "CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY, k int NOT NULL, g int GENERATED ALWAYS AS (k * 3) STORED,
             PRIMARY KEY (id, k)) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO (10);
         CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (MAXVALUE);
         CREATE TABLE apart (id int NOT NULL, k int NOT NULL, gone text, g int GENERATED ALWAYS AS (k * 2) STORED, PRIMARY KEY (id, k));
         CREATE TABLE plain (id bigserial PRIMARY KEY, v text) PARTITION BY HASH (id);
         CREATE TABLE plain0 PARTITION OF plain FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TABLE refers (plain_id bigint REFERENCES plain (id));
         CREATE TABLE base (id int, x text); CREATE TABLE heir (y int) INHERITS (base);";
    // Only the column that goes is lost.
    lab.apply(schema, &["--strategy", "direct"]).code(3).says(&["the values of public.p in gone are lost"]);
    lab.converge(schema, &["--strategy", "direct"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, k, g) FROM p ORDER BY id"), ["1 1 3", "2 2 6", "4 2 6"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, k, g) FROM apart"), ["3 3 6"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, v) FROM plain ORDER BY id"), ["1 a", "2 b"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, x, y, tableoid::regclass) FROM heir"), ["1 x 2 heir"]);
    lab.sql("INSERT INTO p (k) VALUES (9); INSERT INTO plain (v) VALUES ('c')");
    assert_eq!(lab.value("SELECT max(id)::text FROM p"), "41");
    assert_eq!(lab.value("SELECT max(id)::text FROM plain"), "3");
    assert_eq!(lab.value("SELECT count(*)::text FROM pg_class WHERE relname LIKE '\\_underpin%'"), "0");
}

/// A partition that leaves a table which is made again, and is made again itself, keeps its own rows; the rows of a foreign
/// partition stay where they are; and what is rounded on the way has to be allowed.
#[test]
fn rows_go_over_once_and_with_leave() {
    let lab = Lab::with(
        "CREATE TABLE p (id int, k numeric(4,1)) PARTITION BY RANGE (k);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE apart PARTITION OF p FOR VALUES FROM (10) TO (20);
         INSERT INTO p VALUES (1, 1.6), (2, 11.0), (3, 12.0)",
    );
    let schema = "CREATE TABLE p (id int, k int) PARTITION BY RANGE (k);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE apart (id int, k numeric(4,1)) PARTITION BY HASH (id);
         CREATE TABLE apart0 PARTITION OF apart FOR VALUES WITH (MODULUS 1, REMAINDER 0);";
    lab.apply(schema, &["--strategy", "direct"]).code(3).says(&[
        "data-loss",
        "the fraction is rounded away",
        "public.p.k",
    ]);
    lab.converge(schema, &["--strategy", "direct"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, k) FROM p ORDER BY id"), ["1 2"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, k) FROM apart ORDER BY id"), ["2 11.0", "3 12.0"]);

    let lab = Lab::with(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE TABLE q (id int, k int) PARTITION BY RANGE (k);
         CREATE TABLE q1 PARTITION OF q FOR VALUES FROM (0) TO (10); INSERT INTO q VALUES (1, 1);
         CREATE FOREIGN TABLE q2 PARTITION OF q FOR VALUES FROM (10) TO (20) SERVER s",
    );
    // The wrapper reads nothing: to copy the foreign partition's rows would fail.
    let schema = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE TABLE q (id int, k int) PARTITION BY RANGE (id);
         CREATE TABLE q1 PARTITION OF q FOR VALUES FROM (0) TO (10);
         CREATE FOREIGN TABLE q2 PARTITION OF q FOR VALUES FROM (10) TO (20) SERVER s;";
    lab.converge(schema, &["--strategy", "direct"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, k) FROM ONLY q1"), ["1 1"]);
}

/// No commit comes between putting rows aside and putting them back, whatever else has to stand alone.
#[test]
fn rows_are_never_aside_over_a_commit() {
    let lab = Lab::with(
        "CREATE TABLE p (id int NOT NULL, k int NOT NULL) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p DEFAULT;
         INSERT INTO p VALUES (1, 1); CREATE TABLE apart (id int, k int); INSERT INTO apart VALUES (50, 50);
         CREATE TABLE other (id int)",
    );
    let schema = "CREATE TABLE p (id int NOT NULL, k int NOT NULL) PARTITION BY RANGE (id);
         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
         CREATE TABLE apart PARTITION OF p FOR VALUES FROM (10) TO (99);
         CREATE INDEX apart_k ON apart (k); CREATE TABLE other (id int NOT NULL); CREATE INDEX other_id ON other (id);";
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0);
    let plan = std::fs::read_to_string(lab.path("plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let batches = plan["stages"].as_array().unwrap().iter().flat_map(|s| s["batches"].as_array().unwrap());
    let holds = |batch: &serde_json::Value, text: &str| batch.to_string().contains(text);
    let with: Vec<(bool, bool)> = batches
        .map(|b| (holds(b, "CREATE TABLE public._underpin_rows_p"), holds(b, "DROP TABLE public._underpin_rows_p")))
        .filter(|(save, fill)| *save || *fill)
        .collect();
    assert_eq!(with, [(true, true)], "{plan:#}");
    lab.converge(schema, &[]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, k) FROM p ORDER BY id"), ["1 1", "50 50"]);
}
