//! Roads in several stages: each is taken stage by stage, and from every state in between.

#![allow(clippy::unwrap_used)]

mod cases;
#[path = "../support/mod.rs"]
mod support;

use cases::{Case, cases};
use serde_json::Value;
use support::Lab;

fn batches(plan: &Value) -> Vec<&Value> {
    plan["stages"].as_array().unwrap().iter().flat_map(|s| s["batches"].as_array().unwrap()).collect()
}

fn plan_of(lab: &Lab, schema: &str) -> Value {
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0).never("not-staged");
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(lab.path("plan.json")).unwrap()).unwrap();
    for batch in batches(&plan) {
        let steps = batch["steps"].as_array().unwrap();
        let is_long = |step: &Value| step["run"] == "build" || step["run"] == "backfill";
        assert!(steps.len() == 1 || !steps.iter().any(is_long), "rows are read under the locks of others: {batch:#}");
    }
    plan
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
            let uses = |recipe: &str| used.contains(&format!("\"recipe\":\"{recipe}\""));
            assert!(recipe.split('|').any(uses), "{} uses {recipe}: {plan:#}", case.name);
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
    // Two at a time: this takes longer than all the other tests.
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || cases().skip(half).step_by(2).for_each(|case| from_every_prefix(case, &[])));
        }
    });
}

fn from_every_prefix(case: &Case, more: &[&str]) {
    let first = Lab::with(case.live);
    first.plan(case.schema, &[&["--output", "json", "-o", "plan.json"], more].concat()).code(0).never("not-staged");
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(first.path("plan.json")).unwrap()).unwrap();
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
        let ran = lab.apply(case.schema, &[&["--phase", "all", "--allow", "all"], more].concat());
        assert_eq!(ran.status, 0, "{}, {state}: {ran}", case.name);
        ran.never("not-staged");
        lab.settled(case.schema, &[]);
        holds(&lab, case, &state);
    }
}

/// With views for the new version of the application, which are drawn on the way and gone on with.
#[test]
fn views_of_a_version_are_made_from_every_state() {
    let some = ["a type", "renames", "a copy beside a type, a name and a drop"];
    cases()
        .filter(|case| some.contains(&case.name))
        .for_each(|case| from_every_prefix(case, &["--versioned-views", "v2"]));
}

/// What is put aside is so from every state on the way, with a type that changes beside it and names of old over it.
#[test]
fn what_goes_is_put_aside_from_every_state() {
    const PUT_ASIDE: &str = "SELECT string_agg(attname::text, ' ' ORDER BY attname) IS NOT NULL FROM pg_attribute WHERE attname LIKE '\\_underpin\\_dropped\\_%\\_gone'";
    for schema in [
        "CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, n bigint);",
        "CREATE TABLE r (id int PRIMARY KEY);\n-- underpin: renamed-from t\nCREATE TABLE u (id int PRIMARY KEY,\n  m int -- underpin: renamed-from n\n);",
    ] {
        let case = Case {
            name: "put aside",
            live: "CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, n int, gone int NOT NULL REFERENCES r); CREATE INDEX i ON t (gone);
                   INSERT INTO r VALUES (1); INSERT INTO t VALUES (1, 1, 1)",
            schema,
            recipes: &["quarantine"],
            holds: &[(PUT_ASIDE, &["t"])],
        };
        from_every_prefix(&case, &["--quarantine", "7"]);
    }
    let lab = Lab::with("CREATE TABLE t (id int, gone int)");
    let asked = ["--quarantine", "7", "--strategy", "direct"];
    lab.plan("CREATE TABLE t (id int);", &asked).code(0).shows(&["no-quarantine", "data-loss"]);
    lab.plan("CREATE TABLE t (id int);", &["--quarantine", "0"]).code(64);
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
    let schema = "-- underpin: renamed-from t\nCREATE TABLE u (id int PRIMARY KEY, n bigint, d text DEFAULT 'x', fresh text DEFAULT md5(random()::text));";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    let drift = || lab.run(["drift", "--db", &lab.url(), "--schema", "schema.sql"]);
    drift().code(0);
    lab.sql("ALTER TABLE t ALTER fresh SET DEFAULT '00000000-0000-0000-0000-000000000000'");
    drift().code(2).shows(&["fresh"]);
    lab.sql("ALTER TABLE t ALTER fresh SET DEFAULT md5(random()::text)");
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

/// A local time becomes an instant in place where that only touches the catalog, and beside the old column elsewhere.
#[test]
fn times_change_in_place_only_in_utc() {
    let places = "SELECT string_agg(relfilenode::text, ' ') FROM pg_class WHERE relname = 't'";
    let to = "CREATE TABLE t (id int, a timestamptz);";
    for (zone, live, schema, in_place) in [
        ("Etc/UTC", "", to, true),
        ("Africa/Abidjan", "", to, false),
        ("UTC", "CREATE INDEX ON t (a);", "CREATE TABLE t (id int, a timestamptz); CREATE INDEX ON t (a);", false),
        ("UTC", "", "CREATE TABLE t (id int, a timestamptz(3));", false),
        ("UTC", "", "CREATE TABLE t (id int,\n  a timestamptz -- underpin: using a AT TIME ZONE 'utc'\n);", true),
        (
            "UTC",
            "",
            "CREATE TABLE t (id int,\n  a timestamptz -- underpin: using a AT TIME ZONE 'Europe/Oslo'\n);",
            false,
        ),
        (
            "UTC",
            "",
            "CREATE TABLE t (id int,\n  a timestamptz -- underpin: using (a + interval '1h') AT TIME ZONE 'UTC'\n);",
            false,
        ),
    ] {
        let lab = Lab::with("CREATE TABLE t (id int, a timestamp); INSERT INTO t VALUES (1, '2026-01-01')");
        lab.sql(live);
        lab.sql(&format!("ALTER DATABASE {} SET timezone = '{zone}'", lab.database));
        let file = lab.value(places);
        let plan = plan_of(&lab, schema).to_string();
        assert_eq!(plan.contains("type-by-new-column"), !in_place, "{zone} {schema}: {plan}");
        assert_eq!(plan.contains("SET LOCAL timezone = 'UTC'"), in_place, "{zone} {schema}: {plan}");
        lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
        assert_eq!(lab.value(places), file, "{zone} {schema}: the table was written anew");
        lab.settled(schema, &[]);
    }
}

/// A column of a domain with checks is written anew only where its table cannot be copied and the domain has them already.
#[test]
fn a_column_comes_before_the_checks_of_its_domain() {
    let domain = "CREATE DOMAIN pos AS int CHECK (VALUE > 0);";
    for (schema, live, (anew, waits)) in [
        ("CREATE TABLE t (id int, n int, b pos);", "", (false, true)),
        ("CREATE TABLE t (id int, n pos);", "", (false, true)),
        ("CREATE TABLE t (id int, n int, b pos);", domain, (true, false)),
        ("CREATE TABLE t (id int, n pos);", domain, (true, false)),
        ("CREATE TABLE t (id int, n int, b pos[]);", domain, (false, false)),
        (
            "CREATE TABLE t (id int, n int, b pos);",
            "ALTER TABLE t ADD UNIQUE (id), ALTER id SET NOT NULL",
            (false, false),
        ),
        ("CREATE DOMAIN top AS pos CHECK (VALUE < 9); CREATE TABLE t (id int, n top);", domain, (true, false)),
        ("CREATE TABLE t (id int, n int, b pos); CREATE TABLE k (id int PRIMARY KEY, p pos);", "", (false, true)),
    ] {
        let lab = Lab::with(&format!(
            "CREATE TABLE t (id int, n int); CREATE TABLE k (id int PRIMARY KEY, p int); INSERT INTO t VALUES (1, 1); {live}"
        ));
        let key = if live.contains("UNIQUE") { "ALTER TABLE t ADD UNIQUE (id), ALTER id SET NOT NULL;" } else { "" };
        let other = if schema.contains("TABLE k") { "" } else { "CREATE TABLE k (id int PRIMARY KEY, p int);" };
        let schema = format!("{domain} {schema} {other} {key}");
        let plan = plan_of(&lab, &schema).to_string();
        assert_eq!(plan.contains("blocks-reads"), anew, "{live} {schema}: {plan}");
        assert_eq!(plan.contains("blocks-writes"), waits, "{live} {schema}: {plan}");
        lab.converge(&schema, &["--allow", "all"]);
        lab.settled(&schema, &[]);
    }
}

/// A session that has called a function before a type was made anew finds the new one in the function's body.
#[test]
fn functions_of_sessions_find_the_new_type() {
    let lab = Lab::with(
        "CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE TABLE t (id int PRIMARY KEY, m mood); INSERT INTO t VALUES (1, 'ok');
         CREATE FUNCTION named() RETURNS text LANGUAGE plpgsql AS $$DECLARE x Mood; BEGIN SELECT m INTO x FROM t; x := 'ok'; RETURN x; END$$;
         CREATE FUNCTION same() RETURNS text LANGUAGE plpgsql AS $$DECLARE x t.m%TYPE := 'ok'; BEGIN SELECT m INTO x FROM t; RETURN x; END$$;
         CREATE FUNCTION taken(mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$",
    );
    let mut session = lab.client();
    let mut call =
        || session.query_one("SELECT named() || same() || taken(m) FROM t", &[]).unwrap().get::<_, String>(0);
    assert_eq!(call(), "okokok");
    let schema = "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int PRIMARY KEY, m mood);
         CREATE FUNCTION named() RETURNS text LANGUAGE plpgsql AS $$DECLARE x Mood; BEGIN SELECT m INTO x FROM t; x := 'ok'; RETURN x; END$$;
         CREATE FUNCTION same() RETURNS text LANGUAGE plpgsql AS $$DECLARE x t.m%TYPE := 'ok'; BEGIN SELECT m INTO x FROM t; RETURN x; END$$;
         CREATE FUNCTION taken(mood) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$;";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    assert_eq!(call(), "okokok");
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    assert_eq!(call(), "okokok");
    lab.settled(schema, &[]);
}

/// Of the functions that stay, those are told once more what they are whose variables may be of the type; the others
/// are left alone.
#[test]
fn functions_that_only_sound_like_a_type_are_left_alone() {
    let functions = "CREATE FUNCTION same() RETURNS text LANGUAGE plpgsql AS
             $$DECLARE x t.m%TYPE; BEGIN RETURN x; END$$;
         CREATE FUNCTION apart() RETURNS text LANGUAGE plpgsql AS
             $$DECLARE x t.m % /* it is */ TYPE; BEGIN RETURN x; END$$;
         CREATE FUNCTION whole() RETURNS text LANGUAGE plpgsql AS
             $$DECLARE x t%rowtype; BEGIN RETURN x.m; END$$;
         CREATE FUNCTION sounds() RETURNS int LANGUAGE plpgsql AS
             $$DECLARE x int; BEGIN SELECT type, rowtype INTO x FROM k; RETURN x; END$$;";
    let tables = "CREATE TABLE t (id int PRIMARY KEY, m mood); CREATE TABLE k (type int, rowtype int);";
    let lab = Lab::with(&format!("CREATE TYPE mood AS ENUM ('ok', 'sad'); {tables} {functions}"));
    let plan = lab.plan(&format!("CREATE TYPE mood AS ENUM ('sad', 'ok'); {tables} {functions}"), &[]);
    let told = |name: &str| format!("ALTER FUNCTION public.{name}() SECURITY INVOKER");
    plan.code(0).shows(&[&told("same"), &told("apart"), &told("whole")]).never(&told("sounds"));
}

/// A session that has called a function before a column got a wider type takes what the column has then, be it that the column
/// or that the whole table is made anew.
#[test]
fn functions_of_sessions_take_what_a_wider_column_has() {
    let functions = "CREATE FUNCTION same() RETURNS text LANGUAGE plpgsql AS
             $$DECLARE x t.n%TYPE; BEGIN SELECT n INTO x FROM t; RETURN x; END$$;
         CREATE FUNCTION whole() RETURNS text LANGUAGE plpgsql AS
             $$DECLARE x t%ROWTYPE; BEGIN SELECT * INTO x FROM t; RETURN x.n; END$$;
         CREATE FUNCTION any_row() RETURNS text LANGUAGE plpgsql AS
             $$DECLARE r record; BEGIN FOR r IN SELECT * FROM t LOOP RETURN r.n; END LOOP; END$$;
         CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN IF NEW.n > 0 THEN INSERT INTO k VALUES (NEW.id, NEW.n, NEW.g); END IF; RETURN NEW; END$$;
         CREATE FUNCTION fired_whole() RETURNS trigger LANGUAGE plpgsql AS
             $$DECLARE r record; BEGIN r := NEW; INSERT INTO k VALUES (r.id, r.n, r.g); RETURN r; END$$;
         CREATE FUNCTION sounds() RETURNS int LANGUAGE plpgsql AS
             $$DECLARE x int; BEGIN SELECT type INTO x FROM k; RETURN x; END$$;";
    let more = "CREATE TABLE k (type bigint, rowtype bigint, of_n bigint);";
    let triggers = "CREATE TRIGGER a BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION fired();
         CREATE TRIGGER b BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION fired_whole();";
    let table = |n: &str, computed: &str| {
        format!("CREATE TABLE t (id int PRIMARY KEY, n {n}, g int{computed}); {more} {functions} {triggers}")
    };
    for computed in ["", " GENERATED ALWAYS AS (n % 7) STORED"] {
        // Of a table with a generated column a copy is made.
        let computed_too = computed.replace("n % 7", "(n % 7)::int");
        let (before, after) = (table("int", computed), table("bigint", &computed_too));
        let lab = Lab::with(&format!("{before} INSERT INTO t VALUES (1, 1)"));
        let mut session = lab.client();
        let mut call = |value: &str| {
            for sql in ["UPDATE t SET n = {}", "INSERT INTO t (id, n) VALUES (2, {})", "DELETE FROM t WHERE id > 1"] {
                session.batch_execute(&sql.replace("{}", value)).unwrap_or_else(|e| panic!("{sql}{computed}: {e:?}"));
            }
            let found = session.query_one("SELECT same() || ' ' || whole() || ' ' || any_row()", &[]).unwrap();
            found.get::<_, String>(0)
        };
        assert_eq!(call("1"), "1 1 1");
        let plan = lab.plan(&after, &[]).code(0).never("ALTER FUNCTION public.sounds()").never("not-staged");
        // What takes its time comes before the locks.
        let place = |text: &str| plan.out.find(text).unwrap_or_else(|| panic!("{text}: {}", plan.out));
        assert!(place("ALTER FUNCTION public.fired()") < place("DROP TRIGGER"), "{}", plan.out);
        lab.apply(&after, &["--phase", "all", "--allow", "all"]).code(0);
        assert_eq!(call("3000000000"), "3000000000 3000000000 3000000000");
        lab.settled(&after, &[]);
    }
}

/// What a failed REINDEX CONCURRENTLY left is named, is no drift, and goes in the first stage.
#[test]
fn what_a_failed_reindex_left_is_named() {
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int, b bigint); CREATE INDEX i ON t (a);";
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE INDEX i ON t (a); CREATE INDEX i_ccnew ON t (a); CREATE UNIQUE INDEX t_pkey_ccold1 ON t (id);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('i_ccnew'::regclass, 't_pkey_ccold1'::regclass)",
    );
    lab.plan(schema, &[]).code(0).never("not-staged").shows(&[
        "REINDEX CONCURRENTLY of public.i left it when it failed",
        "REINDEX CONCURRENTLY of public.t_pkey left it when it failed",
    ]);
    let live = "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE INDEX i ON t (a);";
    lab.plan(live, &[]).code(0);
    let drift = || lab.run(["drift", "--db", &lab.url(), "--schema", "schema.sql"]);
    drift().code(0).shows(&["left-by-reindex", "DROP INDEX CONCURRENTLY public.i_ccnew"]);
    // One that works, or that no index is called after, is somebody's.
    lab.sql(
        "CREATE INDEX x_ccnew ON t (b); UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'i_ccnew'::regclass",
    );
    drift().code(2).shows(&["i_ccnew", "x_ccnew"]).never("t_pkey_ccold1: unexpected");
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_ccold_'"), "0");
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    lab.settled(schema, &[]);
}

/// An index that is being built looks like one that was left: the plan names the session.
#[test]
fn an_index_that_is_being_built_is_named() {
    let schema = "CREATE TABLE t (id int PRIMARY KEY);";
    let lab = Lab::with(schema);
    let mut writer = lab.client();
    writer.batch_execute("BEGIN; INSERT INTO t VALUES (1)").unwrap();
    let mut builder = lab.client();
    let building = std::thread::spawn(move || builder.batch_execute("REINDEX INDEX CONCURRENTLY t_pkey"));
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_ccnew'";
    for _ in 0..100 {
        if lab.value(left) == "1" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    lab.plan(schema, &[]).code(0).shows(&["index-is-being-built", "REINDEX CONCURRENTLY"]);
    writer.batch_execute("ROLLBACK").unwrap();
    building.join().unwrap().unwrap();
    lab.settled(schema, &[]);
}

/// What goes is put aside first: it is had back by its name, no plan and no drift minds it, and it goes when its day
/// has come.
#[test]
fn what_goes_is_put_aside() {
    let schema = "CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY);";
    let lab = Lab::with(
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, gone text NOT NULL, ref int REFERENCES r, m mood);
         CREATE INDEX i ON t (gone); COMMENT ON COLUMN t.gone IS 'words'; CREATE VIEW v AS SELECT gone FROM t;
         CREATE TABLE away (id serial PRIMARY KEY, r int REFERENCES r, up int REFERENCES away, CHECK (r > 0)); CREATE INDEX ON away (r);
         INSERT INTO r VALUES (1); INSERT INTO t VALUES (1, 'x', 1, 'ok'); INSERT INTO away VALUES (5, 1, NULL)",
    );
    let asked = ["--quarantine", "30"];
    let plan = lab.plan(schema, &[&asked[..], &["--output", "json"]].concat());
    plan.code(0).never("data-loss").never("not-staged").shows(&["\"recipe\": \"quarantine\"", "\"undo\": ["]);
    let all = ["--phase", "all", "--allow", "breaks-application"];
    lab.apply(schema, &[&asked[..], &all].concat()).code(0);
    let day = lab.value("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '30 days', 'YYYYMMDD')");
    assert_eq!(lab.value(&format!("SELECT _underpin_dropped_{day}_gone FROM t")), "x");
    assert_eq!(lab.value(&format!("SELECT r FROM _underpin_dropped_{day}_away")), "1");
    assert_eq!(lab.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'"), "0");
    // Nobody minds it, and it is named.
    lab.settled(schema, &[]);
    let drift = || lab.run(["drift", "--db", &lab.url(), "--schema", "schema.sql"]);
    drift().code(0).shows(&["in-quarantine", "gone, which may go from"]);
    lab.run(["status", "--db", &lab.url()]).code(0).shows(&["put aside; may go from"]);
    // A new table of the old name finds its names free.
    let again = format!("{schema} CREATE TABLE away (id serial PRIMARY KEY, x int); CREATE INDEX i ON away (x);");
    lab.apply(&again, &["--phase", "all", "--allow", "all"]).code(0);
    lab.settled(&again, &[]);
    assert_eq!(lab.value(&format!("SELECT r FROM _underpin_dropped_{day}_away")), "1");
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    // It is had back.
    lab.sql(&format!("ALTER TABLE t RENAME COLUMN _underpin_dropped_{day}_gone TO gone"));
    drift().code(2).shows(&["gone"]);
    lab.sql("ALTER TABLE t RENAME COLUMN gone TO _underpin_dropped_20200101_gone");
    // The day has come, for one of them.
    let plan = lab.plan(schema, &[]);
    plan.code(0).shows(&["data-loss", "_underpin_dropped_20200101_gone"]).never("before it starts").never("_away");
    lab.apply(schema, &all).code(3);
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '%2020%'"), "0");
    lab.sql(&format!("ALTER TABLE _underpin_dropped_{day}_away RENAME TO _underpin_dropped_20200101_away"));
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0);
    assert_eq!(
        lab.value("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_underpin%' OR relname LIKE '%away%'"),
        "0"
    );
}

/// A counter that has to be looked for says so; an index and a serial's sequence know it.
#[test]
fn a_table_is_not_read_for_its_counter() {
    let to = "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY);";
    for (live, more, reads) in [
        ("CREATE TABLE t (id int NOT NULL)", "", true),
        ("CREATE TABLE t (id int NOT NULL); CREATE INDEX i ON t (id)", "CREATE INDEX i ON t (id);", false),
        ("CREATE TABLE t (id serial)", "", false),
    ] {
        let lab = Lab::with(live);
        let plan = plan_of(&lab, &format!("{to} {more}")).to_string();
        assert_eq!(plan.contains("blocks-reads"), reads, "{live}: {plan}");
        assert_eq!(plan.contains("max("), !live.contains("serial"), "{live}: {plan}");
    }
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
    let lab = Lab::with("CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (e e[]); INSERT INTO t VALUES ('{a,b}')");
    lab.plan("CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (e e[]);", &[]).code(65).says(&["no-map"]);
    let schema = "-- underpin: map 'b' => 'a'\nCREATE TYPE e AS ENUM ('a'); CREATE TABLE t (e e[]);";
    lab.converge(schema, &["--strategy", "direct"]);
    assert_eq!(lab.value("SELECT e FROM t"), "{a,a}");
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

/// What goes cannot stay beside these; the plan has its stages all the same, and ends where it should.
#[test]
fn what_cannot_stay_goes_at_once() {
    let table = "CREATE TABLE t (id int, day date NOT NULL, x int) PARTITION BY RANGE (day); CREATE TABLE new PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');";
    let parts = format!(
        "{table} CREATE TABLE old PARTITION OF t FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE INDEX i ON t (x);"
    );
    let policy = "ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON r USING (f(id));";
    let function = "RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN true; END$$;";
    let one = format!("CREATE TABLE r (id int PRIMARY KEY, gone int); CREATE FUNCTION f(a int) {function} {policy}");
    let two =
        format!("CREATE TABLE r (id int PRIMARY KEY); CREATE FUNCTION f(a int, b int DEFAULT 1) {function} {policy}");
    for (live, schema) in [
        (parts.clone(), format!("{table} CREATE INDEX i ON t (x); CREATE INDEX j ON t (id);")),
        (parts.clone(), format!("{table} CREATE INDEX i ON t (x, id);")),
        (parts, "CREATE TABLE t (id int NOT NULL, day date NOT NULL) PARTITION BY RANGE (day); CREATE TABLE new PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');".to_owned()),
        (one, two),
        (
            "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (id int PRIMARY KEY, c e DEFAULT 'b', CHECK (c <> 'a'))".to_owned(),
            "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (id int PRIMARY KEY);".to_owned(),
        ),
    ] {
        let lab = Lab::with(&live);
        lab.plan(&schema, &[]).code(0).never("not-staged");
        lab.apply(&schema, &["--phase", "all", "--allow", "all"]).code(0).never("not-staged");
        lab.settled(&schema, &[]);
    }
}
