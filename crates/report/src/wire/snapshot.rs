//! The format of a whole schema: `underpin-snapshot-v1`.

use super::error::same_format;
use super::{Document, WireError};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use underpin_model::{Catalog, IdOf, Kind, Object, ObjectId};

/// A whole schema as it was read from a server; `underpin inspect --output json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-snapshot-v1"))]
    pub format: String,
    /// `postgres`, `sqlite`, `mysql` or `mariadb`.
    pub dialect: String,
    /// The server's version as it prints it.
    pub server: String,
    /// The objects, in the order of their addresses.
    pub objects: Vec<SnapshotObjectV1>,
    /// What rests on what: an object, then those that have to exist before it can, by their places in `objects` from 0.
    #[serde(default)]
    pub depends: Vec<(usize, Vec<usize>)>,
}

/// One object of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotObjectV1 {
    /// The kind's name.
    pub kind: String,
    /// For a comment, a grant or an owner: the kind of the object that it hangs on.
    pub of: Option<String>,
    /// The parts of its name from the outside in: schema, table, column.
    pub path: Vec<String>,
    /// Its place among its siblings, where a listing has an order (the columns of a table).
    pub place: Option<u32>,
    /// What it is, in the dialect's own fields.
    pub definition: Map<String, Value>,
}

impl Document for SnapshotV1 {
    const FORMAT: &'static str = "underpin-snapshot-v1";
    const WHAT: &'static str = "snapshot";
}

fn contradiction(problem: String) -> WireError {
    WireError::Contradiction { what: SnapshotV1::WHAT, problem }
}

impl SnapshotV1 {
    /// The snapshot of a catalog. A dependency on something that is no object of the catalog is left out.
    ///
    /// # Errors
    /// Where an object's form in JSON is neither an object nor a bare name.
    pub fn of_catalog<O: Object>(dialect: &str, server: &str, catalog: &Catalog<O>) -> Result<Self, WireError> {
        let places: BTreeMap<&IdOf<O>, usize> = catalog.objects.keys().enumerate().map(|(n, id)| (id, n)).collect();
        let depends = catalog.rests_on.iter().filter_map(|(id, needs)| {
            let needs: Vec<usize> = needs.iter().filter_map(|need| places.get(need).copied()).collect();
            let place = *places.get(id)?;
            (!needs.is_empty()).then_some((place, needs))
        });
        Ok(Self {
            format: Self::FORMAT.to_owned(),
            dialect: dialect.to_owned(),
            server: server.to_owned(),
            objects: catalog
                .objects
                .iter()
                .map(|(id, object)| snapshot_object(id, object, catalog.places.get(id).copied()))
                .collect::<Result<_, _>>()?,
            depends: depends.collect(),
        })
    }

    /// The catalog that this is a snapshot of; `kind_named` is the dialect's kind of a name.
    ///
    /// # Errors
    /// Where a kind is unknown, an object stands twice, a place in `depends` is none, or the dialect does not read a
    /// definition.
    pub fn to_catalog<O>(&self, kind_named: impl Fn(&str) -> Option<O::Kind>) -> Result<Catalog<O>, WireError>
    where
        O: Object + DeserializeOwned,
    {
        same_format::<Self>(&self.format)?;
        let kind = |name: &str| kind_named(name).ok_or_else(|| contradiction(format!("there is no kind `{name}`")));
        let mut catalog = Catalog::default();
        let mut ids = Vec::with_capacity(self.objects.len());
        let mut seen = HashSet::new();
        for object in &self.objects {
            let mut id = ObjectId::new(kind(&object.kind)?, &object.path);
            id.of = object.of.as_deref().map(kind).transpose()?;
            if !seen.insert(id.clone()) {
                return Err(contradiction(format!("`{id}` is there twice")));
            }
            // The dialect's own words may quote a value, and that may be a secret of a server or a subscription.
            let read = O::deserialize(Value::Object(object.definition.clone()))
                .map_err(|_| contradiction(format!("the definition of `{id}` is not what its kind has")))?;
            catalog.objects.insert(id.clone(), read);
            catalog.places.extend(object.place.map(|place| (id.clone(), place)));
            ids.push(id);
        }
        let at = |n: usize| {
            let none = || contradiction(format!("`depends` names place {n} of {} objects", ids.len()));
            ids.get(n).cloned().ok_or_else(none)
        };
        for (dependent, needs) in &self.depends {
            for need in needs {
                catalog.add_dependency(at(*dependent)?, at(*need)?);
            }
        }
        Ok(catalog)
    }
}

fn snapshot_object<O: Object>(id: &IdOf<O>, object: &O, place: Option<u32>) -> Result<SnapshotObjectV1, WireError> {
    let definition = match serde_json::to_value(object) {
        Ok(Value::Object(fields)) => fields,
        // A kind without fields is its bare name to serde, which reads this form of it back too.
        Ok(Value::String(name)) => Map::from_iter([(name, Value::Null)]),
        _ => return Err(contradiction(format!("`{id}` has no form in JSON"))),
    };
    Ok(SnapshotObjectV1 {
        kind: id.kind.name().to_owned(),
        of: id.of.map(|of| of.name().to_owned()),
        path: id.parts().into_iter().map(str::to_owned).collect(),
        place,
        definition,
    })
}
