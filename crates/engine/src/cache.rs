//! The elaborated desired side, kept under a hash of all that it depends on, so that an unchanged side costs nothing.

use crate::Settings;
use crate::desired::Desired;
use crate::dev::{DevDb, Likeness};
use crate::files::SqlFiles;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use underpin_model::Fingerprint;

/// How many desired sides are kept; the oldest go.
const KEPT: usize = 64;

/// The place of a desired side in the cache.
pub(crate) struct Slot {
    file: PathBuf,
}

fn folder(settings: &Settings) -> Option<PathBuf> {
    let base = settings.cache_dir.clone().or_else(|| {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        var("UNDERPIN_CACHE")
            .or_else(|| var("XDG_CACHE_HOME").map(|c| c.join("underpin")))
            .or_else(|| var("HOME").map(|h| h.join(".cache/underpin")))
    })?;
    Some(base.join("desired"))
}

/// This very program: another build may read and write other objects.
fn program() -> String {
    let meta = std::env::current_exe().and_then(fs::metadata);
    let stamp =
        meta.ok().map(|m| (m.len(), m.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())));
    format!("{} {stamp:?}", env!("CARGO_PKG_VERSION"))
}

impl Slot {
    /// The place for these files on a private server like that; none where the cache is not to be used.
    pub fn find(settings: &Settings, likeness: &Likeness, files: &SqlFiles) -> Option<Self> {
        if !settings.use_cache || !matches!(settings.dev_db, DevDb::Auto) {
            return None;
        }
        let servers: Vec<String> = underpin_scratch::binaries::find()
            .iter()
            .map(|i| format!("{} {}", i.version, i.bin_dir.display()))
            .collect();
        // A tablespace that is missing is made when it is named.
        let Likeness { major, user, search_path, collate, ctype, encoding, time_zone, roles, tablespaces: _ } =
            likeness;
        let facts = [
            program(),
            servers.join(","),
            format!(
                "{major:?} {user} {search_path} {collate} {ctype} {encoding} {time_zone} {} {roles:?}",
                settings.trust_sql
            ),
        ];
        let key = Fingerprint::of_texts(facts.iter().map(String::as_str).chain(files.key_texts()));
        Some(Self { file: folder(settings)?.join(key.0) })
    }

    /// What is kept there; nothing where it is missing or cannot be read.
    pub fn read(&self) -> Option<Desired> {
        postcard::from_bytes(&fs::read(&self.file).ok()?).ok()
    }

    /// Keeps a desired side. A cache that cannot be written only costs time.
    pub fn write(&self, desired: &Desired) {
        let Ok(bytes) = postcard::to_stdvec(desired) else { return };
        let Some(folder) = self.file.parent() else { return };
        let _ = fs::create_dir_all(folder);
        let temporary = folder.join(format!(".{}", std::process::id()));
        let written = fs::File::create(&temporary)
            .and_then(|mut f| f.write_all(&bytes))
            .and_then(|()| fs::rename(&temporary, &self.file));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut all: Vec<_> =
            entries.flatten().filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path()))).collect();
        all.sort();
        for (_, old) in all.iter().rev().skip(KEPT) {
            let _ = fs::remove_file(old);
        }
    }
}
