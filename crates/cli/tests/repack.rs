//! pg_repack where a team prefers it: its commands in plans, what apply says of them, and files of migrations that look whether they
//! were run. The last test runs the program itself.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use support::folder::{generate, names, on};
use support::{Lab, Ran};

/// A table with rows, and a tablespace to move it to. Tablespaces are the server's, so that each test has its own.
fn lab(space: &str, schema: &str) -> Lab {
    let lab = Lab::new();
    make(&lab, space);
    lab.sql(schema);
    lab
}

fn make(lab: &Lab, space: &str) {
    // Each is a message of its own, as none may be in a transaction.
    let mut client = lab.client();
    client.batch_execute("SET allow_in_place_tablespaces = on").unwrap();
    client.batch_execute(&format!("CREATE TABLESPACE {space} LOCATION ''")).unwrap();
}

const BASE: &str = "CREATE TABLE t (id int PRIMARY KEY, a text);
CREATE INDEX t_a ON t (a);";

/// The same with the table and its indexes elsewhere, and something else to do.
fn moved(space: &str) -> String {
    format!(
        "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE {space}, a text, b int) TABLESPACE {space};
CREATE INDEX t_a ON t (a) TABLESPACE {space};"
    )
}

/// What a person runs comes to the same as this.
fn as_pg_repack(lab: &Lab, space: &str) {
    lab.sql(&format!(
        "ALTER TABLE t SET TABLESPACE {space}; ALTER INDEX t_a SET TABLESPACE {space}; ALTER INDEX t_pkey SET TABLESPACE {space}"
    ));
}

/// The commands of a plan.
fn commands(plan: &Ran) -> Vec<String> {
    let plan: serde_json::Value = serde_json::from_str(&plan.out).unwrap();
    let list = |value: &serde_json::Value, key: &str| value[key].as_array().unwrap().clone();
    let batches = list(&plan, "stages").iter().flat_map(|s| list(s, "batches")).collect::<Vec<_>>();
    let steps = batches.iter().flat_map(|b| list(b, "steps"));
    let external = steps.filter(|s| s["run"] == "external").collect::<Vec<_>>();
    external.iter().flat_map(|s| list(s, "sql")).map(|sql| sql.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_begins_with_the_command_and_apply_waits_for_it() {
    let lab = lab("near", BASE);
    lab.sql("INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 100) n");
    let to = moved("near");
    // Without the option nothing of it is there.
    lab.plan(&to, &[]).code(0).never("pg_repack");
    let command = format!(
        "pg_repack --host {} --port {} --username boss --dbname {} --no-order --no-kill-backend --table public.t --tablespace near \
         --moveidx",
        lab.server.socket_dir().display(),
        lab.server.port(),
        lab.database
    );
    let text = lab.plan(&to, &["--pg-repack"]).code(0);
    assert!(text.out.contains(&format!("  {command}\n")), "{text}");
    let text = text.shows(&["done by another program, recipe pg-repack", "Run the command before the plan is applied"]);
    // The rest is planned behind it, and nothing of the move is left in it.
    text.shows(&["ALTER TABLE public.t ADD COLUMN b integer", "blocks reads and writes of public.t for an instant"])
        .never("SET TABLESPACE near;");
    let json = lab.plan(&to, &["--pg-repack", "--output", "json"]).code(0);
    assert_eq!(commands(&json), std::slice::from_ref(&command));
    assert!(json.out.contains("\"ALTER TABLE public.t SET TABLESPACE near\""), "the proof ran it\n{json}");
    let script = lab.plan(&to, &["--pg-repack", "--output", "sql"]).code(0);
    assert!(script.out.contains(&format!("\n-- {command}\n")), "{script}");
    // Nothing is changed before somebody has run it, and nobody is asked.
    let before = lab.inspect();
    for further in [&["--pg-repack"][..], &["--pg-repack", "--strategy", "direct"], &["--pg-repack", "--phase", "all"]]
    {
        lab.apply(&to, further).code(4).says(&["Nothing was changed. Run this, then apply again", &command]);
    }
    let url = lab.url();
    lab.run(["apply", "--db", &url, "--schema", "schema.sql", "--pg-repack"]).code(4).says(&[&command]);
    assert_eq!(lab.inspect(), before);
    let psql = |lab: &Lab, script: &str| lab.client().batch_execute(&without_commands(script));
    assert!(psql(&lab, &script.out).is_err_and(|e| e.to_string().contains("db error")), "the script stops");
    assert_eq!(lab.inspect(), before);
    // Behind it the rest is found, by a plan that was kept too.
    lab.file("plan.json", &json.out);
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(4).says(&[&command]);
    as_pg_repack(&lab, "near");
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(0);
    lab.settled(&to, &["--pg-repack"]);
    lab.settled(&to, &[]);
    // The way back is a command as well, and what was added goes at once.
    let back = lab.plan(BASE, &["--pg-repack", "--output", "json"]).code(0);
    assert!(commands(&back)[0].ends_with("--table public.t --tablespace pg_default --moveidx"), "{back}");
}

/// A script of psql as a message for a server.
fn without_commands(script: &str) -> String {
    script.lines().filter(|line| !line.starts_with('\\')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_it_needs_and_the_server_lacks_is_told() {
    let lab = lab("needs", BASE);
    lab.sql("CREATE ROLE mover LOGIN; ALTER TABLE t OWNER TO mover; GRANT CREATE ON SCHEMA public TO mover");
    lab.file("schema.sql", moved("needs"));
    let url = lab.url_as("mover", &lab.database);
    let plan = || lab.run(["plan", "--db", &url, "--schema", "schema.sql", "--pg-repack"]).code(0);
    plan().shows(&[
        "pg_repack cannot work yet: its extension is not in the database",
        "CREATE EXTENSION pg_repack; the desired SQL need not have it",
        "pg_repack runs as a superuser, and mover is none",
        "mover may put nothing into the tablespace needs: GRANT CREATE ON TABLESPACE needs TO mover",
    ]);
    lab.sql("GRANT CREATE ON TABLESPACE needs TO mover");
    plan().shows(&["mover is none"]).never("may put nothing into");
    // A plan that only moves, kept and run behind the command, has nothing left to do.
    let to = "CREATE TABLE t (id int PRIMARY KEY, a text) TABLESPACE needs; CREATE INDEX t_a ON t (a);";
    lab.plan(to, &["--pg-repack", "--output", "json", "-o", "plan.json"]).code(0);
    lab.sql("ALTER TABLE t SET TABLESPACE needs");
    lab.run(["apply", "--db", &lab.url(), "--plan", "plan.json", "--yes"]).code(0);
    lab.settled(to, &["--pg-repack"]);
}

#[test]
fn what_it_does_not_take_goes_its_own_way_with_a_note() {
    let lab = lab("own", "CREATE TABLE keyless (a int); CREATE TABLE t (id int PRIMARY KEY);");
    let to = "CREATE TABLE keyless (a int) TABLESPACE own; CREATE TABLE t (id int PRIMARY KEY) TABLESPACE own;";
    let note = "pg_repack does not move table public.keyless: it has no primary key";
    let plan = lab.plan(to, &["--pg-repack"]).code(0);
    plan.shows(&[note, "it moves as it does without --pg-repack", "ALTER TABLE public.keyless SET TABLESPACE own"]);
    lab.sql("ALTER TABLE t SET TABLESPACE own");
    lab.converge(to, &["--pg-repack"]);
    // Under another name it is renamed, and moves the other way.
    let renamed = "CREATE TABLE keyless (a int) TABLESPACE own;\nCREATE TABLE t2 (id int PRIMARY KEY); -- underpin: renamed-from t";
    let plan = lab.plan(renamed, &["--pg-repack"]).code(0).never("done by another program");
    plan.shows(&["it gets another name in the same plan"]);
}

#[test]
fn a_database_in_another_tablespace_has_what_is_nowhere_else() {
    let lab = lab("house", "");
    make(&lab, "shed");
    let database = format!("{}_elsewhere", lab.database);
    lab.sql(&format!("CREATE DATABASE {database} TABLESPACE house TEMPLATE template0"));
    let url = lab.url_as(support::BOSS, &database);
    lab.file("there.sql", "CREATE TABLE t (id int PRIMARY KEY) TABLESPACE shed;");
    lab.file("schema.sql", "CREATE TABLE t (id int PRIMARY KEY);");
    lab.run(["apply", "--db", &url, "--schema", "there.sql", "--yes"]).code(0);
    let plan = lab.run(["plan", "--db", &url, "--schema", "schema.sql", "--pg-repack", "--output", "json"]).code(0);
    assert!(commands(&plan)[0].ends_with("--table public.t --tablespace house"), "{plan}");
    lab.file("plan.json", &plan.out);
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(4);
    let config =
        format!("host={} port={} user=boss dbname={database}", lab.server.socket_dir().display(), lab.server.port());
    let mut client = postgres::Client::connect(&config, postgres::NoTls).unwrap();
    client.batch_execute("ALTER TABLE t SET TABLESPACE house").unwrap();
    drop(client);
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(0);
    lab.run(["plan", "--db", &url, "--schema", "schema.sql", "--exit-code"]).code(0);
}

#[test]
fn the_option_stands_in_the_configuration_and_is_of_postgres() {
    let lab = lab("conf", BASE);
    lab.file("underpin.toml", "pg_repack = true\n");
    lab.plan(&moved("conf"), &[]).code(0).shows(&["done by another program"]);
    lab.apply(&moved("conf"), &[]).code(4);
    lab.file("underpin.toml", "pg_repack = 'yes'\n");
    lab.plan(&moved("conf"), &[]).code(64).says(&["`pg_repack` is to be true or false"]);
    fs::remove_file(lab.path("underpin.toml")).unwrap();
    lab.file("lite.sql", "CREATE TABLE t (a);");
    lab.file("other.sql", "CREATE TABLE t (a, b);");
    let args = ["plan", "--dialect", "sqlite", "--db", "lite.sql", "--schema", "other.sql"];
    lab.run(args).code(0);
    lab.run(args.iter().chain(&["--pg-repack"])).code(64).says(&["--pg-repack is for PostgreSQL"]);
}

/// Runs new files as a tool does, each in a transaction; the words of the first that fails.
fn run_new(lab: &Lab, done: &mut Vec<String>) -> Result<(), String> {
    for name in names(lab).into_iter().filter(|n| n.ends_with(".up.sql")) {
        if done.contains(&name) {
            continue;
        }
        let text = fs::read_to_string(lab.path("m").join(&name)).unwrap();
        let words = |e: postgres::Error| {
            e.as_db_error()
                .map_or_else(|| e.to_string(), |db| format!("{}\n{}", db.message(), db.hint().unwrap_or_default()))
        };
        lab.client().batch_execute(&text).map_err(words)?;
        done.push(name);
    }
    Ok(())
}

#[test]
fn files_of_migrations_look_whether_it_was_done() {
    let lab = lab("filed", "");
    let mut done = Vec::new();
    // A folder whose migrations put rows in replays here nevertheless.
    lab.file("m/000001_base.up.sql", format!("{BASE}\nINSERT INTO t VALUES (0, 'seed');\n"));
    lab.file("m/000001_base.down.sql", "DROP TABLE t;\n");
    run_new(&lab, &mut done).unwrap();
    lab.file("underpin.toml", "pg_repack = true\n");
    generate(&lab, "golang-migrate", &moved("filed"), "elsewhere").code(0);
    on(&lab, "verify", "golang-migrate", &[]).code(0);
    // It stops with the command, and nothing is changed.
    let words = run_new(&lab, &mut done).unwrap_err();
    let command = "pg_repack --no-order --no-kill-backend --table public.t --tablespace filed --moveidx";
    assert!(words.contains(command) && words.contains("Run this, then run the migration again"), "{words}");
    let is_there = "SELECT count(*)::text FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE spcname = 'filed' \
                    AND c.relname IN ('t', 't_a', 't_pkey')";
    assert_eq!(lab.value(is_there), "0");
    let heads = names(&lab).into_iter().filter(|n| n.contains("elsewhere") && n.ends_with(".up.sql"));
    let text: String = heads.map(|n| fs::read_to_string(lab.path("m").join(n)).unwrap()).collect();
    assert!(text.contains(&format!("Run before: {command}")), "{text}");
    // Behind it the files go on.
    as_pg_repack(&lab, "filed");
    run_new(&lab, &mut done).unwrap();
    lab.plan(&moved("filed"), &["--exit-code"]).code(0);
    // Where there are no rows nothing has to be run, nor where somebody says so.
    for (rows, setting) in [("TRUNCATE t", ""), ("", "ALTER DATABASE %d SET underpin.pg_repack = 'off'")] {
        let other = Lab::new();
        if !setting.is_empty() {
            other.sql(&setting.replace("%d", &other.database));
        }
        for name in names(&lab).into_iter().filter(|n| n.ends_with(".up.sql")) {
            let text = fs::read_to_string(lab.path("m").join(&name)).unwrap();
            other.sql(&text);
            if name.starts_with("000001") && !rows.is_empty() {
                other.sql(rows);
            }
        }
        assert_eq!(other.value(is_there), "3");
    }
}

#[test]
fn an_extensions_own_schema_comes_and_goes_with_it() {
    let lab = Lab::with(
        "CREATE EXTENSION pg_trgm; CREATE SCHEMA own; COMMENT ON SCHEMA own IS 'x'; ALTER EXTENSION pg_trgm ADD SCHEMA own",
    );
    lab.settled("CREATE EXTENSION pg_trgm;", &[]);
    lab.plan("", &[]).code(0).shows(&["DROP EXTENSION pg_trgm"]).never("SCHEMA own");
}

/// The program, where it stands beside the server's, and the server has its extension.
fn program(lab: &Lab) -> Option<PathBuf> {
    let bin = lab.value("SELECT setting FROM pg_config WHERE name = 'BINDIR'");
    let program = PathBuf::from(bin).join("pg_repack");
    let has = lab.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_repack'") == "1";
    (has && program.exists()).then_some(program)
}

#[test]
fn the_program_itself_does_what_the_plan_says() {
    let lab = lab("real", BASE);
    let Some(program) = program(&lab) else {
        eprintln!("SKIPPED: pg_repack is not installed beside this server (in Debian: postgresql-15-repack)");
        return;
    };
    make(&lab, "\"re al\"");
    lab.sql("CREATE EXTENSION pg_repack");
    // Names that have to be quoted twice, a view, a foreign key, a trigger, and rows.
    let odd = |table: &str, key: &str| {
        format!(
            "CREATE TABLE \"o'd $d\" (\"I d\" int PRIMARY KEY{key}, t int REFERENCES t){table};
CREATE VIEW v AS SELECT a FROM t;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
        )
    };
    lab.sql(&odd("", ""));
    lab.sql("INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 1000) n; INSERT INTO \"o'd $d\" SELECT n, n FROM generate_series(1, 9) n");
    let to = format!("{}\n{}", moved("real"), odd(" TABLESPACE \"re al\"", ""));
    let rows = "SELECT (SELECT string_agg(t::text, ',' ORDER BY id) FROM t) || (SELECT count(*) FROM \"o'd $d\")";
    let before = lab.value("SELECT md5(string_agg(a, ',' ORDER BY id)) FROM t");
    let there_and_back = [to, format!("{BASE}\n{}", odd("", ""))];
    for to in &there_and_back {
        let plan = lab.plan(to, &["--pg-repack", "--output", "json"]).code(0).never("repack-needs-more");
        let commands = commands(&plan);
        assert_eq!(commands.len(), 2, "{plan}");
        for command in commands {
            let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
            let ran = Command::new("sh").arg("-c").arg(&command).env("PATH", path).output().unwrap();
            assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
        }
        lab.converge(to, &["--pg-repack"]);
        // Not for its own way either: all is where the schema says.
        assert_eq!(lab.value("SELECT count(*) FROM pg_extension WHERE extname = 'pg_repack'"), "1");
        assert_eq!(lab.value("SELECT md5(string_agg(a, ',' ORDER BY id)) FROM t"), before);
        assert!(!lab.value(rows).is_empty());
    }
    // Without the option the extension is one like others.
    let with_extension = format!("CREATE EXTENSION pg_repack;\n{}", there_and_back[1]);
    lab.settled(&with_extension, &[]);
    lab.settled(&with_extension, &["--pg-repack"]);
    lab.plan(&there_and_back[1], &[]).code(0).shows(&["DROP EXTENSION pg_repack"]).never("DROP SCHEMA");
    let url = lab.url();
    let drift = ["drift", "--db", &url, "--schema", "schema.sql"];
    lab.run(drift).code(2).shows(&["extension pg_repack"]);
    lab.run(drift.iter().chain(&["--exclude", "extension:pg_repack"])).code(0);
    // A run that was stopped leaves its trigger and log; the schema is planned without them.
    lab.sql("CREATE TYPE repack.pk_1 AS (id int); CREATE TABLE repack.log_1 (id bigserial PRIMARY KEY, pk repack.pk_1);
        CREATE TABLE repack.table_1 (id int); CREATE UNIQUE INDEX index_2 ON repack.table_1 (id); CREATE TRIGGER repack_trigger AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()");
    lab.plan(&there_and_back[0], &["--pg-repack"])
        .code(0)
        .shows(&["a run of pg_repack on table public.t goes on, or was stopped", "DROP EXTENSION pg_repack CASCADE"])
        .never("repack.")
        .never("DROP TABLE")
        .never("DROP TRIGGER");
}
