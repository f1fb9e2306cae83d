//! Event triggers (manual, CREATE EVENT TRIGGER; `pg_event_trigger`).

use super::{Context, Item, Query, slot, sorted};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp, Postgres};
use serde::{Deserialize, Serialize};
use underpin_planner::{Action, Alteration, Draft, Verb};
use underpin_sql::Sql;

/// An event trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventTrigger {
    /// The event: `ddl_command_start`, `ddl_command_end`, `table_rewrite`, `sql_drop` or `login` (17).
    pub event: String,
    /// The command tags of its filter `WHEN TAG IN (…)`, in the order as written, which means nothing; none for all.
    pub tags: Vec<String>,
    /// The function, qualified and quoted.
    pub function: String,
    /// When it fires: `enabled`, `disabled`, `replica` or `always`.
    pub firing: String,
}

/// Which actions come before which others: an event trigger sees no step of the plan that makes, enables, ends or disables
/// it, for it may refuse commands or act on them.
pub(crate) fn around(to: &PgCatalog, actions: &[Action<Postgres<'_>>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (n, action) in actions.iter().enumerate().filter(|(_, a)| a.id.kind == PgKind::EventTrigger) {
        let quiet = matches!(to.objects.get(&action.id), Some(PgObject::EventTrigger(t)) if t.firing == "disabled");
        let leaves = action.verb == Verb::End || (action.verb == Verb::Alter && quiet);
        let others = actions
            .iter()
            .enumerate()
            .filter(|(_, a)| a.id.kind != PgKind::EventTrigger && a.id.of != Some(PgKind::EventTrigger));
        pairs.extend(others.map(|(m, _)| if leaves { (n, m) } else { (m, n) }));
    }
    pairs
}

impl EventTrigger {
    fn firing_statement(id: &PgId, firing: &str) -> Sql {
        Sql::new("ALTER EVENT TRIGGER").name(&id.parts()).kw(match firing {
            "disabled" => "DISABLE",
            "replica" => "ENABLE REPLICA",
            "always" => "ENABLE ALWAYS",
            _ => "ENABLE",
        })
    }
}

impl Item for EventTrigger {
    const COVERAGE: Coverage = Coverage::of(
        &[again("event"), again("tags"), again("function"), alters("firing")],
        &["testdata/cases/postgres/event_triggers/firing"],
    )
    .later(&[("the event login", 17)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { event, tags, function, firing } = self;
        let mut list = Vec::new();
        differ(&mut list, "event", event, &to.event);
        differ(&mut list, "tags", &sorted(tags), &sorted(&to.tags));
        differ(&mut list, "function", function, &to.function);
        differ(&mut list, "firing", firing, &to.firing);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("event trigger", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("EVENT TRIGGER").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.event != to.event || sorted(&self.tags) != sorted(&to.tags) || self.function != to.function {
            return Alteration::Replace("only when an event trigger fires can be changed in place".to_owned());
        }
        Alteration::InPlace(vec![PgOp::one(Self::firing_statement(id, &to.firing))])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE").then(self.address(id)).kw("ON").server_text(&self.event);
        if !self.tags.is_empty() {
            sql = sql.kw("WHEN TAG IN").paren(|w| w.list(&self.tags, |w, t| w.literal(t)));
        }
        // EXECUTE FUNCTION takes the name of a function without arguments.
        let mut statements = vec![format!("{}()", sql.kw("EXECUTE FUNCTION").server_text(&self.function).build())];
        if self.firing != "enabled" {
            statements.push(Self::firing_statement(id, &self.firing).build());
        }
        vec![Draft::sql(statements)]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT e.oid, e.evtname, e.evtowner, e.evtevent, e.evttags, e.evtfoid::regproc, e.evtenabled, p.pronamespace \
             FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        // One with a function of a schema out of scope is not the user's: underpin's own, for one.
        if !reader.is_ours(class::EVENT_TRIGGER, oid) || reader.schema(row.oid(7)).is_none() {
            continue;
        }
        let id = PgId::new(PgKind::EventTrigger, [row.text(1)]);
        let trigger = EventTrigger {
            event: row.string(3),
            tags: row.array(4),
            function: row.string(5),
            firing: match row.char(6) {
                'D' => "disabled",
                'R' => "replica",
                'A' => "always",
                _ => "enabled",
            }
            .to_owned(),
        };
        reader.add(class::EVENT_TRIGGER, oid, id.clone(), PgObject::EventTrigger(trigger));
        reader.owner(&id, row.oid(2));
    }
}
