//! A walk as plain SQL, for files of migrations that another program runs.
//!
//! A procedure commits after each batch. It must be called outside a transaction block, as `psql` does it and as tools do
//! it for files that say so. Stopped and called again it begins at the beginning; rows that are right already are read
//! only.

use super::bounds::{list, range};
use super::table::{KeyColumn, Table, Way, pages_sql};
use postgres::{Client, Error};
use underpin_model::{Backfill, Fingerprint};
use underpin_sql::quote::literal;
use underpin_sql::{Lexer, TokenKind};

/// The time that a batch shall take, in seconds, and the rest after it as a share of that.
const TARGET: f64 = 0.05;
const REST: f64 = 0.5;
/// How often a batch is tried while others have its rows; about a minute.
const TRIES: u32 = 300;

/// Three statements without semicolons: a procedure that walks, its call, its end. `client` is on a database that has the
/// table, of the version for which the file is; where it has none, the statement for all rows at once is the answer.
///
/// # Errors
/// What the server says, or that the line is broken.
pub fn procedure(client: &mut Client, backfill: &Backfill) -> Result<Vec<String>, Error> {
    let Some(body) = body(client, backfill)? else { return Ok(vec![backfill.whole()]) };
    let (name, body) = (name(backfill), quoted(&body));
    Ok(vec![
        format!("CREATE OR REPLACE PROCEDURE {name}() LANGUAGE plpgsql AS {body}"),
        format!("CALL {name}()"),
        format!("DROP PROCEDURE {name}()"),
    ])
}

/// The same as one statement without a semicolon, which leaves nothing behind: an anonymous block. It must be the only one of
/// its message, outside a transaction block.
///
/// # Errors
/// As [`procedure`].
pub fn block(client: &mut Client, backfill: &Backfill) -> Result<String, Error> {
    Ok(match body(client, backfill)? {
        Some(body) => format!("DO LANGUAGE plpgsql {}", quoted(&body)),
        None => backfill.whole(),
    })
}

/// The walk as the body of a procedure; none where the table cannot be walked.
fn body(client: &mut Client, backfill: &Backfill) -> Result<Option<String>, Error> {
    let Some(table) = Table::read(client, backfill)? else { return Ok(None) };
    Ok(Some(match &table.way {
        Way::Keys(columns) => keyed(backfill, columns),
        Way::Pages => paged(backfill, &table),
    }))
}

/// In the schema of the table, where whoever fills it may make things.
fn name(backfill: &Backfill) -> String {
    let hash = Fingerprint::of_texts([backfill.table.as_str(), backfill.statement.as_str()]).0;
    let own = format!("underpin_fill_{}", hash.chars().take(10).collect::<String>());
    let mut tokens = Lexer::new(&backfill.table).filter(|t| !t.kind.is_trivia());
    match (tokens.next(), tokens.next()) {
        (Some(schema), Some(dot)) if dot.kind == TokenKind::Dot => format!("{}.{own}", schema.text(&backfill.table)),
        _ => own,
    }
}

/// Between dollar quotes that do not occur in it.
fn quoted(body: &str) -> String {
    let mut tag = "underpin".to_owned();
    while body.contains(&format!("${tag}$")) {
        tag.push('_');
    }
    format!("${tag}$\n{body}${tag}$")
}

fn keyed(backfill: &Backfill, columns: &[KeyColumn]) -> String {
    let table = &backfill.table;
    let (names, down) = (list(columns, ""), list(columns, " DESC"));
    let of = |what: &str| -> Vec<String> { (1..=columns.len()).map(|n| format!("underpin_{what}_{n}")).collect() };
    let (low, high, end) = (of("low"), of("high"), of("end"));
    let declared: String = [&low, &high, &end]
        .into_iter()
        .flat_map(|names| names.iter().zip(columns))
        .map(|(name, column)| format!("    {name} {};\n", column.type_name))
        .collect();
    let next = |condition: String| {
        format!(
            "SELECT {names} INTO {} FROM {table} WHERE {condition} ORDER BY {names} OFFSET underpin_size - 1 LIMIT 1;",
            high.join(", ")
        )
    };
    let assign = |to: &[String], from: &[String]| -> String {
        to.iter().zip(from).map(|(t, f)| format!("{t} := {f}; ")).collect()
    };
    let prepare = format!(
        "    SELECT {names} INTO {} FROM {table} ORDER BY {down} LIMIT 1;\n    IF NOT FOUND THEN RETURN; END IF;\n",
        end.join(", ")
    );
    let find = format!(
        "        IF underpin_first THEN\n            {}\n        ELSE\n            {}\n        END IF;\n        \
         IF NOT FOUND THEN {}underpin_last := true; END IF;\n",
        next(range(columns, None, &end)),
        next(range(columns, Some(&low), &end)),
        assign(&high, &end),
    );
    let statement = |condition: String| backfill.statement.replace(Backfill::RANGE, &format!("({condition})"));
    let change = format!(
        "            IF underpin_first THEN\n                {};\n            ELSE\n                {};\n            END IF;\n",
        statement(range(columns, None, &high)),
        statement(range(columns, Some(&low), &high)),
    );
    looped(backfill, &declared, &prepare, &find, &change, &assign(&low, &high), 1000, 100_000)
}

fn paged(backfill: &Backfill, table: &Table) -> String {
    let declared = "    underpin_low bigint := 0;\n    underpin_high bigint;\n    underpin_end bigint;\n";
    let prepare = format!(
        "    SELECT pages INTO underpin_end FROM ({}) p;\n    IF underpin_end = 0 THEN RETURN; END IF;\n",
        pages_sql(&backfill.table)
    );
    let find = "        underpin_high := least(underpin_low + underpin_size, underpin_end);\n        \
                underpin_last := underpin_high = underpin_end;\n";
    let condition = if table.page_ranges {
        "ctid >= format('(%s,0)', underpin_low)::tid AND ctid < format('(%s,0)', underpin_high)::tid".to_owned()
    } else {
        format!(
            "ctid = ANY (ARRAY(SELECT format('(%s,%s)', p, r)::tid FROM \
             generate_series(underpin_low, underpin_high - 1) p, generate_series(1, {}) r))",
            table.rows_of_page
        )
    };
    let statement = backfill.statement.replace(Backfill::RANGE, &format!("({condition})"));
    let change = format!("            {statement};\n");
    looped(backfill, declared, &prepare, find, &change, "underpin_low := underpin_high; ", 16, 4096)
}

/// The loop that both ways have.
#[allow(clippy::too_many_arguments)]
fn looped(
    backfill: &Backfill,
    declared: &str,
    prepare: &str,
    find: &str,
    change: &str,
    advance: &str,
    first: u32,
    most: u32,
) -> String {
    let check = backfill.wrong.as_ref().map_or_else(String::new, |wrong| {
        format!(
            "    IF EXISTS (SELECT FROM {} WHERE {wrong}) THEN\n        RAISE EXCEPTION USING MESSAGE = {};\n    END IF;\n",
            backfill.table,
            literal(&format!("there are rows of {} that are not right after all were walked", backfill.table))
        )
    });
    format!(
        "#variable_conflict use_column
DECLARE
{declared}    underpin_size bigint := {first};
    underpin_first boolean := true;
    underpin_last boolean := false;
    underpin_tries int := 0;
    underpin_free boolean;
    underpin_began timestamptz;
    underpin_took float8;
BEGIN
{prepare}    LOOP
        -- For this batch only: its rows are found by the index, and wait for nobody for long.
        PERFORM set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
                set_config('lock_timeout', '100ms', true), set_config('synchronous_commit', 'off', true);
        underpin_began := clock_timestamp();
{find}        underpin_free := true;
        BEGIN
{change}        EXCEPTION WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
            underpin_free := false;
        END;
        IF NOT underpin_free THEN
            ROLLBACK;
            underpin_tries := underpin_tries + 1;
            IF underpin_tries > {TRIES} THEN
                RAISE EXCEPTION 'rows are locked by others for too long; call this again later';
            END IF;
            underpin_last := false;
            underpin_size := greatest(underpin_size / 2, 1);
            PERFORM pg_sleep(0.1);
            CONTINUE;
        END IF;
        COMMIT;
        underpin_tries := 0;
        underpin_first := false;
        {advance}
        EXIT WHEN underpin_last;
        underpin_took := greatest(extract(epoch FROM clock_timestamp() - underpin_began), 0.001);
        underpin_size := least(greatest(underpin_size * least(greatest({TARGET} / underpin_took, 0.5), 2), 1), {most});
        PERFORM pg_sleep(underpin_took * {REST});
    END LOOP;
{check}END
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_in_the_schema_of_its_table() {
        let of = |table: &str| {
            name(&Backfill { table: table.to_owned(), key: Vec::new(), statement: String::new(), wrong: None })
        };
        assert!(of("\"my.app\".t").starts_with("\"my.app\".underpin_fill_"));
        assert!(of("t").starts_with("underpin_fill_"));
        assert_eq!(quoted("a $underpin$ b"), "$underpin_$\na $underpin$ b$underpin_$");
    }
}
