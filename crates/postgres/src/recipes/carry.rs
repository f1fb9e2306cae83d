//! The functions that carry rows from one table to another and back while old and new writers run; see `rows_moved`.

use super::row_expr::RowExpr;
use super::rows_moved::Carried;
use crate::render::name_aside;
use crate::{PgId, PgKind};
use underpin_sql::quote;

/// The setting that says which row is on its way, until the transaction ends; `*` for all.
pub(super) const ON_ITS_WAY: &str = "underpin.on_its_way";

/// What stands beside, by name.
pub(super) struct Names {
    /// The sequence that notes when something was last carried over for an old writer. It is there from before the table on.
    pub seen: PgId,
    /// The sequence that tells that the table was there before.
    pub into: PgId,
    /// The sequence that tells that all rows have moved.
    pub done: PgId,
    /// The sequence that is drawn from for values that the table does not take.
    pub unfit: PgId,
    /// The function on the source.
    pub copy: PgId,
    /// The function on the table.
    pub back: PgId,
}

impl Names {
    pub fn of(target: &PgId, source: &PgId) -> Self {
        let of = format!("{}<-{}", target.last(), Self::word(source, target));
        let name = |kind, prefix: &str| PgId::new(kind, [target.part(0), &name_aside(prefix, &of)]);
        Self {
            seen: name(PgKind::Sequence, "_underpin_seen_"),
            into: name(PgKind::Sequence, "_underpin_into_"),
            done: name(PgKind::Sequence, "_underpin_done_"),
            unfit: name(PgKind::Sequence, "_underpin_unfit_"),
            copy: name(PgKind::Function, "_underpin_copy_"),
            back: name(PgKind::Function, "_underpin_back_"),
        }
    }

    /// A table's name, with its schema where that is not the other's.
    pub fn word(table: &PgId, other: &PgId) -> String {
        if table.part(0) == other.part(0) { table.last().to_owned() } else { table.parts().join(".") }
    }
}

/// What both functions are put together from.
struct Texts<'a> {
    carried: &'a Carried<'a>,
    target: String,
    source: String,
    mark: String,
}

fn list<T>(items: impl IntoIterator<Item = T>, each: impl FnMut(T) -> String) -> String {
    items.into_iter().map(each).collect::<Vec<_>>().join(", ")
}

fn all<T>(items: impl IntoIterator<Item = T>, each: impl FnMut(T) -> String) -> String {
    items.into_iter().map(each).collect::<Vec<_>>().join(" AND ")
}

impl<'a> Texts<'a> {
    fn of(carried: &'a Carried<'a>) -> Self {
        Self {
            carried,
            target: quote::qualified(&carried.rows.target.parts()),
            source: quote::qualified(&carried.rows.source.parts()),
            mark: format!("{} ", carried.names.copy.last()),
        }
    }

    fn outputs(&self) -> impl Iterator<Item = &'a (String, RowExpr)> + use<'a> {
        self.carried.rows.outputs.iter()
    }

    /// A row's columns of the query, as one value that can be compared whatever their types are.
    fn image(&self, row: &str) -> String {
        format!("ROW({})::record", list(self.outputs(), |(name, _)| format!("{row}.{}", quote::ident(name))))
    }

    fn key_image(&self, row: &str) -> String {
        format!("ROW({})::record", list(&self.carried.key, |k| format!("{row}.{}", quote::ident(k))))
    }

    fn same_key(&self, one: &str, other: &str) -> String {
        all(&self.carried.key, |k| format!("{one}.{0} = {other}.{0}", quote::ident(k)))
    }

    /// What is said of a row that is on its way.
    fn on_its_way(&self, row: &str) -> String {
        format!("{} || {}::text", quote::literal(&self.mark), self.key_image(row))
    }

    fn say(&self, text: &str) -> String {
        format!("PERFORM pg_catalog.set_config('{ON_ITS_WAY}', {text}, true);")
    }

    /// Whether the old columns that go are otherwise in two rows.
    fn old_columns_differ(&self, one: &str, other: &str) -> String {
        let image = |row: &str| list(&self.carried.going, |(column, _, _)| format!("{row}.{}", quote::ident(column)));
        format!("ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})", image(one), image(other))
    }

    /// Whether the columns of the source that go have what they have when nobody gives them a value. None where nobody can tell.
    fn is_blank(&self, row: &str) -> Option<String> {
        let mut parts = Vec::new();
        for (column, of, value) in &self.carried.going {
            let value = value.as_ref()?;
            let column = quote::ident(column);
            parts.push(format!(
                "({row}.{column} IS NULL OR ROW({row}.{column})::record OPERATOR(pg_catalog.*=) ROW(({value})::{of}))"
            ));
        }
        Some(if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") })
    }

    /// The statement that puts the outputs over a row of the source into a variable.
    fn taken(&self, row: &str, variable: &str, whether: &str) -> String {
        let condition = match &self.carried.rows.condition {
            Some(condition) => format!("COALESCE(({}), false)", condition.over(row)),
            None => "true".to_owned(),
        };
        format!(
            "SELECT {}, {condition} INTO {}, {whether};",
            list(self.outputs(), |(_, value)| value.over(row)),
            list(self.outputs(), |(name, _)| format!("{variable}.{}", quote::ident(name))),
        )
    }

    /// The same for a new row: no writer fails for a value that only the table does not take.
    fn taken_now(&self) -> String {
        let taken = self.taken("NEW", "_underpin_now", "_underpin_gives");
        match &self.carried.unfit() {
            Some(unfit) => {
                format!("BEGIN {taken} EXCEPTION WHEN data_exception THEN {} RETURN NULL; END;", unfit.noted())
            }
            None => taken,
        }
    }

    /// The same for an old row; of one that the table does not take only the key is known.
    fn taken_before(&self) -> String {
        let taken = self.taken("OLD", "_underpin_was", "_underpin_gave");
        if self.carried.unfit().is_none() {
            return taken;
        }
        let keys = || self.carried.key.iter().filter_map(|k| Some((k, self.carried.rows.value(k)?)));
        format!(
            "BEGIN {taken} EXCEPTION WHEN data_exception THEN _underpin_was := NULL; _underpin_gave := true; SELECT {} INTO {}; END;",
            list(keys(), |(_, value)| value.over("OLD")),
            list(keys(), |(name, _)| format!("_underpin_was.{}", quote::ident(name))),
        )
    }

    /// The statement that makes a row of the table.
    fn insertion(&self, conflict: &str) -> String {
        format!(
            "INSERT INTO {} AS _underpin_row ({}){} VALUES ({}){conflict};",
            self.target,
            list(self.outputs(), |(name, _)| quote::ident(name)),
            if self.carried.overrides.0 { " OVERRIDING SYSTEM VALUE" } else { "" },
            list(self.outputs(), |(name, _)| format!("_underpin_now.{}", quote::ident(name))),
        )
    }
}

/// The body of the function on the source.
pub(super) fn copy_function(carried: &Carried<'_>) -> String {
    let t = Texts::of(carried);
    let target = &t.target;
    let seen = quote::qualified(&carried.names.seen.parts());
    let clock = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::bigint";
    let note = format!(
        "IF (SELECT last_value FROM {seen}) < {clock} THEN PERFORM pg_catalog.setval({}, {clock}); END IF;",
        quote::literal(&seen)
    );
    // A new writer does not know the old columns.
    let note = if carried.source_goes {
        note
    } else if carried.going.is_empty() {
        String::new()
    } else {
        let given = t.is_blank("NEW").map_or_else(|| "true".to_owned(), |blank| format!("NOT ({blank})"));
        let inserted = format!("IF TG_OP = 'INSERT' THEN IF {given} THEN {note} END IF;");
        let updated =
            format!("ELSIF TG_OP = 'UPDATE' THEN IF {} THEN {note} END IF;", t.old_columns_differ("NEW", "OLD"));
        format!("{inserted} {updated} END IF;")
    };
    let conflict = format!(" ON CONFLICT ({})", list(&carried.key, |k| quote::ident(k)));
    let rest: Vec<String> =
        t.outputs().map(|(name, _)| name).filter(|n| !carried.key.contains(n)).map(|n| quote::ident(n)).collect();
    let changes = |new: &str| {
        list(&rest, |c| {
            format!(
                "{c} = CASE WHEN ROW(_underpin_now.{c})::record OPERATOR(pg_catalog.*<>) ROW(_underpin_was.{c}) THEN {new}.{c} \
                 ELSE _underpin_row.{c} END"
            )
        })
    };
    let (updating, altering) = if rest.is_empty() {
        (format!("{conflict} DO NOTHING"), String::new())
    } else {
        let update = format!(
            "UPDATE {target} AS _underpin_row SET {} WHERE {};",
            changes("_underpin_now"),
            t.same_key("_underpin_row", "_underpin_now")
        );
        (format!("{conflict} DO UPDATE SET {}", changes("EXCLUDED")), update)
    };
    let inserting = if carried.strict { String::new() } else { format!("{conflict} DO NOTHING") };
    let delete = format!(
        "IF _underpin_held NOT IN ('*', {}) THEN {} DELETE FROM {target} AS _underpin_row WHERE {}; {} END IF;",
        t.on_its_way("_underpin_was"),
        t.say(&t.on_its_way("_underpin_was")),
        t.same_key("_underpin_row", "_underpin_was"),
        t.say("_underpin_held"),
    );
    let delete = if carried.one_to_one { delete } else { "NULL;".to_owned() };
    // A row of a source that stays takes its counterpart along, whoever made that.
    let goes_along = if carried.source_goes { "_underpin_gave" } else { "true" };
    format!(
        "DECLARE\n  _underpin_was {target}%ROWTYPE; _underpin_now {target}%ROWTYPE; _underpin_gave boolean := false; \
         _underpin_gives boolean := false;\n  _underpin_held text := COALESCE(pg_catalog.current_setting('{ON_ITS_WAY}', true), '');\n\
         BEGIN\nIF TG_OP <> 'INSERT' THEN {} END IF;\nIF TG_OP = 'DELETE' THEN\n  IF {goes_along} THEN\n    {}\n    {delete}\n  \
         END IF;\n  RETURN OLD;\nEND IF;\n{}\n\
         IF _underpin_held IN ('*', {}) OR (TG_OP = 'INSERT' AND NOT _underpin_gives) OR (TG_OP = 'UPDATE' AND \
         _underpin_gave = _underpin_gives AND {} OPERATOR(pg_catalog.*=) {}) THEN\n  RETURN NULL;\nEND IF;\n{note}\n\
         IF _underpin_gave AND (NOT _underpin_gives OR {} OPERATOR(pg_catalog.*<>) {}) THEN\n  {delete}\nEND IF;\n{}\n\
         IF TG_OP = 'INSERT' THEN\n  {}\nELSIF _underpin_gives THEN\n  {}\nELSIF NOT _underpin_gave THEN\n  {}\nEND IF;\n{}\n\
         RETURN NULL;\nEND",
        t.taken_before(),
        if carried.source_goes { &note } else { "" },
        t.taken_now(),
        t.on_its_way("_underpin_now"),
        t.image("_underpin_was"),
        t.image("_underpin_now"),
        t.key_image("_underpin_was"),
        t.key_image("_underpin_now"),
        t.say(&t.on_its_way("_underpin_now")),
        t.insertion(&inserting),
        t.insertion(&updating),
        if altering.is_empty() { "NULL;" } else { &altering },
        t.say("_underpin_held"),
    )
}

/// The body of the function on the table. The key tells the row of the source.
pub(super) fn back_function(carried: &Carried<'_>) -> String {
    let t = Texts::of(carried);
    let (target, source) = (&t.target, &t.source);
    let plain: &[(String, String)] = carried.plain_key.as_deref().unwrap_or_default();
    let found = |row: &str| {
        all(plain, |(new, old)| format!("_underpin_old.{} = {row}.{}", quote::ident(old), quote::ident(new)))
    };
    // Rows of other sources have other constants; where rows come back, all constants count.
    let constants: Vec<&(String, RowExpr)> = t
        .outputs()
        .filter(|(name, value)| value.reads().is_empty() && (carried.comes_back || carried.key.contains(name)))
        .collect();
    let ours = |row: &str| {
        let each = all(&constants, |(name, value)| {
            format!("{row}.{} IS NOT DISTINCT FROM ({})", quote::ident(name), value.over(row))
        });
        if each.is_empty() { "true".to_owned() } else { each }
    };
    let backs = &carried.backs;
    let old_columns = list(backs, |(column, _)| format!("_underpin_old.{}", quote::ident(column)));
    let new_columns = list(backs, |(column, _)| format!("_underpin_now.{}", quote::ident(column)));
    let values = |row: &str| list(backs, |(_, value)| value.over(row));
    let read =
        |row: &str, value: &RowExpr| format!("ROW({})", list(value.reads(), |c| format!("{row}.{}", quote::ident(&c))));
    let emptied = if carried.source_goes {
        format!("DELETE FROM {source} AS _underpin_old WHERE {};", found("OLD"))
    } else if backs.is_empty() {
        "NULL;".to_owned()
    } else {
        let empty = list(backs, |(column, _)| format!("{} = DEFAULT", quote::ident(column)));
        format!("UPDATE {source} AS _underpin_old SET {empty} WHERE {};", found("OLD"))
    };
    let mut sent = String::new();
    if !backs.is_empty() {
        let each = list(backs, |(column, value)| {
            let c = quote::ident(column);
            format!(
                "{c} = CASE WHEN TG_OP = 'INSERT' OR {}::record OPERATOR(pg_catalog.*<>) {} THEN _underpin_now.{c} ELSE \
                 _underpin_old.{c} END",
                read("NEW", value),
                read("OLD", value)
            )
        });
        // What gives no old value leaves the one that is there.
        let taken = format!("SELECT {} INTO {new_columns};", values("NEW"));
        sent = format!(
            "BEGIN {taken} EXCEPTION WHEN data_exception THEN PERFORM pg_catalog.set_config('{ON_ITS_WAY}', _underpin_held, true); \
             RETURN NULL; END; UPDATE {source} AS _underpin_old SET {each} WHERE {} AND ROW({old_columns})::record \
             OPERATOR(pg_catalog.*<>) ROW({new_columns});",
            found("NEW")
        );
    }
    if carried.comes_back {
        let names = plain.iter().map(|(_, old)| quote::ident(old));
        let keys = plain.iter().map(|(new, _)| format!("NEW.{}", quote::ident(new)));
        let names: Vec<String> = names.chain(backs.iter().map(|(column, _)| quote::ident(column))).collect();
        let given: Vec<String> =
            keys.chain(backs.iter().map(|(c, _)| format!("_underpin_now.{}", quote::ident(c)))).collect();
        sent.push_str(&format!(
            " INSERT INTO {source} ({}){} VALUES ({}) ON CONFLICT DO NOTHING;",
            names.join(", "),
            if carried.overrides.1 { " OVERRIDING SYSTEM VALUE" } else { "" },
            given.join(", ")
        ));
    }
    let unchanged = all(backs, |(_, value)| {
        format!("{}::record OPERATOR(pg_catalog.*=) {}", read("OLD", value), read("NEW", value))
    });
    let unchanged = if backs.is_empty() { "true".to_owned() } else { format!("({unchanged})") };
    let other_key = format!("{} OPERATOR(pg_catalog.*<>) {}", t.key_image("OLD"), t.key_image("NEW"));
    let gives_way = match t.is_blank("_underpin_old") {
        Some(blank) if !carried.source_goes => gives_way(&t, &blank, &found("NEW")),
        _ => String::new(),
    };
    let each_way = |row: &str, statements: &str| {
        format!(
            "IF _underpin_held NOT IN ('*', {0}) THEN {1} {statements} {2} END IF;",
            t.on_its_way(row),
            t.say(&t.on_its_way(row)),
            t.say("_underpin_held"),
        )
    };
    format!(
        "DECLARE\n  _underpin_now {source}%ROWTYPE; _underpin_made {target}%ROWTYPE; _underpin_gives boolean;\n  \
         _underpin_held text := COALESCE(pg_catalog.current_setting('{ON_ITS_WAY}', true), '');\nBEGIN\n{gives_way}\
         IF TG_OP = 'UPDATE' AND {unchanged} AND NOT ({other_key}) THEN RETURN NULL; END IF;\n\
         IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND {other_key}) THEN\n  IF {} THEN {} END IF;\nEND IF;\n\
         IF TG_OP <> 'DELETE' AND {} THEN\n  {}\nEND IF;\nRETURN NULL;\nEND",
        ours("OLD"),
        each_way("OLD", &emptied),
        ours("NEW"),
        each_way("NEW", if sent.is_empty() { "NULL;" } else { &sent }),
    )
}

/// What was made out of a row of the source whose old columns are empty gives way to what the new application writes itself.
fn gives_way(t: &Texts<'_>, blank: &str, found: &str) -> String {
    let target = &t.target;
    format!(
        "IF TG_WHEN = 'BEFORE' THEN\n  IF _underpin_held IN ('*', {on_its_way}) THEN RETURN NEW; END IF;\n  {} FROM {} AS \
         _underpin_old WHERE {found} AND {blank};\n  IF FOUND AND _underpin_gives THEN\n    {} DELETE FROM {target} AS \
         _underpin_row WHERE {} AND {} OPERATOR(pg_catalog.*=) {}; {}\n  END IF;\n  RETURN NEW;\nEND IF;\n",
        t.taken("_underpin_old", "_underpin_made", "_underpin_gives").trim_end_matches(';'),
        t.source,
        t.say(&t.on_its_way("NEW")),
        t.same_key("_underpin_row", "NEW"),
        t.image("_underpin_row"),
        t.image("_underpin_made"),
        t.say("_underpin_held"),
        on_its_way = t.on_its_way("NEW"),
    )
}
