//! The configuration file: options that stand there, environments, variables, and what is wrong in it.

#![allow(clippy::unwrap_used)]

mod support;

use support::{Lab, finish};

#[test]
fn options_stand_in_the_file() {
    let lab = Lab::with("CREATE TABLE t (id int, gone int)");
    lab.file("schema/t.sql", "CREATE TABLE t (id int);");
    lab.file("underpin.toml", "db = '${LIVE_URL}'\nschema = 'schema'\nallow = ['data-loss', 'all']\nno-cache = true\n[env.broken]\ndb = 'postgres://x@127.0.0.1:1/d'\n");
    let run = |args: &[&str]| {
        let mut command = lab.command(args);
        command.env("LIVE_URL", lab.url());
        finish(command)
    };
    run(&["plan", "--exit-code"]).code(2).shows(&["gone"]);
    run(&["plan", "--env", "broken"]).code(69);
    run(&["plan", "--env", "nowhere"]).code(64).says(&["[env.nowhere]", "broken"]);
    // The command line has the last word.
    run(&["plan", "--exit-code", "--env", "broken", "--db", &lab.url()]).code(2);
    lab.file("other.sql", "CREATE TABLE t (id int, gone int);");
    run(&["plan", "--exit-code", "--schema", "other.sql"]).code(0);
    run(&["plan", "--help"]).code(0).never("data-loss,all").never("host=");
    run(&["apply", "--yes", "--phase", "all"]).code(0);
    run(&["drift"]).code(0);
    run(&["inspect"]).code(0).shows(&["CREATE TABLE"]);
    // A plan from a file wants no schema, even if one stands there.
    run(&["plan", "--output", "json", "-o", "plan.json"]).code(0);
    run(&["apply", "--plan", "plan.json", "--yes"]).code(0);
    // From elsewhere paths are those of the file.
    let mut command = lab.command(["plan", "--exit-code", "--config", lab.path("underpin.toml").to_str().unwrap()]);
    command.env("LIVE_URL", lab.url()).current_dir("/");
    finish(command).code(0);
}

#[test]
fn mistakes_in_the_file() {
    let lab = Lab::new();
    lab.file("underpin.toml", "db = '${NOT_SET_ANYWHERE}'\n");
    lab.run(["plan", "--schema", "x"]).code(64).says(&["underpin.toml:1", "NOT_SET_ANYWHERE"]);
    lab.file("underpin.toml", "\nschemas = 'x'\n");
    lab.run(["plan"]).code(64).says(&["underpin.toml:2", "`schemas` is no option", "schema"]);
    lab.file("underpin.toml", "strategy = 'fast'\n");
    lab.run(["plan", "--db", "x", "--schema", "y"]).code(64).says(&["fast", "online"]);
    lab.file("underpin.toml", "no toml");
    lab.run(["plan"]).code(64).says(&["underpin.toml:1", "no TOML"]);
    std::fs::remove_file(lab.path("underpin.toml")).unwrap();
    lab.run(["plan", "--config", "elsewhere.toml"]).code(64).says(&["elsewhere.toml cannot be read"]);
    lab.run(["plan", "--env", "x"]).code(64).says(&["underpin.toml"]);
}

#[test]
fn the_schema_comes_from_one_place() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    lab.file("files.sql", "CREATE TABLE t (id int);");
    lab.file("models.sql", "CREATE TABLE models (id int);");
    let url = lab.url();
    let program = ["--schema-program", "cat", "--schema-program", "models.sql"];
    let plan = |further: &[&str]| lab.run([&["plan", "--db", &url, "--exit-code"], further].concat());
    let both = [&["--schema", "files.sql"], &program[..]].concat();
    plan(&both).code(64).says(&["--schema <PATH>...", "cannot be used with", "--schema-program <WORD>"]);
    let drift = [&["drift", "--db", &url, "--migrations", "m"], &program[..]].concat();
    lab.run(drift).code(64).says(&["cannot be used with"]);
    // The command line has the last word, whichever of the two it says.
    lab.file("underpin.toml", "schema = 'files.sql'\n");
    plan(&[]).code(0);
    plan(&program).code(2).shows(&["create table public.models"]);
    lab.file("underpin.toml", "schema = { program = ['cat', 'models.sql'] }\n");
    plan(&[]).code(2).shows(&["create table public.models"]);
    plan(&["--schema", "files.sql"]).code(0);
    lab.file("underpin.toml", "schema = 'files.sql'\nschema-program = ['cat', 'models.sql']\n");
    plan(&[]).code(64).says(&["underpin.toml:2", "both say where the schema comes from"]);
}
