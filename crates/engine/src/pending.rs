//! Contracts that wait: files in `pending-contract/NAME/` beside the folder that the tool scans, so that no pipeline can run past
//! a gate. They are plain SQL, and are brought out as the tool's own files by `generate --contract NAME`.

use crate::EngineError;
use std::fs;
use std::path::{Path, PathBuf};
use underpin_migrations::{Dialect, Down, Files, Migration, Mode, New, header, joined, named};

/// The folder's name.
pub(crate) const FOLDER: &str = "pending-contract";

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

fn bad(path: &Path, why: impl std::fmt::Display) -> EngineError {
    EngineError::input("bad-pending-contract", format!("{} cannot be read: {why}", path.display()))
}

/// All contracts that wait beside `migrations`, in the order of their names.
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
        let file = path.join("contract.json");
        let text = fs::read_to_string(&file).map_err(|e| bad(&file, e))?;
        let manifest: Manifest = serde_json::from_str(&text).map_err(|e| bad(&file, e))?;
        if manifest.migrations != own_name(migrations) {
            continue;
        }
        let (mut migrations, mut files) = (Vec::new(), Vec::new());
        for entry in manifest.files {
            let file = path.join(&entry.file);
            files.push(file.clone());
            let text = fs::read_to_string(&file).map_err(|e| bad(&file, e))?;
            let statement = |s: underpin_sql::Statement| text[s.span].to_owned();
            migrations.push(New {
                slug: entry.name,
                summary: entry.summary,
                mode: mode(entry.transaction),
                up: underpin_sql::split(&text).statements.into_iter().map(statement).collect(),
                down: match entry.cannot {
                    Some(why) => Down::Cannot(why),
                    None => Down::By { mode: mode(entry.down_transaction), sql: entry.down },
                },
                done: entry.done,
            });
        }
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        found.push(Pending { name, path, made: manifest.made, migrations, files });
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
        written.push((path.join(&file), format!("{}\n{}", header(&head, "--"), joined(&new.up))));
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
        });
    }
    let manifest = Manifest { migrations: own_name(migrations), made, files: entries };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| EngineError::Failure(e.to_string()))?;
    written.push((path.join("contract.json"), text + "\n"));
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
