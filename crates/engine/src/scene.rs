//! A plan's stages, made and proved: in one stage, or as a road in several.

use crate::desired::Said;
use crate::ground::Ground;
use crate::legs::{Leg, legs};
use crate::proof::{Case, prove};
use crate::repack::Front;
use crate::side::Workshop;
use crate::veil::Veil;
use crate::versions::Versions;
use crate::{EngineError, Settings, renames, slice, stages};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use underpin_model::Phase;
use underpin_model::{Diagnostic, Object, Stage, Step, Strategy};
use underpin_postgres::facts::is_utc;
use underpin_postgres::recipes::{Road, Wishes, holds_quarantined, is_aside, keep_quarantined, rename_view, road};
use underpin_postgres::{PgCatalog, PgId, Postgres, Server};

/// Both sides of a plan, with all that making it needs.
pub(crate) struct Scene<'a> {
    pub workshop: &'a Workshop<'a>,
    pub settings: &'a Settings,
    /// The live server.
    pub server: &'a Server,
    /// The server that proves the plan.
    pub dev_server: &'a Server,
    pub user: &'a str,
    /// The live side as it was read.
    pub read: &'a PgCatalog,
    /// The live side in the words of the server that proves the plan.
    pub from: &'a PgCatalog,
    /// That with the views of versions.
    pub full: &'a PgCatalog,
    /// What stands and is wanted of these.
    pub versions: &'a Versions,
    /// The live side after the renames.
    pub base: &'a PgCatalog,
    /// The desired side.
    pub to: &'a PgCatalog,
    pub wishes: &'a Wishes,
    /// The day, as `20261231`.
    pub today: &'a str,
    /// The renames that are still to be done.
    pub pending: &'a [renames::Rename],
    pub said: &'a Said,
    /// How many steps come before all that is planned here.
    pub steps_before: usize,
    /// What the facts have to say about the stages that were proved last.
    pub findings: RefCell<Vec<Diagnostic>>,
}

/// Stages with the objects that they touch.
pub(crate) type Staged = (Vec<Stage>, BTreeSet<PgId>);

impl<'a> Scene<'a> {
    /// Whether views stand in the place of tables on the live side, without which it is planned from.
    pub fn is_veiled(&self) -> bool {
        !rename_view::veiled(self.read).is_empty()
    }

    /// The renames of a plan in one stage, behind what takes views with old names away.
    fn renames(&self) -> Vec<renames::Rename> {
        let veils = rename_view::veiled(self.read).into_iter().map(|(table, sql)| renames::Rename {
            words: format!("take the view with the old names away from {table}"),
            from: table.clone(),
            to: table,
            sql,
            reason: "the names are said by the table itself again",
            origin: None,
        });
        veils.chain(self.pending.iter().cloned()).collect()
    }

    /// All in one stage, with the views of versions that can stay through it.
    pub fn in_one_below_versions(&self) -> Result<Staged, EngineError> {
        let followed = renames::follow(&self.ground(), self.full, self.to, &self.said.renames)?;
        let base = followed.base.as_ref().unwrap_or(self.full);
        let to = self.versions.kept_through(base, self.to, self.server);
        let Self { workshop, settings, server, dev_server, user, read, full, .. } = *self;
        let Self { versions, wishes, today, said, steps_before, .. } = *self;
        let scene = Scene {
            workshop,
            settings,
            server,
            dev_server,
            user,
            read,
            from: full,
            full,
            versions,
            base,
            to: &to,
            wishes,
            today,
            pending: &followed.pending,
            said,
            steps_before,
            findings: RefCell::default(),
        };
        let made = scene.in_one();
        self.findings.borrow_mut().append(&mut scene.findings.take());
        made
    }

    /// All in one stage.
    pub fn in_one(&self) -> Result<Staged, EngineError> {
        let changes = underpin_diff::diff(self.base, self.to);
        let planned_for = |server| {
            let mut dialect =
                Postgres::new(server, self.settings.strategy, self.user, self.base, self.to, &self.wishes.usings);
            dialect.utc = is_utc(&self.wishes.time_zone);
            dialect.cuts = self.settings.strategy == Strategy::Online && self.pending.is_empty() && !self.is_veiled();
            underpin_planner::plan(&dialect, self.base, self.to, &changes)
        };
        let planned = planned_for(self.server)?;
        let pending = &self.renames();
        let mut touched = planned.touched.clone();
        touched.extend(pending.iter().flat_map(|r| [r.from.clone(), r.to.clone()]));
        let numbers = || stages::Numbers::behind(self.steps_before);
        let mut list = stages::single(self.read, self.to, planned, pending, (self.said, numbers()), &touched);
        if list.is_empty() {
            return Ok((list, touched));
        }
        let slice = slice::slice(self.from, self.to, &touched);
        let whole = self.settings.full_proof || !pending.is_empty() || self.versions.concern();
        if self.dev_server.major() == self.server.major() {
            self.proved(&mut list, &[self.to], slice, whole)?;
        } else {
            // Proved in the words of the server that proves it.
            let planned = planned_for(self.dev_server)?;
            let mut there = stages::single(self.read, self.to, planned, pending, (self.said, numbers()), &touched);
            self.proved(&mut there, &[self.to], slice, whole)?;
            take_locks(&mut list, &there);
        }
        Ok((list, touched))
    }

    /// Replays stages and compares after each.
    pub fn proved(
        &self,
        list: &mut [Stage],
        waypoints: &[&PgCatalog],
        slice: BTreeSet<PgId>,
        whole: bool,
    ) -> Result<(), EngineError> {
        let case = Case {
            server: self.dev_server,
            live: self.server,
            user: self.user,
            from: if self.is_veiled() { self.read } else { self.full },
            waypoints,
            slice: if whole { None } else { Some(&slice) },
            trust: self.settings.trust_sql,
            online: self.settings.strategy == Strategy::Online,
            findings: &self.findings,
        };
        let dev = self.workshop.dev()?;
        match prove(dev, &case, list) {
            // A function's text may name what no dependency tells of, and a slice then lacks it: the whole decides.
            Err(EngineError::Unproved(_)) if !whole => prove(dev, &Case { slice: None, ..case }, list),
            other => other,
        }
    }

    /// The same behind what pg_repack does.
    pub fn behind(self, front: &'a Front) -> Self {
        let Front { stage: _, touched: _, read, from, full, base } = front;
        Scene { read, from, full, base, steps_before: front.steps(), ..self }
    }

    /// What veils the renames of a road.
    pub fn veil(&self) -> Result<Veil<'a>, EngineError> {
        Veil::over(self)
    }

    /// The road in stages, before a server has said what it passes through.
    pub fn road(&self, veil: &Veil<'a>) -> Road<'a> {
        let mut dialect =
            Postgres::new(self.server, self.settings.strategy, self.user, &veil.from, &veil.to, &self.wishes.usings);
        dialect.staged = true;
        dialect.utc = is_utc(&self.wishes.time_zone);
        let wishes = Wishes {
            usings: veil.in_old_names(&self.wishes.usings, self),
            downs: veil.in_old_names(&self.wishes.downs, self),
            backfills: veil.in_old_names(&self.wishes.backfills, self),
            maps: self.wishes.maps.clone(),
            quarantine: self.wishes.quarantine.clone(),
            both_ways: self.wishes.both_ways,
            emptied: self.wishes.emptied.clone(),
            time_zone: self.wishes.time_zone.clone(),
            rows: self.wishes.rows.clone(),
        };
        road(&dialect, &wishes, &veil.to)
    }

    /// Where its schemas are tried.
    pub fn ground(&self) -> Ground<'a> {
        Ground { dev: self.workshop, server: self.server, user: self.user, trust: self.settings.trust_sql }
    }

    /// The road's stages, proved.
    pub fn staged(&self, mut road: Road<'a>, veil: &Veil<'a>) -> Result<Staged, EngineError> {
        if !self.pending.is_empty() {
            // They go with the rest, under the names that the veil leaves.
            road.unbound.clear();
        }
        let ground = self.ground();
        let list = legs(&ground, &veil.from, &veil.to, road)?;
        let mut list = veil.drawn(&ground, self, list)?;
        for leg in list.iter_mut().filter(|leg| leg.phase == Phase::Contract && holds_quarantined(&leg.base)) {
            // What is put aside on it stays.
            keep_quarantined(&leg.base, &mut leg.to, self.today);
        }
        let list = self.versions.over(self, veil, list)?;
        let mut first = None;
        let mut numbers = stages::Numbers::behind(self.steps_before);
        let (mut stages, mut all, mut waypoints) = (Vec::<Stage>::new(), BTreeSet::new(), Vec::new());
        for leg in &list {
            let mut to = leg.to.clone();
            for (one, other) in &leg.first {
                if !leg.base.objects.contains_key(one) && to.objects.contains_key(one) {
                    to.add_dependency(other.clone(), one.clone());
                }
            }
            let changes = leg.changes();
            if changes.is_empty() && leg.is_idle() {
                continue;
            }
            let mut base = leg.base.clone();
            for (one, other) in &leg.last {
                if base.objects.contains_key(one) && base.objects.contains_key(other) {
                    base.add_dependency(one.clone(), other.clone());
                }
            }
            let mut dialect =
                Postgres::new(self.server, self.settings.strategy, self.user, &base, &to, &self.wishes.usings);
            dialect.staged = true;
            dialect.utc = is_utc(&self.wishes.time_zone);
            // What the moves began is seen when all is there.
            dialect.cuts = leg.moves.is_empty();
            let planned = underpin_planner::plan(&dialect, &base, &to, &changes)?;
            let mut touched = planned.touched.clone();
            touched.extend(moved(leg));
            if let Some(stage) = stages::stage(leg, planned, &mut numbers, self.said, &touched) {
                // What stands beside is part of a table that is there.
                let parents: Vec<PgId> = touched.iter().filter_map(|id| leg.to.objects.get(id)?.parent(id)).collect();
                all.extend(touched);
                all.extend(parents);
                if stages.is_empty() {
                    first = Some(leg.start.clone());
                }
                stages.push(stage);
                waypoints.push(&**leg.end.as_ref().unwrap_or(&leg.to));
            }
        }
        // What a later stage touches must be as it was before an earlier one begins, else that would be done for nothing.
        let mut later: BTreeSet<String> = BTreeSet::new();
        for stage in stages.iter_mut().rev() {
            stage.touches.append(&mut later);
            later.clone_from(&stage.touches);
        }
        if let (Some(stage), Some(start)) = (stages.first_mut(), first) {
            stage.fingerprint = start.fingerprint(&stage.touches);
            let mut slice = slice::slice(self.from, self.to, &all);
            for waypoint in &waypoints {
                slice.extend(waypoint.objects.keys().filter(|id| is_aside(id)).cloned());
            }
            let whole = self.settings.full_proof || !self.renames().is_empty() || self.versions.concern();
            self.proved(&mut stages, &waypoints, slice, whole)?;
        }
        Ok((stages, all))
    }
}

/// The objects that are otherwise, or elsewhere, after the moves of a leg.
fn moved(leg: &Leg<'_>) -> BTreeSet<PgId> {
    let mut touched: BTreeSet<PgId> = BTreeSet::new();
    if !leg.moves.is_empty() {
        touched.extend(underpin_diff::diff(&leg.start, &leg.base).iter().map(|c| c.id().clone()));
    }
    if let Some(end) = &leg.end {
        touched.extend(underpin_diff::diff(&leg.to, end).iter().map(|c| c.id().clone()));
    }
    touched.extend(leg.walks.iter().map(|walk| walk.table.clone()));
    touched
}

/// The locks, work and harm of the same statements in other stages.
fn take_locks(list: &mut [Stage], other: &[Stage]) {
    let steps = other.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    let known: HashMap<&[String], &Step> = steps.map(|step| (step.sql.as_slice(), step)).collect();
    for step in list.iter_mut().flat_map(|s| &mut s.batches).flat_map(|b| &mut b.steps) {
        if let Some(same) = known.get(step.sql.as_slice()) {
            step.locks.clone_from(&same.locks);
            step.work = step.work.max(same.work);
            step.hazards.clone_from(&same.hazards);
        }
    }
}

/// Hints, by column.
pub(crate) type Hints = BTreeMap<PgId, String>;
