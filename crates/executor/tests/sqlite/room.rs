//! A disk, or a database, that is full.

use crate::support::{Database, Recorder, plan, rebuilt, rows, together};
use underpin_executor::sqlite::{Checks, SqliteError, StepProblem, apply};
use underpin_executor::{Cancel, Options};

#[test]
fn a_database_that_may_not_grow_stays_as_it_was() {
    for mode in ["delete", "wal"] {
        let database = Database::new(mode, &format!("{} CREATE INDEX i ON t (a);", rows(20_000)));
        let before = database.content();
        let mut connection = database.connect();
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        // At the beginning, in the middle, and at the end of the copy.
        for more in [1, 100, 200] {
            connection.pragma_update_and_check(None, "max_page_count", pages + more, |_| Ok(())).unwrap();
            let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
            let plan = plan(vec![together(vec![rebuilt()])]);
            let error =
                apply(&mut connection, &plan, checks, &Options::default(), &Recorder::default(), &Cancel::new())
                    .unwrap_err();
            let SqliteError::Step(failure) = &error else { panic!("{error}") };
            assert_eq!(failure.problem, StepProblem::Full);
            let text = error.to_string();
            assert!(
                text.contains("database or disk is full") && text.contains("Make room first. Nothing was committed"),
                "{text}"
            );
            assert!(connection.is_autocommit());
            assert_eq!(database.content(), before, "{mode} {more}");
        }
        assert_eq!(database.value("SELECT integrity_check FROM pragma_integrity_check"), "ok");
    }
}
