//! What is in flight in a database.

use crate::{EngineError, Source};
use underpin_model::Status;

/// What an earlier run began and did not end. In SQLite there is no such thing but what another program left: a plan is one
/// transaction there.
///
/// # Errors
/// When the source is no database, or cannot be read.
pub fn status(source: &Source) -> Result<Status, EngineError> {
    match source {
        Source::Database(target) => {
            let mut client = target.connect("underpin status")?;
            Ok(underpin_executor::status(&mut client)?)
        }
        Source::Sqlite(file) => crate::sqlite::status(file),
        Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
            Err(EngineError::Usage("status asks a database; give its URL in --db".to_owned()))
        }
    }
}
