//! The layout of 1.0: a folder for each migration, with the time in its name. It goes by names: what is not recorded runs.

use super::{hash, pieces, table};
use crate::names::time_of;
use crate::{Dialect, Files, Migration, Trouble};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The folders that hold a file of the tool.
pub(super) fn all(files: &Files) -> impl Iterator<Item = &str> {
    files.iter().filter_map(|(path, _)| path.strip_suffix("/migration.sql")).filter(|folder| !folder.contains('/'))
}

/// The time in the name, as the tool records it.
fn millis(folder: &str) -> Option<i64> {
    time_of(folder.get(..14)?)?.unix_timestamp().checked_mul(1000)
}

/// The order of names: JavaScript's `localeCompare`, as far as it goes for letters of ASCII.
fn key(folder: &str) -> (Vec<(u8, char)>, String) {
    let rank = |c: char| match c {
        '_' => 0,
        '-' => 1,
        c if c.is_ascii_digit() => 3,
        c if c.is_alphabetic() => 4,
        _ => 2,
    };
    (folder.chars().map(|c| (rank(c), c.to_ascii_lowercase())).collect(), folder.to_owned())
}

pub(super) fn read(files: &Files) -> Result<Vec<Migration>, Trouble> {
    let mut trouble = Vec::new();
    let mut folders: Vec<&str> = all(files).collect();
    folders.sort_by_key(|f| key(f));
    for (path, _) in files.iter() {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let looks = path.ends_with(".sql") || path.ends_with("/snapshot.json");
        if looks && !folders.contains(&folder) {
            let words = format!("{path} is passed over by Drizzle: it takes NAME/migration.sql only");
            trouble.extend(
                Trouble::at(files, path, 1, "ignored-migration", words)
                    .help("move it out of the folder, or rename it")
                    .0,
            );
        }
    }
    let mut migrations = Vec::new();
    for folder in folders {
        let path = format!("{folder}/migration.sql");
        if millis(folder).is_none() {
            let words = format!("{folder} does not begin with a time of 14 digits, which Drizzle records");
            trouble.extend(Trouble::at(files, &path, 1, "bad-name", words).help("name it 20261122103000_name").0);
            continue;
        }
        match pieces(files, &path) {
            Ok((up, transaction)) => migrations.push(Migration {
                version: folder[..14].to_owned(),
                name: folder[14..].trim_start_matches('_').to_owned(),
                file: path,
                transaction,
                up,
                down: None,
                down_transaction: false,
            }),
            Err(bad) => trouble.extend(bad.0),
        }
    }
    if trouble.is_empty() { Ok(migrations) } else { Err(Trouble(trouble)) }
}

pub(super) fn baseline(files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Vec<String>, Trouble> {
    let dialect = files.dialect();
    let table = table(dialect);
    let columns = match dialect {
        Dialect::Postgres => {
            "id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint, name text, applied_at timestamp with time zone \
             DEFAULT now()"
        }
        Dialect::Sqlite => "id INTEGER PRIMARY KEY, hash text NOT NULL, created_at numeric, name text, applied_at TEXT",
    };
    // Of PostgreSQL the table has a default for it.
    let (applied, time) = match dialect {
        Dialect::Postgres => ("", String::new()),
        Dialect::Sqlite => (", applied_at", format!(", '{}'", now.format(&Rfc3339).unwrap_or_default())),
    };
    let mut sql = vec![format!("CREATE TABLE IF NOT EXISTS {table} ({columns})")];
    for one in done {
        let folder = one.file.strip_suffix("/migration.sql").unwrap_or(&one.file);
        sql.push(format!(
            "INSERT INTO {table} (hash, created_at, name{applied}) SELECT {}, {}, {name}{time} WHERE NOT EXISTS \
             (SELECT 1 FROM {table} AS there WHERE there.name = {name})",
            dialect.literal(&hash(files, &one.file)?),
            millis(folder).unwrap_or_default(),
            name = dialect.literal(folder),
        ));
    }
    Ok(sql)
}
