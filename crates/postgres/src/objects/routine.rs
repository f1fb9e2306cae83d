//! Functions, window functions and procedures (manual, CREATE FUNCTION and CREATE PROCEDURE; `pg_proc`). The statement is
//! put together here as `pg_get_functiondef` does it, from one row each, because that function is slow.

use super::trigger::{bound_to_extension, extension_changes};
use super::{Context, Item, Query, acl, not_of_an_extension, slot};
use crate::attribute::{Words, differ};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::{Row, Rows};
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use underpin_planner::{Alteration, Draft};
use underpin_sql::{Sql, quote};

/// Where a routine's work is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Source text, or the name of an internal function.
    Source(String),
    /// A file of compiled code, and the name in it.
    Object {
        /// The file.
        file: String,
        /// The link symbol.
        symbol: String,
    },
    /// A parsed SQL body (14) as the server prints it: `RETURN …` or `BEGIN ATOMIC … END`.
    Sql(String),
}

impl Words for Body {
    fn words(&self) -> String {
        match self {
            Self::Source(text) | Self::Sql(text) => text.clone(),
            Self::Object { file, symbol } => format!("{symbol} in {file}"),
        }
    }
}

/// An argument as far as it decides whether a routine can be replaced in place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// The name, empty for none.
    pub name: String,
    /// `i` in, `o` out, `b` in and out, `v` variadic, `t` a column of the table that it returns.
    pub mode: char,
    /// The type as `format_type` prints it.
    pub type_name: String,
}

impl Argument {
    fn is_given(&self) -> bool {
        matches!(self.mode, 'i' | 'b' | 'v')
    }

    fn is_got(&self) -> bool {
        matches!(self.mode, 'o' | 'b' | 't')
    }
}

/// A function or a procedure; the address says which. The last part of the address is the list of the types that a call
/// gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routine {
    /// The arguments as `CREATE` lists them, with their defaults.
    pub arguments: String,
    /// The same taken apart.
    pub argument_list: Vec<Argument>,
    /// How many of the last arguments have defaults.
    pub defaults: u32,
    /// What it returns; none for a procedure.
    pub result: Option<String>,
    /// The language.
    pub language: String,
    /// What it does.
    pub body: Body,
    /// `WINDOW`.
    pub window: bool,
    /// `IMMUTABLE`, `STABLE`, `VOLATILE`.
    pub volatility: String,
    /// `STRICT`.
    pub strict: bool,
    /// `SECURITY DEFINER`.
    pub security_definer: bool,
    /// `LEAKPROOF`.
    pub leakproof: bool,
    /// `PARALLEL`: `UNSAFE`, `RESTRICTED`, `SAFE`.
    pub parallel: String,
    /// `COST`, where it is not the language's default.
    pub cost: Option<String>,
    /// `ROWS`, where it is not the default.
    pub rows: Option<String>,
    /// `SUPPORT`: the planner support function.
    pub support: Option<String>,
    /// `SET`: settings while it runs.
    pub settings: BTreeMap<String, String>,
    /// `TRANSFORM FOR TYPE`.
    pub transforms: Vec<String>,
    /// Extensions that take it with them when they are dropped (`DEPENDS ON EXTENSION`).
    pub extensions: Vec<String>,
}

/// A function or a window function.
pub type Function = Routine;
/// A procedure.
pub type Procedure = Routine;

/// Settings that are lists, whose items are kept as quoted names (`GUC_LIST_QUOTE`, utils/misc/guc_tables.c).
const LIST_SETTINGS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// The items of a list of quoted names, as `SplitGUCList` takes it apart.
fn list_items(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut chars = value.trim().chars().peekable();
    while chars.peek().is_some() {
        let mut item = String::new();
        if chars.peek() == Some(&'"') {
            chars.next();
            while let Some(c) = chars.next() {
                match c {
                    '"' if chars.peek() == Some(&'"') => item.extend(chars.next()),
                    '"' => break,
                    c => item.push(c),
                }
            }
            chars.by_ref().find(|c| *c == ',');
        } else {
            item.extend(chars.by_ref().take_while(|c| *c != ','));
            item.truncate(item.trim_end().len());
        }
        items.push(item);
        while chars.peek().is_some_and(|c| c.is_whitespace()) {
            chars.next();
        }
    }
    items
}

impl Routine {
    fn word(id: &PgId) -> &'static str {
        if id.kind == PgKind::Procedure { "PROCEDURE" } else { "FUNCTION" }
    }

    fn create(&self, id: &PgId, replace: bool) -> String {
        let mut text =
            Sql::new("CREATE").kw_if(replace, "OR REPLACE").kw(Self::word(id)).name(&id.parts()[..2]).build();
        text.push_str(&format!("({})", self.arguments));
        let mut line = |sql: Sql| {
            text.push_str("\n ");
            text.push_str(&sql.build());
        };
        if let Some(result) = &self.result {
            line(Sql::new("RETURNS").server_text(result));
        }
        line(Sql::new("LANGUAGE").ident(&self.language));
        if !self.transforms.is_empty() {
            line(Sql::new("TRANSFORM").list(&self.transforms, |w, t| w.kw("FOR TYPE").server_text(t)));
        }
        let mut traits = Sql::empty().kw_if(self.window, "WINDOW");
        if self.volatility != "VOLATILE" {
            traits = traits.server_text(&self.volatility);
        }
        if self.parallel != "UNSAFE" {
            traits = traits.kw("PARALLEL").server_text(&self.parallel);
        }
        traits = traits
            .kw_if(self.strict, "STRICT")
            .kw_if(self.security_definer, "SECURITY DEFINER")
            .kw_if(self.leakproof, "LEAKPROOF");
        if let Some(cost) = &self.cost {
            traits = traits.kw("COST").server_text(cost);
        }
        if let Some(rows) = &self.rows {
            traits = traits.kw("ROWS").server_text(rows);
        }
        if let Some(support) = &self.support {
            traits = traits.kw("SUPPORT").server_text(support);
        }
        if !traits.clone().build().is_empty() {
            line(traits);
        }
        for (name, value) in &self.settings {
            let set = Sql::new("SET").name(&name.split('.').collect::<Vec<_>>()).kw("TO");
            line(if LIST_SETTINGS.contains(&name.to_ascii_lowercase().as_str()) {
                let items = list_items(value);
                // An empty list is written as one empty item.
                if items.is_empty() { set.literal("") } else { set.list(items, |w, item| w.literal(&item)) }
            } else {
                set.literal(value)
            });
        }
        match &self.body {
            Body::Source(source) if self.language == "internal" => line(Sql::new("AS").literal(source)),
            Body::Source(source) => text.push_str(&format!("\nAS {}", quote::dollar(source))),
            Body::Object { file, symbol } => line(Sql::new("AS").list([file, symbol], |w, s| w.literal(s))),
            Body::Sql(sql) => text.push_str(&format!("\n{sql}")),
        }
        text
    }

    /// Why `CREATE OR REPLACE` would refuse (`ProcedureCreate`, catalog/pg_proc.c), if it would.
    fn refusal(&self, to: &Self) -> Option<&'static str> {
        let got = |r: &Self| r.argument_list.iter().filter(|a| a.is_got()).cloned().collect::<Vec<_>>();
        let (got_before, got_after) = (got(self), got(to));
        // With one output the type alone counts; with several, they are a row.
        let is_row = got_before.len() > 1 || got_after.len() > 1;
        let same_row = got_before.len() == got_after.len()
            && got_before.iter().zip(&got_after).all(|(a, b)| a.name == b.name && a.type_name == b.type_name);
        if self.result_type() != to.result_type()
            || (is_row && !same_row)
            || got_before.is_empty() != got_after.is_empty()
        {
            return Some("its result is another");
        }
        let given = |r: &Self| r.argument_list.iter().filter(|a| a.is_given()).cloned().collect::<Vec<_>>();
        if given(self).iter().zip(&given(to)).any(|(a, b)| !a.name.is_empty() && a.name != b.name) {
            return Some("an argument has another name");
        }
        if given(self).iter().zip(&given(to)).any(|(a, b)| (a.mode == 'v') != (b.mode == 'v')) {
            return Some("an argument is variadic or is so no longer");
        }
        if to.defaults < self.defaults {
            return Some("an argument loses its default");
        }
        if self.window != to.window {
            return Some("a window function and a plain one cannot become each other");
        }
        None
    }

    /// The result without the names of its columns, which count apart.
    fn result_type(&self) -> Option<String> {
        let result = self.result.as_deref()?;
        let columns: Vec<&Argument> = self.argument_list.iter().filter(|a| a.mode == 't').collect();
        Some(match columns.as_slice() {
            [] => result.to_owned(),
            [one] => format!("SETOF {}", one.type_name),
            _ => "SETOF record".to_owned(),
        })
    }
}

impl Item for Routine {
    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            arguments,
            // The same as the text, taken apart.
            argument_list: _,
            defaults: _,
            result,
            language,
            body,
            window,
            volatility,
            strict,
            security_definer,
            leakproof,
            parallel,
            cost,
            rows,
            support,
            settings,
            transforms,
            extensions,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "arguments", arguments, &to.arguments);
        differ(&mut list, "result", result, &to.result);
        differ(&mut list, "language", language, &to.language);
        differ(&mut list, "body", body, &to.body);
        differ(&mut list, "window", window, &to.window);
        differ(&mut list, "volatility", volatility, &to.volatility);
        differ(&mut list, "strict", strict, &to.strict);
        differ(&mut list, "security definer", security_definer, &to.security_definer);
        differ(&mut list, "leakproof", leakproof, &to.leakproof);
        differ(&mut list, "parallel", parallel, &to.parallel);
        differ(&mut list, "cost", cost, &to.cost);
        differ(&mut list, "rows", rows, &to.rows);
        differ(&mut list, "support function", support, &to.support);
        differ(&mut list, "settings", settings, &to.settings);
        differ(&mut list, "transforms", transforms, &to.transforms);
        differ(&mut list, "extensions", extensions, &to.extensions);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("routine", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        let address = Sql::new(Self::word(id)).name(&id.parts()[..2]);
        // What a procedure only gives back is part of how it is named where another differs by it alone, and may always
        // be named (14; manual, DROP PROCEDURE).
        let with_modes = id.kind == PgKind::Procedure && self.argument_list.iter().any(|a| a.mode == 'o');
        let arguments = if with_modes {
            let said = |a: &Argument| match a.mode {
                'o' => format!("OUT {}", a.type_name),
                'b' => format!("INOUT {}", a.type_name),
                'v' => format!("VARIADIC {}", a.type_name),
                _ => format!("IN {}", a.type_name),
            };
            self.argument_list.iter().map(said).collect::<Vec<_>>().join(", ")
        } else {
            id.part(2).to_owned()
        };
        Sql::empty().server_text(&format!("{}({arguments})", address.build()))
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if let Some(why) = self.refusal(to) {
            return Alteration::Replace(why.to_owned());
        }
        if let Some(replaced) = bound_to_extension(&self.extensions, &to.extensions, cx) {
            return replaced;
        }
        let mut sql = Vec::new();
        if (Self { extensions: Vec::new(), ..self.clone() }) != (Self { extensions: Vec::new(), ..to.clone() }) {
            sql.push(to.create(id, true));
        }
        sql.extend(extension_changes(|| to.address(id), &self.extensions, &to.extensions));
        Alteration::InPlace(vec![PgOp::plain(sql)])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = vec![self.create(id, false)];
        sql.extend(extension_changes(|| self.address(id), &[], &self.extensions));
        vec![Draft::sql(sql)]
    }
}

fn query(server: &crate::Server) -> Vec<String> {
    let ours = not_of_an_extension("pg_proc", "p.oid");
    let body = if server.has_sql_bodies() { "pg_get_function_sqlbody(p.oid)" } else { "NULL" };
    let types = format!(
        "SELECT t.t, format_type(t.t, NULL) FROM (SELECT unnest(coalesce(proallargtypes, proargtypes::oid[])) AS t FROM pg_proc \
         WHERE oid >= {FIRST_USER_OID} UNION SELECT unnest(protrftypes) FROM pg_proc WHERE oid >= {FIRST_USER_OID}) AS t"
    );
    let routines = format!(
        "SELECT p.oid, p.proname, p.pronamespace, p.proowner, p.proacl, p.prokind, oidvectortypes(p.proargtypes), \
         pg_get_function_arguments(p.oid), p.pronargdefaults, pg_get_function_result(p.oid), l.lanname, p.prosrc, p.probin, {body}, \
         p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof, p.proparallel, \
         CASE WHEN p.procost <> CASE WHEN p.prolang IN (12, 13) THEN 1 ELSE 100 END THEN p.procost END, \
         CASE WHEN p.proretset AND p.prorows <> 1000 THEN p.prorows END, \
         CASE WHEN p.prosupport <> 0 THEN p.prosupport::regproc END, p.proconfig, p.proargnames, p.proargmodes, coalesce(p.proallargtypes, p.proargtypes::oid[]), \
         p.protrftypes \
         FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang \
         WHERE p.oid >= {FIRST_USER_OID} AND p.prokind IN ('f', 'w', 'p') AND {ours}"
    );
    vec![types, routines]
}

pub(super) const QUERY: Query = Query { sql: query, read };

/// The names of the types whose OIDs an array holds.
fn type_names(row: &Row<'_>, n: usize, types: &HashMap<u32, String>) -> Vec<String> {
    row.array(n).iter().map(|o| o.parse().ok().and_then(|o| types.get(&o)).unwrap_or(o).clone()).collect()
}

fn arguments(row: &Row<'_>, types: &HashMap<u32, String>) -> Vec<Argument> {
    let (names, modes) = (row.array(23), row.array(24));
    type_names(row, 25, types)
        .into_iter()
        .enumerate()
        .map(|(n, type_name)| Argument {
            name: names.get(n).cloned().unwrap_or_default(),
            mode: modes.get(n).and_then(|m| m.chars().next()).unwrap_or('i'),
            type_name,
        })
        .collect()
}

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let types: HashMap<u32, String> = results[0].iter().map(|r| (r.oid(0), r.string(1))).collect();
    for row in results[1].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::PROC, oid) {
            continue;
        }
        let kind = if row.char(5) == 'p' { PgKind::Procedure } else { PgKind::Function };
        let id = PgId::new(kind, [schema.as_str(), row.text(1), row.text(6)]);
        let routine = Routine {
            arguments: row.string(7),
            argument_list: arguments(&row, &types),
            defaults: row.oid(8),
            result: row.opt_string(9).filter(|_| kind == PgKind::Function),
            language: row.string(10),
            body: match (row.opt(13), row.opt(12)) {
                (Some(sql), _) => Body::Sql(sql.trim_end_matches(';').to_owned()),
                (None, Some(file)) => Body::Object { file: file.to_owned(), symbol: row.string(11) },
                (None, None) => Body::Source(row.string(11)),
            },
            window: row.char(5) == 'w',
            volatility: match row.char(14) {
                'i' => "IMMUTABLE",
                's' => "STABLE",
                _ => "VOLATILE",
            }
            .to_owned(),
            strict: row.bool(15),
            security_definer: row.bool(16),
            leakproof: row.bool(17),
            parallel: match row.char(18) {
                's' => "SAFE",
                'r' => "RESTRICTED",
                _ => "UNSAFE",
            }
            .to_owned(),
            cost: row.opt_string(19),
            rows: row.opt_string(20),
            support: row.opt_string(21),
            settings: row
                .array(22)
                .iter()
                .filter_map(|s| s.split_once('='))
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
            transforms: type_names(&row, 26, &types),
            extensions: reader.goes_with(class::PROC, oid, &id),
        };
        let object = if kind == PgKind::Procedure { PgObject::Procedure(routine) } else { PgObject::Function(routine) };
        reader.add(class::PROC, oid, id.clone(), object);
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::ROUTINE, row.oid(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_come_apart() {
        assert_eq!(list_items("pg_catalog, \"My \"\"S\", public"), ["pg_catalog", "My \"S", "public"]);
        assert_eq!(list_items("\"\""), [""]);
        assert_eq!(list_items(""), Vec::<String>::new());
    }
}
