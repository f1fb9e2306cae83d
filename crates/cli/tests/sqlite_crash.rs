//! The program is killed while it makes a large table of SQLite anew, at moments spread over the whole run: what is left is the old
//! schema or the new one with every row, and the next run ends at the new one. `UNDERPIN_KILLS=200` asks for more.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{finish, program};

const ROWS: i64 = 60_000;

const OLD: &str = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, team INTEGER REFERENCES teams ON DELETE CASCADE, age TEXT);
CREATE TABLE posts (author INTEGER REFERENCES users ON DELETE CASCADE, title TEXT);
CREATE INDEX users_email ON users (email);
CREATE VIEW v AS SELECT email FROM users;
CREATE TRIGGER r AFTER INSERT ON users BEGIN UPDATE teams SET name = name WHERE id = NEW.team; END;";

const NEW: &str = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'none');
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, team INTEGER REFERENCES teams ON DELETE CASCADE, age INTEGER NOT NULL);
CREATE TABLE posts (author INTEGER REFERENCES users ON DELETE CASCADE, title VARCHAR(20), extra TEXT);
CREATE INDEX users_email ON users (email);
CREATE INDEX users_age ON users (age, email);
CREATE VIEW v AS SELECT email, age FROM users;
CREATE TRIGGER r AFTER INSERT ON users BEGIN UPDATE teams SET name = name WHERE id = NEW.team; END;";

fn fill(path: &Path, mode: &str) {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", mode).unwrap();
    db.execute_batch(OLD).unwrap();
    let rows =
        format!("(WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {ROWS}) SELECT x FROM n)");
    db.execute_batch(&format!(
        "BEGIN; INSERT INTO teams VALUES (1, NULL), (2, 'two');
         INSERT INTO users SELECT x, 'user ' || x, 1 + x % 2, x % 90 FROM {rows};
         INSERT INTO posts SELECT x, 'title ' || x FROM {rows} WHERE x % 4 = 0;
         INSERT INTO users VALUES (1000000, 'gone', 1, '1'); DELETE FROM users WHERE id = 1000000; COMMIT;"
    ))
    .unwrap();
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// The schema as the file has it.
fn schema(db: &Connection) -> Vec<String> {
    let mut query = db
        .prepare(
            "SELECT name || '|' || coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What of the rows has to be the same on both sides.
fn rows(db: &Connection) -> (i64, i64, i64, i64, String) {
    let sql = "SELECT (SELECT count(*) FROM users), (SELECT sum(id * (age + 1)) FROM users), (SELECT sum(author) FROM posts),
               (SELECT seq FROM sqlite_sequence WHERE name = 'users'), (SELECT group_concat(email, '') FROM users WHERE id < 20)";
    db.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))).unwrap()
}

#[test]
fn a_run_that_is_killed_leaves_the_old_or_the_new() {
    let kills: u32 = std::env::var("UNDERPIN_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(16);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("new.sql"), NEW).unwrap();
    let args = ["apply", "--yes", "--allow", "all", "--db", "sqlite:app.db", "--schema", "new.sql"];
    for mode in ["wal", "delete"] {
        let base = folder.path().join("base.db");
        let path = folder.path().join("app.db");
        let clear = |path: &Path| {
            for end in ["", "-wal", "-shm", "-journal"] {
                _ = std::fs::remove_file(format!("{}{end}", path.display()));
            }
        };
        clear(&base);
        fill(&base, mode);
        let (old, before) = {
            let db = Connection::open(&base).unwrap();
            (schema(&db), rows(&db))
        };
        // How long a whole run takes, and what it ends at.
        clear(&path);
        std::fs::copy(&base, &path).unwrap();
        let start = Instant::now();
        let mut command = program(args);
        command.current_dir(folder.path());
        finish(command).code(0);
        let whole = start.elapsed();
        let new = schema(&Connection::open(&path).unwrap());
        assert_ne!(old, new);
        let (mut kept, mut ended) = (0, 0);
        for n in 0..kills {
            clear(&path);
            std::fs::copy(&base, &path).unwrap();
            let mut command = program(args);
            let mut child = command.current_dir(folder.path()).spawn().unwrap();
            std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * f64::from(n + 1) / f64::from(kills)));
            // SIGKILL.
            child.kill().unwrap();
            child.wait().unwrap();
            {
                let db = Connection::open(&path).unwrap();
                let left = schema(&db);
                if left == old {
                    kept += 1;
                } else {
                    assert_eq!(left, new, "kill {n} in mode {mode} left neither");
                    ended += 1;
                }
                assert_eq!(rows(&db), before, "kill {n} in mode {mode}");
                let sound: String = db.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
                assert_eq!(sound, "ok");
            }
            let mut command = program(args);
            command.current_dir(folder.path());
            finish(command).code(0);
            let db = Connection::open(&path).unwrap();
            assert_eq!(schema(&db), new, "kill {n} in mode {mode}");
            assert_eq!(rows(&db), before, "kill {n} in mode {mode}");
        }
        println!("{mode}: {kills} kills in {whole:?}: {kept} left the old schema, {ended} the new one");
        assert!(kept > 0, "no kill came before the end");
    }
}
