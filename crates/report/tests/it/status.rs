//! What is in flight.

use crate::{golden, written};
use underpin_model::{BackfillState, LastRun, OldSideSeen, Status, StoppedStep, WaitingGate};
use underpin_report::wire::{self, StatusV1};
use underpin_report::{View, write_status_text};

/// Something of everything.
pub fn in_flight() -> Status {
    let backfill = |table: &str, finished| BackfillState {
        table: table.to_owned(),
        statement: format!("UPDATE {table} SET email_new = lower(email) WHERE {{range}}"),
        walked: 450_000,
        expected: 1_000_000,
        changed: 440_123,
        at: "2026-01-02T03:05:06Z".to_owned(),
        seconds_ago: 4.2,
        finished,
    };
    Status {
        running: Some("pid 4711, user app, application \"underpin\", since 2026-01-02 03:04:05 UTC".to_owned()),
        last_run: Some(LastRun {
            plan: "0123456789abcdef0123456789abcdef".to_owned(),
            by: "deploy".to_owned(),
            at: "2026-01-02T03:05:06Z".to_owned(),
            done: 4,
            stopped: Some(StoppedStep {
                step: "s005".to_owned(),
                state: "started".to_owned(),
                statement: "UPDATE app.users SET email_new = lower(email) WHERE true".to_owned(),
            }),
        }),
        gates: vec![WaitingGate {
            phase: "contract".to_owned(),
            gate: "the new application, which uses app.users.email_new, runs everywhere".to_owned(),
            steps: 3,
            since: "2026-01-01T00:00:00Z".to_owned(),
            old_sides: vec![
                OldSideSeen { what: "app.users.email".to_owned(), seconds_ago: Some(12.3) },
                OldSideSeen { what: "app.users.name".to_owned(), seconds_ago: None },
            ],
        }],
        backfills: vec![backfill("app.users", false), backfill("app.orders", true)],
        objects: vec!["trigger zz_underpin_email on table app.users".to_owned()],
    }
}

#[test]
fn what_is_in_flight_for_people_and_scripts() {
    golden("status.txt", &written(|out| write_status_text(out, &in_flight(), &View::plain())));
    golden("status.json", &written(|out| wire::write(out, &StatusV1::from(&in_flight()))));
    let quiet = written(|out| write_status_text(out, &Status::default(), &View::plain()));
    assert_eq!(quiet, "Nothing is in flight.\n");
}

#[test]
fn a_run_that_stopped_says_how_to_go_on() {
    let stopped = Status { running: None, ..in_flight() };
    let text = written(|out| write_status_text(out, &stopped, &View::plain()));
    assert!(text.contains("step s005 did not end. Running `underpin apply` again goes on"), "{text}");
}
