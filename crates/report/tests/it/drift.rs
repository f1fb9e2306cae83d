//! Drift as text.

use crate::examples::diagnostics;
use crate::{golden, written};
use underpin_report::{DriftChange, DriftDifference, DriftReport, View, write_drift_text};

pub fn drifted() -> DriftReport {
    let columns: Vec<String> = (1..12).map(|n| format!("  c{n} text,\n")).collect();
    let table = |last: &str| format!("CREATE TABLE public.users (\n{}  email {last}\n);", columns.concat());
    DriftReport {
        database: "postgres://app@db.example/app".to_owned(),
        server: "postgres 15.4 (Debian 15.4-1.pgdg120+1)".to_owned(),
        differences: vec![
            DriftDifference {
                object: "table public.users".to_owned(),
                kind: "table".to_owned(),
                change: DriftChange::Changed,
                attributes: vec![
                    "column public.users.email: type".to_owned(),
                    "column public.users.email: not null".to_owned(),
                ],
                expected: Some(table("text NOT NULL")),
                actual: Some(table("varchar(255)")),
            },
            DriftDifference {
                object: "index public.users_email_idx".to_owned(),
                kind: "index".to_owned(),
                change: DriftChange::Missing,
                attributes: Vec::new(),
                expected: Some("CREATE INDEX users_email_idx ON public.users USING btree (email);".to_owned()),
                actual: None,
            },
            DriftDifference {
                object: "table public.tmp_fix".to_owned(),
                kind: "table".to_owned(),
                change: DriftChange::Unexpected,
                attributes: Vec::new(),
                expected: None,
                actual: Some("CREATE TABLE public.tmp_fix (\n  id bigint\n);\n".to_owned()),
            },
        ],
        diagnostics: diagnostics().into_iter().take(1).collect(),
    }
}

fn text(report: &DriftReport, color: bool) -> String {
    written(|out| write_drift_text(out, report, &View { color, ..View::plain() }))
}

#[test]
fn drift_as_text() {
    golden("drift.txt", &text(&drifted(), false));
    golden("drift-color.txt", &text(&drifted(), true).replace('\u{1b}', "␛"));
}

#[test]
fn no_drift_is_one_line() {
    let mut report = drifted();
    report.differences.clear();
    report.diagnostics.clear();
    assert_eq!(
        text(&report, false),
        "No drift: postgres://app@db.example/app (postgres 15.4) is what the schema says.\n"
    );
}
