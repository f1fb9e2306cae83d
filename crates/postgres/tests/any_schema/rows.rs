//! Rows, which have to stay where their table does.

use crate::common::{migrate, words};
use postgres::Client;
use std::collections::BTreeMap;
use underpin_model::Strategy;
use underpin_postgres::{PgCatalog, Server};

/// The tables that hold rows, with what tells whether a table is still the same one, and the number of their rows.
const TABLES: &str = "SELECT format('%I.%I', n.nspname, c.relname), \
    concat_ws(' ', c.relkind, pg_get_partkeydef(c.oid), c.relispartition, \
    (SELECT string_agg(inhparent::regclass::text, ',') FROM pg_inherits WHERE inhrelid = c.oid)) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1";

/// The columns of a table that a row can give a value, with the values: by the kind of the type under all domains.
const COLUMNS: &str = "SELECT quote_ident(attname), CASE \
    WHEN typname = 'bool' THEN 'true' WHEN typcategory = 'N' THEN '1' WHEN typcategory = 'D' THEN quote_literal('2024-01-02') \
    WHEN typcategory = 'E' THEN (SELECT quote_literal(min(enumlabel)) FROM pg_enum WHERE enumtypid = u.oid) \
    WHEN typcategory = 'A' THEN quote_literal('{}') WHEN typcategory = 'R' THEN quote_literal('empty') \
    WHEN typcategory = 'T' THEN quote_literal('1 day') WHEN typname LIKE 'json%' THEN quote_literal('{}') \
    WHEN typname = 'uuid' THEN quote_literal('00000000-0000-0000-0000-000000000001') \
    WHEN typname = 'inet' THEN quote_literal('10.0.0.1') WHEN typname = 'bit' THEN quote_literal('101') \
    WHEN typname = 'point' THEN quote_literal('(1,2)') WHEN typcategory = 'S' THEN quote_literal('1') ELSE 'NULL' END \
    FROM pg_attribute a, LATERAL (WITH RECURSIVE under AS (SELECT t FROM pg_type t WHERE t.oid = atttypid UNION ALL \
    SELECT b FROM under JOIN pg_type b ON b.oid = (under.t).typbasetype AND (under.t).typtype = 'd') \
    SELECT (t).* FROM under WHERE (t).typtype <> 'd') u \
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = '' \
    AND attname NOT LIKE 'f\\_%' ORDER BY attnum";

fn tables(client: &mut Client) -> Result<BTreeMap<String, String>, String> {
    let rows = client.query(TABLES, &[]).map_err(|e| words(&e))?;
    Ok(rows.iter().map(|r| (r.get(0), r.get(1))).collect())
}

/// Puts a row into every table that takes one.
fn fill(client: &mut Client, table: &str) -> Result<(), String> {
    let columns = client.query(COLUMNS, &[&table]).map_err(|e| words(&e))?;
    let (names, values): (Vec<String>, Vec<String>) = columns.iter().map(|r| (r.get(0), r.get(1))).unzip();
    let sql = if names.is_empty() {
        format!("INSERT INTO {table} DEFAULT VALUES")
    } else {
        format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), values.join(", "))
    };
    // A table may refuse it: for the bounds of its partitions, a check, a foreign key.
    let _refused = client.batch_execute(&sql);
    Ok(())
}

fn count(client: &mut Client, table: &str) -> Result<i64, String> {
    Ok(client.query_one(&format!("SELECT count(*) FROM ONLY {table}"), &[]).map_err(|e| words(&e))?.get(0))
}

/// Fills the tables, brings the database to the other schema, and looks whether the tables that stay have kept their rows. Where
/// rows do not fit what is wanted (a column that must not be null, a value that is no number), nothing is to be seen.
pub fn stay(client: &mut Client, server: &Server, to: &PgCatalog) -> Result<(), String> {
    let before = tables(client)?;
    let mut counts = BTreeMap::new();
    for table in before.keys() {
        fill(client, table)?;
    }
    for table in before.keys() {
        counts.insert(table.clone(), count(client, table)?);
    }
    let ran = match migrate(client, server, Strategy::Online, to) {
        Ok(ran) => ran,
        // What the values or the constraints say against it: classes 22 and 23.
        Err(stopped) if stopped.code.as_ref().is_some_and(|c| c.starts_with("22") || c.starts_with("23")) => {
            return Ok(());
        }
        Err(stopped) => return Err(stopped.words),
    };
    for (table, shape) in tables(client)? {
        if before.get(&table) == Some(&shape) {
            let now = count(client, &table)?;
            if now != counts[&table] {
                return Err(format!("{table} had {} rows and has {now}\nafter:\n{}", counts[&table], ran.join(";\n")));
            }
        }
    }
    Ok(())
}
