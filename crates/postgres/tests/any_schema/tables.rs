//! Tables as SQL, with all that hangs on them.

use crate::genes::{Column, Constraint, Index, Partition, Statistics, Table};
use crate::side::{By, Class, Col, Key, Side, lit, q, styled};
use std::fmt::Write as _;

/// The statements of one side, in an order in which the server takes them.
#[derive(Default)]
pub struct Script {
    pub statements: Vec<String>,
}

impl Script {
    pub fn say(&mut self, sql: impl Into<String>) {
        self.statements.push(sql.into());
    }
}

const DEFERRABLE: [&str; 3] = ["", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"];

impl Side<'_> {
    pub fn comment(&self, out: &mut Script, what: &str, number: u8) {
        if number > 0 {
            out.say(format!("COMMENT ON {what} IS {}", lit(&format!("it's {number} \\ ü"))));
        }
    }

    pub fn tables(&self, out: &mut Script) {
        let present: Vec<usize> = (0..self.genome.tables.len()).filter(|i| self.table(*i).is_some()).collect();
        for &slot in &present {
            self.create_table(out, slot);
        }
        for &slot in &present {
            self.foreign_keys(out, slot);
        }
    }

    fn create_table(&self, out: &mut Script, slot: usize) {
        let table = &self.genome.tables[slot];
        let path = self.table_path(slot);
        let own = self.own_columns(slot);
        let key = self.key(slot);
        let mut lines: Vec<String> =
            table.columns.iter().enumerate().filter_map(|(i, c)| self.column_line(slot, i, c, &own)).collect();
        lines.extend(self.merged_lines(slot));
        lines.extend(key.iter().map(|k| format!("{} {}", q(&k.col.name), k.col.ty.sql)));
        for i in 0..table.foreign.len() {
            lines.extend(self.foreign_columns(slot, i).iter().map(|c| format!("{} {}", q(&c.name), c.ty.sql)));
        }
        let primary: Vec<String> = self.primary(slot).iter().map(|c| q(&c.name)).collect();
        let primary_name = styled(&format!("p{slot}_"), 0, self.n(&table.primary_style));
        if !primary.is_empty() {
            lines.push(format!("CONSTRAINT {} PRIMARY KEY ({})", q(&primary_name), primary.join(", ")));
        }
        let unlogged = if self.unlogged(table) { "UNLOGGED " } else { "" };
        let mut sql = format!("CREATE {unlogged}TABLE {path} (\n  {}\n)", lines.join(",\n  "));
        if let Some(parent) = self.parent(slot) {
            write!(sql, " INHERITS ({})", self.table_path(parent)).expect("a string takes all");
        }
        if let Some(key) = &key {
            let by = match key.by {
                By::Range => "RANGE",
                By::List => "LIST",
                By::Hash => "HASH",
            };
            let name = q(&key.col.name);
            let over = if key.expression { format!("(({name} + 1))") } else { format!("({name})") };
            write!(sql, " PARTITION BY {by} {over}").expect("a string takes all");
        } else if self.n(&table.fillfactor) > 0 {
            write!(sql, " WITH (fillfactor = {})", 70 + self.n(&table.fillfactor)).expect("a string takes all");
        }
        out.say(sql);
        if let Some(key) = &key {
            for (i, partition) in table.partitions.iter().enumerate().filter(|(_, p)| self.is(&p.present)) {
                self.partition(out, slot, (i, partition), key);
            }
        }
        let columns = self.columns(slot);
        for (i, constraint) in table.constraints.iter().enumerate().filter(|(_, c)| self.is(&c.present)) {
            self.constraint(out, slot, (i, constraint), &columns);
        }
        for (i, index) in table.indexes.iter().enumerate() {
            self.index(out, &table.head, (&format!("i{slot}_"), i, index), &path, &columns, key.as_ref());
        }
        for (i, statistics) in table.statistics.iter().enumerate().filter(|(_, s)| self.is(&s.present)) {
            self.statistics(out, slot, (i, statistics), &columns);
        }
        if self.is(&table.cluster) && !primary.is_empty() && key.is_none() {
            out.say(format!("ALTER TABLE {path} CLUSTER ON {}", q(&primary_name)));
        }
        match self.n(&table.replica) {
            1 => out.say(format!("ALTER TABLE {path} REPLICA IDENTITY FULL")),
            2 => out.say(format!("ALTER TABLE {path} REPLICA IDENTITY NOTHING")),
            _ => {}
        }
        self.comment(out, &format!("TABLE {path}"), self.n(&table.head.comment));
        self.column_parts(out, slot, &own);
    }

    /// A column in the parentheses of its table.
    fn column_line(&self, slot: usize, place: usize, column: &Column, own: &[Col]) -> Option<String> {
        let name = self.column_name(&self.genome.tables[slot], place);
        let col = own.iter().find(|c| c.name == name).filter(|_| self.is(&column.present))?;
        let mut line = format!("{} ", q(&name));
        let default = self.n(&column.default);
        let value = usize::from(self.n(&column.value));
        if default == 8 {
            line.push_str(if col.ty.sql == "bigint" { "bigserial" } else { "serial" });
        } else {
            line.push_str(&col.ty.sql);
        }
        if col.ty.collatable && !col.generated {
            line.push_str(["", " COLLATE \"C\"", " COLLATE \"POSIX\""][usize::from(self.n(&column.collation))]);
        }
        let table = &self.genome.tables[slot];
        if let Some((source, ty)) = self.source(table, place) {
            let from = q(&self.column_name(table, source));
            let expression = match ty.class {
                Class::Int => format!("{from}::bigint * {}", value + 2),
                _ => format!("length({from}) + {value}"),
            };
            let kind = if self.major >= 18 && value == 3 { "VIRTUAL" } else { "STORED" };
            write!(line, " GENERATED ALWAYS AS (({expression})::{}) {kind}", col.ty.sql).expect("a string takes all");
            return Some(line);
        }
        match default {
            3..=5 => line.push_str(&self.default(col, default, value)),
            6 => line.push_str(" GENERATED BY DEFAULT AS IDENTITY"),
            7 => {
                write!(line, " GENERATED ALWAYS AS IDENTITY (START {} INCREMENT 2)", value + 1)
                    .expect("a string takes all");
            }
            _ => {}
        }
        if self.is(&column.not_null) {
            line.push_str(" NOT NULL");
        }
        Some(line)
    }

    fn default(&self, col: &Col, kind: u8, value: usize) -> String {
        let sample = || col.ty.samples.get(value % col.ty.samples.len().max(1));
        let early = self.genome.early.iter().enumerate().find(|(_, e)| self.is(&e.head.present));
        match (kind, col.ty.class, early) {
            (4, Class::Int, _) => {
                let owned =
                    self.genome.sequences.iter().position(|s| self.is(&s.head.present) && self.owner_of(s).is_none());
                owned.map_or_else(
                    || " DEFAULT 4".to_owned(),
                    |s| format!(" DEFAULT nextval({})", lit(&self.path(&self.genome.sequences[s].head, "q", s))),
                )
            }
            (5, Class::Int | Class::Text, Some(_)) => {
                let wanted = if col.ty.class == Class::Int { 4 } else { 5 };
                let call = self.early_call(value, wanted, "");
                call.map_or_else(String::new, |c| format!(" DEFAULT {c}"))
            }
            _ => sample().map_or_else(String::new, |s| format!(" DEFAULT {s}")),
        }
    }

    /// Columns of the parent that the table says once more.
    fn merged_lines(&self, slot: usize) -> Vec<String> {
        let Some(parent) = self.parent(slot) else { return Vec::new() };
        // By the name, so that it is the same on both sides: an heir's column cannot become its own, nor the other way round.
        let own = &self.genome.tables[slot].columns;
        let place = |name: &str| name.bytes().map(usize::from).sum::<usize>() % 5;
        let again = |name: &str| own.get(place(name)).is_some_and(|c| c.again);
        let mut lines = Vec::new();
        for col in &self.columns(parent) {
            // The collation has to be the parent's, which may be written there or be the type's own.
            if again(&col.name) && !col.generated && !col.numbered && !col.ty.collatable {
                lines.push(format!("{} {}", q(&col.name), col.ty.sql));
            }
        }
        lines
    }

    fn column_parts(&self, out: &mut Script, slot: usize, own: &[Col]) {
        let table = &self.genome.tables[slot];
        let path = self.table_path(slot);
        for (i, column) in table.columns.iter().enumerate().filter(|(_, c)| self.is(&c.present)) {
            let name = self.column_name(table, i);
            let Some(col) = own.iter().find(|c| c.name == name) else { continue };
            let name = q(&name);
            self.comment(out, &format!("COLUMN {path}.{name}"), self.n(&column.comment));
            match self.n(&column.grant) {
                1 => out.say(format!("GRANT SELECT ({name}), UPDATE ({name}) ON {path} TO \"anna\"")),
                2 => out.say(format!("GRANT INSERT ({name}) ON {path} TO PUBLIC")),
                _ => {}
            }
            let virtual_ = self.major >= 18 && col.generated && self.n(&column.value) == 3;
            match self.n(&column.statistics) {
                1 if !virtual_ => out.say(format!("ALTER TABLE {path} ALTER COLUMN {name} SET STATISTICS 50")),
                2 => out.say(format!("ALTER TABLE {path} ALTER COLUMN {name} SET (n_distinct = 7)")),
                _ => {}
            }
            match (self.n(&column.storage), col.ty.class) {
                (1, Class::Text | Class::Json) => {
                    out.say(format!("ALTER TABLE {path} ALTER COLUMN {name} SET STORAGE EXTERNAL"));
                }
                (2, Class::Text | Class::Json) if self.major >= 14 => {
                    out.say(format!("ALTER TABLE {path} ALTER COLUMN {name} SET COMPRESSION pglz"));
                }
                _ => {}
            }
        }
    }

    fn partition(&self, out: &mut Script, slot: usize, (place, partition): (usize, &Partition), key: &Key) {
        let name = styled(&format!("d{slot}_"), place, self.n(&partition.style));
        let path = format!("{}.{}", q(&self.space(self.n(&partition.schema))), q(&name));
        let k = self.n(&partition.bound);
        let first_rest = |i: usize| {
            let table = &self.genome.tables[slot];
            table.partitions.iter().take(i).all(|p| !self.is(&p.rest) || !self.is(&p.present))
        };
        let bound = match (key.by, key.col.ty.class) {
            (By::Hash, _) => format!("WITH (MODULUS 4, REMAINDER {place})"),
            _ if self.is(&partition.rest) && first_rest(place) => "DEFAULT".to_owned(),
            (By::List, Class::Int) => format!("IN ({}, {})", place * 10 + usize::from(k), place * 10 + 9),
            (By::List, _) => format!("IN ('p{place}{k}')"),
            (By::Range, Class::Int) => format!("FROM ({}) TO ({})", place * 100 + usize::from(k), place * 100 + 50),
            (By::Range, _) => format!("FROM ('2024-0{0}-0{1}') TO ('2024-0{0}-20')", place + 1, k + 1),
        };
        let parent = self.table_path(slot);
        let mut own = Vec::new();
        if self.is(&partition.check) {
            own.push(format!(
                "CONSTRAINT {} CHECK ({})",
                q(&format!("own{slot}_{place}")),
                self.condition(&key.col, "", 0)
            ));
        }
        if let Some(sample) = key.col.ty.samples.last().filter(|_| self.is(&partition.default)) {
            own.push(format!("{} DEFAULT {sample}", q(&key.col.name)));
        }
        let own = if own.is_empty() { String::new() } else { format!(" ({})", own.join(", ")) };
        out.say(
            format!("CREATE TABLE {path} PARTITION OF {parent}{own} FOR VALUES {bound}")
                .replace("FOR VALUES DEFAULT", "DEFAULT"),
        );
        if self.is(&partition.index) {
            out.say(format!("CREATE INDEX {} ON {path} ({})", q(&format!("o{slot}_{place}")), q(&key.col.name)));
        }
        self.comment(out, &format!("TABLE {path}"), self.n(&partition.comment));
        match self.n(&partition.grant) {
            1 => out.say(format!("GRANT SELECT ON {path} TO \"anna\"")),
            2 => out.say(format!("GRANT INSERT ON {path} TO \"anna\" WITH GRANT OPTION")),
            _ => {}
        }
    }

    fn constraint(&self, out: &mut Script, slot: usize, (place, constraint): (usize, &Constraint), columns: &[Col]) {
        let path = self.table_path(slot);
        let name = q(&styled(&format!("k{slot}_"), place, self.n(&constraint.style)));
        let table = &self.genome.tables[slot];
        let partitioned = self.partitioned_kind(table) && self.key(slot).is_some();
        let slots = constraint.slots.get(self.second);
        let special = self.is(&constraint.special);
        let mut tail = DEFERRABLE[usize::from(self.n(&constraint.deferrable))].to_owned();
        let mut body = String::new();
        match self.n(&constraint.kind) {
            0 | 1 => {
                tail = if special && !partitioned { " NO INHERIT".to_owned() } else { String::new() };
                if self.is(&constraint.unproved) {
                    tail.push_str(" NOT VALID");
                }
                let parts: Vec<String> = Self::picks(columns, slots, |_| true)
                    .into_iter()
                    .map(|c| self.checked(c, &constraint.function, self.n(&constraint.value)))
                    .collect();
                if !parts.is_empty() {
                    body = format!("CHECK ({})", parts.join(" OR "));
                }
            }
            2 => {
                let mut found: Vec<&Col> =
                    Self::picks(columns, slots, |c| c.ty.comparable && !self.is_virtual(slot, c));
                let key = self.key(slot);
                if let Some(key) = &key {
                    let own = columns.iter().find(|c| c.name == key.col.name);
                    found.extend(own.filter(|k| found.iter().all(|c| c.name != k.name)));
                }
                if !found.is_empty() && key.is_none_or(|k| !k.expression) && !slots.is_empty() {
                    let nulls = if special && self.major >= 15 { " NULLS NOT DISTINCT" } else { "" };
                    let include = columns
                        .iter()
                        .find(|c| special && found.iter().all(|f| f.name != c.name) && !self.is_virtual(slot, c));
                    let include = include.map_or_else(String::new, |c| format!(" INCLUDE ({})", q(&c.name)));
                    body = format!("UNIQUE{nulls} ({}){include}", names(&found));
                }
            }
            _ => {
                let scalar = |c: &Col| c.ty.comparable && !c.ty.domain && !self.is_virtual(slot, c);
                let found = Self::picks(columns, slots, scalar);
                if let (Some(col), false) = (found.first(), partitioned) {
                    let (method, operator) = if col.ty.class == Class::Range { ("gist", "&&") } else { ("btree", "=") };
                    let filter =
                        if special { format!(" WHERE ({})", self.condition(col, "", 1)) } else { String::new() };
                    body = format!("EXCLUDE USING {method} ({} WITH {operator}){filter}", q(&col.name));
                }
            }
        }
        if !body.is_empty() {
            out.say(format!("ALTER TABLE {path} ADD CONSTRAINT {name} {body}{tail}"));
            self.comment(out, &format!("CONSTRAINT {name} ON {path}"), self.n(&constraint.comment));
        }
    }

    /// A condition of a check, with a function in it where there is one that fits.
    fn checked(&self, col: &Col, function: &crate::genes::Two<u8>, value: u8) -> String {
        let (wanted, cast) = if col.ty.class == Class::Int { (2, "integer") } else { (3, "text") };
        let call = matches!(col.ty.class, Class::Int | Class::Text)
            .then(|| self.early_call(usize::from(self.n(function)), wanted, &format!("{}::{cast}", q(&col.name))))
            .flatten();
        call.unwrap_or_else(|| self.condition(col, "", value))
    }

    /// Whether a column is computed when it is read, so that no index can have it.
    pub fn is_virtual(&self, slot: usize, col: &Col) -> bool {
        let tables = std::iter::successors(Some(slot), |s| self.parent(*s));
        self.major >= 18
            && col.generated
            && tables.into_iter().any(|s| {
                let columns = self.genome.tables[s].columns.iter().enumerate();
                columns
                    .into_iter()
                    .any(|(i, c)| self.n(&c.value) == 3 && self.column_name(&self.genome.tables[s], i) == col.name)
            })
    }

    /// An index of a table or of a materialized view.
    pub fn index(
        &self,
        out: &mut Script,
        head: &crate::genes::Head,
        (word, place, index): (&str, usize, &Index),
        path: &str,
        columns: &[Col],
        key: Option<&Key>,
    ) {
        let slots = index.slots.get(self.second);
        let table = word.strip_prefix('i').and_then(|w| w.trim_end_matches('_').parse().ok());
        let stored = |c: &Col| table.is_none_or(|t| !self.is_virtual(t, c));
        let found = Self::picks(columns, slots, |c| c.ty.comparable && stored(c));
        let (Some(first), true) = (found.first().copied(), self.is(&index.present)) else { return };
        let name = q(&styled(word, place, self.n(&index.style)));
        let scalar = matches!(first.ty.class, Class::Int | Class::Number | Class::Text | Class::Time);
        let own_first = !first.ty.domain;
        let method = match (self.n(&index.method), first.ty.class) {
            (1, _) if scalar => "hash",
            (2, _) if scalar => "brin",
            (3, Class::Array | Class::Json) if own_first => "gin",
            (4, Class::Range) if own_first => "gist",
            _ => "btree",
        };
        let plain = method == "btree";
        let mut unique = plain && self.is(&index.unique);
        let key_in = key.is_none_or(|k| !k.expression && found.iter().any(|c| c.name == k.col.name));
        unique &= key_in;
        let first_sql = match (self.n(&index.expression), first.ty.class) {
            (0, _) | (_, Class::Json) => q(&first.name),
            _ if !plain || key.is_some() => q(&first.name),
            (1, Class::Text) => format!("lower({})", q(&first.name)),
            (2, Class::Text) if own_first => format!("{} text_pattern_ops", q(&first.name)),
            (3, Class::Text) => format!("{} COLLATE \"C\"", q(&first.name)),
            (1, Class::Int) => format!("({} + 1)", q(&first.name)),
            (_, Class::Int) => {
                let argument = format!("{}::integer", q(&first.name));
                self.early_call(1, 0, &argument).map_or_else(|| q(&first.name), |c| format!("({c})"))
            }
            _ => q(&first.name),
        };
        let order = if plain {
            ["", " DESC", " NULLS FIRST", " DESC NULLS LAST"][usize::from(self.n(&index.order))]
        } else {
            ""
        };
        let mut parts = vec![format!("{first_sql}{order}")];
        if plain {
            parts.extend(found.iter().skip(1).map(|c| q(&c.name)));
        }
        let include = columns
            .iter()
            .find(|c| plain && self.is(&index.include) && stored(c) && found.iter().all(|f| f.name != c.name));
        let include = include.map_or_else(String::new, |c| format!(" INCLUDE ({})", q(&c.name)));
        let fillfactor = if plain && self.is(&index.fillfactor) { " WITH (fillfactor = 77)" } else { "" };
        let filter = match self.n(&index.filter) {
            0 => String::new(),
            k => format!(" WHERE {}", self.condition(first, "", k)),
        };
        let unique = if unique { "UNIQUE " } else { "" };
        out.say(format!(
            "CREATE {unique}INDEX {name} ON {path} USING {method} ({}){include}{fillfactor}{filter}",
            parts.join(", ")
        ));
        let space = q(&self.space(self.n(&head.schema)));
        self.comment(out, &format!("INDEX {space}.{name}"), self.n(&index.comment));
    }

    fn statistics(&self, out: &mut Script, slot: usize, (place, statistics): (usize, &Statistics), columns: &[Col]) {
        let found =
            Self::picks(columns, statistics.slots.get(self.second), |c| c.ty.comparable && !self.is_virtual(slot, c));
        let mut parts: Vec<String> = found.iter().map(|c| q(&c.name)).collect();
        let number = columns.iter().find(|c| c.ty.class == Class::Int && !self.is_virtual(slot, c));
        if let Some(number) = number.filter(|_| self.is(&statistics.expression) && self.major >= 14) {
            parts.push(format!("({} % 7)", q(&number.name)));
        }
        if parts.len() < 2 {
            return;
        }
        let kinds = ["", " (ndistinct)", " (dependencies, mcv)", " (mcv)"][usize::from(self.n(&statistics.kinds))];
        let space = q(&self.space(self.n(&self.genome.tables[slot].head.schema)));
        let name = format!("{space}.{}", q(&styled(&format!("st{slot}_"), place, self.n(&statistics.style))));
        out.say(format!("CREATE STATISTICS {name}{kinds} ON {} FROM {}", parts.join(", "), self.table_path(slot)));
        if self.n(&statistics.target) > 0 && self.major >= 13 {
            out.say(format!("ALTER STATISTICS {name} SET STATISTICS {}", self.n(&statistics.target)));
        }
        self.comment(out, &format!("STATISTICS {name}"), self.n(&statistics.comment));
    }

    fn foreign_keys(&self, out: &mut Script, slot: usize) {
        let table: &Table = &self.genome.tables[slot];
        let partitioned = self.key(slot).is_some();
        for (i, foreign) in table.foreign.iter().enumerate() {
            let Some(target) = self.foreign_target(slot, i) else { continue };
            let own = self.foreign_columns(slot, i);
            let key = self.primary(target);
            let name = q(&styled(&format!("fk{slot}_"), i, self.n(&foreign.style)));
            let full = if self.is(&foreign.full) { " MATCH FULL" } else { "" };
            let delete = ["", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON DELETE RESTRICT"];
            let update = ["", " ON UPDATE CASCADE", " ON UPDATE SET DEFAULT"];
            // Before 18 a partitioned table, on either side, takes a foreign key only if it is proved.
            let either = partitioned || self.key(target).is_some();
            let unproved = if self.is(&foreign.unproved) && !either { " NOT VALID" } else { "" };
            out.say(format!(
                "ALTER TABLE {} ADD CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {} ({}){full}{}{}{}{unproved}",
                self.table_path(slot),
                names(&own.iter().collect::<Vec<_>>()),
                self.table_path(target),
                names(&key.iter().collect::<Vec<_>>()),
                delete[usize::from(self.n(&foreign.on_delete))],
                update[usize::from(self.n(&foreign.on_update))],
                DEFERRABLE[usize::from(self.n(&foreign.deferrable))],
            ));
        }
    }
}

fn names(columns: &[&Col]) -> String {
    columns.iter().map(|c| q(&c.name)).collect::<Vec<_>>().join(", ")
}
