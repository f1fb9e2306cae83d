//! Rows that move to another table, and columns that are computed from others, while the old and the new application write.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

/// While rows move to another table the old and the new application write both: each change arrives on the other side, and none is
/// lost.
#[test]
fn both_sides_write_while_a_table_is_split() {
    let lab = Lab::with(
        "CREATE TABLE users (id int PRIMARY KEY, login text, street text NOT NULL, city text DEFAULT 'Rome');
         INSERT INTO users SELECT g, 'l' || g, 's' || g, 'c' || g FROM generate_series(1, 9) g;
         CREATE ROLE splitter_old; CREATE ROLE splitter_new; GRANT ALL ON users TO splitter_old",
    );
    let schema = "CREATE TABLE users (id int PRIMARY KEY, login text);
        -- underpin: backfill SELECT id AS user_id, street, city FROM users WHERE street IS NOT NULL
        CREATE TABLE addresses (user_id int PRIMARY KEY REFERENCES users, street text NOT NULL, city text, zip text);";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0).never("no-way-back");
    lab.sql("GRANT ALL ON users, addresses TO splitter_new");
    let old = |sql: &str| lab.sql(&format!("SET ROLE splitter_old; {sql}"));
    let new = |sql: &str| lab.sql(&format!("SET ROLE splitter_new; {sql}"));
    // Each side before the rows are there.
    old(
        "UPDATE users SET city = 'Oslo' WHERE id = 1; DELETE FROM users WHERE id = 2; INSERT INTO users VALUES (10, 'l10', 's10')",
    );
    new("INSERT INTO users VALUES (11, 'l11'); INSERT INTO addresses VALUES (11, 's11', NULL, 'z')");
    new("INSERT INTO addresses VALUES (3, 'other') ON CONFLICT (user_id) DO UPDATE SET street = 'other'");
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    // And after: who changes one column leaves the others alone.
    new("UPDATE addresses SET street = 'new', zip = '4' WHERE user_id = 4; DELETE FROM addresses WHERE user_id = 5");
    old(
        "UPDATE users SET city = 'Bonn' WHERE id = 4; UPDATE users SET login = 'x' WHERE id IN (4, 5); UPDATE users SET id = 60 WHERE id = 5",
    );
    new(
        "BEGIN; UPDATE addresses SET city = NULL WHERE user_id = 6; DELETE FROM addresses WHERE user_id = 7; DELETE FROM users WHERE id = 7; COMMIT",
    );
    old("INSERT INTO users VALUES (8, 'l8', 'again') ON CONFLICT (id) DO UPDATE SET street = excluded.street");
    old("UPDATE users SET street = NULL WHERE id = 9");
    let rows = "SELECT concat_ws(' ', user_id, street, city, zip) FROM addresses ORDER BY user_id";
    let held = ["1 s1 Oslo", "3 other", "4 new Bonn 4", "6 s6", "8 again c8", "10 s10 Rome", "11 s11 z"];
    assert_eq!(lab.column(rows), held);
    // The old application sees the same.
    assert_eq!(
        lab.column("SELECT concat_ws(' ', id, street, city) FROM users ORDER BY id"),
        ["1 s1 Oslo", "3 other", "4 new Bonn", "6 s6", "8 again c8", "9 c9", "10 s10 Rome", "11 s11", "60 Rome"]
    );
    // An old writer was seen a moment ago.
    assert_eq!(lab.apply(schema, &["--phase", "contract", "--allow", "all"]).status, 4);
    lab.apply(schema, &["--phase", "contract", "--allow", "all", "--confirm-gate"]).code(0);
    lab.settled(schema, &[]).shows(&["hint-is-spent"]);
    assert_eq!(lab.column(rows), held);
    lab.sql("DROP OWNED BY splitter_old, splitter_new; DROP ROLE splitter_old, splitter_new");
}

/// A new row that the old columns say nothing of gives way to the new application's own; the new application alone keeps no
/// gate shut.
#[test]
fn an_empty_row_gives_way_to_the_new_application() {
    let lab = Lab::with(
        "CREATE TABLE users (id int PRIMARY KEY, street text, kind text DEFAULT 'home'); INSERT INTO users VALUES (1, 'a')",
    );
    let schema = "CREATE TABLE users (id int PRIMARY KEY);
        -- underpin: backfill SELECT id, street, kind FROM users
        CREATE TABLE places (id int PRIMARY KEY REFERENCES users, street text, kind text);";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    lab.sql("INSERT INTO users VALUES (2), (3), (4)");
    assert_eq!(lab.value("INSERT INTO places VALUES (2, 'b', 'work') RETURNING street"), "b");
    lab.sql("INSERT INTO places VALUES (3, 'c') ON CONFLICT DO NOTHING; UPDATE places SET street = 'z' WHERE id = 1");
    assert!(lab.client().batch_execute("INSERT INTO places VALUES (1, 'twice')").is_err());
    let rows = "SELECT concat_ws(' ', id, street, kind) FROM places ORDER BY id";
    assert_eq!(lab.column(rows), ["1 z home", "2 b work", "3 c", "4 home"]);
    assert_eq!(
        lab.column("SELECT concat_ws(' ', id, street, kind) FROM users ORDER BY id"),
        ["1 z home", "2 b work", "3 c", "4 home"]
    );
    lab.apply(schema, &["--phase", "contract", "--allow", "all"]).code(0);
    lab.settled(schema, &[]);
    assert_eq!(lab.column(rows), ["1 z home", "2 b work", "3 c", "4 home"]);
}

/// Rows go back and forth between a table that goes and the one that takes its rows, by a way back that is said.
#[test]
fn both_sides_write_while_rows_go_to_another_table() {
    let lab = Lab::with(
        "CREATE TABLE dogs (id int PRIMARY KEY, name text NOT NULL, age text); INSERT INTO dogs VALUES (1, 'Rex', '3'), (2, 'Ben', NULL);
         CREATE TABLE cats (id int PRIMARY KEY, name text NOT NULL); INSERT INTO cats VALUES (1, 'Tom')",
    );
    let schema = "-- underpin: backfill SELECT 'dog' AS kind, id, name, age::int AS age FROM dogs
        -- underpin: down age = age::text
        -- underpin: backfill SELECT 'cat' AS kind, id, name FROM cats
        CREATE TABLE pets (kind text, id bigint, name text NOT NULL, age int, PRIMARY KEY (kind, id));";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0).never("no-way-back");
    lab.sql("INSERT INTO pets VALUES ('dog', 3, 'Gus', 7), ('cow', 1, 'Ada', 1); INSERT INTO cats VALUES (2, 'Kit')");
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    lab.sql("UPDATE pets SET age = 4 WHERE kind = 'dog' AND id = 1; DELETE FROM pets WHERE kind = 'dog' AND id = 2");
    lab.sql("UPDATE pets SET kind = 'cat', id = 9 WHERE id = 3; UPDATE dogs SET name = 'Max' WHERE id = 1; DELETE FROM cats WHERE id = 1");
    assert_eq!(lab.column("SELECT concat_ws(' ', id, name, age) FROM dogs ORDER BY id"), ["1 Max 4"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, name) FROM cats ORDER BY id"), ["2 Kit", "9 Gus"]);
    let rows = "SELECT concat_ws(' ', kind, id, name, age) FROM pets ORDER BY 1";
    let held = ["cat 2 Kit", "cat 9 Gus 7", "cow 1 Ada 1", "dog 1 Max 4"];
    assert_eq!(lab.column(rows), held);
    // A value that the new table does not take fails no old writer, but keeps the contract from losing it.
    lab.sql("UPDATE dogs SET age = 'old' WHERE id = 1; INSERT INTO dogs VALUES (5, 'Lou', 'young'); DELETE FROM dogs WHERE id = 5");
    assert_eq!(lab.column(rows), held);
    let refused = lab.apply(schema, &["--phase", "contract", "--allow", "all", "--confirm-gate"]);
    assert_eq!(refused.status, 1, "{refused}");
    lab.sql("UPDATE dogs SET age = '4' WHERE id = 1");
    lab.apply(schema, &["--phase", "contract", "--allow", "all", "--confirm-gate"]).code(0);
    lab.settled(schema, &[]).shows(&["dogs is not in the database"]);
    assert_eq!(lab.column(rows), held);
}

/// What a query cannot say is an error at its place, with what to write.
#[test]
fn a_query_that_makes_no_rows_is_an_error_at_its_place() {
    let lab = Lab::with(
        "CREATE TABLE a (id int PRIMARY KEY, s text, t text); INSERT INTO a VALUES (1, 'x', 'y'); CREATE TABLE b (id int PRIMARY KEY, s text); INSERT INTO b VALUES (1, 'z')",
    );
    let table = "CREATE TABLE n (id int PRIMARY KEY, s text, k int GENERATED ALWAYS AS (id) STORED); CREATE TABLE a (id int PRIMARY KEY);";
    for (query, words) in [
        ("SELECT id, upper(x) AS s FROM a", vec!["schema.sql:1:40", "\"x\" does not exist"]),
        ("SELECT id, s FROM a GROUP BY 1, 2", vec!["schema.sql:1:43", "does more than"]),
        ("SELECT id, s FROM a, b", vec!["schema.sql:1:42", "one table"]),
        ("SELECT id, (SELECT s FROM b) FROM a", vec!["schema.sql:1:35", "another query"]),
        ("SELECT id, random()::text AS s FROM a", vec!["random", "DEFAULT"]),
        ("SELECT max(id) AS id, 'x' AS s FROM a", vec!["aggregate"]),
        ("SELECT id, s AS other FROM a", vec!["no column other"]),
        ("SELECT s FROM a", vec!["no key"]),
        ("SELECT id, 1 AS k FROM a", vec!["k of public.n is generated"]),
    ] {
        let schema = format!("-- underpin: backfill {query}\n{table}");
        lab.plan(&schema, &[]).code(65).says(&["bad-rows-query"]).says(&words);
    }
    // Rows of two sources that have one key, and a hint that is none.
    let two = "-- underpin: backfill SELECT id, s FROM a\n-- underpin: backfill SELECT id, s FROM b\nCREATE TABLE n (id int PRIMARY KEY, s text);";
    lab.plan(two, &[]).code(65).says(&["rows-collide", "id + 1000000"]);
    let view = "-- underpin: backfill SELECT id, s FROM a\nCREATE TABLE n (id int PRIMARY KEY, s text); CREATE VIEW a AS SELECT 1 AS x;";
    lab.plan(view, &[]).code(65).says(&["view public.a takes the place"]);
    let hint = "-- underpin: backfill 7\nCREATE TABLE n (id int PRIMARY KEY);";
    lab.plan(hint, &[]).code(0).shows(&["hint-not-understood", "schema.sql:1"]);
    let one = "-- underpin: backfill SELECT id, upper(s) AS s FROM a\nCREATE TABLE n (id int PRIMARY KEY, s text); CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, s text);";
    lab.plan(one, &[]).code(0).shows(&["no-way-back", "public.a", "underpin: down"]);
    lab.plan(one, &["--strategy", "direct"]).code(0).shows(&["rows-not-moved"]);
}

/// A name in parts and a whole one, the one richer than the other: nothing that the new application writes is lost.
#[test]
fn what_says_less_does_not_overwrite_what_says_more() {
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, x int, y int, z int);
         INSERT INTO t SELECT g, 'F' || g || ' L' || g, g, g, 0 FROM generate_series(1, 6) g",
    );
    let schema = "CREATE TABLE t (id int PRIMARY KEY,
          -- underpin: down first || ' ' || last
          first text, -- underpin: backfill split_part(name, ' ', 1)
          -- underpin: down first || ' ' || last
          last text, -- underpin: backfill split_part(name, ' ', 2)
          -- underpin: down x = (spot ->> 0)::int, y = (spot ->> 1)::int
          spot jsonb, -- underpin: backfill jsonb_build_array(x, y)
          z int);";
    let told = ["no-way-back", "x, y of public.t", "underpin: down"];
    lab.plan(schema, &[]).code(0).never("no-way-back");
    lab.plan(&schema.replace("down x = (spot ->> 0)::int, y", "down z"), &[]).code(0).shows(&told);
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    // Before its row is filled, a part that is given is not alone.
    lab.sql("UPDATE t SET first = 'Anna Maria' WHERE id = 1; UPDATE t SET spot = '[7, 8]' WHERE id = 1");
    lab.sql("INSERT INTO t (id, first, last, spot) VALUES (7, 'Jo Ann', 'de la Cruz', '[1, 2]'); INSERT INTO t (id, name, x) VALUES (8, 'Old Timer', 5)");
    lab.apply(schema, &["--phase", "backfill", "--allow", "all"]).code(0);
    lab.sql("UPDATE t SET last = 'van Dyk' WHERE id = 2; UPDATE t SET first = 'Al Bo' WHERE id = 2; UPDATE t SET first = 'Cy' WHERE id = 2");
    lab.sql("UPDATE t SET name = 'Mo Mint', y = 9 WHERE id = 3; UPDATE t SET z = 1; UPDATE t SET first = 'A', last = 'B', name = 'C D' WHERE id = 4");
    let rows = "SELECT concat_ws('|', id, first, last, spot) FROM t ORDER BY id";
    let held = [
        "1|Anna Maria|L1|[7, 8]",
        "2|Cy|van Dyk|[2, 2]",
        "3|Mo|Mint|[3, 9]",
        "4|A|B|[4, 4]",
        "5|F5|L5|[5, 5]",
        "6|F6|L6|[6, 6]",
        "7|Jo Ann|de la Cruz|[1, 2]",
        "8|Old|Timer|[5, null]",
    ];
    assert_eq!(lab.column(rows), held);
    assert_eq!(
        lab.column("SELECT concat_ws('|', name, x, y) FROM t WHERE id IN (1, 2, 3, 7) ORDER BY id"),
        ["Anna Maria L1|7|8", "Cy van Dyk|2|2", "Mo Mint|3|9", "Jo Ann de la Cruz|1|2"]
    );
    lab.apply(schema, &["--phase", "contract", "--allow", "all", "--confirm-gate"]).code(0);
    lab.settled(schema, &[]);
    assert_eq!(lab.column(rows), held);
}

/// Two writers at the same rows while these move: whatever order their writes have, both tables say the same in the end.
#[test]
fn both_tables_say_the_same_whoever_writes_when() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let lab = Lab::with(
        "CREATE TABLE users (id int PRIMARY KEY, street text, city text);
         INSERT INTO users SELECT g, nullif('s' || g % 5, 's0'), 'c' || g FROM generate_series(1, 3000) g",
    );
    let schema = "CREATE TABLE users (id int PRIMARY KEY);
        -- underpin: backfill SELECT id AS user_id, street, city FROM users WHERE street IS NOT NULL
        CREATE TABLE addresses (user_id int PRIMARY KEY REFERENCES users, street text, city text);";
    lab.apply(schema, &["--phase", "expand", "--allow", "all"]).code(0);
    let old = [
        "UPDATE users SET street = '$v' WHERE id = $i",
        "UPDATE users SET street = NULL WHERE id = $i",
        "UPDATE users SET city = '$v' WHERE id = $i",
        "UPDATE users SET street = '$v', city = NULL WHERE id = $i",
        "DELETE FROM users WHERE id = $i",
        "INSERT INTO users VALUES ($i, '$v', '$v') ON CONFLICT (id) DO UPDATE SET street = excluded.street",
    ];
    let new = [
        "UPDATE addresses SET street = '$v' WHERE user_id = $i",
        "UPDATE addresses SET street = NULL WHERE user_id = $i",
        "UPDATE addresses SET city = '$v' WHERE user_id = $i",
        "DELETE FROM addresses WHERE user_id = $i",
        "INSERT INTO addresses VALUES ($i, '$v', '$v') ON CONFLICT (user_id) DO UPDATE SET city = excluded.city",
        "BEGIN; INSERT INTO users VALUES ($i); INSERT INTO addresses VALUES ($i, '$v'); COMMIT",
    ];
    let stop = AtomicBool::new(false);
    let write = |texts: [&str; 6], seed: u64| {
        let mut client = lab.client();
        client.batch_execute("SET deadlock_timeout = '20ms'").unwrap();
        let (mut done, mut number) = (0, seed);
        while !stop.load(Ordering::Relaxed) {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let text = texts[usize::try_from((number >> 33) % 6).unwrap()];
            let text =
                text.replace("$i", &((number >> 40) % 3000).to_string()).replace("$v", &format!("v{}", number >> 50));
            match client.batch_execute(&text) {
                Ok(()) => done += 1,
                Err(error) => {
                    // Both at one row in opposite order; a row that is there or is not.
                    let code = error.as_db_error().map(|e| e.code().code().to_owned()).unwrap_or_default();
                    assert!(matches!(&*code, "40P01" | "23505" | "23503"), "{error:?}: {text}");
                    let _ = client.batch_execute("ROLLBACK");
                }
            }
        }
        done
    };
    std::thread::scope(|threads| {
        let writers: Vec<_> = [(old, 1), (new, 2), (old, 3), (new, 4)]
            .into_iter()
            .map(|(texts, seed)| threads.spawn(move || write(texts, seed)))
            .collect();
        let ran = lab.apply(schema, &["--phase", "backfill", "--allow", "all"]);
        std::thread::sleep(std::time::Duration::from_secs(2));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(ran.status, 0, "{ran}");
        for writer in writers {
            assert!(writer.join().unwrap() > 100, "somebody hardly wrote");
        }
    });
    let differ = "SELECT concat_ws('|', u.id, u.street, u.city, a.user_id, a.street, a.city) FROM users u FULL JOIN addresses a ON a.user_id = u.id
         WHERE u.id IS NULL OR (a.user_id IS NULL AND u.street IS NOT NULL)
            OR (a.user_id IS NOT NULL AND (u.street, u.city) IS DISTINCT FROM (a.street, a.city))";
    assert_eq!(lab.column(differ), Vec::<String>::new());
}
