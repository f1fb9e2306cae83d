//! Schemas, types, functions and sequences as SQL.

use crate::genes::Sequence;
use crate::side::{Col, Side, lit, q, styled};
use crate::tables::Script;
use std::fmt::Write as _;

/// Subtypes of ranges.
const SUBTYPES: [&str; 4] = ["integer", "numeric", "timestamp with time zone", "text"];

impl Side<'_> {
    pub fn spaces(&self, out: &mut Script) {
        for (i, space) in self.genome.spaces.iter().enumerate().filter(|(_, s)| self.is(&s.head.present)) {
            let name = q(&styled("s", i + 1, self.n(&space.head.style)));
            out.say(format!("CREATE SCHEMA {name}"));
            self.comment(out, &format!("SCHEMA {name}"), self.n(&space.head.comment));
        }
    }

    /// A call of a function of that signature, where there is one.
    pub fn early_call(&self, number: usize, signature: u8, argument: &str) -> Option<String> {
        let fits: Vec<usize> = self
            .genome
            .early
            .iter()
            .enumerate()
            .filter(|(_, e)| self.is(&e.head.present) && self.n(&e.signature) == signature)
            .map(|(i, _)| i)
            .collect();
        let slot = *fits.get(number % fits.len().max(1))?;
        Some(format!("{}({argument})", self.path(&self.genome.early[slot].head, "e", slot)))
    }

    pub fn early(&self, out: &mut Script) {
        for (i, early) in self.genome.early.iter().enumerate().filter(|(_, e)| self.is(&e.head.present)) {
            let path = self.path(&early.head, "e", i);
            let k = self.n(&early.body);
            let (arguments, returns, expression) = match self.n(&early.signature) {
                0 => ("x integer", "integer", format!("x + {k}")),
                1 => ("x text", "text", format!("x || 'it''s {k}'")),
                2 => ("x integer", "boolean", format!("x IS NULL OR x > -{}", 10 + k)),
                3 => ("x text", "boolean", format!("x IS NULL OR length(x) < {}", 1000 + u32::from(k))),
                4 => ("", "integer", format!("{k}")),
                _ => ("", "text", format!("'a'::text || {k}")),
            };
            let (language, body) = if self.is(&early.plpgsql) {
                ("plpgsql", format!("BEGIN RETURN {expression}; END"))
            } else {
                ("sql", format!("SELECT {expression}"))
            };
            let strict = if self.is(&early.strict) { " STRICT" } else { "" };
            let cost = ["", " COST 5", " PARALLEL SAFE"][usize::from(self.n(&early.cost))];
            out.say(format!(
                "CREATE FUNCTION {path}({arguments}) RETURNS {returns} LANGUAGE {language} IMMUTABLE{strict}{cost} AS $f${body}$f$"
            ));
            let signature = arguments.strip_prefix("x ").unwrap_or("");
            self.comment(out, &format!("FUNCTION {path}({signature})"), self.n(&early.head.comment));
        }
    }

    pub fn types(&self, out: &mut Script) {
        for (i, own) in self.genome.types.iter().enumerate().filter(|(_, t)| self.is(&t.head.present)) {
            let path = self.path(&own.head, "y", i);
            let mut what = "TYPE";
            match self.n(&own.kind) {
                0 => {
                    let labels: Vec<String> = self.labels(&own.labels).iter().map(|l| lit(l)).collect();
                    out.say(format!("CREATE TYPE {path} AS ENUM ({})", labels.join(", ")));
                }
                1 => {
                    what = "DOMAIN";
                    let base = self.ty(&own.choice, i);
                    let value = Col {
                        name: "VALUE".to_owned(),
                        ty: base.clone(),
                        generated: false,
                        numbered: false,
                        inherited: false,
                    };
                    let mut sql = format!("CREATE DOMAIN {path} AS {}", base.sql);
                    if let Some(sample) =
                        base.samples.get(usize::from(self.n(&own.default))).filter(|_| self.n(&own.default) > 0)
                    {
                        write!(sql, " DEFAULT {sample}").expect("a string takes all");
                    }
                    if self.is(&own.not_null) {
                        sql.push_str(" NOT NULL");
                    }
                    let k = self.n(&own.check);
                    if k > 0 && base.class != crate::side::Class::Bool {
                        let condition = self.condition(&value, "", 0).replace("\"VALUE\"", "VALUE");
                        let call = (k == 4 && base.class == crate::side::Class::Int)
                            .then(|| self.early_call(0, 2, "VALUE::integer"))
                            .flatten();
                        let condition = call.unwrap_or(condition);
                        write!(sql, " CONSTRAINT {} CHECK ({condition} OR {k} = 0)", q(&format!("ck{}", k % 2)))
                            .expect("a string takes all");
                    }
                    out.say(sql);
                }
                2 => {
                    let present = own.attributes.iter().enumerate().filter(|(_, a)| self.is(&a.present));
                    let lines: Vec<String> = present
                        .clone()
                        .map(|(n, a)| format!("{} {}", q(&styled("c", n, self.n(&a.style))), self.ty(&a.choice, i).sql))
                        .collect();
                    out.say(format!("CREATE TYPE {path} AS ({})", lines.join(", ")));
                    for (n, attribute) in present {
                        let name = q(&styled("c", n, self.n(&attribute.style)));
                        self.comment(out, &format!("COLUMN {path}.{name}"), self.n(&attribute.comment));
                    }
                }
                _ => out.say(format!(
                    "CREATE TYPE {path} AS RANGE (SUBTYPE = {})",
                    SUBTYPES[usize::from(self.n(&own.subtype))]
                )),
            }
            self.comment(out, &format!("{what} {path}"), self.n(&own.head.comment));
            self.owner(out, &format!("{what} {path}"), &own.head);
            if self.n(&own.head.grant) == 1 {
                out.say(format!("REVOKE USAGE ON TYPE {path} FROM PUBLIC"));
            }
        }
    }

    /// The table and its column that own a sequence.
    pub fn owner_of(&self, sequence: &Sequence) -> Option<(usize, String)> {
        let slot = usize::from(self.n(&sequence.owned).checked_sub(1)?);
        let column = self.own_columns(slot).into_iter().next()?;
        Some((slot, column.name))
    }

    pub fn sequences(&self, out: &mut Script, owned: bool) {
        for (i, sequence) in self.genome.sequences.iter().enumerate().filter(|(_, s)| self.is(&s.head.present)) {
            let owner = self.owner_of(sequence);
            if owner.is_some() != owned {
                continue;
            }
            let mut path = self.path(&sequence.head, "q", i);
            if let Some((table, _)) = &owner {
                // It lives where its table does.
                let space = self.space(self.n(&self.genome.tables[*table].head.schema));
                path = format!("{}.{}", q(&space), q(&self.name(&sequence.head, "q", i)));
            }
            let kind = ["bigint", "integer", "smallint"][usize::from(self.n(&sequence.kind))];
            let increment = ["1", "5", "-1"][usize::from(self.n(&sequence.increment))];
            let cycle = if self.is(&sequence.cycle) { " CYCLE" } else { "" };
            out.say(format!("CREATE SEQUENCE {path} AS {kind} INCREMENT {increment}{cycle}"));
            match owner {
                Some((table, column)) => {
                    out.say(format!("ALTER SEQUENCE {path} OWNED BY {}.{}", self.table_path(table), q(&column)));
                }
                None => self.owner(out, &format!("SEQUENCE {path}"), &sequence.head),
            }
            self.comment(out, &format!("SEQUENCE {path}"), self.n(&sequence.head.comment));
            if self.n(&sequence.head.grant) == 2 {
                out.say(format!("GRANT USAGE ON SEQUENCE {path} TO \"anna\""));
            }
        }
    }

    pub fn trigger_functions(&self, out: &mut Script) {
        for i in 0..2 {
            let k = self.n(&self.genome.trigger_bodies);
            out.say(format!(
                "CREATE FUNCTION public.tf{i}() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN PERFORM {k}; RETURN NEW; END$f$"
            ));
        }
    }

    pub fn late(&self, out: &mut Script) {
        for (i, late) in self.genome.late.iter().enumerate().filter(|(_, l)| self.is(&l.head.present)) {
            let path = self.path(&late.head, "l", i);
            let k = self.n(&late.body);
            let slot = usize::from(self.n(&late.table));
            let table = self.table(slot).map(|_| self.table_path(slot));
            let first = self.columns(slot).first().map(|c| q(&c.name));
            let ty = self.ty(&late.choice, usize::MAX);
            let mut procedure = false;
            let (arguments, signature, rest) = match (self.n(&late.kind), table, first) {
                (0, Some(table), _) => (
                    String::new(),
                    String::new(),
                    format!("RETURNS bigint LANGUAGE sql AS $f$SELECT count(*) + {k} FROM {table}$f$"),
                ),
                (1, Some(table), Some(column)) if self.major >= 14 => (
                    String::new(),
                    String::new(),
                    format!("RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count({column}) + {k} FROM {table}; END"),
                ),
                (2, Some(table), _) => (
                    String::new(),
                    String::new(),
                    format!("RETURNS SETOF {table} LANGUAGE sql AS $f$SELECT * FROM {table} LIMIT {k}$f$"),
                ),
                (3, Some(table), _) => {
                    (format!("r {table}"), table, format!("RETURNS integer LANGUAGE sql AS $f$SELECT {k}$f$"))
                }
                (4, Some(table), _) => (
                    String::new(),
                    String::new(),
                    format!(
                        "RETURNS integer LANGUAGE plpgsql AS $f$DECLARE r {table}%ROWTYPE; BEGIN RETURN {k}; END$f$"
                    ),
                ),
                (5, ..) => (
                    format!("a {0}, b {0} DEFAULT NULL", ty.sql),
                    format!("{0}, {0}", ty.sql),
                    format!("RETURNS {} LANGUAGE sql AS $f$SELECT a$f$", ty.sql),
                ),
                (6, ..) => (
                    format!("a integer DEFAULT {k}"),
                    "integer".to_owned(),
                    format!("RETURNS TABLE (o1 {}, o2 integer) LANGUAGE plpgsql AS $f$BEGIN END$f$", ty.sql),
                ),
                (7, ..) => {
                    procedure = true;
                    (
                        format!("a {}, INOUT b integer", ty.sql),
                        format!("{}, integer", ty.sql),
                        format!("LANGUAGE plpgsql AS $f$BEGIN b := {k}; END$f$"),
                    )
                }
                _ => (
                    format!("VARIADIC a integer[] DEFAULT '{{{k}}}'"),
                    "VARIADIC integer[]".to_owned(),
                    "RETURNS integer LANGUAGE sql AS $f$SELECT a[1]$f$".to_owned(),
                ),
            };
            let word = if procedure { "PROCEDURE" } else { "FUNCTION" };
            let options = if procedure {
                String::new()
            } else {
                let volatility = ["", " STABLE", " VOLATILE LEAKPROOF"][usize::from(self.n(&late.volatility))];
                let definer = if self.is(&late.definer) { " SECURITY DEFINER" } else { "" };
                let setting = if self.is(&late.setting) { " SET search_path = public, \"Odd Path\"" } else { "" };
                format!("{volatility}{definer}{setting}")
            };
            let (returns, body) = rest.split_once("LANGUAGE").expect("each says its language");
            let (language, body) = body.trim_start().split_once(' ').expect("each has a body");
            out.say(format!("CREATE {word} {path}({arguments}) {returns}LANGUAGE {language}{options} {body}"));
            let what = format!("{word} {path}({signature})");
            self.comment(out, &what, self.n(&late.head.comment));
            self.owner(out, &what, &late.head);
            match self.n(&late.head.grant) {
                1 => out.say(format!("REVOKE ALL ON {what} FROM PUBLIC")),
                2 if self.n(&late.head.owner) != 1 => {
                    out.say(format!("GRANT EXECUTE ON {what} TO \"anna\" WITH GRANT OPTION"))
                }
                _ => {}
            }
        }
    }
}
