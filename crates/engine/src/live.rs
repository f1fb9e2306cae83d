//! The live side: a connection and what the server says of itself.

use crate::EngineError;
use crate::dev::Likeness;
use postgres::Client;
use underpin_connect::Target;
use underpin_postgres::{Server, server_of};

/// A connection to a live database.
pub(crate) struct Live {
    pub client: Client,
    pub server: Server,
    pub likeness: Likeness,
}

impl Live {
    /// Connects and asks what kind of server this is.
    pub fn connect(target: &Target) -> Result<Self, EngineError> {
        let mut client = target.connect("underpin")?;
        let server = server_of(&mut client)?;
        // Types that every version prints as text; one round trip.
        let row = client
            .query_one(
                "SELECT current_user::text, current_setting('search_path'), d.datcollate::text, d.datctype::text, \
                 pg_encoding_to_char(d.encoding)::text, current_setting('TimeZone'), \
                 ARRAY(SELECT rolname::text FROM pg_roles ORDER BY 1), \
                 ARRAY(SELECT spcname::text FROM pg_tablespace WHERE oid >= 16384 ORDER BY 1) FROM pg_database d WHERE d.datname = current_database()",
                &[],
            )
            .map_err(|e| EngineError::Failure(format!("the catalog of the database could not be read: {}", crate::error::server_words(&e))))?;
        let likeness = Likeness {
            major: Some(server.major()),
            user: row.get(0),
            search_path: row.get(1),
            collate: row.get(2),
            ctype: row.get(3),
            encoding: row.get(4),
            time_zone: row.get(5),
            roles: row.get(6),
            tablespaces: row.get(7),
        };
        Ok(Self { client, server, likeness })
    }
}
