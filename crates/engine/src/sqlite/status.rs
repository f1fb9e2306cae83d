//! What is in flight in a database file: nothing, unless a program that ran the statements of a plan outside a transaction stopped on
//! the way.

use crate::EngineError;
use underpin_connect::SqliteFile;
use underpin_model::Status;
use underpin_sqlite::introspect;

/// What begins the names of objects that plans make for their own use.
const OURS: &str = "_underpin_";

/// The objects that are left over.
pub(crate) fn status(file: &SqliteFile) -> Result<Status, EngineError> {
    let connection = file.open_to_read()?;
    let catalog = introspect(&connection).map_err(|e| file.explained(&e))?;
    let left = catalog.objects.keys().filter(|id| id.part(0).starts_with(OURS));
    Ok(Status { objects: left.map(ToString::to_string).collect(), ..Status::default() })
}
