//! What is compared: patterns of schemas and objects, owners and privileges.

use crate::EngineError;
use crate::belonging::Belonging;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use underpin_model::{Diagnostic, Kind, Severity};
use underpin_postgres::recipes::shadow_table;
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject};

/// Whether a kind of object that is often kept elsewhere is compared (`--owners`, `--privileges`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On those objects of which the desired SQL says something of the kind.
    Auto,
    /// On all; what the files do not say is the default.
    Manage,
    /// On none.
    Ignore,
}

/// Which objects are in scope: `schema`, `schema.object`, `kind:schema.object`, each with `*` and `?`.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    include: Option<GlobSet>,
    exclude: Vec<GlobSet>,
}

fn set(texts: &[String]) -> Result<Option<GlobSet>, EngineError> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut builder = GlobSetBuilder::new();
    for text in texts {
        builder.add(Glob::new(text).map_err(|e| EngineError::Usage(format!("`{text}` is not a pattern: {e}")))?);
    }
    builder.build().map(Some).map_err(|e| EngineError::Usage(e.to_string()))
}

/// What a pattern may name an object by.
fn names(id: &PgId) -> Vec<String> {
    let parts = id.parts();
    let of = id.of.unwrap_or(id.kind);
    let mut names: Vec<String> = (1..=parts.len()).map(|n| parts[..n].join(".")).collect();
    names.extend(names.clone().iter().map(|n| format!("{}:{n}", id.kind.name())));
    names.extend((1..=parts.len()).map(|n| format!("{}:{}", of.name(), parts[..n].join("."))));
    names
}

impl Patterns {
    /// The patterns of `--include` and `--exclude`.
    ///
    /// # Errors
    /// A text that is no pattern.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, EngineError> {
        Ok(Self { include: set(include)?, exclude: set(exclude)?.into_iter().collect() })
    }

    /// These, and others that are excluded too.
    pub(crate) fn without(mut self, exclude: &[String]) -> Result<Self, EngineError> {
        self.exclude.extend(set(exclude)?);
        Ok(self)
    }

    /// Whether something that goes by these names is in scope.
    pub(crate) fn hold_names(&self, names: &[String]) -> bool {
        let hit = |set: &GlobSet| names.iter().any(|n| set.is_match(n));
        self.include.as_ref().is_none_or(hit) && !self.exclude.iter().any(hit)
    }

    /// Whether all is in scope.
    pub(crate) fn is_empty(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// The findings without those about what is out of scope.
    pub(crate) fn concerned(&self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let holds = |about: &[String]| {
            let hit = |set: &GlobSet| (1..=about.len()).any(|n| set.is_match(about[..n].join(".")));
            self.include.as_ref().is_none_or(hit) && !self.exclude.iter().any(hit)
        };
        findings.into_iter().filter(|d| d.about.is_empty() || holds(&d.about)).collect()
    }

    /// Whether a schema, a table or another object that belongs to none is in scope.
    pub(crate) fn holds(&self, id: &PgId) -> bool {
        self.holds_with(&Belonging::default(), id)
    }

    /// Whether an object is in scope, by its own name or by that of what it belongs to.
    fn holds_with(&self, belonging: &Belonging, id: &PgId) -> bool {
        // What grows beside a table is in scope with it: the trigger on one that is not keeps what it needs.
        if shadow_table::is_ours(id.part(0)) {
            return true;
        }
        let owner = belonging.owner(id);
        let mut names = names(id);
        names.extend(owner.into_iter().flat_map(self::names));
        let hit = |set: &GlobSet| names.iter().any(|n| set.is_match(n));
        // A schema stays in scope for the sake of what is in it.
        let of = id.of.unwrap_or(id.kind);
        let holds_some = |set: &GlobSet| of == PgKind::Schema && set.is_match(format!("{}.", id.part(0)));
        self.include.as_ref().is_none_or(|s| hit(s) || holds_some(s)) && !self.exclude.iter().any(hit)
    }

    /// Both sides as they are within the scope: what is out of it is on the desired side what it is on the live one.
    pub(crate) fn narrow(&self, from: &PgCatalog, to: PgCatalog) -> PgCatalog {
        if self.is_empty() {
            return to;
        }
        let belonging = Belonging::of(&[from, &to]);
        let mut narrowed = to.filtered(|id, _| self.holds_with(&belonging, id));
        let outside = from.filtered(|id, _| !self.holds_with(&belonging, id));
        for (id, object) in outside.objects {
            if let Some(needs) = from.rests_on.get(&id) {
                narrowed.rests_on.insert(id.clone(), needs.clone());
            }
            if let Some(place) = from.places.get(&id) {
                narrowed.places.insert(id.clone(), *place);
            }
            narrowed.objects.insert(id, object);
        }
        self.keep_what_is_needed(&belonging, from, &mut narrowed);
        narrowed
    }

    /// What is out of scope stays, and so does what it stands on, even where the desired side has no such thing.
    fn keep_what_is_needed(&self, belonging: &Belonging, from: &PgCatalog, narrowed: &mut PgCatalog) {
        let mut queue: Vec<PgId> = from.objects.keys().filter(|id| !self.holds_with(belonging, id)).cloned().collect();
        let children = from.children();
        let mut kept = BTreeSet::new();
        while let Some(id) = queue.pop() {
            let parent = from.objects.get(&id).and_then(|o| underpin_model::Object::parent(o, &id));
            // What stays keeps its parts: its owner, its comment, its columns.
            let parts =
                kept.contains(&id).then(|| children.get(&id)).flatten().into_iter().flatten().map(|c| (*c).clone());
            for need in from.needs(&id).cloned().chain(parent).chain(parts) {
                let Some(object) = from.objects.get(&need).filter(|_| !narrowed.objects.contains_key(&need)) else {
                    continue;
                };
                narrowed.objects.insert(need.clone(), object.clone());
                if let Some(needs) = from.rests_on.get(&need) {
                    narrowed.rests_on.insert(need.clone(), needs.clone());
                }
                kept.insert(need.clone());
                queue.push(need);
            }
        }
        for id in kept.iter().filter(|id| id.of.is_none()) {
            narrowed.diagnostics.push(
                Diagnostic::new(
                    Severity::Note,
                    "kept-for-others",
                    format!("{id} stays: what is out of scope stands on it"),
                )
                .help("include that too, or exclude both"),
            );
        }
    }

    /// A catalog without what is out of scope.
    pub(crate) fn only(&self, catalog: PgCatalog) -> PgCatalog {
        if self.is_empty() {
            return catalog;
        }
        let belonging = Belonging::of(&[&catalog]);
        catalog.filtered(|id, _| self.holds_with(&belonging, id))
    }
}

/// Makes the desired side say of owners and privileges what the switches let it say: of what it does not manage it says
/// what is there.
pub(crate) fn adopt(from: &PgCatalog, to: &mut PgCatalog, owners: Switch, privileges: Switch) {
    let mut unsaid = Counts::default();
    adopt_owners(from, to, owners, &mut unsaid);
    adopt_privileges(from, to, privileges, &mut unsaid);
    if unsaid.owners + unsaid.privileges > 0 {
        to.diagnostics.push(
            Diagnostic::new(
                Severity::Note,
                "not-compared",
                format!(
                    "{} owner(s) and {} grant(s) of the database were not compared: the desired SQL says nothing of them",
                    unsaid.owners, unsaid.privileges
                ),
            )
            .help("--owners manage and --privileges manage compare them too"),
        );
    }
}

#[derive(Default)]
struct Counts {
    owners: usize,
    privileges: usize,
}

fn adopt_owners(from: &PgCatalog, to: &mut PgCatalog, switch: Switch, unsaid: &mut Counts) {
    for (id, object) in &mut to.objects {
        let PgObject::Owner(owner) = object else { continue };
        let keep = match switch {
            Switch::Manage => true,
            Switch::Auto => !owner.implicit,
            Switch::Ignore => false,
        };
        owner.implicit = false;
        if let (false, Some(PgObject::Owner(live))) = (keep, from.objects.get(id)) {
            if live.role != owner.role {
                unsaid.owners += 1;
            }
            owner.role.clone_from(&live.role);
        }
    }
}

fn adopt_privileges(from: &PgCatalog, to: &mut PgCatalog, switch: Switch, unsaid: &mut Counts) {
    if switch == Switch::Manage {
        return;
    }
    let is_privilege = |kind: PgKind| matches!(kind, PgKind::Grant) || kind.name() == "default privileges";
    let target = |id: &PgId| id.target(1).unwrap_or_else(|| id.clone());
    if switch == Switch::Ignore {
        to.objects.retain(|id, _| !is_privilege(id.kind));
    }
    let said: HashSet<PgId> = to.objects.keys().filter(|id| is_privilege(id.kind)).map(target).collect();
    let mut taken: BTreeMap<PgId, PgObject> = BTreeMap::new();
    for (id, object) in from.objects.iter().filter(|(id, _)| is_privilege(id.kind)) {
        let parent = underpin_model::Object::parent(object, id);
        let target_is_wanted = parent.is_none_or(|p| to.objects.contains_key(&p));
        if !said.contains(&target(id)) && target_is_wanted {
            taken.insert(id.clone(), object.clone());
        }
    }
    unsaid.privileges += taken.len();
    for (id, object) in taken {
        if let Some(needs) = from.rests_on.get(&id) {
            to.rests_on.insert(id.clone(), needs.clone());
        }
        to.objects.insert(id, object);
    }
}
