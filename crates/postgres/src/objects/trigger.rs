//! Triggers of users (manual, CREATE TRIGGER; `pg_trigger`, `pg_get_triggerdef`). Those that partitions have from their
//! parent are the parent's, and are told only where they fire otherwise than it.

use super::{Context, Item, Query, slot};
use crate::attribute::{Words, differ};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// When a trigger or a rule fires, by `session_replication_role` (manual, ALTER TABLE, ENABLE TRIGGER).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Firing {
    /// In sessions that are no replica's: the default.
    Origin,
    /// Never.
    Disabled,
    /// Only in replica sessions.
    Replica,
    /// Always.
    Always,
}

impl Firing {
    /// The letter of `tgenabled` and `ev_enabled`.
    pub(super) fn of(letter: char) -> Self {
        match letter {
            'D' => Self::Disabled,
            'R' => Self::Replica,
            'A' => Self::Always,
            _ => Self::Origin,
        }
    }

    /// What `ALTER TABLE` says before `TRIGGER` or `RULE`.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Origin => "ENABLE",
            Self::Disabled => "DISABLE",
            Self::Replica => "ENABLE REPLICA",
            Self::Always => "ENABLE ALWAYS",
        }
    }
}

impl Words for Firing {
    fn words(&self) -> String {
        match self {
            Self::Origin => "on origin",
            Self::Disabled => "never",
            Self::Replica => "on replicas",
            Self::Always => "always",
        }
        .to_owned()
    }
}

/// A trigger. Its address is the relation's with its own name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// The table, foreign table or view.
    pub on: PgId,
    /// The whole statement as the server prints it.
    pub definition: String,
    /// `CONSTRAINT TRIGGER`.
    pub constraint: bool,
    /// When it fires.
    pub firing: Firing,
    /// For a partition's trigger: the parent's trigger of which it is a copy.
    pub part_of: Option<PgId>,
    /// Extensions that take it with them when they are dropped (`DEPENDS ON EXTENSION`).
    pub extensions: Vec<String>,
}

/// `DEPENDS ON EXTENSION` and `NO DEPENDS ON EXTENSION` (13) that bring an object from one list to another.
pub(super) fn extension_changes(address: impl Fn() -> Sql, from: &[String], to: &[String]) -> Vec<String> {
    let alter = || Sql::new("ALTER").then(address());
    let goes = from.iter().filter(|e| !to.contains(e)).map(|e| alter().kw("NO DEPENDS ON EXTENSION").ident(e).build());
    let comes = to.iter().filter(|e| !from.contains(e)).map(|e| alter().kw("DEPENDS ON EXTENSION").ident(e).build());
    goes.chain(comes).collect()
}

/// Why an object has to be made anew to be freed of an extension.
pub(super) fn bound_to_extension(from: &[String], to: &[String], cx: &Context<'_>) -> Option<Alteration<PgOp>> {
    let stays = cx.server.can_free_from_extensions() || from.iter().all(|e| to.contains(e));
    (!stays).then(|| Alteration::Replace("it cannot be freed of an extension before PostgreSQL 13".to_owned()))
}

impl Trigger {
    fn set_firing(&self, id: &PgId, firing: Firing) -> String {
        Sql::new("ALTER TABLE").name(&self.on.parts()).kw(firing.verb()).kw("TRIGGER").ident(id.last()).build()
    }

    /// The firing of copies on partitions, where it is their own: what the parent's statement sets back.
    fn copies(&self, id: &PgId, cx: &Context<'_>) -> Vec<String> {
        let partitioned = matches!(cx.to.objects.get(&self.on), Some(PgObject::Table(t)) if t.partition_by.is_some());
        if !partitioned {
            return Vec::new();
        }
        let copy = |(copy_id, object): (&PgId, &PgObject)| match object {
            PgObject::Trigger(t) if t.part_of.as_ref() == Some(id) && cx.from.objects.contains_key(copy_id) => {
                Some(t.set_firing(copy_id, t.firing))
            }
            _ => None,
        };
        let first = PgId::new(PgKind::Trigger, [""; 0]);
        cx.to.objects.range(first..).take_while(|(i, _)| i.kind == PgKind::Trigger).filter_map(copy).collect()
    }
}

impl Item for Trigger {
    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { on, definition, constraint, firing, part_of, extensions } = self;
        let mut list = Vec::new();
        differ(&mut list, "relation", on, &to.on);
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "constraint", constraint, &to.constraint);
        differ(&mut list, "firing", firing, &to.firing);
        differ(&mut list, "part of", part_of, &to.part_of);
        differ(&mut list, "extensions", extensions, &to.extensions);
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.on.clone())
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("trigger", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TRIGGER").ident(id.last()).kw("ON").name(&id.parts()[..2])
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if self.on != to.on || self.part_of != to.part_of {
            return Alteration::Replace("it stands on another relation".to_owned());
        }
        if let Some(replaced) = bound_to_extension(&self.extensions, &to.extensions, cx) {
            return replaced;
        }
        let mut sql = Vec::new();
        if self.definition != to.definition && self.part_of.is_none() {
            if self.constraint || to.constraint {
                return Alteration::Replace("a constraint trigger cannot be replaced in place".to_owned());
            }
            if !cx.server.can_replace_triggers() {
                return Alteration::Replace("a trigger cannot be replaced in place before PostgreSQL 14".to_owned());
            }
            sql.push(crate::restate::restated(&to.definition).replacen(
                "CREATE TRIGGER",
                "CREATE OR REPLACE TRIGGER",
                1,
            ));
            // A replaced trigger fires as a new one does, and so do its copies.
            if to.firing != Firing::Origin {
                sql.push(to.set_firing(id, to.firing));
            }
            sql.extend(to.copies(id, cx));
        } else if self.firing != to.firing {
            sql.push(to.set_firing(id, to.firing));
            sql.extend(to.copies(id, cx));
        }
        sql.extend(extension_changes(|| self.address(id), &self.extensions, &to.extensions));
        Alteration::InPlace(vec![PgOp::plain(sql)])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        if self.part_of.is_some() {
            return vec![Draft::sql(vec![self.set_firing(id, self.firing)])];
        }
        let mut sql = vec![crate::restate::restated(&self.definition).into_owned()];
        if self.firing != Firing::Origin {
            sql.push(self.set_firing(id, self.firing));
        }
        sql.extend(extension_changes(|| self.address(id), &[], &self.extensions));
        vec![Draft::sql(sql)]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let Some(parent) = &self.part_of else {
            return vec![Draft::sql(vec![Sql::new("DROP").then(self.address(id)).build()])];
        };
        // A copy goes with its parent's; while that stays, it fires as that does.
        match (cx.from.objects.get(parent), cx.to.objects.get(parent)) {
            (Some(PgObject::Trigger(t)), Some(_)) => vec![Draft::sql(vec![self.set_firing(id, t.firing)])],
            _ => Vec::new(),
        }
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let (parent, join) = if server.has_trigger_parent() {
            ("t.tgparentid", "LEFT JOIN pg_trigger p ON p.oid = t.tgparentid")
        } else {
            // Before 13 a copy is known by what it rests on, and counts as internal (`getTriggers` in pg_dump).
            (
                "coalesce(p.oid, 0)",
                "LEFT JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.refclassid = 'pg_trigger'::regclass \
                 AND d.objid = t.oid LEFT JOIN pg_trigger p ON p.oid = d.refobjid",
            )
        };
        vec![format!(
            "SELECT t.oid, t.tgname, t.tgrelid, t.tgenabled, t.tgconstraint, {parent}, \
             CASE WHEN {parent} = 0 THEN pg_get_triggerdef(t.oid) END FROM pg_trigger t {join} \
             WHERE t.oid >= {FIRST_USER_OID} AND t.tgrelid >= {FIRST_USER_OID} \
             AND CASE WHEN p.oid IS NULL THEN NOT t.tgisinternal ELSE t.tgenabled <> p.tgenabled AND t.tgname = p.tgname END \
             ORDER BY {parent} <> 0"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut by_oid: HashMap<u32, PgId> = HashMap::new();
    for row in results[0].iter() {
        let Some(on) = reader.find(class::CLASS, row.oid(2), 0).cloned() else { continue };
        if !reader.is_ours(class::CLASS, row.oid(2)) || !reader.is_ours(class::TRIGGER, row.oid(0)) {
            continue;
        }
        let part_of = match row.oid(5) {
            0 => None,
            parent => match by_oid.get(&parent) {
                Some(id) => Some(id.clone()),
                None => continue,
            },
        };
        let id = PgId::new(PgKind::Trigger, [on.part(0), on.part(1), row.text(1)]);
        if let Some(parent) = &part_of {
            reader.depends(&id, parent);
            let tie = on.attached(PgKind::Partition, &[]);
            reader.depends(&id, &tie);
        }
        let extensions = reader.goes_with(class::TRIGGER, row.oid(0), &id);
        let definition = row.string(6);
        let constraint = definition.starts_with("CREATE CONSTRAINT TRIGGER");
        let trigger =
            Trigger { on: on.clone(), definition, constraint, firing: Firing::of(row.char(3)), part_of, extensions };
        by_oid.insert(row.oid(0), id.clone());
        reader.add(class::TRIGGER, row.oid(0), id.clone(), PgObject::Trigger(trigger));
        if constraint {
            // The row that makes it deferrable is part of it.
            reader.alias(class::CONSTRAINT, row.oid(4), 0, &id);
        }
        reader.depends(&id, &on);
    }
}
