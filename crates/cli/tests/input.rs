//! Bad input ends with a message that says what, why and what next, with exit code 65, and changes nothing.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

/// A database with a table, to see that nothing is dropped.
fn lab() -> Lab {
    Lab::with("CREATE TABLE precious (id int PRIMARY KEY); INSERT INTO precious VALUES (1)")
}

#[track_caller]
fn rejected(schema: &str, texts: &[&str]) {
    let lab = lab();
    lab.plan(schema, &[]).code(65).says(texts);
    lab.apply(schema, &["--allow", "all"]).code(65).says(texts);
    assert_eq!(lab.value("SELECT count(*) FROM precious"), "1");
}

#[test]
fn broken_sql_is_shown_where_it_is() {
    rejected(
        "CREATE TABLE a (id int);\n\nCREATE TABLE b (\n  id int,\n  nme txet\n);\n",
        &["type \"txet\" does not exist", "schema.sql:5:7", "nme txet", "help"],
    );
    rejected("CREATE TABLE a (id int,,);\n", &["syntax error", "schema.sql:1:24", "CREATE TABLE a (id int,,);"]);
    // What is not closed is told by the server too.
    rejected("CREATE TABLE a (id int DEFAULT 'x);\n", &["unterminated", "schema.sql:1"]);
}

#[test]
fn characters_before_the_mistake_do_not_shift_the_mark() {
    rejected("-- Größe\nCREATE TABLE \"größe\" (\"ä\" int, b txet);\n", &["schema.sql:2:34", "txet"]);
}

#[test]
fn a_reference_to_nothing_is_named() {
    rejected(
        "CREATE TABLE a (id int REFERENCES nowhere (id));",
        &["relation \"nowhere\" does not exist", "schema.sql:1", "made nowhere"],
    );
    rejected(
        "CREATE VIEW v AS SELECT missing FROM (SELECT 1 AS there) s;",
        &["column \"missing\" does not exist", "schema.sql:1:25"],
    );
    rejected("CREATE TABLE gone.a (id int);", &["schema \"gone\" does not exist", "schema.sql:1"]);
    rejected("CREATE TRIGGER g AFTER INSERT ON nowhere EXECUTE FUNCTION f();", &["nowhere", "schema.sql:1"]);
}

#[test]
fn several_mistakes_are_told_at_once() {
    rejected(
        "CREATE TABLE a (x txet);\nCREATE TABLE b (y itn);\n",
        &["txet", "itn", "schema.sql:1:19", "schema.sql:2:19"],
    );
}

#[test]
fn the_same_object_twice_is_an_error() {
    rejected("CREATE TABLE a (x int);\nCREATE TABLE a (x int);\n", &["relation \"a\" already exists", "schema.sql:2"]);
}

#[test]
fn folders_and_paths_that_hold_nothing() {
    let lab = lab();
    std::fs::create_dir(lab.path("empty")).unwrap();
    let url = lab.url();
    lab.run(["plan", "--db", &url, "--schema", "empty"]).code(65).says(&[
        "empty holds no SQL files",
        "to be dropped",
        "help",
    ]);
    lab.file("other/readme.txt", "CREATE TABLE x ()");
    lab.run(["plan", "--db", &url, "--schema", "other"]).code(65).says(&["other holds no SQL files"]);
    lab.run(["plan", "--db", &url, "--schema", "nowhere.sql"]).code(65).says(&[
        "nowhere.sql cannot be read",
        "No such file",
        "help",
    ]);
    lab.run(["plan", "--db", &url, "--schema", "nowhere.json"])
        .code(65)
        .says(&["nowhere.json cannot be read", "No such file"]);
    lab.run(["plan", "--db", &url]).code(64).says(&["--schema"]);
    lab.run(["plan", "--schema", "x.sql"]).code(64).says(&["--db"]);
}

#[test]
fn an_empty_file_is_an_empty_schema_and_refused_without_leave() {
    let lab = lab();
    lab.apply("-- nothing\n", &[]).code(3).says(&["data-loss", "nothing was changed"]);
    assert_eq!(lab.value("SELECT count(*) FROM precious"), "1");
}

#[test]
fn bytes_that_are_not_utf8_are_placed() {
    let lab = lab();
    lab.file("latin.sql", b"CREATE TABLE a (\n  name text DEFAULT 'Gr\xf6\xdfe'\n);\n");
    lab.run(["plan", "--db", &lab.url(), "--schema", "latin.sql"]).code(65).says(&[
        "latin.sql:2",
        "not UTF-8",
        "0xf6",
        "iconv",
    ]);
    lab.file("utf16.sql", b"\xff\xfeC\0R\0");
    lab.run(["plan", "--db", &lab.url(), "--schema", "utf16.sql"]).code(65).says(&["utf16.sql:1", "not UTF-8"]);
    lab.file("zero.sql", b"CREATE TABLE a (id int);\0\n");
    lab.run(["plan", "--db", &lab.url(), "--schema", "zero.sql"]).code(65).says(&["zero.sql:1"]);
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    let lab = Lab::new();
    let schema =
        "\u{feff}CREATE TABLE a (\r\n  id int,\r\n  name text\r\n);\r\nCREATE VIEW v AS\r\n  SELECT id FROM a;\r\n";
    lab.converge(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0"), "2");
    // The place of a mistake is right with them too.
    lab.plan("\u{feff}CREATE TABLE a (\r\n  id int,\r\n  name txet\r\n);\r\n", &[]).code(65).says(&["schema.sql:3:8"]);
}

#[test]
fn what_is_left_out_is_said() {
    let lab = Lab::new();
    let schema = "\\connect other\n\\set x 1\nSET statement_timeout = 0;\nCREATE TABLE a (id int);\n\
                  COPY a (id) FROM stdin;\n1\n2\n\\.\nINSERT INTO a VALUES (3);\nUPDATE a SET id = 4;\nSELECT 1;\n\
                  CREATE VIEW v AS SELECT id FROM a;\n";
    lab.plan(schema, &[]).code(0).says(&[]).shows(&["left out", "psql", "COPY", "DML", "schema.sql:5"]);
    lab.converge(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM a"), "0");
}

#[test]
fn statements_come_in_any_order() {
    let lab = Lab::new();
    lab.file(
        "s/a_views.sql",
        "CREATE VIEW app.v AS SELECT u.id, app.f(u.id) AS f FROM app.users u JOIN app.orders o ON o.user_id = u.id;",
    );
    lab.file(
        "s/b/orders.sql",
        "CREATE TABLE app.orders (id int PRIMARY KEY, user_id int REFERENCES app.users, state app.state);",
    );
    lab.file(
        "s/c_functions.sql",
        "CREATE FUNCTION app.f(x int) RETURNS int LANGUAGE sql AS 'SELECT max(id) FROM app.orders';",
    );
    lab.file("s/d_users.sql", "CREATE TABLE app.users (id int PRIMARY KEY);");
    lab.file("s/e_types.sql", "CREATE TYPE app.state AS ENUM ('new', 'done');");
    lab.file("s/f_schema.SQL", "CREATE SCHEMA app;");
    let url = lab.url();
    lab.run(["apply", "--db", &url, "--schema", "s", "--yes"]).code(0);
    lab.run(["plan", "--db", &url, "--schema", "s", "--exit-code"]).code(0);
    lab.run([
        "plan",
        "--db",
        &url,
        "--exit-code",
        "--schema",
        "s/f_schema.SQL",
        "s/e_types.sql",
        "s/d_users.sql",
        "s/b",
        "s/a_views.sql",
        "s/c_functions.sql",
    ])
    .code(0);
}

#[test]
fn other_databases_and_snapshots_are_sources() {
    let wanted = Lab::with(
        "CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, note text); COMMENT ON TABLE app.t IS 'it''s'",
    );
    let lab = Lab::new();
    let (url, wanted_url) = (lab.url(), wanted.url());
    lab.run(["plan", "--db", &url, "--schema", &wanted_url, "--exit-code"]).code(2).shows(&["app.t"]);
    lab.run(["apply", "--db", &url, "--schema", &wanted_url, "--yes"]).code(0);
    lab.run(["plan", "--db", &url, "--schema", &wanted_url, "--exit-code"]).code(0);
    // A snapshot, on either side.
    lab.run(["inspect", "--db", &wanted_url, "--output", "json", "-o", "wanted.json"]).code(0);
    lab.run(["plan", "--db", &url, "--schema", "wanted.json", "--exit-code"]).code(0);
    lab.run(["plan", "--db", "wanted.json", "--schema", &url, "--exit-code"]).code(0);
    lab.file("more.sql", "CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, note text, more int)");
    lab.run(["plan", "--db", "wanted.json", "--schema", "more.sql", "--exit-code"]).code(2).shows(&["more"]);
    lab.run(["plan", "--db", "more.sql", "--schema", "wanted.json", "--exit-code"]).code(2);
    // What is no snapshot.
    lab.file("bad.json", "{\"format\": 1}");
    lab.run(["plan", "--db", &url, "--schema", "bad.json"]).code(65).says(&["bad.json cannot be read as a snapshot"]);
    lab.file("bad.json", "{");
    lab.run(["plan", "--db", &url, "--schema", "bad.json"]).code(65).says(&["bad.json"]);
}

#[test]
fn sources_that_do_not_go_together_are_usage_errors() {
    let lab = Lab::new();
    let url = lab.url();
    lab.file("a.sql", "");
    lab.run(["plan", "--db", &url, "--schema", "a.sql", &url]).code(64).says(&["cannot be taken together"]);
    lab.run(["plan", "--db", "mysql://u@h/d", "--schema", "a.sql"]).code(64).says(&["mysql://"]);
    lab.run(["apply", "--db", "a.sql", "--schema", "a.sql", "--yes"]).code(64).says(&["URL"]);
    lab.run(["plan", "--db", &url, "--schema", "a.sql", "--output", "yaml"]).code(64).says(&["yaml", "json"]);
    lab.run(["plan", "--db", &url, "--schema", "a.sql", "--allow", "everything"])
        .code(64)
        .says(&["everything", "data-loss"]);
    lab.run(["plan", "--db", &url, "--schema", "a.sql", "--include", "["]).code(64).says(&["["]);
    lab.run(["plan", "--db", "postgres://h:badport/x", "--schema", "a.sql"]).code(64);
    lab.run(["nonsense"]).code(64);
    lab.run(["--help"]).code(0);
    lab.run(["--version"]).code(0);
}
