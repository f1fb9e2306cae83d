//! The formats: one file each, and the list of them.

mod alembic;
mod atlas;
mod dbmate;
mod django;
mod drizzle;
mod flyway;
mod golang_migrate;
mod goose;
mod javascript;
mod knex;
mod liquibase;
#[cfg(test)]
mod lite;
mod one_message;
mod plain;
mod prisma;
mod python;
mod refinery;
mod sqitch;
mod sqlx;
mod sums;
#[cfg(test)]
mod trial;
mod typeorm;

use crate::{Files, Format, Trouble};

/// Every format, in the order in which they are asked whether a folder is theirs: those that a file of their own tells first.
pub static FORMATS: &[&dyn Format] = &[
    &plain::Plain,
    &atlas::Atlas,
    &sqitch::Sqitch,
    &liquibase::Liquibase,
    &alembic::Alembic,
    &django::Django,
    &prisma::Prisma,
    &drizzle::Drizzle::Plain,
    &drizzle::Drizzle::Libsql,
    &dbmate::Dbmate,
    &goose::Goose,
    &flyway::Flyway,
    &refinery::Refinery,
    &sqlx::Sqlx,
    &typeorm::TypeOrm,
    &knex::Knex,
    &golang_migrate::GolangMigrate,
];

/// The format of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name)
}

/// The format of a folder, by what it holds; none where nothing tells.
///
/// # Errors
/// When it holds files of several.
pub fn detect(files: &Files) -> Result<Option<&'static dyn Format>, Trouble> {
    let found: Vec<_> = FORMATS.iter().copied().filter(|f| f.recognises(files)).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        many => {
            let names: Vec<&str> = many.iter().map(|f| f.name()).collect();
            let words = format!(
                "{} looks like a folder of several tools: {}; which of them runs what is not known",
                files.root().display(),
                names.join(", ")
            );
            Err(Trouble::new("mixed-formats", words)
                .help("name the tool with --format, and keep one tool's files in the folder"))
        }
    }
}
