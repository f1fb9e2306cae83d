//! The registry of sqitch, as it makes it, and a database's changes in it.

use super::plan::{Line, Plan, script_hash};
use crate::{Files, Migration};
use underpin_sql::quote::{ident, literal};

/// What the registry holds, release 1.1; `{}` is its schema.
const REGISTRY: [&str; 7] = [
    "CREATE SCHEMA IF NOT EXISTS {}",
    "CREATE TABLE IF NOT EXISTS {}.releases (version real PRIMARY KEY, \
     installed_at timestamptz NOT NULL DEFAULT clock_timestamp(), installer_name text NOT NULL, \
     installer_email text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}.projects (project text PRIMARY KEY, uri text NULL UNIQUE, \
     created_at timestamptz NOT NULL DEFAULT clock_timestamp(), creator_name text NOT NULL, creator_email text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {}.changes (change_id text PRIMARY KEY, script_hash text NULL, change text NOT NULL, \
     project text NOT NULL REFERENCES {}.projects(project) ON UPDATE CASCADE, note text NOT NULL DEFAULT '', \
     committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), committer_name text NOT NULL, \
     committer_email text NOT NULL, planned_at timestamptz NOT NULL, planner_name text NOT NULL, \
     planner_email text NOT NULL, UNIQUE(project, script_hash))",
    "CREATE TABLE IF NOT EXISTS {}.tags (tag_id text PRIMARY KEY, tag text NOT NULL, \
     project text NOT NULL REFERENCES {}.projects(project) ON UPDATE CASCADE, \
     change_id text NOT NULL REFERENCES {}.changes(change_id) ON UPDATE CASCADE, note text NOT NULL DEFAULT '', \
     committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), committer_name text NOT NULL, \
     committer_email text NOT NULL, planned_at timestamptz NOT NULL, planner_name text NOT NULL, \
     planner_email text NOT NULL, UNIQUE(project, tag))",
    "CREATE TABLE IF NOT EXISTS {}.dependencies (change_id text NOT NULL \
     REFERENCES {}.changes(change_id) ON UPDATE CASCADE ON DELETE CASCADE, type text NOT NULL, dependency text NOT NULL, \
     dependency_id text NULL REFERENCES {}.changes(change_id) ON UPDATE CASCADE CONSTRAINT dependencies_check CHECK (\
     (type = 'require' AND dependency_id IS NOT NULL) OR (type = 'conflict' AND dependency_id IS NULL)), \
     PRIMARY KEY (change_id, dependency))",
    "CREATE TABLE IF NOT EXISTS {}.events (event text NOT NULL CONSTRAINT events_event_check CHECK (\
     event IN ('deploy', 'revert', 'fail', 'merge')), change_id text NOT NULL, change text NOT NULL, \
     project text NOT NULL REFERENCES {}.projects(project) ON UPDATE CASCADE, note text NOT NULL DEFAULT '', \
     requires text[] NOT NULL DEFAULT '{}', conflicts text[] NOT NULL DEFAULT '{}', tags text[] NOT NULL DEFAULT '{}', \
     committed_at timestamptz NOT NULL DEFAULT clock_timestamp(), committer_name text NOT NULL, \
     committer_email text NOT NULL, planned_at timestamptz NOT NULL, planner_name text NOT NULL, \
     planner_email text NOT NULL, PRIMARY KEY (change_id, committed_at))",
];

fn list(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.map(|w| literal(&w)).collect();
    if words.is_empty() { "'{}'".to_owned() } else { format!("ARRAY[{}]", words.join(", ")) }
}

/// The statements that write down the changes of `done`, in the order of the plan.
pub(super) fn statements(files: &Files, plan: &Plan, done: &[Migration]) -> Vec<String> {
    let schema = ident(&plan.registry);
    let mut sql: Vec<String> =
        REGISTRY.iter().map(|one| one.replace("'{}'", "\0").replace("{}", &schema).replace('\0', "'{}'")).collect();
    let Some(last) = plan.changes.last() else { return sql };
    let (user, email) = plan.user.clone().unwrap_or_else(|| (last.planner.clone(), last.email.clone()));
    let who = format!("{}, {}", literal(&user), literal(&email));
    sql.push(format!(
        "INSERT INTO {schema}.releases (version, installer_name, installer_email) SELECT 1.1, {who} \
         WHERE NOT EXISTS (SELECT FROM {schema}.releases)"
    ));
    let project = literal(&plan.project);
    let uri = plan.uri.as_deref().map_or("NULL".to_owned(), literal);
    sql.push(format!(
        "INSERT INTO {schema}.projects (project, uri, creator_name, creator_email) VALUES ({project}, {uri}, {who}) \
         ON CONFLICT (project) DO NOTHING"
    ));
    let ids = plan.ids();
    let is_done = |change: &Line| done.iter().any(|m| m.file == plan.script(&plan.deploy, change));
    for (n, change) in plan.changes.iter().enumerate().filter(|(_, change)| is_done(change)) {
        let id = literal(&ids[n]);
        let planned = |l: &Line| format!("'{}', {}, {}", l.stamp, literal(&l.planner), literal(&l.email));
        let hash = files.bytes(&plan.script(&plan.deploy, change)).map(script_hash).unwrap_or_default();
        let (name, note) = (literal(&change.name), literal(&change.note));
        // Every statement has a time of its own: the tool takes the order of the changes from it.
        sql.push(format!(
            "INSERT INTO {schema}.changes (change_id, script_hash, change, project, note, committer_name, committer_email, \
             planned_at, planner_name, planner_email) VALUES ({id}, '{hash}', {name}, {project}, {note}, {who}, {}) \
             ON CONFLICT (change_id) DO NOTHING",
            planned(change)
        ));
        for (kind, need) in
            change.requires.iter().map(|n| ("require", n)).chain(change.conflicts.iter().map(|n| ("conflict", n)))
        {
            let on = if kind == "require" { found(plan, &ids, n, need, &schema) } else { "NULL".to_owned() };
            sql.push(format!(
                "INSERT INTO {schema}.dependencies (change_id, type, dependency, dependency_id) \
                 VALUES ({id}, '{kind}', {}, {on}) ON CONFLICT DO NOTHING",
                literal(need)
            ));
        }
        for tag in &change.tags {
            sql.push(format!(
                "INSERT INTO {schema}.tags (tag_id, tag, project, change_id, note, committer_name, committer_email, \
                 planned_at, planner_name, planner_email) VALUES ('{}', {}, {project}, {id}, {}, {who}, {}) \
                 ON CONFLICT (tag_id) DO NOTHING",
                plan.tag_id(tag, &ids[n]),
                literal(&format!("@{}", tag.name)),
                literal(&tag.note),
                planned(tag)
            ));
        }
        sql.push(format!(
            "INSERT INTO {schema}.events (event, change_id, change, project, note, requires, conflicts, tags, \
             committer_name, committer_email, planned_at, planner_name, planner_email) \
             VALUES ('deploy', {id}, {name}, {project}, {note}, {}, {}, {}, {who}, {})",
            list(change.requires.iter().cloned()),
            list(change.conflicts.iter().cloned()),
            list(change.tags.iter().map(|t| format!("@{}", t.name))),
            planned(change)
        ));
    }
    sql
}

/// The hash of the change that the one at `n` needs: of this plan, else as the registry has it.
fn found(plan: &Plan, ids: &[String], n: usize, need: &str, schema: &str) -> String {
    if let Some((project, name)) = need.split_once(':') {
        let name = name.split('@').next().unwrap_or_default();
        return format!(
            "(SELECT change_id FROM {schema}.changes WHERE project = {} AND change = {} ORDER BY committed_at DESC LIMIT 1)",
            literal(project),
            literal(name)
        );
    }
    let (name, tag) = need.split_once('@').map_or((need, None), |(name, tag)| (name, Some(tag)));
    let has_tag = |c: &Line| c.tags.iter().any(|t| Some(t.name.as_str()) == tag);
    let is_it = |c: &Line| c.name == name;
    // Without a tag the tool takes the first of that name.
    let at = match plan.changes.iter().position(has_tag) {
        Some(to) if name.is_empty() => Some(to),
        Some(to) => plan.changes[..=to].iter().rposition(is_it),
        None => plan.changes[..n].iter().position(is_it),
    };
    literal(at.map_or(need, |at| ids[at].as_str()))
}
