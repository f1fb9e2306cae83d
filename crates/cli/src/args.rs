//! The command line's words.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use underpin_engine::{DevDb, Dialect, EngineError, Patterns, Settings, Source, Switch};
use underpin_model::Strategy;

/// Plans, proves and applies schema changes.
///
/// Keep the schema that you want as SQL files; underpin reads them, reads the schema that a database has, and plans the
/// road between.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// The configuration file [default: underpin.toml, where it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The part [env.NAME] of the configuration file
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// When to use colours; NO_COLOR is honoured too
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say nothing that was not asked for
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What would change, step by step; changes nothing
    Plan(PlanArgs),
    /// Apply a plan
    Apply(ApplyArgs),
    /// Has the database left the schema? Exit 0 if not, 2 if so
    Drift(DriftArgs),
    /// The schema that is there
    Inspect(InspectArgs),
    /// The next files of a folder of migrations, for the tool that runs them
    Generate(GenerateArgs),
    /// Does a folder of migrations hold what it says? Each is run, taken back and run again on a scratch database
    Verify(VerifyArgs),
    /// What is in flight: the run that goes on or stopped on the way, gates that wait, backfills
    Status(StatusArgs),
    /// Take back what is in flight, until its contract begins
    Undo(UndoArgs),
    /// Why a step is there: what a recipe does, what it locks, what it rests on
    Explain(ExplainArgs),
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Options of every command that compares.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Where the desired SQL is elaborated: `auto` (a private server from this machine's PostgreSQL binaries),
    /// `same-server`, or a URL
    #[arg(
        long,
        value_name = "URL|auto|same-server",
        default_value = "auto",
        env = "UNDERPIN_DEV_DB",
        hide_env_values = true
    )]
    pub dev_db: String,
    /// Compare owners: on objects of which the files say something (auto), on all (manage), on none (ignore)
    #[arg(long, value_enum, default_value_t = SwitchArg::Auto)]
    pub owners: SwitchArg,
    /// Compare privileges, likewise
    #[arg(long, value_enum, default_value_t = SwitchArg::Auto)]
    pub privileges: SwitchArg,
    /// Only these schemas and objects (`app`, `app.users*`, `table:app.*`)
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub include: Vec<String>,
    /// Not these schemas and objects
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Stop where something of a schema is not known to underpin, cannot be read or is not taken, instead of warning
    #[arg(long)]
    pub strict: bool,
    /// Run the desired SQL with a superuser's rights on the private server; it can then reach files and programs there
    #[arg(long)]
    pub trust_sql: bool,
    /// The command that runs all migrations of a folder whose migrations are programs, a word each time it is given; it gets a
    /// scratch database in DATABASE_URL and PG… variables
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub migrations_program: Vec<String>,
    /// A program that prints the desired schema as SQL, a word each time it is given, instead of --schema; it gets an empty
    /// scratch database in DATABASE_URL and PG… variables
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub schema_program: Vec<String>,
    /// Which kind of database the files are for, where no database among the sides tells
    #[arg(long, value_enum)]
    pub dialect: Option<DialectArg>,
    /// Elaborate the desired SQL anew even if it is known
    #[arg(long)]
    pub no_cache: bool,
    /// Where the output goes
    #[arg(short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Two sides.
#[derive(Debug, Args)]
pub struct Sides {
    /// The database (or another source) as it is
    #[arg(long, alias = "from", value_name = "URL", env = "UNDERPIN_DB", hide_env_values = true)]
    pub db: String,
    /// The schema as it shall be: SQL files, folders, a database URL or a snapshot
    #[arg(long, alias = "to", value_name = "PATH", num_args = 1.., conflicts_with = "schema_program")]
    pub schema: Vec<String>,
}

/// How a plan is made.
#[derive(Debug, Args)]
pub struct Planning {
    /// `online`: risky changes become steps that a running application survives; `direct`: plain DDL
    #[arg(long, value_enum, default_value_t = StrategyArg::Online)]
    pub strategy: StrategyArg,
    /// What policy may let through: data-loss, blocks-reads, blocks-writes, breaks-application, or all
    #[arg(long, value_name = "HAZARD", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Rename a column or table that goes, and drop it by a plan that many days later: until then it is had back by its
    /// old name
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub quarantine: Option<u32>,
    /// Make views for this version of the application, in a schema SCHEMA_NAME beside each: with the tables in their new
    /// shape before the tables have it, and no other
    #[arg(long, value_name = "NAME")]
    pub versioned_views: Option<String>,
    /// Leave moving tables to other tablespaces to pg_repack: the plan begins with its commands, to be run by hand
    #[arg(long)]
    pub pg_repack: bool,
    /// How much of the live schema the proof replays: what the plan touches (slice) or all (full)
    #[arg(long, value_enum, default_value_t = ProofArg::Slice)]
    pub proof: ProofArg,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub sides: Sides,
    #[command(flatten)]
    pub planning: Planning,
    #[command(flatten)]
    pub common: Common,
    /// text, json or sql
    #[arg(long, default_value = "text")]
    pub output: String,
    /// Exit with 2 where something would change
    #[arg(long)]
    pub exit_code: bool,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The database
    #[arg(long, value_name = "URL", env = "UNDERPIN_DB", hide_env_values = true)]
    pub db: String,
    /// The schema as it shall be
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["plan", "schema_program"])]
    pub schema: Vec<String>,
    /// A plan that `plan --output json` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "schema_program")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub planning: Planning,
    #[command(flatten)]
    pub common: Common,
    /// Which stages to run; without it, all up to the first gate
    #[arg(long, value_enum)]
    pub phase: Option<PhaseArg>,
    /// For how long nothing must have been written through the old side before a contract, in seconds
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub drain: u64,
    /// Refuse a contract while sessions with such an application name are there (`*` and `?` stand for any text); may be
    /// repeated
    #[arg(long, value_name = "PATTERN")]
    pub old_app: Vec<String>,
    /// Somebody has looked: go through a gate whatever is seen of the old application; `--phase all` implies it
    #[arg(long)]
    pub confirm_gate: bool,
    #[command(flatten)]
    pub careful: Careful,
    /// text, json or sql
    #[arg(long, default_value = "text")]
    pub output: String,
}

/// How carefully a plan is run.
#[derive(Debug, Args)]
pub struct Careful {
    /// How far a standby may fall behind before a backfill waits for it, in seconds
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub max_lag: u64,
    /// How long a backfill rests after each batch while others work on the server, in percent of the batch's time
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    pub rest: u32,
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
    /// The longest that one attempt waits for a lock, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub lock_timeout: u64,
    /// How long to go on trying for a lock, in seconds
    #[arg(long, value_name = "S", default_value_t = 300)]
    pub lock_budget: u64,
    /// A standby that serves queries: locks that stop all reads wait until it is quiet; may be given more than once
    #[arg(long, value_name = "URL", hide_default_value = true)]
    pub replica: Vec<String>,
    /// How long to wait for another apply to end, in seconds
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub wait: u64,
}

#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The database
    #[arg(long, value_name = "URL", env = "UNDERPIN_DB", hide_env_values = true)]
    pub db: String,
    /// What policy may let through: data-loss, blocks-reads, blocks-writes, breaks-application, or all
    #[arg(long, value_name = "HAZARD", value_delimiter = ',')]
    pub allow: Vec<String>,
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub careful: Careful,
    /// text or json
    #[arg(long, default_value = "text")]
    pub output: String,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The recipe that a step names; without it, the list of all
    #[arg(value_name = "RECIPE")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct DriftArgs {
    #[command(flatten)]
    pub sides: Sides,
    /// A folder of migrations, which says what the database should have; instead of --schema
    #[arg(long, value_name = "DIR", conflicts_with_all = ["schema", "schema_program"])]
    pub migrations: Option<String>,
    /// The tool that runs them; where the folder tells, it need not be said
    #[arg(long, value_name = "TOOL", requires = "migrations")]
    pub format: Option<String>,
    #[command(flatten)]
    pub common: Common,
    /// text, json or sql
    #[arg(long, default_value = "text")]
    pub output: String,
}

#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// The folder in which the tool keeps its migrations
    #[arg(long, value_name = "DIR")]
    pub migrations: PathBuf,
    /// The tool that runs them; where the folder tells, it need not be said
    #[arg(long, value_name = "TOOL")]
    pub format: Option<String>,
    /// The schema as it shall be: SQL files, folders, a database URL or a snapshot
    #[arg(long, alias = "to", value_name = "PATH", num_args = 1.., conflicts_with = "schema_program")]
    pub schema: Vec<String>,
    /// What the change is called; files are named by it
    #[arg(long, value_name = "NAME", required_unless_present_any = ["contract", "baseline"])]
    pub name: Option<String>,
    /// Bring out the contract of that name, which waits in `pending-contract/` beside the folder
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "baseline"])]
    pub contract: Option<String>,
    /// Write the first migration from what the database in --db has, and tell the tool's own table there that it was run
    #[arg(long, requires = "db")]
    pub baseline: bool,
    /// The database that --baseline reads
    #[arg(long, value_name = "URL", env = "UNDERPIN_DB", hide_env_values = true)]
    pub db: Option<String>,
    #[command(flatten)]
    pub planning: Planning,
    #[command(flatten)]
    pub common: Common,
    /// text or json
    #[arg(long, default_value = "text")]
    pub output: String,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The folder in which the tool keeps its migrations
    #[arg(long, value_name = "DIR")]
    pub migrations: PathBuf,
    /// The tool that runs them; where the folder tells, it need not be said
    #[arg(long, value_name = "TOOL")]
    pub format: Option<String>,
    #[command(flatten)]
    pub common: Common,
    /// text or json
    #[arg(long, default_value = "text")]
    pub output: String,
}

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The database (or another source)
    #[arg(long, value_name = "URL", env = "UNDERPIN_DB", hide_env_values = true)]
    pub db: String,
    #[command(flatten)]
    pub common: Common,
    /// sql (a script that rebuilds the schema), json (a snapshot) or text (a list of what is there)
    #[arg(long, default_value = "sql")]
    pub output: String,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The database
    #[arg(long, value_name = "URL", env = "UNDERPIN_DB", hide_env_values = true)]
    pub db: String,
    /// text or json
    #[arg(long, default_value = "text")]
    pub output: String,
    /// Where the output goes
    #[arg(short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SwitchArg {
    Auto,
    Manage,
    Ignore,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StrategyArg {
    Online,
    Direct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProofArg {
    Slice,
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PhaseArg {
    Expand,
    Backfill,
    Contract,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialectArg {
    Postgres,
    Sqlite,
}

impl From<DialectArg> for Dialect {
    fn from(arg: DialectArg) -> Self {
        match arg {
            DialectArg::Postgres => Self::Postgres,
            DialectArg::Sqlite => Self::Sqlite,
        }
    }
}

impl From<SwitchArg> for Switch {
    fn from(arg: SwitchArg) -> Self {
        match arg {
            SwitchArg::Auto => Self::Auto,
            SwitchArg::Manage => Self::Manage,
            SwitchArg::Ignore => Self::Ignore,
        }
    }
}

impl From<StrategyArg> for Strategy {
    fn from(arg: StrategyArg) -> Self {
        match arg {
            StrategyArg::Online => Self::Online,
            StrategyArg::Direct => Self::Direct,
        }
    }
}

/// The settings that the words give.
pub fn settings(
    db: &str,
    schema: &[String],
    common: &Common,
    planning: Option<&Planning>,
) -> Result<Settings, EngineError> {
    let dev_db = match common.dev_db.as_str() {
        "auto" => DevDb::Auto,
        "same-server" => DevDb::SameServer,
        url => match Source::parse(&[url.to_owned()])? {
            Source::Database(target) => DevDb::Url(target),
            Source::Sqlite(_) | Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
                return Err(EngineError::Usage("--dev-db takes auto, same-server or the URL of a database".to_owned()));
            }
        },
    };
    Settings {
        db: Source::parse(&[db.to_owned()])?,
        schema: match (schema.is_empty(), common.schema_program.is_empty()) {
            (false, _) => Some(Source::parse(schema)?),
            (true, false) => Some(Source::Program(common.schema_program.clone())),
            (true, true) => None,
        },
        dev_db,
        strategy: planning.map_or(Strategy::Online, |p| p.strategy.into()),
        owners: common.owners.into(),
        privileges: common.privileges.into(),
        patterns: Patterns::new(&common.include, &common.exclude)?,
        strict: common.strict,
        trust_sql: common.trust_sql,
        use_cache: !common.no_cache,
        cache_dir: None,
        quarantine: planning.and_then(|p| p.quarantine),
        versioned_views: planning.and_then(|p| p.versioned_views.clone()),
        pg_repack: planning.is_some_and(|p| p.pg_repack),
        dialect: common.dialect.map(Into::into),
        assume_rows: false,
        migrations_program: common.migrations_program.clone(),
        full_proof: planning.is_some_and(|p| p.proof == ProofArg::Full),
    }
    .knowing_migrations()
}
