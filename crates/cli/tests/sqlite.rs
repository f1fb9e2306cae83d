//! The commands on SQLite files: the same words, outputs and exit codes as on a server.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use std::path::PathBuf;
use support::{Ran, finish, program};
use tempfile::TempDir;

/// A folder with a database file and a file of SQL.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn with(sql: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        lab.connection().execute_batch(sql).unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn connection(&self) -> Connection {
        Connection::open(self.path("app.db")).unwrap()
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = program(args);
        command.current_dir(self.folder.path());
        finish(command)
    }

    fn plan(&self, schema: &str, further: &[&str]) -> Ran {
        self.file("schema.sql", schema);
        self.run(&[&["plan", "--db", "sqlite:app.db", "--schema", "schema.sql"], further].concat())
    }

    fn apply(&self, schema: &str, further: &[&str]) -> Ran {
        self.file("schema.sql", schema);
        self.run(&[&["apply", "--yes", "--db", "sqlite:app.db", "--schema", "schema.sql"], further].concat())
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        let db = self.connection();
        let mut query = db.prepare(sql).unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.map(|row: Result<rusqlite::types::Value, _>| format!("{:?}", row.unwrap())).collect()
    }

    fn number(&self, sql: &str) -> i64 {
        self.connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// All that the file holds, to see that nothing has changed.
    fn all(&self) -> Vec<u8> {
        std::fs::read(self.path("app.db")).unwrap()
    }
}

const OLD: &str = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, team INTEGER REFERENCES teams ON DELETE CASCADE, age TEXT);
    CREATE INDEX users_email ON users (email);
    CREATE VIEW people AS SELECT id, email FROM users;
    INSERT INTO teams VALUES (1, 'one');
    INSERT INTO users (email, team, age) VALUES ('a', 1, '5'), (NULL, 1, '7'), ('gone', 1, '1');
    DELETE FROM users WHERE email = 'gone';";

const NEW: &str = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name VARCHAR(30) NOT NULL);
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT,
      email TEXT NOT NULL UNIQUE, -- underpin: backfill 'user' || id
      team INTEGER REFERENCES teams ON DELETE CASCADE, age INTEGER);
    CREATE INDEX users_email ON users (email);
    CREATE VIEW people AS SELECT id, email FROM users;";

#[test]
fn a_plan_is_shown_run_and_done() {
    let lab = Lab::with(OLD);
    lab.plan(NEW, &["--exit-code"]).code(2).shows(&[
        "on sqlite",
        "_underpin_new_users",
        "coalesce(\"email\", ('user' || id))",
        "recipe table-made-anew",
        "2 rows",
        "schema.sql:2",
    ]);
    lab.run(&["drift", "--db", "sqlite:app.db", "--schema", "schema.sql"]).code(2).shows(&["table users: differs"]);
    lab.apply(NEW, &[]).code(0);
    assert_eq!(lab.rows("SELECT email FROM users ORDER BY id"), ["Text(\"a\")", "Text(\"user2\")"]);
    assert_eq!(lab.rows("SELECT age FROM users ORDER BY id"), ["Integer(5)", "Integer(7)"]);
    // Rows were given numbers up to 3, and are not given them again.
    assert_eq!(lab.number("INSERT INTO users (email) VALUES ('new') RETURNING id"), 4);
    lab.plan(NEW, &["--exit-code"]).code(0).shows(&["Nothing to do"]);
    lab.run(&["drift", "--db", "sqlite:app.db", "--schema", "schema.sql"]).code(0);
    lab.run(&["status", "--db", "sqlite:app.db"]).code(0).shows(&["Nothing is in flight"]);
}

#[test]
fn what_loses_data_is_refused_until_it_is_allowed() {
    let lab = Lab::with(OLD);
    let less = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL);";
    let before = lab.all();
    lab.apply(less, &[]).code(3).says(&["all rows of users are deleted", "--allow data-loss"]);
    assert_eq!(lab.all(), before);
    lab.apply(less, &["--allow", "data-loss,breaks-application"]).code(0);
    assert_eq!(lab.number("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"), 1);
}

#[test]
fn a_conversion_that_changes_no_value_is_no_loss() {
    let lab = Lab::with("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('7'), ('x'), (NULL)");
    lab.plan("CREATE TABLE t (a INTEGER)", &[]).code(0).never("data-loss");
    lab.connection().execute_batch("INSERT INTO t VALUES ('007')").unwrap();
    lab.plan("CREATE TABLE t (a INTEGER)", &[]).code(0).shows(&["data-loss: values of t.a may become others"]);
    lab.apply("CREATE TABLE t (a INTEGER -- underpin: using CAST(a AS INTEGER)\n)", &[]).code(0);
    assert_eq!(lab.rows("SELECT a FROM t"), ["Integer(7)", "Integer(0)", "Null", "Integer(7)"]);
}

#[test]
fn rows_that_need_a_value_are_asked_for() {
    let lab = Lab::with("CREATE TABLE t (a); INSERT INTO t VALUES (1), (NULL)");
    let before = lab.all();
    lab.apply("CREATE TABLE t (a, b TEXT NOT NULL)", &[])
        .code(65)
        .says(&["schema.sql:1: t.b is new and NOT NULL", "backfill EXPR"]);
    lab.apply("CREATE TABLE t (a NOT NULL)", &[]).code(65).says(&["t.a becomes NOT NULL", "backfill EXPR"]);
    assert_eq!(lab.all(), before);
    lab.apply(
        "CREATE TABLE t (a NOT NULL DEFAULT 'none', b TEXT NOT NULL -- underpin: backfill 'row ' || coalesce(a, 0)\n)",
        &[],
    )
    .code(0);
    assert_eq!(lab.rows("SELECT a || '/' || b FROM t"), ["Text(\"1/row 1\")", "Text(\"none/row 0\")"]);
}

#[test]
fn hints_rename_and_keep_what_is_there() {
    let lab = Lab::with(
        "PRAGMA foreign_keys = OFF; CREATE TABLE a (x INT, y INT); CREATE TABLE b (z REFERENCES a); CREATE VIEW v AS SELECT x FROM a;
         INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (3)",
    );
    // Two tables and two columns change their names with each other.
    let swapped = "CREATE TABLE b (y INT, -- underpin: renamed-from x\n x INT -- underpin: renamed-from y\n); -- underpin: renamed-from a
         CREATE TABLE a (z REFERENCES b); -- underpin: renamed-from b
         CREATE VIEW v AS SELECT y FROM b;";
    lab.apply(swapped, &[]).code(3).says(&["breaks-application"]);
    lab.apply(swapped, &["--allow", "breaks-application"]).code(0);
    assert_eq!(lab.rows("SELECT y || x FROM b"), ["Text(\"12\")"]);
    assert_eq!(lab.number("SELECT z FROM a"), 3);
    lab.plan(
        "CREATE TABLE b (y INT, x INT); CREATE TABLE a (z REFERENCES b); CREATE VIEW v AS SELECT y FROM b;",
        &["--exit-code"],
    )
    .code(0);
    // Names are equal in any case to SQLite, and written as the schema writes them.
    lab.apply("CREATE TABLE B (Y INT, x INT); CREATE TABLE a (z REFERENCES B); CREATE VIEW v AS SELECT Y FROM B;", &[])
        .code(0)
        .shows(&["Applied"]);
    assert_eq!(lab.rows("SELECT name FROM pragma_table_info('b')"), ["Text(\"Y\")", "Text(\"x\")"]);
    assert_eq!(lab.number("SELECT count(*) FROM b"), 1);
}

#[test]
fn a_view_that_goes_breaks_who_reads_it() {
    let lab = Lab::with("CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t");
    lab.apply("CREATE TABLE t (a);", &[]).code(3).says(&["view v goes", "--allow breaks-application"]);
    lab.apply("CREATE TABLE t (a);", &["--strategy", "direct"]).code(0);
    // Names are found in any case, and what only shows rows has none to lose.
    let lab = Lab::with(
        "CREATE TABLE t (a); CREATE VIEW VU AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5(a); \
         CREATE VIRTUAL TABLE terms USING fts5vocab(f, row);",
    );
    let schema = "CREATE TABLE t (a); CREATE VIEW vu AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5(a);
        CREATE VIRTUAL TABLE terms USING fts5vocab(f, col);";
    lab.apply(schema, &[]).code(0);
    lab.plan(schema, &["--exit-code"]).code(0);
}

#[test]
fn what_looks_like_a_rename_is_pointed_out() {
    let lab = Lab::with("CREATE TABLE t (id INT, mail TEXT)");
    lab.plan("CREATE TABLE t (id INT, email TEXT)", &[]).shows(&["is this a rename?", "renamed-from mail"]);
}

#[test]
fn broken_sql_is_shown_where_it_is() {
    let lab = Lab::with("CREATE TABLE precious (id)");
    lab.plan("CREATE TABLE a (id int);\nCREATE TABLE b (id,,);\n", &[])
        .code(65)
        .says(&["near \",\"", "schema.sql:2:20"]);
    lab.plan("CREATE INDEX i ON nowhere (x);", &[]).code(65).says(&["no such table", "schema.sql:1", "made nowhere"]);
    lab.plan("CREATE TABLE a (x);\nCREATE TABLE a (x);", &[]).code(65).says(&["already exists", "schema.sql:2"]);
    lab.plan(".mode box\nCREATE TABLE a (x);", &[]).code(65).says(&["sqlite3 program"]);
    // Files may come in any order.
    lab.plan("CREATE INDEX i ON precious (id); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; CREATE TABLE t (a); CREATE TABLE precious (id);", &[]).code(0);
}

#[test]
fn what_is_no_schema_is_left_out_and_said() {
    let lab = Lab::with("CREATE TABLE t (a)");
    lab.plan(
        "PRAGMA foreign_keys = ON; BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE TEMP TABLE x (y); ATTACH 'other.db' AS o; COMMIT; VACUUM INTO 'copy.db';",
        &["--exit-code"],
    )
    .code(0)
    .shows(&["DML reads or changes rows", "temporary", "other databases"]);
    assert!(!lab.path("other.db").exists() && !lab.path("copy.db").exists());
    assert_eq!(lab.number("SELECT count(*) FROM t"), 0);
}

#[test]
fn what_cannot_work_is_told_and_refused_where_it_did_work() {
    let lab = Lab::with(
        "CREATE TABLE t (a, b); CREATE TABLE u (x); CREATE TRIGGER r AFTER INSERT ON u BEGIN UPDATE t SET b = 1; END;
         CREATE TRIGGER other AFTER INSERT ON u BEGIN UPDATE t SET a = 1; END; CREATE VIEW v AS SELECT c FROM t;
         CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE q (p REFERENCES p (id));",
    );
    // A peer drops the column in silence, and the next INSERT fails.
    let schema =
        "CREATE TABLE t (a); CREATE TABLE u (x);\nCREATE TRIGGER r AFTER INSERT ON u BEGIN UPDATE t SET b = 1; END;
CREATE TRIGGER other AFTER INSERT ON u BEGIN UPDATE t SET a = 1; END;\nCREATE VIEW v AS SELECT c FROM t;
CREATE TABLE p (id INT);\nCREATE TABLE q (p REFERENCES p (id));";
    lab.plan(schema, &[])
        .code(0)
        .shows(&[
            "schema.sql:2: trigger r cannot be used",
            "no such column: b",
            "schema.sql:4: view v cannot be used",
            "schema.sql:6: a foreign key of table q refers to what is no key",
            "after the plan trigger r cannot be used",
        ])
        .never("trigger other cannot");
    let refused = lab
        .apply(schema, &["--allow", "data-loss"])
        .code(3)
        .says(&["after the plan trigger r cannot", "after the plan a foreign key of table q"]);
    // That one did not work before either.
    refused.never("after the plan view v");
    lab.apply(schema, &["--allow", "all"]).code(0);
    lab.plan(schema, &["--exit-code"]).code(0);
}

/// A file system of its own, of 8 MB, takes a namespace that not every machine gives.
#[test]
fn a_disk_without_room_for_the_copy_is_told_before_anything_is_done() {
    let tried = std::process::Command::new("unshare").args(["-rm", "true"]).output();
    if !tried.is_ok_and(|ran| ran.status.success()) {
        eprintln!("NOT CHECKED: a disk without room (no rights to mount one)");
        return;
    }
    let lab = Lab::with(
        "CREATE TABLE t (a INT, b TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT i, printf('%.1000c', 'x') FROM n;",
    );
    lab.file("schema.sql", "CREATE TABLE t (a TEXT, b TEXT);");
    let program = program(["apply", "--yes", "--db", "sqlite:small/app.db", "--schema", "schema.sql"]);
    let script = "mkdir small && mount -t tmpfs -o size=8m none small && cp app.db small/ && \"$@\"; ended=$?; \
                  cp small/app.db after.db && ls small | wc -l >files; exit $ended";
    let mut command = std::process::Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(lab.folder.path()).stdin(std::process::Stdio::null());
    finish(command).code(1).says(&["too little room in", "small", "making tables anew needs about", "are free"]);
    assert_eq!(std::fs::read_to_string(lab.path("files")).unwrap().trim(), "1", "only the database is left there");
    let after = Connection::open(lab.path("after.db")).unwrap();
    let rows: i64 =
        after.query_row("SELECT count(*) FROM t WHERE typeof(a) = 'integer'", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 5000);
}

#[test]
fn a_schema_is_written_down_and_read_again() {
    let sql = "CREATE TABLE \"odd name\" (a TEXT COLLATE NOCASE, [b c] INT CHECK ([b c] > 0), PRIMARY KEY (a)) WITHOUT ROWID;
        CREATE VIRTUAL TABLE ft USING fts5(body); CREATE INDEX i ON \"odd name\" ([b c]) WHERE a <> ';';
        CREATE VIEW v AS SELECT * FROM \"odd name\"; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1; SELECT 2; END;";
    let lab = Lab::with(sql);
    let script = lab.run(&["inspect", "--db", "sqlite:app.db"]).code(0).out;
    lab.plan(&script, &["--exit-code"]).code(0);
    let copy = Connection::open_in_memory().unwrap();
    copy.execute_batch(&script).unwrap();
    lab.run(&["inspect", "--db", "sqlite:app.db", "--output", "json", "-o", "snapshot.json"]).code(0);
    lab.run(&["drift", "--db", "sqlite:app.db", "--schema", "snapshot.json"]).code(0);
    lab.run(&["plan", "--db", "snapshot.json", "--schema", "schema.sql", "--exit-code"]).code(0);
    lab.run(&["inspect", "--db", "sqlite:app.db", "--output", "text"])
        .code(0)
        .shows(&["virtual table ft", "trigger r"]);
    // The tables that a virtual table keeps its rows in are part of it.
    assert!(!script.contains("ft_data"), "{script}");
    let dump = "CREATE TABLE t(a); INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','f','f',0,'CREATE VIRTUAL TABLE f USING fts5(x)'); \
                CREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);";
    lab.file("dump.sql", dump);
    lab.run(&["inspect", "--db", "dump.sql", "--dialect", "sqlite", "--output", "text"])
        .code(0)
        .shows(&["table t", "virtual table f"])
        .never("f_data");
}

#[test]
fn a_plan_in_a_file_is_run_where_it_was_made_for() {
    let lab = Lab::with(OLD);
    lab.plan(NEW, &["--output", "json", "-o", "plan.json"]).code(0);
    let apply = ["apply", "--yes", "--db", "sqlite:app.db", "--plan", "plan.json"];
    lab.connection().execute_batch("CREATE INDEX other ON users (age)").unwrap();
    let before = lab.all();
    lab.run(&apply).code(1).says(&["is not in the state that the plan starts from", "make another"]);
    assert_eq!(lab.all(), before);
    lab.connection().execute_batch("DROP INDEX other").unwrap();
    lab.run(&apply).code(0);
    lab.plan(NEW, &["--exit-code"]).code(0);
    // Once more: it is done already, and will be.
    lab.run(&apply).code(1).says(&["is not in the state that the plan starts from", "make another"]);
}

#[test]
fn two_kinds_of_database_are_not_mixed_up() {
    let lab = Lab::with("CREATE TABLE t (a)");
    lab.run(&["plan", "--db", "postgres://localhost/x", "--schema", "sqlite:app.db"])
        .code(64)
        .says(&["two kinds of database"]);
    lab.plan("CREATE TABLE t (a)", &["--dialect", "postgres"]).code(64).says(&["--dialect says postgres"]);
    lab.run(&["undo", "--db", "sqlite:app.db", "--yes"]).code(64).says(&["one transaction"]);
    lab.plan("CREATE TABLE t (a)", &["--quarantine", "3"]).code(64).says(&["have one"]);
}

#[test]
fn patterns_leave_out_tables_with_what_hangs_on_them() {
    let lab = Lab::with(
        "CREATE TABLE mine (a); CREATE TABLE theirs (b); CREATE INDEX theirs_b ON theirs (b); CREATE TRIGGER r AFTER INSERT ON theirs BEGIN SELECT 1; END;",
    );
    lab.plan("CREATE TABLE mine (a)", &["--exit-code", "--exclude", "theirs"]).code(0);
    lab.plan("CREATE TABLE mine (a)", &["--exit-code", "--include", "mine"]).code(0);
    lab.plan("CREATE TABLE mine (a)", &["--exit-code", "--exclude", "index:*"]).code(2).shows(&["table theirs stays"]);
}

#[test]
fn scripts_are_run_by_sqlite3_as_they_are() {
    let lab = Lab::with(OLD);
    let script = lab.plan(NEW, &["--output", "sql"]).code(0).out;
    assert!(script.contains("PRAGMA foreign_keys = OFF;\n\nBEGIN IMMEDIATE;"), "{script}");
    // Lines with a dot are for the program.
    let sql: Vec<&str> = script.lines().filter(|l| !l.starts_with('.')).collect();
    lab.connection().execute_batch(&sql.join("\n")).unwrap();
    lab.plan(NEW, &["--exit-code"]).code(0);
    assert_eq!(lab.number("SELECT count(*) FROM users"), 2);
}

#[test]
fn functions_and_collations_of_the_application_are_not_in_the_way() {
    let lab = Lab::with("CREATE TABLE t (a)");
    let schema = "CREATE TABLE t (a, b TEXT COLLATE german); CREATE INDEX i ON t (b); CREATE VIEW v AS SELECT slug(a) AS s FROM t;";
    lab.plan(schema, &[]).code(0).shows(&["the collation german"]);
}

#[test]
fn a_configuration_names_files_from_its_own_folder() {
    let lab = Lab::with("CREATE TABLE t (a)");
    lab.file("schema.sql", "CREATE TABLE t (a)");
    lab.file("underpin.toml", "db = \"sqlite:app.db\"\nschema = [\"schema.sql\"]\ndialect = \"sqlite\"\n");
    lab.run(&["plan", "--exit-code"]).code(0);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = program(["plan", "--exit-code", "--config", lab.path("underpin.toml").to_str().unwrap()]);
    command.current_dir(elsewhere.path());
    finish(command).code(0);
}
