//! Folders of migrations: generated, verified, replayed, brought out, and refused where something is wrong with them.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use support::Lab;
use support::folder::{generate, names, on};
use underpin_migrations::FORMATS;

const BASE: &str = "CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (id int PRIMARY KEY, email text, note text DEFAULT 'why? :x %s ${y} `z` \\');";

/// A column that is NOT NULL and filled, an index, a foreign key, a type that rewrites, a column that goes, a body.
const NEXT: &str = "CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE users (id bigint PRIMARY KEY, email text,
  email_norm text NOT NULL, -- underpin: backfill lower(coalesce(email, ''))
  team int REFERENCES teams);
CREATE INDEX users_email_norm ON users (email_norm);
CREATE FUNCTION f(a int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE x text := ':x ? %s %% ${y} {{z}} `q` \\ \\n;';
BEGIN
  -- words here: migrate:down, rollback
  RETURN x || 'it''s;
' || a;
END $$;";

#[test]
fn every_format_of_sql_there_back_and_through_its_gate() {
    // What these write only they themselves can run: `make test-formats`.
    let programs = ["alembic", "django", "knex", "typeorm"];
    // One of the same folders is for SQLite alone.
    for format in FORMATS.iter().filter(|f| !programs.contains(&f.name()) && f.kept_as() == f.name()) {
        let (lab, name) = (Lab::new(), format.name());
        println!("{name}");
        if name == "sqitch" {
            lab.file("m/sqitch.plan", "%syntax-version=1.0.0\n%project=shop\n\n");
        }
        generate(&lab, name, BASE, "base").code(0);
        generate(&lab, name, NEXT, "Email, normal").code(0).shows(&["waiting: the contract email_normal"]);
        // What waits is no difference, and is left alone.
        generate(&lab, name, NEXT, "again").code(0).shows(&["Nothing to do", "waiting: the contract email_normal"]);
        let further = format!("{NEXT}\nCREATE TABLE later (id int PRIMARY KEY);");
        generate(&lab, name, &further, "later").code(0).shows(&["wrote", "waiting: the contract email_normal"]);
        on(&lab, "verify", name, &[]).code(0);
        on(&lab, "generate", name, &["--contract", "nothing"]).code(64).says(&["there are: email_normal"]);
        on(&lab, "generate", name, &["--contract", "email_normal"]).code(0).shows(&["removed"]);
        assert!(!lab.path("pending-contract").exists());
        on(&lab, "verify", name, &[]).code(0);
        let folder = format!("migrations://m?format={name}");
        lab.run(["plan", "--db", &folder, "--schema", "schema.sql", "--exit-code"]).code(0);
        lab.run(["plan", "--db", "schema.sql", "--schema", &folder, "--exit-code"]).code(0);
    }
}

#[test]
fn plain_files_run_on_a_live_database_with_rows() {
    let lab = Lab::new();
    let run = |ending: &str, done: &mut Vec<String>| {
        for name in names(&lab).into_iter().filter(|n| n.ends_with(ending)) {
            if !done.contains(&name) {
                lab.sql(&fs::read_to_string(lab.path("m").join(&name)).unwrap());
                done.push(name);
            }
        }
    };
    let mut done = Vec::new();
    generate(&lab, "plain", BASE, "base").code(0);
    run(".up.sql", &mut done);
    lab.sql("INSERT INTO teams VALUES (1, 't'); INSERT INTO users SELECT n, 'U' || n FROM generate_series(1, 5000) n");
    generate(&lab, "plain", NEXT, "next").code(0);
    run(".up.sql", &mut done);
    let filled = "SELECT count(*) FROM users WHERE email_norm = lower(email) AND _underpin_new_id = id";
    assert_eq!(lab.value(filled), "5000");
    // All of it back, and there again.
    let base = lab.run(["plan", "--db", &lab.url(), "--schema", "migrations://m", "--exit-code"]);
    base.code(0);
    for name in names(&lab).into_iter().rev().filter(|n| n.ends_with(".down.sql") && n.contains("next")) {
        lab.sql(&fs::read_to_string(lab.path("m").join(&name)).unwrap());
    }
    lab.settled(BASE, &[]);
    done.retain(|name| name.contains("base"));
    run(".up.sql", &mut done);
    on(&lab, "generate", "plain", &["--contract", "next"]).code(0);
    run(".up.sql", &mut done);
    lab.settled(NEXT, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM users WHERE email_norm = lower(email)"), "5000");
    lab.run(["drift", "--db", &lab.url(), "--migrations", "m"]).code(0);
    lab.sql("ALTER TABLE users ALTER email SET NOT NULL");
    lab.run(["drift", "--db", &lab.url(), "--migrations", "m"]).code(2).shows(&["public.users.email"]);
}

#[test]
fn a_database_that_is_there_is_adopted() {
    let lab = Lab::with(BASE);
    lab.sql("INSERT INTO users SELECT n FROM generate_series(1, 10) n");
    let url = lab.url();
    let args = ["generate", "--baseline", "--db", &url, "--migrations", "m", "--format", "golang-migrate"];
    let wrote = lab.run(args).code(0).shows(&["wrote m/000001_baseline.up.sql"]);
    // Whose all of it is, the file says.
    wrote.shows(&["note: the first migration names the owners that objects have in the database: boss (2)"]);
    assert_eq!(lab.value("SELECT version || ' ' || dirty FROM schema_migrations"), "1 false");
    // The tool's own table is no drift.
    lab.run(["drift", "--db", &url, "--migrations", "m"]).code(0);
    generate(&lab, "golang-migrate", BASE, "none").code(0).shows(&["Nothing to do"]);
    lab.run(args).code(64).says(&["has migrations already"]);
    // A run of the tool that did not end well is told before anything is compared.
    lab.sql("UPDATE schema_migrations SET dirty = true");
    let dirty = lab.run(["drift", "--db", &url, "--migrations", "m"]);
    dirty.code(65).says(&["table of golang-migrate in the database says: version 1 is dirty", "migrate force VERSION"]);
    // Or it does not.
    fs::remove_dir_all(lab.path("m")).unwrap();
    lab.run([&args[..], &["--owners", "ignore"]].concat()).code(0).never("names the owners");
    let text = fs::read_to_string(lab.path("m/000001_baseline.up.sql")).unwrap();
    assert!(text.contains("CREATE TABLE") && !text.contains("OWNER TO"), "{text}");
}

/// What is written and what the database is told are there both, or neither.
#[test]
fn a_database_that_cannot_be_told_leaves_no_files() {
    let lab = Lab::with(BASE);
    lab.sql(&format!(
        "DROP ROLE IF EXISTS guest_of_{0}; CREATE ROLE guest_of_{0} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        lab.database
    ));
    let guest = lab.url_as(&format!("guest_of_{}", lab.database), &lab.database);
    let adopt = |url: &str, format: &str| {
        lab.run(["generate", "--baseline", "--db", url, "--migrations", "m", "--format", format])
    };
    let nothing = ["could not be told that it has the first migration", "nothing was written"];
    adopt(&guest, "golang-migrate")
        .code(1)
        .says(&nothing)
        .says(&["permission denied", "next: connect as a role that may"]);
    assert!(!lab.path("m").exists());
    // Refused when all is committed.
    lab.sql(
        "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
         CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;
         CREATE CONSTRAINT TRIGGER no AFTER INSERT ON schema_migrations DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION no();
         CREATE SCHEMA sqitch; CREATE TABLE sqitch.projects (id int)",
    );
    adopt(&lab.url(), "golang-migrate").code(1).says(&nothing).says(&["not today"]);
    assert!(!lab.path("m").exists());
    // What was there before is as it was.
    let list = "%syntax-version=1.0.0\n%project=shop\n\n";
    lab.file("m/sqitch.plan", list);
    adopt(&lab.url(), "sqitch").code(1).says(&nothing);
    assert_eq!(names(&lab), ["sqitch.plan"]);
    assert_eq!(fs::read_to_string(lab.path("m/sqitch.plan")).unwrap(), list);
    fs::remove_dir_all(lab.path("m")).unwrap();
    lab.sql("DROP TRIGGER no ON schema_migrations; DROP FUNCTION no");
    adopt(&lab.url(), "golang-migrate").code(0);
    lab.sql(&format!("DROP OWNED BY guest_of_{0}; DROP ROLE guest_of_{0}", lab.database));
}

#[test]
fn harm_that_nobody_allowed_writes_nothing() {
    let lab = Lab::new();
    generate(&lab, "plain", BASE, "base").code(0);
    let before = names(&lab);
    lab.file("schema.sql", NEXT);
    on(&lab, "generate", "plain", &["--schema", "schema.sql", "--name", "x"]).code(3).says(&[
        "nothing was written",
        "the values of public.users.note are lost",
        "--allow data-loss",
    ]);
    assert_eq!(names(&lab), before);
    assert!(!lab.path("pending-contract").exists());
}

#[test]
fn folders_with_mistakes_are_refused_with_their_places() {
    let lab = Lab::new();
    generate(&lab, "plain", BASE, "base").code(0);
    let [down, up] = [0, 1].map(|n| format!("m/{}", names(&lab)[n]));
    let text = fs::read_to_string(lab.path(&up)).unwrap();
    lab.file(&up, text.replace("NOT NULL", ""));
    on(&lab, "verify", "plain", &[]).code(65).says(&["base.up.sql was edited after it was written"]);
    lab.file(&up, text.replace('\n', "\r\n"));
    on(&lab, "verify", "plain", &[]).code(65).says(&["base.up.sql was edited"]);
    lab.file(&up, &text);
    on(&lab, "verify", "plain", &[]).code(0);
    lab.file("m/20200101000000_other.up.sql", "SELECT 1;");
    on(&lab, "verify", "plain", &[]).code(65).says(&["20200101000000_other.up.sql is not in underpin.sum"]);
    fs::remove_file(lab.path("m/20200101000000_other.up.sql")).unwrap();
    fs::remove_file(lab.path(&down)).unwrap();
    on(&lab, "verify", "plain", &[]).code(65).says(&["base.down.sql is missing"]);
    fs::remove_dir_all(lab.path("m")).unwrap();

    // Nothing tells which tool it is.
    lab.file("m/notes.txt", "x");
    lab.run(["verify", "--migrations", "m"]).code(64).says(&["cannot be told", "--format"]);
    on(&lab, "verify", "nobody", &[]).code(64).says(&["there is no format `nobody`", "plain", "golang-migrate"]);
    lab.file("m/1_a.up.sql", "CREATE TABLE a (id int);");
    lab.run(["verify", "--migrations", "m", "--format", "golang-migrate"]).code(0);
    lab.file("m/01_b.up.sql", "CREATE TABLE b (id int);");
    on(&lab, "verify", "golang-migrate", &[]).code(65).says(&["have the same version 1"]);
    fs::remove_file(lab.path("m/01_b.up.sql")).unwrap();
    lab.file("m/2_b.up.sql", "CREATE TABLE b (id int);\r\n\r\nCREATE TABLE c (\r\n  id itn\r\n);\r\n");
    on(&lab, "verify", "golang-migrate", &[]).code(65).says(&[
        "m/2_b.up.sql does not replay",
        "itn",
        "m/2_b.up.sql:4:6",
    ]);
    lab.file("m/2_b.up.sql", "CREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY i ON b (id);");
    on(&lab, "verify", "golang-migrate", &[]).code(65).says(&[
        "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
        "m/2_b.up.sql",
        "a migration of its own",
    ]);
    lab.file("m/2_b.up.sql", "CREATE TABLE b (id int)");
    lab.file("m/2_b.down.sql", "SELECT 1");
    on(&lab, "verify", "golang-migrate", &[])
        .code(65)
        .says(&["taken back, 2_b.up.sql leaves another schema", "b differs"]);
}

#[test]
fn models_come_from_a_program() {
    let lab = Lab::new();
    lab.file("schema.sql", BASE);
    lab.file(
        "underpin.toml",
        "schema = { program = ['sh', '-c', 'test -n \"$DATABASE_URL$PGHOST\" && cat schema.sql'] }\n",
    );
    on(&lab, "generate", "plain", &["--name", "base"]).code(0).shows(&["2 to create"]);
    on(&lab, "generate", "plain", &["--name", "again"]).code(0).shows(&["Nothing to do"]);
    let fails = ["--name", "x", "--schema-program", "sh", "--schema-program", "-c", "--schema-program"];
    let ran = |script: &str| on(&lab, "generate", "plain", &[&fails[..], &[script]].concat());
    ran("echo no such model >&2; exit 3")
        .code(65)
        .says(&["which prints the desired schema, ended with exit status: 3", "no such model"]);
    ran("true").code(65).says(&["prints no statement"]);
    ran("printf 'CREATE TABLE a (\\n b itn);'").code(65).says(&["itn", ":2:4"]);
}

#[test]
fn what_a_review_has_found() {
    // A rename of table and column together keeps the rows on the way back.
    let lab = Lab::new();
    generate(&lab, "plain", "CREATE TABLE t (id int PRIMARY KEY, name text);", "base").code(0);
    let next = "CREATE SCHEMA c;\n-- underpin: renamed-from public.t\nCREATE TABLE c.t2 (id int PRIMARY KEY,\n  full_name text -- underpin: renamed-from name\n);";
    lab.file("schema.sql", next);
    on(
        &lab,
        "generate",
        "plain",
        &["--schema", "schema.sql", "--name", "next", "--strategy", "direct", "--allow", "all"],
    )
    .code(0);
    for name in names(&lab).iter().filter(|n| n.ends_with(".up.sql")) {
        lab.sql(&fs::read_to_string(lab.path("m").join(name)).unwrap());
        if name.contains("base") {
            lab.sql("INSERT INTO t VALUES (1, 'precious')");
        }
    }
    for name in names(&lab).iter().rev().filter(|n| n.ends_with(".down.sql") && n.contains("next")) {
        lab.sql(&fs::read_to_string(lab.path("m").join(name)).unwrap());
    }
    assert_eq!(lab.value("SELECT name FROM public.t"), "precious");

    // The tool's transactions are real ones.
    let lab = Lab::new();
    lab.file("m/1_a.up.sql", "CREATE TABLE t (id int); CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1 AS id; INSERT INTO t SELECT id FROM x; LOCK TABLE t;");
    on(&lab, "verify", "golang-migrate", &[]).code(0);
    lab.file("m/2_b.up.sql", "BEGIN; CREATE TABLE gone (id int); ROLLBACK; CREATE TABLE stays (id int);");
    lab.run(["inspect", "--db", "migrations://m?format=golang-migrate", "--output", "text"])
        .code(0)
        .shows(&["public.stays"])
        .never("gone");
    lab.file("m/2_b.up.sql", "CREATE TABLE c (id int);\nCOPY c FROM stdin;\n1\n\\.\n");
    on(&lab, "verify", "golang-migrate", &[]).code(65).says(&["rows behind a COPY", "m/2_b.up.sql:2"]);
    // A down side that fails is told where it is, and spoils nothing behind it.
    lab.file("m/2_b.up.sql", "CREATE TABLE c (id int);");
    lab.file("m/2_b.down.sql", "DROP TABLE c; DROP TABLE nothing;");
    lab.file("m/3_c.up.sql", "CREATE INDEX ON c (id);");
    on(&lab, "verify", "golang-migrate", &[])
        .code(65)
        .says(&["m/2_b.down.sql does not replay", "nothing"])
        .never("3_c.up.sql does not");
    // Another tool's folder is not taken for an empty one.
    on(&lab, "generate", "goose", &["--schema", "schema.sql", "--name", "x"])
        .code(64)
        .says(&["a folder of golang-migrate, and not of goose"]);
}

#[test]
fn rows_are_asked_for_where_no_database_tells() {
    let lab = Lab::new();
    let (three, two) = (
        "CREATE TYPE e AS ENUM ('a','b','c'); CREATE TABLE t (id int PRIMARY KEY, x e);",
        "CREATE TYPE e AS ENUM ('a','b'); CREATE TABLE t (id int PRIMARY KEY, x e);",
    );
    generate(&lab, "golang-migrate", three, "base").code(0);
    let next = |schema: &str, strategy: &str| {
        lab.file("schema.sql", schema);
        let further = ["--schema", "schema.sql", "--name", "next", "--allow", "all", "--strategy", strategy];
        on(&lab, "generate", "golang-migrate", &further)
    };
    for strategy in ["online", "direct"] {
        next(&format!("{three} ALTER TABLE t ADD z int NOT NULL;"), strategy).code(65).says(&[
            "error[no-value]",
            "public.t.z is new and NOT NULL",
            "nothing says what they get",
        ]);
        next(two, strategy).code(65).says(&[
            "error[no-map]",
            "the value 'c' goes, rows of public.t may have it in x",
            "map 'old' => 'new'",
        ]);
    }
    // Plain DDL fills nothing.
    let filled = three.replace("x e)", "x e,\n z int NOT NULL -- underpin: backfill id\n)");
    next(&filled, "direct").code(65).says(&["backfill EXPR` says is done in plans of several stages only"]);
    let plan = ["plan", "--db", "migrations://m", "--schema", "schema.sql", "--strategy", "direct"];
    lab.run(plan).code(65).says(&["error[no-value]"]);
    lab.run(["plan", "--db", &lab.url(), "--schema", "schema.sql", "--strategy", "direct"]).code(0);
    // Said, both go; an enum that shrinks locks its tables, or goes by a new column.
    next(&format!("-- underpin: map 'c' => 'a'\n{two}"), "direct").code(0);
    on(&lab, "verify", "golang-migrate", &[]).code(0);
    next(
        &filled.replace("'b','c'", "'b'").replace("CREATE TYPE", "-- underpin: map 'c' => 'a'\nCREATE TYPE"),
        "online",
    )
    .code(0);
    on(&lab, "verify", "golang-migrate", &[]).code(0);
}

#[test]
fn contracts_of_two_folders_and_of_changes_that_collide_stay_apart() {
    let lab = Lab::new();
    let (one, none) =
        ("CREATE TABLE t (id int PRIMARY KEY, name text, x text);", "CREATE TABLE t (id int PRIMARY KEY, x text);");
    for folder in ["m", "n"] {
        lab.file("schema.sql", one);
        lab.run(["generate", "--migrations", folder, "--format", "plain", "--schema", "schema.sql", "--name", "base"])
            .code(0);
        lab.file("schema.sql", none);
        let args = ["generate", "--migrations", folder, "--schema", "schema.sql", "--name", "drop", "--allow", "all"];
        let ran = lab.run(args);
        if folder == "m" {
            ran.code(0)
        } else {
            ran.code(64).says(&["pending-contract/drop is there already"])
        };
    }
    let collides = "CREATE TABLE t (id int PRIMARY KEY,\n  name text -- underpin: renamed-from x\n);";
    generate(&lab, "plain", collides, "alpha")
        .code(65)
        .says(&["cannot come before the contract that waits: drop", "generate --contract drop"]);
    // What is brought out is run again as it stands there by now.
    let file = lab.path("pending-contract/drop/01_drop.sql");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\nALTER TABLE nowhere ADD x int;")).unwrap();
    on(&lab, "generate", "plain", &["--contract", "drop"]).code(65).says(&["01_drop.sql", "nowhere"]);
    fs::write(&file, text).unwrap();
    on(&lab, "generate", "plain", &["--contract", "drop"]).code(0);
}

/// The role of the replay is nobody's: what belongs to whoever runs the files says so, and owners come back.
#[test]
fn whoever_runs_the_files_has_no_name() {
    let lab = Lab::new();
    let base = "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
        CREATE EVENT TRIGGER ev ON ddl_command_end EXECUTE FUNCTION e();
        CREATE TABLE t (id serial PRIMARY KEY); CREATE VIEW v AS SELECT 1 AS a;
        GRANT SELECT ON t TO app; REVOKE ALL ON t FROM CURRENT_USER;
        ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app;";
    generate(&lab, "golang-migrate", base, "base").code(0);
    let next = "CREATE POLICY mine ON t TO CURRENT_USER USING (true); CREATE POLICY theirs ON t TO postgres, SESSION_USER USING (true);
        ALTER TABLE t OWNER TO app; ALTER VIEW v OWNER TO app; ALTER EVENT TRIGGER ev OWNER TO app;";
    generate(&lab, "golang-migrate", &format!("{base} {next}"), "next").code(0);
    let read = |ending: &str| {
        let name = names(&lab).into_iter().find(|n| n.contains("next") && n.ends_with(ending)).unwrap();
        fs::read_to_string(lab.path("m").join(name)).unwrap()
    };
    let (up, down) = (read(".up.sql"), read(".down.sql"));
    for sql in [
        "CREATE POLICY mine ON public.t TO CURRENT_USER USING (true);",
        "CREATE POLICY theirs ON public.t TO postgres, CURRENT_USER USING (true);",
        "-- What: alter owner on table public.t: owner the role that runs it → app",
        "-- Undo: the down side, which was run",
    ] {
        assert!(up.contains(sql), "{sql}: {up}");
    }
    for what in ["TABLE public.t", "VIEW public.v", "EVENT TRIGGER ev"] {
        assert!(down.contains(&format!("ALTER {what} OWNER TO CURRENT_USER;")), "{what}: {down}");
    }
    on(&lab, "verify", "golang-migrate", &[]).code(0).shows(&["2 of 2 migrations"]);
    // Of one role that is known and another: the old one is known.
    generate(&lab, "golang-migrate", &format!("{base} {}", next.replace("TO app", "TO other")), "other").code(0);
    on(&lab, "verify", "golang-migrate", &[]).code(0).shows(&["3 of 3 migrations"]);
    // On a database the names are real.
    lab.sql("DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN END $$; DO $$ BEGIN CREATE ROLE postgres; EXCEPTION WHEN duplicate_object THEN END $$");
    for name in names(&lab).iter().filter(|n| n.ends_with(".up.sql") && !n.contains("other")) {
        lab.sql(&fs::read_to_string(lab.path("m").join(name)).unwrap().replace("OWNER TO app", "OWNER TO boss"));
    }
    let roles = "SELECT string_agg(polname || ' ' || polroles::regrole[]::text, ', ' ORDER BY polname) FROM pg_policy";
    assert_eq!(lab.value(roles), "mine {boss}, theirs {postgres,boss}");
}
