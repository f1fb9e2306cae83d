//! Contracts that wait: files in `pending-contract/NAME/` beside the folder that the tool scans, so that no pipeline can run past
//! a gate. They are plain SQL, and are brought out as the tool's own files by `generate --contract NAME`.

use crate::EngineError;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use underpin_migrations::{Dialect, Down, Files, Migration, Mode, New, header, joined, named};
use underpin_model::{Diagnostic, Fingerprint, Severity, Span};

/// The folder's name.
pub(crate) const FOLDER: &str = "pending-contract";

/// What says which files a contract has, and what is to be known of them.
const MANIFEST: &str = "contract.json";

/// A contract that waits.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub name: String,
    /// Where its files are.
    pub path: PathBuf,
    /// When it was written, in seconds since 1970: contracts run in the order in which they were planned.
    pub made: i64,
    /// In their order.
    pub migrations: Vec<New>,
    /// The files of these.
    pub files: Vec<PathBuf>,
    /// Which of these hold other statements than were written, by their numbers.
    pub edited: BTreeSet<usize>,
}

impl Pending {
    /// What is told of files that somebody has edited since they were written.
    pub fn told(&self) -> Vec<Diagnostic> {
        let told = |n: &usize| {
            let file = self.files.get(*n)?;
            let message = format!("{} holds other statements than `generate` has written there", file.display());
            Some(
                Diagnostic::new(Severity::Warning, "contract-edited", message)
                    .note("it is run as it stands there by now; what it does and which harm it does was judged for what was written"),
            )
        };
        self.edited.iter().filter_map(told).collect()
    }
}

/// What stands beside the SQL, as `contract.json`.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// The name of the folder that the tool scans.
    migrations: String,
    /// When it was written, in seconds since 1970.
    made: i64,
    /// The files in their order.
    files: Vec<Entry>,
}

/// One file.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    name: String,
    summary: Vec<String>,
    transaction: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<String>,
    /// Why it cannot be taken back, or what takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cannot: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    down: Vec<String>,
    #[serde(default)]
    down_transaction: bool,
    /// The hash of its statements; what has none counts as edited.
    #[serde(default)]
    statements: Option<Fingerprint>,
}

/// The folder beside `migrations`.
pub(crate) fn folder(migrations: &Path) -> PathBuf {
    if migrations.file_name().is_some() {
        return migrations.parent().unwrap_or(Path::new("")).join(FOLDER);
    }
    // `.` and `a/..` do not say what holds them.
    let whole = migrations.canonicalize().unwrap_or_else(|_| migrations.to_owned());
    whole.parent().unwrap_or(Path::new("..")).join(FOLDER)
}

fn own_name(migrations: &Path) -> String {
    let whole = migrations.canonicalize().unwrap_or_else(|_| migrations.to_owned());
    whole.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

/// Contracts are of PostgreSQL, where a migration is in a transaction or one statement that must not be.
fn mode(transaction: bool) -> Mode {
    if transaction { Mode::Whole } else { Mode::Alone }
}

/// What is said where a contract cannot be read: where it is, why, and what is to be done.
fn bad(path: &Path, why: impl std::fmt::Display) -> EngineError {
    told(path, format!("{} cannot be read: {why}", path.display()), None)
}

fn told(path: &Path, message: String, place: Option<(usize, usize)>) -> EngineError {
    let span = place.map(|(line, column)| {
        let file = path.display().to_string();
        Span { file, line, column, start: 0, end: 0 }
    });
    let told = Diagnostic::new(Severity::Error, "bad-pending-contract", message)
        .at(span)
        .note(format!("what waits in {FOLDER}/ is planned from as if it had been run, so that nothing can be planned without it"))
        .help("take the folder from your version control as it was written; if it is no contract of underpin, move it elsewhere");
    EngineError::Input(vec![told])
}

/// The manifest of a folder.
fn manifest(folder: &Path) -> Result<Manifest, EngineError> {
    let file = folder.join(MANIFEST);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let message = format!("{} holds no {MANIFEST}, which says what waits there", folder.display());
            return Err(told(folder, message, None));
        }
        Err(e) => return Err(bad(&file, e)),
    };
    serde_json::from_str(&text).map_err(|e| {
        let place = (e.line() > 0).then(|| (e.line(), e.column().max(1)));
        told(&file, format!("{} is not as it was written: {e}", file.display()), place)
    })
}

/// The statements of a file.
fn statements_of(text: &str) -> Vec<String> {
    underpin_sql::split(text).statements.into_iter().map(|s| text[s.span].to_owned()).collect()
}

/// The hash of statements. What version control makes of line ends counts for nothing.
fn hash(statements: &[String]) -> Fingerprint {
    let plain: Vec<String> = statements.iter().map(|sql| sql.replace("\r\n", "\n")).collect();
    Fingerprint::of_texts(plain.iter().map(String::as_str))
}

/// Refuses a file of SQL that nobody would run, and that would go with the folder.
fn refuse_others(folder: &Path, manifest: &Manifest) -> Result<(), EngineError> {
    let known = |name: &str| name == MANIFEST || manifest.files.iter().any(|entry| entry.file == name);
    let entries = fs::read_dir(folder).map_err(|e| bad(folder, e))?;
    let mut others: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    let is_sql = |path: &PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
    others.retain(|path| is_sql(path) && path.file_name().is_none_or(|name| !known(&name.to_string_lossy())));
    others.sort();
    let Some(other) = others.first() else { return Ok(()) };
    let message = format!(
        "{} is no file of this contract: {MANIFEST} does not name it, so that it would never run",
        other.display()
    );
    Err(EngineError::Input(vec![
        Diagnostic::new(Severity::Error, "bad-pending-contract", message).help(
            "write its statements into a file of the contract, or move it elsewhere; the folder goes when the contract is brought out",
        ),
    ]))
}

/// All contracts that wait beside `migrations`, in the order in which they were planned.
pub(crate) fn read(migrations: &Path) -> Result<Vec<Pending>, EngineError> {
    let root = folder(migrations);
    if !root.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&root).map_err(|e| bad(&root, e))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_dir()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let manifest = manifest(&path)?;
        if manifest.migrations != own_name(migrations) {
            continue;
        }
        refuse_others(&path, &manifest)?;
        let (mut migrations, mut files, mut edited) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (n, entry) in manifest.files.into_iter().enumerate() {
            let Entry { file, name, summary, transaction, done, cannot, down, down_transaction, statements } = entry;
            let file = path.join(file);
            let text = fs::read_to_string(&file).map_err(|e| bad(&file, e))?;
            files.push(file);
            let up = statements_of(&text);
            if statements.is_none_or(|written| written != hash(&up)) {
                edited.insert(n);
            }
            migrations.push(New {
                slug: name,
                summary,
                mode: mode(transaction),
                up,
                down: match cannot {
                    Some(why) => Down::Cannot(why),
                    None => Down::By { mode: mode(down_transaction), sql: down },
                },
                done,
            });
        }
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        found.push(Pending { name, path, made: manifest.made, migrations, files, edited });
    }
    found.sort_by_key(|p| p.made);
    Ok(found)
}

/// The files of a contract, by their paths in the folder of all.
pub(crate) fn files(
    migrations: &Path,
    (name, made): (&str, i64),
    news: &[New],
) -> Result<Vec<(PathBuf, String)>, EngineError> {
    let path = folder(migrations).join(name);
    if path.exists() {
        return Err(EngineError::Usage(format!(
            "{} is there already, and may hold a contract of another folder of migrations; nothing was written\nnext: give this \
             change another name",
            path.display()
        )));
    }
    let mut entries = Vec::new();
    let mut written = Vec::new();
    for (n, new) in news.iter().enumerate() {
        let file = format!("{:02}_{}.sql", n + 1, new.slug);
        let wait = format!("This waits: no tool runs it here. `underpin generate --contract {name}` brings it out.");
        let mut head = vec![wait];
        head.extend(new.summary.iter().cloned());
        let text = format!("{}\n{}", header(&head, "--"), joined(&new.up));
        let statements = Some(hash(&statements_of(&text)));
        written.push((path.join(&file), text));
        let (cannot, down, down_transaction) = match &new.down {
            Down::Cannot(why) => (Some(why.clone()), Vec::new(), false),
            Down::By { mode, sql } => (None, sql.clone(), *mode == Mode::Whole),
        };
        entries.push(Entry {
            file,
            name: new.slug.clone(),
            summary: new.summary.clone(),
            transaction: new.mode == Mode::Whole,
            done: new.done.clone(),
            cannot,
            down,
            down_transaction,
            statements,
        });
    }
    let manifest = Manifest { migrations: own_name(migrations), made, files: entries };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| EngineError::Failure(e.to_string()))?;
    written.push((path.join(MANIFEST), text + "\n"));
    Ok(written)
}

/// New migrations of PostgreSQL as such that were read. `files` are where they stand.
pub(crate) fn as_read(news: &[New], places: &[PathBuf]) -> Result<Vec<Migration>, EngineError> {
    as_read_of(Dialect::Postgres, news, places)
}

/// New migrations as such that were read, so that they can be replayed by the same rules. They are cut into statements.
/// `files` are where they stand; those that are written nowhere yet are called by their names.
pub(crate) fn as_read_of(dialect: Dialect, news: &[New], places: &[PathBuf]) -> Result<Vec<Migration>, EngineError> {
    let plain = named("plain").ok_or_else(|| EngineError::Failure("there is no plain format".to_owned()))?;
    let files = Files::of(Path::new(""), dialect, []);
    let written = plain.write(&files, &[], news, time::OffsetDateTime::UNIX_EPOCH)?;
    let mut read = plain.read(&files.with(&written))?;
    for (n, migration) in read.iter_mut().enumerate() {
        let place =
            places.get(n).map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string());
        migration.file = place.unwrap_or_else(|| format!("the planned migration {}", news[n].slug));
        migration.up.iter_mut().for_each(|m| m.file.clone_from(&migration.file));
    }
    Ok(read)
}
