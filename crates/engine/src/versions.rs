//! Views that show the tables as a version of the application knows them. They stand over a plan and not in it: it is
//! made without them, and each leg of its road is then told what stands over it, what it makes of that, and what is
//! drawn or taken away.

use crate::legs::Leg;
use crate::live::Live;
use crate::scene::Scene;
use crate::side::snapshot_of;
use crate::veil::Veil;
use crate::{EngineError, Settings, before};
use std::cell::RefCell;
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, Object, Phase, Severity};
use underpin_postgres::recipes::versioned_views::{
    self, NAME, Showing, Version, Views, bad_name, is_too_long, only, read_by, shows_aside, standing, with, without,
};
use underpin_postgres::recipes::{Move, Waypoint, quarantined_until};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, Server};
use underpin_sql::{Sql, quote};

/// The versions that stand in a database, and the one that a plan makes.
#[derive(Default)]
pub(crate) struct Versions {
    /// Those that stand.
    standing: Vec<Version>,
    /// Those whose schemas are in scope and that are not wanted.
    gone: Vec<Version>,
    /// The one that is asked for, or that a plan in flight has made.
    wanted: Option<String>,
    /// What there is to tell.
    findings: RefCell<Vec<Diagnostic>>,
}

/// What views are made for.
pub(crate) struct Place<'a> {
    pub settings: &'a Settings,
    /// The desired side.
    pub to: &'a PgCatalog,
    /// The live server.
    pub server: &'a Server,
    pub user: &'a str,
}

impl<'a> Place<'a> {
    fn of(scene: &Scene<'a>) -> Self {
        Self { settings: scene.settings, to: scene.to, server: scene.server, user: scene.user }
    }
}

fn names(versions: &[Version]) -> BTreeSet<String> {
    versions.iter().map(|v| v.schema.clone()).collect()
}

/// The views of all versions in a catalog.
fn views_in(catalog: &PgCatalog) -> PgCatalog {
    only(catalog, &names(&standing(catalog)))
}

/// A catalog without the views of any version, where there are some.
pub(crate) fn bare(catalog: &PgCatalog) -> Option<PgCatalog> {
    let standing = standing(catalog);
    (!standing.is_empty()).then(|| without(catalog, &names(&standing)))
}

/// What is told of views that stand, where nothing is done with them.
pub(crate) fn told(catalog: &PgCatalog) -> Option<Diagnostic> {
    let list: Vec<String> = standing(catalog).iter().map(words).collect();
    let message = format!("views of versions stand, which are no part of the schema: {}", list.join(", "));
    (!list.is_empty()).then(|| Diagnostic::new(Severity::Note, "versioned-views", message))
}

fn words(version: &Version) -> String {
    format!("{} for version {}", quote::ident(&version.schema), version.name)
}

impl Versions {
    /// Looks what stands, and what is wanted.
    ///
    /// # Errors
    /// A name that cannot be one, or another one than that of the plan in flight.
    pub fn find(settings: &Settings, catalog: &PgCatalog, live: Option<&mut Live>) -> Result<Self, EngineError> {
        let standing = standing(catalog);
        let asked = settings.versioned_views.as_ref();
        if let Some(why) = asked.and_then(|name| bad_name(name)) {
            return Err(EngineError::Usage(format!("--versioned-views takes a name: {why}")));
        }
        let half = standing.iter().find(|v| shows_aside(catalog, &v.schema));
        if let (Some(half), Some(asked)) = (half, asked)
            && half.name != *asked
        {
            return Err(EngineError::Usage(format!(
                "the plan that made the views of version {} is in flight; go on with --versioned-views {0}, or take it \
                 back with `underpin undo`, before you make those of {asked}",
                half.name
            )));
        }
        let mut wanted = asked.or(half.map(|v| &v.name)).cloned();
        if wanted.is_none()
            && !standing.is_empty()
            && let Some(live) = live
            && let Some(text) = before::begun_from(&mut live.client)?
            && let Ok(then) = snapshot_of("the schema from before", &text)
        {
            // What the plan in flight has made it goes on with, asked again or not.
            let before = versioned_views::standing(&then);
            wanted = standing.iter().find(|v| !before.contains(v)).map(|v| v.name.clone());
        }
        let in_scope = |v: &&Version| settings.patterns.holds(&PgId::new(PgKind::Schema, [&v.of]));
        let gone = standing.iter().filter(|v| wanted.as_ref() != Some(&v.name)).filter(in_scope).cloned().collect();
        Ok(Self { standing, gone, wanted, findings: RefCell::default() })
    }

    /// Whether views stand.
    pub fn stand(&self) -> bool {
        !self.standing.is_empty()
    }

    /// Whether there is a version to make or to go on with.
    pub fn are_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// Whether a plan has to look at views at all.
    pub fn concern(&self) -> bool {
        self.stand() || self.are_wanted()
    }

    /// The views of the version that is wanted.
    fn views(&self, at: &Place<'_>, by_then: &PgCatalog, called: &dyn Fn(&PgId) -> PgId) -> Views {
        let Some(version) = &self.wanted else { return Views::default() };
        let shown = at.to.filtered(|id, _| at.settings.patterns.holds(id) && quarantined_until(id).is_none());
        Showing { version, to: &shown, by_then, called, server: at.server, user: at.user }.views()
    }

    /// Whether something is to be done though the schema is what it should be: a view is missing or shows something
    /// else, or an earlier version stands beside the one that is asked for.
    ///
    /// # Errors
    /// Where the schema of a version is somebody else's.
    pub fn are_missing(&self, at: &Place<'_>, full: &PgCatalog) -> Result<bool, EngineError> {
        let Some(version) = &self.wanted else { return Ok(false) };
        let views = self.views(at, at.to, &PgId::clone);
        if let Some(long) = views.schemas.keys().find(|schema| is_too_long(schema)) {
            return Err(EngineError::Usage(format!(
                "there can be no version {version}: the name {long} of its schema is longer than the server takes"
            )));
        }
        for schema in views.schemas.keys() {
            let id = PgId::new(PgKind::Schema, [schema]);
            let is_ours = self.standing.iter().any(|v| v.schema == *schema);
            if at.to.objects.contains_key(&id) || (full.objects.contains_key(&id) && !is_ours) {
                let message = format!(
                    "the schema {schema} is there and is not one of underpin's, so that no version can have it"
                );
                return Err(EngineError::input("version-taken", message));
            }
        }
        let shape = |catalog: &PgCatalog, id: &PgId| match catalog.objects.get(id) {
            Some(PgObject::View(view)) => Some(view.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>()),
            _ => None,
        };
        let wanted = |id: &PgId| {
            let of = schema_of(id, version);
            let columns = underpin_postgres::parts_of(at.to, PgKind::Column, &[of, id.last()]).into_iter();
            columns
                .filter(|(c, _)| quarantined_until(c).is_none())
                .map(|(c, _)| c.last().to_owned())
                .collect::<Vec<_>>()
        };
        Ok(!self.gone.is_empty() || views.views.keys().any(|id| shape(full, id) != Some(wanted(id))))
    }

    /// Tells the legs of a road what stands over them.
    pub fn over<'a>(
        &self,
        scene: &Scene<'a>,
        veil: &Veil<'a>,
        mut legs: Vec<Leg<'a>>,
    ) -> Result<Vec<Leg<'a>>, EngineError> {
        if !self.concern() || legs.is_empty() {
            return Ok(legs);
        }
        let ground = scene.ground();
        let mut draw_at = None;
        if self.are_wanted() && !scene.is_veiled() {
            let mut contract = legs.iter().position(|leg| leg.phase == Phase::Contract).unwrap_or(legs.len());
            if contract == 0 {
                let start = legs[0].start.clone();
                legs.insert(0, Leg::idle(Phase::Expand, start));
                contract = 1;
            }
            draw_at = Some(legs[..contract].iter().rposition(|leg| !leg.is_empty()).unwrap_or(0));
        }
        let last = legs.len() - 1;
        let mut now = views_in(if scene.is_veiled() { scene.read } else { scene.full });
        for (n, leg) in legs.iter_mut().enumerate() {
            if now.objects.is_empty() && draw_at != Some(n) && n != last {
                continue;
            }
            let is_busy = !leg.moves.is_empty() || !leg.changes().is_empty();
            leg.moves.splice(0..0, out_of_the_way(&now, leg));
            let start = Waypoint::from(with(&leg.start, &now));
            let mut here = now.clone();
            leg.base = if leg.moves.is_empty() {
                if leg.base.is_same(&leg.start) { start.clone() } else { with(&leg.base, &now).into() }
            } else {
                let moved = views_in(&ground.elaborated(&start, &[&statements(&leg.moves)])?);
                here = with(&here, &moved);
                with(&leg.base, &moved).into()
            };
            leg.start = start;
            leg.to = if n == last {
                leg.gates.extend(self.gates());
                self.in_the_end(scene, leg, &here)?.into()
            } else if is_busy {
                let to = with(&leg.to, &here);
                with(&leg.to, &views_in(&ground.elaborated(&to, &[])?)).into()
            } else if leg.base.is_same(&leg.start) {
                leg.base.clone()
            } else {
                with(&leg.to, &here).into()
            };
            self.heed(scene, leg);
            if let Some(end) = &leg.end {
                let after = views_in(&ground.elaborated(&leg.to, &[&statements(&leg.after)])?);
                leg.end = Some(with(end, &after).into());
            }
            if draw_at == Some(n) {
                self.draw(scene, veil, leg)?;
            }
            now = views_in(leg.end.as_ref().unwrap_or(&leg.to));
        }
        Ok(legs)
    }

    /// No view goes around a row security that comes with this leg.
    fn heed(&self, scene: &Scene<'_>, leg: &mut Leg<'_>) {
        if leg.to.is_same(&leg.base) {
            return;
        }
        let schemas = names(&standing(&leg.to));
        let lost = versioned_views::heed_row_security(&mut leg.to, scene.server, &schemas);
        self.tell_lost(&lost, "row security comes to the table, which views go around before PostgreSQL 15");
    }

    fn tell_lost(&self, lost: &[PgId], why: &str) {
        if lost.is_empty() {
            return;
        }
        let list: Vec<String> = lost.iter().map(|id| quote::qualified(&id.parts())).collect();
        let message = format!("{} of a version is dropped: {why}", list.join(", "));
        self.findings.borrow_mut().push(Diagnostic::new(Severity::Warning, "versioned-views-lost", message));
    }

    fn gates(&self) -> BTreeSet<String> {
        self.gone.iter().map(|v| format!("works without the views of version {}", v.name)).collect()
    }

    /// What holds in the end: the views of the version as they show the desired schema, none of earlier ones.
    fn in_the_end(&self, scene: &Scene<'_>, leg: &Leg<'_>, here: &PgCatalog) -> Result<PgCatalog, EngineError> {
        let views = self.views(&Place::of(scene), &leg.to, &PgId::clone);
        let mut stays = without(here, &names(&self.gone));
        let schemas: BTreeSet<String> = views.schemas.keys().cloned().collect();
        stays = without(&stays, &schemas);
        if !schemas.is_empty() {
            let all = scene.ground().elaborated(&leg.to, &[&views.statements()])?;
            stays = with(&stays, &only(&all, &schemas));
        }
        Ok(with(&leg.to, &stays))
    }

    /// Draws the views at the end of a leg, where they do not stand.
    fn draw(&self, scene: &Scene<'_>, veil: &Veil<'_>, leg: &mut Leg<'_>) -> Result<(), EngineError> {
        let by_then = leg.end.as_ref().unwrap_or(&leg.to);
        let mut views = self.views(&Place::of(scene), by_then, &|id| veil.old_name(id, scene));
        self.findings.borrow_mut().append(&mut views.findings);
        let schemas: BTreeSet<String> = views.schemas.keys().cloned().collect();
        let there = only(by_then, &schemas);
        let ground = scene.ground();
        let drawn = only(&ground.elaborated(&without(by_then, &schemas), &[&views.statements()])?, &schemas);
        for (id, view) in &there.objects {
            if let (PgObject::View(_), Some(wanted)) = (view, drawn.objects.get(id))
                && !view.compare(wanted).is_empty()
            {
                return Err(taken(self.wanted.as_deref().unwrap_or_default(), id));
            }
        }
        views.schemas.retain(|schema, _| !there.objects.contains_key(&PgId::new(PgKind::Schema, [schema])));
        views.views.retain(|id, _| !there.objects.contains_key(id));
        let sql = views.statements();
        if sql.is_empty() {
            return Ok(());
        }
        let schemas: Vec<String> = schemas.iter().map(|s| quote::ident(s)).collect();
        leg.end = Some(with(&with(by_then, &drawn), &there).into());
        leg.after.push(Move {
            words: format!(
                "make the views of version {} in {}",
                self.wanted.as_deref().unwrap_or_default(),
                schemas.join(", ")
            ),
            sql,
            reason: "the new application has its shape of the tables there, before the tables have it".to_owned(),
            recipe: Some(NAME),
            hazards: Vec::new(),
            undo: None,
            source: None,
        });
        Ok(())
    }

    /// For a plan in one stage: the desired side with the views that can stay through it.
    pub fn kept_through(&self, base: &PgCatalog, to: &PgCatalog, server: &Server) -> PgCatalog {
        let stays = |id: &PgId| match (base.objects.get(id), to.objects.get(id)) {
            (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
                a.type_name == b.type_name && a.collation == b.collation
            }
            (Some(_), Some(_)) => true,
            (_, None) | (None, _) => false,
        };
        let mut kept = views_in(base);
        let lost: Vec<PgId> = kept
            .objects
            .keys()
            .filter(|id| id.kind == PgKind::View && id.of.is_none() && !read_by(base, id).all(stays))
            .cloned()
            .collect();
        let is_lost = |id: &PgId| id.depth() > 1 && lost.iter().any(|view| view.parts()[..2] == id.parts()[..2]);
        kept.objects.retain(|id, _| !is_lost(id));
        self.tell_lost(&lost, "the plan has one stage, and columns that it shows go or get another type");
        let mut to = with(to, &kept);
        let lost = versioned_views::heed_row_security(&mut to, server, &names(&self.standing));
        self.tell_lost(&lost, "row security comes to the table, which views go around before PostgreSQL 15");
        to
    }

    /// What there is to tell of a plan in one stage, or in several, that does something or nothing.
    pub fn findings(
        &self,
        settings: &Settings,
        (is_staged, is_empty): (bool, bool),
        is_veiled: bool,
    ) -> Vec<Diagnostic> {
        let mut list = self.findings.take();
        let note = |message: String| Diagnostic::new(Severity::Note, "versioned-views", message);
        let gone: Vec<String> = self.gone.iter().map(words).collect();
        if !gone.is_empty() && is_staged && !is_empty {
            list.push(note(format!("the contract stage takes away views of earlier versions: {}", gone.join(", "))));
        } else if !gone.is_empty() {
            list.push(note(format!("views of versions stand and stay: {}", gone.join(", "))));
        }
        if let Some(version) = &self.wanted
            && !is_staged
            && settings.versioned_views.is_some()
            && self.standing.iter().all(|v| v.name != *version)
        {
            let message = format!("the plan has one stage, so that no views of version {version} are made");
            let told = Diagnostic::new(Severity::Warning, "no-versioned-views", message);
            list.push(told.help(
                "only plans in stages make them: --strategy online, with a development server of the live one's version",
            ));
        } else if let Some(version) = &self.wanted
            && is_veiled
        {
            let message = format!(
                "views stand in the place of renamed tables, as a plan without versions is in flight; those of version \
                 {version} come in its contract stage"
            );
            list.push(Diagnostic::new(Severity::Warning, "no-versioned-views", message));
        }
        list
    }
}

/// The schema whose table a view of a version shows.
fn schema_of<'b>(view: &'b PgId, version: &str) -> &'b str {
    let schema = view.part(0);
    schema.strip_suffix(version).and_then(|s| s.strip_suffix('_')).unwrap_or(schema)
}

fn taken(version: &str, view: &PgId) -> EngineError {
    let message = format!(
        "{} stands and shows the table otherwise than version {version} shall have it",
        quote::qualified(&view.parts())
    );
    EngineError::Input(vec![
        Diagnostic::new(Severity::Error, "version-taken", message)
            .note("an application uses it as it is")
            .help(
                "give the new version another name; where the plan that made it is in flight, `underpin undo` takes it back \
                 first",
            ),
    ])
}

fn statements(moves: &[Move]) -> Vec<String> {
    moves.iter().flat_map(|m| m.sql.clone()).collect()
}

/// Views over tables that others take the place of are dropped first, in the same transaction; the planner makes them
/// again.
fn out_of_the_way(views: &PgCatalog, leg: &Leg<'_>) -> Option<Move> {
    let dropped: BTreeSet<&str> =
        leg.moves.iter().flat_map(|m| &m.sql).filter_map(|sql| sql.strip_prefix("DROP TABLE ")).collect();
    let over_dropped = |id: &&PgId| {
        let table = |read: &PgId| quote::qualified(&read.prefix(PgKind::Table, 2).parts());
        id.kind == PgKind::View
            && id.of.is_none()
            && read_by(views, id).any(|read| dropped.contains(table(read).as_str()))
    };
    let list: Vec<&PgId> = views.objects.keys().filter(over_dropped).collect();
    let words: Vec<String> = list.iter().map(|id| quote::qualified(&id.parts())).collect();
    (!list.is_empty()).then(|| Move {
        words: format!("take {} away for the moment", words.join(", ")),
        sql: list.iter().map(|id| Sql::new("DROP VIEW").name(&id.parts()).build()).collect(),
        reason: "another table takes the place of theirs, and they are made again in the same transaction".to_owned(),
        recipe: Some(NAME),
        hazards: Vec::new(),
        undo: None,
        source: None,
    })
}
