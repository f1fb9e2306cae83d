//! Columns of tables (manual, CREATE TABLE and ALTER TABLE; `pg_attribute`).

use super::sequence::{self, SequenceOptions};
use super::table::{option_changes, parse_options, parts_of};
use super::{Context, ForeignOptions, Item, NotNull, Query, Table, acl, slot};
use crate::attribute::{Words, differ};
use crate::columns::{RawColumn, TypeFacts};
use crate::facts::may_be_volatile;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, Effect, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
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

    /// Whether the column has the same parent all the time between the two sides.
    pub(super) fn stays_heir(from: &Self, to: &Self, id: &PgId, cx: &Context<'_>) -> bool {
        let tie = Self::table(id).attached(PgKind::Partition, &[]);
        from.inherits.is_some() && from.inherits == to.inherits && cx.from.objects.get(&tie) == cx.to.objects.get(&tie)
    }

    /// Whether `ADD COLUMN` writes every row anew: each may get a value of its own, or a domain's checks have to see one
    /// (manual, ALTER TABLE, notes; `ATExecAddColumn`, commands/tablecmds.c).
    fn is_written_into_rows(&self, id: &PgId, cx: &Context<'_>) -> bool {
        if Self::is_foreign(id, cx.to) {
            return false;
        }
        let default = match cx.to.objects.get(&id.prefix(PgKind::Default, 3)) {
            Some(PgObject::Default(default)) => may_be_volatile(&default.expression),
            _ => false,
        };
        let mut open: Vec<&PgId> = cx.to.needs(id).filter(|n| n.kind == PgKind::Domain).collect();
        let mut constrained = false;
        while let Some(domain) = open.pop() {
            let not_null = matches!(cx.to.objects.get(domain), Some(PgObject::Domain(d)) if d.not_null);
            constrained |= not_null || !parts_of(cx.to, PgKind::DomainConstraint, &domain.parts()).is_empty();
            open.extend(cx.to.needs(domain).filter(|n| n.kind == PgKind::Domain));
        }
        let stored = self.generated.as_ref().is_some_and(|g| g.stored);
        stored || self.identity.is_some() || default || constrained
    }

    /// The same column without anything that `CREATE TABLE` cannot say on every version.
    pub(super) fn plain(&self) -> Self {
        Self { storage: None, compression: None, statistics: None, options: BTreeMap::new(), ..self.clone() }
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

    /// Statements for what a definition cannot say on every version.
    pub(super) fn extras(&self, id: &PgId, from: &Self, cx: &Context<'_>) -> Vec<String> {
        let alter = || Self::alter_sql(id);
        let mut sql = Vec::new();
        if self.storage != from.storage {
            let own = || storage_of_type(&self.type_name, cx.to);
            sql.push(alter().kw("SET STORAGE").server_text(self.storage.as_deref().unwrap_or_else(own)).build());
        }
        if self.compression != from.compression {
            sql.push(
                alter().kw("SET COMPRESSION").server_text(self.compression.as_deref().unwrap_or("default")).build(),
            );
        }
        if self.statistics != from.statistics {
            sql.push(alter().kw("SET STATISTICS").number(self.statistics.unwrap_or(-1)).build());
        }
        sql.extend(option_changes(alter, &from.options, &self.options).into_iter().map(Sql::build));
        sql
    }

    /// `ALTER COLUMN … TYPE`. `using` is what the user said; else a cast, through text where `retype` says that the type
    /// of the same name is another one now.
    pub(crate) fn type_statement(&self, id: &PgId, from: &Self, retype: bool, using: Option<&str>) -> String {
        let mut sql = Self::alter_sql(id).kw("TYPE").server_text(&self.type_name);
        if let Some(collation) = &self.collation {
            sql = sql.kw("COLLATE").server_text(collation);
        }
        let array = self.type_name.ends_with("[]") && from.type_name.ends_with("[]");
        if let Some(using) = using {
            sql = sql.kw("USING").server_text(using);
        } else if retype {
            let through = if array { "text[]" } else { "text" };
            sql = sql
                .kw("USING")
                .ident(id.last())
                .server_text("::")
                .server_text(through)
                .server_text("::")
                .server_text(&self.type_name);
        } else if base_type(&self.type_name) != base_type(&from.type_name) {
            sql = sql.kw("USING").ident(id.last()).server_text("::").server_text(&self.type_name);
        }
        sql.build().replace(" :: ", "::")
    }
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

fn identity_clause(sql: Sql, identity: &Identity) -> Sql {
    let (schema, name) = &identity.sequence;
    let kind = if identity.always { "GENERATED ALWAYS AS IDENTITY" } else { "GENERATED BY DEFAULT AS IDENTITY" };
    sql.kw(kind)
        .paren(|w| sequence::write_options(w.kw("SEQUENCE NAME").name(&[schema, name]), &identity.options, None))
}

impl Item for Column {
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
            let follows = Self::stays_heir(self, to, id, cx);
            ops.push(if follows { PgOp::Implicit } else { PgOp::ColumnType });
        }
        match (self.not_null, to.not_null) {
            (false, true) | (true, false) if NotNull::follows(id, self, to, cx) => ops.push(PgOp::Implicit),
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
                ops.push(PgOp::Statements { sql, effect: Effect::Scan });
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
                    sql.extend(sequence::alter_statements(&[schema, name], &a.options, &b.options));
                }
                ops.push(PgOp::plain(sql));
            }
            _ => {}
        }
        let alter_foreign = Sql::new("ALTER FOREIGN TABLE").name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last());
        ops.extend(self.foreign_options.write_change(&to.foreign_options, alter_foreign).map(PgOp::one));
        let extras = to.extras(id, self, cx);
        if !extras.is_empty() {
            ops.push(PgOp::plain(extras));
        }
        if ops.is_empty() {
            ops.push(PgOp::Implicit);
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let add = Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ADD COLUMN").then(Self::definition(self, id, cx));
        let mut sql = vec![add.build()];
        sql.extend(NotNull::after_definition(self, id, cx));
        sql.extend(self.extras(id, &self.plain(), cx));
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
        if self.inherits.is_some() && !self.local {
            return Vec::new();
        }
        let mut draft =
            Draft::sql(vec![Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("DROP COLUMN").ident(id.last()).build()]);
        if self.generated.is_none() {
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

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let compression = if server.has_column_compression() { "a.attcompression" } else { "''" };
        let facts = TypeFacts::select(server);
        let (rule, join) = if server.has_not_null_constraints() {
            (
                "k.conname, k.convalidated, k.connoinherit, k.coninhcount, k.conislocal",
                // The key is an array of one; the constraints of a relation are found by its OID (`pg_constraint_conrelid_…`).
                "LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum",
            )
        } else {
            ("NULL", "")
        };
        vec![
            "SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'".to_owned(),
            format!(
                "SELECT d.t, d.m, format_type(d.t, d.m), {facts}, d.c, quote_ident(n.nspname) || '.' || quote_ident(l.collname), \
                 CASE WHEN pg_collation_is_visible(l.oid) THEN quote_ident(l.collname) END \
                 FROM (SELECT DISTINCT a.atttypid AS t, a.atttypmod AS m, a.attcollation AS c FROM pg_attribute a \
                 WHERE a.attrelid >= {FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped) AS d \
                 JOIN pg_type t ON t.oid = d.t LEFT JOIN pg_collation l ON l.oid = d.c \
                 LEFT JOIN pg_namespace n ON n.oid = l.collnamespace"
            ),
            format!(
                "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull, a.attidentity, \
                 a.attgenerated, a.attstorage, {compression}, a.attstattarget, a.attoptions, a.attislocal, a.attinhcount, a.attacl, \
                 a.attfdwoptions, {rule} FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid {join} \
                 WHERE a.attrelid >= {FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped \
                 AND c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'"
            ),
            format!(
                "SELECT d.refobjid, d.refobjsubid, d.objid, n.nspname, c.relname, s.seqtypid::regtype, s.seqstart, s.seqincrement, \
                 s.seqmin, s.seqmax, s.seqcache, s.seqcycle, c.relowner, c.relacl FROM pg_depend d \
                 JOIN pg_sequence s ON s.seqrelid = d.objid JOIN pg_class c ON c.oid = d.objid \
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE d.classid = 'pg_class'::regclass \
                 AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0 AND d.objid >= {FIRST_USER_OID}"
            ),
            format!(
                "SELECT a.attrelid, a.attnum, i.inhparent, p.attnum FROM pg_inherits i JOIN pg_attribute a ON a.attrelid = i.inhrelid \
                 JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname JOIN pg_class c ON c.oid = i.inhrelid \
                 WHERE i.inhrelid >= {FIRST_USER_OID} AND c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND p.attnum > 0 AND NOT p.attisdropped AND a.attinhcount > 0 \
                 ORDER BY a.attrelid, a.attnum, i.inhseqno"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        reader.columns.add_keyword(row.string(0));
    }
    let mut collations: HashMap<u32, &str> = HashMap::new();
    for row in results[1].iter() {
        let modifier = i32::try_from(row.int(1)).unwrap_or(-1);
        reader.types.insert((row.oid(0), modifier), row.string(2));
        reader.columns.add_type(row.oid(0), TypeFacts::read(&row, 3));
        if let Some(qualified) = row.opt(10) {
            collations.insert(row.oid(9), qualified);
            reader.columns.add_collation(row.oid(9), row.opt(11).unwrap_or(qualified).to_owned());
        }
    }
    // By relation and column number: the sequence, the identity, the owner and the ACL.
    type Found = (u32, Identity, u32, Option<String>);
    let mut identities: HashMap<(u32, u32), Found> = results[3]
        .iter()
        .map(|r| {
            let identity = Identity {
                always: false,
                sequence: (r.string(3), r.string(4)),
                options: SequenceOptions {
                    data_type: r.string(5),
                    start: r.int(6),
                    increment: r.int(7),
                    min: r.int(8),
                    max: r.int(9),
                    cache: r.int(10),
                    cycle: r.bool(11),
                },
            };
            ((r.oid(0), r.oid(1)), (r.oid(2), identity, r.oid(12), r.opt_string(13)))
        })
        .collect();
    for row in results[2].iter() {
        let (relation, number) = (row.oid(0), row.oid(1));
        let (type_oid, collation) = (row.oid(3), row.oid(5));
        reader.columns.add(relation, number, RawColumn { name: row.string(2), type_oid, collation });
        let Some(table) = reader.find(class::CLASS, relation, 0).filter(|id| id.kind == PgKind::Table).cloned() else {
            continue;
        };
        if !reader.is_ours(class::CLASS, relation) {
            continue;
        }
        let id = PgId::new(PgKind::Column, [table.part(0), table.part(1), row.text(2)]);
        let identity = identities.remove(&(relation, number)).map(|(sequence, mut identity, owner, acl)| {
            identity.always = row.char(7) == 'a';
            reader.alias(class::CLASS, sequence, 0, &id);
            let sequence_id = PgId::new(PgKind::Sequence, [&identity.sequence.0, &identity.sequence.1]);
            reader.alias_fine(class::CLASS, sequence, 0, sequence_id.clone(), id.clone());
            reader.grants(&sequence_id, &id, acl.as_deref(), acl::Defaults::SEQUENCE, owner);
            identity
        });
        let facts = reader.columns.type_facts(type_oid);
        let column = Column {
            type_name: reader.type_name(type_oid, i32::try_from(row.int(4)).unwrap_or(-1)),
            collation: collations
                .get(&collation)
                .filter(|_| facts.is_some_and(|t| t.collation != collation))
                .map(|&name| name.to_owned()),
            not_null: row.bool(6),
            not_null_rule: NotNull::read(&id, &row, 17),
            // The expression comes with the defaults, among which the server keeps it.
            generated: row.non_empty(8).map(|kind| Generated { expression: String::new(), stored: kind == "s" }),
            identity,
            storage: facts.filter(|t| t.storage != row.char(9)).map(|_| {
                match row.char(9) {
                    'p' => "PLAIN",
                    'e' => "EXTERNAL",
                    'x' => "EXTENDED",
                    _ => "MAIN",
                }
                .to_owned()
            }),
            compression: match row.char(10) {
                'p' => Some("pglz".to_owned()),
                'l' => Some("lz4".to_owned()),
                _ => None,
            },
            statistics: row.opt(11).and_then(|t| t.parse().ok()).filter(|n| *n >= 0),
            options: parse_options(row.array(12), ""),
            foreign_options: ForeignOptions::parse(row.array(16)),
            inherits: None,
            local: row.bool(13),
        };
        let sub = i32::try_from(number).unwrap_or(0);
        reader.add_part(id.clone(), PgObject::Column(column));
        reader.catalog.places.insert(id.clone(), number);
        reader.alias(class::CLASS, relation, sub, &id);
        if row.opt(15).is_some() {
            let owner = 0;
            reader.grants(&id, &id, row.opt(15), acl::Defaults::COLUMN, owner);
        }
        reader.depends(&id, &table);
    }
    for row in results[4].iter() {
        let number = |n: usize| i32::try_from(row.int(n)).unwrap_or(0);
        let child = reader.find(class::CLASS, row.oid(0), number(1)).cloned();
        let parent = reader.find(class::CLASS, row.oid(2), number(3)).cloned();
        if let (Some(child), Some(parent)) = (child, parent) {
            if let Some(PgObject::Column(column)) = reader.catalog.objects.get_mut(&child)
                && column.inherits.is_none()
            {
                column.inherits = Some(parent.clone());
            }
            reader.depends(&child, &parent);
        }
    }
}
