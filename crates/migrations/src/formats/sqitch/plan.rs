//! `sqitch.plan` and what `sqitch.conf` says of folders: changes, tags, and the hashes that the database knows them by.

use crate::text::hex;
use crate::{Files, Trouble};
use regex::Regex;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// A line of the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub name: String,
    /// Its line in the plan, from 1.
    pub line: usize,
    pub requires: Vec<String>,
    pub conflicts: Vec<String>,
    pub stamp: String,
    pub planner: String,
    pub email: String,
    pub note: String,
    /// The tags behind it; theirs have none.
    pub tags: Vec<Line>,
    /// The tag behind which a later change of the same name begins: it is part of the names of the files.
    pub reworked: Option<String>,
}

/// The plan, and where its scripts are.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub path: String,
    pub project: String,
    pub uri: Option<String>,
    pub changes: Vec<Line>,
    pub deploy: String,
    pub revert: String,
    pub extension: String,
    pub registry: String,
    pub user: Option<(String, String)>,
}

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^[ \t]*(@|\+)?[ \t]*([^\s@:#\\\[]+)[ \t]*(?:\[([^\]]+)\])?[ \t]*",
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)[ \t]*([^<]+?)[ \t]+<([^>]+)>$"
    ))
    .ok()
});
const PUNCTUATION: &str = "-!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~";

fn is_name(name: &str) -> bool {
    let is_sign = |c: Option<char>| c.is_none_or(|c| PUNCTUATION.contains(c));
    let tail = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_symbolic = tail.len() < name.len() && tail.ends_with(['~', '/', '=', '%', '^']);
    !is_sign(name.chars().next()) && !is_sign(name.chars().next_back()) && !is_symbolic
}

/// The settings that matter, as `section.key`; a section's own name in quotes is left out.
fn settings(files: &Files) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut section = String::new();
    for line in files.text("sqitch.conf").unwrap_or_default().lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name.split_whitespace().next().unwrap_or_default().to_lowercase();
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with(['#', ';'])
        {
            found.insert(format!("{section}.{}", key.trim().to_lowercase()), value.trim().trim_matches('"').to_owned());
        }
    }
    found
}

/// A folder's path with `/` behind it, out of `./deploy` and the like; that of the folder itself is empty.
fn folder(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path.is_empty() || path == "." { String::new() } else { format!("{path}/") }
}

/// A note, or a line of it, is written with escapes.
pub(super) fn unescaped(note: &str) -> String {
    let mut out = String::new();
    let mut chars = note.trim().chars();
    while let Some(c) = chars.next() {
        let next = chars.as_str().chars().next();
        match (c, next) {
            ('\\', Some(e @ ('n' | 'r' | '\\'))) => {
                chars.next();
                out.push(match e {
                    'n' => '\n',
                    'r' => '\r',
                    _ => '\\',
                });
            }
            _ => out.push(c),
        }
    }
    out
}

/// Where the plan is, if there is one.
pub(super) fn path(files: &Files) -> Option<String> {
    let set = settings(files);
    let top = folder(set.get("core.top_dir").map_or("", String::as_str));
    let named = set.get("core.plan_file").or_else(|| set.get("engine.plan_file"));
    let path = named.map_or(format!("{top}sqitch.plan"), |p| p.trim_start_matches("./").to_owned());
    [path, "sqitch.plan".to_owned()].into_iter().find(|p| files.bytes(p).is_some())
}

impl Plan {
    /// Reads the plan as the tool would, and finds all that is wrong with it.
    pub fn read(files: &Files) -> Result<Self, Trouble> {
        let Some(path) = path(files) else {
            let words = format!("{} is not there", files.shown("sqitch.plan"));
            return Err(Trouble::new("no-plan", words).help("`sqitch init NAME --engine pg` makes it"));
        };
        let set = settings(files);
        let value = |key: &str| {
            set.get(&format!("engine.{key}")).or_else(|| set.get(&format!("core.{key}"))).map(String::as_str)
        };
        let top = folder(value("top_dir").unwrap_or_default());
        let dir = |key: &str, name: &str| value(key).map_or(format!("{top}{name}/"), folder);
        let mut plan = Self {
            deploy: dir("deploy_dir", "deploy"),
            revert: dir("revert_dir", "revert"),
            extension: value("extension").unwrap_or("sql").to_owned(),
            registry: value("registry").unwrap_or("sqitch").to_owned(),
            user: set.get("user.name").cloned().zip(set.get("user.email").cloned()),
            path: path.clone(),
            ..Self::default()
        };
        let text = files.text(&path)?;
        let mut trouble = Vec::new();
        let mut wrong = |line: usize, code: &str, words: String| {
            trouble.extend(Trouble::at(files, &path, line, code, words).0);
        };
        let mut in_head = true;
        if text.starts_with('\u{feff}') {
            wrong(
                1,
                "bad-plan",
                format!("{path} begins with a byte order mark, which sqitch takes for a part of its first word"),
            );
        }
        for (n, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
            let (line, at) = (line.strip_suffix('\r').unwrap_or(line), n + 1);
            let (body, note) = line.split_once('#').map_or((line, ""), |(body, note)| (body, note));
            if body.trim().is_empty() {
                in_head &= !note.trim().is_empty();
                continue;
            }
            if in_head {
                let pragma = body.trim().strip_prefix('%').map(|p| p.split_once('=').unwrap_or((p, "")));
                match pragma.map(|(key, value)| (key.trim(), value.trim())) {
                    Some(("project", name)) => name.clone_into(&mut plan.project),
                    Some(("uri", uri)) => plan.uri = Some(uri.to_owned()),
                    Some(_) => {}
                    None => {
                        wrong(at, "bad-plan", "an empty line must stand between the pragmas and the changes".to_owned())
                    }
                }
            } else if let Err(words) = plan.add(body.trim_end(), note, at) {
                wrong(at, "bad-plan", words);
            }
        }
        for change in &plan.changes {
            let name = |need: &str| need.split('@').next().unwrap_or_default().to_owned();
            let is_there = |need: &&String| {
                need.contains(':') || need.starts_with('@') || plan.changes.iter().any(|c| c.name == name(need))
            };
            if let Some(need) = change.conflicts.iter().find(|need| !is_there(need)) {
                wrong(
                    change.line,
                    "bad-plan",
                    format!("{} conflicts with {need}, which is not in the plan", change.name),
                );
            }
        }
        if plan.project.is_empty() {
            wrong(1, "bad-plan", format!("{path} does not name its %project"));
        }
        if trouble.is_empty() { Ok(plan) } else { Err(Trouble(trouble)) }
    }

    fn add(&mut self, body: &str, note: &str, at: usize) -> Result<(), String> {
        let found = LINE.as_ref().and_then(|l| l.captures(body)).ok_or_else(|| {
            format!(
                "this is no change of a plan, which is `name [needs] 2026-11-22T10:30:00Z Name <mail> # note`: {body}"
            )
        })?;
        let part = |n: usize| found.get(n).map_or("", |m| m.as_str()).to_owned();
        let mut line = Line {
            name: part(2),
            line: at,
            stamp: part(4),
            planner: part(5),
            email: part(6),
            note: unescaped(note),
            ..Line::default()
        };
        if !is_name(&line.name) || matches!(line.name.as_str(), "ROOT" | "HEAD") {
            return Err(format!("{} cannot be the name of a change or a tag", line.name));
        }
        if found.get(1).is_some_and(|m| m.as_str() == "@") {
            let is_there = |c: &Line| c.tags.iter().any(|t| t.name == line.name);
            if self.changes.iter().any(is_there) {
                return Err(format!("the tag @{} is there twice", line.name));
            }
            let last = self.changes.last_mut().ok_or("a tag stands before the first change")?;
            last.tags.push(line);
            return Ok(());
        }
        for need in part(3).split_whitespace() {
            match need.strip_prefix('!') {
                Some(need) => line.conflicts.push(self.in_project(need)),
                None => line.requires.push(self.in_project(need)),
            }
        }
        for need in line.requires.iter().filter(|need| !need.contains(':')) {
            let (name, tag) = need.split_once('@').map_or((need.as_str(), None), |(n, t)| (n, Some(t)));
            let has_tag = |t: &str| self.changes.iter().any(|c| c.tags.iter().any(|l| l.name == t));
            let is_there = name.is_empty() || self.changes.iter().any(|c| c.name == name);
            let is_hash = need.len() == 40 && need.bytes().all(|b| b.is_ascii_hexdigit());
            let is_found = is_there && tag.is_none_or(|t| matches!(t, "HEAD" | "ROOT") || has_tag(t));
            if !is_hash && !is_found {
                return Err(format!("{} needs {need}, which is not above it", line.name));
            }
        }
        if let Some(before) = self.changes.iter().rposition(|c| c.name == line.name) {
            let tag = self.changes[before..].iter().flat_map(|c| &c.tags).next().map(|t| t.name.clone());
            if tag.is_none() {
                return Err(format!("the change {} is there twice, and no tag stands between", line.name));
            }
            self.changes[before].reworked = tag;
        }
        self.changes.push(line);
        Ok(())
    }

    fn in_project(&self, need: &str) -> String {
        need.strip_prefix(&format!("{}:", self.project)).unwrap_or(need).to_owned()
    }

    /// The file of a change's script in a folder.
    pub fn script(&self, folder: &str, change: &Line) -> String {
        let tag = change.reworked.as_ref().map_or(String::new(), |tag| format!("@{tag}"));
        format!("{folder}{}{tag}.{}", change.name, self.extension)
    }

    /// The hash of each change: over its line, the project and the change before it.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for change in &self.changes {
            let mut info = self.head();
            let _ = write!(info, "\nchange {}", change.name);
            if let Some(parent) = ids.last() {
                let _ = write!(info, "\nparent {parent}");
            }
            info.push_str(&change.foot());
            ids.push(hash("change", &info));
        }
        ids
    }

    /// The hash of a tag behind a change.
    pub fn tag_id(&self, tag: &Line, change_id: &str) -> String {
        hash("tag", &format!("{}\ntag @{}\nchange {change_id}{}", self.head(), tag.name, tag.foot()))
    }

    fn head(&self) -> String {
        let uri = self.uri.as_ref().map_or(String::new(), |uri| format!("\nuri {}", canonical(uri)));
        format!("project {}{uri}", self.project)
    }
}

impl Line {
    fn foot(&self) -> String {
        let mut text = format!("\nplanner {} <{}>\ndate {}", self.planner, self.email, self.stamp);
        if !self.requires.is_empty() {
            let _ = write!(text, "\nrequires\n  + {}", self.requires.join("\n  + "));
        }
        if !self.conflicts.is_empty() {
            let _ = write!(text, "\nconflicts\n  - {}", self.conflicts.join("\n  - "));
        }
        if !self.note.is_empty() {
            let _ = write!(text, "\n\n{}", self.note);
        }
        text
    }
}

/// A URI as the tool normalizes it: scheme and host in lower case, and a path.
fn canonical(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    format!("{}://{}{path}", scheme.to_lowercase(), host.to_lowercase())
}

fn hash(kind: &str, info: &str) -> String {
    hex(&Sha1::digest(format!("{kind} {}\0{info}", info.len())))
}

/// The hash of a script.
pub(super) fn script_hash(bytes: &[u8]) -> String {
    hex(&Sha1::digest(bytes))
}
