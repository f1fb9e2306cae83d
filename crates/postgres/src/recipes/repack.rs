//! # pg_repack moves a table to another tablespace
//!
//! `SET TABLESPACE` copies a table under ACCESS EXCLUSIVE. With `--pg-repack` (or `pg_repack = true` in underpin.toml) a plan has the
//! command instead that makes pg_repack move it beside the traffic. Nothing else of a schema is its to change: columns, types, LOGGED,
//! access methods and partitions go the ways that they go without it.
//!
//! 1. The commands stand before all else, in a stage of their own, and `apply` runs none of them: it says them, changes nothing and ends
//!    with exit code 4. Run them, then apply again: the plan is made anew and begins behind them. A plan that was kept (`apply --plan`)
//!    looks whether they were run, and goes on behind them too; so does a script (`--output sql`), which stops where they were not.
//! 2. The rest of the plan is made, and proved, from the schema that the commands leave. The proof runs `ALTER TABLE … SET TABLESPACE`
//!    in their place.
//!
//! The words of a command: `--table` for a table, with `--moveidx` where all its indexes go to the same tablespace; `--index` for
//! indexes that go alone, be they a key's or not. `--no-order`, for the rows shall keep their order whatever the table is clustered on,
//! and `--no-kill-backend`, for no session of an application shall end for it: where the table does not get free in a minute the program
//! leaves it as it is, and can be run again. Host, port, user and database are those of the plan; where no database was asked (in files
//! of migrations, say) the environment tells them. A password is never among them: the program takes it from PGPASSWORD or the password
//! file. The line is quoted for a POSIX shell.
//!
//! In files of migrations (`underpin generate`) a file looks whether it was done: where the table has rows and is elsewhere it stops with
//! the command to be run, else it goes on with `SET TABLESPACE`, which has nothing left to do then, and which a database without rows
//! takes as it is. Where rows are there that nobody waits for (a database of tests with rows that migrations put in), a session with
//! `SET underpin.pg_repack = 'off'` does without the command. The way back is `SET TABLESPACE`.
//!
//! It needs the extension in the database (`CREATE EXTENSION pg_repack`, of the version of the program), a superuser, or the table's
//! owner with `--no-superuser-check` where the server lets it, and the room of the table and its indexes once more. An extension that is
//! there only for this may stay out of the desired SQL: with the option a plan leaves it alone, and what a run keeps in its schema
//! `repack`. For `drift` say `--exclude extension:pg_repack`. What is lacking is the warning `repack-needs-more`.
//!
//! It does not apply to unlogged and foreign tables, those with an access method other than heap, without a primary key or a unique
//! index over columns that are NOT NULL, with a deferrable key, with FORCE ROW LEVEL SECURITY, with a virtual generated column, with an
//! index that a failed build left, with a trigger of the name `repack_trigger`, where a publication is FOR ALL TABLES, to materialized
//! views, to what gets another name in the same plan, and to a table that is written anew for another reason too. These go the way that
//! they go without it, and the note `not-repacked` says why.
//!
//! Locks: ACCESS EXCLUSIVE on the table for an instant at the beginning and at the end; ACCESS SHARE between, so that changes of the
//! schema wait. Each write is logged by a trigger meanwhile.
//!
//! After a crash: `DROP EXTENSION pg_repack CASCADE` and `CREATE EXTENSION pg_repack` take away what a stopped run left, and the next plan
//! has the command again. Until then the warning `repack-left` names the table.
//!
//! Sources: pg_repack 1.4.8: its manual, and the views of its extension; run against 15.20.

use super::road::Wishes;
use super::shadow_found;
use super::shadow_table::Shadow;
use crate::objects::{ConstraintKind, Table, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Diagnostic, Object, Severity, Strategy};
use underpin_sql::{Sql, quote};

/// The recipe's name.
pub const NAME: &str = "pg-repack";

/// The extension that the program works with.
pub const EXTENSION: &str = "pg_repack";

/// The tablespace where a schema says none, in a database that was made without naming one.
pub const DEFAULT: &str = "pg_default";

/// A command of pg_repack, but for what says which database it is about.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its words.
    pub words: Vec<String>,
    /// The table that it locks.
    pub table: PgId,
    /// What it moves, and where: none is the database's own tablespace.
    pub moves: BTreeMap<PgId, Option<String>>,
    /// The database's own tablespace.
    pub own: String,
}

/// What pg_repack does of a plan.
#[derive(Debug, Default)]
pub struct Repacking {
    /// The commands, in order.
    pub commands: Vec<Command>,
    /// What it does not take, and why.
    pub findings: Vec<Diagnostic>,
}

impl Command {
    /// Statements that come to the same, under a strong lock, in a database whose own tablespace is [`DEFAULT`].
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        let space = |space: &Option<String>| space.clone().unwrap_or_else(|| DEFAULT.to_owned());
        let moved = |(id, to): (&PgId, &Option<String>)| {
            let alter = match id.kind {
                PgKind::Table => Sql::new("ALTER TABLE").name(&id.parts()),
                // A key's index has its name.
                _ => Sql::new("ALTER INDEX").name(&[id.part(0), id.last()]),
            };
            alter.kw("SET TABLESPACE").ident(&space(to)).build()
        };
        self.moves.iter().map(moved).collect()
    }

    /// A query that is true where the command was run.
    #[must_use]
    pub fn done(&self) -> String {
        let there = self.moves.iter().map(|(id, to)| {
            let name = if id.kind == PgKind::Table { id.parts() } else { vec![id.part(0), id.last()] };
            let name = quote::literal(&quote::qualified(&name));
            let space = quote::literal(to.as_deref().unwrap_or(&self.own));
            // What is in the database's own tablespace says 0 (manual, pg_class).
            format!(
                "EXISTS (SELECT FROM pg_catalog.pg_class c, pg_catalog.pg_tablespace s, pg_catalog.pg_database d WHERE c.oid = \
                 pg_catalog.to_regclass({name}) AND s.spcname = {space} AND d.datname = pg_catalog.current_database() AND \
                 c.reltablespace = CASE s.oid WHEN d.dattablespace THEN 0 ELSE s.oid END)"
            )
        });
        let there: Vec<String> = there.collect();
        format!("SELECT {}", there.join(" AND "))
    }

    /// A query that is true where there are no rows for which it would have to be run.
    #[must_use]
    pub fn needless(&self) -> String {
        format!("SELECT NOT EXISTS (SELECT FROM {})", quote::qualified(&self.table.parts()))
    }

    /// What it moves, in words, one change each.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let words = |(id, to): (&PgId, &Option<String>)| {
            format!("alter {id}: tablespace {}", to.as_deref().unwrap_or(&self.own))
        };
        self.moves.iter().map(words).collect()
    }
}

/// A schema after commands.
#[must_use]
pub fn repacked(catalog: &PgCatalog, commands: &[Command]) -> PgCatalog {
    let mut catalog = catalog.clone();
    for (id, space) in commands.iter().flat_map(|c| &c.moves) {
        match catalog.objects.get_mut(id) {
            Some(PgObject::Table(table)) => table.tablespace.clone_from(space),
            Some(PgObject::Index(index)) => index.tablespace.clone_from(space),
            Some(PgObject::Constraint(constraint)) => constraint.tablespace.clone_from(space),
            _ => {}
        }
    }
    catalog
}

/// What moves to another tablespace between two schemas, by pg_repack where it can. `renamed` are the old and new addresses of what gets
/// another name in the same plan, `own` is the database's own tablespace.
#[must_use]
pub fn repacking(dialect: &Postgres<'_>, wishes: &Wishes, renamed: &BTreeSet<PgId>, own: &str) -> Repacking {
    let (from, to) = (dialect.from, dialect.to);
    let mut found = Repacking::default();
    let is_sent = from.objects.values().any(|o| matches!(o, PgObject::Publication(p) if p.all_tables));
    let mut indexes: BTreeMap<PgId, BTreeMap<PgId, Option<String>>> = BTreeMap::new();
    for (id, object) in &to.objects {
        let Some(old) = from.objects.get(id) else { continue };
        match (old, object) {
            (PgObject::Table(a), PgObject::Table(b)) if is_stored(b) && a.tablespace != b.tablespace => {
                match why_not((from, renamed), id, (a, b), is_sent) {
                    Some(why) => found.findings.push(not_taken(id, &why)),
                    None => found.commands.push(table((from, to), id, b.tablespace.clone(), own)),
                }
            }
            (PgObject::MaterializedView(a), PgObject::MaterializedView(b)) if a.tablespace != b.tablespace => {
                found.findings.push(not_taken(id, "it takes tables only"));
            }
            _ => {
                if let Some((table, space)) = index_space(object)
                    .filter(|(_, space)| index_space(old).is_some_and(|(_, before)| before != *space))
                {
                    let table = table.cloned().unwrap_or_else(|| id.prefix(PgKind::Table, 2));
                    match why_not_index((from, renamed), (id, &table), old, object) {
                        Some(why) => found.findings.push(not_taken(id, &why)),
                        None => _ = indexes.entry(table).or_default().insert(id.clone(), space.cloned()),
                    }
                }
            }
        }
    }
    // What is copied for another reason goes there with the copy.
    let after = repacked(from, &found.commands);
    let anew = Postgres::new(dialect.server, dialect.strategy, dialect.user, &after, to, dialect.usings);
    let copied: BTreeSet<PgId> = match dialect.strategy {
        Strategy::Online => shadow_found::shadows(&anew, wishes).into_iter().map(|s| s.table).collect(),
        Strategy::Direct => BTreeSet::new(),
    };
    for command in found.commands.extract_if(.., |c| copied.contains(&c.table)) {
        found.findings.push(not_taken(&command.table, "it is written anew for another reason too"));
    }
    let taken: BTreeSet<PgId> = found.commands.iter().flat_map(|c| c.moves.keys().cloned()).collect();
    for (on, moves) in indexes {
        // What is copied has its indexes built in the copy.
        let moves: BTreeMap<_, _> =
            moves.into_iter().filter(|(id, _)| !taken.contains(id) && !copied.contains(&on)).collect();
        found.commands.extend(alone(&on, moves, own));
    }
    found
}

/// Whether the table has rows of its own.
fn is_stored(table: &Table) -> bool {
    table.partition_by.is_none() && table.foreign.is_none()
}

/// The table of an index that is an object of its own, and the tablespace of an index; nothing for what is none.
fn index_space(object: &PgObject) -> Option<(Option<&PgId>, Option<&String>)> {
    match object {
        PgObject::Index(index) if index.on.kind == PgKind::Table && !index.partitioned => {
            Some((Some(&index.on), index.tablespace.as_ref()))
        }
        PgObject::Constraint(constraint) if constraint.has_index() => Some((None, constraint.tablespace.as_ref())),
        _ => None,
    }
}

/// The indexes of a table, with those of its keys.
fn indexes_of<'a>(catalog: &'a PgCatalog, table: &PgId) -> Vec<(&'a PgId, &'a PgObject)> {
    let keys = parts_of(catalog, PgKind::Constraint, &table.parts()).into_iter();
    let keys = keys.filter(|(_, object)| matches!(object, PgObject::Constraint(c) if c.has_index()));
    let plain = catalog.objects.iter().filter(|(_, object)| matches!(object, PgObject::Index(i) if i.on == *table));
    keys.chain(plain).collect()
}

/// The command for a table.
fn table((from, to): (&PgCatalog, &PgCatalog), id: &PgId, space: Option<String>, own: &str) -> Command {
    let indexes = indexes_of(from, id);
    let goes = |(index, _): &(&PgId, &PgObject)| match to.objects.get(index).and_then(index_space) {
        Some((_, wanted)) => wanted == space.as_ref(),
        // One that goes may go from there.
        None => true,
    };
    let differs = |(index, object): &(&PgId, &PgObject)| {
        to.objects.contains_key(index) && index_space(object).is_some_and(|(_, is)| is != space.as_ref())
    };
    let all = indexes.iter().all(goes) && indexes.iter().any(differs);
    let mut moves = BTreeMap::from([(id.clone(), space.clone())]);
    let mut words = words_for("--table", [quote::qualified(&id.parts())], space.as_deref().unwrap_or(own));
    words.insert(0, "--no-order".to_owned());
    if all {
        moves.extend(indexes.iter().map(|(index, _)| ((*index).clone(), space.clone())));
        words.push("--moveidx".to_owned());
    }
    Command { words, table: id.clone(), moves, own: own.to_owned() }
}

/// The commands for indexes of a table that go without it.
fn alone(table: &PgId, moves: BTreeMap<PgId, Option<String>>, own: &str) -> Vec<Command> {
    let mut by_space: BTreeMap<Option<String>, Vec<PgId>> = BTreeMap::new();
    for (id, space) in moves {
        by_space.entry(space).or_default().push(id);
    }
    let commands = by_space.into_iter().map(|(space, ids)| {
        let names = ids.iter().map(|id| quote::qualified(&[id.part(0), id.last()]));
        Command {
            words: words_for("--index", names, space.as_deref().unwrap_or(own)),
            table: table.clone(),
            moves: ids.iter().map(|id| (id.clone(), space.clone())).collect(),
            own: own.to_owned(),
        }
    });
    commands.collect()
}

fn words_for(option: &str, names: impl IntoIterator<Item = String>, space: &str) -> Vec<String> {
    let mut words = vec!["--no-kill-backend".to_owned()];
    words.extend(names.into_iter().flat_map(|name| [option.to_owned(), name]));
    // The program takes the name as it is.
    words.extend(["--tablespace".to_owned(), space.to_owned()]);
    words
}

fn not_taken(id: &PgId, why: &str) -> Diagnostic {
    Diagnostic::new(Severity::Note, "not-repacked", format!("pg_repack does not move {id}: {why}"))
        .note("it moves as it does without --pg-repack")
        .about(id.parts().into_iter().map(str::to_owned).collect())
}

/// Why pg_repack does not take a table.
fn why_not(
    (from, renamed): (&PgCatalog, &BTreeSet<PgId>),
    id: &PgId,
    (old, new): (&Table, &Table),
    is_sent: bool,
) -> Option<String> {
    let parts = |kind: PgKind| parts_of(from, kind, &id.parts());
    let is_virtual =
        |object: &PgObject| matches!(object, PgObject::Column(c) if c.generated.as_ref().is_some_and(|g| !g.stored));
    let indexes = indexes_of(from, id);
    let why = match () {
        () if is_renamed(renamed, id) => "it gets another name in the same plan",
        () if !is_stored(old) => "it has no rows of its own yet",
        () if old.unlogged || new.unlogged => "it takes no unlogged tables",
        () if old.access_method.is_some() || new.access_method.is_some() => "it would write the rows as a heap",
        () if old.force_row_security => "FORCE ROW LEVEL SECURITY may hide rows from it",
        () if is_sent => "a publication is FOR ALL TABLES, and would be sent the table that it fills",
        () if from.objects.contains_key(&Shadow::of(id)) => "a copy of it is under way",
        () if parts(PgKind::Column).into_iter().any(|(_, column)| is_virtual(column)) => {
            "it has a virtual generated column"
        }
        () if parts(PgKind::Trigger).into_iter().any(|(trigger, _)| trigger.last() == "repack_trigger") => {
            "it has a trigger of the name repack_trigger"
        }
        () if indexes.iter().any(|(_, o)| matches!(o, PgObject::Index(i) if !i.valid)) => {
            "it has an index that a failed build left"
        }
        () if indexes.iter().any(|(_, o)| matches!(o, PgObject::Constraint(c) if c.deferrable)) => {
            "rows may be equal in its deferrable key for a while"
        }
        () if !indexes.iter().any(|(index, object)| is_key(from, index, object)) => {
            "it has no primary key and no unique index over columns that are NOT NULL"
        }
        () => return None,
    };
    Some(why.to_owned())
}

/// Why it does not take an index that goes without its table.
fn why_not_index(
    (from, renamed): (&PgCatalog, &BTreeSet<PgId>),
    (id, table): (&PgId, &PgId),
    old: &PgObject,
    new: &PgObject,
) -> Option<String> {
    let why = match () {
        () if is_renamed(renamed, id) || is_renamed(renamed, table) => "it gets another name in the same plan",
        () if matches!(old, PgObject::Index(index) if !index.valid) => "a failed build left it",
        () if old.compare(new).iter().any(|attribute| attribute.name != "tablespace") => {
            "more than its tablespace changes"
        }
        () if !matches!(from.objects.get(table), Some(PgObject::Table(t)) if is_stored(t)) => {
            "it is a partitioned table's"
        }
        () => return None,
    };
    Some(why.to_owned())
}

/// Whether a name on the way to it is another one on one of the sides.
fn is_renamed(renamed: &BTreeSet<PgId>, id: &PgId) -> bool {
    let schema = PgId::new(PgKind::Schema, [id.part(0)]);
    [id, &id.prefix(PgKind::Table, 2), &schema].into_iter().any(|id| renamed.contains(id))
}

/// Whether the program can tell rows from each other by an index.
fn is_key(catalog: &PgCatalog, id: &PgId, object: &PgObject) -> bool {
    let is_not_null = |column: &PgId| matches!(catalog.objects.get(column), Some(PgObject::Column(c)) if c.not_null);
    let columns = || catalog.needs(id).filter(|need| need.kind == PgKind::Column);
    let unique = match object {
        PgObject::Constraint(c) => {
            matches!(c.kind, ConstraintKind::Primary | ConstraintKind::Unique)
                && !c.definition.contains("WITHOUT OVERLAPS")
        }
        PgObject::Index(index) => index.unique && index.valid && index.is_whole() && !index.has_expressions(),
        _ => false,
    };
    unique && columns().next().is_some() && columns().all(is_not_null)
}
