//! The published formats: what is written, their schemas, and what is refused.

use crate::{drift, examples, folder, golden, same_as_file, status, written};
use std::time::Duration;
use underpin_model::Plan;
use underpin_report::wire::{self, ApplyV1, DriftV1, GeneratedV1, PlanV1, SnapshotV1, StatusV1, WireError};
use underpin_report::{ApplyReport, FORMATS, Format, View, schemas};

#[test]
fn the_checked_in_schemas_are_current() {
    for (name, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        same_as_file(&folder("../../../schemas").join(name), &text);
    }
}

#[test]
fn a_plan_comes_back_as_it_was() {
    for plan in [examples::small(), examples::staged(), examples::direct(), examples::long()] {
        let text = written(|out| wire::write(out, &PlanV1::from(&plan)));
        assert_eq!(wire::read_plan(&text).unwrap(), plan);
    }
}

#[test]
fn documents_as_json() {
    golden("plan-staged.json", &written(|out| wire::write(out, &PlanV1::from(&examples::staged()))));
    golden("drift.json", &written(|out| wire::write(out, &DriftV1::from(&drift::drifted()))));
}

#[test]
fn what_is_written_is_what_the_schemas_say() {
    let plan = examples::staged();
    let report = ApplyReport {
        plan: &plan,
        steps_run: 4,
        took: Duration::from_millis(120),
        waited: Duration::ZERO,
        warnings: Vec::new(),
        gate: None,
    };
    let documents = [
        ("plan.v1.json", serde_json::to_value(PlanV1::from(&plan)).unwrap()),
        ("drift.v1.json", serde_json::to_value(DriftV1::from(&drift::drifted())).unwrap()),
        ("apply.v1.json", serde_json::to_value(ApplyV1::from(&report)).unwrap()),
        ("status.v1.json", serde_json::to_value(StatusV1::from(&status::in_flight())).unwrap()),
        (
            "generated.v1.json",
            serde_json::to_value(GeneratedV1::new(vec!["m/1_a.sql".to_owned()], Vec::new(), Vec::new(), Vec::new()))
                .unwrap(),
        ),
    ];
    for (name, document) in documents {
        let schema = schemas().into_iter().find(|(n, _)| *n == name).unwrap().1;
        jsonschema::validate(&schema, &document).unwrap_or_else(|e| panic!("{name}: {e} at {}", e.instance_path()));
    }
}

/// A plan's JSON with one piece of it changed.
fn changed(from: &str, to: &str) -> String {
    let text = written(|out| wire::write(out, &PlanV1::from(&examples::staged())));
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn a_field_of_a_later_version_is_ignored() {
    let later = changed("\"dialect\":", "\"later\": {\"x\": [1]}, \"dialect\":").replacen(
        "\"work\":",
        "\"cost\": 1, \"work\":",
        1,
    );
    assert_eq!(wire::read_plan(&later).unwrap(), examples::staged());
}

#[test]
fn what_cannot_be_read_is_said_clearly() {
    let refused = [
        ("not-json", "{".to_owned()),
        ("no-format", "{}".to_owned()),
        ("no-object", "[1]".to_owned()),
        ("later-format", changed("underpin-plan-v1", "underpin-plan-v2")),
        ("missing-field", changed("\"hazards\": [],", "")),
        ("unknown-word", changed("\"expand\"", "\"verify\"")),
        ("same-id", changed("\"s002\"", "\"s001\"")),
        ("no-fingerprint", changed(&"0f".repeat(32), "")),
        (
            "not-alone",
            changed(
                "\"transaction\": true,\n          \"steps\": [\n            {\n              \"id\": \"s005\"",
                "\"transaction\": false,\n          \"steps\": [\n            {\n              \"id\": \"s005\"",
            ),
        ),
    ];
    let mut messages = String::new();
    for (name, text) in refused {
        messages += &format!("{name}:\n  {}\n", wire::read_plan(&text).unwrap_err());
    }
    golden("read-errors.txt", &messages);
}

#[test]
fn no_error_quotes_a_statement() {
    let secret = "\"sql\": \"CREATE USER MAPPING FOR a SERVER b OPTIONS (password 'geheim')\", \"was\": [";
    let error = wire::read_plan(&changed("\"sql\": [", secret)).unwrap_err();
    assert!(matches!(error, WireError::Shape { .. }));
    assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
    assert!(error.to_string().contains("stages[0].batches[0].steps[0].sql"), "{error}");
}

#[test]
fn one_document_is_not_another() {
    let plan = written(|out| wire::write(out, &PlanV1::from(&examples::small())));
    let error = wire::read::<SnapshotV1>(&plan).unwrap_err().to_string();
    assert!(error.contains("underpin-plan-v1") && error.contains("underpin-snapshot-v1"), "{error}");
    assert!(Plan::try_from(PlanV1 { format: "x".to_owned(), ..PlanV1::from(&examples::small()) }).is_err());
}

#[test]
fn every_format_of_the_list_writes() {
    let plan = examples::staged();
    for format in FORMATS {
        assert_eq!(Format::named(format.name).unwrap().about, format.about);
        if let Some(write) = format.plan {
            assert!(written(|out| write(out, &plan, &View::plain())).ends_with('\n'), "{}", format.name);
        }
        if let Some(write) = format.drift {
            assert!(written(|out| write(out, &drift::drifted(), &View::plain())).ends_with('\n'), "{}", format.name);
        }
    }
    assert!(Format::named("yaml").is_none());
}
