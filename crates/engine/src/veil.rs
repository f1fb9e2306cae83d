//! Renames by hint on a road in stages: both names are there until the contract stage.

use crate::EngineError;
use crate::ground::Ground;
use crate::legs::Leg;
use crate::renames::{self, Rename};
use crate::scene::{Hints, Scene};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Hazard, HazardKind, Phase};
use underpin_postgres::recipes::{Move, Waypoint, rename_view, versioned_views};
use underpin_postgres::{PgCatalog, PgId, PgKind};
use underpin_sql::{Sql, quote};

/// What stands over renamed tables and columns until the contract stage.
pub(crate) struct Veil<'a> {
    /// The live side, in its own names.
    pub from: Waypoint<'a>,
    /// The desired side in the names of the live one.
    pub to: Waypoint<'a>,
    way: Way,
}

enum Way {
    /// There are no renames.
    None,
    /// They are made at the start, whoever minds: why.
    AtOnce(Option<String>),
    /// Both names stand until the contract stage.
    Both,
    /// The new application says the new names through views of its own, and the tables have the old ones until the contract stage.
    Versions,
}

/// Renames that no application notices.
fn is_quiet(kind: PgKind) -> bool {
    matches!(
        kind,
        PgKind::Index | PgKind::Constraint | PgKind::Trigger | PgKind::Policy | PgKind::Rule | PgKind::Statistics
    )
}

impl<'a> Veil<'a> {
    /// The veil over the renames of a plan.
    pub fn over(scene: &Scene<'a>) -> Result<Self, EngineError> {
        let plain = |way| Ok(Self { from: Waypoint::lent(scene.base), to: Waypoint::lent(scene.to), way });
        if scene.pending.is_empty() {
            return plain(Way::None);
        }
        if scene.pending.iter().all(|r| is_quiet(r.to.kind)) {
            return plain(Way::AtOnce(None));
        }
        let mut tables: BTreeSet<PgId> = BTreeSet::new();
        for rename in scene.pending {
            match rename.to.kind {
                PgKind::Table => _ = tables.insert(rename.from.clone()),
                PgKind::Column => _ = tables.insert(rename.from.prefix(PgKind::Table, 2)),
                kind if is_quiet(kind) => {}
                // A sequence that goes with its column is used by that.
                PgKind::Sequence if rename.is_along() => {}
                _ => return plain(Way::AtOnce(Some(format!("{} cannot have two names", rename.from)))),
            }
        }
        let has_versions = scene.versions.are_wanted() && !scene.is_veiled();
        let why_not = if has_versions { versioned_views::why_not } else { rename_view::why_not };
        if let Some(why) = tables.iter().find_map(|t| why_not(scene.from, scene.server, t)) {
            return plain(Way::AtOnce(Some(why)));
        }
        let back = renames::taken_back(scene.to, scene.pending);
        let to = scene.ground().elaborated(scene.to, &[&back])?;
        let way = if has_versions { Way::Versions } else { Way::Both };
        Ok(Self { from: Waypoint::lent(scene.from), to: to.into(), way })
    }

    /// What a table or column of the desired side is called until the contract stage.
    pub fn old_name(&self, id: &PgId, scene: &Scene<'_>) -> PgId {
        match self.way {
            Way::None | Way::AtOnce(_) => return id.clone(),
            Way::Both | Way::Versions => {}
        }
        let column = scene.pending.iter().find(|r| r.to == *id).map(|r| r.from.clone());
        let table = id.prefix(PgKind::Table, 2);
        let table = scene.pending.iter().find(|r| r.to == table).map(|r| r.from.clone());
        column.unwrap_or_else(|| match table {
            Some(table) if id.kind == PgKind::Column => {
                PgId::new(PgKind::Column, [table.part(0), table.part(1), id.last()])
            }
            Some(_) | None => id.clone(),
        })
    }

    /// Hints by the columns' names in the live schema.
    pub fn in_old_names(&self, hints: &Hints, scene: &Scene<'_>) -> Hints {
        hints.iter().map(|(id, text)| (self.old_name(id, scene), text.clone())).collect()
    }

    /// The legs with the veil drawn over the last one before the contract, and taken away there.
    pub fn drawn(
        &self,
        ground: &Ground<'_>,
        scene: &Scene<'a>,
        mut legs: Vec<Leg<'a>>,
    ) -> Result<Vec<Leg<'a>>, EngineError> {
        let unveiled: Vec<Move> =
            rename_view::veiled(scene.read).into_iter().map(|(table, sql)| taking_away(&table, sql)).collect();
        match &self.way {
            Way::None => {}
            Way::AtOnce(why) => {
                if let Some(leg) = legs.first_mut() {
                    leg.start = Waypoint::lent(scene.from);
                    leg.moves.splice(0..0, scene.pending.iter().map(|r| at_once(r, why.as_deref())));
                }
            }
            Way::Both => return self.both(ground, scene, legs, unveiled),
            Way::Versions => {
                if let Some(last) = legs.last_mut() {
                    last.gates.extend(says_new_names(scene));
                    last.moves.extend(
                        scene.pending.iter().map(|r| Move { recipe: Some(versioned_views::NAME), ..final_rename(r) }),
                    );
                    last.base = ground.elaborated(&last.start, &[&statements(&last.moves)])?.into();
                    last.to = Waypoint::lent(scene.to);
                }
            }
        }
        if !unveiled.is_empty() {
            // The names that the veil was for are not wanted any more.
            legs.insert(0, back_to_old_names(scene, unveiled));
        }
        Ok(legs)
    }

    fn both(
        &self,
        ground: &Ground<'_>,
        scene: &Scene<'a>,
        mut legs: Vec<Leg<'a>>,
        unveiled: Vec<Move>,
    ) -> Result<Vec<Leg<'a>>, EngineError> {
        let Some(mut last) = legs.pop() else { return Ok(legs) };
        let nothing_left = legs.iter().all(Leg::is_empty);
        let renames: Vec<Move> = scene.pending.iter().map(final_rename).collect();
        last.gates.extend(says_new_names(scene));
        if !unveiled.is_empty() && nothing_left {
            // All is done but the contract.
            last.start = Waypoint::lent(scene.read);
            last.moves = unveiled.into_iter().chain(last.moves).chain(renames).collect();
            last.base = ground.elaborated(&last.start, &[&statements(&last.moves)])?.into();
            last.to = Waypoint::lent(scene.to);
            return Ok(vec![last]);
        }
        let mut list = Vec::new();
        if !unveiled.is_empty() {
            list.push(back_to_old_names(scene, unveiled));
        }
        let busy = legs.iter().rposition(|leg| !leg.is_empty()).unwrap_or(0);
        let by_then = legs.get(busy).map_or(scene.from, |leg| &**leg.end.as_ref().unwrap_or(&leg.to));
        let (draw, take) = self.statements(scene, by_then, last.moves.is_empty());
        if let Some(leg) = legs.get_mut(busy) {
            let end: Waypoint<'a> =
                ground.elaborated(leg.end.as_ref().unwrap_or(&leg.to), &[&statements(&draw)])?.into();
            leg.after.extend(draw);
            last.start = end.clone();
            last.after_renames = true;
            leg.end = Some(end);
        }
        legs.truncate(busy + 1);
        last.moves = take.into_iter().chain(last.moves).collect();
        if !self.is_forward(scene, &last.moves) {
            last.moves.extend(renames);
        }
        last.base = ground.elaborated(&last.start, &[&statements(&last.moves)])?.into();
        last.to = Waypoint::lent(scene.to);
        list.extend(legs);
        list.push(last);
        Ok(list)
    }

    /// Whether tables have their new names as soon as the veil is drawn: no column is renamed, and nothing of the contract is said
    /// in old names.
    fn is_forward(&self, scene: &Scene<'_>, moves: &[Move]) -> bool {
        scene.pending.iter().all(|r| r.to.kind != PgKind::Column)
            && moves.iter().all(|m| m.recipe == Some(rename_view::NAME))
    }

    /// What draws the veil, and what takes it away.
    fn statements(&self, scene: &Scene<'_>, by_then: &PgCatalog, nothing_else: bool) -> (Vec<Move>, Vec<Move>) {
        let (from, server) = (scene.from, scene.server);
        let forward = nothing_else && self.is_forward(scene, &[]);
        let mut tables: BTreeMap<PgId, (Option<PgId>, BTreeMap<String, String>)> = BTreeMap::new();
        for rename in scene.pending {
            match rename.to.kind {
                PgKind::Table => tables.entry(rename.from.clone()).or_default().0 = Some(rename.to.clone()),
                PgKind::Column => {
                    let table = rename.from.prefix(PgKind::Table, 2);
                    let names = (rename.from.last().to_owned(), rename.to.last().to_owned());
                    tables.entry(table).or_default().1.extend([names]);
                }
                _ => {}
            }
        }
        let (mut draw, mut take) = (Vec::new(), Vec::new());
        let step = |words: String, sql: Vec<String>| Move {
            words,
            sql,
            reason: "the old and the new application say different names".to_owned(),
            recipe: Some(rename_view::NAME),
            hazards: Vec::new(),
            undo: None,
            source: None,
        };
        if forward {
            // With all that is named after them.
            draw.extend(scene.pending.iter().map(final_rename));
            for (table, (new, _)) in &tables {
                let Some(new) = new else { continue };
                let sql = rename_view::view_over((from, by_then, false), server, table, (new, table), &BTreeMap::new());
                draw.push(step(format!("leave the old name {}", quote::qualified(&table.parts())), sql));
                take.push(taking_away(table, vec![Sql::new("DROP VIEW").name(&table.parts()).build()]));
            }
            return (draw, take);
        }
        for (table, (new, columns)) in &tables {
            let base = rename_view::base_of(table);
            let mut sql = vec![Sql::new("ALTER TABLE").name(&table.parts()).kw("RENAME TO").ident(base.last()).build()];
            let mut views = vec![table.clone()];
            views.extend(new.clone());
            for view in &views {
                sql.extend(rename_view::view_over((from, by_then, true), server, table, (&base, view), columns));
            }
            let mut back: Vec<String> = views.iter().map(|v| Sql::new("DROP VIEW").name(&v.parts()).build()).collect();
            back.push(Sql::new("ALTER TABLE").name(&base.parts()).kw("RENAME TO").ident(table.last()).build());
            let words = format!("put a view that has both names in the place of {}", quote::qualified(&table.parts()));
            draw.push(Move { undo: Some(back.clone()), ..step(words, sql) });
            take.push(taking_away(table, back));
        }
        (draw, take)
    }
}

fn says_new_names(scene: &Scene<'_>) -> BTreeSet<String> {
    let name = |id: &PgId| quote::qualified(&id.parts());
    let noticed = scene.pending.iter().filter(|r| matches!(r.to.kind, PgKind::Table | PgKind::Column));
    noticed.map(|r| format!("says {} and no more {}", name(&r.to), name(&r.from))).collect()
}

fn statements(moves: &[Move]) -> Vec<String> {
    moves.iter().flat_map(|m| m.sql.clone()).collect()
}

fn taking_away(table: &PgId, sql: Vec<String>) -> Move {
    Move {
        words: format!("take the view with the old names away from {}", quote::qualified(&table.parts())),
        sql,
        reason: "no running application says the old names".to_owned(),
        recipe: Some(rename_view::NAME),
        hazards: Vec::new(),
        undo: None,
        source: None,
    }
}

fn back_to_old_names<'a>(scene: &Scene<'a>, moves: Vec<Move>) -> Leg<'a> {
    let (from, gate) = (Waypoint::lent(scene.from), "says the old names, for the desired schema is another one now");
    let leg = Leg::between(Phase::Contract, Waypoint::lent(scene.read), from.clone(), from);
    Leg { gates: [gate.to_owned()].into(), moves, ..leg }
}

fn final_rename(rename: &Rename) -> Move {
    Move {
        words: rename.words.clone(),
        sql: rename.sql.clone(),
        reason: rename.reason.to_owned(),
        recipe: Some(rename_view::NAME),
        hazards: Vec::new(),
        undo: None,
        source: rename.origin.clone(),
    }
}

fn at_once(rename: &Rename, why: Option<&str>) -> Move {
    let mut step = final_rename(rename);
    step.recipe = None;
    if !is_quiet(rename.to.kind) && !rename.is_along() {
        let why = why.map(|w| format!(", as {w}")).unwrap_or_default();
        let message = format!("statements that say {} fail from here on{why}", rename.from);
        step.hazards.push(Hazard { kind: HazardKind::BreaksApplication, message });
    }
    step
}
