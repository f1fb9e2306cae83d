//! Tables as SQL.

use super::genes::{Column, Constraint, Foreign, Table, Trim, Two};
use super::side::{Col, Side, loud, quoted, styled};
use super::support::renames::Hint;
use super::support::{fit::Filled, q};

/// A statement, with what its hints say.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    pub sql: String,
    pub hints: Vec<Hint>,
    pub filled: Vec<Filled>,
}

impl From<String> for Statement {
    fn from(sql: String) -> Self {
        Self { sql, ..Self::default() }
    }
}

/// Types as they are written; those of STRICT tables are the first six.
const STRICT_TYPES: [&str; 6] = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"];
const TYPES: [&str; 26] = [
    "INTEGER",
    "INT",
    "TEXT",
    "REAL",
    "BLOB",
    "",
    "NUMERIC",
    "ANY",
    "varchar(20)",
    "decimal(10, 2)",
    "unsigned big int",
    "\"odd type\"",
    "DOUBLE PRECISION",
    "BOOLEAN",
    "DATETIME",
    "FLOATING POINT",
    "CHARINT",
    "native character(70)",
    "json",
    "clob",
    "[x y]",
    "date",
    "int(11)",
    "generated",
    "text",
    "Integer",
];

const DEFAULTS: [&str; 28] = [
    "",
    "1",
    "-1.5",
    "+7",
    "'x'",
    "'it''s'",
    "\"x y\"",
    "\"X\"",
    "\"x\"",
    "x'ab'",
    "NULL",
    "CURRENT_TIMESTAMP",
    "current_date",
    "(1 + 2)",
    "(random())",
    "(lower('A'))",
    "TRUE",
    "bareword",
    "1e3",
    ".5",
    "0x1F",
    "'--'",
    "(NULL)",
    "- 1",
    "'NULL'",
    "('a' || ',')",
    "X'00FF'",
    "[b r]",
];

const CONFLICTS: [&str; 6] = [
    "",
    " ON CONFLICT ROLLBACK",
    " ON CONFLICT ABORT",
    " ON CONFLICT FAIL",
    " ON CONFLICT IGNORE",
    " on conflict replace",
];

const ACTIONS: [&str; 9] = [
    "",
    " ON DELETE CASCADE",
    " ON DELETE SET NULL ON UPDATE CASCADE",
    " ON UPDATE SET DEFAULT",
    " DEFERRABLE INITIALLY DEFERRED",
    " ON DELETE RESTRICT NOT DEFERRABLE",
    " MATCH FULL",
    " ON DELETE NO ACTION DEFERRABLE INITIALLY IMMEDIATE",
    " ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
];

impl Side<'_> {
    fn named(&self, name: &Two<u8>, slot: usize) -> String {
        match self.n(name) {
            0 => String::new(),
            style => format!("CONSTRAINT {} ", q(&styled("n", slot, style - 1))),
        }
    }

    fn conflict(&self, trim: &Trim) -> &'static str {
        CONFLICTS[usize::from(self.n(&trim.conflict))]
    }

    /// What a foreign key refers to.
    fn target(&self, slot: usize, explicit: bool, is_loud: bool) -> String {
        let name = match self.genome.tables.len() {
            // Nothing makes it.
            count if slot >= count => "nowhere".to_owned(),
            _ => self.table_name(slot),
        };
        let name = q(&loud(&name, is_loud));
        if !explicit {
            return name;
        }
        let columns = self.columns(slot);
        let key: Vec<String> = match self.plain_table(slot) {
            Some(table) if self.n(&table.key.kind) == 7 => Side::picks(&columns, table.key.slots.get(self.second)),
            _ => vec![Side::pick(&columns, 0)],
        };
        let first = key.first().cloned().unwrap_or_else(|| Side::pick(&columns, 0));
        format!("{name} ({})", q(&loud(&first, is_loud)))
    }

    fn column_rules(&self, table: &Table, slot: usize, column: &Column, name: &str, columns: &[Col]) -> Vec<String> {
        let c = q(name);
        let mut rules = Vec::new();
        let computed = self.n(&column.generated) > 1;
        let place = 10 * slot;
        match self.n(&column.not_null) {
            0 => {}
            1 => rules.push("NULL".to_owned()),
            _ => {
                let trim = &column.not_null_trim;
                rules.push(format!("{}NOT NULL{}", self.named(&trim.name, place), self.conflict(trim)));
            }
        }
        let default = DEFAULTS[usize::from(self.n(&column.default))];
        if !default.is_empty() && !computed {
            rules.push(format!("{}DEFAULT {default}", self.named(&column.default_name, place + 1)));
        }
        if self.n(&column.unique) > 0 {
            let trim = &column.unique_trim;
            rules.push(format!("{}UNIQUE{}", self.named(&trim.name, place + 2), self.conflict(trim)));
        }
        let slot_of_table = self.genome.tables.iter().position(|t| std::ptr::eq(t, table)).unwrap_or(0);
        let other = q(&Side::pick(columns, self.n(&column.ty)));
        let checks = match self.n(&column.check) {
            0 => Vec::new(),
            1 => vec![format!("{c} <> 5")],
            2 => vec![format!("{}.{c} <> 5", q(&self.table_name(slot_of_table)))],
            3 => vec![format!("{c} <> \"No\"")],
            4 => vec![format!("{c} <> \"no\"")],
            5 => vec![format!("length({c}) < 9")],
            6 => vec![format!("typeof({c}) <> 'blob'")],
            7 => vec![format!("{c} IS NOT NULL")],
            8 => vec![format!("{c} <> 6"), format!("{c} <> 7")],
            _ => vec![format!("{c} <> 'a' OR {other} IS NOT NULL")],
        };
        rules.extend(
            checks
                .iter()
                .enumerate()
                .map(|(n, check)| format!("{}CHECK ({check})", self.named(&column.check_name, place + 3 + n))),
        );
        let collation = ["", "NOCASE", "rtrim", "\"BINARY\""][usize::from(self.n(&column.collate))];
        if !collation.is_empty() {
            rules.push(format!("COLLATE {collation}"));
        }
        let before = columns.iter().find(|o| !o.is_computed && o.name != name);
        let source = before.map_or("1".to_owned(), |o| format!("length({})", q(&o.name)));
        match self.n(&column.generated) {
            2 => rules.push(format!("AS ({source})")),
            3 => rules.push(format!("GENERATED ALWAYS AS ({source} || 'x') STORED")),
            4 => rules.push(format!("AS ({source} + 1) VIRTUAL")),
            5 => rules.push(format!("CONSTRAINT g{slot} GENERATED ALWAYS AS ({source})")),
            _ => {}
        }
        let target = self.n(&column.references);
        if target > 0 {
            let action = ACTIONS[usize::from(self.n(&column.action))];
            let target = self.target(usize::from(target - 1), self.n(&column.ty).is_multiple_of(2), false);
            rules.push(format!("REFERENCES {target}{action}"));
        }
        let turn = usize::from(self.n(&column.order)) % rules.len().max(1);
        rules.rotate_left(turn);
        rules
    }

    fn type_of(&self, table: &Table, column: &Column) -> &'static str {
        let n = usize::from(self.n(&column.ty));
        if self.is(&table.strict) { STRICT_TYPES[n % 6] } else { TYPES[n] }
    }

    fn key_column(&self, table: &Table) -> Option<String> {
        let key = &table.key;
        if !self.has_id(table) {
            return None;
        }
        let name = q(&self.key_name(table));
        let rule =
            |rest: &str| format!("{}PRIMARY KEY{rest}{}", self.named(&key.trim.name, 100), self.conflict(&key.trim));
        let plain = |ty: &str| format!("{name} {ty}");
        let mut text = match self.n(&key.kind) {
            1 => format!("{} {}", plain("INTEGER"), rule("")),
            2 => format!("{} {} AUTOINCREMENT", plain("INTEGER"), rule("")),
            3 => format!("{} {}", plain("TEXT"), rule("")),
            4 | 5 => plain("INTEGER"),
            6 => format!("{} {}", plain("INTEGER"), rule(" DESC")),
            _ => format!("{} {}", plain("INT"), rule("")),
        };
        if self.is(&key.not_null) {
            text.push_str(" NOT NULL");
        }
        Some(text)
    }

    /// Columns as a key or an index lists them.
    pub fn listed(names: &[String], sort: u8) -> String {
        let with = |n: usize, name: &String| match (sort, n) {
            (1, 0) => format!("{} DESC", q(name)),
            (2, _) => format!("{} COLLATE NOCASE", q(name)),
            (3, 0) => format!("{} COLLATE rtrim DESC", q(name)),
            _ => q(name),
        };
        names.iter().enumerate().map(|(n, name)| with(n, name)).collect::<Vec<_>>().join(", ")
    }

    fn key_rule(&self, table: &Table, columns: &[Col]) -> Option<String> {
        let key = &table.key;
        let plain: Vec<Col> = columns.iter().filter(|c| !c.is_computed).cloned().collect();
        let names = match self.n(&key.kind) {
            4 => vec![self.key_name(table)],
            5 => vec![self.key_name(table), Side::pick(&plain, 1)],
            7 if !plain.is_empty() => Side::picks(&plain, key.slots.get(self.second)),
            _ => return None,
        };
        if names.is_empty() || (names.len() == 2 && names[0] == names[1]) {
            return None;
        }
        let named = self.named(&key.trim.name, 100);
        Some(format!("{named}PRIMARY KEY ({}){}", Self::listed(&names, self.n(&key.sort)), self.conflict(&key.trim)))
    }

    fn constraint(&self, n: usize, constraint: &Constraint, columns: &[Col], of: &str) -> Option<String> {
        let names = Side::picks(columns, constraint.slots.get(self.second));
        if names.is_empty() || columns.is_empty() || !self.is(&constraint.present) {
            return None;
        }
        let named = self.named(&constraint.trim.name, 200 + n);
        let value = self.n(&constraint.value);
        let all: Vec<String> = names.iter().map(|c| format!("{} <> {value}", q(c))).collect();
        Some(match self.n(&constraint.kind) {
            0 => format!("{named}CHECK ({})", all.join(" OR ")),
            1 => format!("{named}CHECK ({}.{} IS NOT {value})", q(of), q(&names[0])),
            _ => {
                let listed = Self::listed(&names, self.n(&constraint.sort));
                format!("{named}UNIQUE ({listed}){}", self.conflict(&constraint.trim))
            }
        })
    }

    fn foreign(&self, n: usize, foreign: &Foreign, columns: &[Col]) -> Option<String> {
        let names = Side::picks(columns, foreign.slots.get(self.second));
        if names.is_empty() || columns.is_empty() || !self.is(&foreign.present) {
            return None;
        }
        let explicit = self.is(&foreign.explicit) && names.len() == 1;
        let list = names.iter().map(|c| q(c)).collect::<Vec<_>>().join(", ");
        let target = self.target(usize::from(self.n(&foreign.target)), explicit, self.is(&foreign.loud));
        let action = ACTIONS[usize::from(self.n(&foreign.action))];
        Some(format!("{}FOREIGN KEY ({list}) REFERENCES {target}{action}", self.named(&foreign.name, 300 + n)))
    }

    /// Another kind of object in the place of a table.
    fn turned(&self, slot: usize, table: &Table) -> Statement {
        let name = quoted(&self.table_name(slot), self.n(&table.head.quote));
        let sql = match self.n(&table.turns) {
            1 => format!("CREATE VIEW {name} AS SELECT 1 AS c0, 'x' AS c1"),
            2 => format!("CREATE VIRTUAL TABLE {name} USING fts5(c0, c1)"),
            _ => format!("CREATE VIRTUAL TABLE {name} USING rtree(c0, c1, c2)"),
        };
        sql.into()
    }

    /// The statement that makes a table; none where it is not there.
    pub fn table_sql(&self, slot: usize) -> Option<Statement> {
        let table = self.table(slot)?;
        if self.n(&table.turns) > 0 {
            return Some(self.turned(slot, table));
        }
        let name = self.table_name(slot);
        let columns = self.columns(slot);
        let mut made = Statement::default();
        // Each part with the hint on its line.
        let mut parts: Vec<(String, String)> = Vec::new();
        parts.extend(self.key_column(table).map(|text| (text, String::new())));
        for (place, column, own) in self.own_columns(table) {
            let rules = self.column_rules(table, place, column, &own, &columns);
            let head = format!("{} {}", quoted(&own, self.n(&column.quote)), self.type_of(table, column));
            let text = std::iter::once(head.trim_end().to_owned()).chain(rules).collect::<Vec<_>>().join(" ");
            let mut hint = String::new();
            let was = self.other().column_name(table, place);
            let is_there = *column.present.get(!self.second);
            let backfill = self.n(&column.backfill);
            if own != was
                && column.hinted
                && is_there
                && !(self.is(&table.swap) != self.other().is(&table.swap) && place > 1)
            {
                hint = format!(" -- underpin: renamed-from {}", q(&was));
                made.hints.push(Hint { table: name.clone(), column: Some(own.clone()), old: was });
            } else if backfill > 0 && self.n(&column.generated) < 2 && self.n(&column.not_null) > 1 {
                let value = ["", "1", "'x'"][usize::from(backfill)];
                hint = format!(" -- underpin: backfill {value}");
                made.filled.push((name.clone(), own.clone(), value.to_owned()));
            }
            parts.push((text, hint));
        }
        let first_rule = parts.len();
        let mut rules: Vec<(String, bool)> = Vec::new();
        rules.extend(self.key_rule(table, &columns).map(|text| (text, false)));
        for (n, constraint) in table.constraints.iter().enumerate() {
            let text = self.constraint(n, constraint, &columns, &name);
            rules.extend(text.map(|text| (text, self.is(&constraint.no_comma))));
        }
        rules
            .extend(table.foreign.iter().enumerate().filter_map(|(n, f)| Some((self.foreign(n, f, &columns)?, false))));
        let no_comma: Vec<bool> = rules.iter().map(|(_, no)| *no).collect();
        parts.extend(rules.into_iter().map(|(text, _)| (text, String::new())));
        if first_rule == 0 {
            return None;
        }
        let was = self.other().table_name(slot);
        let is_there = self.other().plain_table(slot).is_some();
        if was != name && table.hinted && is_there {
            made.sql = format!("-- underpin: renamed-from {}\n", q(&was));
            made.hints.push(Hint { table: name.clone(), column: None, old: was });
        }
        let head = &table.head;
        let written = quoted(&name, self.n(&head.quote));
        let main = if self.n(&head.main) == 1 { "main." } else { "" };
        made.sql += &format!("CREATE TABLE {}{main}{written} ({}\n", self.if_not_exists(head), self.comment(head, 1));
        let last = parts.len() - 1;
        for (n, (text, hint)) in parts.into_iter().enumerate() {
            let joined = n >= first_rule && no_comma.get(n + 1 - first_rule).is_some_and(|no| *no);
            let comma = if n == last || joined { "" } else { "," };
            let comment = if hint.is_empty() && n == 0 { self.comment(head, 2) } else { "" };
            made.sql += &format!("  {text}{comma}{hint}{comment}\n");
        }
        made.sql += self.comment(head, 3);
        let mut options = Vec::new();
        if self.is(&table.strict) {
            options.push("STRICT");
        }
        if self.is(&table.without_rowid) && !matches!(self.n(&table.key.kind), 0 | 2) {
            options.push("WITHOUT ROWID");
        }
        made.sql += &format!(") {}{}", options.join(", "), self.comment(head, 4));
        Some(made)
    }
}
