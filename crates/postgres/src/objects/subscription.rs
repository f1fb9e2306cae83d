//! Subscriptions (manual, CREATE SUBSCRIPTION; `pg_subscription`). Where a subscription stands, whether it is enabled and
//! the password in its connection string are the operator's, not the schema's.

use super::{Context, Item, Query, slot, sorted};
use crate::attribute::differ;
use crate::coverage::{Coverage, again_where, alters};
use crate::reader::{Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp, Server};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use underpin_model::{Diagnostic, Hazard, HazardKind, Severity};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// The connection string without any password; none where the connecting role may not read it.
    pub connection: Option<String>,
    /// Whether the connection string holds a password, which is neither kept nor compared.
    pub has_password: bool,
    /// The publications, in the order as written, which means nothing.
    pub publications: Vec<String>,
    /// The replication slot on the publisher; none for `slot_name = NONE`.
    pub slot: Option<String>,
    /// Options as `WITH (…)` names them, where they are not the default.
    pub options: BTreeMap<String, String>,
}

/// What an option is when it is not given (manual, CREATE SUBSCRIPTION).
fn default_of(option: &str, server: &Server) -> &'static str {
    match option {
        "streaming" if server.streams_in_parallel() => "parallel",
        "synchronous_commit" => "off",
        "password_required" => "true",
        "origin" => "any",
        _ => "false",
    }
}

/// The parameters of a connection string, one after the other with their values unquoted; none for a URI.
fn parameters(text: &str) -> Option<Vec<(String, String)>> {
    let mut list = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.peek().is_some_and(|c| c.is_whitespace()) {
            chars.next();
        }
        if chars.peek().is_none() {
            return Some(list);
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        chars.next_if_eq(&'=')?;
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        while let Some(c) = chars.next_if(|c| quoted || !c.is_whitespace()) {
            match c {
                '\'' if quoted => break,
                '\\' => value.extend(chars.next()),
                c => value.push(c),
            }
        }
        list.push((name, value));
    }
}

/// A connection string without its passwords (manual, 34.1.1: keywords and values, or a URI), and whether it had one.
fn without_password(text: &str) -> (String, bool) {
    if let Some((scheme, rest)) = text.split_once("://") {
        let (body, query) = rest.split_once('?').map_or((rest, None), |(b, q)| (b, Some(q)));
        let (user, host) = body.rsplit_once('@').map_or((None, body), |(u, h)| (Some(u), h));
        let mut found = false;
        let mut out = format!("{scheme}://");
        if let Some(user) = user {
            let (name, password) = user.split_once(':').map_or((user, None), |(n, p)| (n, Some(p)));
            found |= password.is_some();
            out.push_str(name);
            out.push('@');
        }
        out.push_str(host);
        let kept: Vec<&str> = query
            .into_iter()
            .flat_map(|q| q.split('&'))
            .filter(|p| !is_password(p.split('=').next().unwrap_or_default()))
            .collect();
        found |= query.is_some_and(|q| q.split('&').count() > kept.len());
        if !kept.is_empty() {
            out.push('?');
            out.push_str(&kept.join("&"));
        }
        return (out, found);
    }
    // What cannot be taken apart is not shown at all: a password might be in it.
    let Some(list) = parameters(text) else { return (String::new(), true) };
    let found = list.iter().any(|(name, _)| is_password(name));
    let kept: Vec<String> =
        list.iter().filter(|(name, _)| !is_password(name)).map(|(name, value)| parameter(name, value)).collect();
    (kept.join(" "), found)
}

fn is_password(name: &str) -> bool {
    matches!(name, "password" | "sslpassword")
}

fn parameter(name: &str, value: &str) -> String {
    let plain = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '\'' || c == '\\');
    if plain {
        format!("{name}={value}")
    } else {
        format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

impl Subscription {
    fn publication_list(&self, sql: Sql) -> Sql {
        sql.list(&self.publications, |w, p| w.ident(p))
    }

    fn option(name: &str, value: &str) -> Sql {
        Sql::empty().ident(name).kw("=").literal(value)
    }

    /// The harm of the statements, where they give a new connection string without the password that the live one has.
    pub(crate) fn loses_password(&self, to: &Self, sql: &[String]) -> Option<Hazard> {
        let connects =
            sql.iter().any(|s| to.connection.as_ref().is_some_and(|c| s.ends_with(&underpin_sql::quote::literal(c))));
        (self.has_password && self.connection != to.connection && connects).then(|| Hazard {
            kind: HazardKind::BreaksApplication,
            message: "the new connection string has no password, because a plan does not hold it: set it at once with ALTER SUBSCRIPTION \
                      … CONNECTION, or replication stands still"
                .to_owned(),
        })
    }

    fn slot_option(&self) -> Sql {
        match &self.slot {
            Some(slot) => Self::option("slot_name", slot),
            None => Sql::new("slot_name = NONE"),
        }
    }
}

impl Item for Subscription {
    const COVERAGE: Coverage = Coverage::of(
        &[
            alters("connection"),
            alters("publications"),
            alters("slot"),
            again_where("options", "two_phase changes before 18"),
        ],
        &["testdata/cases/postgres/subscriptions/options"],
    )
    .later(&[
        ("binary, streaming", 14),
        ("two_phase, disable_on_error", 15),
        ("origin, password_required, run_as_owner", 16),
        ("failover", 17),
    ]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { connection, has_password: _, publications, slot, options } = self;
        let mut list = Vec::new();
        if connection.is_some() && to.connection.is_some() {
            differ(&mut list, "connection", connection, &to.connection);
        }
        differ(&mut list, "publications", &sorted(publications), &sorted(&to.publications));
        differ(&mut list, "slot", slot, &to.slot);
        differ(&mut list, "options", options, &to.options);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("subscription", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("SUBSCRIPTION").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        let changed: Vec<&String> = self
            .options
            .keys()
            .chain(to.options.keys())
            .filter(|k| self.options.get(*k) != to.options.get(*k))
            .collect();
        if changed.iter().any(|k| *k == "two_phase") && !cx.server.can_alter_two_phase() {
            return Alteration::Replace("two_phase cannot be changed before PostgreSQL 18".to_owned());
        }
        let alter = || Sql::new("ALTER").then(self.address(id));
        let mut ops = Vec::new();
        if self.connection != to.connection
            && let (Some(_), Some(connection)) = (&self.connection, &to.connection)
        {
            // The live password cannot be carried over: it is not known here.
            ops.push(PgOp::one(alter().kw("CONNECTION").literal(connection)));
        }
        if sorted(&self.publications) != sorted(&to.publications) {
            let sql = to.publication_list(alter().kw("SET PUBLICATION"));
            ops.push(PgOp::one(sql.kw("WITH (refresh = false)")));
        }
        let mut set: Vec<Sql> = Vec::new();
        if self.slot != to.slot {
            if to.slot.is_none() {
                // A subscription without a slot has to be disabled (manual, ALTER SUBSCRIPTION).
                ops.push(PgOp::one(alter().kw("DISABLE")));
            }
            set.push(to.slot_option());
        }
        let mut names: Vec<&String> = changed;
        names.sort();
        names.dedup();
        set.extend(
            names
                .into_iter()
                .map(|k| Self::option(k, to.options.get(k).map_or(default_of(k, cx.server), String::as_str))),
        );
        if !set.is_empty() {
            ops.push(PgOp::one(alter().kw("SET").paren(|w| w.list(set, Sql::then))));
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE")
            .then(self.address(id))
            .kw("CONNECTION")
            .literal(self.connection.as_deref().unwrap_or_default());
        let sql = self.publication_list(sql.kw("PUBLICATION"));
        let mut options = vec![Sql::new("connect = false")];
        if self.slot.as_deref() != Some(id.last()) {
            options.push(self.slot_option());
        }
        options.extend(self.options.iter().map(|(k, v)| Self::option(k, v)));
        let mut draft = Draft::sql(vec![sql.kw("WITH").paren(|w| w.list(options, Sql::then)).build()]);
        let password = if self.has_password {
            " Set its password with ALTER SUBSCRIPTION … CONNECTION first: a plan does not hold it."
        } else {
            ""
        };
        draft.reason = Some(format!(
            "the subscription is made without connecting; make its slot on the publisher, then ALTER SUBSCRIPTION … ENABLE and REFRESH \
             PUBLICATION.{password}"
        ));
        vec![draft]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let alter = || Sql::new("ALTER").then(self.address(id));
        let mut sql = Vec::new();
        if self.slot.is_some() {
            // Without a slot of its own it can be dropped in a transaction, and with the publisher away (manual, DROP
            // SUBSCRIPTION).
            sql.push(alter().kw("DISABLE").build());
            sql.push(alter().kw("SET (slot_name = NONE)").build());
        }
        sql.push(Sql::new("DROP").then(self.address(id)).build());
        let mut draft = Draft::sql(sql);
        let message = match &self.slot {
            Some(slot) => format!(
                "changes of the publisher no longer arrive, and the slot {slot} stays there and keeps its WAL; drop it with \
                 pg_drop_replication_slot"
            ),
            None => "changes of the publisher no longer arrive".to_owned(),
        };
        draft.hazards.push(Hazard { kind: HazardKind::BreaksApplication, message });
        vec![draft]
    }
}

/// Options with the column that holds them and the first version that has it.
const OPTIONS: [(&str, &str, u32); 9] = [
    ("synchronous_commit", "subsynccommit", 12),
    ("binary", "subbinary::text", 14),
    ("streaming", "substream::text", 14),
    ("two_phase", "subtwophasestate::text", 15),
    ("disable_on_error", "subdisableonerr::text", 15),
    ("password_required", "subpasswordrequired::text", 16),
    ("run_as_owner", "subrunasowner::text", 16),
    ("origin", "suborigin", 16),
    ("failover", "subfailover::text", 17),
];

pub(super) const QUERY: Query = Query {
    sql: |server| {
        // Only a superuser may name some columns at all, so they are named in a text that is run only when they may be read.
        let guarded = |column: &str| {
            format!(
                "CASE WHEN has_column_privilege('pg_subscription', '{column}', 'SELECT') THEN \
                 query_to_xml('SELECT {column} AS c FROM pg_subscription WHERE subdbid = ' || s.subdbid || ' AND subname = ' \
                 || quote_literal(s.subname), false, false, '')::text END"
            )
        };
        let columns: Vec<String> = OPTIONS
            .iter()
            .map(|(_, c, since)| match server.major() {
                major if major < *since => "NULL".to_owned(),
                _ if server.opens_subscriptions() => (*c).to_owned(),
                _ => guarded(c),
            })
            .collect();
        // For others than superusers: the view does not say of which database a subscription is.
        let oid = if server.opens_subscriptions() {
            "s.oid".to_owned()
        } else {
            let own = format!("substring({} FROM '<c>([0-9]+)</c>')::bigint", guarded("oid"));
            format!(
                "COALESCE({own}, (SELECT min(t.subid::bigint) FROM pg_stat_subscription t WHERE t.subname = s.subname))"
            )
        };
        vec![format!(
            "SELECT {oid}, s.subname, s.subowner, s.subslotname, s.subpublications, {}, {} FROM pg_subscription s \
             WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
            guarded("subconninfo"),
            columns.join(", ")
        )]
    },
    read,
};

/// The value of the only cell of `query_to_xml`'s answer (manual, 9.15.4).
fn cell(xml: &str) -> String {
    let inner = xml.split_once("<c>").and_then(|(_, rest)| rest.split_once("</c>")).map_or("", |(inner, _)| inner);
    inner
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#x0d;", "\r")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut unreadable = Vec::new();
    for row in results[0].iter() {
        let oid = row.oid(0);
        if !reader.is_ours(class::SUBSCRIPTION, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Subscription, [row.text(1)]);
        let connection = row.opt(5).map(|xml| without_password(&cell(xml)));
        if connection.is_none() {
            unreadable.push(id.to_string());
        }
        let mut options = BTreeMap::new();
        for (n, (name, _, _)) in OPTIONS.iter().enumerate() {
            let Some(value) = row.opt(6 + n) else { continue };
            let guarded = value.contains("<c>").then(|| cell(value));
            let value = guarded.as_deref().unwrap_or(value);
            let value = match (*name, value) {
                // 16 on: off, on, parallel; and two_phase is disabled, pending or enabled.
                ("streaming", "f") | ("two_phase", "d") => "false",
                ("streaming", "t") | ("two_phase", "p" | "e") => "true",
                ("streaming", "p") => "parallel",
                (_, value) => value,
            };
            if value != default_of(name, reader.server) {
                options.insert((*name).to_owned(), value.to_owned());
            }
        }
        let publications = row.array(4);
        let has_password = connection.as_ref().is_some_and(|(_, found)| *found);
        let connection = connection.map(|(text, _)| text);
        let subscription = Subscription { connection, has_password, publications, slot: row.opt_string(3), options };
        reader.add(class::SUBSCRIPTION, oid, id.clone(), PgObject::Subscription(subscription));
        reader.owner(&id, row.oid(2));
    }
    if !unreadable.is_empty() {
        let message = format!(
            "only a superuser can read the connection string of {}, so it is not compared",
            unreadable.join(", ")
        );
        let help = "connect as a superuser to have it compared";
        reader.diagnose(Diagnostic::new(Severity::Warning, "subscription-unreadable", message).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_leave_connection_strings() {
        let bare = |text: &str| without_password(text);
        assert_eq!(bare("host=h password=secret dbname=d"), ("host=h dbname=d".to_owned(), true));
        assert_eq!(bare(r"host=h  password = 'a b\'c' user='x y'"), ("host=h user='x y'".to_owned(), true));
        assert_eq!(bare("dbname=d"), ("dbname=d".to_owned(), false));
        assert_eq!(
            bare("postgresql://u:p@w@h:5433/d?sslmode=require&password=x"),
            ("postgresql://u@h:5433/d?sslmode=require".to_owned(), true)
        );
        assert_eq!(bare("postgresql://h/d"), ("postgresql://h/d".to_owned(), false));
        assert_eq!(bare("nonsense secret"), (String::new(), true));
    }

    #[test]
    fn cells_are_read() {
        assert_eq!(cell("<row xmlns:xsi=\"x\">\n  <c>host=&lt;a&gt; &amp;lt;</c>\n</row>"), "host=<a> &lt;");
    }
}
