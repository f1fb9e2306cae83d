//! The next files of a folder of migrations: the folder is replayed, the road from there to the desired schema is planned and proved,
//! and comes out as files of the tool, with a way back for each that has one. What stands behind a gate waits beside the folder.

use crate::desired::read_back;
use crate::dev::DevDatabase;
use crate::files::FileTexts;
use crate::ground::as_built;
use crate::history::History;
use crate::judged::judged;
use crate::new_files::{self, Draft};
use crate::pending::{self, Pending};
use crate::plan::between;
use crate::side::{There, Workshop, likeness_of_files};
use crate::source::MigrationsDir;
use crate::taken_back;
use crate::{Dialect, EngineError, Settings};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use underpin_migrations::{Down, Mode, New, slug};
use underpin_model::{Diagnostic, Hazard, HazardKind, Phase, Plan, Run, Severity, Step};
use underpin_postgres::{PgCatalog, RUNNER, server_of};

/// What is to be generated.
#[derive(Debug, Clone)]
pub struct Request {
    /// The folder of migrations.
    pub folder: MigrationsDir,
    /// What the change is called; the files are named by it.
    pub name: String,
    /// The time, for versions that are times.
    pub now: OffsetDateTime,
    /// The hazards that may be.
    pub allowed: BTreeSet<HazardKind>,
}

/// What came of it.
#[derive(Debug)]
pub struct Generated {
    /// The plan that the files hold; empty where there is nothing to do. None where no plan was made.
    pub plan: Option<Plan>,
    /// The texts of the desired SQL, for messages.
    pub texts: FileTexts,
    /// The files that were written, in order.
    pub written: Vec<PathBuf>,
    /// The folders that were removed.
    pub removed: Vec<PathBuf>,
    /// What the team has to know so that the tool runs the files as planned.
    pub advice: Vec<String>,
    /// The contracts that wait, by name.
    pub waiting: Vec<String>,
    /// Findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// The files to write once all is proved.
#[derive(Default)]
pub(crate) struct Output {
    pub files: Vec<(PathBuf, String)>,
    pub removed: Vec<PathBuf>,
}

impl Output {
    /// Writes them: each under another name first, so that what cannot be written leaves nothing behind. A folder that goes
    /// goes last.
    pub fn write(self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), EngineError> {
        let failed = |path: &Path, e: &std::io::Error| {
            EngineError::Usage(format!("{} cannot be written, so that nothing was: {e}", path.display()))
        };
        let aside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".underpin-new");
            PathBuf::from(name)
        };
        let mut made = Vec::new();
        let mut all = || {
            for (path, text) in &self.files {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
                }
                made.push(aside(path));
                fs::write(aside(path), text).map_err(|e| failed(path, &e))?;
            }
            Ok::<(), EngineError>(())
        };
        if let Err(error) = all() {
            made.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(error);
        }
        for (path, _) in &self.files {
            fs::rename(aside(path), path).map_err(|e| failed(path, &e))?;
        }
        for path in &self.removed {
            fs::remove_dir_all(path).map_err(|e| failed(path, &e))?;
            // Where it was the last, nothing waits any more.
            if let Some(parent) = path.parent() {
                let _ = fs::remove_dir(parent);
            }
        }
        Ok((self.files.into_iter().map(|(path, _)| path).collect(), self.removed))
    }
}

/// Runs migrations on a database that underpin wrote itself.
pub(crate) fn run(
    history: &History,
    database: &mut DevDatabase<'_>,
    news: &[New],
    trust: bool,
) -> Result<(), EngineError> {
    pending::as_read(news, &[])?.iter().try_for_each(|m| history.up(database, m, trust))
}

/// Runs what waits, in its order.
pub(crate) fn run_waiting(
    history: &History,
    database: &mut DevDatabase<'_>,
    waiting: &[Pending],
    trust: bool,
) -> Result<(), EngineError> {
    for contract in waiting {
        let read = pending::as_read(&contract.migrations, &contract.files)?;
        read.iter()
            .try_for_each(|m| history.up(database, m, trust))
            .map_err(|error| too_early(error, std::slice::from_ref(contract)))?;
    }
    Ok(())
}

/// Plans the next migrations, proves them and writes their files.
///
/// # Errors
/// When a side cannot be read, the plan cannot be proved or is refused, or a file cannot be written.
pub fn generate(settings: &Settings, request: &Request) -> Result<Generated, EngineError> {
    match settings.of_dialect()? {
        Dialect::Postgres => {}
        Dialect::Sqlite => return crate::sqlite::generate(settings, request),
    }
    let Some(schema) = &settings.schema else {
        return Err(EngineError::Usage(
            "no desired schema was given; name it with --schema, on the command line or in underpin.toml".to_owned(),
        ));
    };
    if settings.quarantine.is_some() || settings.versioned_views.is_some() {
        return Err(EngineError::Usage(
            "--quarantine and --versioned-views go with plans that underpin applies itself; files of migrations know neither the day \
             on which something is due nor the version that a database has seen\nnext: leave them out, or use `underpin apply`"
                .to_owned(),
        ));
    }
    let name = checked_name(&request.name)?;
    let history = History::read(&request.folder, Dialect::Postgres.into())?;
    let waiting = pending::read(&request.folder.path)?;
    if waiting.iter().any(|p| p.name == name) {
        return Err(EngineError::Usage(format!(
            "a contract of the name {name} waits in {}; give this change another name",
            pending::folder(&request.folder.path).display()
        )));
    }
    let trust = settings.trust_sql;
    let workshop = Workshop::new(settings, likeness_of_files());
    let mut database = history.replayed(&workshop)?;
    let start = history.without_own_objects(read_back(&mut database)?)?;
    let server = server_of(&mut database.loader)?;
    // What waits is planned from as if it had been: it comes before whatever is planned now ends.
    let from = if waiting.is_empty() {
        start.clone()
    } else {
        let mut after = history.replayed(&workshop)?;
        run_waiting(&history, &mut after, &waiting, trust)?;
        history.without_own_objects(read_back(&mut after)?)?
    };
    let (desired, texts) = workshop.desired(schema)?;
    let back = taken_back::reversed(&desired.said);
    let there = There { live: None, server: server.clone(), user: RUNNER.to_owned(), catalog: from };
    let (made, to) = between(settings, &workshop, (there, desired, texts), true)?;
    let names = |waiting: &[Pending]| waiting.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    let mut diagnostics: Vec<Diagnostic> = waiting.iter().flat_map(Pending::told).collect();
    diagnostics.extend(made.plan.diagnostics.iter().cloned());
    if made.plan.is_empty() {
        let waiting = names(&waiting);
        return Ok(Generated {
            plan: Some(made.plan),
            texts: made.texts,
            written: Vec::new(),
            removed: Vec::new(),
            advice: Vec::new(),
            waiting,
            diagnostics,
        });
    }
    refuse("the plan", made.plan.refused(&request.allowed))?;
    let mut before = start;
    // The schemas before and after each draft.
    let mut states: Vec<(PgCatalog, PgCatalog)> = Vec::new();
    let mut drafts: Vec<(Phase, Draft)> = Vec::new();
    // For each contract, the number of its first draft.
    let mut gates: Vec<usize> = Vec::new();
    for stage in &made.plan.stages {
        if stage.gate.is_some() {
            if gates.is_empty() && !waiting.is_empty() {
                run_waiting(&history, &mut database, &waiting, trust)?;
                before = history.without_own_objects(read_back(&mut database)?)?;
            }
            gates.push(drafts.len());
        }
        for batch in &stage.batches {
            for draft in new_files::drafts(stage, batch, &mut database)? {
                run(&history, &mut database, std::slice::from_ref(&draft.new), trust)
                    .map_err(|error| too_early(error, &waiting))?;
                let after = history.without_own_objects(read_back(&mut database)?)?;
                states.push((std::mem::replace(&mut before, after.clone()), after));
                drafts.push((stage.phase, draft));
            }
        }
    }
    if gates.is_empty() {
        run_waiting(&history, &mut database, &waiting, trust)?;
    }
    let reached = history.without_own_objects(as_built(&mut database)?)?;
    let left = underpin_diff::diff(&reached, &to);
    if !left.is_empty() {
        return Err(not_reached(left.iter().map(|c| c.id().to_string())));
    }
    new_files::name(&name, &mut drafts);
    for ((_, draft), (before, after)) in drafts.iter_mut().zip(&states) {
        draft.new.down = taken_back::down(settings, &workshop, draft, (before, after), &server, &back)?;
    }
    let news: Vec<New> = drafts.into_iter().map(|(_, draft)| draft.new).collect();
    let lane = Lane { history: &history, workshop: &workshop, waiting: &waiting, gap: gates.first().copied() };
    let mut news = lane.proved_back(news, &states)?;
    let later = gates.first().map_or_else(Vec::new, |first| news.split_off(*first));
    let mut output = Output::default();
    let (advice, _) = write_now(&workshop, &history, &news, request, &mut output)?;
    let mut all = names(&waiting);
    let mut from = gates.first().copied().unwrap_or_default();
    let mut later = later.into_iter();
    for (n, until) in gates.iter().skip(1).copied().chain([usize::MAX]).enumerate() {
        if gates.is_empty() {
            break;
        }
        let own: Vec<New> = later.by_ref().take(until - from).collect();
        from = until;
        let name = if n == 0 { name.clone() } else { format!("{name}_{}", n + 1) };
        let made = request.now.unix_timestamp() + i64::try_from(n).unwrap_or_default();
        output.files.extend(pending::files(&request.folder.path, (&name, made), &own)?);
        all.push(name);
    }
    let (written, removed) = output.write()?;
    Ok(Generated { plan: Some(made.plan), texts: made.texts, written, removed, advice, waiting: all, diagnostics })
}

/// The name that files are called by.
pub(crate) fn checked_name(name: &str) -> Result<String, EngineError> {
    let slug = slug(name);
    if slug.is_empty() {
        return Err(EngineError::Usage(format!(
            "`{name}` names nothing: a name of a migration needs a letter of ASCII or a digit"
        )));
    }
    Ok(slug)
}

/// What is said of files that do not reach the desired schema; `left` is what is left to do.
pub(crate) fn not_reached(left: impl Iterator<Item = String>) -> EngineError {
    let mut told = Diagnostic::new(
        Severity::Error,
        "files-not-proved",
        "the files do not reach the desired schema when they are run as the tool runs them, so none were written",
    );
    for words in left.take(5) {
        told = told.note(format!("left to do: {words}"));
    }
    EngineError::Unproved(vec![told.help("please report this with both schemas")])
}

/// Policy judges before anything is written: a pipeline does not ask. `harm` is what it does not let through.
pub(crate) fn refuse<'a>(what: &str, harm: impl Iterator<Item = (&'a Step, &'a Hazard)>) -> Result<(), EngineError> {
    let (mut refused, mut kinds) = (Vec::new(), BTreeSet::new());
    for (step, hazard) in harm {
        refused.push(format!("{} ({}): {}", hazard.kind.name(), step.id, hazard.message));
        kinds.insert(hazard.kind.name());
    }
    if refused.is_empty() {
        return Ok(());
    }
    Err(EngineError::Refused(format!(
        "nothing was written, as {what} does harm that was not allowed:\n  {}\nnext: allow it by name with --allow {}",
        refused.join("\n  "),
        kinds.into_iter().collect::<Vec<_>>().join(",")
    )))
}

/// What is said where the new files need what a contract that waits does.
fn too_early(error: EngineError, waiting: &[Pending]) -> EngineError {
    match error {
        EngineError::Input(list) if !waiting.is_empty() => {
            let names: Vec<&str> = waiting.iter().map(|p| p.name.as_str()).collect();
            let told = Diagnostic::new(
                Severity::Error,
                "contract-waits",
                format!("this change cannot come before the contract that waits: {}", names.join(", ")),
            );
            let words = list.first().map(|d| d.message.clone()).unwrap_or_default();
            EngineError::Input(vec![told.note(words).help(format!(
                "bring it out first: underpin generate --contract {}",
                names.first().copied().unwrap_or_default()
            ))])
        }
        error => error,
    }
}

/// New migrations behind those that are there, with what waits before one of them.
struct Lane<'a> {
    history: &'a History,
    workshop: &'a Workshop<'a>,
    waiting: &'a [Pending],
    /// The number of the first that comes behind what waits.
    gap: Option<usize>,
}

impl<'a> Lane<'a> {
    /// The database behind so many of the new migrations.
    fn after(&self, news: &[New], count: usize) -> Result<DevDatabase<'a>, EngineError> {
        let trust = self.workshop.settings().trust_sql;
        let mut database = self.history.replayed(self.workshop)?;
        for (n, new) in news.iter().take(count).enumerate() {
            if self.gap == Some(n) {
                run_waiting(self.history, &mut database, self.waiting, trust)?;
            }
            run(self.history, &mut database, std::slice::from_ref(new), trust)?;
        }
        Ok(database)
    }

    /// Judges anew what somebody has edited since policy let it through; the heads of the files then say what they do by now.
    fn judge_edited(
        &self,
        chosen: &mut Pending,
        states: &[(PgCatalog, PgCatalog)],
        allowed: &BTreeSet<HazardKind>,
    ) -> Result<Vec<Diagnostic>, EngineError> {
        let (mut findings, mut steps) = (Vec::new(), Vec::new());
        for n in chosen.edited.clone() {
            let mut database = self.after(&chosen.migrations, n)?;
            let server = server_of(&mut database.loader)?;
            let (Some(new), Some((before, after))) = (chosen.migrations.get_mut(n), states.get(n)) else { continue };
            if new.mode == Mode::Alone && new.up.len() != 1 {
                let file = chosen.files.get(n).map_or_else(String::new, |file| file.display().to_string());
                let message = format!(
                    "{file} runs without a transaction, so that it holds one statement; it has {}",
                    new.up.len()
                );
                let told = Diagnostic::new(Severity::Error, "bad-pending-contract", message);
                return Err(EngineError::Input(vec![
                    told.help("move the others to a file of the contract that is run in a transaction"),
                ]));
            }
            let settings = self.workshop.settings();
            let judged = judged(settings, self.workshop, new, &mut database, (before, after), &server)?;
            new.summary = new_files::summary(&judged.stage, &judged.steps().cloned().collect::<Vec<_>>());
            new.done = match &new.up[..] {
                [sql] if new.mode == Mode::Alone => Some(new_files::done(&Step::new("", Run::Locked, Vec::new()), sql)),
                _ => None,
            };
            steps.extend(judged.steps().cloned());
            findings.extend(judged.findings);
        }
        let harm = steps.iter().flat_map(|s| s.hazards.iter().map(move |h| (s, h)));
        refuse("what was edited", harm.filter(|(_, h)| !allowed.contains(&h.kind)))?;
        Ok(findings)
    }

    fn read(&self, database: &mut DevDatabase<'_>) -> Result<PgCatalog, EngineError> {
        self.history.without_own_objects(read_back(database)?)
    }

    /// Takes new migrations back one by one and runs them again; `states` are the schemas before and after each. What does not lead
    /// back is said to have no way back. The head of each then says how it is taken back.
    fn proved_back(&self, mut news: Vec<New>, states: &[(PgCatalog, PgCatalog)]) -> Result<Vec<New>, EngineError> {
        let trust = self.workshop.settings().trust_sql;
        let mut database = self.after(&news, news.len())?;
        for n in (0..news.len()).rev() {
            let Down::By { mode, sql } = news[n].down.clone() else {
                database = self.after(&news, n)?;
                continue;
            };
            let way = New { mode, up: sql, ..news[n].clone() };
            let back = |database: &mut DevDatabase<'_>| {
                way.up.is_empty() || run(self.history, database, std::slice::from_ref(&way), trust).is_ok()
            };
            let (before, after) = &states[n];
            if !back(&mut database) || !underpin_diff::diff(&self.read(&mut database)?, before).is_empty() {
                let why = "the way back was planned, but does not lead to the schema from before";
                news[n].down = Down::Cannot(why.to_owned());
                database = self.after(&news, n)?;
                continue;
            }
            let again = run(self.history, &mut database, std::slice::from_ref(&news[n]), trust);
            if again.is_err() || !underpin_diff::diff(&self.read(&mut database)?, after).is_empty() {
                return Err(not_again(&news[n]));
            }
            // What waits stands before this one only.
            if self.gap == Some(n) && !self.waiting.is_empty() || !back(&mut database) {
                database = self.after(&news, n)?;
            }
        }
        news.iter_mut().for_each(say_undo);
        Ok(news)
    }
}

/// Has the head of a migration say how it is taken back.
pub(crate) fn say_undo(new: &mut New) {
    new.summary.retain(|line| !line.starts_with("Undo: "));
    let undo = match &new.down {
        Down::Cannot(why) => format!("Undo: cannot be: {why}"),
        Down::By { sql, .. } if sql.is_empty() => "Undo: nothing to take back".to_owned(),
        Down::By { .. } => "Undo: the down side, which was run".to_owned(),
    };
    new.summary.push(undo);
}

/// What is said of a migration that was taken back and does not run again.
pub(crate) fn not_again(new: &New) -> EngineError {
    let message = format!(
        "run, taken back and run again, the migration {} does not make the same schema, so nothing was written",
        new.slug
    );
    EngineError::Unproved(vec![
        Diagnostic::new(Severity::Error, "files-not-proved", message).help("please report this"),
    ])
}

/// The tool's files, read back and replayed where they are SQL: what the team has to know, and the folder with them.
pub(crate) fn write_now(
    workshop: &Workshop<'_>,
    history: &History,
    news: &[New],
    request: &Request,
    output: &mut Output,
) -> Result<(Vec<String>, Option<History>), EngineError> {
    if news.is_empty() {
        return Ok((Vec::new(), None));
    }
    let (written, whole) = history.with(news, request.now)?;
    let new = &whole.migrations[history.migrations.len()..];
    if new.iter().all(|m| !m.up.is_empty()) {
        let trust = workshop.settings().trust_sql;
        let mut database = history.replayed(workshop)?;
        for migration in new {
            whole.up(&mut database, migration, trust)?;
        }
        let read = history.without_own_objects(read_back(&mut database)?)?;
        let mut other = history.replayed(workshop)?;
        run(history, &mut other, news, trust)?;
        let meant = history.without_own_objects(read_back(&mut other)?)?;
        if let Some(change) = underpin_diff::diff(&read, &meant).first() {
            return Err(history.otherwise(&change.id().to_string()));
        }
    }
    let root = &request.folder.path;
    output.files.extend(written.into_iter().map(|w| (root.join(w.path), w.text)));
    Ok((history.format.advice(history.files.dialect(), news), Some(whole)))
}

/// Brings a contract that waits out, as files of the tool.
///
/// # Errors
/// When there is none of that name, it does not run behind what is there, or a file cannot be written.
pub fn contract(settings: &Settings, request: &Request) -> Result<Generated, EngineError> {
    match settings.of_dialect()? {
        Dialect::Postgres => {}
        Dialect::Sqlite => {
            return Err(EngineError::Usage(
                "plans for SQLite have one stage, so that no contract of theirs waits anywhere".to_owned(),
            ));
        }
    }
    let history = History::read(&request.folder, Dialect::Postgres.into())?;
    let mut waiting = pending::read(&request.folder.path)?;
    let Some(n) = waiting.iter().position(|p| p.name == request.name) else {
        let names: Vec<&str> = waiting.iter().map(|p| p.name.as_str()).collect();
        let there = if names.is_empty() { "none waits".to_owned() } else { format!("there are: {}", names.join(", ")) };
        return Err(EngineError::Usage(format!(
            "no contract of the name {} waits in {}; {there}",
            request.name,
            pending::folder(&request.folder.path).display()
        )));
    };
    let mut chosen = waiting.remove(n);
    let workshop = Workshop::new(settings, likeness_of_files());
    let lane = Lane { history: &history, workshop: &workshop, waiting: &[], gap: None };
    // It runs behind what is there by now, and is taken back from there.
    let mut database = history.replayed(&workshop)?;
    let mut before = lane.read(&mut database)?;
    let mut states = Vec::new();
    for migration in &pending::as_read(&chosen.migrations, &chosen.files)? {
        history.up(&mut database, migration, settings.trust_sql)?;
        let after = lane.read(&mut database)?;
        states.push((std::mem::replace(&mut before, after.clone()), after));
    }
    let mut diagnostics = chosen.told();
    diagnostics.extend(lane.judge_edited(&mut chosen, &states, &request.allowed)?);
    let news = lane.proved_back(chosen.migrations, &states)?;
    let mut output = Output { removed: vec![chosen.path], ..Output::default() };
    let (advice, _) = write_now(&workshop, &history, &news, request, &mut output)?;
    let (written, removed) = output.write()?;
    Ok(Generated {
        plan: None,
        texts: FileTexts::default(),
        written,
        removed,
        advice,
        waiting: waiting.into_iter().map(|p| p.name).collect(),
        diagnostics,
    })
}
