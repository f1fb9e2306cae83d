//! Django: the `migrations` folder of an app, a file of Python a migration, each with those that it depends on.
//!
//! `RunSQL` gets a list, one statement an element: a string goes to the server whole. Nothing is replaced in the SQL.
//! `atomic = False` holds for both directions, so the one that needs a transaction begins it itself. Before any migration of SQLite
//! the tool switches foreign keys off, and looks behind it that no key points into nothing.
//!
//! Source: runs of 5.2.19; `db/migrations/loader.py`, `db/backends/sqlite3/schema.py` of the tool.

use super::python::{Node, assigned, heads, literal, ordered};
use crate::migration::fit;
use crate::text::refusal;
use crate::unchecked::checked;
use crate::{Baseline, Dialect, Down, Files, Format, Migration, Mode, New, Program, Trouble, Written, header};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::LazyLock;
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// `('app', 'name')` in a list of dependencies.
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\(\s*["']([^"']+)["']\s*,\s*["']([^"']+)["']\s*,?\s*\)"#).ok());
static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?m)^class\s+Migration\b").ok());

/// How the tool writes a time of SQLite.
const TIME: StaticFormatDescription = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

pub(super) struct Django;

fn is_migration(text: &str) -> bool {
    CLASS.as_ref().is_some_and(|class| class.is_match(text))
}

fn stem(path: &str) -> &str {
    path.trim_end_matches(".py")
}

/// The files that the tool loads.
fn sources(files: &Files) -> impl Iterator<Item = &str> {
    files.top().filter(|path| path.ends_with(".py") && !path.starts_with(['_', '~', '.']))
}

fn pairs<'a>(text: &'a str, key: &str) -> (usize, Vec<(&'a str, &'a str)>) {
    let Some((line, value)) = assigned(text, key, "    ") else { return (1, Vec::new()) };
    let found = PAIR
        .as_ref()
        .map(|pair| pair.captures_iter(value).filter_map(|c| Some((c.get(1)?.as_str(), c.get(2)?.as_str()))).collect());
    (line, found.unwrap_or_default())
}

/// The label of the app: as its own migrations name it, else the name of the folder above.
fn app(files: &Files) -> Result<String, Trouble> {
    let names: BTreeSet<&str> = sources(files).map(stem).collect();
    let mut named = BTreeSet::new();
    for path in sources(files) {
        let needs = pairs(files.text(path)?, "dependencies").1;
        named.extend(needs.into_iter().filter(|(_, name)| names.contains(name)).map(|(app, _)| app));
    }
    let root = std::path::absolute(files.root()).ok();
    let above = root.as_deref().and_then(|r| r.parent()).and_then(|p| p.file_name()).and_then(|n| n.to_str());
    if let (1, Some(one)) = (named.len(), named.first())
        && above.is_none_or(|above| !named.contains(above))
        && *one != "auth"
    {
        return Ok((*one).to_owned());
    }
    let is_name = |n: &&str| !n.is_empty() && n.chars().all(|c| c == '_' || c.is_alphanumeric());
    above.filter(is_name).map(str::to_owned).ok_or_else(|| {
        let words = format!("which app {} belongs to is not known", files.root().display());
        Trouble::new("no-app", words).help("name the folder as APP/migrations")
    })
}

/// The migrations that the tool would run on an empty database: a squashed one stands for those that it replaces.
fn nodes(files: &Files) -> Result<Vec<Node<'_>>, Trouble> {
    let app = app(files)?;
    let mut found = Vec::new();
    let mut trouble = Vec::new();
    let mut replaced: BTreeMap<&str, &str> = BTreeMap::new();
    for path in files.top().filter(|path| path.ends_with(".py")) {
        let text = files.text(path)?;
        let is_source = sources(files).any(|p| p == path);
        if is_source != is_migration(text) && path != "__init__.py" {
            let (words, help) = if is_source {
                (format!("{path} has no class Migration; Django refuses the app"), "give it one, or keep it elsewhere")
            } else {
                (format!("{path} is passed over: its name begins with `_` or `~`"), "give it another name")
            };
            trouble.extend(Trouble::at(files, path, 1, "bad-name", words).help(help).0);
        }
        if !is_source {
            continue;
        }
        if stem(path).contains('.') {
            let words = format!("{path} cannot be loaded: a module of Python has no dot in its name");
            trouble.extend(Trouble::at(files, path, 1, "bad-name", words).0);
        }
        replaced.extend(pairs(text, "replaces").1.into_iter().filter(|p| p.0 == app).map(|p| (p.1, stem(path))));
        let (line, needs) = pairs(text, "dependencies");
        let needs = needs.into_iter().filter(|p| p.0 == app).map(|p| p.1.to_owned()).collect();
        found.push(Node { name: stem(path).to_owned(), file: path, line, needs });
    }
    if files.bytes("__init__.py").is_none() && !found.is_empty() {
        let words = "the folder has no __init__.py: Django does not see that the app has migrations";
        trouble.extend(Trouble::new("no-package", words).help("add an empty __init__.py").0);
    }
    if !trouble.is_empty() {
        return Err(Trouble(trouble));
    }
    found.retain(|node| !replaced.contains_key(node.name.as_str()));
    let names: Vec<String> = found.iter().map(|n| n.name.clone()).collect();
    for node in &mut found {
        for need in &mut node.needs {
            // A squashed migration may have been squashed again.
            for _ in 0..replaced.len() {
                if let Some(by) = replaced.get(need.as_str()) {
                    *need = (*by).to_owned();
                }
            }
            if need == "__first__" {
                need.clone_from(names.first().unwrap_or(&node.name));
            }
        }
        let name = node.name.clone();
        node.needs.retain(|need| *need != name);
    }
    Ok(found)
}

impl Format for Django {
    fn name(&self) -> &'static str {
        "django"
    }

    fn title(&self) -> &'static str {
        "Django"
    }

    fn recognises(&self, files: &Files) -> bool {
        sources(files)
            .any(|path| files.text(path).is_ok_and(|text| is_migration(text) && text.contains("migrations.Migration")))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        if sources(files).next().is_none() {
            return Ok(Vec::new());
        }
        let nodes = nodes(files)?;
        let order = ordered(files, &nodes)?;
        let heads = heads(&nodes);
        if let [first, .., last] = heads.as_slice() {
            let words = format!("{} and {} were written side by side: nothing stands on either", first.file, last.file);
            return Err(Trouble::at(files, last.file, last.line, "several-heads", words)
                .help("join them with `manage.py makemigrations --merge`"));
        }
        order
            .into_iter()
            .map(|node| {
                let text = files.text(node.file)?;
                let transaction = assigned(text, "atomic", "    ").is_none_or(|(_, value)| value != "False");
                Ok(Migration {
                    version: node.name.clone(),
                    name: String::new(),
                    file: node.file.to_owned(),
                    transaction,
                    up: Vec::new(),
                    down: Some(Vec::new()),
                    down_transaction: transaction,
                })
            })
            .collect()
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        _: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let app = app(files)?;
        let digits = |name: &str| name.bytes().take_while(u8::is_ascii_digit).count();
        // Replaced ones count too: their numbers are taken.
        let greatest = sources(files)
            .map(stem)
            .filter_map(|name| name[..digits(name)].parse::<u64>().ok())
            .max()
            .unwrap_or_default();
        let mut before = there.last().map(|m| m.version.clone());
        let mut written = Vec::new();
        if files.bytes("__init__.py").is_none() {
            written.push(Written { path: "__init__.py".to_owned(), text: String::new() });
        }
        for (new, number) in new.iter().zip(greatest + 1..) {
            let name = format!("{number:04}_{}", new.slug);
            let text = migration(files.dialect(), new, &app, before.as_deref());
            written.push(Written { path: format!("{name}.py"), text });
            before = Some(name);
        }
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        if new.is_empty() {
            return Vec::new();
        }
        vec![
            "The models must follow: run `manage.py makemigrations --dry-run -v 3` with the changed models, and move the \
             operations that it shows into `state_operations` of the new migrations; else it writes them again."
                .to_owned(),
        ]
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.django_migrations"],
            Dialect::Sqlite => &["django_migrations"],
        }
    }

    fn switches_keys_off(&self) -> bool {
        true
    }

    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        if done.is_empty() {
            return Ok(Baseline::by(Vec::new()));
        }
        let dialect = files.dialect();
        let app = dialect.literal(&app(files)?);
        let (table, now) = match dialect {
            Dialect::Postgres => (
                "CREATE TABLE IF NOT EXISTS django_migrations (id bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS \
                 IDENTITY, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamp with time zone NOT NULL)",
                now.format(&Rfc3339),
            ),
            Dialect::Sqlite => (
                "CREATE TABLE IF NOT EXISTS \"django_migrations\" (\"id\" integer NOT NULL PRIMARY KEY AUTOINCREMENT, \
                 \"app\" varchar(255) NOT NULL, \"name\" varchar(255) NOT NULL, \"applied\" datetime NOT NULL)",
                now.to_offset(time::UtcOffset::UTC).format(TIME),
            ),
        };
        let now = now.unwrap_or_default();
        let mut sql = vec![table.to_owned()];
        for one in done {
            let name = dialect.literal(&one.version);
            sql.push(format!(
                "INSERT INTO django_migrations (app, name, applied) SELECT {app}, {name}, '{now}' \
                 WHERE NOT EXISTS (SELECT 1 FROM django_migrations WHERE app = {app} AND name = {name})"
            ));
        }
        Ok(Baseline::by(sql))
    }

    fn program(&self, dialect: Dialect) -> Option<Program> {
        let needs = match dialect {
            Dialect::Postgres => "the settings must take the database from DATABASE_URL or the PG variables",
            Dialect::Sqlite => "the settings must take the path of the database from DATABASE_FILE",
        };
        Some(Program { words: &["python", "manage.py", "migrate"], needs })
    }
}

/// A list of statements; in a transaction of its own where the class has none for it.
fn list(sql: &[String], begins: bool) -> String {
    let (first, last) = if begins { (Some("BEGIN"), Some("COMMIT")) } else { (None, None) };
    let all = first.into_iter().chain(sql.iter().map(String::as_str)).chain(last);
    let lines = all.fold(String::new(), |mut lines, one| {
        let _ = writeln!(lines, "                {},", literal(one));
        lines
    });
    format!("[\n{lines}            ]")
}

fn migration(dialect: Dialect, new: &New, app: &str, before: Option<&str>) -> String {
    // The tool has foreign keys off already; a check behind that does no harm.
    let whole = |mode: Mode, sql: &[String]| match mode {
        Mode::Whole | Mode::Alone => sql.to_vec(),
        Mode::Unchecked => checked(sql),
    };
    let up = whole(new.mode, &new.up);
    let down = match &new.down {
        Down::By { mode, sql } if !sql.is_empty() => whole(*mode, sql),
        Down::By { .. } => Vec::new(),
        Down::Cannot(why) => vec![refusal(dialect, why).trim_end().trim_end_matches(';').to_owned()],
    };
    let atomic = new.mode != Mode::Alone && new.down.mode() != Mode::Alone;
    let begins = |mode: Mode, sql: &[String]| !atomic && mode != Mode::Alone && sql.len() > 1;
    let reverse =
        if down.is_empty() { "migrations.RunSQL.noop".to_owned() } else { list(&down, begins(new.down.mode(), &down)) };
    let (mut head, needs) = match before {
        Some(name) => (String::new(), format!("({}, {})", literal(app), literal(name))),
        None => ("    initial = True\n".to_owned(), String::new()),
    };
    if !atomic {
        head.push_str("    atomic = False\n");
    }
    format!(
        "{}from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n{head}    dependencies = [{needs}]\n\n    \
         operations = [\n        migrations.RunSQL(\n            sql={},\n            reverse_sql={reverse},\n            \
         state_operations=[],\n        ),\n    ]\n",
        header(&new.summary, "#"),
        list(&up, begins(new.mode, &up)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::trial::{NOW, by, cannot, codes, folder, step};
    use super::*;

    fn text(needs: &str) -> String {
        format!("class Migration(migrations.Migration):\n    dependencies = [\n        {needs}\n    ]\n")
    }

    fn names(there: &[Migration]) -> Vec<&str> {
        there.iter().map(|m| m.version.as_str()).collect()
    }

    #[test]
    fn the_graph_decides_the_order_and_the_squashed_stand_for_the_others() {
        let first = text("('auth', '0001_initial'), migrations.swappable_dependency(settings.AUTH_USER_MODEL),");
        let (second, third) = (text("('store', '0001_a'),"), text("(\"store\", \"0009_b\"),"));
        let squashed = format!("{}    replaces = [('store', '0001_a'), ('store', '0009_b')]\n", text(""));
        let mut files = vec![
            ("__init__.py", ""),
            ("0001_a.py", first.as_str()),
            ("0009_b.py", second.as_str()),
            ("0002_c.py", third.as_str()),
        ];
        let there = Django.read(&folder(&files)).unwrap();
        assert!(Django.recognises(&folder(&files)));
        assert_eq!(names(&there), ["0001_a", "0009_b", "0002_c"]);
        assert_eq!(app(&folder(&files)).unwrap(), "store");
        files.push(("0001_squashed.py", &squashed));
        assert_eq!(names(&Django.read(&folder(&files)).unwrap()), ["0001_squashed", "0002_c"]);
    }

    #[test]
    fn what_the_tool_refuses_or_passes_over_is_named() {
        let (none, on_a) = (text(""), text("('shop', '0001_a'),"));
        let init = ("__init__.py", "");
        let a = ("0001_a.py", none.as_str());
        assert_eq!(codes(&Django, &folder(&[a])), ["no-package"]);
        assert_eq!(codes(&Django, &folder(&[init, a, ("0002_b.py", "x = 1")])), ["bad-name"]);
        assert_eq!(codes(&Django, &folder(&[init, a, ("_0002_b.py", &on_a)])), ["bad-name"]);
        assert_eq!(codes(&Django, &folder(&[init, a, ("0002_b.py", &on_a), ("0002_c.py", &on_a)])), ["several-heads"]);
        assert_eq!(codes(&Django, &folder(&[init, a, ("0002_b.py", &text("('shop', '0001_x'),"))])), ["broken-chain"]);
        let circle = (text("('shop', '0003_c'),"), text("('shop', '0002_b'),"));
        assert_eq!(
            codes(&Django, &folder(&[init, ("0002_b.py", &circle.0), ("0003_c.py", &circle.1)])),
            ["broken-chain"]
        );
    }

    #[test]
    fn new_ones_stand_on_the_last_and_are_read_back() {
        let all = [
            step("one", true, &["SELECT '%:x?`'", "SELECT $$\n\"\"\" \\ ${y};\n$$"], cannot("a \"b\"")),
            step("two", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(true, &["SELECT 1", "SELECT 2"])),
        ];
        let written = Django.write(&folder(&[]), &[], &all, NOW).unwrap();
        let paths: Vec<&str> = written.iter().map(|w| w.path.as_str()).collect();
        assert_eq!(paths, ["__init__.py", "0001_one.py", "0002_two.py"]);
        assert!(written[1].text.contains("\"SELECT '%:x?`'\",\n") && written[1].text.contains("initial = True"));
        assert!(written[1].text.contains("\"\"\"SELECT $$\n\\\"\\\"\" \\\\ ${y};\n$$\"\"\","));
        assert!(written[2].text.contains("(\"shop\", \"0001_one\")") && written[2].text.contains("atomic = False"));
        assert!(written[2].text.contains("\"BEGIN\",\n                \"SELECT 1\""));
        let files = folder(&[]).with(&written);
        let back = Django.read(&files).unwrap();
        assert_eq!(names(&back), ["0001_one", "0002_two"]);
        assert!(back[0].transaction && !back[1].transaction);
        let further = Django.write(&files, &back, &all[..1], NOW).unwrap();
        assert_eq!(further.len(), 1);
        assert_eq!(further[0].path, "0003_one.py");
        assert!(Django.baseline(&files, &back, NOW).unwrap().sql[2].contains("'shop', '0002_two'"));
    }
}
