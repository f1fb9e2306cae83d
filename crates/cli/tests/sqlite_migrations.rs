//! Folders of migrations for SQLite: generated, verified, replayed, adopted, and refused where something is wrong with them. No server
//! and no tool is needed; what the tools themselves make of the files is tried by `make test-formats`.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use std::fs;
use std::path::PathBuf;
use support::{Ran, finish, program};
use tempfile::TempDir;
use underpin_migrations::FORMATS;

const BASE: &str = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, team INTEGER REFERENCES teams ON DELETE CASCADE);
CREATE TABLE notes (id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, body TEXT DEFAULT 'why? :x %s `z` \\');
CREATE TABLE log (words TEXT);
CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
  INSERT INTO log VALUES ('it''s; END;' || new.email); -- migrate:down
END;
CREATE VIEW \"who's\" AS SELECT u.email, t.name FROM users u JOIN teams t ON t.id = u.team;";

/// A table that others refer to is made anew, another gets a column, one more comes.
fn next() -> String {
    BASE.replace("email TEXT,", "email TEXT NOT NULL UNIQUE, -- underpin: backfill 'none-' || id\n nick TEXT,")
        .replace("body TEXT", "seen INTEGER, body TEXT")
        + "\nCREATE TABLE more (id INTEGER PRIMARY KEY, of INTEGER REFERENCES notes);"
}

struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path("m").join(name)).unwrap()
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = program(args);
        command.current_dir(self.folder.path());
        finish(command)
    }

    fn on(&self, command: &str, format: &str, further: &[&str]) -> Ran {
        self.run(&[&[command, "--dialect", "sqlite", "--migrations", "m", "--format", format], further].concat())
    }

    fn generate(&self, format: &str, schema: &str, name: &str) -> Ran {
        self.file("schema.sql", schema);
        self.on("generate", format, &["--schema", "schema.sql", "--name", name])
    }

    /// The names of the files of the folder with that ending, in order.
    fn names(&self, ending: &str) -> Vec<String> {
        let all = fs::read_dir(self.path("m")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = all.filter(|name| name.ends_with(ending)).collect();
        names.sort();
        names
    }

    /// The database, with foreign keys on.
    fn open(&self) -> Connection {
        let connection = Connection::open(self.path("app.db")).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        connection
    }

    /// Runs a file of the plain format as sqlite3 does.
    fn script(&self, connection: &Connection, name: &str) -> rusqlite::Result<()> {
        let text = self.read(name);
        connection.execute_batch(text.strip_prefix(".bail on\n").unwrap())
    }
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn every_format_of_sql_there_and_back() {
    // What these write only they themselves can run.
    let programs = ["alembic", "django", "knex", "typeorm"];
    for format in FORMATS.iter().filter(|f| !programs.contains(&f.name())) {
        let (lab, name) = (Lab::new(), format.name());
        println!("{name}");
        if name == "sqitch" {
            lab.file("m/sqitch.plan", "%syntax-version=1.0.0\n%project=shop\n\n");
        }
        lab.generate(name, BASE, "base").code(0).shows(&["wrote"]);
        lab.generate(name, &next(), "next").code(0).shows(&["wrote"]);
        lab.generate(name, &next(), "again").code(0).shows(&["Nothing to do"]);
        lab.on("verify", name, &[]).code(0);
        let folder = format!("migrations://m?format={name}");
        let plan = |from: &str, to: &str| {
            lab.run(&["plan", "--dialect", "sqlite", "--db", from, "--schema", to, "--exit-code"])
        };
        plan(&folder, "schema.sql").code(0);
        plan("schema.sql", &folder).code(0);
        lab.on("generate", name, &["--contract", "next"]).code(64).says(&["plans for SQLite have one stage"]);
    }
}

#[test]
fn plain_files_run_on_a_database_with_rows_there_and_back() {
    let lab = Lab::new();
    lab.generate("plain", BASE, "base").code(0);
    let connection = lab.open();
    lab.script(&connection, &lab.names("base.up.sql")[0]).unwrap();
    let rows = "INSERT INTO teams VALUES (1, 'a'), (2, 'a'); INSERT INTO users (email, team) VALUES (NULL, 1), ('b', 2), ('c', 2);
        DELETE FROM users WHERE email = 'c'; INSERT INTO notes (id, user) VALUES (1, 1), (2, 2), (3, 2);";
    connection.execute_batch(rows).unwrap();
    lab.generate("plain", &next(), "next").code(0);
    let (up, down) = (&lab.names("next.up.sql")[0], &lab.names("next.down.sql")[0]);
    let drift = || lab.run(&["drift", "--db", "sqlite:app.db", "--migrations", "m"]);
    for _ in 0..2 {
        lab.script(&connection, up).unwrap();
        drift().code(0);
        assert_eq!(count(&connection, "SELECT count(*) FROM notes"), 3);
        assert_eq!(count(&connection, "SELECT count(*) FROM users WHERE email IN ('none-1', 'b')"), 2);
        assert_eq!(count(&connection, "SELECT seq FROM sqlite_sequence WHERE name = 'users'"), 3);
        lab.script(&connection, down).unwrap();
        assert_eq!(count(&connection, "SELECT count(*) FROM notes"), 3);
        drift().code(2);
    }
    lab.script(&connection, up).unwrap();
    // What cannot be leaves everything as it was.
    lab.generate("plain", &next().replace("name TEXT NOT NULL", "name TEXT NOT NULL UNIQUE"), "names").code(0);
    let names = &lab.names("names.up.sql")[0];
    let said = lab.script(&connection, names).unwrap_err().to_string();
    assert!(said.contains("UNIQUE constraint failed"), "{said}");
    connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(count(&connection, "SELECT count(*) FROM users JOIN notes ON user = users.id"), 3);
    connection.execute_batch("UPDATE teams SET name = name || id").unwrap();
    lab.script(&connection, names).unwrap();
    drift().code(0);
}

#[test]
fn rows_that_would_refer_to_nothing_stop_a_file() {
    let lab = Lab::new();
    lab.generate("plain", BASE, "base").code(0);
    let connection = lab.open();
    lab.script(&connection, &lab.names("base.up.sql")[0]).unwrap();
    // A key that the rows that are there do not keep, which SQLite takes as it is.
    connection.execute_batch("INSERT INTO log VALUES ('7')").unwrap();
    let keyed = BASE.replace("CREATE TABLE log (words TEXT);", "CREATE TABLE log (words TEXT REFERENCES teams);");
    lab.generate("plain", &keyed, "keyed").code(0);
    let name = &lab.names("keyed.up.sql")[0];
    let said = lab.script(&connection, name).unwrap_err().to_string();
    assert!(said.contains("rows would refer to nothing that referred to something before"), "{said}");
    connection.execute_batch("ROLLBACK; DELETE FROM log").unwrap();
    lab.script(&connection, name).unwrap();
    // A table that comes with it is looked through too; a key that fits nothing it could refer to is no hindrance.
    let more = keyed.replace("name TEXT NOT NULL", "name TEXT") + "CREATE TABLE more (a INTEGER REFERENCES teams);";
    lab.generate("plain", &more, "more").code(0);
    let text = lab.read(&lab.names("more.up.sql")[0]);
    let count = |table: &str| format!("(SELECT count(*) FROM pragma_foreign_key_check('{table}'))");
    assert!(text.contains(&format!("AS SELECT {} + {} AS", count("log"), count("users"))), "{text}");
    let after = [count("log"), count("more"), count("users")].join(" + ");
    assert!(text.contains(&format!("SELECT {after} <= \"dangling\"")), "{text}");
    let unfit = format!("{more}CREATE TABLE unfit (a REFERENCES teams (name));");
    lab.generate("plain", &unfit, "unfit").code(3).says(&["foreign key mismatch"]);
    let allowed = ["--schema", "schema.sql", "--name", "unfit", "--allow", "breaks-application"];
    lab.on("generate", "plain", &allowed).code(0);
    lab.generate("plain", &unfit.replace("name TEXT)", "name TEXT DEFAULT 'x')"), "again").code(0);
    let text = lab.read(&lab.names("again.up.sql")[0]);
    assert!(text.contains("_underpin_new_teams") && !text.contains("foreign_key_check"), "{text}");
}

#[test]
fn files_are_for_old_libraries_too() {
    let lab = Lab::new();
    lab.generate("plain", "CREATE TABLE t (a INT, b INT);", "base").code(0);
    // ALTER COLUMN came with 3.53, and other programs run the files.
    lab.generate("plain", "CREATE TABLE t (a INT NOT NULL DEFAULT 0, b INT CHECK (b > 0));", "next").code(0);
    let text = lab.read(&lab.names("next.up.sql")[0]);
    assert!(
        text.contains("_underpin_new_t") && !text.contains("ALTER COLUMN") && !text.contains("CONSTRAINT \"b"),
        "{text}"
    );
    // What ALTER can, in a transaction without further ado.
    lab.generate("plain", "CREATE TABLE t (a INT NOT NULL DEFAULT 0, b INT CHECK (b > 0), c);", "more").code(0);
    let text = lab.read(&lab.names("more.up.sql")[0]);
    assert!(text.contains("BEGIN;\nALTER TABLE") && !text.contains("foreign_keys"), "{text}");
}

#[test]
fn a_name_is_taken_back_as_a_name() {
    let lab = Lab::new();
    lab.generate("plain", "CREATE TABLE t (a INT, b INT);", "base").code(0);
    let renamed = "-- underpin: renamed-from t\nCREATE TABLE people (a INT,\n  c INT -- underpin: renamed-from b\n);";
    lab.file("schema.sql", renamed);
    let breaks = ["--schema", "schema.sql", "--name", "names", "--allow", "breaks-application"];
    lab.on("generate", "plain", &breaks).code(0);
    let down = lab.read(&lab.names("names.down.sql")[0]);
    assert!(down.contains("RENAME") && !down.contains("DROP"), "{down}");
    lab.on("verify", "plain", &[]).code(0).shows(&["2 of 2 migrations"]);
}

#[test]
fn what_loses_data_is_refused_and_cannot_be_taken_back() {
    let lab = Lab::new();
    lab.generate("goose", "CREATE TABLE t (a INT, b INT);", "base").code(0);
    lab.generate("goose", "CREATE TABLE t (a INT);", "less").code(3).says(&["data-loss", "nothing was written"]);
    lab.on("generate", "goose", &["--schema", "schema.sql", "--name", "less", "--allow", "data-loss"]).code(0);
    let text = lab.read(&lab.names("less.sql")[0]);
    assert!(text.contains("SELECT * FROM \"this migration cannot be taken back: data is gone: "), "{text}");
    lab.on("verify", "goose", &[]).code(0).says(&["cannot be taken back"]).shows(&["1 of 2 migrations"]);
}

#[test]
fn an_existing_database_is_adopted_once() {
    let lab = Lab::new();
    lab.open().execute_batch(BASE).unwrap();
    lab.open().execute_batch("INSERT INTO teams VALUES (1, 'a')").unwrap();
    let baseline = ["--baseline", "--db", "sqlite:app.db", "--name", "existing"];
    lab.on("generate", "sqlx", &baseline).code(0).shows(&["existing.up.sql"]);
    assert_eq!(
        count(&lab.open(), "SELECT count(*) FROM _sqlx_migrations WHERE success AND description = 'existing'"),
        1
    );
    lab.run(&["drift", "--db", "sqlite:app.db", "--migrations", "m"]).code(64).says(&["--format"]);
    lab.run(&["drift", "--db", "sqlite:app.db", "--schema", "migrations://m?format=sqlx"]).code(0);
    lab.on("generate", "sqlx", &baseline).code(64).says(&["has migrations already"]);
    // Where a run of the tool did not end well, that is told before anything is compared.
    lab.open().execute_batch("UPDATE _sqlx_migrations SET success = false").unwrap();
    lab.run(&["drift", "--db", "sqlite:app.db", "--schema", "migrations://m?format=sqlx"]).code(65).says(&[
        "failed-history",
        "failed",
        "delete its row",
    ]);
    // sqitch keeps its records beside the database.
    let other = Lab::new();
    other.open().execute_batch(BASE).unwrap();
    other.file("m/sqitch.plan", "%syntax-version=1.0.0\n%project=shop\n\n");
    other.on("generate", "sqitch", &baseline).code(0).shows(&["note: sqitch keeps", "sqitch deploy --log-only"]);
}

#[test]
fn what_does_not_replay_is_told_with_its_place() {
    let lab = Lab::new();
    lab.file("m/1_a.up.sql", "CREATE TABLE t (a);\nCREATE TABLE u (a,\n  b REFERENCES);\n");
    lab.on("verify", "golang-migrate", &[]).code(65).says(&[
        "migration-fails",
        "1_a.up.sql",
        "syntax error",
        "b REFERENCES)",
    ]);
    lab.file("m/1_a.up.sql", "CREATE TABLE t (a);\nCREATE TRIGGER x INSERT ON t BEGIN SELECT 1;\n");
    lab.on("verify", "golang-migrate", &[]).code(65).says(&["1_a.up.sql", "incomplete input"]);
    // A transaction that stays open is taken back in silence.
    lab.file("m/1_a.up.sql", "BEGIN;\nCREATE TABLE t (a);\n");
    lab.on("verify", "golang-migrate", &[]).code(65).says(&["begins a transaction and does not end it"]);
    lab.file("m/1_a.up.sql", "CREATE TABLE t (a);\n");
    lab.file("m/1_a.down.sql", "SELECT 1;\n");
    lab.on("verify", "golang-migrate", &[]).code(65).says(&["down-differs", "table t"]);
}

#[test]
fn programs_get_a_file_of_their_own() {
    let lab = Lab::new();
    lab.file("m/20260101000000_a.js", "exports.up = async (knex) => {};\nexports.down = async (knex) => {};\n");
    // In the tool's place: a program that makes what its migrations would.
    lab.file(
        "run.sh",
        "case $DATABASE_URL in sqlite:////*) ;; *) exit 9 ;; esac\nprintf x >>\"$1\"\ntest -e \"$DATABASE_FILE\"\n",
    );
    let seen = lab.path("seen").display().to_string();
    let words = ["sh", "run.sh", &seen].map(|word| ["--migrations-program", word]).concat();
    lab.file("schema.sql", "CREATE TABLE t (a);");
    lab.on("generate", "knex", &["--schema", "schema.sql", "--name", "next"]).code(64).says(&["--migrations-program"]);
    let further = [&["--schema", "schema.sql", "--name", "next"], words.as_slice()].concat();
    lab.on("generate", "knex", &further).code(0);
    assert_eq!(fs::read_to_string(&seen).unwrap(), "x");
    let text = lab.read(&lab.names("next.js")[0]);
    assert!(text.contains(".raw(`CREATE TABLE t (a)`)") && text.contains("withoutForeignKeys(knex, ["), "{text}");
}
