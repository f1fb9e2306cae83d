//! A data directory in one file.
//!
//! Reading one file and writing some hundred is faster than copying some hundred, and a single file is complete or is not
//! there: the cache needs no further care. The three databases of a fresh cluster are the same but for a few files, so
//! equal contents are kept once.

use crate::ScratchError;
use crate::account::Account;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, chown, fchown};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// The first bytes of a pack; the digits are the number of the format.
const MAGIC: &[u8; 8] = b"UPGPACK1";

/// What a pack holds, ahead of the contents.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    /// The folders, each after its parent.
    folders: Vec<String>,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: String,
    /// Where the content begins, counted from the end of the index, in bytes.
    offset: u64,
    /// The length of the content without the zeros at its end, in bytes.
    stored: u64,
    /// The length of the file, in bytes.
    length: u64,
}

/// Writes the files of `folder` whose path in it `keep` accepts.
pub(crate) fn write(folder: &Path, keep: &dyn Fn(&str) -> bool, to: &mut File) -> io::Result<()> {
    let mut index = Index::default();
    let mut contents = Vec::new();
    let mut seen = HashMap::new();
    add_folder(folder, "", keep, &mut index, &mut contents, &mut seen)?;
    let index = postcard::to_stdvec(&index).map_err(io::Error::other)?;
    to.write_all(MAGIC)?;
    to.write_all(&(index.len() as u64).to_le_bytes())?;
    to.write_all(&index)?;
    to.write_all(&contents)
}

fn add_folder(
    folder: &Path,
    within: &str,
    keep: &dyn Fn(&str) -> bool,
    index: &mut Index,
    contents: &mut Vec<u8>,
    seen: &mut HashMap<Vec<u8>, u64>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| invalid("a file's name is not UTF-8"))?;
        let path = if within.is_empty() { name } else { format!("{within}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            index.folders.push(path.clone());
            add_folder(&entry.path(), &path, keep, index, contents, seen)?;
        } else if kind.is_file() && keep(&path) {
            let mut content = fs::read(entry.path())?;
            let length = content.len() as u64;
            content.truncate(content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            let stored = content.len() as u64;
            let end = contents.len() as u64;
            let offset = *seen.entry(content).or_insert_with_key(|content| {
                contents.extend_from_slice(content);
                end
            });
            index.files.push(Entry { path, offset, stored, length });
        }
    }
    Ok(())
}

/// A pack read from a file that checked out.
pub(crate) struct Pack {
    bytes: Vec<u8>,
    start: usize,
    index: Index,
}

impl Pack {
    pub fn read(mut file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.read_to_end(&mut bytes)?;
        let head = bytes.get(..16).filter(|head| head[..8] == MAGIC[..]).ok_or_else(|| invalid("it is no pack"))?;
        let length = head[8..].try_into().map(u64::from_le_bytes).map_err(io::Error::other)?;
        let start = usize::try_from(length).ok().and_then(|length| length.checked_add(16));
        let start = start.filter(|start| *start <= bytes.len()).ok_or_else(|| invalid("it is cut off"))?;
        let index: Index = postcard::from_bytes(&bytes[16..start]).map_err(io::Error::other)?;
        let pack = Self { bytes, start, index };
        let paths = pack.index.folders.iter().chain(pack.index.files.iter().map(|entry| &entry.path));
        for path in paths {
            if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(invalid("a path leads out of it"));
            }
        }
        if pack.index.files.iter().any(|entry| pack.range(entry).is_none()) {
            return Err(invalid("it is cut off"));
        }
        Ok(pack)
    }

    fn range(&self, entry: &Entry) -> Option<Range<usize>> {
        let from = self.start.checked_add(usize::try_from(entry.offset).ok()?)?;
        let to = from.checked_add(usize::try_from(entry.stored).ok()?)?;
        (to <= self.bytes.len() && entry.stored <= entry.length).then_some(from..to)
    }

    /// Writes the files into the empty folder `to`, as those of `account`, until `cancelled`.
    pub fn unpack(&self, to: &Path, account: Option<&Account>, cancelled: &AtomicBool) -> Result<(), ScratchError> {
        for folder in &self.index.folders {
            let path = to.join(folder);
            DirBuilder::new().mode(0o700).create(&path).map_err(|error| ScratchError::io("create", &path, error))?;
        }
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(entry) = self.index.files.get(next.fetch_add(1, Ordering::Relaxed)) {
                if cancelled.load(Ordering::SeqCst) {
                    return Err(ScratchError::Interrupted);
                }
                let path = to.join(&entry.path);
                self.unpack_file(entry, &path, account).map_err(|error| ScratchError::io("write", &path, error))?;
            }
            Ok(())
        };
        let threads = thread::available_parallelism().map_or(1, |number| number.get().min(4));
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            let joined =
                others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.fold(own, Result::and)
        })?;
        if let Some(account) = account {
            // The files already belong to the account; up to here only we could enter.
            for path in self.index.folders.iter().map(|folder| to.join(folder)).chain([to.to_path_buf()]) {
                chown(&path, Some(account.uid), Some(account.gid))
                    .map_err(|error| ScratchError::io("change the owner of", &path, error))?;
            }
        }
        Ok(())
    }

    fn unpack_file(&self, entry: &Entry, path: &Path, account: Option<&Account>) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        let range = self.range(entry).ok_or_else(|| invalid("it is cut off"))?;
        file.write_all(&self.bytes[range])?;
        if entry.stored < entry.length {
            file.set_len(entry.length)?;
        }
        match account {
            Some(account) => fchown(&file, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_packed() {
        let root = tempfile::tempdir().unwrap();
        let (from, to, file) = (root.path().join("from"), root.path().join("to"), root.path().join("pack"));
        fs::create_dir_all(from.join("base/1")).unwrap();
        fs::create_dir_all(from.join("empty")).unwrap();
        fs::create_dir(&to).unwrap();
        let zeros_after = [b"page".as_slice(), &[0; 8188]].concat();
        for (name, content) in [("base/1/a", &zeros_after[..]), ("b", &zeros_after), ("zero", &[0; 100]), ("none", b"")]
        {
            fs::write(from.join(name), content).unwrap();
        }
        fs::write(from.join("left-out"), "x").unwrap();
        write(&from, &|path| path != "left-out", &mut File::create(&file).unwrap()).unwrap();
        assert!(fs::metadata(&file).unwrap().len() < 500);

        let pack = Pack::read(File::open(&file).unwrap()).unwrap();
        pack.unpack(&to, None, &AtomicBool::new(false)).unwrap();
        assert_eq!(fs::read(to.join("base/1/a")).unwrap(), zeros_after);
        assert_eq!(fs::read(to.join("b")).unwrap(), zeros_after);
        assert_eq!(fs::read(to.join("zero")).unwrap(), [0; 100]);
        assert_eq!(fs::read(to.join("none")).unwrap(), b"");
        assert!(to.join("empty").is_dir() && !to.join("left-out").exists());

        let whole = fs::read(&file).unwrap();
        for length in [0, 7, 15, 20, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(Pack::read(File::open(&file).unwrap()).is_err(), "cut off at {length}");
        }
    }

    #[test]
    fn stops_when_cancelled() {
        let root = tempfile::tempdir().unwrap();
        let (from, to, file) = (root.path().join("from"), root.path().join("to"), root.path().join("pack"));
        fs::create_dir(&from).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("a"), "a").unwrap();
        write(&from, &|_| true, &mut File::create(&file).unwrap()).unwrap();
        let pack = Pack::read(File::open(&file).unwrap()).unwrap();
        let result = pack.unpack(&to, None, &AtomicBool::new(true));
        assert!(matches!(result, Err(ScratchError::Interrupted)));
    }
}
