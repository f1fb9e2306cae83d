//! The configuration file `underpin.toml`: any option of the command line under its long name, `[env.NAME]` tables for
//! `--env NAME`, and `${VAR}` for what the environment says.
//!
//! What it says stands where the command line and the environment say nothing.

use crate::args::Cli;
use clap::builder::{ArgPredicate, Resettable};
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use underpin_engine::EngineError;

/// The file that is read where none is named.
const FILE: &str = "underpin.toml";

/// Options of which one says what the other would say, with the names by which the parser knows them: whoever says one has said
/// that the other is not wanted.
const INSTEAD: [(&str, &str); 2] = [("schema", "schema_program"), ("schema-program", "schema")];

/// The option that is not wanted where this one is said.
fn instead(name: &str) -> Option<&'static str> {
    INSTEAD.iter().find(|(one, _)| *one == name).map(|(_, other)| *other)
}

/// The command line with what the configuration file says as its defaults.
///
/// # Errors
/// A file that is missing though it was named, that is no TOML, or that says what no option does.
pub fn command(args: &[OsString]) -> Result<Command, EngineError> {
    let command = Cli::command();
    let named = option(args, "--config");
    let path = named.as_ref().map_or_else(|| PathBuf::from(FILE), PathBuf::from);
    let env = option(args, "--env");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && named.is_none() => {
            return match env {
                None => Ok(command),
                Some(env) => Err(EngineError::Usage(format!(
                    "--env {env} names a part of {FILE}, and there is no such file here"
                ))),
            };
        }
        Err(e) => return Err(EngineError::Usage(format!("the configuration {} cannot be read: {e}", path.display()))),
    };
    let file = File { path: &path, text: &text };
    let values = file.values(&known(&command), env.as_deref(), &|name| std::env::var(name).ok())?;
    Ok(with_defaults(command, &values))
}

/// The value of an option that is needed before all others are read.
fn option(args: &[OsString], name: &str) -> Option<String> {
    let mut rest = args.iter().skip(1).map(|a| a.to_string_lossy());
    while let Some(arg) = rest.next() {
        if arg == "--" {
            return None;
        }
        if arg == name {
            return rest.next().map(|v| v.into_owned());
        }
        if let Some(value) = arg.strip_prefix(name).and_then(|r| r.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Nothing: it is there or not.
    Flag,
    One,
    Many,
}

/// All options by their long names.
fn known(command: &Command) -> BTreeMap<String, Takes> {
    let takes = |arg: &Arg| match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse => Takes::Flag,
        ArgAction::Append => Takes::Many,
        _ => Takes::One,
    };
    let own =
        |c: &Command| c.get_arguments().filter_map(|a| Some((a.get_long()?.to_owned(), takes(a)))).collect::<Vec<_>>();
    let all = command.get_subcommands().flat_map(own).chain(own(command));
    all.filter(|(n, _)| !["help", "version", "config", "env"].contains(&n.as_str())).collect()
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn wrong(&self, key: &str, why: &str) -> EngineError {
        let line = self.text.lines().position(|l| {
            let l = l.trim_start().trim_start_matches(['[', '"']);
            l.strip_prefix(key)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_'))
        });
        let place = line.map_or_else(String::new, |n| format!(":{}", n + 1));
        EngineError::Usage(format!("{}{place}: `{key}` {why}", self.path.display()))
    }

    /// What the file says of each option, in words of the command line.
    fn values(
        &self,
        known: &BTreeMap<String, Takes>,
        env: Option<&str>,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Vec<String>>, EngineError> {
        // The message of the parser shows the line, which may hold a password; its place is enough.
        let mut table: Table = self.text.parse().map_err(|e: toml::de::Error| {
            let line = e.span().map_or(1, |s| self.text[..s.start.min(self.text.len())].matches('\n').count() + 1);
            EngineError::Usage(format!("{}:{line}: this is no TOML: {}", self.path.display(), e.message()))
        })?;
        let envs = match table.remove("env") {
            None => Table::new(),
            Some(Value::Table(envs)) => envs,
            Some(_) => return Err(self.wrong("env", "holds a table for each environment, as in [env.production]")),
        };
        // Every part is looked at, so that a mistake does not wait for its environment.
        let mut parts = vec![(&table, true)];
        for (name, part) in &envs {
            let Value::Table(part) = part else {
                return Err(self.wrong(name, "is to be a table, as in [env.production]"));
            };
            parts.push((part, env.is_some_and(|e| e == name)));
        }
        if let Some(env) = env.filter(|e| !envs.contains_key(*e)) {
            let names: Vec<&str> = envs.keys().map(String::as_str).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(EngineError::Usage(format!("{} has no [env.{env}]; there are: {there}", self.path.display())));
        }
        let mut values = BTreeMap::new();
        for (part, taken) in parts {
            // The names that this part has said, with the keys that it said them by.
            let mut said: BTreeMap<String, &str> = BTreeMap::new();
            for (key, value) in part {
                let (name, value) = match (key.as_str(), value) {
                    // Where the schema comes from is said in one place.
                    ("schema", Value::Table(table)) => match (table.len(), table.get("program")) {
                        (1, Some(words)) => ("schema-program".to_owned(), words),
                        _ => return Err(self.wrong(key, "is to be written { program = [\"a\", \"b\"] }")),
                    },
                    _ => (key.replace('_', "-"), value),
                };
                let Some(takes) = known.get(&name) else {
                    let list: Vec<&str> = known.keys().map(String::as_str).collect();
                    return Err(self.wrong(key, &format!("is no option; there are: {}", list.join(", "))));
                };
                let other = instead(&name).map(|other| other.replace('_', "-"));
                if let Some(earlier) = other.as_ref().and_then(|other| said.get(other)) {
                    return Err(self.wrong(
                        key,
                        &format!("and `{earlier}` both say where the schema comes from; leave one of them out"),
                    ));
                }
                said.insert(name.clone(), key);
                let words = self.words(key, value)?;
                match (takes, words.len()) {
                    (Takes::Flag, _) if !value.is_bool() => return Err(self.wrong(key, "is to be true or false")),
                    (_, 0) => return Err(self.wrong(key, "is an empty list; leave it out instead")),
                    (Takes::One, n) if n > 1 => return Err(self.wrong(key, "takes one value")),
                    _ => {}
                }
                if taken {
                    let words: Result<Vec<String>, EngineError> =
                        words.iter().map(|w| self.expand(key, &name, w, variable)).collect();
                    // An environment that says the one does not want the other of the part that stands for all.
                    other.iter().for_each(|other| drop(values.remove(other)));
                    values.insert(name, words?);
                }
            }
        }
        Ok(values)
    }

    fn words(&self, key: &str, value: &Value) -> Result<Vec<String>, EngineError> {
        match value {
            Value::String(s) => Ok(vec![s.clone()]),
            Value::Integer(n) => Ok(vec![n.to_string()]),
            Value::Boolean(b) => Ok(vec![b.to_string()]),
            Value::Array(list) => list
                .iter()
                .map(|v| v.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "is to be a list of texts")))
                .collect(),
            _ => Err(self.wrong(key, "is to be a text, a number, true or false, or a list of texts")),
        }
    }

    /// Puts in what the environment says, and takes paths from the folder of the file.
    fn expand(
        &self,
        key: &str,
        name: &str,
        word: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, EngineError> {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((var, behind)) = after.split_once('}') else {
                return Err(self.wrong(key, "has a `${` without its `}`"));
            };
            let value = variable(var)
                .ok_or_else(|| self.wrong(key, &format!("asks for ${{{var}}}, which the environment does not set")))?;
            out.push_str(before);
            out.push_str(&value);
            rest = behind;
        }
        out.push_str(rest);
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        let takes_path = ["schema", "db"].contains(&name);
        if let (Some(folder), Some(path)) =
            (folder, out.strip_prefix("sqlite:").filter(|p| takes_path && !p.starts_with('/')))
        {
            // The path of a URL; what stands behind it stays.
            return Ok(format!("sqlite:{}", folder.join(path).display()));
        }
        let is_path = takes_path && !out.contains("://") && !out.contains('=') && !out.starts_with("sqlite:");
        Ok(match folder {
            Some(folder) if is_path => folder.join(out).display().to_string(),
            _ => out,
        })
    }
}

fn with_defaults(command: Command, values: &BTreeMap<String, Vec<String>>) -> Command {
    let set = |mut command: Command| {
        for (name, words) in values {
            let found = command.get_arguments().find(|a| a.get_long() == Some(name)).map(|a| a.get_id().clone());
            if let Some(id) = found {
                let words = words.clone();
                let has = |other: &&str| command.get_arguments().any(|a| a.get_id() == *other);
                let other = instead(name).filter(has);
                // Hidden, for it may hold a password.
                command = command.mut_arg(id, move |arg: Arg| {
                    let is_flag = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
                    let arg = arg.default_values(words).required(false);
                    let arg = match other {
                        Some(other) => arg.default_value_if(other, ArgPredicate::IsPresent, Resettable::Reset),
                        None => arg,
                    };
                    if is_flag { arg } else { arg.hide_default_value(true) }
                });
            }
        }
        command
    };
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.iter().fold(set(command), |command, name| command.mut_subcommand(name, set))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn values(text: &str, env: Option<&str>) -> Result<BTreeMap<String, Vec<String>>, String> {
        let file = File { path: Path::new("conf/underpin.toml"), text };
        let variable = |name: &str| (name == "URL").then(|| "postgres://u:secret@h/d".to_owned());
        file.values(&known(&Cli::command()), env, &variable).map_err(|e| e.to_string())
    }

    #[test]
    fn options_environments_and_variables() {
        let text = "db = '${URL}?x=1'\nschema = ['a', 'b']\nlock-timeout = 5\n[env.prod]\ndb = 'postgres://p/d'\n";
        let all = values(text, None).unwrap();
        assert_eq!(all["db"], ["postgres://u:secret@h/d?x=1"]);
        assert_eq!(all["schema"], ["conf/a", "conf/b"]);
        assert_eq!(all["lock-timeout"], ["5"]);
        assert_eq!(values(text, Some("prod")).unwrap()["db"], ["postgres://p/d"]);
        let program = values("schema = { program = ['npx', 'drizzle-kit', 'export'] }", None).unwrap();
        assert_eq!(program["schema-program"], ["npx", "drizzle-kit", "export"]);
        // The environment has its own way to the schema.
        let both = "schema = 'a'\n[env.models]\nschema = { program = ['b'] }\n";
        assert!(!values(both, None).unwrap().contains_key("schema-program"));
        let models = values(both, Some("models")).unwrap();
        assert!(models["schema-program"] == ["b"] && !models.contains_key("schema"), "{models:?}");
    }

    #[test]
    fn mistakes_are_placed_and_show_no_value() {
        for (text, env, says) in [
            ("# x\nshema = 'a'\n", None, "conf/underpin.toml:2: `shema` is no option"),
            ("db = '${NOT_SET}'\n", None, "asks for ${NOT_SET}"),
            ("db = 'postgres://u:secret@h\n", None, "conf/underpin.toml:1: this is no TOML"),
            ("no-cache = 'yes'\n", None, "`no-cache` is to be true or false"),
            ("db = ['a', 'b']\n", None, "`db` takes one value"),
            ("schema = { programs = 'x' }\n", None, "`schema` is to be written"),
            ("schema = []\n", None, "`schema` is an empty list"),
            ("db = 1.5\n", None, "`db` is to be"),
            (
                "schema = 'a'\nschema_program = ['b']\n",
                None,
                "conf/underpin.toml:2: `schema_program` and `schema` both",
            ),
            ("[env.prod]\nschema = 'a'\nschema-program = 'b'\n", None, "both say where the schema comes from"),
            ("[env.prod]\ndb = 'x'\n", Some("test"), "no [env.test]; there are: prod"),
            ("[env.prod]\nnope = 'x'\n", None, "conf/underpin.toml:2: `nope`"),
        ] {
            let error = values(text, env).unwrap_err();
            assert!(error.contains(says) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn every_option_may_stand_there() {
        for (name, _) in known(&Cli::command()) {
            let _ = with_defaults(Cli::command(), &BTreeMap::from([(name, vec!["true".to_owned()])]));
        }
    }
}
