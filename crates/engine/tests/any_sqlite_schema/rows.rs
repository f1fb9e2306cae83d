//! Rows for a database: small values of all sorts that often meet, and now and then odd ones.

use super::support::schema::entries;
use super::support::{column, q, text};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Values that are likely to be equal to others, and to fit a column.
fn usual(declared: &str, n: u64) -> String {
    let declared = declared.to_ascii_uppercase();
    let has = |list: &[&str]| list.iter().any(|word| declared.contains(word));
    let small = n % 4 + 1;
    if has(&["INT"]) {
        small.to_string()
    } else if has(&["CHAR", "CLOB", "TEXT", "JSON"]) {
        text(["alpha beta", "x", "gamma", "7"][usize::try_from(n % 4).unwrap_or(0)])
    } else if has(&["BLOB"]) {
        format!("x'0{small}'")
    } else if has(&["REAL", "FLOA", "DOUB", "DEC"]) {
        format!("{small}.5")
    } else {
        small.to_string()
    }
}

/// Values that are seldom what one thinks of.
const ODD: [&str; 16] = [
    "NULL",
    "'007'",
    "' 1'",
    "'1e2'",
    "9007199254740993",
    "1.0",
    "-0.0",
    "0.1",
    "''",
    "x''",
    "'alpha'",
    "'Ä'",
    "1e300",
    "'1.50'",
    "-9223372036854775808",
    "x'00ff'",
];

/// A number that follows from another one, as if it were chance.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut n = *state;
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

/// Puts rows into the tables; those that a table does not take are left out.
pub fn fill(
    connection: &Connection,
    count: impl Fn(&str) -> (u8, u64),
    orphans: bool,
    gap: bool,
) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.execute_batch(if orphans { "PRAGMA foreign_keys = OFF" } else { "PRAGMA foreign_keys = ON" })?;
    let shadows: Vec<String> = column(connection, "SELECT name FROM pragma_table_list WHERE type = 'shadow'")?;
    let list: Vec<_> =
        entries(connection)?.into_iter().filter(|e| e.kind == "table" && !shadows.contains(&e.name)).collect();
    for entry in &list {
        let words: Vec<String> =
            super::support::words::words(&entry.sql, &|_| true).into_iter().map(|w| w.text).collect();
        if entry.is_virtual() && words.iter().any(|w| w == "content") {
            continue;
        }
        let (rows, mut state) = count(&entry.name);
        let mut query = connection.prepare(&format!(
            "SELECT name, type, \"notnull\" FROM pragma_table_xinfo({}) WHERE hidden = 0",
            text(&entry.name)
        ))?;
        let columns: Vec<(String, String, bool)> =
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<rusqlite::Result<_>>()?;
        let has = |name: &str| columns.iter().any(|(c, ..)| c.eq_ignore_ascii_case(name));
        for n in 0..rows {
            let (mut into, mut values) = (Vec::new(), Vec::new());
            // Numbers with holes between them, where the row's own one can be said.
            if !has("rowid") && !words.contains(&"without".to_owned()) && next(&mut state).is_multiple_of(2) {
                into.push("rowid".to_owned());
                values.push((u64::from(n) * 7 + 3).to_string());
            }
            for (name, declared, not_null) in &columns {
                let dice = next(&mut state);
                let odd = ODD[usize::try_from(dice / 64 % 16).unwrap_or(0)];
                values.push(match dice % 16 {
                    0 => odd.to_owned(),
                    1 if !not_null => "NULL".to_owned(),
                    _ => usual(declared, dice / 1024),
                });
                into.push(q(name));
            }
            let sql =
                format!("INSERT OR ABORT INTO {} ({}) VALUES ({})", q(&entry.name), into.join(", "), values.join(", "));
            // It may refuse it.
            let refused = connection.execute_batch(&sql);
            drop(refused);
        }
        if gap && rows > 1 {
            let last = format!("DELETE FROM {0} WHERE rowid = (SELECT max(rowid) FROM {0})", q(&entry.name));
            // One that has no such numbers keeps its rows.
            let refused = connection.execute_batch(&last);
            drop(refused);
        }
    }
    for entry in list.iter().filter(|e| e.is_virtual()) {
        let words: Vec<String> =
            super::support::words::words(&entry.sql, &|_| true).into_iter().map(|w| w.text).collect();
        let Some(at) = words.iter().position(|w| w == "content") else { continue };
        let sql = match words.get(at + 2).map(String::as_str) {
            Some("''") => format!("INSERT INTO {} (rowid, {}) VALUES (4, 'alpha')", q(&entry.name), q(&words[5])),
            _ => format!("INSERT INTO {0} ({0}) VALUES ('rebuild')", q(&entry.name)),
        };
        // What it is over may be missing.
        let refused = connection.execute_batch(&sql);
        drop(refused);
    }
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    Ok(())
}
