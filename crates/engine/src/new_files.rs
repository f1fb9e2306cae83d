//! Batches of a plan as migrations: what is to stand in a file each, apart from the tool's own form.

use crate::EngineError;
use crate::dev::DevDatabase;
use crate::error::server_words;
use crate::repack;
use underpin_migrations::{Down, Mode, New, slug};
use underpin_model::{Batch, External, Phase, Run, Stage, Step};
use underpin_sql::{Class, ObjectWord, quote, split};

/// The longest that a statement of a file waits for a lock, in milliseconds, where nothing else is said: a tool makes one
/// attempt, and others queue behind it meanwhile.
const LOCK_MS: u64 = 2000;

/// A migration before its way back is known, with what is to be known for that.
pub(crate) struct Draft {
    pub new: New,
    /// The data that is gone with it.
    pub lost: Vec<String>,
    /// What takes each of its steps back, in the order of the steps, where all of them say so.
    pub undo: Option<Vec<Vec<String>>>,
    /// Whether it is a walk along rows.
    pub fills: bool,
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand",
        Phase::Backfill => "backfill",
        Phase::Contract => "contract",
    }
}

/// The migrations of one batch; `database` is in the state that the batch begins with.
pub(crate) fn drafts(stage: &Stage, batch: &Batch, database: &mut DevDatabase<'_>) -> Result<Vec<Draft>, EngineError> {
    let mut drafts = Vec::new();
    if batch.transaction {
        drafts.push(together(stage, batch));
        return Ok(drafts);
    }
    for step in &batch.steps {
        if let Some(external) = &step.external {
            drafts.push(looked_at(stage, step, external));
            continue;
        }
        let statements = match &step.backfill {
            Some(backfill) => {
                let block = underpin_executor::block(&mut database.loader, backfill);
                vec![block.map_err(|e| EngineError::Failure(server_words(&e)))?]
            }
            None => step.sql.clone(),
        };
        for sql in statements {
            drafts.push(Draft {
                new: New {
                    slug: String::new(),
                    summary: summary(stage, std::slice::from_ref(step)),
                    mode: Mode::Alone,
                    done: Some(done(step, &sql)),
                    up: vec![sql],
                    down: Down::Cannot(String::new()),
                },
                lost: lost(std::slice::from_ref(step)),
                undo: step.undo.clone().map(|undo| vec![undo]),
                fills: step.run == Run::Backfill,
            });
        }
    }
    Ok(drafts)
}

/// What another program does as a migration: it stops unless that was done, and then has nothing left to do. Where there are no rows
/// it does it.
fn looked_at(stage: &Stage, step: &Step, external: &External) -> Draft {
    let mut up = vec![format!("SET LOCAL lock_timeout = '{LOCK_MS}ms'"), repack::guard(external, &step.sql)];
    up.extend(external.statements.iter().cloned());
    let mut summary = summary(stage, std::slice::from_ref(step));
    summary.extend(step.sql.iter().map(|command| format!("Run before: {command}")));
    Draft {
        new: New { slug: String::new(), summary, mode: Mode::Whole, up, down: Down::Cannot(String::new()), done: None },
        lost: lost(std::slice::from_ref(step)),
        undo: None,
        fills: false,
    }
}

/// The steps of a transaction as one migration.
fn together(stage: &Stage, batch: &Batch) -> Draft {
    let strong = batch.steps.iter().any(|s| s.locks.iter().any(|l| l.mode.blocks_writes()));
    let class = |sql: &str| split(sql).statements.into_iter().next().map(|s| s.class);
    let bodies = batch
        .steps
        .iter()
        .flat_map(|s| &s.sql)
        .any(|sql| matches!(class(sql), Some(Class::Create(ObjectWord::Function | ObjectWord::Procedure))));
    let mut up = Vec::new();
    if strong {
        let limit = batch.steps.iter().map(|s| s.timeouts.lock_ms).filter(|ms| *ms > 0).max().unwrap_or(LOCK_MS);
        up.push(format!("SET LOCAL lock_timeout = '{limit}ms'"));
    }
    if bodies {
        // A body may name what comes after it.
        up.push("SET LOCAL check_function_bodies = off".to_owned());
    }
    for step in &batch.steps {
        if step.run == Run::Assert {
            up.extend(step.sql.iter().map(|sql| guard(sql, &step.changes.join("; "))));
        } else {
            up.extend(step.sql.iter().cloned());
        }
    }
    Draft {
        new: New {
            slug: String::new(),
            summary: summary(stage, &batch.steps),
            mode: Mode::Whole,
            up,
            down: Down::Cannot(String::new()),
            done: None,
        },
        lost: lost(&batch.steps),
        undo: batch.steps.iter().map(|s| s.undo.clone()).collect(),
        fills: false,
    }
}

/// A check as a statement that fails unless it holds: unless no row comes whose first column is not true.
fn guard(sql: &str, words: &str) -> String {
    let mut tag = "underpin".to_owned();
    while sql.contains(&format!("${tag}$")) || words.contains(&format!("${tag}$")) {
        tag.push('_');
    }
    let message = quote::literal(&format!("a check does not hold: {words}"));
    format!(
        "DO ${tag}$\nDECLARE\n    underpin_row record;\nBEGIN\n    FOR underpin_row IN\n{}\n    LOOP\n        \
         IF (SELECT value FROM json_each_text(row_to_json(underpin_row)) LIMIT 1) IS DISTINCT FROM 'true' THEN\n            \
         RAISE EXCEPTION USING MESSAGE = {message};\n        END IF;\n    END LOOP;\nEND ${tag}$",
        sql.trim_end()
    )
}

/// The data that is gone with steps.
pub(crate) fn lost(steps: &[Step]) -> Vec<String> {
    use underpin_model::HazardKind;
    let hazards = steps.iter().flat_map(|s| &s.hazards).filter(|h| h.kind == HazardKind::DataLoss);
    hazards.map(|h| h.message.clone()).collect()
}

/// What stands at the head of the file.
pub(crate) fn summary(stage: &Stage, steps: &[Step]) -> Vec<String> {
    let mut lines = vec![format!("Phase: {}", phase(stage.phase))];
    let mut add = |name: &str, words: &str| {
        let line = format!("{name}: {}", words.split_whitespace().collect::<Vec<_>>().join(" "));
        if !words.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    };
    for step in steps {
        step.changes.iter().for_each(|words| add("What", words));
        add("Why", step.reason.as_deref().unwrap_or_default());
    }
    for step in steps {
        step.locks.iter().for_each(|lock| add("Lock", &format!("{} on {}", lock.mode.words(), lock.relation)));
        step.hazards.iter().for_each(|h| add("Hazard", &format!("{}: {}", h.kind.name(), h.message)));
    }
    add("Gate", stage.gate.as_deref().unwrap_or_default());
    lines
}

/// A query that is true once a statement outside transactions was run.
pub(crate) fn done(step: &Step, sql: &str) -> String {
    if let Some(backfill) = &step.backfill {
        return match &backfill.wrong {
            Some(wrong) => format!("SELECT NOT EXISTS (SELECT FROM {} WHERE {wrong})", backfill.table),
            None => "SELECT true".to_owned(),
        };
    }
    let found = split(sql).statements.into_iter().next();
    let named = |names: &[underpin_sql::Name]| {
        let name = names.first()?;
        let parts: Vec<&str> = name.schema.iter().map(String::as_str).chain([name.name.as_str()]).collect();
        Some(quote::literal(&quote::qualified(&parts)))
    };
    let words: Vec<String> = sql.split_whitespace().take(3).map(str::to_ascii_lowercase).collect();
    let is_index = words.iter().any(|w| w == "index");
    match (words.first().map(String::as_str), found) {
        (Some("create"), Some(statement)) if is_index => match named(&statement.creates) {
            Some(name) => format!(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass({name}) AND indisvalid)"
            ),
            None => "SELECT true".to_owned(),
        },
        (Some("drop"), Some(statement)) if is_index => match named(&statement.drops) {
            Some(name) => format!("SELECT pg_catalog.to_regclass({name}) IS NULL"),
            None => "SELECT true".to_owned(),
        },
        _ => "SELECT true".to_owned(),
    }
}

/// Names the migrations of a plan: the plan's own name, and where there are several, a number and the phase.
pub(crate) fn name(name: &str, drafts: &mut [(Phase, Draft)]) {
    let several = drafts.len() > 1;
    let width = drafts.len().to_string().len();
    for (n, (of, draft)) in drafts.iter_mut().enumerate() {
        draft.new.slug = if several {
            // The longest phase and number fit behind the longest name.
            let own = slug(name);
            let own: String = own.chars().take(44).collect();
            format!("{}_{:0width$}_{}", own.trim_end_matches('_'), n + 1, phase(*of))
        } else {
            slug(name)
        };
    }
}
