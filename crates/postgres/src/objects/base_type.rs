//! Base types and the shells that come before them (manual, CREATE TYPE; `pg_type`).
//!
//! A base type rests on its input and output functions, and these on the type. The server cuts the circle with a shell: a
//! name without a definition, which functions may already use. So a base type is two objects here, made in three steps:
//! the shell, the functions, the definition. Ending the definition ends the functions with it, as there is no other way.

use super::{Context, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::{Sql, quote};

/// The shell of a type: its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShellType {}

impl Item for ShellType {
    const COVERAGE: Coverage = Coverage::of(&[], &["testdata/cases/postgres/base_type/made"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let (Self {}, Self {}) = (self, to);
        Vec::new()
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("type", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TYPE").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(Vec::new())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).build()])]
    }

    /// A shell that was given a definition goes with it.
    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        if cx.from.objects.contains_key(&id.prefix(PgKind::BaseType, 2)) {
            return Vec::new();
        }
        vec![Draft::sql(vec![Sql::new("DROP").then(self.address(id)).build()])]
    }
}

/// A base type. Functions are qualified names as the server prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaseType {
    /// `INTERNALLENGTH` in bytes; negative where it varies.
    pub length: i16,
    /// `INPUT`.
    pub input: String,
    /// `OUTPUT`.
    pub output: String,
    /// `RECEIVE`.
    pub receive: Option<String>,
    /// `SEND`.
    pub send: Option<String>,
    /// `TYPMOD_IN`.
    pub modifier_in: Option<String>,
    /// `TYPMOD_OUT`.
    pub modifier_out: Option<String>,
    /// `ANALYZE`.
    pub analyze: Option<String>,
    /// `SUBSCRIPT` (14).
    pub subscript: Option<String>,
    /// `PASSEDBYVALUE`.
    pub by_value: bool,
    /// `ALIGNMENT`.
    pub alignment: String,
    /// `STORAGE`.
    pub storage: String,
    /// `CATEGORY`.
    pub category: char,
    /// `PREFERRED`.
    pub preferred: bool,
    /// `DEFAULT`, in the type's text form.
    pub default: Option<String>,
    /// `ELEMENT`: what subscripting gives.
    pub element: Option<String>,
    /// `DELIMITER` in arrays of the type.
    pub delimiter: char,
    /// `COLLATABLE`.
    pub collatable: bool,
}

impl BaseType {
    /// What `ALTER TYPE … SET` can say (manual, ALTER TYPE; 13, `SUBSCRIPT` 14).
    fn settings(&self, to: &Self) -> Vec<Sql> {
        let functions = [
            ("RECEIVE =", &self.receive, &to.receive),
            ("SEND =", &self.send, &to.send),
            ("TYPMOD_IN =", &self.modifier_in, &to.modifier_in),
            ("TYPMOD_OUT =", &self.modifier_out, &to.modifier_out),
            ("ANALYZE =", &self.analyze, &to.analyze),
            ("SUBSCRIPT =", &self.subscript, &to.subscript),
        ];
        let changed = functions.into_iter().filter(|(_, a, b)| a != b);
        let mut parts: Vec<Sql> = changed
            .map(|(keyword, _, f)| match f {
                Some(f) => Sql::new(keyword).server_text(f),
                None => Sql::new(keyword).kw("NONE"),
            })
            .collect();
        if self.storage != to.storage {
            parts.push(Sql::new("STORAGE =").server_text(&to.storage));
        }
        parts
    }

    /// Whether the two differ in nothing but what [`Self::settings`] says.
    fn is_alterable(&self, to: &Self) -> bool {
        let alike = Self {
            receive: to.receive.clone(),
            send: to.send.clone(),
            modifier_in: to.modifier_in.clone(),
            modifier_out: to.modifier_out.clone(),
            analyze: to.analyze.clone(),
            subscript: to.subscript.clone(),
            storage: to.storage.clone(),
            ..self.clone()
        };
        // A type whose values may have been compressed or moved out of line cannot become plain.
        alike == *to && (self.storage == to.storage || to.storage != "plain")
    }

    fn definition(&self) -> Vec<Sql> {
        let length = Sql::new("INTERNALLENGTH =");
        let mut parts = vec![
            if self.length < 0 { length.kw("variable") } else { length.number(self.length) },
            Sql::new("INPUT =").server_text(&self.input),
            Sql::new("OUTPUT =").server_text(&self.output),
        ];
        let functions = [
            ("RECEIVE =", &self.receive),
            ("SEND =", &self.send),
            ("TYPMOD_IN =", &self.modifier_in),
            ("TYPMOD_OUT =", &self.modifier_out),
            ("ANALYZE =", &self.analyze),
            ("SUBSCRIPT =", &self.subscript),
            ("ELEMENT =", &self.element),
        ];
        parts.extend(
            functions.into_iter().filter_map(|(keyword, f)| f.as_ref().map(|f| Sql::new(keyword).server_text(f))),
        );
        parts.extend(self.collatable.then(|| Sql::new("COLLATABLE = true")));
        parts.extend(self.default.iter().map(|d| Sql::new("DEFAULT =").literal(d)));
        if self.category != 'U' {
            parts.push(Sql::new("CATEGORY =").literal(&self.category.to_string()));
        }
        parts.extend(self.preferred.then(|| Sql::new("PREFERRED = true")));
        if self.delimiter != ',' {
            parts.push(Sql::new("DELIMITER =").literal(&self.delimiter.to_string()));
        }
        parts.push(Sql::new("ALIGNMENT =").server_text(&self.alignment));
        parts.push(Sql::new("STORAGE =").server_text(&self.storage));
        parts.extend(self.by_value.then(|| Sql::new("PASSEDBYVALUE")));
        parts
    }

    /// A statement that fails where anything but its own functions still rests on the type or on these: `DROP TYPE …
    /// CASCADE`, which follows, is only to take the functions.
    fn guard(id: &PgId) -> String {
        let name = quote::qualified(&id.parts());
        let literal = quote::literal(&name);
        format!(
            "DO {}",
            quote::dollar(&format!(
                "\nDECLARE\n    used text;\nBEGIN\n    \
                 SELECT pg_catalog.string_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ', ') INTO used\n    \
                 FROM pg_catalog.pg_type t\n    \
                 CROSS JOIN LATERAL (SELECT ARRAY[t.typinput, t.typoutput, t.typreceive, t.typsend]::oid[] AS io) f\n    \
                 JOIN pg_catalog.pg_depend d ON d.deptype <> 'i' AND (d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass \
                 AND d.refobjid IN (t.oid, t.typarray)\n        \
                 OR d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = ANY (f.io) AND d.refobjid >= {FIRST_USER_OID})\n    \
                 WHERE t.oid = {literal}::pg_catalog.regtype AND d.objid <> t.oid\n        \
                 AND NOT (d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = ANY (f.io));\n    \
                 IF used IS NOT NULL THEN\n        \
                 RAISE EXCEPTION 'the type % cannot be dropped, as it or one of its functions is still used by: %', {literal}, used USING HINT = 'Drop or change these first.';\n    END IF;\nEND\n"
            ))
        )
    }
}

impl Item for BaseType {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("internal length"),
            again("input"),
            again("output"),
            again_where("receive", "the server is older than 13"),
            again_where("send", "the server is older than 13"),
            again_where("typmod_in", "the server is older than 13"),
            again_where("typmod_out", "the server is older than 13"),
            again_where("analyze", "the server is older than 13"),
            alters("subscript").since(14),
            again("passed by value"),
            again("alignment"),
            again_where("storage", "it becomes plain, or the server is older than 13"),
            again("category"),
            again("preferred"),
            again("default"),
            again("element"),
            again("delimiter"),
            again("collatable"),
        ],
        &["testdata/cases/postgres/base_type/altered", "testdata/cases/postgres/base_type/rebuilt"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            length,
            input,
            output,
            receive,
            send,
            modifier_in,
            modifier_out,
            analyze,
            subscript,
            by_value,
            alignment,
            storage,
            category,
            preferred,
            default,
            element,
            delimiter,
            collatable,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "internal length", length, &to.length);
        differ(&mut list, "input", input, &to.input);
        differ(&mut list, "output", output, &to.output);
        differ(&mut list, "receive", receive, &to.receive);
        differ(&mut list, "send", send, &to.send);
        differ(&mut list, "typmod_in", modifier_in, &to.modifier_in);
        differ(&mut list, "typmod_out", modifier_out, &to.modifier_out);
        differ(&mut list, "analyze", analyze, &to.analyze);
        differ(&mut list, "subscript", subscript, &to.subscript);
        differ(&mut list, "passed by value", by_value, &to.by_value);
        differ(&mut list, "alignment", alignment, &to.alignment);
        differ(&mut list, "storage", storage, &to.storage);
        differ(&mut list, "category", category, &to.category);
        differ(&mut list, "preferred", preferred, &to.preferred);
        differ(&mut list, "default", default, &to.default);
        differ(&mut list, "element", element, &to.element);
        differ(&mut list, "delimiter", delimiter, &to.delimiter);
        differ(&mut list, "collatable", collatable, &to.collatable);
        list
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TYPE").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if !self.is_alterable(to) || !cx.server.can_alter_base_types() {
            return Alteration::Replace("this cannot be changed on a base type that is there".to_owned());
        }
        let parts = self.settings(to);
        Alteration::InPlace(vec![PgOp::one(
            Sql::new("ALTER").then(self.address(id)).kw("SET").paren(|w| w.list(parts, |w, p| w.then(p))),
        )])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).block(self.definition()).build()])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut draft =
            Draft::sql(vec![Self::guard(id), Sql::new("DROP").then(self.address(id)).kw("CASCADE").build()]);
        draft.reason = Some("a base type and its input and output functions can only be dropped together".to_owned());
        vec![draft]
    }
}

pub(super) const SHELL_QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT t.oid, t.typname, t.typnamespace, t.typowner FROM pg_type t WHERE NOT t.typisdefined AND t.oid >= {FIRST_USER_OID}"
        )]
    },
    read: read_shells,
};

fn read_shells(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if reader.is_ours(class::TYPE, row.oid(0)) {
            let id = PgId::new(PgKind::ShellType, [schema.as_str(), row.text(1)]);
            reader.add_in_schema(class::TYPE, row.oid(0), &id, PgObject::ShellType(ShellType {}));
            reader.owner(&id, row.oid(3));
        }
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let function = |column: &str| format!("CASE WHEN t.{column} <> 0 THEN t.{column} END");
        let subscript = if server.has_type_subscript() { function("typsubscript") } else { "NULL".to_owned() };
        vec![format!(
            "SELECT t.oid, t.typname, t.typnamespace, t.typowner, t.typacl, t.typarray, t.typlen, t.typinput, t.typoutput, {}, {}, \
             {}, {}, {}, {subscript}, t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdefault, \
             CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END, t.typdelim, t.typcollation <> 0 \
             FROM pg_type t WHERE t.typtype = 'b' AND t.typisdefined AND t.oid >= {FIRST_USER_OID} \
             AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)",
            function("typreceive"),
            function("typsend"),
            function("typmodin"),
            function("typmodout"),
            function("typanalyze"),
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TYPE, oid) {
            continue;
        }
        let shell = PgId::new(PgKind::ShellType, [schema.as_str(), row.text(1)]);
        let id = shell.prefix(PgKind::BaseType, 2);
        let base = BaseType {
            length: i16::try_from(row.int(6)).unwrap_or(-1),
            input: row.string(7),
            output: row.string(8),
            receive: row.opt_string(9),
            send: row.opt_string(10),
            modifier_in: row.opt_string(11),
            modifier_out: row.opt_string(12),
            analyze: row.opt_string(13),
            subscript: row.opt_string(14),
            by_value: row.bool(15),
            alignment: match row.char(16) {
                'c' => "char",
                's' => "int2",
                'd' => "double",
                _ => "int4",
            }
            .to_owned(),
            storage: match row.char(17) {
                'e' => "external",
                'x' => "extended",
                'm' => "main",
                _ => "plain",
            }
            .to_owned(),
            category: row.char(18),
            preferred: row.bool(19),
            default: row.opt_string(20),
            element: row.opt_string(21),
            delimiter: row.char(22),
            collatable: row.bool(23),
        };
        reader.add_in_schema(class::TYPE, oid, &id, PgObject::BaseType(base));
        reader.alias(class::TYPE, row.oid(5), 0, &id);
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.add_part(shell.clone(), PgObject::ShellType(ShellType {}));
        reader.depends(&shell, &schema_id);
        reader.depends(&id, &shell);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TYPE, row.oid(3));
    }
}

/// Functions that a base type rests on need only its shell.
pub(crate) fn tie(catalog: &mut PgCatalog) {
    let types: Vec<PgId> = catalog.objects.keys().filter(|id| id.kind == PgKind::BaseType).cloned().collect();
    for id in types {
        let shell = id.prefix(PgKind::ShellType, 2);
        let functions: Vec<PgId> = catalog.needs(&id).filter(|n| **n != shell).cloned().collect();
        for function in functions {
            if let Some(needs) = catalog.rests_on.get_mut(&function)
                && needs.remove(&id)
            {
                needs.insert(shell.clone());
            }
        }
    }
}

/// The base type whose end ends the object as well: the object is one of its functions.
pub(crate) fn ends_with(catalog: &PgCatalog, id: &PgId) -> Option<PgId> {
    let shells = catalog.needs(id).filter(|n| n.kind == PgKind::ShellType);
    let mut types = shells.map(|s| s.prefix(PgKind::BaseType, 2));
    types.find(|base| catalog.needs(base).any(|n| n == id))
}
