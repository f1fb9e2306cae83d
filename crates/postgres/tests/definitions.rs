//! Definitions of indexes and keys, which are put together here, are word for word what the server prints.

use postgres::{Client, Config, NoTls};
use std::collections::HashMap;
use underpin_postgres::{PgObject, introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

/// What the server prints after `USING`, without storage parameters.
const INDEXES: &str = "SELECT n.nspname::text, c.relname::text, substr(CASE WHEN c.reloptions IS NULL THEN d.text \
    ELSE regexp_replace(d.text, ' WITH \\([^()]*\\)( WHERE |$)', '\\1') END, length(concat('CREATE ', \
    CASE WHEN i.indisunique THEN 'UNIQUE ' END, 'INDEX ', quote_ident(c.relname), ' ON ', \
    CASE WHEN c.relkind = 'I' THEN 'ONLY ' END, quote_ident(n.nspname), '.', quote_ident(t.relname), ' USING ')) + 1) \
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_class t ON t.oid = i.indrelid, pg_get_indexdef(i.indexrelid) AS d (text)";

/// What the server prints of a constraint, without when it is checked.
const CONSTRAINTS: &str = "SELECT n.nspname::text, r.relname::text || '.' || c.conname, \
    regexp_replace(pg_get_constraintdef(c.oid), '( DEFERRABLE)?( INITIALLY DEFERRED)?( NOT VALID)?$', '') \
    FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid \
    JOIN pg_namespace n ON n.oid = r.relnamespace";

/// Compares everything in a database, and gives how many definitions were looked at.
fn compare(client: &mut Client) -> (usize, Vec<String>) {
    let server = server_of(client).expect("the server is known");
    let catalog = introspect(client, &server, &HashMap::new()).expect("the catalog can be read");
    client.batch_execute("SET search_path = ''").expect("a setting");
    let mut printed = HashMap::new();
    for sql in [INDEXES, CONSTRAINTS] {
        for row in client.query(sql, &[]).expect("the server's own text") {
            printed.insert((sql, row.get::<_, String>(0), row.get::<_, String>(1)), row.get::<_, String>(2));
        }
    }
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (id, object) in &catalog.objects {
        let (key, definition) = match object {
            PgObject::Index(index) => ((INDEXES, id.part(0).to_owned(), id.last().to_owned()), &index.definition),
            PgObject::Constraint(constraint) => {
                let name = format!("{}.{}", id.part(1), id.last());
                ((CONSTRAINTS, id.part(0).to_owned(), name), &constraint.definition)
            }
            _ => continue,
        };
        seen += 1;
        if printed.get(&key) != Some(definition) {
            wrong.push(format!("{id:?}: {definition}\nserver: {:?}", printed.get(&key)));
        }
    }
    wrong.extend(catalog.diagnostics.iter().filter(|d| d.code == "not-modelled").map(|d| d.message.clone()));
    (seen, wrong)
}

const ODD: &str = r#"
CREATE SCHEMA "Odd ""schema";
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE span AS RANGE (SUBTYPE = integer);
CREATE DOMAIN word AS varchar(20);
CREATE DOMAIN name_of AS word COLLATE "C";
CREATE DOMAIN amounts AS integer[];
CREATE COLLATION "My coll" FROM "C";
CREATE OPERATOR CLASS backwards FOR TYPE integer USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(integer, integer);
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE TABLE t (
    gone text, id integer, small smallint, v varchar(5), c char(3), x text, n name, m mood, ms mood[], p pair, ps pair[], s span,
    w word, nw name_of, a amounts, i4 integer[], vs varchar[], tv tsvector, j jsonb, pt point, b box, ip inet, cd cidr, o oid,
    oc regclass, bit varbit, "Quoted ""Name" integer, "order" integer, "json" integer, "between" integer, "1st" integer,
    "é" integer, cc text COLLATE "C", my text COLLATE "My coll", ts tsrange, u uuid, flt float8, pl path
);
ALTER TABLE t DROP COLUMN gone;
CREATE INDEX i01 ON t (id, small DESC, v NULLS FIRST, x DESC NULLS LAST, c DESC NULLS FIRST, n);
CREATE INDEX i02 ON t (m, p, s, w, nw);
CREATE INDEX i03 ON t (ms, ps, a, i4, vs);
CREATE INDEX i04 ON t (v varchar_pattern_ops, x text_pattern_ops, c bpchar_pattern_ops, n name_ops, x varchar_ops, v text_ops);
CREATE INDEX i05 ON t (w text_pattern_ops, nw varchar_pattern_ops DESC);
CREATE INDEX i06 ON t (x COLLATE "C", cc COLLATE "default", my COLLATE "C", cc, my, nw COLLATE "default", n COLLATE "My coll");
CREATE INDEX i07 ON t ("Quoted ""Name", "order", "json", "between", "1st", "é");
CREATE INDEX "I ON 8 USING x" ON t (id backwards DESC) INCLUDE (x, "order", p);
CREATE INDEX i09 ON t USING hash (v);
CREATE INDEX i10 ON t USING hash (m);
CREATE INDEX i11 ON t USING gin (tv, i4, vs, ms, a, ps);
CREATE INDEX i12 ON t USING gin (j jsonb_path_ops, j);
CREATE INDEX i13 ON t USING gist (tv, pt, b, s, ts, ip inet_ops);
CREATE INDEX i14 ON t USING gist (pt) INCLUDE (x);
CREATE INDEX i15 ON t USING spgist (pt kd_point_ops);
CREATE INDEX i16 ON t USING spgist (x);
CREATE INDEX i17 ON t USING brin (id, v, ip inet_inclusion_ops, flt, u);
CREATE INDEX i18 ON t (ip, cd, cd cidr_ops, o, oc, bit, u);
CREATE INDEX i19 ON t (id) WHERE x = 'a WHERE b' AND small > 1 OR m = 'a';
CREATE INDEX i20 ON t (id) WITH (fillfactor = 70) WHERE CASE WHEN id > 1 THEN small > 2 ELSE x IS NULL END;
CREATE INDEX i21 ON t (id) WHERE "order" IS NOT NULL;
CREATE INDEX i22 ON t (id) WHERE x IN ('a', 'b') AND (p).a > 1;
CREATE INDEX i23 ON t (f(id), (id + 1), x) WITH (fillfactor = 70) WHERE id > 1;
CREATE UNIQUE INDEX i24 ON t (id, small) WITH (fillfactor = 70);
CREATE INDEX i25 ON t USING brin (id) WITH (pages_per_range = 4, autosummarize = on);
CREATE MATERIALIZED VIEW mv AS SELECT id, v, cc AS "C c" FROM t;
CREATE UNIQUE INDEX mv1 ON mv (id) INCLUDE ("C c");
CREATE INDEX mv2 ON mv ("C c" DESC, v);
ALTER TABLE t RENAME small TO "Renamed";

CREATE TABLE parent (id integer, day date, k text COLLATE "C") PARTITION BY RANGE (day);
CREATE TABLE child (k text, wide text, day date, id integer);
ALTER TABLE child DROP COLUMN wide, ALTER COLUMN k TYPE text COLLATE "C";
ALTER TABLE parent ATTACH PARTITION child FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE INDEX ON parent (k, id DESC);
ALTER TABLE parent ADD PRIMARY KEY (id, day);

CREATE TABLE "Odd ""schema"."Target" ("A b" integer, c integer, d text, "user" integer, PRIMARY KEY (c, "A b"), UNIQUE ("A b") INCLUDE (d, "user"));
CREATE TABLE keys (
    a integer, b integer, c integer UNIQUE, d integer UNIQUE DEFERRABLE INITIALLY DEFERRED, day date,
    PRIMARY KEY (b, a) WITH (fillfactor = 80),
    CONSTRAINT "fk 1" FOREIGN KEY (a, b) REFERENCES "Odd ""schema"."Target" (c, "A b") MATCH FULL ON DELETE CASCADE ON UPDATE RESTRICT,
    CONSTRAINT fk2 FOREIGN KEY (a, b) REFERENCES "Odd ""schema"."Target" ON DELETE SET NULL ON UPDATE SET DEFAULT DEFERRABLE,
    CONSTRAINT fk3 FOREIGN KEY (c) REFERENCES keys (c) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk4 FOREIGN KEY (a, day) REFERENCES parent ON UPDATE CASCADE,
    CONSTRAINT ck CHECK (a > 0), CHECK (b > 0 AND c > 0) NO INHERIT, CHECK (CASE WHEN a > 1 THEN b > 1 ELSE d IS NULL END),
    CONSTRAINT ex EXCLUDE USING btree (a WITH =) WHERE (b > 1)
);
ALTER TABLE keys ADD CONSTRAINT fk5 FOREIGN KEY (b) REFERENCES "Odd ""schema"."Target" ("A b") NOT VALID;
ALTER TABLE keys ADD CHECK (b < 9) NO INHERIT NOT VALID;
"#;

/// What the server knows only from a version on.
const SINCE: &[(u32, &str)] = &[
    (13, "CREATE INDEX since13 ON t USING gist (tv tsvector_ops (siglen='100') , pt) WHERE id > 1"),
    (
        14,
        "CREATE INDEX a14 ON t USING spgist (x) INCLUDE (id);
         CREATE INDEX b14 ON t USING brin (flt float8_minmax_multi_ops (values_per_range='16'), u uuid_bloom_ops)",
    ),
    (
        15,
        "CREATE UNIQUE INDEX since15 ON t (id DESC) INCLUDE (x) NULLS NOT DISTINCT WITH (fillfactor = 70) WHERE id > 1;
         ALTER TABLE keys ADD UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (c);
         ALTER TABLE keys ADD CONSTRAINT fk6 FOREIGN KEY (a, b) REFERENCES \"Odd \"\"schema\".\"Target\" \
             ON DELETE SET NULL (b)",
    ),
    (
        18,
        "CREATE TABLE timed (id int4range, at daterange, PRIMARY KEY (id, at WITHOUT OVERLAPS));
         CREATE TABLE times (id int4range, at daterange, FOREIGN KEY (id, PERIOD at) REFERENCES timed (id, PERIOD at));
         ALTER TABLE keys ADD CONSTRAINT fk7 FOREIGN KEY (c) REFERENCES keys (c) NOT ENFORCED",
    ),
];

#[test]
fn they_are_what_the_server_prints() {
    let scratch = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let connect = |database: &str| {
        let mut config = Config::new();
        config.host_path(scratch.socket_dir()).port(scratch.port()).user(scratch.superuser()).dbname(database);
        config.connect(NoTls).expect("the scratch server takes connections")
    };
    connect("postgres").batch_execute("CREATE DATABASE odd TEMPLATE template0").expect("a database");
    let mut client = connect("odd");
    client.batch_execute(ODD).expect("odd indexes and keys");
    let major = server_of(&mut client).expect("the server is known").major();
    for (_, sql) in SINCE.iter().filter(|(since, _)| *since <= major) {
        client.batch_execute(sql).expect("what the version knows");
    }
    let (seen, wrong) = compare(&mut client);
    assert!(wrong.is_empty(), "{} of {seen} are not the server's:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen > 40, "only {seen} were looked at");
}
