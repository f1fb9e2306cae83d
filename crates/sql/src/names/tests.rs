use crate::{Name, Space, Statement, split};

fn one(text: &str) -> Statement {
    let mut statements = split(text).statements;
    assert_eq!(statements.len(), 1, "{text}");
    statements.remove(0)
}

fn show(names: &[Name]) -> Vec<String> {
    let one = |n: &Name| {
        let schema = n.schema.as_ref().map(|s| format!("{s}.")).unwrap_or_default();
        let space = match n.space {
            Space::Schema => "schema",
            Space::Relation => "rel",
            Space::Type => "type",
            Space::Routine => "fn",
            Space::Part => "part",
            Space::Key => "key",
            Space::Other => "other",
        };
        format!("{space} {schema}{}", n.name)
    };
    let mut all: Vec<_> = names.iter().map(one).collect();
    all.sort();
    all
}

fn creates(text: &str) -> Vec<String> {
    show(&one(text).creates)
}

fn refers(text: &str) -> Vec<String> {
    show(&one(text).refers)
}

#[test]
fn tables() {
    let text = "CREATE TABLE s.t (id bigint DEFAULT nextval('s.q'::regclass) PRIMARY KEY, m mood NOT NULL, \
                g s.geo(1,2)[] COLLATE c1, v character varying(3), r int REFERENCES o (id) ON DELETE SET NULL, \
                x text GENERATED ALWAYS AS (lower(y)) STORED, LIKE l INCLUDING ALL, CONSTRAINT k UNIQUE (id), \
                CONSTRAINT f FOREIGN KEY (a) REFERENCES s.p(b), CHECK (ok(a) AND a::kind = b)) INHERITS (p1, s.p2)";
    assert_eq!(creates(text), ["part s.t.f", "part s.t.k", "rel s.k", "rel s.t", "type s.t"]);
    assert_eq!(
        refers(text),
        [
            "fn lower", "fn nextval", "fn ok", "key o", "key s.p", "other c1", "rel l", "rel o", "rel p1", "rel s.p",
            "rel s.p2", "rel s.q", "type kind", "type mood", "type s.geo"
        ]
    );
    assert_eq!(show(&one(text).extends), ["key s.t"]);
    assert_eq!(refers("CREATE TABLE a PARTITION OF s.b FOR VALUES FROM (1) TO (2)"), ["rel s.b"]);
    assert_eq!(refers("CREATE TABLE a OF s.b (x WITH OPTIONS DEFAULT f())"), ["fn f", "type s.b"]);
    assert_eq!(refers("CREATE FOREIGN TABLE a (x int) SERVER s OPTIONS (a 'b')"), ["other s"]);
    assert_eq!(refers("CREATE TABLE a AS SELECT f(x) FROM b WITH NO DATA"), ["fn f", "rel b"]);
}

#[test]
fn altered_tables() {
    let add = one("ALTER TABLE ONLY a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES s.b(y) NOT VALID");
    assert_eq!(show(&add.alters), ["rel a"]);
    assert_eq!(show(&add.refers), ["key s.b", "rel s.b"]);
    assert_eq!((show(&add.creates), show(&add.extends)), (vec![], vec!["part a.f".to_owned()]));
    let more = one("ALTER TABLE a ADD COLUMN IF NOT EXISTS x mood DEFAULT f(1, 2), ADD UNIQUE (x), ALTER y TYPE t2");
    assert_eq!(show(&more.refers), ["fn f", "type mood", "type t2"]);
    assert_eq!(show(&more.extends), ["key a", "rel a"]);
    assert_eq!(show(&one("ALTER TABLE a ATTACH PARTITION s.b FOR VALUES IN (1)").refers), ["rel s.b"]);
    assert_eq!(show(&one("ALTER TABLE s.a RENAME TO b").creates), ["rel s.b"]);
    assert_eq!(show(&one("ALTER TABLE s.a RENAME COLUMN b TO c").creates), [""; 0]);
    assert_eq!(show(&one("ALTER SEQUENCE q OWNED BY s.t.c").refers), ["rel s.t"]);
    assert_eq!(show(&one("ALTER TABLE a OWNER TO b").refers), [""; 0]);
}

#[test]
fn views_and_indexes() {
    let view = "CREATE OR REPLACE VIEW s.v (a) WITH (security_barrier) AS SELECT f(x)::mood, status FROM s.t, u AS y";
    assert_eq!(creates(view), ["rel s.v", "type s.v"]);
    assert_eq!(refers(view), ["fn f", "rel s.t", "rel u", "type mood"]);
    let index = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING gin (a my_ops, f(b)) WHERE g(c)";
    assert_eq!(creates(index), ["rel s.i"]);
    assert_eq!(refers(index), ["fn f", "fn g", "other a", "other b", "other f", "other gin", "other my_ops", "rel s.t"]);
    assert_eq!(creates("CREATE INDEX ON t (a)"), [""; 0]);
}

#[test]
fn routines() {
    let text = "CREATE FUNCTION s.f(IN a mood, b s.k DEFAULT g(), other, VARIADIC c t.x%TYPE, OUT double precision) \
                RETURNS SETOF s.t LANGUAGE sql AS $$ SELECT h(a) FROM s.u $$";
    assert_eq!(creates(text), ["fn s.f"]);
    assert_eq!(refers(text), ["fn g", "rel t", "type mood", "type other", "type s.k", "type s.t"]);
    assert_eq!(show(&one(text).body_refers), ["fn h", "rel s.u"]);
    let off = split(&format!("SET check_function_bodies = false; {text}"));
    assert_eq!(off.statements[1].body_refers, []);
    let atomic = "CREATE FUNCTION f() RETURNS TABLE (a mood, b int) BEGIN ATOMIC SELECT 1 FROM t; INSERT INTO u SELECT g(); END";
    assert_eq!(refers(atomic), ["fn g", "rel t", "rel u", "type mood"]);
    assert_eq!(refers("CREATE FUNCTION f(a int) RETURNS int RETURN g(a)"), ["fn g"]);
    let plpgsql = one(
        "CREATE FUNCTION f() RETURNS trigger AS $x$ DECLARE a mood := 1; b CONSTANT s.t%ROWTYPE; c u.d%TYPE; e int; \
         BEGIN SELECT q FROM nowhere; END $x$ LANGUAGE plpgsql",
    );
    assert_eq!(show(&plpgsql.body_refers), ["rel s.t", "rel u", "type mood"]);
    let aggregate = "CREATE AGGREGATE s.a(mood) (SFUNC = s.f, STYPE = s.t)";
    assert_eq!(creates(aggregate), ["fn s.a"]);
    assert!(refers(aggregate).contains(&"fn s.f".to_owned()) && refers(aggregate).contains(&"type mood".to_owned()));
}

#[test]
fn types_and_what_stands_below_a_relation() {
    assert_eq!(creates("CREATE TYPE s.e AS ENUM ('a', 'b')"), ["type s.e"]);
    assert_eq!(refers("CREATE TYPE c AS (a mood, b s.t[])"), ["type mood", "type s.t"]);
    assert_eq!(creates("CREATE TYPE r AS RANGE (subtype = mood)"), ["fn r", "type r"]);
    assert_eq!(refers("CREATE DOMAIN d AS mood CHECK (f(VALUE))"), ["fn f", "type mood"]);
    let trigger = "CREATE CONSTRAINT TRIGGER x AFTER UPDATE OF a OR DELETE ON s.t DEFERRABLE WHEN (g(a)) EXECUTE FUNCTION f()";
    assert_eq!(creates(trigger), ["part s.t.x"]);
    assert_eq!(refers(trigger), ["fn f", "fn g", "rel s.t"]);
    let policy = "CREATE POLICY p ON t TO r USING (EXISTS (SELECT 1 FROM u)) WITH CHECK (f(a))";
    assert_eq!((creates(policy), refers(policy)), (vec!["part t.p".into()], vec!["fn f".into(), "rel t".into(), "rel u".into()]));
    let rule = "CREATE RULE r AS ON INSERT TO v DO INSTEAD (INSERT INTO t VALUES (1); DELETE FROM u)";
    assert_eq!((creates(rule), refers(rule)[2..].to_vec()), (vec!["part v.r".into()], vec!["rel v".to_owned()]));
}

#[test]
fn other_objects() {
    assert_eq!(creates("CREATE SCHEMA IF NOT EXISTS s AUTHORIZATION r"), ["schema s"]);
    assert_eq!(creates("CREATE SCHEMA AUTHORIZATION r"), ["schema r"]);
    let extension = "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA ext";
    assert_eq!(creates(extension), ["other citext", "type ext.citext"]);
    assert_eq!(refers(extension), ["schema ext"]);
    assert_eq!(creates("CREATE OPERATOR s.=== (LEFTARG = a, FUNCTION = f)"), ["other s.==="]);
    assert_eq!(creates("CREATE OPERATOR === (LEFTARG = a, FUNCTION = f)"), ["other ==="]);
    assert!(refers("CREATE CAST (a AS s.b) WITH FUNCTION f(a)").contains(&"type s.b".to_owned()));
    assert!(refers("CREATE PUBLICATION p FOR TABLE s.t, u").contains(&"rel s.t".to_owned()));
    let schemas = refers("CREATE PUBLICATION p FOR TABLES IN SCHEMA a, b");
    assert!(schemas.contains(&"schema a".to_owned()) && schemas.contains(&"schema b".to_owned()));
}

#[test]
fn what_is_about_other_objects() {
    assert_eq!(refers("COMMENT ON COLUMN s.t.c IS 'x'"), ["rel s.t", "type s.t"]);
    assert_eq!(refers("COMMENT ON FUNCTION s.f(a mood) IS 'x'"), ["fn s.f", "type mood"]);
    assert_eq!(refers("COMMENT ON CONSTRAINT k ON s.t IS 'x'"), ["part s.t.k", "rel s.t"]);
    assert_eq!(refers("COMMENT ON CONSTRAINT k ON DOMAIN d IS 'x'")[1..], ["type d"]);
    assert_eq!(refers("GRANT SELECT (a), INSERT ON TABLE s.t, u TO r"), ["rel s.t", "rel u"]);
    assert_eq!(refers("REVOKE ALL ON FUNCTION f(mood), g() FROM PUBLIC"), ["fn f", "fn g", "type mood"]);
    assert_eq!(refers("GRANT USAGE ON SCHEMA a, b TO r"), ["schema a", "schema b"]);
    assert_eq!(refers("GRANT SELECT ON ALL TABLES IN SCHEMA a TO r"), ["schema a"]);
    assert_eq!(refers("GRANT a TO b"), [""; 0]);
    assert_eq!(refers("ALTER DEFAULT PRIVILEGES FOR ROLE x IN SCHEMA s GRANT SELECT ON TABLES TO y"), ["schema s"]);
    let dropped = one("DROP TABLE IF EXISTS a, s.b CASCADE");
    assert_eq!((show(&dropped.drops), show(&dropped.refers)), (vec!["rel a".into(), "rel s.b".into()], vec![]));
    assert_eq!(show(&one("DROP TRIGGER x ON s.t").drops), ["part s.t.x", "rel s.t"]);
}

#[test]
fn blocks_that_make_a_type_unless_it_is_there() {
    let text = "DO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$";
    assert_eq!(creates(text), ["type mood"]);
}
