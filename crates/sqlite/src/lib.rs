//! The dialect of SQLite: what a database file holds, how two schemas differ, and the statements between them.
