//! Roads in several stages: each is taken stage by stage, and from every state in between.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::Lab;

/// A change that takes several stages.
struct Case {
    name: &'static str,
    live: &'static str,
    schema: &'static str,
    /// The recipes that the plan has to use.
    recipes: &'static [&'static str],
    /// What the tables hold in the end, whatever happened on the way.
    holds: &'static [(&'static str, &'static [&'static str])],
}

/// The cases, or those whose names hold the text of `CASE`.
fn cases() -> impl Iterator<Item = &'static Case> {
    let only = std::env::var("CASE").unwrap_or_default();
    CASES.iter().filter(move |case| case.name.contains(&only))
}

const CASES: &[Case] = &[
    Case {
        name: "a type",
        live: "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 7, s text, CONSTRAINT c CHECK (n > 0)); CREATE INDEX i ON t (n) WHERE n > 1;
               CREATE VIEW v AS SELECT n FROM t; GRANT SELECT (n) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many'; INSERT INTO t SELECT g, g FROM generate_series(1, 5) g",
        schema: "CREATE TABLE t (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 7, s text, CONSTRAINT c CHECK (n > 0)); CREATE INDEX i ON t (n) WHERE n > 1;
               CREATE VIEW v AS SELECT n FROM t; GRANT SELECT (n) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many';",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT id || ' ' || n FROM t ORDER BY id", &["1 1", "2 2", "3 3", "4 4", "5 5"])],
    },
    Case {
        name: "a key with foreign keys",
        live: "CREATE TABLE p (id serial PRIMARY KEY, up int REFERENCES p); CREATE TABLE c (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p_id int NOT NULL REFERENCES p ON DELETE CASCADE);
               CREATE INDEX ON c (p_id); INSERT INTO p (up) VALUES (NULL), (1), (2); INSERT INTO c (p_id) VALUES (1), (3)",
        schema: "CREATE TABLE p (id bigserial PRIMARY KEY, up bigint REFERENCES p); CREATE TABLE c (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p_id bigint NOT NULL REFERENCES p ON DELETE CASCADE);
               CREATE INDEX ON c (p_id);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT concat_ws(' ', id, up) FROM p ORDER BY id", &["1", "2 1", "3 2"]),
            ("SELECT concat_ws(' ', id, p_id) FROM c ORDER BY id", &["1 1", "2 3"]),
            ("INSERT INTO p (up) VALUES (3) RETURNING id::text", &["4"]),
            ("INSERT INTO c (p_id) VALUES (2) RETURNING id::text", &["3"]),
        ],
    },
    Case {
        name: "a type by expression",
        live: "CREATE TABLE t (id int, s text NOT NULL); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        schema: "CREATE TABLE t (id int,\n  s int NOT NULL -- underpin: using ascii(s)\n);",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT id || ' ' || s FROM t ORDER BY id", &["1 97", "2 98"])],
    },
    Case {
        name: "an enum that loses a value",
        live: "CREATE TYPE mood AS ENUM ('ok', 'sad', 'glad'); CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL DEFAULT 'sad', CHECK (m <> 'glad')); CREATE INDEX i ON t (m) WHERE m = 'ok';
               CREATE VIEW v AS SELECT m FROM t; COMMENT ON TYPE mood IS 'feelings'; INSERT INTO t VALUES (1, 'ok'), (2, 'sad')",
        schema: "-- underpin: map 'sad' => 'blue'\nCREATE TYPE mood AS ENUM ('ok', 'blue', 'glad'); CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL DEFAULT 'blue', CHECK (m <> 'glad'));
               CREATE INDEX i ON t (m) WHERE m = 'ok'; CREATE VIEW v AS SELECT m FROM t; COMMENT ON TYPE mood IS 'feelings';",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT id || ' ' || m FROM t ORDER BY id", &["1 ok", "2 blue"])],
    },
    Case {
        name: "a volatile default",
        live: "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, u uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, w uuid DEFAULT gen_random_uuid());",
        recipes: &["values-before-rules"],
        holds: &[("SELECT count(DISTINCT u) || ' ' || count(DISTINCT w) FROM t", &["2 2"])],
    },
    Case {
        name: "an identity and a serial",
        live: "CREATE TABLE t (a text); INSERT INTO t VALUES ('x'), ('y')",
        schema: "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 5) PRIMARY KEY, a text, n serial);",
        recipes: &["identity-by-sequence", "values-before-rules"],
        holds: &[
            ("SELECT count(*) FILTER (WHERE id IN (5, 6)) || ' ' || count(DISTINCT n) FROM t", &["2 2"]),
            ("INSERT INTO t (a) VALUES ('z') RETURNING id::text", &["7"]),
        ],
    },
    Case {
        name: "no more nulls",
        live: "CREATE TABLE t (id int, s text, UNIQUE (id)); INSERT INTO t VALUES (1, NULL), (2, 'b')",
        schema: "CREATE TABLE t (id int, s text NOT NULL DEFAULT 'none', UNIQUE (id));",
        recipes: &["values-before-rules", "not-null-by-check"],
        holds: &[("SELECT id || ' ' || s FROM t ORDER BY id", &["1 none", "2 b"])],
    },
    Case {
        name: "a computed column",
        live: "CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'x', 'y')",
        schema: "CREATE TABLE t (id int PRIMARY KEY,\n  ab text NOT NULL -- underpin: backfill a || b\n); CREATE INDEX ON t (ab);",
        recipes: &["computed-column"],
        holds: &[("SELECT id || ' ' || ab FROM t", &["1 xy"])],
    },
    Case {
        name: "an unlogged table becomes a logged one",
        live: "CREATE UNLOGGED TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL, n int UNIQUE CHECK (n > 0)); CREATE INDEX i ON t (a) WHERE n > 1;
               CREATE VIEW v AS SELECT a FROM t; GRANT SELECT (a) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many'; INSERT INTO t (a, n) SELECT 'x' || g, g FROM generate_series(1, 5) g",
        schema: "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL, n int UNIQUE CHECK (n > 0)); CREATE INDEX i ON t (a) WHERE n > 1;
               CREATE VIEW v AS SELECT a FROM t; GRANT SELECT (a) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many';",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, a, n) FROM t ORDER BY id", &["1 x1 1", "2 x2 2", "3 x3 3", "4 x4 4", "5 x5 5"]),
            ("INSERT INTO t (a) VALUES ('new') RETURNING id::text", &["6"]),
            ("SELECT relpersistence::text FROM pg_class WHERE relname = 't'", &["p"]),
        ],
    },
    Case {
        name: "an exclusion constraint",
        live: "CREATE TABLE room (id serial PRIMARY KEY, up int REFERENCES room, during int4range, note text DEFAULT 'none');
               CREATE TABLE chair (id int PRIMARY KEY, room int REFERENCES room ON DELETE CASCADE); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TRIGGER seen BEFORE UPDATE ON room FOR EACH ROW EXECUTE FUNCTION seen(); ALTER TABLE room ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON room USING (id > 0);
               CREATE STATISTICS st ON id, note FROM room; INSERT INTO room (up, during) VALUES (NULL, '[1,3)'), (1, '[3,5)'); INSERT INTO chair VALUES (1, 2)",
        schema: "CREATE TABLE room (id serial PRIMARY KEY, up int REFERENCES room, during int4range, note text DEFAULT 'none', CONSTRAINT alone EXCLUDE USING gist (during WITH &&));
               CREATE TABLE chair (id int PRIMARY KEY, room int REFERENCES room ON DELETE CASCADE); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TRIGGER seen BEFORE UPDATE ON room FOR EACH ROW EXECUTE FUNCTION seen(); ALTER TABLE room ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON room USING (id > 0);
               CREATE STATISTICS st ON id, note FROM room;",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, up, during, note) FROM room ORDER BY id", &["1 [1,3) none", "2 1 [3,5) none"]),
            ("SELECT room::text FROM chair", &["2"]),
            ("INSERT INTO room (during) VALUES ('[7,8)') RETURNING id::text", &["3"]),
        ],
    },
    Case {
        name: "a stored generated column",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int, gone text NOT NULL); CREATE VIEW v AS SELECT id FROM t; INSERT INTO t VALUES (1, 2, 'x'), (2, 3, 'y')",
        schema: "CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED NOT NULL, w int NOT NULL DEFAULT (random() * 0)::int + 4); CREATE INDEX ON t (twice); CREATE VIEW v AS SELECT id, twice FROM t;",
        recipes: &["shadow-table", "values-before-rules"],
        holds: &[("SELECT concat_ws(' ', id, a, twice, w) FROM t ORDER BY id", &["1 2 4 4", "2 3 6 4"]), ("SELECT twice::text FROM v ORDER BY id", &["4", "6"])],
    },
    Case {
        name: "types that only a copy changes",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT 3, g int GENERATED ALWAYS AS (a + 1) STORED, at timestamp, s text, CONSTRAINT one EXCLUDE (at WITH =)); CREATE INDEX i ON t (a) WHERE a > 1;
               CREATE VIEW v AS SELECT a, g FROM t; INSERT INTO t (id, a, at, s) VALUES (1, 2, '2026-01-01', 'ab'), (2, 3, '2026-01-02', 'c')",
        schema: "CREATE TABLE t (id int PRIMARY KEY, a bigint DEFAULT 3, g bigint GENERATED ALWAYS AS (a + 1) STORED, at date,\n s int, -- underpin: using length(s) + id - id\n CONSTRAINT one EXCLUDE (at WITH =)); CREATE INDEX i ON t (a) WHERE a > 1;
               CREATE VIEW v AS SELECT a, g FROM t;",
        recipes: &["shadow-table"],
        holds: &[("SELECT concat_ws(' ', id, a, g, at, s) FROM t ORDER BY id", &["1 2 3 2026-01-01 2", "2 3 4 2026-01-02 1"])],
    },
    Case {
        name: "renames",
        live: "CREATE TABLE t (id int PRIMARY KEY, a text UNIQUE, n int); CREATE TABLE o (t int REFERENCES t, x int); CREATE VIEW v AS SELECT a FROM t;
               INSERT INTO t VALUES (1, 'x', 2); INSERT INTO o VALUES (1)",
        schema: "CREATE TABLE t (id int PRIMARY KEY,\n  b text UNIQUE, -- underpin: renamed-from a\n  n bigint\n);\n-- underpin: renamed-from o\nCREATE TABLE p (t int REFERENCES t);\nCREATE VIEW v AS SELECT b AS a FROM t;",
        recipes: &["rename-by-view", "type-by-new-column"],
        holds: &[("SELECT id || b || n FROM t", &["1x2"]), ("SELECT t::text FROM p", &["1"])],
    },
    Case {
        name: "a table's name alone",
        live: "CREATE TABLE t (id serial PRIMARY KEY, a text UNIQUE); INSERT INTO t (a) VALUES ('x')",
        schema: "-- underpin: renamed-from t\nCREATE TABLE u (id serial PRIMARY KEY, a text UNIQUE);",
        recipes: &["rename-by-view"],
        holds: &[("SELECT id || a FROM u", &["1x"])],
    },
    Case {
        name: "drops",
        live: "CREATE TABLE t (id int PRIMARY KEY, gone text NOT NULL, kept int DEFAULT 3); CREATE INDEX i ON t (gone); CREATE TABLE away (id int REFERENCES t); CREATE VIEW v AS SELECT gone FROM t;
               INSERT INTO t VALUES (1, 'x')",
        schema: "CREATE TABLE t (id int PRIMARY KEY, kept int);",
        recipes: &[],
        holds: &[("SELECT id || ' ' || kept FROM t", &["1 3"])],
    },
];

fn batches(plan: &Value) -> Vec<&Value> {
    plan["stages"].as_array().unwrap().iter().flat_map(|s| s["batches"].as_array().unwrap()).collect()
}

fn plan_of(lab: &Lab, schema: &str) -> Value {
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0).never("not-staged");
    serde_json::from_str(&std::fs::read_to_string(lab.path("plan.json")).unwrap()).unwrap()
}

#[track_caller]
fn holds(lab: &Lab, case: &Case, state: &str) {
    for (query, rows) in case.holds {
        assert_eq!(lab.column(query), *rows, "{}, {state}: {query}", case.name);
    }
    let ours = "SELECT relname::text FROM pg_class WHERE relname LIKE '\\_underpin%' UNION SELECT proname::text FROM pg_proc WHERE proname LIKE '\\_underpin%' \
                UNION SELECT nspname::text FROM pg_namespace WHERE nspname LIKE '\\_underpin%'";
    assert_eq!(lab.column(ours), Vec::<String>::new(), "{}, {state}: something of ours is left", case.name);
}

/// Stage by stage, each by a plan of its own.
#[test]
fn every_road_is_taken_stage_by_stage() {
    for case in cases() {
        let lab = Lab::with(case.live);
        let plan = plan_of(&lab, case.schema);
        let used = plan.to_string();
        for recipe in case.recipes {
            assert!(used.contains(&format!("\"recipe\":\"{recipe}\"")), "{} uses {recipe}: {plan:#}", case.name);
        }
        lab.apply(case.schema, &["--phase", "expand", "--allow", "all"]).code(0);
        lab.apply(case.schema, &["--phase", "backfill", "--allow", "all"]).code(0);
        let rest = plan_of(&lab, case.schema);
        for stage in rest["stages"].as_array().unwrap() {
            assert_eq!(stage["phase"], "contract", "{}: {rest:#}", case.name);
        }
        lab.apply(case.schema, &["--phase", "all", "--allow", "all"]).code(0);
        lab.settled(case.schema, &[]);
        holds(&lab, case, "by stages");
    }
}

/// Stopped after every batch of the plan, a new plan ends at the same schema with the same rows.
#[test]
fn every_prefix_is_a_start() {
    for case in cases() {
        let first = Lab::with(case.live);
        let plan = plan_of(&first, case.schema);
        let all = batches(&plan);
        for stop in 0..all.len() {
            let lab = Lab::with(case.live);
            for batch in &all[..stop] {
                let statements = batch["steps"].as_array().unwrap().iter().filter(|s| s["run"] != "assert");
                let sql: Vec<&str> =
                    statements.flat_map(|s| s["sql"].as_array().unwrap()).map(|s| s.as_str().unwrap()).collect();
                if batch["transaction"] == true {
                    lab.sql(&format!("BEGIN;\n{};\nCOMMIT", sql.join(";\n")));
                } else {
                    sql.iter().for_each(|s| lab.sql(s));
                }
            }
            let state = format!("stopped after {stop} of {} batches", all.len());
            let ran = lab.apply(case.schema, &["--phase", "all", "--allow", "all"]);
            assert_eq!(ran.status, 0, "{}, {state}: {ran}", case.name);
            ran.never("not-staged");
            lab.settled(case.schema, &[]);
            holds(&lab, case, &state);
        }
    }
}

/// What is in flight is no drift, and is taken back whole.
#[test]
fn what_is_in_flight_is_no_drift_and_can_be_taken_back() {
    let (name, url) = ("schema.sql", |lab: &Lab| lab.url());
    for case in cases() {
        let lab = Lab::with(case.live);
        let before = lab.inspect();
        lab.apply(case.schema, &["--phase", "expand", "--allow", "all"]).code(0);
        let drift = |lab: &Lab| lab.run(["drift", "--db", &url(lab), "--schema", name]);
        let rest = lab.plan(case.schema, &["--output", "json"]).out;
        let gated = rest.contains("\"contract\"") || rest.contains("\"shadow-table\"");
        if gated {
            let ran = drift(&lab);
            assert_eq!(ran.status, 0, "{}: {ran}", case.name);
            lab.sql("CREATE TABLE stranger (id int)");
            drift(&lab).code(2).shows(&["stranger"]);
            lab.sql("DROP TABLE stranger");
            let ran = lab.run(["undo", "--db", &url(&lab), "--yes", "--allow", "all"]);
            assert_eq!(ran.status, 0, "{}: {ran}", case.name);
            assert_eq!(lab.inspect(), before, "{}", case.name);
        }
        lab.run(["undo", "--db", &url(&lab), "--yes"]).code(64).says(&["nothing to take back"]);
    }
}

/// A table under both names whose columns are on the way too is no drift; a stranger's change of what is new is.
#[test]
fn renames_and_types_together_are_no_drift() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY, n int, d text DEFAULT 'x'); INSERT INTO t VALUES (1, 2)");
    let schema = "-- underpin: renamed-from t\nCREATE TABLE u (id int PRIMARY KEY, n bigint, d text DEFAULT 'x', fresh uuid DEFAULT gen_random_uuid());";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    let drift = || lab.run(["drift", "--db", &lab.url(), "--schema", "schema.sql"]);
    drift().code(0);
    lab.sql("ALTER TABLE t ALTER fresh SET DEFAULT '00000000-0000-0000-0000-000000000000'");
    drift().code(2).shows(&["fresh"]);
    lab.sql("ALTER TABLE t ALTER fresh SET DEFAULT gen_random_uuid()");
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname = '_underpin_base_t'"), "1");
    drift().code(0);
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    lab.settled(schema, &[]);
}

/// A contract that could not begin leaves the way back open.
#[test]
fn a_contract_that_did_nothing_can_be_taken_back() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY, a text, gone int); INSERT INTO t VALUES (1, '10', 3)");
    let before = lab.inspect();
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int);";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    // The contract looks at the rows first, and stops at this one.
    lab.sql("UPDATE t SET a = 'no'");
    lab.apply(schema, &["--phase", "contract", "--allow", "all"]).code(1);
    lab.run(["undo", "--db", &lab.url(), "--yes", "--allow", "all"]).code(0);
    assert_eq!(lab.inspect(), before);
    assert_eq!(lab.value("SELECT a || gone FROM t"), "no3");
}

/// A contract takes the way back away.
#[test]
fn nothing_is_taken_back_after_the_contract() {
    let lab = Lab::with("CREATE TABLE t (id int, a int)");
    let schema = "CREATE TABLE t (id bigint);";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    lab.run(["undo", "--db", &lab.url(), "--yes"]).code(64);
}

#[test]
fn recipes_are_explained() {
    let lab = Lab::with("");
    lab.run(["explain"]).code(0).shows(&["type-by-new-column"]);
    lab.run(["explain", "type-by-new-column"]).code(0).shows(&["After a crash"]);
    lab.run(["explain", "nothing"]).code(64);
}

/// A new column that is NOT NULL and has no value is an error where there are rows, and says what to write.
#[test]
fn a_column_without_values_is_an_error() {
    let schema = "CREATE TABLE t (id int, a int NOT NULL);";
    let lab = Lab::with("CREATE TABLE t (id int)");
    lab.converge(schema, &[]);
    let lab = Lab::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    lab.plan(schema, &[]).code(65).says(&["schema.sql:1", "no-value", "backfill EXPR"]);
}

/// A value of an enum that goes needs a word on what its rows get.
#[test]
fn a_value_that_goes_is_mapped() {
    let lab = Lab::with("CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (e e); INSERT INTO t VALUES ('b')");
    let schema = "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (e e);";
    lab.plan(schema, &[]).code(65).says(&["no-map", "underpin: map"]);
    let schema = format!("-- underpin: map 'b' => 'a'\n{schema}");
    lab.converge(&schema, &["--strategy", "direct"]);
    assert_eq!(lab.value("SELECT e FROM t"), "a");
}

/// While a veil is drawn the old and the new application read and write, columns that are new included.
#[test]
fn both_versions_of_the_application_read_and_write() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY, a text, z int DEFAULT 5); INSERT INTO t VALUES (1, 'x')");
    let schema = "CREATE TABLE t (id int PRIMARY KEY,\n  b text, -- underpin: renamed-from a\n  z int DEFAULT 5, fresh int DEFAULT 6);";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    lab.sql("INSERT INTO t VALUES (2, 'old'); UPDATE t SET a = a || '!' WHERE id = 1");
    lab.sql("INSERT INTO t (id, b, fresh) VALUES (3, 'new', 7); UPDATE t SET b = b || '?' WHERE id = 2");
    lab.apply(schema, &["--phase", "contract"]).code(0);
    lab.settled(schema, &[]);
    let rows = lab.column("SELECT concat_ws(' ', id, b, z, fresh) FROM t ORDER BY id");
    assert_eq!(rows, ["1 x! 5 6", "2 old? 5 6", "3 new 5 7"]);
}

/// What the new application writes is not computed over: not by an old writer who changes something else, and not by the
/// backfill. What an old writer changes is computed anew, and kept in step the other way where that is told.
#[test]
fn no_side_overwrites_the_other() {
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, login text, nick text, code text);
         INSERT INTO t SELECT g, 'l' || g, 'n' || g, g FROM generate_series(1, 4) g",
    );
    let schema = "CREATE TABLE t (id int PRIMARY KEY, login text,\n  name text, -- underpin: backfill upper(nick)\n  \
                  -- underpin: down number::text\n  number int -- underpin: backfill code::int\n);";
    lab.plan(schema, &[]).code(0).never("hint-not-understood");
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    // The new application, then the old one at something else, and at the same.
    lab.sql("UPDATE t SET name = 'Annie' WHERE id = 1; UPDATE t SET login = 'x' WHERE id = 1");
    lab.sql("INSERT INTO t (id, name, number) VALUES (5, 'Eve', 50); UPDATE t SET nick = 'zoe' WHERE id = 2");
    lab.sql("UPDATE t SET number = 30 WHERE id = 3; UPDATE t SET code = '41' WHERE id = 4");
    lab.sql("INSERT INTO t (id, nick, code) VALUES (6, 'old', '60') ON CONFLICT (id) DO UPDATE SET nick = 'never'");
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    assert_eq!(
        lab.column("SELECT concat_ws(' ', id, name, number, code) FROM t ORDER BY id"),
        ["1 Annie 1 1", "2 ZOE 2 2", "3 N3 30 30", "4 N4 41 41", "5 Eve 50 50", "6 OLD 60 60"]
    );
    // What the expression does not take is no failure of its writer.
    lab.sql("INSERT INTO t (id, nick, code) VALUES (7, 'x', 'none'); UPDATE t SET code = '7' WHERE id = 7");
    assert_eq!(lab.value("SELECT number::text FROM t WHERE id = 7"), "7");
    // An old writer was seen a moment ago.
    let ran = lab.apply(schema, &["--phase", "contract", "--allow", "all"]);
    assert_eq!(ran.status, 4, "{ran}");
    lab.apply(schema, &["--phase", "contract", "--allow", "all", "--confirm-gate"]).code(0);
    lab.settled(schema, &[]);
}

/// A value that the new type does not take, written after all rows were looked at and before the switch, stops the switch.
#[test]
fn a_value_that_comes_late_is_not_lost() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, '10'), (2, '20')");
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int);";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    // It was there and is gone again: not what stops anything.
    lab.sql("UPDATE t SET a = 'no' WHERE id = 1; UPDATE t SET a = '11' WHERE id = 1");
    let plan = plan_of(&lab, schema);
    let contract = batches(&plan);
    let sql = |batch: &Value| {
        let steps = batch["steps"].as_array().unwrap().iter();
        let all: Vec<String> =
            steps.flat_map(|s| s["sql"].as_array().unwrap()).map(|s| s.as_str().unwrap().to_owned()).collect();
        all.join(";\n")
    };
    let look = contract.iter().position(|b| b["steps"][0]["run"] == "assert").unwrap();
    for batch in &contract[..look] {
        lab.sql(&format!("BEGIN;\n{};\nCOMMIT", sql(batch)));
    }
    assert_eq!(lab.value(&sql(contract[look])), "t");
    lab.sql("UPDATE t SET a = 'late' WHERE id = 2");
    let refused = lab.client().batch_execute(&format!("BEGIN;\n{};\nCOMMIT", sql(contract[look + 1]))).unwrap_err();
    let message = refused.as_db_error().unwrap().message();
    assert!(message.contains("its new type does not take"), "{message}");
    lab.apply(schema, &["--phase", "contract", "--allow", "all"])
        .code(1)
        .says(&["would be lost at the switch", "_underpin_new_a IS NULL"]);
    assert_eq!(lab.column("SELECT a FROM t ORDER BY id"), ["11", "late"]);
    lab.sql("UPDATE t SET a = '21' WHERE id = 2");
    lab.apply(schema, &["--phase", "contract", "--allow", "all"]).code(0);
    lab.settled(schema, &[]);
    assert_eq!(lab.value("SELECT sum(a) FROM t"), "32");
}
