//! The changes whose roads are taken, with what the tables hold in the end.

/// A change that takes several stages.
pub struct Case {
    pub name: &'static str,
    pub live: &'static str,
    pub schema: &'static str,
    /// The recipes that the plan has to use; of those between bars, one.
    pub recipes: &'static [&'static str],
    /// What the tables hold in the end, whatever happened on the way.
    pub holds: &'static [(&'static str, &'static [&'static str])],
}

/// The cases, or those whose names hold the text of `CASE`.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let only = std::env::var("CASE").unwrap_or_default();
    CASES.iter().filter(move |case| case.name.contains(&only))
}

const CASES: &[Case] = &[
    Case {
        name: "partitions rotate",
        live: "CREATE TABLE t (id int, day date, CONSTRAINT t_pkey PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
               CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
               CREATE TABLE u (id int, x int, k int) PARTITION BY LIST (k); CREATE INDEX ui ON u (x); CREATE TABLE u1 PARTITION OF u FOR VALUES IN (1); CREATE TABLE u2 PARTITION OF u FOR VALUES IN (2);
               INSERT INTO t VALUES (1, '2026-01-05'), (2, '2026-02-05'); INSERT INTO u VALUES (1, 1, 1), (2, 2, 2)",
        schema: "CREATE TABLE t (id int, day date, CONSTRAINT t_pkey PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
               CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE TABLE t3 PARTITION OF t FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
               CREATE TABLE u (id int NOT NULL, k int) PARTITION BY LIST (k); CREATE TABLE u2 PARTITION OF u FOR VALUES IN (2); CREATE INDEX uk ON u (k);",
        recipes: &["partition-detached|not-null-by-check|constraint-in-two-steps"],
        holds: &[("SELECT id || ' ' || day FROM t", &["2 2026-02-05"]), ("SELECT concat_ws(' ', id, k) FROM u", &["2 2"])],
    },
    Case {
        name: "several types in one walk",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int, b int, c text, d bit(3), e char(3)); INSERT INTO t VALUES (1, 1, 2, 'abc', B'101', 'x'), (2, NULL, 7, NULL, NULL, NULL)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text, c varchar(5), d bit varying(4), e char(5));",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT concat_ws(' ', id, a, b, c, d, e || '|') FROM t ORDER BY id", &["1 1 2 abc 101 x|", "2 7"])],
    },
    Case {
        name: "a type",
        live: "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 7, s text, CONSTRAINT c CHECK (n > 0)); CREATE INDEX i ON t (n) WHERE n > 1;
               CREATE VIEW v AS SELECT n FROM t; GRANT SELECT (n) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many'; INSERT INTO t SELECT g, g FROM generate_series(1, 5) g",
        schema: "CREATE TABLE t (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 7, s text, CONSTRAINT c CHECK (n > 0)); CREATE INDEX i ON t (n) WHERE n > 1;
               CREATE VIEW v AS SELECT n FROM t; GRANT SELECT (n) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many';",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT id || ' ' || n FROM t ORDER BY id", &["1 1", "2 2", "3 3", "4 4", "5 5"])],
    },
    Case {
        name: "a key with foreign keys",
        live: "CREATE TABLE p (id serial PRIMARY KEY, up int REFERENCES p); CREATE TABLE c (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p_id int NOT NULL REFERENCES p ON DELETE CASCADE);
               CREATE INDEX ON c (p_id); INSERT INTO p (up) VALUES (NULL), (1), (2); INSERT INTO c (p_id) VALUES (1), (3)",
        schema: "CREATE TABLE p (id bigserial PRIMARY KEY, up bigint REFERENCES p); CREATE TABLE c (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p_id bigint NOT NULL REFERENCES p ON DELETE CASCADE);
               CREATE INDEX ON c (p_id);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT concat_ws(' ', id, up) FROM p ORDER BY id", &["1", "2 1", "3 2"]),
            ("SELECT concat_ws(' ', id, p_id) FROM c ORDER BY id", &["1 1", "2 3"]),
            ("INSERT INTO p (up) VALUES (3) RETURNING id::text", &["4"]),
            ("INSERT INTO c (p_id) VALUES (2) RETURNING id::text", &["3"]),
        ],
    },
    Case {
        name: "a type by expression",
        live: "CREATE TABLE t (id int, s text NOT NULL); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
        schema: "CREATE TABLE t (id int,\n  s int NOT NULL -- underpin: using ascii(s)\n);",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT id || ' ' || s FROM t ORDER BY id", &["1 97", "2 98"])],
    },
    Case {
        name: "time zones in UTC",
        live: "CREATE TABLE t (id int PRIMARY KEY, a timestamp(3) NOT NULL DEFAULT '2026-01-01', b timestamptz, c timestamp); CREATE VIEW v AS SELECT a FROM t;
               INSERT INTO t VALUES (1, '2026-03-29 02:30', '2026-10-25 00:30Z', '2026-02-02')",
        schema: "CREATE TABLE t (id int PRIMARY KEY,\n  a timestamptz NOT NULL DEFAULT '2026-01-01', -- underpin: using a AT TIME ZONE 'UTC'\n  b timestamp(6), c timestamptz);
               CREATE VIEW v AS SELECT a FROM t;",
        recipes: &["type-in-place"],
        holds: &[(
            "SELECT concat_ws(' ', id, a AT TIME ZONE 'UTC', b, c AT TIME ZONE 'UTC') FROM t",
            &["1 2026-03-29 02:30:00 2026-10-25 00:30:00 2026-02-02 00:00:00"],
        )],
    },
    Case {
        name: "serials that become identities",
        live: "CREATE TABLE t (id serial PRIMARY KEY, n serial, big serial, a text); COMMENT ON SEQUENCE t_id_seq IS 'numbers'; GRANT USAGE ON SEQUENCE t_n_seq TO PUBLIC;
               INSERT INTO t (a) VALUES ('x'), ('y'); DELETE FROM t WHERE a = 'y'; CREATE TABLE u (id serial); CREATE SEQUENCE other; CREATE TABLE w (id int NOT NULL DEFAULT nextval('other'));
               INSERT INTO w DEFAULT VALUES",
        schema: "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY (INCREMENT BY 10), big bigint GENERATED BY DEFAULT AS IDENTITY, a text);
               CREATE TABLE u (id int GENERATED BY DEFAULT AS IDENTITY); CREATE TABLE w (id int NOT NULL GENERATED BY DEFAULT AS IDENTITY);",
        recipes: &["identity-from-serial", "type-by-new-column"],
        holds: &[
            ("SELECT concat_ws(' ', id, n, big) FROM t", &["1 1 1"]),
            ("INSERT INTO t (a) VALUES ('z') RETURNING concat_ws(' ', id, n, big)", &["3 12 3"]),
            ("INSERT INTO u DEFAULT VALUES RETURNING id::text", &["1"]),
            ("INSERT INTO w DEFAULT VALUES RETURNING id::text", &["2"]),
        ],
    },
    Case {
        name: "a type in a partitioned table",
        live: "CREATE TABLE p (k int NOT NULL, n int NOT NULL DEFAULT 7, s text, CONSTRAINT pk PRIMARY KEY (k, n), CONSTRAINT pos CHECK (n > 0)) PARTITION BY RANGE (k);
               CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (k);
               CREATE TABLE p21 (s text, n int NOT NULL DEFAULT 8, k int NOT NULL, CONSTRAINT pos CHECK (n > 0)); ALTER TABLE p2 ATTACH PARTITION p21 FOR VALUES FROM (100) TO (150);
               CREATE TABLE p22 PARTITION OF p2 DEFAULT; CREATE INDEX few ON p (n) WHERE n > 1; CREATE INDEX own ON p1 (lower(s), n); COMMENT ON INDEX few IS 'a part';
               CREATE VIEW v AS SELECT n FROM p; INSERT INTO p (k, n) SELECT g, g / 10 + 1 FROM generate_series(0, 190, 10) g",
        schema: "CREATE TABLE p (k int NOT NULL, n bigint NOT NULL DEFAULT 7, s text, CONSTRAINT pk PRIMARY KEY (k, n), CONSTRAINT pos CHECK (n > 0)) PARTITION BY RANGE (k);
               CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (k);
               CREATE TABLE p21 (s text, n bigint NOT NULL DEFAULT 8, k int NOT NULL, CONSTRAINT pos CHECK (n > 0)); ALTER TABLE p2 ATTACH PARTITION p21 FOR VALUES FROM (100) TO (150);
               CREATE TABLE p22 PARTITION OF p2 DEFAULT; CREATE INDEX few ON p (n) WHERE n > 1; CREATE INDEX own ON p1 (lower(s), n); COMMENT ON INDEX few IS 'a part';
               CREATE VIEW v AS SELECT n FROM p;",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT string_agg(n::text, ' ' ORDER BY k) FROM p", &["1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"]),
            ("INSERT INTO p21 (k) VALUES (101) RETURNING n::text", &["8"]),
            ("INSERT INTO p (k) VALUES (1) RETURNING n::text", &["7"]),
        ],
    },
    Case {
        name: "a type in a table with heirs",
        live: "CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL DEFAULT 7 CHECK (n > 0)); CREATE TABLE b (x text) INHERITS (a); CREATE TABLE c () INHERITS (b); ALTER TABLE c ALTER n SET DEFAULT 9;
               CREATE INDEX ON a (n); CREATE UNIQUE INDEX u ON b (n, x); INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (2, 2, 'b'); INSERT INTO c VALUES (3, 3, 'c')",
        schema: "CREATE TABLE a (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 7 CHECK (n > 0)); CREATE TABLE b (x text) INHERITS (a); CREATE TABLE c () INHERITS (b); ALTER TABLE c ALTER n SET DEFAULT 9;
               CREATE INDEX ON a (n); CREATE UNIQUE INDEX u ON b (n, x);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT string_agg(id || ' ' || n, ' ' ORDER BY id) FROM a", &["1 1 2 2 3 3"]),
            ("INSERT INTO c (id) VALUES (4) RETURNING n::text", &["9"]),
        ],
    },
    Case {
        name: "a column that heirs declare too",
        live: "CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL DEFAULT 7, r int); CREATE TABLE b (n int, x text) INHERITS (a); CREATE TABLE c (n int) INHERITS (b); CREATE TABLE d () INHERITS (b); CREATE TABLE e (n int NOT NULL) INHERITS (a);
               CREATE TABLE k (id bigint PRIMARY KEY); INSERT INTO k VALUES (5); ALTER TABLE a ADD FOREIGN KEY (r) REFERENCES k; CREATE INDEX ON c (n);
               INSERT INTO a VALUES (1, 1, 5); INSERT INTO b VALUES (2, 2, NULL, 'b'); INSERT INTO c VALUES (3, 3); INSERT INTO d VALUES (4, 4); INSERT INTO e VALUES (5, 5)",
        schema: "CREATE TABLE a (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 7, r bigint); CREATE TABLE b (n bigint, x text) INHERITS (a); CREATE TABLE c (n bigint) INHERITS (b); CREATE TABLE d () INHERITS (b); CREATE TABLE e (n bigint NOT NULL) INHERITS (a);
               CREATE TABLE k (id bigint PRIMARY KEY); ALTER TABLE a ADD FOREIGN KEY (r) REFERENCES k; CREATE INDEX ON c (n);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT string_agg(concat_ws(' ', id, n, r), ' ' ORDER BY id) FROM a", &["1 1 5 2 2 3 3 4 4 5 5"]),
            ("SELECT string_agg(attislocal::text, ' ' ORDER BY attrelid::regclass::text) FROM pg_attribute WHERE attname = 'n'", &["true true true false true"]),
        ],
    },
    Case {
        name: "foreign keys of a partitioned table",
        live: "CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE w (id bigint PRIMARY KEY);
               CREATE TABLE p (k int NOT NULL, r int REFERENCES u, s int CONSTRAINT to_w REFERENCES w ON DELETE CASCADE) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
               CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (k); CREATE TABLE p21 PARTITION OF p2 DEFAULT; INSERT INTO u VALUES (1), (2); INSERT INTO w VALUES (3); INSERT INTO p VALUES (1, 1, 3), (11, 2, NULL)",
        schema: "CREATE TABLE u (id bigint PRIMARY KEY); CREATE TABLE w (id bigint PRIMARY KEY);
               CREATE TABLE p (k int NOT NULL, r bigint REFERENCES u, s bigint CONSTRAINT to_w REFERENCES w ON DELETE CASCADE) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
               CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (k); CREATE TABLE p21 PARTITION OF p2 DEFAULT;",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT string_agg(concat_ws(' ', k, r, s), ' ' ORDER BY k) FROM p", &["1 1 3 11 2"]),
            ("SELECT DISTINCT conname::text FROM pg_constraint WHERE contype = 'f' ORDER BY 1", &["p_r_fkey", "to_w"]),
            ("DELETE FROM w RETURNING id::text", &["3"]),
            ("SELECT count(*)::text FROM p", &["1"]),
        ],
    },
    Case {
        name: "a key of a partitioned table that others refer to",
        live: "CREATE TABLE p (k int NOT NULL, id int NOT NULL, note text, CONSTRAINT pk PRIMARY KEY (k, id), UNIQUE (id, k)) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
               CREATE TABLE p2 PARTITION OF p DEFAULT; CREATE TABLE c (id int PRIMARY KEY, k int, p int, FOREIGN KEY (k, p) REFERENCES p ON DELETE CASCADE); CREATE TABLE d (k int, p bigint, CONSTRAINT mine FOREIGN KEY (p, k) REFERENCES p (id, k));
               INSERT INTO p VALUES (1, 1), (11, 2); INSERT INTO c VALUES (1, 1, 1), (2, 11, 2); INSERT INTO d VALUES (1, 1)",
        schema: "CREATE TABLE p (k int NOT NULL, id bigint NOT NULL, note text, CONSTRAINT pk PRIMARY KEY (k, id), UNIQUE (id, k)) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
               CREATE TABLE p2 PARTITION OF p DEFAULT; CREATE TABLE c (id int PRIMARY KEY, k int, p bigint, FOREIGN KEY (k, p) REFERENCES p ON DELETE CASCADE); CREATE TABLE d (k int, p bigint, CONSTRAINT mine FOREIGN KEY (p, k) REFERENCES p (id, k));",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT string_agg(concat_ws(' ', k, id), ' ' ORDER BY k) FROM p", &["1 1 11 2"]),
            ("DELETE FROM p WHERE k = 11 RETURNING id::text", &["2"]),
            ("SELECT concat_ws(' ', id, k, p) FROM c", &["1 1 1"]),
            ("SELECT count(*)::text FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND NOT convalidated", &["0"]),
        ],
    },
    Case {
        name: "an identity of a partitioned table",
        live: "CREATE TABLE p (k int NOT NULL, id int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (k, id)) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
               CREATE TABLE p2 PARTITION OF p DEFAULT; CREATE TABLE a (id int GENERATED BY DEFAULT AS IDENTITY, n int); CREATE TABLE b () INHERITS (a); INSERT INTO p VALUES (1), (2), (11); INSERT INTO a (n) VALUES (1); INSERT INTO b VALUES (9, 9)",
        schema: "CREATE TABLE p (k int NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (k, id)) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
               CREATE TABLE p2 PARTITION OF p DEFAULT; CREATE TABLE a (id bigint GENERATED BY DEFAULT AS IDENTITY, n int); CREATE TABLE b () INHERITS (a);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT string_agg(concat_ws(' ', k, id), ' ' ORDER BY k) FROM p", &["1 1 2 2 11 3"]),
            ("INSERT INTO p VALUES (3) RETURNING id::text", &["4"]),
            ("INSERT INTO a (n) VALUES (2) RETURNING id::text", &["2"]),
        ],
    },
    Case {
        name: "domains with checks",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL); INSERT INTO t VALUES (1, 5), (2, 6)",
        schema: "CREATE DOMAIN pos AS int CHECK (VALUE > 0) CONSTRAINT top CHECK (VALUE < 100); CREATE DOMAIN word AS text CHECK (VALUE <> '');
               CREATE TABLE t (id int PRIMARY KEY, a pos NOT NULL, w word, d word NOT NULL DEFAULT 'x');",
        recipes: &["shadow-table"],
        holds: &[("SELECT concat_ws(' ', id, a, w, d) FROM t ORDER BY id", &["1 5 x", "2 6 x"])],
    },
    Case {
        name: "domains with checks, and no key",
        live: "CREATE TABLE t (id int, a int NOT NULL); INSERT INTO t VALUES (1, 5), (2, 6)",
        schema: "CREATE DOMAIN pos AS int CHECK (VALUE > 0) CONSTRAINT top CHECK (VALUE < 100); CREATE DOMAIN word AS text CHECK (VALUE <> '');
               CREATE TABLE t (id int, a pos NOT NULL, w word, d word NOT NULL DEFAULT 'x');",
        recipes: &["type-by-new-column", "domain-check-in-two-steps"],
        holds: &[("SELECT concat_ws(' ', id, a, w, d) FROM t ORDER BY id", &["1 5 x", "2 6 x"])],
    },
    Case {
        name: "a domain that has its checks",
        live: "CREATE DOMAIN pos AS int CHECK (VALUE > 0); CREATE DOMAIN small AS pos DEFAULT 3 CHECK (VALUE < 100); CREATE TABLE r (id int PRIMARY KEY, p pos); CREATE FUNCTION f(pos) RETURNS int LANGUAGE sql AS 'SELECT $1 + 0';
               CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL, s text, r int REFERENCES r); CREATE INDEX i ON t (a); CREATE TABLE k (t int REFERENCES t); CREATE VIEW v AS SELECT a FROM t;
               INSERT INTO r VALUES (1, 7); INSERT INTO t (a, s, r) VALUES (5, 'ab', 1), (6, 'c', NULL); INSERT INTO k VALUES (2)",
        schema: "CREATE DOMAIN pos AS int CHECK (VALUE > 0); CREATE DOMAIN small AS pos DEFAULT 3 CHECK (VALUE < 100); CREATE TABLE r (id int PRIMARY KEY, p pos); CREATE FUNCTION f(pos) RETURNS int LANGUAGE sql AS 'SELECT $1 + 0';
               CREATE TABLE t (id serial PRIMARY KEY, a pos NOT NULL, s text, r int REFERENCES r, none pos, three small NOT NULL, four pos NOT NULL DEFAULT 4 CHECK (four < 9), v pos DEFAULT (random() * 0)::int + 7,
                 len pos NOT NULL -- underpin: backfill length(s)
               ); CREATE INDEX i ON t (a); CREATE INDEX ON t (len); CREATE TABLE k (t int REFERENCES t); CREATE VIEW v AS SELECT a FROM t;",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, a, s, r, three, four, v, len) FROM t ORDER BY id", &["1 5 ab 1 3 4 7 2", "2 6 c 3 4 7 1"]),
            ("INSERT INTO t (a, len) VALUES (1, 1) RETURNING id::text", &["3"]),
        ],
    },
    Case {
        name: "an enum that loses a value",
        live: "CREATE TYPE mood AS ENUM ('ok', 'sad', 'glad'); CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL DEFAULT 'sad', CHECK (m <> 'glad')); CREATE INDEX i ON t (m) WHERE m = 'ok';
               CREATE VIEW v AS SELECT m FROM t; COMMENT ON TYPE mood IS 'feelings'; INSERT INTO t VALUES (1, 'ok'), (2, 'sad')",
        schema: "-- underpin: map 'sad' => 'blue'\nCREATE TYPE mood AS ENUM ('ok', 'blue', 'glad'); CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL DEFAULT 'blue', CHECK (m <> 'glad'));
               CREATE INDEX i ON t (m) WHERE m = 'ok'; CREATE VIEW v AS SELECT m FROM t; COMMENT ON TYPE mood IS 'feelings';",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT id || ' ' || m FROM t ORDER BY id", &["1 ok", "2 blue"])],
    },
    Case {
        name: "an enum in arrays",
        live: "CREATE TYPE mood AS ENUM ('ok', 'sad', 'glad'); CREATE TABLE t (id int PRIMARY KEY, m mood, all_of mood[] NOT NULL DEFAULT '{sad}');
               INSERT INTO t VALUES (1, 'sad', '{{ok,sad},{glad,sad}}'), (2, NULL, '{ok,NULL}')",
        schema: "-- underpin: map 'sad' => 'glad', 'glad' => 'joyful'\nCREATE TYPE mood AS ENUM ('ok', 'glad', 'joyful');
               CREATE TABLE t (id int PRIMARY KEY, m mood, all_of mood[] NOT NULL DEFAULT '{glad}');",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT concat_ws(' ', id, m, all_of) FROM t ORDER BY id", &["1 glad {{ok,glad},{joyful,glad}}", "2 {ok,NULL}"])],
    },
    Case {
        name: "an enum in arrays whose values change places",
        live: "CREATE TYPE mood AS ENUM ('ok', 'sad'); CREATE TABLE t (id int PRIMARY KEY, all_of mood[] NOT NULL); INSERT INTO t VALUES (1, '{{ok,sad},{sad,ok}}'), (2, '{NULL}')",
        schema: "-- underpin: map 'sad' => 'ok', 'ok' => 'sad'\nCREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id int PRIMARY KEY, all_of mood[] NOT NULL);",
        recipes: &["type-by-new-column"],
        holds: &[("SELECT all_of::text FROM t ORDER BY id", &["{{sad,ok},{ok,sad}}", "{NULL}"])],
    },
    Case {
        name: "an enum with what is made of it",
        live: "CREATE TYPE mood AS ENUM ('ok', 'sad', 'glad'); CREATE TYPE moody AS (m mood, n int); CREATE DOMAIN calm AS mood DEFAULT 'ok' CHECK (VALUE <> 'glad'); CREATE TYPE deep AS (c calm, list moody[], s text);
               CREATE FUNCTION loud(m mood) RETURNS text LANGUAGE sql AS $$SELECT upper(m::text)$$; CREATE FUNCTION worse(mood, x int DEFAULT 1) RETURNS SETOF moody LANGUAGE plpgsql AS $$DECLARE a mood := $1; BEGIN RETURN QUERY SELECT a, x; END$$;
               COMMENT ON FUNCTION loud IS 'cry'; REVOKE EXECUTE ON FUNCTION loud FROM PUBLIC;
               CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL, c calm[], d deep, list moody[], mm moody NOT NULL DEFAULT ROW('sad', 2)::moody, CHECK ((mm).n < 9)); CREATE INDEX i ON t (((d).c)); CREATE VIEW v AS SELECT loud(m), (mm).m FROM t;
               CREATE DOMAIN mild AS mood CHECK (VALUE <> 'glad'); CREATE TABLE u (a mood[], m mild); INSERT INTO u VALUES ('{sad,ok}', 'sad');
               INSERT INTO t VALUES (1, 'sad', '{sad}', ROW('sad', ARRAY[ROW('ok', 1)::moody, NULL], 'x'), ARRAY[ROW('sad', NULL)::moody], ROW('glad', NULL)), (2, 'ok', NULL, NULL, '{}', DEFAULT)",
        schema: "-- underpin: map 'sad' => 'blue'\nCREATE TYPE mood AS ENUM ('blue', 'glad', 'ok'); CREATE TYPE moody AS (m mood, n int); CREATE DOMAIN calm AS mood DEFAULT 'ok' CHECK (VALUE <> 'glad'); CREATE TYPE deep AS (c calm, list moody[], s text);
               CREATE FUNCTION loud(m mood) RETURNS text LANGUAGE sql AS $$SELECT upper(m::text)$$; CREATE FUNCTION worse(mood, x int DEFAULT 1) RETURNS SETOF moody LANGUAGE plpgsql AS $$DECLARE a mood := $1; BEGIN RETURN QUERY SELECT a, x; END$$;
               COMMENT ON FUNCTION loud IS 'cry'; REVOKE EXECUTE ON FUNCTION loud FROM PUBLIC;
               CREATE TABLE t (id int PRIMARY KEY, m mood NOT NULL, c calm[], d deep, list moody[], mm moody NOT NULL DEFAULT ROW('blue', 2)::moody, CHECK ((mm).n < 9)); CREATE INDEX i ON t (((d).c)); CREATE VIEW v AS SELECT loud(m), (mm).m FROM t;
               CREATE DOMAIN mild AS mood CHECK (VALUE <> 'glad'); CREATE TABLE u (a mood[], m mild);",
        recipes: &["type-by-new-column"],
        holds: &[
            (
                "SELECT concat_ws(' ', id, m, c, d, list, mm) FROM t ORDER BY id",
                &["1 blue {blue} (blue,\"{\"\"(ok,1)\"\",NULL}\",x) {\"(blue,)\"} (glad,)", "2 ok {} (blue,2)"],
            ),
            ("SELECT loud::text || ' ' || m FROM v ORDER BY 1", &["BLUE glad", "OK blue"]),
            ("SELECT worse('blue')::text", &["(blue,1)"]),
            ("SELECT a::text || m FROM u", &["{blue,ok}blue"]),
        ],
    },
    Case {
        name: "a composite type whose attributes change",
        live: "CREATE TYPE inner_t AS (n int, w varchar(9)); CREATE TYPE spot AS (x int, y int, gone text, i inner_t, l inner_t[]); CREATE DOMAIN place AS spot; CREATE FUNCTION f(spot) RETURNS int LANGUAGE sql AS 'SELECT ($1).x';
               CREATE TABLE t (id int PRIMARY KEY, a spot NOT NULL, b spot[], p place, alone inner_t); CREATE INDEX i ON t (((a).x)); CREATE VIEW v AS SELECT (a).y, f(a) FROM t; COMMENT ON TYPE spot IS 'where';
               INSERT INTO t VALUES (1, ROW(1, NULL, 'g', ROW(5, 'w'), ARRAY[ROW(1, 'z')::inner_t]), ARRAY[ROW(3, 4, 'h', NULL, NULL)::spot, NULL], ROW(1, 2, 'k', NULL, '{}'), ROW(NULL, NULL)), (2, ROW(NULL, NULL, NULL, NULL, NULL), NULL, NULL, NULL)",
        schema: "CREATE TYPE inner_t AS (n bigint, w varchar(9)); CREATE TYPE spot AS (y bigint, x int, z text, i inner_t, l inner_t[]); CREATE DOMAIN place AS spot; CREATE FUNCTION f(spot) RETURNS int LANGUAGE sql AS 'SELECT ($1).x';
               CREATE TABLE t (id int PRIMARY KEY, a spot NOT NULL, b spot[], p place, alone inner_t); CREATE INDEX i ON t (((a).x)); CREATE VIEW v AS SELECT (a).y, f(a) FROM t; COMMENT ON TYPE spot IS 'where';",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT concat_ws(' ', id, a, b, p, alone) FROM t ORDER BY id", &["1 (,1,,\"(5,w)\",\"{\"\"(1,z)\"\"}\") {\"(4,3,,,)\",NULL} (2,1,,,{}) (,)", "2 (,,,,)"]),
            ("SELECT concat_ws(' ', y, f) FROM v ORDER BY f", &["1", ""]),
        ],
    },
    Case {
        name: "a domain over another type",
        live: "CREATE DOMAIN num AS int DEFAULT 5 CHECK (VALUE > 0); CREATE DOMAIN small AS num CHECK (VALUE < 100); CREATE TABLE t (id int PRIMARY KEY, a num NOT NULL, b small); CREATE TABLE u (n num PRIMARY KEY); CREATE TABLE k (n num REFERENCES u);
               CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 7, 8), (2, 5, NULL); INSERT INTO u VALUES (3); INSERT INTO k VALUES (3)",
        schema: "CREATE DOMAIN num AS bigint DEFAULT 6 CHECK (VALUE > 0); CREATE DOMAIN small AS num CHECK (VALUE < 200); CREATE TABLE t (id int PRIMARY KEY, a num NOT NULL, b small); CREATE TABLE u (n num PRIMARY KEY); CREATE TABLE k (n num REFERENCES u);
               CREATE INDEX i ON t (a);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT concat_ws(' ', id, a, b) FROM t ORDER BY id", &["1 7 8", "2 5"]),
            ("SELECT n::text FROM k", &["3"]),
            ("INSERT INTO t (id) VALUES (3) RETURNING a::text", &["6"]),
        ],
    },
    Case {
        name: "a domain with a default",
        live: "CREATE DOMAIN num AS bigint DEFAULT 5; CREATE TABLE t (id int PRIMARY KEY, a int, b int DEFAULT 4); INSERT INTO t VALUES (1, 7, 8), (2, NULL, NULL)",
        schema: "CREATE DOMAIN num AS bigint DEFAULT 5; CREATE TABLE t (id int PRIMARY KEY, a num, b num DEFAULT 4);",
        recipes: &["type-by-new-column"],
        holds: &[
            ("SELECT concat_ws(' ', id, a, b) FROM t ORDER BY id", &["1 7 8", "2"]),
            ("INSERT INTO t (id) VALUES (3) RETURNING a || ' ' || b", &["5 4"]),
        ],
    },
    Case {
        name: "a volatile default",
        live: "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, u text NOT NULL DEFAULT md5(random()::text) UNIQUE, w text DEFAULT md5(random()::text));",
        recipes: &["values-before-rules"],
        holds: &[("SELECT count(DISTINCT u) || ' ' || count(DISTINCT w) FROM t", &["2 2"])],
    },
    Case {
        name: "an identity and a serial",
        live: "CREATE TABLE t (a text); INSERT INTO t VALUES ('x'), ('y')",
        schema: "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 5) PRIMARY KEY, a text, n serial);",
        recipes: &["identity-by-sequence", "values-before-rules"],
        holds: &[
            ("SELECT count(*) FILTER (WHERE id IN (5, 6)) || ' ' || count(DISTINCT n) FROM t", &["2 2"]),
            ("INSERT INTO t (a) VALUES ('z') RETURNING id::text", &["7"]),
        ],
    },
    Case {
        name: "no more nulls",
        live: "CREATE TABLE t (id int, s text, UNIQUE (id)); INSERT INTO t VALUES (1, NULL), (2, 'b')",
        schema: "CREATE TABLE t (id int, s text NOT NULL DEFAULT 'none', UNIQUE (id));",
        // From 18 on NOT NULL is a constraint that comes in two steps itself.
        recipes: &["values-before-rules", "not-null-by-check|constraint-in-two-steps"],
        holds: &[("SELECT id || ' ' || s FROM t ORDER BY id", &["1 none", "2 b"])],
    },
    Case {
        name: "a computed column",
        live: "CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'x', 'y')",
        schema: "CREATE TABLE t (id int PRIMARY KEY,\n  ab text NOT NULL -- underpin: backfill a || b\n); CREATE INDEX ON t (ab);",
        recipes: &["computed-column"],
        holds: &[("SELECT id || ' ' || ab FROM t", &["1 xy"])],
    },
    Case {
        name: "an unlogged table becomes a logged one",
        live: "CREATE UNLOGGED TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL, n int UNIQUE CHECK (n > 0)); CREATE INDEX i ON t (a) WHERE n > 1;
               CREATE VIEW v AS SELECT a FROM t; GRANT SELECT (a) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many'; INSERT INTO t (a, n) SELECT 'x' || g, g FROM generate_series(1, 5) g",
        schema: "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL, n int UNIQUE CHECK (n > 0)); CREATE INDEX i ON t (a) WHERE n > 1;
               CREATE VIEW v AS SELECT a FROM t; GRANT SELECT (a) ON t TO PUBLIC; COMMENT ON COLUMN t.n IS 'many';",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, a, n) FROM t ORDER BY id", &["1 x1 1", "2 x2 2", "3 x3 3", "4 x4 4", "5 x5 5"]),
            ("INSERT INTO t (a) VALUES ('new') RETURNING id::text", &["6"]),
            ("SELECT relpersistence::text FROM pg_class WHERE relname = 't'", &["p"]),
        ],
    },
    Case {
        name: "an exclusion constraint",
        live: "CREATE TABLE room (id serial PRIMARY KEY, up int REFERENCES room, during int4range, note text DEFAULT 'none');
               CREATE TABLE chair (id int PRIMARY KEY, room int REFERENCES room ON DELETE CASCADE); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TRIGGER seen BEFORE UPDATE ON room FOR EACH ROW EXECUTE FUNCTION seen(); ALTER TABLE room ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON room USING (id > 0);
               CREATE STATISTICS st ON id, note FROM room; INSERT INTO room (up, during) VALUES (NULL, '[1,3)'), (1, '[3,5)'); INSERT INTO chair VALUES (1, 2)",
        schema: "CREATE TABLE room (id serial PRIMARY KEY, up int REFERENCES room, during int4range, note text DEFAULT 'none', CONSTRAINT alone EXCLUDE USING gist (during WITH &&));
               CREATE TABLE chair (id int PRIMARY KEY, room int REFERENCES room ON DELETE CASCADE); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
               CREATE TRIGGER seen BEFORE UPDATE ON room FOR EACH ROW EXECUTE FUNCTION seen(); ALTER TABLE room ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON room USING (id > 0);
               CREATE STATISTICS st ON id, note FROM room;",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, up, during, note) FROM room ORDER BY id", &["1 [1,3) none", "2 1 [3,5) none"]),
            ("SELECT room::text FROM chair", &["2"]),
            ("INSERT INTO room (during) VALUES ('[7,8)') RETURNING id::text", &["3"]),
        ],
    },
    Case {
        name: "a stored generated column",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int, gone text NOT NULL); CREATE VIEW v AS SELECT id FROM t; INSERT INTO t VALUES (1, 2, 'x'), (2, 3, 'y')",
        schema: "CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED NOT NULL, w int NOT NULL DEFAULT (random() * 0)::int + 4); CREATE INDEX ON t (twice); CREATE VIEW v AS SELECT id, twice FROM t;",
        recipes: &["shadow-table", "values-before-rules"],
        holds: &[("SELECT concat_ws(' ', id, a, twice, w) FROM t ORDER BY id", &["1 2 4 4", "2 3 6 4"]), ("SELECT twice::text FROM v ORDER BY id", &["4", "6"])],
    },
    Case {
        name: "types that only a copy changes",
        live: "CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT 3, g int GENERATED ALWAYS AS (a + 1) STORED, at timestamp, s text, CONSTRAINT one EXCLUDE (at WITH =)); CREATE INDEX i ON t (a) WHERE a > 1;
               CREATE VIEW v AS SELECT a, g FROM t; INSERT INTO t (id, a, at, s) VALUES (1, 2, '2026-01-01', 'ab'), (2, 3, '2026-01-02', 'c')",
        schema: "CREATE TABLE t (id int PRIMARY KEY, a bigint DEFAULT 3, g bigint GENERATED ALWAYS AS (a + 1) STORED, at date,\n s int, -- underpin: using length(s) + id - id\n CONSTRAINT one EXCLUDE (at WITH =)); CREATE INDEX i ON t (a) WHERE a > 1;
               CREATE VIEW v AS SELECT a, g FROM t;",
        recipes: &["shadow-table"],
        holds: &[("SELECT concat_ws(' ', id, a, g, at, s) FROM t ORDER BY id", &["1 2 3 2026-01-01 2", "2 3 4 2026-01-02 1"])],
    },
    Case {
        name: "a plain table becomes one partitioned by range",
        live: "CREATE TABLE shop (id int PRIMARY KEY); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
               CREATE TABLE events (id serial PRIMARY KEY, at date NOT NULL, shop int REFERENCES shop, what text NOT NULL DEFAULT 'none', n int CHECK (n > 0));
               CREATE INDEX events_what ON events (what) WHERE n > 1; CREATE INDEX ON events (shop); CREATE VIEW v AS SELECT id, what FROM events; CREATE STATISTICS st ON shop, n FROM events;
               CREATE TRIGGER seen AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION seen(); GRANT SELECT (id), INSERT ON events TO PUBLIC; COMMENT ON COLUMN events.n IS 'many';
               ALTER TABLE events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON events USING (id > 0);
               INSERT INTO shop VALUES (1), (2); INSERT INTO events (at, shop, n) SELECT '2026-01-01'::date + g * 20, 1 + g % 2, g FROM generate_series(1, 7) g",
        schema: "CREATE TABLE shop (id int PRIMARY KEY); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
               CREATE TABLE events (id serial, at date NOT NULL, shop int REFERENCES shop, what text NOT NULL DEFAULT 'none', n int CHECK (n > 0), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
               CREATE TABLE events_01 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE events_02 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
               CREATE TABLE events_rest PARTITION OF events DEFAULT; CREATE INDEX own ON events_01 (n);
               CREATE INDEX events_what ON events (what) WHERE n > 1; CREATE INDEX ON events (shop); CREATE VIEW v AS SELECT id, what FROM events; CREATE STATISTICS st ON shop, n FROM events;
               CREATE TRIGGER seen AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION seen(); GRANT SELECT (id), INSERT ON events TO PUBLIC; COMMENT ON COLUMN events.n IS 'many';
               ALTER TABLE events ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON events USING (id > 0);",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, at, shop, n) FROM events_01 ORDER BY id", &["1 2026-01-21 2 1"]),
            ("SELECT id::text FROM events_02 ORDER BY id", &["2"]),
            ("SELECT concat_ws(' ', id, at, shop, what, n) FROM events_rest ORDER BY id LIMIT 1", &["3 2026-03-02 2 none 3"]),
            ("SELECT count(*)::text FROM events", &["7"]),
            ("INSERT INTO events (at) VALUES ('2026-02-02') RETURNING id::text", &["8"]),
        ],
    },
    Case {
        name: "a plain table becomes one partitioned by list, and other tables refer to it",
        live: "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY, kind text NOT NULL, up int, CONSTRAINT key UNIQUE (kind, id)); ALTER TABLE t ALTER id DROP IDENTITY;
               CREATE TABLE c (id int PRIMARY KEY, kind text, t int, FOREIGN KEY (kind, t) REFERENCES t (kind, id) ON DELETE CASCADE); CREATE MATERIALIZED VIEW m AS SELECT kind FROM t;
               INSERT INTO t (id, kind) VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO c VALUES (1, 'a', 1), (2, 'c', 3)",
        schema: "CREATE TABLE t (id int NOT NULL, kind text NOT NULL, up int, more text NOT NULL DEFAULT 'x', CONSTRAINT key UNIQUE (kind, id), FOREIGN KEY (kind, up) REFERENCES t (kind, id)) PARTITION BY LIST (kind);
               CREATE SCHEMA parts; CREATE TABLE parts.a PARTITION OF t FOR VALUES IN ('a', 'b'); CREATE TABLE t_c (id int NOT NULL, up int, kind text NOT NULL, more text NOT NULL DEFAULT 'y', CHECK (id > 2));
               ALTER TABLE t ATTACH PARTITION t_c FOR VALUES IN ('c'); CREATE INDEX ON t (up);
               CREATE TABLE c (id int PRIMARY KEY, kind text, t int, FOREIGN KEY (kind, t) REFERENCES t (kind, id) ON DELETE CASCADE); CREATE MATERIALIZED VIEW m AS SELECT kind FROM t;",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', tableoid::regclass, id, kind, more) FROM t ORDER BY id", &["parts.a 1 a x", "parts.a 2 b x", "t_c 3 c x"]),
            ("DELETE FROM t WHERE id = 3 RETURNING kind", &["c"]),
            ("SELECT id::text FROM c", &["1"]),
        ],
    },
    Case {
        name: "a plain table becomes one partitioned by hash, and parts of it once more",
        live: "CREATE TABLE t (id bigint PRIMARY KEY, a text, gone int DEFAULT 7); INSERT INTO t SELECT g, 'x' || g FROM generate_series(1, 20) g",
        schema: "CREATE TABLE t (id bigint PRIMARY KEY, a text, made text NOT NULL DEFAULT md5(random()::text)) PARTITION BY HASH (id); CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);
               CREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY RANGE (id); CREATE TABLE t_10 PARTITION OF t_1 FOR VALUES FROM (0) TO (10); CREATE TABLE t_11 PARTITION OF t_1 DEFAULT;
               CREATE INDEX ON t (a);",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT count(*) || ' ' || sum(id) || ' ' || count(made) FROM t", &["20 210 20"]),
            ("SELECT (max(id) < 10)::text FROM t_10", &["true"]),
            ("SELECT (count(*) > 4)::text FROM t_0", &["true"]),
        ],
    },
    Case {
        name: "a partitioned table with another partition key",
        live: "CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY, k varchar(8) NOT NULL, at date NOT NULL, a int DEFAULT 3, PRIMARY KEY (id, k)) PARTITION BY LIST (k); ALTER TABLE t ALTER id DROP IDENTITY;
               CREATE TABLE t_a PARTITION OF t FOR VALUES IN ('a'); CREATE TABLE t_b PARTITION OF t FOR VALUES IN ('b') PARTITION BY RANGE (id); CREATE TABLE t_b1 PARTITION OF t_b DEFAULT; CREATE INDEX i ON t (a);
               CREATE TABLE c (id int PRIMARY KEY, t int, k varchar(8), FOREIGN KEY (t, k) REFERENCES t (id, k)); CREATE VIEW v AS SELECT id, a FROM t; CREATE VIEW w AS SELECT id FROM t_a; GRANT SELECT ON t_a TO PUBLIC;
               INSERT INTO t VALUES (1, 'a', '2026-01-05', 1), (2, 'b', '2026-02-05', 2), (3, 'a', '2026-02-07', 3); INSERT INTO c VALUES (1, 2, 'b')",
        schema: "CREATE TABLE t (id int NOT NULL, k varchar(8) NOT NULL, at date NOT NULL, a int DEFAULT 3, PRIMARY KEY (id, k, at)) PARTITION BY RANGE (at);
               CREATE TABLE t_a PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE t_c PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE INDEX i ON t (a);
               CREATE TABLE c (id int PRIMARY KEY, t int, k varchar(8)); CREATE VIEW v AS SELECT id, a FROM t; CREATE VIEW w AS SELECT id FROM t_a; GRANT SELECT ON t_a TO PUBLIC;",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', tableoid::regclass, id, k, a) FROM t ORDER BY id", &["t_a 1 a 1", "t_c 2 b 2", "t_c 3 a 3"]),
            ("SELECT id::text FROM w", &["1"]),
        ],
    },
    Case {
        name: "another partition key with checks, columns that come and go, and NULLs",
        live: "CREATE TABLE t (id int NOT NULL, at date NOT NULL, a int, gone int NOT NULL DEFAULT 3, CHECK (a > 0), CONSTRAINT other CHECK (id > 0), CONSTRAINT third CHECK (gone > 0), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
               CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE t_2 PARTITION OF t DEFAULT PARTITION BY RANGE (id); CREATE TABLE t_21 PARTITION OF t_2 DEFAULT;
               INSERT INTO t VALUES (1, '2026-01-05', 1), (2, '2026-05-05', 2)",
        schema: "CREATE TABLE t (id int NOT NULL, at date, a int NOT NULL, more text NOT NULL DEFAULT 'q', x text, CHECK (a < 10), CONSTRAINT other CHECK (id > -1), PRIMARY KEY (id)) PARTITION BY HASH (id);
               CREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
        recipes: &["shadow-table"],
        holds: &[("SELECT concat_ws(' ', id, at, a, more, x) FROM t_1 ORDER BY id", &["1 2026-01-05 1 q", "2 2026-05-05 2 q"])],
    },
    Case {
        name: "a foreign key that follows its table into partitions",
        live: "CREATE TABLE t (id serial PRIMARY KEY, at date NOT NULL DEFAULT '2026-01-01'); CREATE TABLE c (id int PRIMARY KEY, t int NOT NULL REFERENCES t ON DELETE CASCADE, at date);
               CREATE TABLE e (t int REFERENCES t); INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES; INSERT INTO c VALUES (1, 1, '2026-01-01'), (2, 2, '2026-01-01'); INSERT INTO e VALUES (2)",
        schema: "CREATE TABLE t (id serial, at date NOT NULL DEFAULT '2026-01-01', PRIMARY KEY (at, id)) PARTITION BY RANGE (at); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
               CREATE TABLE c (id int PRIMARY KEY, t int NOT NULL, at date, CONSTRAINT c_t_fkey FOREIGN KEY (at, t) REFERENCES t (at, id) ON DELETE CASCADE); CREATE TABLE e (t int);",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', c.id, t.id) FROM c JOIN t ON t.at = c.at AND t.id = c.t ORDER BY 1", &["1 1", "2 2"]),
            ("DELETE FROM t WHERE id = 2 RETURNING id::text", &["2"]),
            ("SELECT id::text FROM c", &["1"]),
            ("INSERT INTO t DEFAULT VALUES RETURNING id::text", &["3"]),
        ],
    },
    Case {
        name: "tables that refer to each other go into partitions together",
        live: "CREATE TABLE p (id int PRIMARY KEY, a int); CREATE TABLE c (id int PRIMARY KEY, p int NOT NULL REFERENCES p); CREATE TABLE d (id int, p int, FOREIGN KEY (p) REFERENCES p) PARTITION BY HASH (id);
               CREATE TABLE d_0 PARTITION OF d FOR VALUES WITH (MODULUS 1, REMAINDER 0); INSERT INTO p VALUES (1, 1), (20, 2); INSERT INTO c VALUES (1, 20), (5, 1); INSERT INTO d VALUES (1, 20)",
        schema: "CREATE TABLE p (id int PRIMARY KEY, a int) PARTITION BY RANGE (id); CREATE TABLE p_0 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (10) TO (100);
               CREATE TABLE c (id int PRIMARY KEY, p int NOT NULL REFERENCES p) PARTITION BY LIST (id); CREATE TABLE c_0 PARTITION OF c DEFAULT; CREATE TABLE c_1 PARTITION OF c FOR VALUES IN (1);
               CREATE TABLE d (id int, p int, FOREIGN KEY (p) REFERENCES p) PARTITION BY HASH (id); CREATE TABLE d_0 PARTITION OF d FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', c.tableoid::regclass, c.id, p.tableoid::regclass, p.a) FROM c JOIN p ON p.id = c.p ORDER BY c.id", &["c_1 1 p_1 2", "c_0 5 p_0 1"]),
            ("SELECT count(*)::text FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND convalidated", &["2"]),
        ],
    },
    Case {
        name: "a partition key of another type",
        live: "CREATE TABLE t (id int NOT NULL, k int NOT NULL, s varchar(8) NOT NULL, PRIMARY KEY (k, s, id)) PARTITION BY RANGE (k, s); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0, 'a') TO (10, 'b');
               CREATE TABLE t_rest PARTITION OF t DEFAULT; INSERT INTO t SELECT g, g, 'x' FROM generate_series(1, 15) g",
        schema: "CREATE TABLE t (id int NOT NULL, k bigint NOT NULL, s text NOT NULL, PRIMARY KEY (k, s, id)) PARTITION BY RANGE (k, s); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0, 'a') TO (10, 'b');
               CREATE TABLE t_rest PARTITION OF t DEFAULT;",
        recipes: &["shadow-table"],
        holds: &[("SELECT tableoid::regclass || ' ' || count(*) || ' ' || sum(k) FROM t GROUP BY tableoid ORDER BY 1", &["t_1 9 45", "t_rest 6 75"])],
    },
    Case {
        name: "a partitioned table becomes a plain one",
        live: "CREATE TABLE t (id int NOT NULL, at date NOT NULL, a int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
               CREATE TABLE t_rest PARTITION OF t DEFAULT; INSERT INTO t VALUES (1, '2026-01-05', 1), (2, '2026-05-05', 2)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, at date, a int CHECK (a > 0)); CREATE TABLE c (t int REFERENCES t); CREATE INDEX i ON t (at);",
        recipes: &["shadow-table"],
        holds: &[("SELECT concat_ws(' ', id, at, a) FROM t ORDER BY id", &["1 2026-01-05 1", "2 2026-05-05 2"])],
    },
    Case {
        name: "renames",
        live: "CREATE TABLE t (id int PRIMARY KEY, a text UNIQUE, n int); CREATE TABLE o (t int REFERENCES t, x int); CREATE VIEW v AS SELECT a FROM t;
               INSERT INTO t VALUES (1, 'x', 2); INSERT INTO o VALUES (1)",
        schema: "CREATE TABLE t (id int PRIMARY KEY,\n  b text UNIQUE, -- underpin: renamed-from a\n  n bigint\n);\n-- underpin: renamed-from o\nCREATE TABLE p (t int REFERENCES t);\nCREATE VIEW v AS SELECT b AS a FROM t;",
        recipes: &["rename-by-view", "type-by-new-column"],
        holds: &[("SELECT id || b || n FROM t", &["1x2"]), ("SELECT t::text FROM p", &["1"])],
    },
    Case {
        name: "a table's name alone",
        live: "CREATE TABLE t (id serial PRIMARY KEY, a text UNIQUE); INSERT INTO t (a) VALUES ('x')",
        schema: "-- underpin: renamed-from t\nCREATE TABLE u (id serial PRIMARY KEY, a text UNIQUE);",
        recipes: &["rename-by-view"],
        holds: &[("SELECT id || a FROM u", &["1x"])],
    },
    Case {
        name: "columns out of one",
        live: "CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL); CREATE INDEX ON t (name); INSERT INTO t VALUES (1, 'Ann Lee'), (2, 'Bo van Dyk')",
        schema: "CREATE TABLE t (id int PRIMARY KEY,
                 -- underpin: backfill split_part(name, ' ', 1)
                 first text NOT NULL, -- underpin: down first || ' ' || last
                 last text -- underpin: backfill substr(name, strpos(name, ' ') + 1)
               ); CREATE INDEX ON t (last);",
        recipes: &["computed-column"],
        holds: &[("SELECT concat_ws('|', id, first, last) FROM t ORDER BY id", &["1|Ann|Lee", "2|Bo|van Dyk"])],
    },
    Case {
        name: "one column out of several",
        live: "CREATE TABLE t (id int PRIMARY KEY, y int NOT NULL, m int DEFAULT 1, \"D\" int); INSERT INTO t VALUES (1, 2020, 2, 3), (2, 2021, 4, NULL)",
        schema: "CREATE TABLE t (id int PRIMARY KEY,
                 -- underpin: backfill make_date(y, m, coalesce(\"D\", 1))
                 -- underpin: down y = extract(year FROM day)::int, m = extract(month FROM day), \"D\" = date_part('day', day)
                 day date NOT NULL);",
        recipes: &["computed-column"],
        holds: &[("SELECT concat_ws('|', id, day) FROM t ORDER BY id", &["1|2020-02-03", "2|2021-04-01"])],
    },
    Case {
        name: "a table that is split",
        live: "CREATE TABLE users (id int PRIMARY KEY, login text, street text NOT NULL, city text, \"Zip\" varchar(5) DEFAULT '?'); CREATE INDEX ON users (city);
               INSERT INTO users VALUES (1, 'a', 'X st', 'Rome', '1'), (2, 'b', 'Y st', NULL, '2'), (3, 'c', '', 'Oslo', NULL)",
        schema: "CREATE TABLE users (id int PRIMARY KEY, login text);
               -- underpin: backfill SELECT id AS user_id, street, city, \"Zip\" AS zip FROM users u WHERE u.street <> ''
               CREATE TABLE addresses (user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE, street text NOT NULL, city text, zip text,
                 country text NOT NULL DEFAULT 'IT', made timestamptz DEFAULT now(), CHECK (length(street) > 1), UNIQUE (street));
               CREATE INDEX ON addresses (city);",
        recipes: &["rows-moved"],
        holds: &[
            ("SELECT concat_ws(' ', user_id, street, city, zip, country) FROM addresses ORDER BY 1", &["1 X st Rome 1 IT", "2 Y st 2 IT"]),
            ("SELECT id || login FROM users ORDER BY 1", &["1a", "2b", "3c"]),
        ],
    },
    Case {
        name: "tables that become one",
        live: "CREATE TABLE dogs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, barks boolean DEFAULT true); CREATE TABLE cats (id int PRIMARY KEY, name text NOT NULL, lives int);
               INSERT INTO dogs (name) VALUES ('Rex'), ('Fido'); INSERT INTO cats VALUES (1, 'Tom', 9), (3, 'Kit', 8)",
        schema: "-- underpin: backfill SELECT 'dog' AS kind, id, name, barks AS loud FROM dogs
               -- underpin: backfill SELECT 'cat' AS kind, id, name, lives FROM cats
               CREATE TABLE pets (kind text, id int, name text NOT NULL, loud boolean, lives int, PRIMARY KEY (kind, id)); CREATE INDEX ON pets (name);",
        recipes: &["rows-moved"],
        holds: &[("SELECT concat_ws(' ', kind, id, name, loud, lives) FROM pets ORDER BY 1", &["cat 1 Tom 9", "cat 3 Kit 8", "dog 1 Rex t", "dog 2 Fido t"])],
    },
    Case {
        name: "rows that go to a table that is there",
        live: "CREATE TABLE orders (id int PRIMARY KEY, sum int); CREATE TABLE old_orders (id int PRIMARY KEY, total int, note text, at date);
               INSERT INTO orders VALUES (1, 10); INSERT INTO old_orders VALUES (1, 5, 'first'), (2, 6, NULL); CREATE VIEW v AS SELECT total FROM old_orders",
        schema: "/* underpin: backfill SELECT o.id + 100 AS id,
                   o.total AS sum, true AS old, coalesce(o.note, '') AS note
                 FROM old_orders AS o */
               CREATE TABLE orders (id int PRIMARY KEY, sum int, old boolean NOT NULL DEFAULT false, note text);",
        recipes: &["rows-moved"],
        holds: &[("SELECT concat_ws(' ', id, sum, old, note) FROM orders ORDER BY id", &["1 10 f", "101 5 t first", "102 6 t "])],
    },
    Case {
        name: "drops",
        live: "CREATE TABLE t (id int PRIMARY KEY, gone text NOT NULL, kept int DEFAULT 3); CREATE INDEX i ON t (gone); CREATE TABLE away (id int REFERENCES t); CREATE VIEW v AS SELECT gone FROM t;
               INSERT INTO t VALUES (1, 'x')",
        schema: "CREATE TABLE t (id int PRIMARY KEY, kept int);",
        recipes: &[],
        holds: &[("SELECT id || ' ' || kept FROM t", &["1 3"])],
    },
    Case {
        name: "a copy beside a type, a name and a drop",
        live: "CREATE TABLE r (id int PRIMARY KEY); CREATE TABLE t (id serial PRIMARY KEY, r int REFERENCES r, n int, a text, gone text); CREATE INDEX i ON t (gone);
               CREATE TABLE c (t int REFERENCES t); CREATE VIEW v AS SELECT id, a FROM t;
               INSERT INTO r VALUES (1); INSERT INTO t (r, n, a, gone) VALUES (1, 2, 'x', 'y'); INSERT INTO c VALUES (1)",
        schema: "CREATE TABLE r (id int PRIMARY KEY);
                 CREATE TABLE t (id serial PRIMARY KEY, r int REFERENCES r, n bigint, a text, twice bigint GENERATED ALWAYS AS (n * 2) STORED,
                     at text DEFAULT md5(random()::text));
                 CREATE TABLE c (t int REFERENCES t); CREATE VIEW v AS SELECT id, a FROM t;",
        recipes: &["shadow-table"],
        holds: &[
            ("SELECT concat_ws(' ', id, r, n, a, twice) FROM t", &["1 1 2 x 4"]),
            ("SELECT (count(at) = 1)::text FROM t", &["true"]),
            ("INSERT INTO t (r, n) VALUES (1, 5) RETURNING concat_ws(' ', id, twice)", &["2 10"]),
        ],
    },
    Case {
        name: "serials, rows that move and names at once",
        live: "CREATE TABLE u (id serial PRIMARY KEY, name text, street text, city text); INSERT INTO u (name, street, city) VALUES ('a', 's', 'c'), ('b', NULL, 'd')",
        schema: "CREATE TABLE u (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name varchar(20));
                 -- underpin: backfill SELECT id AS user_id, street, city FROM u
                 CREATE TABLE places (user_id int PRIMARY KEY REFERENCES u, street text, city text NOT NULL);",
        recipes: &["rows-moved", "identity-from-serial"],
        holds: &[
            ("SELECT concat_ws(' ', user_id, street, city) FROM places ORDER BY user_id", &["1 s c", "2 d"]),
            ("INSERT INTO u (name) VALUES ('c') RETURNING id::text", &["3"]),
        ],
    },
];
