//! What stands around statements that foreign keys of SQLite must not see: the switch, which is heeded outside of transactions
//! only, a transaction, and a check that the switch was heeded.

use crate::{Mode, New};
use underpin_sql::sqlite;

/// Switches foreign keys off for the connection.
pub(crate) const OFF: &str = "PRAGMA foreign_keys = OFF";
/// Switches them on again. What they were before cannot be told in SQL; on is what keeps rows.
pub(crate) const ON: &str = "PRAGMA foreign_keys = ON";

/// What the check says where it fails, behind the server's own words `CHECK constraint failed:`.
const STILL_ON: &str = "foreign keys are still on, so that dropping a table would delete the rows that refer to it";

/// The statements behind a check that fails unless foreign keys are off. Nothing in it gives rows: drivers refuse them where
/// they expect none.
pub(crate) fn checked(sql: &[String]) -> Vec<String> {
    let table = sqlite::ident("_underpin_keys");
    let mut all = vec![
        format!("CREATE TEMP TABLE {table} (\"off\" INTEGER CONSTRAINT {} CHECK (\"off\"))", sqlite::ident(STILL_ON)),
        format!("INSERT INTO {table} SELECT NOT \"foreign_keys\" FROM pragma_foreign_keys"),
        format!("DROP TABLE temp.{table}"),
    ];
    all.extend(sql.iter().cloned());
    all
}

/// The statements in a transaction of their own.
pub(crate) fn transaction(sql: &[String]) -> Vec<String> {
    around(&["BEGIN IMMEDIATE"], sql, &["COMMIT"])
}

/// The statements in a transaction of their own, with foreign keys switched off before it and on behind it. All of that has to
/// be run by one connection, outside of a transaction.
pub(crate) fn framed(sql: &[String]) -> Vec<String> {
    around(&[OFF], &transaction(&checked(sql)), &[ON])
}

/// The statements between others.
pub(crate) fn around(before: &[&str], sql: &[String], after: &[&str]) -> Vec<String> {
    let owned = |text: &&str| (*text).to_owned();
    before.iter().map(owned).chain(sql.iter().cloned()).chain(after.iter().map(owned)).collect()
}

/// What tools say of the switch whose connections have foreign keys off as a rule: SQL cannot leave it as it was.
pub(crate) fn stays_on(new: &[New]) -> Option<String> {
    let switches = |new: &New| new.mode == Mode::Unchecked || new.down.mode() == Mode::Unchecked;
    new.iter().any(switches).then(|| {
        "Behind these migrations foreign keys are on for the rest of the run, also where the connection had them off: a later one \
         that drops a table which others refer to has to switch them off itself."
            .to_owned()
    })
}
