//! What a walk has to know of its table, from the catalog.

use postgres::{Client, Error, SimpleQueryMessage};
use underpin_model::{Backfill, Fingerprint};
use underpin_sql::quote::literal;
use underpin_sql::{Lexer, TokenKind};

/// A column of the key that a walk goes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyColumn {
    /// Quoted.
    pub(crate) name: String,
    /// Its type as SQL writes it, without a length: a cast to `character` would be one to `character(1)`.
    pub(crate) type_name: String,
    /// The operators of the index that serves the walk, as `OPERATOR(pg_catalog.>)`: those of an extension's type need
    /// not be on the path, and the ones found in their place would walk in another order.
    pub(crate) greater: String,
    /// `<=`, likewise.
    pub(crate) at_most: String,
    /// `>=`, likewise.
    pub(crate) at_least: String,
}

/// What a walk goes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// A key.
    Keys(Vec<KeyColumn>),
    /// The pages of the table, and of those that inherit from it.
    Pages,
}

/// What a walk has to know of its table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Qualified and quoted.
    pub(crate) name: String,
    pub(crate) way: Way,
    /// Whether the server finds the rows of a range of pages without reading the others (from version 14 on; release
    /// notes, "Allow efficient heap scanning on a range of TIDs").
    pub(crate) page_ranges: bool,
    /// The most rows that a page can have (`MaxHeapTuplesPerPage`).
    pub(crate) rows_of_page: u64,
    /// About how many rows there are.
    pub(crate) rows: u64,
    /// A hash over what the result of the walk rests on: where it differs, what was walked before counts for nothing.
    pub(crate) rests_on: String,
}

/// How many rows the index of a page can lead to at most, by its size: 24 bytes of header, 4 and at least 24 a row.
const PAGE_HEADER: u64 = 24;
const SMALLEST_ROW: u64 = 28;

/// The index whose key columns are these, in this order, all of one direction and of the column's own order, so that `ORDER
/// BY` can be read from it; and for each column its type and the operators of that order.
const KEY: &str = "
WITH k AS (SELECT a.attnum, a.atttypid, a.attcollation, w.n
             FROM unnest($2::text[]) WITH ORDINALITY w (name, n)
             JOIN pg_attribute a ON a.attrelid = $1::text::regclass AND a.attname = w.name AND a.attnum > 0
                                AND a.attnotnull),
     i AS (SELECT i.indexrelid, i.indclass
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
            WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
              AND i.indexprs IS NULL AND m.amname = 'btree' AND i.indnkeyatts = cardinality($2::text[])
              AND NOT EXISTS (SELECT FROM generate_series(1, i.indnkeyatts) p (n)
                                LEFT JOIN k ON k.n = p.n
                               WHERE k.attnum IS DISTINCT FROM i.indkey[p.n - 1]
                                  OR k.attcollation <> i.indcollation[p.n - 1]
                                  OR i.indoption[p.n - 1] <> i.indoption[0])
              AND i.indoption[0] IN (0, 3)
            ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1)
SELECT format_type(k.atttypid, -1), quote_ident(gn.nspname), g.oprname::text, quote_ident(ln.nspname), l.oprname::text,
       quote_ident(en.nspname), e.oprname::text
  FROM i CROSS JOIN k
  JOIN pg_opclass o ON o.oid = i.indclass[k.n - 1] AND (o.opcdefault OR o.opcname = 'varchar_ops')
  JOIN pg_amop ga ON ga.amopfamily = o.opcfamily AND ga.amoplefttype = o.opcintype AND ga.amoprighttype = o.opcintype
                 AND ga.amopstrategy = 5
  JOIN pg_operator g ON g.oid = ga.amopopr JOIN pg_namespace gn ON gn.oid = g.oprnamespace
  JOIN pg_amop la ON la.amopfamily = o.opcfamily AND la.amoplefttype = o.opcintype AND la.amoprighttype = o.opcintype
                 AND la.amopstrategy = 2
  JOIN pg_operator l ON l.oid = la.amopopr JOIN pg_namespace ln ON ln.oid = l.oprnamespace
  JOIN pg_amop ea ON ea.amopfamily = o.opcfamily AND ea.amoplefttype = o.opcintype AND ea.amoprighttype = o.opcintype
                 AND ea.amopstrategy = 4
  JOIN pg_operator e ON e.oid = ea.amopopr JOIN pg_namespace en ON en.oid = e.oprnamespace
 ORDER BY k.n";

/// What the statement names: relations, their columns, our triggers on them, functions. All is told by OIDs and numbers,
/// so that a column that was dropped and made again under its name is another one. A name that only looks like one of
/// these does no harm: at worst a walk begins anew.
const RESTS_ON: &str = r#"
WITH c AS (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relname = ANY ($1::text[]) AND n.nspname = ANY ($1::text[]) AND c.relkind <> 'i')
SELECT coalesce(string_agg(x, ' ' ORDER BY x COLLATE pg_catalog."C"), '') FROM (
    SELECT 'r' || c.oid FROM c
    UNION ALL SELECT format('a%s.%s.%s', a.attrelid, a.attnum, a.atttypid) FROM c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE a.attname = ANY ($1::text[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT format('t%s%s', t.oid, t.tgenabled) FROM c JOIN pg_trigger t ON t.tgrelid = c.oid
               WHERE NOT t.tgisinternal AND t.tgname LIKE 'zz\_underpin\_%'
    UNION ALL SELECT format('f%s%s', p.oid, md5(p.prosrc)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE p.proname = ANY ($1::text[]) AND n.nspname = ANY ($1::text[]) AND n.nspname <> 'pg_catalog') s (x)"#;

impl Table {
    /// Reads what a walk has to know; none where the table is not there.
    pub(crate) fn read(client: &mut Client, backfill: &Backfill) -> Result<Option<Self>, Error> {
        let Some(rests_on) = rests_on(client, backfill)? else {
            return Ok(None);
        };
        let row = client.query_one(
            "SELECT current_setting('server_version_num')::int8, current_setting('block_size')::int8",
            &[],
        )?;
        let (version, block): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let block = u64::try_from(block).unwrap_or(8192);
        Ok(Some(Self {
            name: backfill.table.clone(),
            way: way(client, backfill)?,
            page_ranges: version >= 140_000,
            rows_of_page: block.saturating_sub(PAGE_HEADER) / SMALLEST_ROW,
            rows: estimate(client, &backfill.table)?,
            rests_on,
        }))
    }
}

/// The hash over what the result rests on; none where the table is not there.
pub(crate) fn rests_on(client: &mut Client, backfill: &Backfill) -> Result<Option<String>, Error> {
    let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&backfill.table])?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let mut names = names(&backfill.statement);
    names.extend(self::names(&backfill.table));
    names.extend(backfill.wrong.iter().flat_map(|w| self::names(w)));
    names.sort();
    names.dedup();
    let row = client.query_one(RESTS_ON, &[&names])?;
    let facts: String = row.try_get(0)?;
    Ok(Some(Fingerprint::of_texts([facts.as_str()]).0))
}

/// A key that no index serves in its order would be sorted anew for every batch; then the pages are the better way.
fn way(client: &mut Client, backfill: &Backfill) -> Result<Way, Error> {
    if backfill.key.is_empty() {
        return Ok(Way::Pages);
    }
    let plain: Vec<String> = backfill.key.iter().flat_map(|k| names(k)).collect();
    let rows = client.query(KEY, &[&backfill.table, &plain])?;
    if rows.len() != backfill.key.len() {
        return Ok(Way::Pages);
    }
    let mut columns = Vec::new();
    for (row, name) in rows.iter().zip(&backfill.key) {
        let operator = |schema: usize| -> Result<String, Error> {
            Ok(format!("OPERATOR({}.{})", row.try_get::<_, String>(schema)?, row.try_get::<_, String>(schema + 1)?))
        };
        columns.push(KeyColumn {
            name: name.clone(),
            type_name: row.try_get(0)?,
            greater: operator(1)?,
            at_most: operator(3)?,
            at_least: operator(5)?,
        });
    }
    // Rows are compared by one operator for all their columns.
    let first = &columns[0];
    let same = columns.iter().all(|c| c.greater == first.greater && c.at_most == first.at_most);
    Ok(if same { Way::Keys(columns) } else { Way::Pages })
}

/// What the planner believes; it knows the table's present size even where nothing was ever counted.
fn estimate(client: &mut Client, table: &str) -> Result<u64, Error> {
    for message in client.simple_query(&format!("EXPLAIN SELECT FROM {table}"))? {
        if let SimpleQueryMessage::Row(row) = message {
            let line = row.try_get(0)?.unwrap_or_default();
            let rows = line.split_once(" rows=").and_then(|(_, rest)| rest.split(' ').next());
            return Ok(rows.and_then(|r| r.parse().ok()).unwrap_or(0));
        }
    }
    Ok(0)
}

/// The pages of the table and of those that inherit from it: as many as the longest has. The second value names the files
/// that they are in: a table that is written anew (`VACUUM FULL`, `CLUSTER`) has its rows on other pages.
pub(crate) fn pages_sql(table: &str) -> String {
    format!(
        "WITH RECURSIVE r (oid) AS (SELECT {}::pg_catalog.regclass::pg_catalog.oid
             UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN r ON i.inhparent = r.oid)
         SELECT coalesce(max(pg_catalog.pg_relation_size(c.oid)
                             / pg_catalog.current_setting('block_size')::pg_catalog.int8), 0)::pg_catalog.text AS pages,
                coalesce(pg_catalog.string_agg(pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.text, ' '
                                               ORDER BY c.oid), '') AS files
           FROM r JOIN pg_catalog.pg_class c ON c.oid = r.oid WHERE c.relkind IN ('r', 'm', 'p')",
        literal(table)
    )
}

/// The names in a piece of SQL, without their quotes.
fn names(sql: &str) -> Vec<String> {
    Lexer::new(sql)
        .filter_map(|t| match t.kind {
            TokenKind::Word => Some(t.text(sql).to_lowercase()),
            TokenKind::QuotedIdent => {
                let text = t.text(sql);
                Some(text.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\""))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_quotes_and_nothing_else() {
        assert_eq!(
            names("UPDATE public.\"A\"\"b\" SET X = 'y' WHERE {range}"),
            ["update", "public", "A\"b", "set", "x", "where", "range"]
        );
    }
}
