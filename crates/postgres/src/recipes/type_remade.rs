//! Types that no statement changes as they shall be: enums that lose values or have them in another order, composite types whose
//! attributes change or move, domains over another type. Another type stands beside each, and beside those that are made of
//! it, and takes its name at the switch.

use super::domain_check::domain_of;
use super::enum_shrunk::{element, is_remade, mapped};
use super::road::{Road, Wishes};
use crate::facts::loss_of_type_change;
use crate::objects::{Composite, Domain, parts_of};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use underpin_sql::{Lexer, Sql, TokenKind, quote};

/// A type that another one takes the place of.
pub(super) struct Remade {
    pub(super) id: PgId,
    /// As columns print it.
    pub(super) name: String,
    /// The new type while it stands beside, in the same way.
    pub(super) beside: String,
    /// The first of the types that change together with it.
    pub(super) group: PgId,
}

impl Remade {
    pub(super) fn beside_id(id: &PgId) -> PgId {
        PgId::new(id.kind, [id.part(0), &name_aside("_underpin_new_", id.last())])
    }
}

/// Whether a type has to be made anew.
fn is_root(dialect: &Postgres<'_>, id: &PgId) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    match (from.objects.get(id), to.objects.get(id)) {
        (Some(PgObject::Enum(old)), Some(PgObject::Enum(new))) => is_remade(old, new),
        (Some(PgObject::Composite(old)), Some(PgObject::Composite(new))) => {
            let retyped = |f: &crate::objects::Field| new.field(&f.name).is_some_and(|n| n != f);
            !old.grows_into(new) || old.fields.iter().any(retyped)
        }
        (Some(PgObject::Domain(old)), Some(PgObject::Domain(new))) => {
            old.base != new.base || old.collation != new.collation
        }
        _ => false,
    }
}

/// Whether what a column has values of, or a part of that, is made anew.
pub(super) fn is_made_anew(dialect: &Postgres<'_>, column: &PgId) -> bool {
    let (mut seen, mut open) = (HashSet::new(), vec![column]);
    while let Some(id) = open.pop() {
        let types = dialect.to.needs(id).filter(|need| need.kind.is_type());
        for need in types {
            if is_root(dialect, need) {
                return true;
            }
            if seen.insert(need) {
                open.push(need);
            }
        }
    }
    false
}

/// For an object, what rests on it.
type Users<'a> = rustc_hash::FxHashMap<&'a PgId, Vec<&'a PgId>>;

/// The types that are made anew, with those that are made of them, each after those that it is made of; none of those of which
/// something is that cannot have another beside it.
pub(super) fn remade(dialect: &Postgres<'_>) -> Vec<Remade> {
    let (from, to) = (dialect.from, dialect.to);
    let roots: Vec<&PgId> = to.objects.keys().filter(|id| id.kind.is_type() && is_root(dialect, id)).collect();
    if roots.is_empty() {
        return Vec::new();
    }
    let both = [from.dependents(), to.dependents()];
    let users = |id: &PgId| -> BTreeSet<PgId> {
        let of = both.iter().filter_map(|users| users.get(id)).flatten();
        of.map(|id| (*id).clone()).collect()
    };
    // Types that change together, by the first of them.
    let mut groups: BTreeMap<PgId, BTreeSet<PgId>> = BTreeMap::new();
    for root in roots {
        let (mut closed, mut open) = (BTreeSet::new(), vec![root.clone()]);
        while let Some(id) = open.pop() {
            if closed.insert(id.clone()) {
                open.extend(users(&id).into_iter().filter(|user| user.kind.is_type()));
            }
        }
        let (touching, apart): (Vec<_>, Vec<_>) =
            std::mem::take(&mut groups).into_iter().partition(|(_, types)| !types.is_disjoint(&closed));
        groups.extend(apart);
        closed.extend(touching.into_iter().flat_map(|(_, types)| types));
        groups.extend(closed.first().cloned().map(|first| (first, closed)));
    }
    let mut list = Vec::new();
    for (group, types) in groups {
        let all: BTreeSet<PgId> = types.iter().flat_map(&users).collect();
        let has_column = all.iter().any(|user| user.kind == PgKind::Column && from.objects.contains_key(user));
        if has_column
            && types.iter().all(|id| can_stand_beside(dialect, id) && !is_split(to, &types, id))
            && all.iter().all(|u| is_plain((dialect, &both), &types, u))
        {
            for id in in_order(to, types) {
                let (name, beside) = (quote::qualified(&id.parts()), quote::qualified(&Remade::beside_id(&id).parts()));
                list.push(Remade { id, name, beside, group: group.clone() });
            }
        }
    }
    list
}

/// The types, each after those that it is made of.
fn in_order(catalog: &PgCatalog, types: BTreeSet<PgId>) -> Vec<PgId> {
    let (mut list, mut left): (Vec<PgId>, BTreeSet<PgId>) = (Vec::new(), types);
    while let Some(next) = left.iter().find(|id| catalog.needs(id).all(|need| need == *id || !left.contains(need))) {
        let next = next.clone();
        left.remove(&next);
        list.push(next);
    }
    list
}

/// Whether a type is the same kind of type on both sides.
fn can_stand_beside(dialect: &Postgres<'_>, id: &PgId) -> bool {
    matches!(id.kind, PgKind::Enum | PgKind::Composite | PgKind::Domain)
        && dialect.from.objects.contains_key(id)
        && dialect.to.objects.contains_key(id)
}

/// Whether values of a domain are checked.
fn has_rules(catalog: &PgCatalog, id: &PgId) -> bool {
    matches!(catalog.objects.get(id), Some(PgObject::Domain(d)) if d.not_null)
        || !parts_of(catalog, PgKind::DomainConstraint, &id.parts()).is_empty()
}

/// Whether a domain needs its rules from the first on, as arrays and rows have its values, into which the server does not look
/// when a rule comes, and may not have them then, as a column of it would be written anew.
fn is_split(catalog: &PgCatalog, types: &BTreeSet<PgId>, id: &PgId) -> bool {
    let over: BTreeSet<&PgId> = types.iter().filter(|t| t.kind == PgKind::Domain && is_over(catalog, t, id)).collect();
    has_rules(catalog, id)
        && Domain::is_inside_values(id, catalog)
        && catalog.objects.keys().any(|c| domain_of(catalog, c).is_some_and(|d| over.contains(d)))
}

/// Whether a domain is another one or over it.
fn is_over(catalog: &PgCatalog, domain: &PgId, other: &PgId) -> bool {
    domain == other || catalog.needs(domain).any(|n| n.kind == PgKind::Domain && is_over(catalog, n, other))
}

/// Whether something that rests on one of the types can go with them.
fn is_plain((dialect, users): (&Postgres<'_>, &[Users<'_>; 2]), types: &BTreeSet<PgId>, user: &PgId) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    let is_one = |type_name: &str| types.iter().any(|t| quote::qualified(&t.parts()) == element(type_name));
    match from.objects.get(user).or_else(|| to.objects.get(user)) {
        Some(PgObject::Column(c)) if from.objects.contains_key(user) => {
            is_one(&c.type_name)
                && matches!(to.objects.get(user), Some(PgObject::Column(n)) if n.type_name == c.type_name)
        }
        Some(PgObject::Function(_) | PgObject::Procedure(_)) => is_taken_along(users, user),
        // It is made with the old type, and changes with the switch.
        Some(PgObject::Column(_)) => !to.objects.contains_key(&user.prefix(PgKind::Default, 3)),
        Some(
            PgObject::Default(_)
            | PgObject::Index(_)
            | PgObject::Constraint(_)
            | PgObject::DomainConstraint(_)
            | PgObject::View(_)
            | PgObject::Comment(_)
            | PgObject::Grant(_)
            | PgObject::Owner(_),
        ) => true,
        _ => types.contains(user),
    }
}

/// Whether what rests on a function can be made again with it in the switch: nothing of it is stored.
fn is_taken_along(users: &[Users<'_>; 2], function: &PgId) -> bool {
    users.iter().all(|users| {
        let (mut seen, mut open) = (HashSet::new(), vec![function]);
        while let Some(id) = open.pop() {
            for next in users.get(id).into_iter().flatten().copied() {
                let light = matches!(
                    next.kind,
                    PgKind::Function
                        | PgKind::Procedure
                        | PgKind::View
                        | PgKind::Trigger
                        | PgKind::Comment
                        | PgKind::Grant
                        | PgKind::Owner
                );
                if !light {
                    return false;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        true
    })
}

/// A text of the server in which the new types are called as they are while they stand beside.
pub(super) fn beside(text: &str, types: &[Remade]) -> String {
    let tokens: Vec<_> = Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect();
    let is_name = |kind: TokenKind| matches!(kind, TokenKind::Word | TokenKind::QuotedIdent);
    let (mut out, mut end) = (String::with_capacity(text.len()), 0);
    for three in tokens.windows(3) {
        let [schema, dot, name] = three else { continue };
        let whole = text.get(schema.start..name.end).filter(|_| is_name(schema.kind) && dot.text(text) == ".");
        if let Some(t) = types.iter().find(|t| Some(t.name.as_str()) == whole) {
            out.push_str(&text[end..schema.start]);
            out.push_str(&t.beside);
            end = name.end;
        }
    }
    out.push_str(&text[end..]);
    out
}

/// What becomes of the values of types that are made anew.
pub(super) struct Conversion<'a> {
    pub(super) dialect: &'a Postgres<'a>,
    pub(super) wishes: &'a Wishes,
    pub(super) types: &'a [Remade],
}

impl<'a> Conversion<'a> {
    fn composite(catalog: &PgCatalog, id: &PgId) -> Option<Composite> {
        match catalog.objects.get(id) {
            Some(PgObject::Composite(composite)) => Some(composite.clone()),
            _ => None,
        }
    }

    fn of(&self, type_name: &str) -> Option<&'a Remade> {
        self.types.iter().find(|t| t.name == type_name)
    }

    /// The enum whose values a type has, be it one or a domain over one.
    fn labels(&self, t: &'a Remade) -> Option<&'a PgId> {
        match self.dialect.from.objects.get(&t.id) {
            Some(PgObject::Enum(_)) => Some(&t.id),
            Some(PgObject::Domain(d)) => self.labels(self.of(&d.base)?),
            _ => None,
        }
    }

    /// The value as one of the new type, which is told by the name that it has on both sides.
    pub(super) fn value(&self, value: &str, type_name: &str) -> Option<String> {
        let t = self.of(element(type_name))?;
        let target = beside(type_name, self.types);
        if let Some(id) = self.labels(t) {
            let pairs = self.wishes.maps.get(id).map_or(&[][..], Vec::as_slice);
            return Some(mapped(value, pairs, &target));
        }
        if type_name.ends_with("[]") {
            // What is not one list from 1 on would become one: it is left out, and told before the switch.
            let one = self.value(&format!("({value})[_underpin_n]"), element(type_name))?;
            return Some(format!(
                "(CASE WHEN pg_catalog.cardinality({value}) = 0 OR (pg_catalog.array_ndims({value}) = 1 AND \
                 pg_catalog.array_lower({value}, 1) = 1) THEN ARRAY(SELECT {one} FROM pg_catalog.generate_subscripts({value}, 1) AS \
                 _underpin_n ORDER BY _underpin_n) END)::{target}"
            ));
        }
        let (from, to) = (self.dialect.from, self.dialect.to);
        if let (Some(PgObject::Domain(old)), Some(PgObject::Domain(new))) =
            (from.objects.get(&t.id), to.objects.get(&t.id))
        {
            let inner = self.part(&format!("({value})::{}", old.base), &old.base, &new.base);
            return Some(format!("({inner})::{target}"));
        }
        let (old, new) = (Self::composite(from, &t.id)?, Self::composite(to, &t.id)?);
        let parts = new.fields.iter().map(|field| match old.field(&field.name) {
            Some(before) => {
                self.part(&format!("({value}).{}", quote::ident(&field.name)), &before.type_name, &field.type_name)
            }
            None => "NULL".to_owned(),
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        // IS NULL would also hold for a row of nulls.
        Some(format!("CASE WHEN ({value}) IS DISTINCT FROM NULL THEN CAST(ROW({parts}) AS {target}) END"))
    }

    /// A part of a value as one of another type.
    fn part(&self, value: &str, old: &str, new: &str) -> String {
        if old == new {
            return self.value(value, new).unwrap_or_else(|| value.to_owned());
        }
        let array = old.ends_with("[]") && new.ends_with("[]");
        format!("({value})::{}::{}", if array { "text[]" } else { "text" }, beside(new, self.types))
    }

    /// What is lost of each value, in words.
    pub(super) fn losses(&self, type_name: &str) -> Vec<String> {
        let Some(t) = self.of(element(type_name)) else { return Vec::new() };
        let (from, to) = (self.dialect.from, self.dialect.to);
        match (from.objects.get(&t.id), to.objects.get(&t.id)) {
            (Some(PgObject::Domain(old)), Some(PgObject::Domain(new))) => {
                self.losses(&new.base).into_iter().chain(loss_of_type_change(&old.base, &new.base)).collect()
            }
            (Some(PgObject::Composite(old)), Some(PgObject::Composite(new))) => {
                let of = |field: &crate::objects::Field| -> Vec<String> {
                    match new.field(&field.name) {
                        None => vec![format!("the attribute {} is lost", quote::ident(&field.name))],
                        Some(n) if n.type_name == field.type_name => self.losses(&n.type_name),
                        Some(n) => loss_of_type_change(&field.type_name, &n.type_name).into_iter().collect(),
                    }
                };
                old.fields.iter().flat_map(of).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What stands beside, and what stays as it is until the switch.
pub(super) fn stand_beside(dialect: &Postgres<'_>, types: &[Remade], road: &mut Road<'_>) {
    let (from, to) = (dialect.from, dialect.to);
    for t in types {
        let default = t.id.prefix(PgKind::Default, 2);
        let checks = |catalog: &PgCatalog| -> Vec<PgId> {
            let parts = parts_of(catalog, PgKind::DomainConstraint, &t.id.parts());
            parts.into_iter().map(|(id, _)| id.clone()).collect()
        };
        let name = Sql::new("CREATE").kw(if t.id.kind == PgKind::Domain { "DOMAIN" } else { "TYPE" });
        let name = name.server_text(&t.beside).kw("AS");
        match to.objects.get(&t.id) {
            Some(PgObject::Enum(new)) => {
                let list = name.kw("ENUM").paren(|w| w.list(&new.labels, |w, label| w.literal(label)));
                road.beside.push(list.build());
            }
            Some(PgObject::Composite(new)) => {
                let fields = new.fields.iter().map(|field| {
                    let sql = Sql::empty().ident(&field.name).server_text(&beside(&field.type_name, types));
                    match &field.collation {
                        Some(collation) => sql.kw("COLLATE").server_text(collation),
                        None => sql,
                    }
                });
                road.beside.push(name.block(fields).build());
            }
            Some(PgObject::Domain(new)) => {
                let mut sql = name.server_text(&beside(&new.base, types));
                if let Some(collation) = &new.collation {
                    sql = sql.kw("COLLATE").server_text(collation);
                }
                road.beside.push(sql.build());
                // With its rules a column of it would be written anew, and with its default rows would not wait for their values.
                let inside = Domain::is_inside_values(&t.id, to);
                let alter = || Sql::new("ALTER DOMAIN").server_text(&t.beside);
                if let Some(PgObject::Default(default)) = to.objects.get(&default) {
                    let expression = beside(&crate::restate::restated(&default.expression), types);
                    road.beside_filled.push(alter().kw("SET DEFAULT").server_text(&expression).build());
                }
                for id in checks(to) {
                    let Some(PgObject::DomainConstraint(check)) = to.objects.get(&id) else { continue };
                    let text = beside(&crate::restate::restated(&check.definition), types);
                    let add = alter().kw("ADD CONSTRAINT").ident(id.last()).server_text(&text);
                    let rules = if inside { &mut road.beside } else { &mut road.beside_filled };
                    rules.push(add.kw_if(!check.valid, "NOT VALID").build());
                }
                if new.not_null {
                    let rules = if inside { &mut road.beside } else { &mut road.beside_filled };
                    rules.push(match &new.not_null_name {
                        Some(name) => alter().kw("ADD CONSTRAINT").ident(name).kw("NOT NULL").build(),
                        None => alter().kw("SET NOT NULL").build(),
                    });
                }
            }
            _ => {}
        }
        let (news, olds) = (checks(to), checks(from));
        road.change_both(|catalog| {
            for id in news.iter().chain([&default]) {
                catalog.objects.remove(id);
                catalog.rests_on.remove(id);
            }
            for id in olds.iter().chain([&t.id, &default]) {
                Road::put_in(catalog, from, id);
            }
        });
    }
    functions_wait(dialect, types, road);
}

/// Functions that take such values or give them stay as they are until the switch; new ones come with it.
fn functions_wait(dialect: &Postgres<'_>, types: &[Remade], road: &mut Road<'_>) {
    if types.is_empty() {
        return;
    }
    let (from, to) = (dialect.from, dialect.to);
    let ids: HashSet<&PgId> = types.iter().map(|t| &t.id).collect();
    let callable = |id: &PgId| matches!(id.kind, PgKind::Function | PgKind::Procedure);
    let uses = |needs: &BTreeSet<PgId>| needs.iter().any(|need| ids.contains(need));
    let users = |catalog: &PgCatalog| -> Vec<PgId> {
        let users = catalog.rests_on.iter().filter(|(user, needs)| callable(user) && uses(needs));
        users.map(|(user, _)| user.clone()).collect()
    };
    let (olds, news) = (users(from), users(to));
    road.change_both(|catalog| {
        Road::take_out(catalog, news.iter().filter(|user| !from.objects.contains_key(*user)).cloned());
        for user in olds.iter().filter(|user| to.objects.contains_key(*user)) {
            Road::put_in(catalog, from, user);
        }
    });
}

/// The statements of the switch that give each type the name of the one that it takes the place of.
pub(super) fn switch(types: &[Remade]) -> Vec<String> {
    let alter = |id: &PgId| Sql::new("ALTER TYPE").name(&id.parts()).kw("RENAME TO");
    let each = types.iter().flat_map(|Remade { id, .. }| {
        [
            alter(id).ident(&name_aside("_underpin_old_", id.last())).build(),
            alter(&Remade::beside_id(id)).ident(id.last()).build(),
        ]
    });
    each.collect()
}
