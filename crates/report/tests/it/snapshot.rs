//! Snapshots of a catalog of a small dialect made up for the test.

use crate::{golden, written};
use serde::{Deserialize, Serialize};
use underpin_model::{Catalog, Kind, Object, ObjectId};
use underpin_report::schemas;
use underpin_report::wire::{self, SnapshotV1};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum ToyKind {
    Schema,
    Table,
    Column,
    Comment,
}

impl ToyKind {
    fn named(name: &str) -> Option<Self> {
        [Self::Schema, Self::Table, Self::Column, Self::Comment].into_iter().find(|k| k.name() == name)
    }
}

impl Kind for ToyKind {
    fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Table => "table",
            Self::Column => "column",
            Self::Comment => "comment",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Toy {
    Schema,
    Table { logged: bool },
    Column { data_type: String, default: Option<String> },
    Comment(Text),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Text {
    text: String,
}

impl Object for Toy {
    type Kind = ToyKind;
    type Attribute = String;

    fn compare(&self, _to: &Self) -> Vec<String> {
        Vec::new()
    }

    fn parent(&self, _id: &ObjectId<ToyKind>) -> Option<ObjectId<ToyKind>> {
        None
    }
}

fn catalog() -> Catalog<Toy> {
    let schema = ObjectId::new(ToyKind::Schema, ["app"]);
    let table = ObjectId::new(ToyKind::Table, ["app", "Users.old"]);
    let column = ObjectId::new(ToyKind::Column, ["app", "Users.old", "id"]);
    let comment = table.attached(ToyKind::Comment, &[]);
    let mut catalog = Catalog::default();
    catalog.add_dependency(table.clone(), schema.clone());
    catalog.add_dependency(column.clone(), table.clone());
    catalog.add_dependency(comment.clone(), table.clone());
    // What is out of scope is no object, and may still be named.
    catalog.add_dependency(table.clone(), ObjectId::new(ToyKind::Table, ["elsewhere", "t"]));
    catalog.objects.insert(schema, Toy::Schema);
    catalog.objects.insert(table, Toy::Table { logged: true });
    catalog.places.insert(column.clone(), 0);
    catalog.objects.insert(column, Toy::Column { data_type: "bigint".to_owned(), default: None });
    catalog.objects.insert(comment, Toy::Comment(Text { text: "it's old".to_owned() }));
    catalog
}

#[test]
fn a_catalog_comes_back_as_it_was() {
    let before = catalog();
    let snapshot = SnapshotV1::of_catalog("toy", "1.0", &before).unwrap();
    let text = written(|out| wire::write(out, &snapshot));
    golden("snapshot.json", &text);
    let schema = schemas().into_iter().find(|(name, _)| *name == "snapshot.v1.json").unwrap().1;
    jsonschema::validate(&schema, &serde_json::to_value(&snapshot).unwrap()).unwrap();
    let after: Catalog<Toy> = wire::read::<SnapshotV1>(&text).unwrap().to_catalog(ToyKind::named).unwrap();
    assert_eq!(after.objects, before.objects);
    assert_eq!(after.places, before.places);
    assert_eq!(SnapshotV1::of_catalog("toy", "1.0", &after).unwrap(), snapshot);
    assert_eq!(after.rests_on.values().map(std::collections::BTreeSet::len).sum::<usize>(), 3);
}

#[test]
fn a_snapshot_that_contradicts_itself_is_refused() {
    let snapshot = SnapshotV1::of_catalog("toy", "1.0", &catalog()).unwrap();
    let refuse = |change: &dyn Fn(&mut SnapshotV1)| {
        let mut changed = snapshot.clone();
        change(&mut changed);
        let read: Result<Catalog<Toy>, _> = changed.to_catalog(ToyKind::named);
        read.unwrap_err().to_string()
    };
    assert!(refuse(&|s| s.objects[0].kind = "cluster".to_owned()).contains("there is no kind `cluster`"));
    assert!(refuse(&|s| s.objects.push(s.objects[0].clone())).contains("`schema app` is there twice"));
    assert!(refuse(&|s| s.depends.push((1, vec![9]))).contains("place 9 of 4"));
    assert!(refuse(&|s| s.objects[1].definition.clear()).contains("`table app.\"Users.old\"`"));
    assert!(refuse(&|s| s.format = "underpin-snapshot-v9".to_owned()).contains("underpin-snapshot-v9"));
}
