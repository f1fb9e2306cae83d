//! Columns of tables (manual, CREATE TABLE and ALTER TABLE; `pg_attribute`).

mod read;

pub(super) use read::QUERY;

use super::sequence::{self, SequenceOptions};
use super::table::{option_changes, parts_of};
use super::{Context, ForeignOptions, Item, NotNull, Table, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again_where, alters};
use crate::facts::may_be_volatile;
use crate::recipes::domain_check;
use crate::recipes::serial_identity::is_first_in_index;
use crate::{Attribute, Effect, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A generated column's rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression as the server prints it.
    pub expression: String,
    /// `STORED`; else `VIRTUAL` (18).
    pub stored: bool,
}

/// An identity column's rule and its sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// `ALWAYS`; else `BY DEFAULT`.
    pub always: bool,
    /// Schema and name of the sequence.
    pub sequence: (String, String),
    /// What the sequence does.
    pub options: SequenceOptions,
}

/// A column without its default, which is an object of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The type as `format_type` prints it, with its modifier.
    pub type_name: String,
    /// The collation, qualified and quoted, where it is not the type's.
    pub collation: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// What its constraint says beyond that (18).
    #[serde(default)]
    pub not_null_rule: Option<NotNull>,
    /// Generated, and how.
    pub generated: Option<Generated>,
    /// An identity, and how.
    pub identity: Option<Identity>,
    /// The storage mode, where it is not the type's.
    pub storage: Option<String>,
    /// The compression method, where it is not the default.
    pub compression: Option<String>,
    /// The statistics target, where it is not the default.
    pub statistics: Option<i32>,
    /// Attribute options such as `n_distinct`.
    pub options: BTreeMap<String, String>,
    /// For a foreign table: what its wrapper is told about the column.
    pub foreign_options: ForeignOptions,
    /// The parent's column that it is inherited from.
    pub inherits: Option<PgId>,
    /// Whether the table declares it itself, also where it is inherited.
    pub local: bool,
}

impl Words for Generated {
    fn words(&self) -> String {
        format!("({}) {}", self.expression, if self.stored { "stored" } else { "virtual" })
    }
}

impl Words for Identity {
    fn words(&self) -> String {
        format!("{} ({})", if self.always { "always" } else { "by default" }, self.options.words())
    }
}

/// A type's name without its modifier: `character varying(20)[]` is `character varying[]`.
pub(crate) fn base_type(name: &str) -> String {
    match (name.find('('), name.find(')')) {
        (Some(open), Some(close)) if open < close && !name.starts_with('"') => {
            format!("{}{}", &name[..open], &name[close + 1..])
        }
        _ => name.to_owned(),
    }
}

impl Column {
    /// The address of the column's table.
    pub(crate) fn table(id: &PgId) -> PgId {
        id.prefix(PgKind::Table, 2)
    }

    /// Whether the column is one of a foreign table.
    pub(crate) fn is_foreign(id: &PgId, catalog: &PgCatalog) -> bool {
        matches!(catalog.objects.get(&Self::table(id)), Some(PgObject::Table(t)) if t.foreign.is_some())
    }

    pub(super) fn alter_sql(id: &PgId) -> Sql {
        Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last())
    }

    /// Of this table alone: the columns of its heirs say for themselves what they are.
    fn alter_only(id: &PgId) -> Sql {
        Sql::new("ALTER TABLE ONLY").name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last())
    }

    /// Whether the column has the same parent on both sides. A partition that is detached in between, for another bound, gets what
    /// changes of it before.
    pub(super) fn stays_heir(from: &Self, to: &Self) -> bool {
        from.inherits.is_some() && from.inherits == to.inherits
    }

    /// Whether `ADD COLUMN` writes every row anew: each may get a value of its own, or a domain's checks have to see one
    /// (manual, ALTER TABLE, notes; `ATExecAddColumn`, commands/tablecmds.c).
    fn is_written_into_rows(&self, id: &PgId, cx: &Context<'_>) -> bool {
        if Self::is_foreign(id, cx.to) {
            return false;
        }
        let default = match cx.to.objects.get(&id.prefix(PgKind::Default, 3)) {
            Some(PgObject::Default(default)) => {
                may_be_volatile(&default.expression) && !self.default_comes_after(id, cx)
            }
            _ => false,
        };
        let constrained =
            domain_check::domain_of(cx.to, id).is_some_and(|domain| domain_check::is_checked(domain, cx.to));
        let stored = self.generated.as_ref().is_some_and(|g| g.stored);
        stored || self.identity.is_some() || default || constrained
    }

    /// The same column without anything that `CREATE TABLE` cannot say on every version.
    pub(super) fn plain(&self) -> Self {
        Self { storage: None, compression: None, statistics: None, options: BTreeMap::new(), ..self.clone() }
    }

    /// The column as `CREATE TABLE` leaves it: how its values are stored comes from the parent, unless it is a partition, which
    /// is made by itself.
    pub(super) fn at_first(&self, partition: bool, cx: &Context<'_>) -> Self {
        let parent = self.inherits.as_ref().filter(|_| !partition).and_then(|p| cx.to.objects.get(p));
        match parent {
            Some(PgObject::Column(parent)) => {
                Self { storage: parent.storage.clone(), compression: parent.compression.clone(), ..self.plain() }
            }
            _ => self.plain(),
        }
    }

    /// The column as `CREATE TABLE` and `ADD COLUMN` define it, with its default where the same step makes that.
    pub(super) fn definition(column: &Self, id: &PgId, cx: &Context<'_>) -> Sql {
        let mut sql = Sql::empty().ident(id.last()).server_text(&column.type_name);
        sql = column.foreign_options.write(sql);
        if let Some(collation) = &column.collation {
            sql = sql.kw("COLLATE").server_text(collation);
        }
        let default_id = id.prefix(PgKind::Default, 3);
        if let Some(PgObject::Default(default)) = cx.to.objects.get(&default_id)
            && cx.is_folded(&default_id)
            && !column.default_comes_after(id, cx)
        {
            sql = sql.kw("DEFAULT").server_text(&crate::restate::restated(&default.expression));
        }
        if let Some(generated) = &column.generated {
            sql = generated_clause(sql, generated);
        }
        if let Some(identity) = &column.identity {
            sql = identity_clause(sql, identity);
        }
        sql.then(NotNull::clause(column, cx, Table::is_partition(cx.to, &Self::table(id))))
    }

    /// Whether a new column of a table that is in use gets its default in a statement of its own, so that only new rows have
    /// it: those that are there are given theirs in batches, before anything asks for them.
    fn default_comes_after(&self, id: &PgId, cx: &Context<'_>) -> bool {
        let table = Self::table(id);
        cx.staged
            && !self.not_null
            && cx.from.objects.contains_key(&table)
            && !cx.is_made(&table)
            && !Self::is_foreign(id, cx.to)
            && matches!(cx.to.objects.get(&id.prefix(PgKind::Default, 3)),
                Some(PgObject::Default(default)) if may_be_volatile(&default.expression))
    }

    /// Statements for what a definition cannot say on every version.
    pub(super) fn extras(&self, id: &PgId, from: &Self, cx: &Context<'_>) -> Vec<String> {
        let alter = || Self::alter_only(id);
        let mut sql = Vec::new();
        let moved = |column: &Self| (column.storage.clone(), column.compression.clone());
        if moved(self) != moved(from) {
            sql.extend(self.storage_of_values(id, from, cx.to));
        }
        if self.statistics != from.statistics {
            sql.push(alter().kw("SET STATISTICS").number(self.statistics.unwrap_or(-1)).build());
        }
        sql.extend(option_changes(alter, &from.options, &self.options).into_iter().map(Sql::build));
        sql
    }

    /// The statements that add a new column first to the heirs that declare it themselves, the lowest first: it would come to
    /// them from above as one that they only inherit.
    fn declared_by_heirs(cx: &Context<'_>) -> Vec<String> {
        let column = |id: &PgId| match cx.to.objects.get(id) {
            Some(PgObject::Column(column)) => Some(column),
            _ => None,
        };
        let parent = |id: &PgId| column(id).and_then(|c| c.inherits.clone());
        let depth = |id: &PgId| std::iter::successors(parent(id), parent).count();
        let local = cx.folded.iter().filter_map(|id| column(id).filter(|c| c.local).map(|c| (depth(id), *id, c)));
        let mut heirs: Vec<_> = local.collect();
        heirs.sort_by_key(|(depth, ..)| std::cmp::Reverse(*depth));
        let add = |id: &PgId| Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ADD COLUMN");
        heirs.into_iter().map(|(_, id, c)| add(id).then(Self::definition(c, id, cx)).build()).collect()
    }

    /// How values are stored and compressed, where `from` has it otherwise.
    fn storage_of_values(&self, id: &PgId, from: &Self, catalog: &PgCatalog) -> Vec<String> {
        let mut sql = Vec::new();
        if self.storage != from.storage {
            let storage = self.storage.as_deref().unwrap_or_else(|| storage_of_type(&self.type_name, catalog));
            sql.push(Self::alter_only(id).kw("SET STORAGE").server_text(storage).build());
        }
        if self.compression != from.compression {
            let method = self.compression.as_deref().unwrap_or("default");
            sql.push(Self::alter_only(id).kw("SET COMPRESSION").server_text(method).build());
        }
        sql
    }

    /// The same after `ALTER COLUMN … TYPE`, which goes back to what is usual (`ATExecAlterColumnType`,
    /// commands/tablecmds.c).
    pub(crate) fn storage_again(&self, id: &PgId, catalog: &PgCatalog) -> Vec<String> {
        self.storage_of_values(id, &self.plain(), catalog)
    }

    /// `ALTER COLUMN … TYPE`. `using` is what the user said; else the way says how values go over.
    pub(crate) fn type_statement(&self, id: &PgId, from: &Self, way: ValuesGo, using: Option<&str>) -> String {
        let mut sql = Self::alter_sql(id).kw("TYPE").server_text(&self.type_name);
        if let Some(collation) = &self.collation {
            sql = sql.kw("COLLATE").server_text(collation);
        }
        if let Some(using) = using {
            sql = sql.kw("USING").server_text(using);
        } else if way != ValuesGo::ByAssignment {
            sql = sql.kw("USING").server_text(&self.converted(&Sql::empty().ident(id.last()).build(), from, way));
        }
        sql.build()
    }

    /// A value of the column as it was, as one of its new type.
    pub(crate) fn converted(&self, value: &str, from: &Self, way: ValuesGo) -> String {
        let array = self.type_name.ends_with("[]") && from.type_name.ends_with("[]");
        match way {
            ValuesGo::ByAssignment => value.to_owned(),
            ValuesGo::ByCast => format!("{value}::{}", self.type_name),
            ValuesGo::ThroughText => {
                format!("{value}::{}::{}", if array { "text[]" } else { "text" }, self.type_name)
            }
        }
    }
}

/// How the values of a column whose type changes go over where the user has said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValuesGo {
    /// As the server assigns them, which refuses what does not fit.
    ByAssignment,
    /// By an explicit cast.
    ByCast,
    /// Written as text and read again.
    ThroughText,
}

/// Whether the column's table has checks or is a member of a publication (`ATExecSetExpression`, commands/tablecmds.c).
fn is_looked_at(id: &PgId, catalog: &PgCatalog) -> bool {
    let table = Column::table(id);
    let has_checks = parts_of(catalog, PgKind::Constraint, &table.parts())
        .iter()
        .any(|(_, o)| matches!(o, PgObject::Constraint(c) if c.kind == super::ConstraintKind::Check));
    let of_table =
        |member: &PgId| member.kind == PgKind::PublicationTable && super::PublicationTable::table(member) == table;
    has_checks || catalog.objects.keys().any(of_table)
}

/// The storage mode of a type that can be kept out of line (`pg_type.typstorage`); `SET STORAGE DEFAULT` exists from 16 on only.
fn storage_of_type<'a>(type_name: &str, catalog: &'a PgCatalog) -> &'a str {
    let mut name = base_type(type_name);
    // A domain's is that of the type that it is over.
    while let Some(base) = catalog.objects.iter().find_map(|(id, object)| match object {
        PgObject::Domain(domain) if underpin_sql::quote::qualified(&id.parts()) == name => Some(&domain.base),
        _ => None,
    }) {
        name = base_type(base);
    }
    let own = catalog.objects.iter().find_map(|(id, object)| match object {
        PgObject::BaseType(base) if underpin_sql::quote::qualified(&id.parts()) == name => Some(base.storage.as_str()),
        _ => None,
    });
    own.unwrap_or(match name.as_str() {
        "numeric" | "inet" | "cidr" => "MAIN",
        "tsquery" => "PLAIN",
        _ => "EXTENDED",
    })
}

fn generated_clause(sql: Sql, generated: &Generated) -> Sql {
    sql.kw("GENERATED ALWAYS AS")
        .paren(|w| w.server_text(&crate::restate::restated(&generated.expression)))
        .kw(if generated.stored { "STORED" } else { "VIRTUAL" })
}

pub(crate) fn identity_clause(sql: Sql, identity: &Identity) -> Sql {
    let (schema, name) = &identity.sequence;
    let kind = if identity.always { "GENERATED ALWAYS AS IDENTITY" } else { "GENERATED BY DEFAULT AS IDENTITY" };
    sql.kw(kind)
        .paren(|w| sequence::write_options(w.kw("SEQUENCE NAME").name(&[schema, name]), &identity.options, None))
}

impl Item for Column {
    const COVERAGE: Coverage = Coverage::of(
        &[
            alters("type"),
            alters("collation"),
            alters("not null"),
            alters("name of not null").since(18),
            alters("not null declared here").since(18),
            alters("not null not valid").since(18),
            alters("not null no inherit").since(18),
            again_where(
                "generated",
                "a plain column becomes one, a virtual one changes, or the server is older than 17",
            ),
            alters("identity"),
            alters("storage"),
            alters("compression").since(14),
            alters("statistics target"),
            alters("options"),
            alters("foreign options"),
            alters("inherited from"),
            alters("declared here"),
        ],
        &[
            "testdata/cases/postgres/table/add_column",
            "testdata/cases/postgres/table/partitions",
            "testdata/cases/postgres/foreign_data/tables",
        ],
    )
    .later(&[("virtual generated columns", 18)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            type_name,
            collation,
            not_null,
            not_null_rule,
            generated,
            identity,
            storage,
            compression,
            statistics,
            options,
            foreign_options,
            inherits,
            local,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "type", type_name, &to.type_name);
        differ(&mut list, "collation", collation, &to.collation);
        differ(&mut list, "not null", not_null, &to.not_null);
        if *not_null && to.not_null {
            let plain = NotNull { local: true, ..NotNull::default() };
            let NotNull { name, unproved, no_inherit, inherited: _, local: _ } =
                not_null_rule.as_ref().unwrap_or(&plain);
            let other = to.not_null_rule.as_ref().unwrap_or(&plain);
            if not_null_rule.as_ref().unwrap_or(&plain).names_differ(other) {
                differ(&mut list, "name of not null", name, &other.name);
            }
            if inherits.is_some() && to.inherits.is_some() && other.is_own() {
                differ(&mut list, "not null declared here", &not_null_rule.as_ref().unwrap_or(&plain).is_own(), &true);
            }
            differ(&mut list, "not null not valid", unproved, &other.unproved);
            differ(&mut list, "not null no inherit", no_inherit, &other.no_inherit);
        }
        differ(&mut list, "generated", generated, &to.generated);
        differ(&mut list, "identity", identity, &to.identity);
        differ(&mut list, "storage", storage, &to.storage);
        differ(&mut list, "compression", compression, &to.compression);
        differ(&mut list, "statistics target", statistics, &to.statistics);
        differ(&mut list, "options", options, &to.options);
        differ(&mut list, "foreign options", &foreign_options.plain, &to.foreign_options.plain);
        differ(&mut list, "inherited from", inherits, &to.inherits);
        // A partition's columns are all the parent's, whatever the catalog says of who declared them.
        if inherits.is_some() && to.inherits.is_some() {
            differ(&mut list, "declared here", local, &to.local);
        }
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(Self::table(id))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        let mut slots = vec![slot("column", &id.parts())];
        if let Some(identity) = &self.identity {
            slots.push(slot("relation", &[&identity.sequence.0, &identity.sequence.1]));
        }
        slots
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("COLUMN").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        let alter = || Self::alter_sql(id);
        let mut ops = Vec::new();
        match (&self.generated, &to.generated) {
            (None, Some(_)) => return Alteration::Replace("a plain column cannot become a generated one".to_owned()),
            (Some(a), Some(b)) if a != b => {
                if a.stored != b.stored || !cx.server.can_set_expression() {
                    return Alteration::Replace(
                        "a generated column's expression cannot be changed in place".to_owned(),
                    );
                }
                if !b.stored && is_looked_at(id, cx.from) {
                    return Alteration::Replace(
                        "a virtual column's expression cannot be changed in a table with checks or in a publication"
                            .to_owned(),
                    );
                }
                let expression = crate::restate::restated(&b.expression);
                let set = alter().kw("SET EXPRESSION AS").paren(|w| w.server_text(&expression));
                // A virtual column's values are nowhere.
                ops.push(if b.stored { PgOp::rewrite(set) } else { PgOp::one(set) });
            }
            (Some(_), None) if !cx.server.can_drop_expression() => {
                return Alteration::Replace(
                    "a generated column cannot become a plain one before PostgreSQL 13".to_owned(),
                );
            }
            (Some(a), None) => {
                if !a.stored {
                    return Alteration::Replace("a virtual generated column cannot become a plain one".to_owned());
                }
                ops.push(PgOp::one(alter().kw("DROP EXPRESSION")));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        if self.identity.is_some() && to.identity.is_none() {
            ops.push(PgOp::one(alter().kw("DROP IDENTITY")));
        }
        if self.type_name != to.type_name || self.collation != to.collation {
            // What a parent's column does, its heirs' do too; the server refuses to do it twice.
            let follows = Self::stays_heir(self, to);
            ops.push(if follows { PgOp::Implicit } else { PgOp::ColumnType });
        }
        match (self.not_null, to.not_null) {
            (false, true) | (true, false) if NotNull::follows(self, to, cx) => ops.push(PgOp::Implicit),
            (false, true) => ops.push(PgOp::SetNotNull),
            (true, false) => ops.push(PgOp::DropNotNull),
            (true, true) if cx.server.has_not_null_constraints() => {
                let sql = NotNull::alter(id, self, to, cx);
                if !sql.is_empty() {
                    ops.push(PgOp::plain(sql));
                }
                let unproved = |c: &Self| c.not_null_rule.as_ref().is_some_and(|r| r.unproved);
                let above = |c: &Self, side: &PgCatalog| match c.inherits.as_ref().and_then(|p| side.objects.get(p)) {
                    Some(PgObject::Column(parent)) => unproved(parent),
                    _ => false,
                };
                // What proves the parent's proves this one too.
                let proved_above = above(self, cx.from) && !above(to, cx.to);
                if unproved(self) && !unproved(to) && !proved_above {
                    ops.push(PgOp::ValidateConstraint);
                }
            }
            (true, true) | (false, false) => {}
        }
        match (&self.identity, &to.identity) {
            (None, Some(identity)) => {
                let add = identity_clause(alter().kw("ADD"), identity).build();
                let (schema, name) = &identity.sequence;
                // Existing rows must not meet new values: the counter starts behind what is there.
                let seq = underpin_sql::quote::qualified(&[schema, name]);
                let column = underpin_sql::quote::ident(id.last());
                let table = underpin_sql::quote::qualified(&id.parts()[..2]);
                let aggregate = if identity.options.increment < 0 { "min" } else { "max" };
                let move_on = format!(
                    "SELECT pg_catalog.setval({}, m) FROM (SELECT pg_catalog.{aggregate}({column}) AS m FROM {table}) x WHERE m {} {}",
                    underpin_sql::quote::literal(&seq),
                    if identity.options.increment < 0 { "<=" } else { ">=" },
                    identity.options.start,
                );
                let mut sql = vec![add, move_on];
                sql.extend(super::taken_back(id, cx));
                // The end of an index tells it at once.
                let effect = if is_first_in_index(id, cx.from) { Effect::Plain } else { Effect::Scan };
                ops.push(PgOp::Statements { sql, effect });
            }
            (Some(a), Some(b)) if a != b => {
                let mut sql = Vec::new();
                if a.sequence != b.sequence {
                    let ((schema, name), (new_schema, new_name)) = (&a.sequence, &b.sequence);
                    if schema != new_schema {
                        sql.push(
                            Sql::new("ALTER SEQUENCE").name(&[schema, name]).kw("SET SCHEMA").ident(new_schema).build(),
                        );
                    }
                    if name != new_name {
                        sql.push(
                            Sql::new("ALTER SEQUENCE")
                                .name(&[new_schema, name])
                                .kw("RENAME TO")
                                .ident(new_name)
                                .build(),
                        );
                    }
                }
                if a.always != b.always {
                    sql.push(
                        alter().kw(if b.always { "SET GENERATED ALWAYS" } else { "SET GENERATED BY DEFAULT" }).build(),
                    );
                }
                if a.options != b.options {
                    let (schema, name) = &b.sequence;
                    let from = a.options.retyped(&b.options.data_type);
                    if from != b.options {
                        sql.extend(sequence::alter_statements(&[schema, name], &from, &b.options));
                    }
                }
                ops.push(PgOp::plain(sql));
            }
            _ => {}
        }
        let alter_foreign = Sql::new("ALTER FOREIGN TABLE").name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last());
        ops.extend(self.foreign_options.write_change(&to.foreign_options, alter_foreign).map(PgOp::one));
        let retyped = self.type_name != to.type_name || self.collation != to.collation;
        let kept = Self { storage: to.storage.clone(), compression: to.compression.clone(), ..self.clone() };
        // What comes with a new type is said with it.
        let extras = to.extras(id, if retyped { &kept } else { self }, cx);
        if !extras.is_empty() {
            ops.push(PgOp::Statements { sql: extras, effect: Effect::Apart });
        }
        if ops.is_empty() {
            ops.push(PgOp::Implicit);
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let add = Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ADD COLUMN").then(Self::definition(self, id, cx));
        let mut sql = Self::declared_by_heirs(cx);
        sql.push(add.build());
        for column in std::iter::once(id).chain(cx.folded.iter().copied()) {
            if let (Some(PgObject::Column(c)), Some(PgObject::Default(default))) =
                (cx.to.objects.get(column), cx.to.objects.get(&column.prefix(PgKind::Default, column.depth())))
                && cx.is_folded(&column.prefix(PgKind::Default, column.depth()))
                && c.default_comes_after(column, cx)
            {
                sql.push(default.set(&column.prefix(PgKind::Default, column.depth())));
            }
        }
        sql.extend(NotNull::after_definition(self, id, cx));
        sql.extend(self.extras(id, &self.plain(), cx));
        // The columns of heirs come with it.
        for heir in &cx.folded {
            if let Some(PgObject::Column(column)) = cx.to.objects.get(*heir) {
                sql.extend(column.extras(heir, &column.plain(), cx));
            }
        }
        let mut draft = Draft::sql(sql);
        if self.is_written_into_rows(id, cx) {
            draft.work = Work::Rewrite;
            if cx.strategy == Strategy::Online {
                draft.hazards.push(crate::render::written_anew(&Self::table(id)));
            }
        }
        vec![draft]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let leaves = |parent: &PgId| Table::leaves(cx.from, cx.to, &Self::table(id), &Self::table(parent));
        if !self.local && self.inherits.as_ref().is_some_and(|parent| !leaves(parent)) {
            return Vec::new();
        }
        let mut draft =
            Draft::sql(vec![Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("DROP COLUMN").ident(id.last()).build()]);
        // An heir that declares the column itself keeps it.
        for heir in cx.folded.iter().filter(|heir| **heir != id) {
            if matches!(cx.from.objects.get(*heir), Some(PgObject::Column(column)) if column.local) {
                let drop = Sql::new("ALTER TABLE").name(&heir.parts()[..2]).kw("DROP COLUMN").ident(heir.last());
                draft.sql.push(drop.build());
            }
        }
        // The values of what stood beside are elsewhere.
        if self.generated.is_none() && !crate::recipes::is_aside(id) {
            let name = Sql::empty().name(&id.parts()).build();
            let message = if cx.again {
                format!("the values of {name} are lost: the column has to be dropped and added again")
            } else {
                format!("the values of {name} are lost")
            };
            draft.hazards.push(Hazard { kind: HazardKind::DataLoss, message });
        }
        vec![draft]
    }
}
