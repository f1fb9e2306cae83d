//! What the code says of the work of a step (`Draft::work`), asked of a real server: whether files of tables and indexes change,
//! and whether tables are read, while the step runs. More than is said is a failure; less is too where nothing excuses it, since
//! a step that is said to read every row is one that people wait for.

mod common;

use common::connect;
use postgres::Client;
use std::collections::{BTreeMap, HashMap};
use underpin_model::{Strategy, Work};
use underpin_postgres::{PgCatalog, Postgres, Server, introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

fn start() -> ScratchServer {
    // What is read is counted.
    let settings = vec![("track_counts".to_owned(), "on".to_owned())];
    ScratchServer::start(&Options { settings, ..Options::default() }).expect("PostgreSQL binaries are on this machine")
}

/// New databases on one server.
struct Databases<'a> {
    server: &'a ScratchServer,
    admin: Client,
    made: usize,
}

impl<'a> Databases<'a> {
    fn of(server: &'a ScratchServer) -> Self {
        Self { server, admin: connect(server, "postgres"), made: 0 }
    }

    fn build(&mut self, sql: &str) -> Client {
        self.made += 1;
        let name = format!("facts_{}", self.made);
        self.admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).expect("a database is made");
        let mut client = connect(self.server, &name);
        if let Err(error) = client.batch_execute(sql) {
            panic!("{error:?}\nin {sql}");
        }
        client
    }
}

fn read(client: &mut Client, server: &Server) -> PgCatalog {
    introspect(client, server, &HashMap::new()).expect("the schema is read")
}

/// By relation: its file, what it is an index of (else zero), and how often it was read from end to end.
type Seen = BTreeMap<u32, (u32, u32, i64)>;

fn look(client: &mut Client) -> Seen {
    let sql = "SELECT c.oid, coalesce(pg_relation_filenode(c.oid), 0)::oid, coalesce(i.indrelid, 0)::oid, \
               CASE WHEN c.relkind IN ('r', 'm') THEN pg_stat_get_xact_numscans(c.oid) ELSE 0 END \
               FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid \
               WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'i') AND c.relnamespace = 'public'::regnamespace";
    let rows = client.query(sql, &[]).expect("the catalog is read");
    rows.iter().map(|r| (r.get(0), (r.get(1), r.get(2), r.get(3)))).collect()
}

/// The work between two looks, on tables that were there at first.
fn work(first: &Seen, before: &Seen, after: &Seen) -> Work {
    let mut work = Work::Instant;
    for (oid, (file, of, scans)) in after {
        let old = first.contains_key(if *of == 0 { oid } else { of });
        match before.get(oid) {
            _ if !old => {}
            Some((was, ..)) if was != file => work = Work::Rewrite,
            // An index that is made; one on a partitioned table has no file, and one that is only said anew keeps its own.
            None if *of != 0 && *file != 0 && !before.values().any(|(was, ..)| was == file) => work = Work::Rewrite,
            Some((_, _, had)) if scans > had => work = work.max(Work::Scan),
            _ => {}
        }
    }
    work
}

/// A step whose work is not what was said.
struct Wrong {
    sql: String,
    said: Work,
    done: Work,
}

/// Runs the plan from the one schema to the other and looks at each step of a transaction.
fn watch(databases: &mut Databases<'_>, from: &str, to: &str, strategy: Strategy) -> (usize, Vec<Wrong>) {
    let mut wanted = databases.build(to);
    let server = server_of(&mut wanted).expect("the version is known");
    let to = read(&mut wanted, &server);
    let mut live = databases.build(from);
    let from = read(&mut live, &server);
    let usings = BTreeMap::new();
    let dialect = Postgres::new(&server, strategy, "_underpin", &from, &to, &usings);
    let changes = underpin_diff::diff(&from, &to);
    let planned = underpin_planner::plan(&dialect, &from, &to, &changes).expect("a plan is made");
    let first = look(&mut live);
    let (mut count, mut wrong) = (0, Vec::new());
    for batch in planned.batches {
        if batch.transaction {
            live.batch_execute("BEGIN").expect("a transaction begins");
        }
        let mut before = look(&mut live);
        for step in batch.steps {
            for sql in &step.draft.sql {
                if let Err(error) = live.batch_execute(sql) {
                    panic!("{error:?}\nin {sql}");
                }
            }
            let after = look(&mut live);
            count += 1;
            let (said, done) = (step.draft.work, work(&first, &before, &after));
            // Outside a transaction what was read is not seen.
            let same = said == done || (!batch.transaction && done < said);
            if !same {
                wrong.push(Wrong { sql: step.draft.sql.join("; "), said, done });
            }
            before = after;
        }
        if batch.transaction {
            live.batch_execute("COMMIT").expect("a transaction ends");
        }
    }
    (count, wrong)
}

/// Types with a value that most others can be made of.
const TYPES: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "oid",
    "regclass",
    "numeric",
    "numeric(8,2)",
    "numeric(10,2)",
    "numeric(10,3)",
    "real",
    "double precision",
    "text",
    "character varying",
    "character varying(10)",
    "character varying(20)",
    "character(4)",
    "character(8)",
    "name",
    "date",
    "timestamp without time zone",
    "timestamp(3) without time zone",
    "timestamp(6) without time zone",
    "timestamp with time zone",
    "timestamp(3) with time zone",
    "time without time zone",
    "time(3) without time zone",
    "time with time zone",
    "interval",
    "interval(3)",
    "bit(4)",
    "bit varying",
    "bit varying(4)",
    "bit varying(8)",
    "json",
    "jsonb",
    "inet",
    "cidr",
    "uuid",
    "bytea",
    "boolean",
    "xml",
    "integer[]",
    "bigint[]",
    "text[]",
    "character varying(10)[]",
];

/// Types that have no order, so that no index is on them.
const WITHOUT_INDEX: &[&str] = &["json", "xml"];

#[test]
fn changes_of_type_do_what_is_said() {
    let server = start();
    let mut databases = Databases::of(&server);
    let mut asked = connect(&server, "postgres");
    let known = server_of(&mut asked).expect("the version is known");
    let base = |name: &str| match name.split_once('(') {
        Some((head, tail)) => format!("{head}{}", tail.split_once(')').map_or("", |(_, rest)| rest)),
        None => name.to_owned(),
    };
    let (mut from, mut to) = (String::new(), String::new());
    let mut pairs = 0;
    for (n, a) in TYPES.iter().enumerate() {
        for (m, b) in TYPES.iter().enumerate() {
            if a == b || !known.can_cast(&base(a), &base(b)) || *a == "regclass" || *a == "xml" {
                continue;
            }
            pairs += 1;
            from.push_str(&format!("CREATE TABLE t_{n}_{m} (c {a}); INSERT INTO t_{n}_{m} VALUES (NULL);\n"));
            to.push_str(&format!("CREATE TABLE t_{n}_{m} (c {b});\n"));
            if !WITHOUT_INDEX.contains(a) && !WITHOUT_INDEX.contains(b) {
                let index = format!("CREATE INDEX i_{n}_{m} ON t_{n}_{m} (c);\n");
                from.push_str(&format!("CREATE TABLE x_{n}_{m} (c {a}); INSERT INTO x_{n}_{m} VALUES (NULL);\n"));
                to.push_str(&format!("CREATE TABLE x_{n}_{m} (c {b});\n"));
                let index = index.replace(" t_", " x_");
                from.push_str(&index);
                to.push_str(&index);
            }
        }
    }
    let (count, wrong) = watch(&mut databases, &from, &to, Strategy::Direct);
    assert!(count >= pairs, "{count} steps for {pairs} pairs");
    let less: Vec<String> = wrong.iter().filter(|w| w.said < w.done).map(words).collect();
    let more: Vec<String> =
        wrong.iter().filter(|w| w.said > w.done && !depends_on_time_zone(&w.sql)).map(words).collect();
    println!("{count} facts ran on PostgreSQL {}", server.version().major);
    assert!(less.is_empty(), "more work than is said:\n{}", less.join("\n"));
    assert!(more.is_empty(), "less work than is said:\n{}", more.join("\n"));
}

/// In a session whose time zone is that of UTC, values with and without time zone are the same; elsewhere they are not.
fn depends_on_time_zone(sql: &str) -> bool {
    // The table's name holds the places of the two types: t_19_22.
    let table = sql.split_whitespace().find_map(|word| word.strip_prefix("public.")).unwrap_or_default();
    let mut places = table.split('_').skip(1).filter_map(|n| n.parse::<usize>().ok());
    let zoned = |place: Option<usize>| {
        let name = place.and_then(|n| TYPES.get(n)).filter(|name| name.starts_with("timestamp"))?;
        Some(!name.contains("without time zone"))
    };
    let (from, to) = (zoned(places.next()), zoned(places.next()));
    from.is_some() && to.is_some() && from != to
}

fn words(wrong: &Wrong) -> String {
    format!("said {:?}, did {:?}: {}", wrong.said, wrong.done, wrong.sql)
}

/// What is there in every case, with rows.
const BASE: &str = "
CREATE TABLE r (id integer PRIMARY KEY);
CREATE TABLE t (id integer PRIMARY KEY, a integer, b text, r integer, n integer NOT NULL, s text);
CREATE TABLE p (id integer, v integer) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE DOMAIN small AS integer CHECK (VALUE < 1000);
CREATE DOMAIN plain AS integer;
";

const ROWS: &str = "
INSERT INTO r SELECT generate_series(1, 20);
INSERT INTO t SELECT g, g, 'b', g, g, 's' FROM generate_series(1, 20) g;
INSERT INTO p SELECT g, g FROM generate_series(1, 20) g;
";

/// A change by its two sides: what is said besides the base before the rows are there, and instead of it afterwards; with the
/// first version that has it.
const CHANGES: &[(u32, &str, &str)] = &[
    (12, "", "ALTER TABLE t ADD COLUMN c integer"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer NOT NULL DEFAULT 7"),
    (12, "", "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT now()"),
    (12, "", "ALTER TABLE t ADD COLUMN c date DEFAULT CURRENT_DATE"),
    (12, "", "ALTER TABLE t ADD COLUMN c text DEFAULT upper('x')"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer[] DEFAULT '{1,2}'"),
    (12, "", "ALTER TABLE t ADD COLUMN c double precision DEFAULT random()"),
    (12, "", "ALTER TABLE t ADD COLUMN c timestamptz DEFAULT clock_timestamp()"),
    (12, "", "ALTER TABLE t ADD COLUMN c serial"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer GENERATED ALWAYS AS IDENTITY"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer GENERATED ALWAYS AS (a + 1) STORED"),
    (18, "", "ALTER TABLE t ADD COLUMN c integer GENERATED ALWAYS AS (a + 1) VIRTUAL"),
    (12, "", "ALTER TABLE t ADD COLUMN c small"),
    (12, "", "ALTER TABLE t ADD COLUMN c plain DEFAULT 4"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer CHECK (c > 0)"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer REFERENCES r"),
    (12, "", "ALTER TABLE t ADD COLUMN c integer UNIQUE"),
    (12, "", "ALTER TABLE t DROP COLUMN s"),
    (12, "", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"),
    (12, "ALTER TABLE t ADD CHECK (a IS NOT NULL)", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"),
    (12, "", "ALTER TABLE t ALTER COLUMN n DROP NOT NULL"),
    (12, "", "ALTER TABLE t ALTER COLUMN a SET DEFAULT 3"),
    (12, "", "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0)"),
    (12, "", "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID"),
    (12, "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT k"),
    (18, "", "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT ENFORCED"),
    (12, "", "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (r) REFERENCES r"),
    (12, "", "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (r) REFERENCES r NOT VALID"),
    (18, "", "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (r) REFERENCES r NOT ENFORCED"),
    (12, "", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)"),
    (12, "", "ALTER TABLE t ADD CONSTRAINT k EXCLUDE (a WITH =)"),
    (12, "", "CREATE INDEX k ON t (a)"),
    (12, "CREATE INDEX k ON t (a)", "DROP INDEX k"),
    (12, "", "CREATE INDEX k ON p (v)"),
    (12, "", "ALTER TABLE t SET (fillfactor = 60)"),
    (12, "", "ALTER TABLE t ALTER COLUMN b SET STORAGE EXTERNAL"),
    (12, "", "ALTER TABLE t ALTER COLUMN a SET STATISTICS 7"),
    (14, "", "ALTER TABLE t ALTER COLUMN b SET COMPRESSION pglz"),
    (12, "", "ALTER TABLE t SET UNLOGGED"),
    (15, "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler", "ALTER TABLE t SET ACCESS METHOD heap2"),
    (12, "", "ALTER TABLE t ENABLE ROW LEVEL SECURITY"),
    (12, "", "ALTER TABLE t REPLICA IDENTITY FULL"),
    (
        12,
        "CREATE TABLE q (id integer, v integer); INSERT INTO q VALUES (200, 1)",
        "ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (200) TO (300)",
    ),
    (
        12,
        "CREATE TABLE pd PARTITION OF p DEFAULT; INSERT INTO p VALUES (1000, 1)",
        "CREATE TABLE q PARTITION OF p FOR VALUES FROM (200) TO (300)",
    ),
    (12, "", "CREATE TABLE q PARTITION OF p FOR VALUES FROM (200) TO (300)"),
    (12, "", "ALTER TABLE p DETACH PARTITION p1"),
    (12, "", "ALTER TABLE p ADD COLUMN c integer"),
    (12, "", "ALTER TABLE p ALTER COLUMN v SET NOT NULL"),
    (12, "", "ALTER TABLE p ADD CONSTRAINT k CHECK (v > 0)"),
    (12, "", "ALTER TABLE p ADD CONSTRAINT k FOREIGN KEY (v) REFERENCES r"),
    (
        13,
        "ALTER TABLE t ADD COLUMN g integer GENERATED ALWAYS AS (a) STORED",
        "ALTER TABLE t ALTER COLUMN g DROP EXPRESSION",
    ),
    (
        17,
        "ALTER TABLE t ADD COLUMN g integer GENERATED ALWAYS AS (a) STORED",
        "ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (a + 1)",
    ),
    (
        18,
        "ALTER TABLE t ADD COLUMN g integer GENERATED ALWAYS AS (a)",
        "ALTER TABLE t ALTER COLUMN g SET EXPRESSION AS (a + 1)",
    ),
    (12, "", "ALTER TABLE t ALTER COLUMN n ADD GENERATED BY DEFAULT AS IDENTITY"),
    (18, "ALTER TABLE t ADD CONSTRAINT k NOT NULL a NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT k"),
    (12, "", "CREATE MATERIALIZED VIEW k AS SELECT a FROM t"),
    (12, "CREATE TABLE e (c plain); INSERT INTO e VALUES (1)", "ALTER DOMAIN plain ADD CHECK (VALUE > 0)"),
    (12, "CREATE TABLE e (c plain); INSERT INTO e VALUES (1)", "ALTER DOMAIN plain SET NOT NULL"),
    (12, "", "CREATE TRIGGER k BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"),
    (12, "", "ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT 1 AS one; DROP VIEW t; ALTER TABLE u RENAME TO t"),
];

#[test]
fn steps_do_what_is_said() {
    let server = start();
    let major = server.version().major;
    let mut databases = Databases::of(&server);
    let (mut count, mut all) = (0, Vec::new());
    for (since, before, change) in CHANGES.iter().filter(|(since, ..)| *since <= major) {
        // The sign that a case was written for: none of them is empty by mistake.
        assert!(*since >= 12);
        let (from, to) = (format!("{BASE}{ROWS}{before}"), format!("{BASE}{before};{change}"));
        for strategy in [Strategy::Direct, Strategy::Online] {
            let (steps, wrong) = watch(&mut databases, &from, &to, strategy);
            count += steps;
            all.extend(wrong.iter().map(|w| format!("{change}: {strategy:?}: {}", words(w))));
        }
    }
    println!("{count} facts ran on PostgreSQL {major}");
    assert!(all.is_empty(), "{} steps did other work than is said:\n{}", all.len(), all.join("\n"));
}
