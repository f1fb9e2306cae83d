//! Groups of actions become steps with SQL. It renders only; whether something is done has been decided before.

use crate::facts::{Standing, bits_added, loss_of_type_change, work_of_type_change};
use crate::objects::{Column, NotNull, ValuesGo, base_type, given_back};
use crate::recipes::two_steps::validate;
use crate::recipes::{
    constraint_replaced, domain_check, index_replaced, key_replaced, not_null, two_steps, type_in_place, view_replaced,
};
use crate::{Effect, PgCatalog, PgId, PgKind, PgObject, PgOp, Postgres, Server};
use std::collections::{BTreeMap, HashSet};
use underpin_model::{Change, Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Action, CycleError, Draft, Group, Isolation, Verb};
use underpin_sql::Sql;

/// The steps that carry out a group.
pub(crate) fn render(
    dialect: &Postgres<'_>,
    from: &PgCatalog,
    to: &PgCatalog,
    group: &Group<'_, Postgres<'_>>,
) -> Vec<Draft> {
    let action = group.head;
    let id = &action.id;
    let mut cx = dialect.context(from, to);
    cx.made = Some(group.made);
    cx.folded = group.folded.iter().filter(|a| a.verb == action.verb).map(|a| &a.id).collect();
    let drafts = match action.verb {
        Verb::Make => {
            cx.again = from.objects.contains_key(id);
            let mut drafts = to.objects.get(id).map_or_else(Vec::new, |o| o.make(id, &cx));
            let given = std::iter::once(id)
                .chain(cx.folded.iter().copied())
                .flat_map(|id| crate::objects::taken_back(id, &cx))
                .collect();
            drafts.push(Draft::sql(given));
            drafts
        }
        Verb::End if action.parked => vec![Draft::sql(vec![Sql::new("DROP").then(type_address(&parked(id))).build()])],
        Verb::End => {
            cx.again = to.objects.contains_key(id);
            let mut drafts = from.objects.get(id).map_or_else(Vec::new, |o| o.end(id, &cx));
            if let (PgKind::Table, Some(message), Some(draft)) = (id.kind, dialect.loss_with(id), drafts.first_mut()) {
                draft.hazards.push(Hazard { kind: HazardKind::DataLoss, message });
            }
            drafts
        }
        Verb::Save => vec![dialect.save_rows(id)],
        Verb::Fill => vec![dialect.fill_rows(id)],
        Verb::Park => {
            let rename = Sql::new("ALTER").then(type_address(id)).kw("RENAME TO").ident(parked(id).last());
            let mut draft = Draft::sql(vec![rename.build()]);
            if let Some(PgObject::Range(range)) = from.objects.get(id) {
                draft.sql.extend(range.park(id, parked));
            }
            vec![draft]
        }
        Verb::Alter => {
            action.op.as_ref().map_or_else(Vec::new, |op| alter(dialect, from, to, (action, group.made), op))
        }
    };
    drafts.into_iter().filter(|d| !d.sql.is_empty()).collect()
}

/// The name under which a type waits for its users to move over.
fn parked(id: &PgId) -> PgId {
    PgId::new(id.kind, [id.part(0), &name_aside("_underpin_old_", id.last())])
}

/// A name of our own for what stands aside for a while.
pub(crate) fn name_aside(prefix: &str, of: &str) -> String {
    let mut name = format!("{prefix}{of}");
    // The server would cut the name at 63 bytes (NAMEDATALEN - 1); two long ones must stay two.
    if name.len() > 63 {
        let sum = of.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        while name.len() > 54 {
            name.pop();
        }
        name.push_str(&format!("_{sum:08x}"));
    }
    name
}

fn type_address(id: &PgId) -> Sql {
    Sql::new(match id.kind {
        PgKind::Domain => "DOMAIN",
        PgKind::Collation => "COLLATION",
        _ => "TYPE",
    })
    .name(&id.parts())
}

fn alter(
    dialect: &Postgres<'_>,
    from: &PgCatalog,
    to: &PgCatalog,
    (action, made): (&Action<Postgres<'_>>, &HashSet<PgId>),
    op: &PgOp,
) -> Vec<Draft> {
    let id = &action.id;
    let sides = match (from.objects.get(id), to.objects.get(id)) {
        (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => Some((a, b)),
        _ => None,
    };
    let alter_column = || Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last());
    match op {
        PgOp::Implicit => match sides {
            // The parent's new type has come to this column too.
            Some((a, b)) if a.inherits.is_some() && dialect.gets_new_type(id, made) => {
                vec![Draft::sql(b.storage_again(id, to))]
            }
            _ => Vec::new(),
        },
        PgOp::SetNotNull if not_null::is_proved_by_check(id, from, to) => {
            let Some((_, b)) = sides else { return Vec::new() };
            vec![Draft::sql(vec![NotNull::set(b, id, &dialect.context(from, to))])]
        }
        PgOp::ColumnType | PgOp::ColumnRetype => {
            let Some((a, b)) = sides else { return Vec::new() };
            let using = dialect.usings.get(id).map(String::as_str);
            let converted = dialect.conversion(id, a, b).map(Sql::build);
            let castable = dialect.server.can_cast(&base_type(&a.type_name), &base_type(&b.type_name));
            let own = *op == PgOp::ColumnRetype || dialect.goes_through_text(id);
            let swapped = *op == PgOp::ColumnType && dialect.swaps_zone_in_place(id);
            let using = using.or(converted.as_deref());
            // A generated column's values are made anew, not converted; the server takes no USING for it.
            let computed = b.generated.is_some();
            if Column::is_foreign(id, from) {
                // What is elsewhere is not converted here either.
                return vec![Draft::sql(vec![Column::type_statement(b, id, a, ValuesGo::ByAssignment, None)])];
            }
            let way = if computed { ValuesGo::ByAssignment } else { dialect.values_go(a, b, own) };
            let using = using.filter(|_| !computed && !swapped);
            let mut draft = Draft::sql(vec![Column::type_statement(b, id, a, way, using)]);
            let table = Sql::empty().name(&id.parts()[..2]).build();
            draft.work = if own || using.is_some() {
                Work::Rewrite
            } else {
                let same_collation = a.collation == b.collation;
                work_of_type_change(&a.type_name, &b.type_name, same_collation, dialect.standing_on(id, made))
            };
            if !castable && !own && using.is_none() {
                draft.reason = Some(format!(
                    "the server has no cast from {} to {}: values go over as text, which fails where the text of one is no value of \
                     the new type; `-- underpin: using EXPR` on the column says how they shall be converted",
                    a.type_name, b.type_name
                ));
            }
            if !computed
                && !own
                && using.is_none()
                && let Some(loss) = loss_of_type_change(&a.type_name, &b.type_name)
            {
                let message = format!("{loss}, in every value of {table}.{}", underpin_sql::quote::ident(id.last()));
                draft.hazards.push(Hazard { kind: HazardKind::DataLoss, message });
            }
            if let (ValuesGo::ByCast, None, Some(added)) = (way, using, bits_added(&a.type_name, &b.type_name)) {
                draft.reason = Some(format!("every value gets {added} zero bits at its end"));
            }
            draft.sql.extend(b.storage_again(id, to));
            if swapped {
                type_in_place::in_utc(&mut draft);
                return vec![draft, type_in_place::analyzed(id, dialect)];
            }
            if dialect.strategy == Strategy::Direct {
                return vec![draft];
            }
            let anew = own || using.is_some() || {
                let bare =
                    work_of_type_change(&a.type_name, &b.type_name, a.collation == b.collation, Standing::default());
                bare != Work::Instant
            };
            draft.hazards.extend(type_in_place::hazard(&id.prefix(PgKind::Table, 2), draft.work, anew));
            vec![draft, type_in_place::analyzed(id, dialect)]
        }
        PgOp::Anew => {
            let mut cx = dialect.context(from, to);
            cx.made = Some(made);
            match to.objects.get(id) {
                Some(PgObject::MaterializedView(view)) => {
                    let with_it: HashSet<PgId> = made.iter().cloned().chain([id.clone()]).collect();
                    cx.made = Some(&with_it);
                    view_replaced::drafts(view, id, &cx)
                }
                Some(PgObject::Index(index)) => index_replaced::drafts(index, id, &cx),
                Some(PgObject::Constraint(key)) if key.is_key() => key_replaced::drafts(key, id, &cx),
                Some(PgObject::Constraint(constraint)) => constraint_replaced::drafts(constraint, id, &cx),
                _ => Vec::new(),
            }
        }
        PgOp::AttachPart => attach_part(to, id, made),
        PgOp::SetNotNull if dialect.strategy == Strategy::Online && !Column::is_foreign(id, from) => {
            let Some((_, b)) = sides else { return Vec::new() };
            if !dialect.server.has_not_null_constraints() {
                let mut cx = dialect.context(from, to);
                cx.made = Some(made);
                not_null::drafts(id, &cx)
            } else if b.not_null_rule.as_ref().is_some_and(|r| r.unproved) {
                vec![Draft::sql(vec![NotNull::set(b, id, &dialect.context(from, to))])]
            } else {
                two_steps::not_null(id, b.not_null_rule.as_ref())
            }
        }
        PgOp::SetNotNull => {
            let Some((_, b)) = sides else { return Vec::new() };
            let mut draft = Draft::sql(vec![NotNull::set(b, id, &dialect.context(from, to))]);
            draft.work = Work::Scan;
            vec![draft]
        }
        PgOp::DropNotNull => {
            let mut draft = Draft::sql(vec![alter_column().kw("DROP NOT NULL").build()]);
            if !dialect.server.has_not_null_constraints() {
                let again = given_back(id, &dialect.context(from, to));
                if !again.is_empty() {
                    draft.work = Work::Scan;
                }
                draft.sql.extend(again);
            }
            vec![draft]
        }
        PgOp::ValidateConstraint => {
            let mut draft = match sides {
                Some((_, b)) => validate(&NotNull::constraint_id(b.not_null_rule.as_ref(), id)),
                None if id.kind == PgKind::DomainConstraint => domain_check::validate(id, &dialect.context(from, to)),
                None => validate(id),
            };
            if dialect.strategy == Strategy::Direct {
                draft.isolation = Isolation::Shared;
            }
            vec![draft]
        }
        PgOp::Statements { sql, effect } => {
            let mut draft = Draft::sql(sql.clone());
            draft.isolation = effect.isolation();
            draft.work = effect.work();
            if draft.work == Work::Rewrite && dialect.strategy == Strategy::Online {
                draft.hazards.push(written_anew(&id.prefix(PgKind::Table, 2)));
            }
            let counted = matches!(sides, Some((a, b)) if a.identity.is_none() && b.identity.is_some());
            if counted && *effect == Effect::Scan && dialect.strategy == Strategy::Online {
                let table = Sql::empty().name(&id.parts()[..2]).build();
                let message =
                    format!("{table} is read for its greatest number under a lock that blocks reads and writes");
                draft.hazards.push(Hazard { kind: HazardKind::BlocksReads, message });
            }
            if let (Some(PgObject::Subscription(a)), Some(PgObject::Subscription(b))) =
                (from.objects.get(id), to.objects.get(id))
            {
                draft.hazards.extend(a.loses_password(b, sql));
            }
            vec![draft]
        }
    }
}

/// Makes an index or a key of a partition the part of its parent's. One that is made in the same plan takes it by itself.
fn attach_part(to: &PgCatalog, id: &PgId, made: &HashSet<PgId>) -> Vec<Draft> {
    let parent = match to.objects.get(id) {
        Some(PgObject::Index(index)) => index.part_of.as_ref(),
        Some(PgObject::Constraint(constraint)) => constraint.part_of.as_ref(),
        _ => None,
    };
    let Some(parent) = parent.filter(|p| !made.contains(*p)) else { return Vec::new() };
    let attach = Sql::new("ALTER INDEX").name(&[parent.part(0), parent.last()]).kw("ATTACH PARTITION");
    vec![Draft::sql(vec![attach.name(&[id.part(0), id.last()]).build()])]
}

/// The harm of what writes every row anew.
pub(crate) fn written_anew(table: &PgId) -> Hazard {
    let table = Sql::empty().name(&table.parts()).build();
    let message =
        format!("{table} is written anew under a lock that blocks reads and writes, for as long as that takes");
    Hazard { kind: HazardKind::BlocksReads, message }
}

/// The statements that build a schema in a new database, in an order that works, one text each. A new database has the
/// schema `public`.
///
/// # Errors
/// A cycle in the dependencies, which is a bug.
pub fn create_script(server: &Server, user: &str, catalog: &PgCatalog) -> Result<Vec<String>, CycleError> {
    script(server, user, false, catalog)
}

/// As [`create_script`], for whoever runs it: every owner is named, also `user`.
///
/// # Errors
/// As [`create_script`].
pub fn rebuild_script(server: &Server, user: &str, catalog: &PgCatalog) -> Result<Vec<String>, CycleError> {
    script(server, user, true, catalog)
}

fn script(server: &Server, user: &str, names_user: bool, catalog: &PgCatalog) -> Result<Vec<String>, CycleError> {
    let mut empty = PgCatalog::default();
    let public = PgId::new(PgKind::Schema, ["public"]);
    let remark = public.attached(PgKind::Comment, &[]);
    let said = catalog.objects.get(&remark);
    let standard = match said {
        Some(PgObject::Comment(comment)) => comment.text == crate::objects::PUBLIC_COMMENT,
        _ => true,
    };
    if standard && catalog.objects.contains_key(&public) {
        let text = crate::objects::PUBLIC_COMMENT.to_owned();
        empty
            .objects
            .insert(remark.clone(), PgObject::Comment(crate::objects::Comment { text, parent: public.clone() }));
    }
    empty.objects.insert(public.clone(), PgObject::Schema(crate::objects::Schema {}));
    let usings = BTreeMap::new();
    let mut dialect = Postgres::new(server, Strategy::Direct, user, &empty, catalog, &usings);
    dialect.names_user = names_user;
    let mut changes: Vec<Change<PgObject>> =
        catalog.objects.keys().filter(|id| !empty.objects.contains_key(*id)).cloned().map(Change::Create).collect();
    if !catalog.objects.contains_key(&public) {
        changes.push(Change::Drop(public));
    } else if said.is_none() {
        changes.push(Change::Drop(remark));
    }
    let planned = underpin_planner::plan(&dialect, &empty, catalog, &changes)?;
    Ok(planned.batches.into_iter().flat_map(|b| b.steps).flat_map(|s| s.draft.sql).collect())
}

/// One object of a schema as the statements that make it, with the columns and constraints of a table.
#[must_use]
pub fn sql_of(server: &Server, catalog: &PgCatalog, id: &PgId) -> Option<String> {
    let object = catalog.objects.get(id)?;
    let empty = PgCatalog::default();
    let usings = BTreeMap::new();
    let dialect = Postgres::new(server, Strategy::Direct, "", &empty, catalog, &usings);
    let mut cx = dialect.context(&empty, catalog);
    let mut parts: Vec<&PgId> = Vec::new();
    if id.kind == PgKind::Table {
        for kind in [PgKind::Column, PgKind::Default, PgKind::Constraint] {
            parts.extend(crate::objects::parts_of(catalog, kind, &id.parts()).into_iter().map(|(i, _)| i));
        }
    } else if id.kind == PgKind::Column {
        let default = id.prefix(PgKind::Default, 3);
        parts.extend(catalog.objects.get_key_value(&default).map(|(i, _)| i));
    }
    cx.folded = parts;
    let sql: Vec<String> = object.make(id, &cx).into_iter().flat_map(|d| d.sql).map(|s| format!("{s};\n")).collect();
    (!sql.is_empty()).then(|| sql.concat())
}
