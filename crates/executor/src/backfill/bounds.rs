//! Ranges of a walk, and the conditions that they are in SQL.

use super::table::{KeyColumn, Table, Way};
use postgres::{Client, Error, SimpleQueryMessage};
use underpin_sql::quote::literal;

/// A place on the way: the values of the key as text, or the number of a page.
pub(crate) type Place = Vec<String>;

/// Settings under which a range is read by its index, whatever the statistics say: a planner that takes a range for a
/// quarter of the table reads all of it for every batch. The text of values does not depend on the session (manual,
/// "Locale and Formatting").
pub(crate) const READING: &str = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off; \
    SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; \
    SET LOCAL extra_float_digits = 1";

impl Table {
    /// The condition on the rows behind `from`, where there is such a place, up to and with `to`; for pages, the page
    /// `from` is in and the page `to` is not.
    pub(crate) fn condition(&self, from: Option<&Place>, to: &Place) -> String {
        match &self.way {
            Way::Keys(columns) => key_condition(columns, from, to),
            Way::Pages => self.page_condition(page(from), page(Some(to))),
        }
    }

    /// The condition on the rows of pages, the last one excluded.
    pub(crate) fn page_condition(&self, from: u64, to: u64) -> String {
        if self.page_ranges {
            return format!("ctid >= '({from},0)'::pg_catalog.tid AND ctid < '({to},0)'::pg_catalog.tid");
        }
        format!(
            "ctid = ANY (ARRAY(SELECT pg_catalog.format('(%s,%s)', p, r)::pg_catalog.tid
               FROM pg_catalog.generate_series({from}::pg_catalog.int8, {}) p, pg_catalog.generate_series(1, {}) r))",
            to.saturating_sub(1),
            self.rows_of_page
        )
    }

    /// The last place of the whole way, now; none where the table is empty. The second value names the files of a walk
    /// along pages.
    pub(crate) fn end(&self, client: &mut Client) -> Result<Option<(Place, String)>, Error> {
        match &self.way {
            Way::Keys(columns) => {
                let (names, down) = (list(columns, ""), list(columns, " DESC"));
                let sql = format!("SELECT {names} FROM {} ORDER BY {down} LIMIT 1", self.name);
                Ok(one(client, &sql)?.map(|place| (place, String::new())))
            }
            Way::Pages => {
                let found = one(client, &super::table::pages_sql(&self.name))?.unwrap_or_default();
                let files = found.get(1).cloned().unwrap_or_default();
                Ok(found.first().filter(|p| *p != "0").map(|pages| (vec![pages.clone()], files)))
            }
        }
    }

    /// The end of a batch of `size` rows, or pages, behind `from`: the place, and how many rows the range has where that
    /// is known. Never behind `end`.
    pub(crate) fn next(
        &self,
        client: &mut Client,
        from: Option<&Place>,
        end: &Place,
        size: u64,
    ) -> Result<(Place, Option<u64>), Error> {
        match &self.way {
            Way::Keys(columns) => {
                let found = one(client, &self.next_sql(columns, from, end, size))?;
                Ok(found.map_or_else(|| (end.clone(), None), |place| (place, Some(size.max(1)))))
            }
            Way::Pages => {
                let to = page(from).saturating_add(size.max(1)).min(page(Some(end)));
                Ok((vec![to.to_string()], None))
            }
        }
    }

    /// The query of [`Self::next`] for a batch of so many rows: no row where fewer are left. None where nothing has to be asked.
    pub(crate) fn ahead(&self, from: &Place, end: &Place, size: u64) -> Option<String> {
        match &self.way {
            Way::Keys(columns) if from != end => Some(reading(&self.next_sql(columns, Some(from), end, size))),
            Way::Keys(_) | Way::Pages => None,
        }
    }

    fn next_sql(&self, columns: &[KeyColumn], from: Option<&Place>, end: &Place, size: u64) -> String {
        let (names, range) = (list(columns, ""), key_condition(columns, from, end));
        let table = &self.name;
        format!("SELECT {names} FROM {table} WHERE {range} ORDER BY {names} OFFSET {} LIMIT 1", size.max(1) - 1)
    }

    /// What part of the way lies before `at`, from 0 to 1, where that can be told.
    pub(crate) fn part(&self, at: Option<&Place>, end: &Place) -> Option<f64> {
        match &self.way {
            Way::Keys(_) => None,
            // Pages are few enough to be told apart.
            #[allow(clippy::cast_precision_loss)]
            Way::Pages => Some(page(at) as f64 / page(Some(end)).max(1) as f64),
        }
    }

    /// What names a row for people and for a statement about it: its key, or its place on its page.
    pub(crate) fn row_name(&self) -> String {
        match &self.way {
            Way::Keys(columns) => list(columns, ""),
            Way::Pages => "ctid".to_owned(),
        }
    }

    /// The condition on rows that [`Self::row_name`] named.
    pub(crate) fn rows_condition(&self, rows: &[Place]) -> String {
        match &self.way {
            Way::Keys(columns) => {
                let rows: Vec<String> = rows.iter().map(|r| row(&typed(columns, r))).collect();
                format!("{} IN ({})", names(columns), rows.join(", "))
            }
            Way::Pages => {
                let rows: Vec<String> = rows.iter().flatten().map(|r| literal(r)).collect();
                format!("ctid = ANY (ARRAY[{}]::pg_catalog.tid[])", rows.join(", "))
            }
        }
    }
}

/// The page that a place names; the first where there is none.
pub(crate) fn page(place: Option<&Place>) -> u64 {
    place.and_then(|p| p.first()).and_then(|p| p.parse().ok()).unwrap_or(0)
}

/// The condition on the rows behind `from`, up to and with `to`: expressions of SQL, one for each column.
pub(crate) fn range(columns: &[KeyColumn], from: Option<&[String]>, to: &[String]) -> String {
    let Some(first) = columns.first() else {
        return "true".to_owned();
    };
    let compare = |operator: &str, values: &[String]| format!("{} {operator} {}", names(columns), row(values));
    let mut parts: Vec<String> = from.iter().map(|from| compare(&first.greater, from)).collect();
    parts.push(compare(&first.at_most, to));
    // The planner estimates a comparison of rows by its first column, and two of them not as a range. This says how
    // narrow it is.
    if columns.len() > 1 {
        let ends = [(&first.at_least, from.and_then(|f| f.first())), (&first.at_most, to.first())];
        parts.extend(ends.iter().filter_map(|(o, v)| v.map(|v| format!("{} {o} {v}", first.name))));
    }
    parts.join(" AND ")
}

fn key_condition(columns: &[KeyColumn], from: Option<&Place>, to: &Place) -> String {
    let typed = |place: &Place| typed(columns, place);
    range(columns, from.map(typed).as_deref(), &typed(to))
}

pub(crate) fn list(columns: &[KeyColumn], behind: &str) -> String {
    columns.iter().map(|c| format!("{}{behind}", c.name)).collect::<Vec<_>>().join(", ")
}

fn names(columns: &[KeyColumn]) -> String {
    if columns.len() == 1 { list(columns, "") } else { format!("({})", list(columns, "")) }
}

fn row(values: &[String]) -> String {
    if values.len() == 1 { values.join("") } else { format!("({})", values.join(", ")) }
}

fn typed(columns: &[KeyColumn], place: &Place) -> Vec<String> {
    columns.iter().zip(place).map(|(c, v)| format!("{}::{}", literal(v), c.type_name)).collect()
}

/// The first row of a query as text.
pub(crate) fn one(client: &mut Client, sql: &str) -> Result<Option<Place>, Error> {
    Ok(all(client, sql)?.into_iter().next())
}

/// The rows of a query as text, read in a transaction of its own.
pub(crate) fn all(client: &mut Client, sql: &str) -> Result<Vec<Place>, Error> {
    match client.simple_query(&reading(sql)) {
        Ok(messages) => Ok(messages.iter().filter_map(texts).collect()),
        Err(error) => {
            // Where this fails the connection is gone.
            let _ = client.batch_execute("ROLLBACK");
            Err(error)
        }
    }
}

fn reading(sql: &str) -> String {
    format!("BEGIN READ ONLY; {READING}; {sql}\n; COMMIT")
}

/// The row as texts, where the message is one.
pub(crate) fn texts(message: &SimpleQueryMessage) -> Option<Place> {
    let SimpleQueryMessage::Row(row) = message else {
        return None;
    };
    Some((0..row.len()).map(|n| row.try_get(n).ok().flatten().unwrap_or_default().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_name: &str) -> KeyColumn {
        KeyColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            greater: "OPERATOR(pg_catalog.>)".to_owned(),
            at_most: "OPERATOR(pg_catalog.<=)".to_owned(),
            at_least: "OPERATOR(pg_catalog.>=)".to_owned(),
        }
    }

    fn table(way: Way, page_ranges: bool) -> Table {
        Table { name: "t".to_owned(), way, page_ranges, rows_of_page: 291, rows: 0, rests_on: String::new() }
    }

    #[test]
    fn ranges_of_keys() {
        let one = table(Way::Keys(vec![column("id", "bigint")]), true);
        let (a, b) = (vec!["1".to_owned()], vec!["9".to_owned()]);
        assert_eq!(one.condition(None, &b), "id OPERATOR(pg_catalog.<=) '9'::bigint");
        assert_eq!(
            one.condition(Some(&a), &b),
            "id OPERATOR(pg_catalog.>) '1'::bigint AND id OPERATOR(pg_catalog.<=) '9'::bigint"
        );
        let two = table(Way::Keys(vec![column("a", "text"), column("\"B\"", "uuid")]), true);
        let (from, to) = (vec!["it's".to_owned(), "x".to_owned()], vec!["z".to_owned(), "y".to_owned()]);
        assert_eq!(
            two.condition(Some(&from), &to),
            "(a, \"B\") OPERATOR(pg_catalog.>) ('it''s'::text, 'x'::uuid) AND \
             (a, \"B\") OPERATOR(pg_catalog.<=) ('z'::text, 'y'::uuid) AND a OPERATOR(pg_catalog.>=) 'it''s'::text AND \
             a OPERATOR(pg_catalog.<=) 'z'::text"
        );
        assert_eq!(two.rows_condition(&[from]), "(a, \"B\") IN (('it''s'::text, 'x'::uuid))");
        assert_eq!(one.rows_condition(&[a, b]), "id IN ('1'::bigint, '9'::bigint)");
    }

    #[test]
    fn ranges_of_pages() {
        let new = table(Way::Pages, true);
        let expected = "ctid >= '(0,0)'::pg_catalog.tid AND ctid < '(8,0)'::pg_catalog.tid";
        assert_eq!(new.condition(None, &vec!["8".to_owned()]), expected);
        assert!(table(Way::Pages, false).condition(None, &vec!["8".to_owned()]).contains("generate_series(0::"));
        assert_eq!(new.part(Some(&vec!["2".to_owned()]), &vec!["8".to_owned()]), Some(0.25));
    }
}
