//! Indexes, views, triggers and virtual tables as SQL, and a side as a whole.

use super::genes::{Index, Trigger, View, Virtual};
use super::side::{Col, Side, loud, styled};
use super::support::q;
use super::support::renames::Hint;
use super::tables::Statement;

impl Side<'_> {
    fn index(&self, slot: usize, n: usize, index: &Index) -> Option<String> {
        let columns = self.columns(slot);
        let names = Side::picks(&columns, index.slots.get(self.second));
        if !self.is(&index.head.present) || columns.is_empty() {
            return None;
        }
        let first = q(&Side::pick(&columns, 0));
        let expression = match self.n(&index.expression) {
            0 => None,
            1 => Some(format!("lower({first})")),
            2 => Some(format!("{first} || 'x' COLLATE NOCASE")),
            3 => Some(format!("({first} + 1) DESC")),
            _ => Some(format!("coalesce({first}, \"No\")")),
        };
        let listed = Self::listed(&names, self.n(&index.sort));
        let list: Vec<String> = Some(listed).filter(|l| !l.is_empty()).into_iter().chain(expression).collect();
        if list.is_empty() {
            return None;
        }
        let filter = match self.n(&index.filter) {
            0 => String::new(),
            1 => format!(" WHERE {first} IS NOT NULL"),
            2 => format!(" WHERE {first} > 1 AND {} IS NOT 'x'", q(&Side::pick(&columns, 2))),
            _ => format!(" WHERE {first} <> 'No'"),
        };
        let unique = if self.is(&index.unique) { "UNIQUE " } else { "" };
        Some(format!(
            "CREATE {unique}INDEX {}{}{} ON {} ({}){filter}{}",
            self.if_not_exists(&index.head),
            self.made(&index.head, "i", slot * 2 + n),
            self.comment(&index.head, 1),
            q(&loud(&self.table_name(slot), self.is(&index.loud))),
            list.join(", "),
            self.comment(&index.head, 4),
        ))
    }

    fn trigger(&self, slot: usize, trigger: &Trigger, on: (&str, &[Col], bool)) -> Option<String> {
        let (on, columns, is_view) = on;
        if !self.is(&trigger.head.present) || columns.is_empty() {
            return None;
        }
        let column = q(&Side::pick(columns, self.n(&trigger.slot)));
        let timing = match (is_view, self.n(&trigger.timing)) {
            (true, _) => "INSTEAD OF ",
            (false, 0) => "BEFORE ",
            (false, 1) => "AFTER ",
            (false, _) => "",
        };
        let event = match self.n(&trigger.event) {
            0 => "INSERT".to_owned(),
            1 => "DELETE".to_owned(),
            2 => "UPDATE".to_owned(),
            _ => format!("UPDATE OF {column}"),
        };
        let row = if self.n(&trigger.event) == 1 { "old" } else { "NEW" };
        let condition = match self.n(&trigger.condition) {
            0 => String::new(),
            1 => format!(" FOR EACH ROW WHEN {row}.{column} IS NOT NULL"),
            _ => format!(" WHEN ({row}.{column} <> \"No\")"),
        };
        let is_loud = self.is(&trigger.loud);
        let other = usize::from(self.n(&trigger.other));
        let target = q(&loud(&self.table_name(other), is_loud));
        let theirs = self.columns(other);
        let first = q(&loud(&Side::pick(&theirs, 0), is_loud));
        let last = q(&Side::pick(&theirs, 1));
        let body = match self.n(&trigger.body) {
            0 => format!("INSERT INTO {target} ({last}) VALUES ({row}.{column});"),
            1 => format!("UPDATE {target} SET {last} = {row}.{column} WHERE {first} = 1;"),
            2 => format!("DELETE FROM {target} WHERE {target}.{first} IS {row}.{column};"),
            3 => format!("SELECT CASE WHEN {row}.{column} = 5 THEN RAISE(ABORT, 'no; end') END;"),
            4 => "SELECT RAISE(IGNORE);".to_owned(),
            5 => "INSERT INTO nowhere VALUES (1);".to_owned(),
            6 => format!("SELECT 1; /* ; END */ UPDATE OR IGNORE {target} SET {first} = {first};"),
            7 => format!(
                "WITH w AS (SELECT 1 AS a) SELECT * FROM w; INSERT OR REPLACE INTO {target} SELECT * FROM {target} WHERE 0;"
            ),
            8 => format!(
                "UPDATE {target} SET {last} = (SELECT count(*) FROM {target} AS x WHERE x.{first} = {row}.{column});"
            ),
            _ => format!("SELECT {row}.nowhere;"),
        };
        Some(format!(
            "CREATE TRIGGER {}{} {timing}{event} ON {}{condition}{}BEGIN {body} END",
            self.if_not_exists(&trigger.head),
            self.made(&trigger.head, "r", slot),
            q(&loud(on, is_loud)),
            match self.n(&trigger.head.comment) {
                0 => " ",
                _ => " /* ; END */ -- begin\n",
            },
        ))
    }

    fn view_name(&self, slot: usize) -> String {
        self.genome.views.get(slot).map_or("nowhere".to_owned(), |v| styled("v", slot, self.n(&v.head.style)))
    }

    fn view(&self, slot: usize, view: &View) -> Option<String> {
        if !self.is(&view.head.present) {
            return None;
        }
        let over = usize::from(self.n(&view.over));
        let table = q(&self.table_name(over));
        let columns = self.columns(over);
        let column = q(&Side::pick(&columns, self.n(&view.slot)));
        let first = q(&Side::pick(&columns, 0));
        let alias = q(&styled("a", slot, self.n(&view.style)));
        let other = usize::from(self.n(&view.other));
        let of_view = q(&self.view_name(other % 3));
        let to = q(&self.table_name(other % 4));
        let key = q(&Side::pick(&self.columns(other % 4), 0));
        let (names, query) = match self.n(&view.kind) {
            0 => ("", format!("SELECT * FROM {table}")),
            1 => ("", format!("SELECT {column}, {first} AS {alias} FROM {table}")),
            2 => ("", format!("SELECT a.*, b.{key} AS {alias} FROM {table} AS a JOIN {to} b ON a.{first} = b.{key}")),
            3 => ("", format!("WITH w AS (SELECT {column} AS x FROM {table}) SELECT x AS {alias} FROM w")),
            4 => ("", format!("SELECT * FROM {of_view}")),
            5 => ("", "SELECT * FROM nowhere".to_owned()),
            6 => ("(x, y)", format!("SELECT {column}, count(*) FROM {table} GROUP BY {column}")),
            7 => ("", format!("SELECT {first} AS {alias} FROM {table} UNION ALL SELECT {key} FROM {to}")),
            8 => ("", format!("SELECT {column} FROM {table} WHERE {first} IN (SELECT {key} FROM {to}) ORDER BY 1")),
            9 => ("", format!("SELECT {table}.{column}, \"No\" AS {alias} FROM {table}")),
            _ => ("", format!("SELECT nowhere FROM {table}")),
        };
        let names = if self.is(&view.columns) && names.is_empty() && self.n(&view.kind) == 3 { "(z)" } else { names };
        Some(format!(
            "CREATE VIEW {}{}{names} AS{} {query}{}",
            self.if_not_exists(&view.head),
            self.made(&view.head, "v", slot),
            self.comment(&view.head, 1),
            self.comment(&view.head, 4),
        ))
    }

    /// The columns of a view as its triggers name them.
    fn view_columns(&self, view: &View) -> Vec<Col> {
        match self.n(&view.kind) {
            0 => self.columns(usize::from(self.n(&view.over))),
            6 => ["x", "y"].map(|name| Col { name: name.to_owned(), is_computed: false }).to_vec(),
            _ => vec![Col { name: "a".to_owned(), is_computed: false }],
        }
    }

    fn virtual_table(&self, slot: usize, table: &Virtual) -> Option<Statement> {
        if !self.is(&table.head.present) {
            return None;
        }
        let over = usize::from(self.n(&table.over));
        let count = usize::from(self.n(&table.columns));
        let mut names: Vec<String> = (0..count).map(|n| q(&styled("f", n, self.n(&table.style)))).collect();
        let theirs: Vec<String> = self.columns(over).iter().take(count).map(|c| q(&c.name)).collect();
        let of = self.table_name(over);
        let content = format!("content={}", super::support::text(&of));
        let option = self.n(&table.option);
        let module =
            match self.n(&table.kind) {
                0 | 1 => {
                    names.extend(
                        ["", "tokenize='porter ascii'", "prefix='2 3'", "detail=none"]
                            .get(usize::from(option))
                            .filter(|o| !o.is_empty())
                            .map(|o| (*o).to_owned()),
                    );
                    "fts5"
                }
                2 => {
                    names = theirs;
                    names.push(content);
                    if option > 0 {
                        names.push("content_rowid='rowid'".to_owned());
                    }
                    "fts5"
                }
                3 => {
                    names.push("content=''".to_owned());
                    "fts5"
                }
                4 => {
                    names.extend(
                        ["", "tokenize=porter", "prefix=\"2,3\"", "notindexed=f0"]
                            .get(usize::from(option))
                            .filter(|o| !o.is_empty())
                            .map(|o| (*o).to_owned()),
                    );
                    "fts4"
                }
                5 => {
                    names = theirs;
                    names.push(format!("content={}", q(&of)));
                    "fts4"
                }
                _ => {
                    names = vec!["rid".to_owned()];
                    names.extend((0..2 * count.min(2)).map(|n| {
                        styled("f", n, self.n(&table.style)).replace(|c: char| !c.is_ascii_alphanumeric(), "_")
                    }));
                    names.extend((option > 0).then(|| "+more TEXT".to_owned()));
                    if self.n(&table.kind) == 6 { "rtree" } else { "rtree_i32" }
                }
            };
        let sql = format!(
            "CREATE VIRTUAL TABLE {}{} USING {module}({})",
            self.if_not_exists(&table.head),
            self.made(&table.head, "f", slot),
            names.join(", ")
        );
        let (is, was) = [self.second, !self.second].map(|side| styled("f", slot, *table.head.style.get(side))).into();
        if is == was || !table.hinted || !*table.head.present.get(!self.second) {
            return Some(sql.into());
        }
        let hints = vec![Hint { table: is, column: None, old: was.clone() }];
        Some(Statement { sql: format!("-- underpin: renamed-from {}\n{sql}", q(&was)), hints, ..Statement::default() })
    }

    /// The statements of a side, each so that SQLite should take it.
    pub fn statements(&self) -> Vec<Statement> {
        let genome = self.genome;
        let mut all: Vec<Statement> = (0..genome.tables.len()).filter_map(|slot| self.table_sql(slot)).collect();
        let turn = if self.is(&genome.backwards) { all.len() / 2 } else { 0 };
        all.rotate_left(turn);
        let mut rest: Vec<String> = Vec::new();
        for slot in 0..genome.tables.len() {
            let Some(table) = self.plain_table(slot) else { continue };
            let name = self.table_name(slot);
            let columns = self.columns(slot);
            rest.extend(table.indexes.iter().enumerate().filter_map(|(n, index)| self.index(slot, n, index)));
            let triggers = table.triggers.iter().enumerate();
            rest.extend(triggers.filter_map(|(n, t)| self.trigger(slot * 2 + n, t, (&name, &columns, false))));
        }
        let after = rest.len();
        rest.extend(genome.views.iter().enumerate().filter_map(|(n, view)| self.view(n, view)));
        for (slot, view) in genome.views.iter().enumerate() {
            let name = self.view_name(slot);
            let columns = self.view_columns(view);
            let triggers = view.triggers.iter().enumerate();
            rest.extend(triggers.filter_map(|(n, t)| self.trigger(20 + slot * 2 + n, t, (&name, &columns, true))));
        }
        let mut rest: Vec<Statement> = rest.into_iter().map(Statement::from).collect();
        let virtuals = genome.virtuals.iter().enumerate().filter_map(|(n, t)| self.virtual_table(n, t));
        rest.splice(after..after, virtuals.collect::<Vec<_>>());
        all.extend(rest);
        all
    }
}
