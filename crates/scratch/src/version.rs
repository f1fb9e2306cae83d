//! The version of a PostgreSQL server, read from text the server or its folder gives.

use std::fmt;
use std::path::Path;

/// A PostgreSQL version. Since version 10 the first number alone is the major version
/// (<https://www.postgresql.org/support/versioning/>); for 9.x `minor` is the second number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// The major version: 15 in 15.18.
    pub major: u32,
    /// The minor version: 18 in 15.18. `None` where only a folder's name told the major version, which does not
    /// name the minor one; `Some(0)` for a beta or a development build.
    pub minor: Option<u32>,
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            Some(minor) => write!(f, "{}.{minor}", self.major),
            None => write!(f, "{}", self.major),
        }
    }
}

impl ServerVersion {
    /// Reads the version after `marker` in `text`: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` with the
    /// marker `(PostgreSQL) `. `16beta1` and `17devel` are 16.0 and 17.0.
    pub(crate) fn after(text: &str, marker: &str) -> Option<Self> {
        let start = text.find(marker)? + marker.len();
        let mut version = Self::leading(&text[start..])?;
        version.minor = version.minor.or(Some(0));
        Some(version)
    }

    /// What the folder of the binaries says of their version, without running them. Known forms: Debian
    /// `postgresql/15/bin`, PGDG's RPMs `pgsql-15/bin`, SUSE and MacPorts `postgresql15/bin`, Gentoo
    /// `postgresql-15/bin`, Homebrew `postgresql@15/…/bin`, Nix `<hash>-postgresql-15.4/bin`, and `Versions/15/bin`
    /// of Postgres.app.
    pub(crate) fn from_bin_dir(bin_dir: &Path) -> Option<Self> {
        let names: Vec<&str> = bin_dir.iter().filter_map(|part| part.to_str()).collect();
        // From the end: the folder nearest to the binaries knows best.
        (0..names.len()).rev().find_map(|at| {
            let name = names[at];
            let parent = at.checked_sub(1).map_or("", |above| names[above]);
            if matches!(parent.to_ascii_lowercase().as_str(), "postgresql" | "postgres" | "pgsql" | "versions")
                && let Some(version) = Self::whole(name)
            {
                return Some(version);
            }
            let tail = name.rsplit_once("postgresql").or_else(|| name.rsplit_once("pgsql"))?.1;
            Self::whole(tail.trim_start_matches(['-', '@']))
        })
    }

    /// A text that is a version and nothing else.
    fn whole(text: &str) -> Option<Self> {
        let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        // A made-up number (a date, a build number) is no PostgreSQL version; then the binary is asked.
        Self::leading(text).filter(|version| plain && (8..100).contains(&version.major))
    }

    fn leading(text: &str) -> Option<Self> {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        let major = digits(text);
        let minor = text[major.len()..].strip_prefix('.').map(digits);
        Some(Self { major: major.parse().ok()?, minor: minor.and_then(|minor| minor.parse().ok()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(major: u32, minor: Option<u32>) -> Option<ServerVersion> {
        Some(ServerVersion { major, minor })
    }

    #[test]
    fn reads_what_the_server_says() {
        let says = |text| ServerVersion::after(text, "(PostgreSQL) ");
        assert_eq!(says("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), version(15, Some(18)));
        assert_eq!(says("postgres (PostgreSQL) 18beta1"), version(18, Some(0)));
        assert_eq!(says("postgres (PostgreSQL) 17devel"), version(17, Some(0)));
        assert_eq!(says("postgres (PostgreSQL) 9.6.24"), version(9, Some(6)));
        assert_eq!(says("something else"), None);
    }

    #[test]
    fn reads_the_folders_of_the_distributions() {
        let tells = |path: &str| ServerVersion::from_bin_dir(Path::new(path));
        assert_eq!(tells("/usr/lib/postgresql/15/bin"), version(15, None));
        assert_eq!(tells("/usr/pgsql-16/bin"), version(16, None));
        assert_eq!(tells("/usr/lib/postgresql17/bin"), version(17, None));
        assert_eq!(tells("/usr/libexec/postgresql14"), version(14, None));
        assert_eq!(tells("/usr/lib64/postgresql-13/bin"), version(13, None));
        assert_eq!(tells("/opt/homebrew/Cellar/postgresql@15/15.4/bin"), version(15, None));
        assert_eq!(tells("/nix/store/abc-postgresql-15.4/bin"), version(15, Some(4)));
        assert_eq!(tells("/Applications/Postgres.app/Contents/Versions/16/bin"), version(16, None));
        assert_eq!(tells("/home/me/postgresql/20240101/bin"), None);
        assert_eq!(tells("/usr/local/pgsql/bin"), None);
        assert_eq!(tells("/usr/bin"), None);
    }
}
