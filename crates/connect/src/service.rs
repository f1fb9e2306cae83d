//! Connection service files (manual, "The Connection Service File").

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::ConnectError;
use crate::params::{Given, Place, known};

/// The directories of the system-wide file that packages compile in: Debian's and Ubuntu's, then Fedora's. libpq's own
/// is fixed when it is built and cannot be asked for, so `PGSYSCONFDIR` names any other.
const SYSTEM_DIRS: [&str; 2] = ["/etc/postgresql-common", "/etc"];

/// Completes `given` from the service that it names, if any.
pub(crate) fn complete(given: &mut Given, env: &dyn Environment) -> Result<(), ConnectError> {
    let Some(service) = given.text("service").map(str::to_owned) else {
        return Ok(());
    };
    let user_file =
        given.text("servicefile").map(PathBuf::from).or_else(|| env.home().map(|home| home.join(".pg_service.conf")));
    let system_files: Vec<PathBuf> = match env.var("PGSYSCONFDIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => vec![PathBuf::from(dir)],
        None => SYSTEM_DIRS.iter().map(PathBuf::from).collect(),
    }
    .into_iter()
    .map(|dir| dir.join("pg_service.conf"))
    .collect();

    let mut looked = Vec::new();
    for file in user_file.into_iter().chain(system_files) {
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                if read_section(&text, &service, &file, given)? {
                    return Ok(());
                }
                looked.push(format!("{} (not in it)", file.display()));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                looked.push(format!("{} (no such file)", file.display()));
            }
            Err(error) => looked.push(format!("{} ({error})", file.display())),
        }
    }
    Err(ConnectError::Service {
        reason: format!("it is not defined; looked in {}", looked.join(", ")),
        hint: format!("add a section `[{service}]` to one of these files, or name a file with PGSERVICEFILE"),
        service,
    })
}

/// Reads one service's section; `false` when the file has none.
fn read_section(text: &str, service: &str, file: &Path, given: &mut Given) -> Result<bool, ConnectError> {
    let bad = |line: usize, reason: &str| ConnectError::Service {
        service: service.to_owned(),
        reason: format!("line {line} of {} {reason}", file.display()),
        hint: "write `name=value` lines with the parameters of libpq, without spaces around `=`".to_owned(),
    };
    let mut found = false;
    let mut values: Vec<(&'static crate::params::Param, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if found {
                break;
            }
            found = header.split(']').next() == Some(service);
            continue;
        }
        if !found {
            continue;
        }
        if line.starts_with("ldap") && line.contains("://") {
            return Err(bad(number, "asks an LDAP server, which is not supported"));
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(bad(number, "is no `name=value`"));
        };
        if name == "service" || name == "servicefile" {
            return Err(bad(number, "names another service, which libpq refuses too"));
        }
        let param = known(name, &format!("line {number} of {}", file.display()), true)?;
        // As in libpq, the first of two equal names in a section counts.
        if !values.iter().any(|(earlier, _)| earlier.name == param.name) {
            values.push((param, value.to_owned()));
        }
    }
    for (param, value) in values {
        given.set_default(param, value, Place::Service { name: service.to_owned(), file: file.to_owned() });
    }
    Ok(found)
}
