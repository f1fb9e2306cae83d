//! Aggregates (manual, CREATE AGGREGATE; `pg_aggregate`).

use super::{Context, Item, Query, acl, not_of_an_extension, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::{Row, Rows};
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// One way to aggregate: the plain one, or the one for moving frames.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The state transition function.
    pub transition: String,
    /// The inverse one, for moving frames.
    pub inverse: Option<String>,
    /// The type of the state.
    pub state: String,
    /// The estimated size of the state in bytes, where one was given.
    pub space: Option<String>,
    /// The final function.
    pub last: Option<String>,
    /// Whether the final function gets the arguments too.
    pub last_extra: bool,
    /// Whether the final function changes the state, where that is not the default: `READ_ONLY`, `SHAREABLE`, `READ_WRITE`.
    pub last_modify: Option<String>,
    /// The first state.
    pub initial: Option<String>,
}

impl Words for Machine {
    fn words(&self) -> String {
        format!("{} over {}", self.transition, self.state)
    }
}

/// An aggregate. The last part of the address is the list of its argument types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The arguments as `CREATE` lists them; `*` for none.
    pub arguments: String,
    /// The same without defaults, as the other statements name it.
    pub identity: String,
    /// The names of the arguments.
    pub names: Vec<String>,
    /// What it returns.
    pub result: String,
    /// `n` plain, `o` ordered-set, `h` hypothetical-set.
    pub kind: char,
    /// How many arguments of an ordered-set aggregate are direct.
    pub direct: u32,
    /// The plain way.
    pub plain: Machine,
    /// The way for moving frames.
    pub moving: Option<Machine>,
    /// `COMBINEFUNC`.
    pub combine: Option<String>,
    /// `SERIALFUNC`.
    pub serialize: Option<String>,
    /// `DESERIALFUNC`.
    pub deserialize: Option<String>,
    /// `SORTOP`, as `schema.operator`.
    pub sort_operator: Option<String>,
    /// `PARALLEL`: `UNSAFE`, `RESTRICTED`, `SAFE`.
    pub parallel: String,
}

impl Aggregate {
    fn create(&self, id: &PgId, replace: bool) -> String {
        let head = Sql::new("CREATE").kw_if(replace, "OR REPLACE").kw("AGGREGATE").name(&id.parts()[..2]).build();
        let mut lines = Vec::new();
        let mut machine = |m: &Machine, names: [&'static str; 7]| {
            let [transition, inverse, state, space, last, extra, modify] = names;
            lines.push(Sql::new(transition).kw("=").server_text(&m.transition));
            if let Some(f) = &m.inverse {
                lines.push(Sql::new(inverse).kw("=").server_text(f));
            }
            lines.push(Sql::new(state).kw("=").server_text(&m.state));
            if let Some(n) = &m.space {
                lines.push(Sql::new(space).kw("=").server_text(n));
            }
            if let Some(f) = &m.last {
                lines.push(Sql::new(last).kw("=").server_text(f));
            }
            if m.last_extra {
                lines.push(Sql::new(extra));
            }
            if let Some(word) = &m.last_modify {
                lines.push(Sql::new(modify).kw("=").server_text(word));
            }
        };
        machine(&self.plain, ["SFUNC", "", "STYPE", "SSPACE", "FINALFUNC", "FINALFUNC_EXTRA", "FINALFUNC_MODIFY"]);
        if let Some(moving) = &self.moving {
            machine(
                moving,
                ["MSFUNC", "MINVFUNC", "MSTYPE", "MSSPACE", "MFINALFUNC", "MFINALFUNC_EXTRA", "MFINALFUNC_MODIFY"],
            );
        }
        let functions =
            [("COMBINEFUNC", &self.combine), ("SERIALFUNC", &self.serialize), ("DESERIALFUNC", &self.deserialize)];
        for (name, function) in functions {
            if let Some(f) = function {
                lines.push(Sql::new(name).kw("=").server_text(f));
            }
        }
        let moving_initial = self.moving.as_ref().and_then(|m| m.initial.as_ref());
        for (name, value) in [("INITCOND", self.plain.initial.as_ref()), ("MINITCOND", moving_initial)] {
            if let Some(value) = value {
                lines.push(Sql::new(name).kw("=").literal(value));
            }
        }
        if let Some(operator) = &self.sort_operator {
            lines.push(Sql::new("SORTOP").kw("=").server_text(&format!("OPERATOR({operator})")));
        }
        if self.parallel != "UNSAFE" {
            lines.push(Sql::new("PARALLEL").kw("=").server_text(&self.parallel));
        }
        if self.kind == 'h' {
            lines.push(Sql::new("HYPOTHETICAL"));
        }
        Sql::empty().server_text(&format!("{head}({})", self.arguments)).block(lines).build()
    }
}

impl Item for Aggregate {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again_where("arguments", "one has another name"),
            again("result"),
            again("kind"),
            again("direct arguments"),
            alters("state machine"),
            alters("state machine for moving frames"),
            alters("combine function"),
            alters("serialization function"),
            alters("deserialization function"),
            alters("sort operator"),
            alters("parallel"),
        ],
        &["testdata/cases/postgres/aggregate/every_part"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            arguments,
            identity: _,
            names: _,
            result,
            kind,
            direct,
            plain,
            moving,
            combine,
            serialize,
            deserialize,
            sort_operator,
            parallel,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "arguments", arguments, &to.arguments);
        differ(&mut list, "result", result, &to.result);
        differ(&mut list, "kind", kind, &to.kind);
        differ(&mut list, "direct arguments", direct, &to.direct);
        differ(&mut list, "state machine", plain, &to.plain);
        differ(&mut list, "state machine for moving frames", moving, &to.moving);
        differ(&mut list, "combine function", combine, &to.combine);
        differ(&mut list, "serialization function", serialize, &to.serialize);
        differ(&mut list, "deserialization function", deserialize, &to.deserialize);
        differ(&mut list, "sort operator", sort_operator, &to.sort_operator);
        differ(&mut list, "parallel", parallel, &to.parallel);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("routine", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        let name = Sql::new("AGGREGATE").name(&id.parts()[..2]).build();
        Sql::empty().server_text(&format!("{name}({})", self.identity))
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        // As for functions (`ProcedureCreate`); besides, what kind of aggregate it is.
        let renamed = self
            .names
            .iter()
            .zip(to.names.iter().chain(std::iter::repeat(&String::new())))
            .any(|(a, b)| !a.is_empty() && a != b);
        if self.result != to.result || self.kind != to.kind || self.direct != to.direct || renamed {
            return Alteration::Replace(
                "an aggregate's kind, result and argument names cannot be changed in place".to_owned(),
            );
        }
        Alteration::InPlace(vec![PgOp::plain(vec![to.create(id, true)])])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![self.create(id, false)])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        let ours = not_of_an_extension("pg_proc", "p.oid");
        let function = |column: &str| format!("CASE WHEN a.{column} <> 0 THEN a.{column} END");
        vec![format!(
            "SELECT p.oid, p.proname, p.pronamespace, p.proowner, p.proacl, oidvectortypes(p.proargtypes), \
             pg_get_function_arguments(p.oid), pg_get_function_identity_arguments(p.oid), p.proargnames, \
             pg_get_function_result(p.oid), a.aggkind, a.aggnumdirectargs, \
             a.aggtransfn, NULL, format_type(a.aggtranstype, NULL), a.aggtransspace, {}, a.aggfinalextra, a.aggfinalmodify, \
             a.agginitval, \
             a.aggmtransfn, {}, format_type(a.aggmtranstype, NULL), a.aggmtransspace, {}, a.aggmfinalextra, a.aggmfinalmodify, \
             a.aggminitval, {}, {}, {}, \
             CASE WHEN a.aggsortop <> 0 THEN quote_ident(n.nspname) || '.' || o.oprname END, p.proparallel, a.aggmtransfn <> 0 \
             FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid LEFT JOIN pg_operator o ON o.oid = a.aggsortop \
             LEFT JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE p.oid >= {FIRST_USER_OID} AND {ours}",
            function("aggfinalfn"),
            function("aggminvtransfn"),
            function("aggmfinalfn"),
            function("aggcombinefn"),
            function("aggserialfn"),
            function("aggdeserialfn"),
        )]
    },
    read,
};

/// The eight columns of a machine from position `n` on.
fn machine(row: &Row<'_>, n: usize, kind: char) -> Machine {
    // The final function of a plain aggregate only reads by default, that of an ordered-set one also writes.
    let default = if kind == 'n' { 'r' } else { 'w' };
    let modify = row.char(n + 6);
    Machine {
        transition: row.string(n),
        inverse: row.opt_string(n + 1),
        state: row.string(n + 2),
        space: row.opt_string(n + 3).filter(|s| s != "0"),
        last: row.opt_string(n + 4),
        last_extra: row.bool(n + 5),
        last_modify: (modify != default).then(|| {
            match modify {
                's' => "SHAREABLE",
                'w' => "READ_WRITE",
                _ => "READ_ONLY",
            }
            .to_owned()
        }),
        initial: row.opt_string(n + 7),
    }
}

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::PROC, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Aggregate, [schema.as_str(), row.text(1), row.text(5)]);
        let kind = row.char(10);
        let or_star = |text: &str| if text.is_empty() { "*".to_owned() } else { text.to_owned() };
        let aggregate = Aggregate {
            arguments: or_star(row.text(6)),
            identity: or_star(row.text(7)),
            names: row.array(8),
            result: row.string(9),
            kind,
            direct: row.oid(11),
            plain: machine(&row, 12, kind),
            moving: row.bool(33).then(|| machine(&row, 20, kind)),
            combine: row.opt_string(28),
            serialize: row.opt_string(29),
            deserialize: row.opt_string(30),
            sort_operator: row.opt_string(31),
            parallel: match row.char(32) {
                's' => "SAFE",
                'r' => "RESTRICTED",
                _ => "UNSAFE",
            }
            .to_owned(),
        };
        reader.add(class::PROC, oid, id.clone(), PgObject::Aggregate(aggregate));
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::ROUTINE, row.oid(3));
    }
}
