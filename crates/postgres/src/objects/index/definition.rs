//! The text of an index's definition, put together as the server prints it (`pg_get_indexdef_worker` in
//! `src/backend/utils/adt/ruleutils.c`, versions 12 to 18), without asking the server for each index.

use crate::Server;
use crate::columns::{Columns, TypeFacts};
use crate::results::Rows;
use rustc_hash::FxHashMap as HashMap;
use std::cell::RefCell;

/// Pseudo-types that an operator class can take, the same in every version (`src/include/catalog/pg_type.dat`).
mod pseudo {
    pub const RECORD: u32 = 2249;
    pub const ANY: &[u32] = &[2276, 2283, 5077];
    pub const ANY_ARRAY: &[u32] = &[2277, 5078];
    pub const ANY_NON_ARRAY: &[u32] = &[2776, 5079];
    pub const ANY_ENUM: &[u32] = &[3500];
    pub const ANY_RANGE: &[u32] = &[3831, 5080];
    pub const ANY_MULTIRANGE: &[u32] = &[4537, 4538];
}

/// Bits of `pg_index.indoption` (`src/include/catalog/pg_index.h`).
const DESC: u32 = 1;
const NULLS_FIRST: u32 = 2;

struct OperatorClass {
    oid: u32,
    method: u32,
    input: u32,
    input_category: char,
    input_preferred: bool,
}

struct Method {
    name: String,
    can_order: bool,
}

/// What the indexes of one database are made of.
pub(super) struct Parts {
    methods: HashMap<u32, Method>,
    /// Operator classes that are the default of their input type.
    defaults: Vec<OperatorClass>,
    /// Operator classes as the server prints them with an empty `search_path`.
    class_names: HashMap<u32, String>,
    /// Implicit casts without a function: source and target.
    coercions: Vec<(u32, u32)>,
    /// The types under domains.
    bases: HashMap<u32, TypeFacts>,
    /// The default operator class by access method and type, once looked for.
    found: RefCell<HashMap<(u32, u32), Option<u32>>>,
}

/// The raw parts of an index without expressions.
pub(super) struct RawIndex<'a> {
    pub relation: u32,
    pub method: u32,
    /// Numbers of all columns, those of INCLUDE last.
    pub columns: &'a str,
    /// How many of them are keys.
    pub keys: usize,
    pub classes: &'a str,
    pub collations: &'a str,
    pub options: &'a str,
    pub nulls_not_distinct: bool,
    pub predicate: Option<&'a str>,
}

/// Access methods, operator classes, casts without a function, types under domains.
pub(super) fn queries(server: &Server) -> [String; 4] {
    [
        "SELECT oid, quote_ident(amname), pg_indexam_has_property(oid, 'can_order') FROM pg_am WHERE amtype = 'i'"
            .to_owned(),
        "SELECT o.oid, o.opcmethod, o.opcdefault, o.opcintype, t.typcategory, t.typispreferred, \
         CASE WHEN pg_opclass_is_visible(o.oid) THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(o.opcname) \
         FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_type t ON t.oid = o.opcintype"
            .to_owned(),
        "SELECT castsource, casttarget FROM pg_cast WHERE castmethod = 'b' AND castcontext = 'i'".to_owned(),
        format!(
            "SELECT t.oid, {} FROM pg_type t WHERE t.oid IN (SELECT typbasetype FROM pg_type WHERE typtype = 'd')",
            TypeFacts::select(server)
        ),
    ]
}

impl Parts {
    /// Takes the rows of [`queries`].
    pub(super) fn new(results: &[Rows]) -> Self {
        let mut class_names = HashMap::default();
        let mut defaults = Vec::new();
        for row in results[1].iter() {
            class_names.insert(row.oid(0), row.string(6));
            if row.bool(2) {
                defaults.push(OperatorClass {
                    oid: row.oid(0),
                    method: row.oid(1),
                    input: row.oid(3),
                    input_category: row.char(4),
                    input_preferred: row.bool(5),
                });
            }
        }
        Self {
            methods: results[0]
                .iter()
                .map(|r| (r.oid(0), Method { name: r.string(1), can_order: r.bool(2) }))
                .collect(),
            defaults,
            class_names,
            coercions: results[2].iter().map(|r| (r.oid(0), r.oid(1))).collect(),
            bases: results[3].iter().map(|r| (r.oid(0), TypeFacts::read(&r, 1))).collect(),
            found: RefCell::default(),
        }
    }

    /// What stands after ` USING ` in the server's own `CREATE INDEX`, without storage parameters; none where a part of it
    /// is not known.
    pub(super) fn definition(&self, columns: &Columns, index: &RawIndex<'_>) -> Option<String> {
        let method = self.methods.get(&index.method)?;
        let (mut classes, mut collations) = (numbers(index.classes), numbers(index.collations));
        let mut options = numbers(index.options);
        let mut out = format!("{} (", method.name);
        for (at, number) in numbers(index.columns).enumerate() {
            let column = columns.get(index.relation, number?)?;
            if at == index.keys {
                out.push_str(") INCLUDE (");
            } else if at > 0 {
                out.push_str(", ");
            }
            out.push_str(&columns.quoted(&column.name));
            if at >= index.keys {
                continue;
            }
            let (class, collation, option) = (classes.next()??, collations.next()??, options.next()??);
            if collation != 0 && collation != column.collation {
                out.push_str(" COLLATE ");
                out.push_str(columns.collation(collation)?);
            }
            if self.default_class(columns, index.method, column.type_oid) != Some(class) {
                out.push(' ');
                out.push_str(self.class_names.get(&class)?);
            }
            if method.can_order {
                out.push_str(match (option & DESC != 0, option & NULLS_FIRST != 0) {
                    (true, true) => " DESC",
                    (true, false) => " DESC NULLS LAST",
                    (false, true) => " NULLS FIRST",
                    (false, false) => "",
                });
            }
        }
        out.push(')');
        if index.nulls_not_distinct {
            out.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(predicate) = index.predicate {
            out.push_str(" WHERE ");
            out.push_str(predicate);
        }
        Some(out)
    }

    /// The default operator class of a type (`GetDefaultOpClass` in `src/backend/commands/indexcmds.c`): the one for just
    /// that type, else the only one for a type that it is as it stands, of which one for a preferred type goes first.
    fn default_class(&self, columns: &Columns, method: u32, type_oid: u32) -> Option<u32> {
        if let Some(found) = self.found.borrow().get(&(method, type_oid)) {
            return *found;
        }
        let found = self.look_for_default(columns, method, type_oid);
        self.found.borrow_mut().insert((method, type_oid), found);
        found
    }

    fn look_for_default(&self, columns: &Columns, method: u32, type_oid: u32) -> Option<u32> {
        let facts = |oid: u32| columns.type_facts(oid).or_else(|| self.bases.get(&oid).copied());
        let (mut oid, mut it) = (type_oid, facts(type_oid)?);
        while it.kind == 'd' {
            oid = it.base;
            it = facts(oid)?;
        }
        let mut exact = Vec::new();
        let (mut preferred, mut compatible) = (Vec::new(), Vec::new());
        for class in self.defaults.iter().filter(|c| c.method == method) {
            if class.input == oid {
                exact.push(class.oid);
            } else if self.is_coercible(oid, it, class.input) {
                let list = if class.input_preferred && class.input_category == it.category {
                    &mut preferred
                } else {
                    &mut compatible
                };
                list.push(class.oid);
            }
        }
        let list = [exact, preferred, compatible].into_iter().find(|list| !list.is_empty())?;
        // More than one is none: the server wants it said which.
        if let [one] = list.as_slice() { Some(*one) } else { None }
    }

    /// Whether a value of one type is one of the other as it stands (`IsBinaryCoercible` in
    /// `src/backend/parser/parse_coerce.c`). Arrays of composite types as `record[]` are left out: no index can be on these
    /// but by the operator class for all arrays.
    fn is_coercible(&self, source: u32, facts: TypeFacts, target: u32) -> bool {
        pseudo::ANY.contains(&target)
            || (facts.is_array && pseudo::ANY_ARRAY.contains(&target))
            || (!facts.is_array && pseudo::ANY_NON_ARRAY.contains(&target))
            || match facts.kind {
                'e' => pseudo::ANY_ENUM.contains(&target),
                'r' => pseudo::ANY_RANGE.contains(&target),
                'm' => pseudo::ANY_MULTIRANGE.contains(&target),
                'c' => target == pseudo::RECORD,
                _ => false,
            }
            || self.coercions.contains(&(source, target))
    }
}

/// The elements of an `oidvector` or `int2vector`.
fn numbers(vector: &str) -> impl Iterator<Item = Option<u32>> {
    vector.split_ascii_whitespace().map(|n| n.parse().ok())
}
