//! Plans to be shown.

use std::collections::BTreeSet;
use underpin_model::{
    Batch, Diagnostic, Fingerprint, Hazard, HazardKind, LockMode, Phase, Plan, RelationLock, Run, Severity, Source,
    Span, Stage, Step, Strategy, Timeouts, Work,
};

pub fn step(n: usize, change: &str, sql: &str) -> Step {
    Step {
        changes: vec![change.to_owned()],
        timeouts: Timeouts { lock_ms: 1000, statement_ms: 0 },
        ..Step::new(format!("s{n:03}"), Run::Sql, vec![sql.to_owned()])
    }
}

pub fn locked(mut step: Step, relation: &str, mode: LockMode, work: Work) -> Step {
    step.locks.push(RelationLock { relation: relation.to_owned(), mode });
    step.work = step.work.max(work);
    step
}

fn from_file(mut step: Step, file: &str, line: usize) -> Step {
    step.source = Some(Source { file: file.to_owned(), line });
    step
}

fn hazard(mut step: Step, kind: HazardKind, message: &str) -> Step {
    step.hazards.push(Hazard { kind, message: message.to_owned() });
    step
}

pub fn transaction(steps: Vec<Step>) -> Batch {
    Batch { transaction: true, steps }
}

pub fn alone(step: Step) -> Batch {
    Batch { transaction: false, steps: vec![step] }
}

pub fn stage(phase: Phase, gate: Option<&str>, batches: Vec<Batch>) -> Stage {
    Stage {
        phase,
        gate: gate.map(str::to_owned),
        old_sides: Vec::new(),
        fingerprint: Fingerprint("a1".repeat(32)),
        touches: BTreeSet::from(["table public.users".to_owned()]),
        batches,
    }
}

pub fn plan(strategy: Strategy, stages: Vec<Stage>) -> Plan {
    Plan {
        dialect: "postgres".to_owned(),
        server: "15.4 (Debian 15.4-1.pgdg120+1)".to_owned(),
        strategy,
        from: Fingerprint("0f".repeat(32)),
        to: Fingerprint("f0".repeat(32)),
        stages,
        diagnostics: Vec::new(),
    }
}

pub fn diagnostics() -> Vec<Diagnostic> {
    vec![
        Diagnostic::new(Severity::Note, "owners-not-compared", "the owners of 3 objects are not compared")
            .note("The schema's files say nothing of owners, so that `--owners auto` leaves them alone.")
            .help("Pass `--owners manage` to have them compared."),
        Diagnostic::new(Severity::Warning, "copy-data-skipped", "the rows of this COPY are not loaded")
            .at(Some(Span { file: "schema/users.sql".to_owned(), line: 5, column: 1, start: 60, end: 86 }))
            .note("A schema says what tables there are and not what is in them.")
            .help("Move data to a migration, or leave this as it is: nothing is changed by it."),
        Diagnostic::new(Severity::Error, "syntax", "syntax error at or near \"TABEL\"").at(Some(Span {
            file: "schema/gone.sql".to_owned(),
            line: 7,
            column: 8,
            start: 90,
            end: 95,
        })),
    ]
}

/// What `schema/users.sql` holds.
pub const USERS_SQL: &str =
    "CREATE TABLE users (\n\tid bigint PRIMARY KEY,\n\temail text\n);\nCOPY users (id) FROM stdin;\n1\n\\.\n";

/// Two new objects in one transaction, an index outside, a view; nothing is risky.
pub fn small() -> Plan {
    let table = "CREATE TABLE public.orders (\n  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,\n  user_id bigint NOT NULL\n)";
    let key = "ALTER TABLE public.orders ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users (id)";
    let index = "CREATE INDEX CONCURRENTLY users_email_idx ON public.users USING btree (email)";
    let mut first = from_file(step(1, "create table public.orders", table), "schema/orders.sql", 1);
    first.changes.push("create column public.orders.id".to_owned());
    first.changes.push("create column public.orders.user_id".to_owned());
    let second = from_file(step(2, "create constraint public.orders.orders_user_id_fkey", key), "schema/orders.sql", 4);
    let second = locked(second, "public.users", LockMode::ShareRowExclusive, Work::Instant);
    let mut third = from_file(step(3, "create index public.users_email_idx", index), "schema/users.sql", 9);
    third = locked(third, "public.users", LockMode::ShareUpdateExclusive, Work::Rewrite);
    third.run = Run::Build;
    third.recipe = Some("index-concurrently".to_owned());
    third.reason = Some("A plain CREATE INDEX stops every write of the table until the index is built.".to_owned());
    third.timeouts = Timeouts { lock_ms: 0, statement_ms: 0 };
    let fourth = step(
        4,
        "alter view public.names: definition",
        "CREATE OR REPLACE VIEW public.names AS\n SELECT id,\n    email -- not the login\n   FROM public.users -- all",
    );
    let fourth = locked(fourth, "public.names", LockMode::AccessExclusive, Work::Instant);
    let batches = vec![transaction(vec![first, second]), alone(third), transaction(vec![fourth])];
    plan(Strategy::Online, vec![stage(Phase::Expand, None, batches)])
}

/// Three stages with a gate, a backfill, a check, and data that goes.
pub fn staged() -> Plan {
    let gate = "Every running application writes public.users.name and no longer reads public.users.login; deploy that and wait until the old one is gone.";
    let mut add = locked(
        step(1, "create column public.users.name", "ALTER TABLE public.users ADD COLUMN name text"),
        "public.users",
        LockMode::AccessExclusive,
        Work::Instant,
    );
    add.run = Run::Locked;
    add.undo = Some(vec!["ALTER TABLE public.users DROP COLUMN name".to_owned()]);
    let mut fill =
        step(2, "create column public.users.name", "UPDATE public.users SET name = login WHERE name IS NULL");
    fill.run = Run::Backfill;
    fill.recipe = Some("rename-column".to_owned());
    fill.reason = Some("Rows that were there before have their value in the old column only.".to_owned());
    fill = locked(fill, "public.users", LockMode::RowExclusive, Work::Rewrite);
    let mut check = step(3, "", "SELECT NOT EXISTS (SELECT FROM public.users WHERE name IS NULL)");
    check.run = Run::Assert;
    check.changes.clear();
    check.reason = Some("Every row has a name before the old column goes.".to_owned());
    check = locked(check, "public.users", LockMode::AccessShare, Work::Scan);
    let validate = locked(
        step(
            4,
            "alter column public.users.name: not null",
            "ALTER TABLE public.users VALIDATE CONSTRAINT _underpin_name_not_null",
        ),
        "public.users",
        LockMode::ShareUpdateExclusive,
        Work::Scan,
    );
    let drop = hazard(
        from_file(
            step(5, "drop column public.users.login", "ALTER TABLE public.users DROP COLUMN login"),
            "schema/users.sql",
            3,
        ),
        HazardKind::DataLoss,
        "the values of public.users.login are gone afterwards; they cannot be brought back.",
    );
    let drop = locked(drop, "public.users", LockMode::AccessExclusive, Work::Instant);
    let mut retype = locked(
        step(6, "alter column public.orders.total: type", "ALTER TABLE public.orders ALTER COLUMN total TYPE bigint"),
        "public.orders",
        LockMode::AccessExclusive,
        Work::Rewrite,
    );
    retype = hazard(retype, HazardKind::BlocksReads, "no online way to change a column of the partition key is known");
    retype = hazard(retype, HazardKind::BlocksWrites, "the same");
    let mut plan = plan(
        Strategy::Online,
        vec![
            stage(Phase::Expand, None, vec![transaction(vec![add])]),
            stage(Phase::Backfill, None, vec![alone(fill), alone(check), transaction(vec![validate])]),
            stage(Phase::Contract, Some(gate), vec![transaction(vec![drop, retype])]),
        ],
    );
    plan.diagnostics = diagnostics();
    plan
}

/// The same harm in a direct plan, which was asked for as it is.
pub fn direct() -> Plan {
    let index = locked(
        step(
            1,
            "create index public.users_email_idx",
            "CREATE INDEX users_email_idx ON public.users USING btree (email)",
        ),
        "public.users",
        LockMode::Share,
        Work::Rewrite,
    );
    let index = hazard(index, HazardKind::BlocksWrites, "an index is built over public.users");
    plan(Strategy::Direct, vec![stage(Phase::Expand, None, vec![transaction(vec![index])])])
}

/// Hundreds of steps, some of them with long statements.
pub fn long() -> Plan {
    let batches = (1..=240)
        .map(|n| {
            let columns: Vec<String> = (1..=20).map(|c| format!("  column_{c} text")).collect();
            let sql = format!("CREATE TABLE public.t{n} (\n{}\n)", columns.join(",\n"));
            let mut step = step(n, &format!("create table public.t{n}"), &sql);
            for c in 1..=20 {
                step.changes.push(format!("create column public.t{n}.column_{c}"));
            }
            if n % 20 == 0 {
                step.hazards
                    .push(Hazard { kind: HazardKind::DataLoss, message: format!("the rows of public.old{n} go") });
            }
            transaction(vec![step])
        })
        .collect();
    plan(Strategy::Online, vec![stage(Phase::Expand, None, batches)])
}
