//! One of the two schemas of a pair: the look-ups that the writing needs, so that what is written is always valid.

use crate::genes::{Column, Genome, Head, Table, Two, TypeChoice};

/// One of the two schemas, for a server of this major version.
pub struct Side<'a> {
    pub genome: &'a Genome,
    pub second: bool,
    pub major: u32,
}

/// What can be done with a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Int,
    Number,
    Text,
    Bool,
    Time,
    Uuid,
    Json,
    Range,
    Array,
    Enum,
    Other,
}

/// A type as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    pub sql: String,
    pub class: Class,
    /// Whether it has an order, so that it can be in a key.
    pub comparable: bool,
    pub collatable: bool,
    pub domain: bool,
    /// Values of it, as literals; none where it has none that is always right.
    pub samples: Vec<String>,
}

/// A column as it is on this side.
#[derive(Debug, Clone)]
pub struct Col {
    pub name: String,
    pub ty: Type,
    pub generated: bool,
    /// Its numbers come from a sequence of its own.
    pub numbered: bool,
    pub inherited: bool,
}

/// How a table is partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Range,
    List,
    Hash,
}

/// What a table is partitioned by: a column, or an expression over it.
pub struct Key {
    pub col: Col,
    pub by: By,
    pub expression: bool,
}

/// The server's types: how they are written, what they are, whether they have an order and a collation, two values.
const BASES: [(&str, Class, bool, bool, [&str; 2]); 24] = [
    ("integer", Class::Int, true, false, ["1", "2"]),
    ("text", Class::Text, true, true, ["'a'", "'it''s \\ x'"]),
    ("bigint", Class::Int, true, false, ["1", "3"]),
    ("smallint", Class::Int, true, false, ["1", "4"]),
    ("character varying(20)", Class::Text, true, true, ["'a'", "'b'"]),
    ("character varying", Class::Text, true, true, ["'a'", "'c'"]),
    ("numeric", Class::Number, true, false, ["1", "1.5"]),
    ("numeric(10,2)", Class::Number, true, false, ["1", "2.25"]),
    ("boolean", Class::Bool, true, false, ["true", "false"]),
    ("timestamp with time zone", Class::Time, true, false, ["'2024-01-02'", "'2024-05-06'"]),
    ("timestamp(3) without time zone", Class::Time, true, false, ["'2024-01-02'", "'2024-05-06'"]),
    ("date", Class::Time, true, false, ["'2024-01-02'", "'2024-05-06'"]),
    (
        "uuid",
        Class::Uuid,
        true,
        false,
        ["'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"],
    ),
    ("jsonb", Class::Json, true, false, ["'{}'", "'{\"a\": 1}'"]),
    ("json", Class::Other, false, false, ["'{}'", "'[]'"]),
    ("bytea", Class::Other, true, false, ["'\\x00'", "'\\x01'"]),
    ("int4range", Class::Range, true, false, ["'[1,2)'", "'[3,4)'"]),
    ("tstzrange", Class::Range, true, false, ["'[2024-01-01,2024-01-02)'", "'empty'"]),
    ("inet", Class::Other, true, false, ["'10.0.0.1'", "'::1'"]),
    ("interval", Class::Other, true, false, ["'1 day'", "'2 hours'"]),
    ("point", Class::Other, false, false, ["'(1,2)'", "'(0,0)'"]),
    ("bit(3)", Class::Other, true, false, ["B'101'", "B'000'"]),
    ("text[]", Class::Array, true, true, ["'{}'", "'{a,b}'"]),
    ("integer[]", Class::Array, true, false, ["'{}'", "'{1,2}'"]),
];

/// The labels that an enum may have.
const LABELS: [&[&str]; 6] = [
    &["a", "b", "c"],
    &["a", "b", "c", "d"],
    &["a", "it's", "b", "c"],
    &["c", "b", "a"],
    &["a"],
    &["new", "a", "B b", "ü"],
];

/// The names of the roles that the test has made.
pub const ROLES: [&str; 2] = ["anna", "Bo \"B\""];

/// A name in double quotes. Not the program's own quoting, which is under test.
pub fn q(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal.
pub fn lit(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name out of a short word and a number, plain or awkward.
pub fn styled(word: &str, slot: usize, style: u8) -> String {
    const COLUMNS: [&str; 6] = ["select", "order", "user", "table", "check", "end"];
    const TABLES: [&str; 6] = ["group", "from", "all", "limit", "grant", "to"];
    let plain = format!("{word}{slot}");
    match style {
        6 => format!("{} x", plain.to_uppercase()),
        7 => format!("{plain}\"b'"),
        8 => format!("ü{plain}ß"),
        9 => format!("{plain}{}", "x".repeat(63 - plain.len())),
        10 => format!("{plain}.a%\\"),
        11 => format!("{plain}$1"),
        12 if word == "c" => COLUMNS[slot].to_owned(),
        12 if word == "t" => TABLES[slot].to_owned(),
        // The same long beginning as others, so that what is derived from the name has to tell them apart.
        13 => format!("{}{plain}", "y".repeat(63 - plain.len())),
        _ => plain,
    }
}

impl Side<'_> {
    pub fn is(&self, choice: &Two<bool>) -> bool {
        *choice.get(self.second)
    }

    pub fn n(&self, choice: &Two<u8>) -> u8 {
        *choice.get(self.second)
    }

    /// A schema by its number; `public` where there is none.
    pub fn space(&self, slot: u8) -> String {
        let space = slot.checked_sub(1).and_then(|i| self.genome.spaces.get(usize::from(i)));
        match space.filter(|s| self.is(&s.head.present)) {
            Some(space) => styled("s", usize::from(slot), self.n(&space.head.style)),
            None => "public".to_owned(),
        }
    }

    pub fn name(&self, head: &Head, word: &str, slot: usize) -> String {
        styled(word, slot, self.n(&head.style))
    }

    /// Schema and name, quoted.
    pub fn path(&self, head: &Head, word: &str, slot: usize) -> String {
        format!("{}.{}", q(&self.space(self.n(&head.schema))), q(&self.name(head, word, slot)))
    }

    pub fn table(&self, slot: usize) -> Option<&Table> {
        self.genome.tables.get(slot).filter(|t| self.is(&t.head.present))
    }

    pub fn table_path(&self, slot: usize) -> String {
        self.path(&self.genome.tables[slot].head, "t", slot)
    }

    pub fn labels(&self, choice: &Two<u8>) -> &'static [&'static str] {
        LABELS[usize::from(self.n(choice))]
    }

    pub fn base(slot: u8) -> Type {
        let (sql, class, comparable, collatable, samples) = BASES[usize::from(slot)];
        let samples = samples.map(str::to_owned).to_vec();
        Type { sql: sql.to_owned(), class, comparable, collatable, domain: false, samples }
    }

    /// A type, of ours only among the first `limit`; text in the place of one that is not there.
    pub fn ty(&self, choice: &Two<TypeChoice>, limit: usize) -> Type {
        match choice.get(self.second) {
            TypeChoice::Base(slot) => Self::base(*slot),
            TypeChoice::Own(slot) => self.own(usize::from(*slot), limit),
            TypeChoice::ArrayOfOwn(slot) => {
                let element = self.own(usize::from(*slot), limit);
                Type {
                    sql: format!("{}[]", element.sql),
                    class: Class::Array,
                    domain: false,
                    samples: vec!["'{}'".to_owned()],
                    ..element
                }
            }
        }
    }

    fn own(&self, slot: usize, limit: usize) -> Type {
        let Some(own) = self.genome.types.get(slot).filter(|t| slot < limit && self.is(&t.head.present)) else {
            return Self::base(1);
        };
        let sql = self.path(&own.head, "y", slot);
        let plain = Type {
            sql: sql.clone(),
            class: Class::Other,
            comparable: true,
            collatable: false,
            domain: false,
            samples: vec![],
        };
        match self.n(&own.kind) {
            0 => {
                let samples = self.labels(&own.labels).iter().map(|l| lit(l)).collect();
                Type { class: Class::Enum, samples, ..plain }
            }
            1 => Type { sql, domain: true, ..self.ty(&own.choice, slot) },
            2 => {
                let mut attributes = own.attributes.iter().filter(|a| self.is(&a.present));
                let comparable = attributes.all(|a| self.ty(&a.choice, slot).comparable);
                Type { comparable, ..plain }
            }
            _ => Type { class: Class::Range, samples: vec!["'empty'".to_owned()], ..plain },
        }
    }

    /// The table that this one inherits from: an earlier one, and neither may be partitioned.
    pub fn parent(&self, slot: usize) -> Option<usize> {
        let parent = usize::from(self.n(&self.genome.tables.get(slot)?.parent).checked_sub(1)?);
        let plain = |i: usize| self.table(i).is_some_and(|t| !self.partitioned_kind(t));
        (parent < slot && plain(parent) && plain(slot)).then_some(parent)
    }

    /// Whether the table is meant to be partitioned; it is where it has a column that can be the key.
    pub fn partitioned_kind(&self, table: &Table) -> bool {
        table.partitioned > 0
    }

    /// The name of a table's own column. An heir's are other ones than its parent's: a column that is a table's own on one side
    /// and its parent's on the other cannot be had without making the table again.
    pub fn column_name(&self, table: &Table, slot: usize) -> String {
        let word = if table.parent.ever(|p| *p > 0) { "h" } else { "c" };
        styled(word, slot, self.n(&table.columns[slot].style))
    }

    pub fn unlogged(&self, table: &Table) -> bool {
        self.is(&table.unlogged) && !self.partitioned_kind(table)
    }

    /// The columns of a table: those of its parent, its own, and those that its foreign keys bring along.
    pub fn columns(&self, slot: usize) -> Vec<Col> {
        let mut columns = self.parent(slot).map_or_else(Vec::new, |p| self.columns(p));
        for column in &mut columns {
            column.inherited = true;
        }
        columns.extend(self.own_columns(slot));
        for (i, _) in self.table(slot).iter().flat_map(|t| t.foreign.iter().enumerate()) {
            columns.extend(self.foreign_columns(slot, i));
        }
        columns
    }

    fn names(&self, slot: usize) -> Vec<String> {
        let mut names = self.parent(slot).map_or_else(Vec::new, |p| self.names(p));
        names.extend(self.own_columns(slot).into_iter().map(|c| c.name));
        names
    }

    /// The columns that the table itself says, apart from those for foreign keys and those that its parent has too.
    pub fn own_columns(&self, slot: usize) -> Vec<Col> {
        let Some(table) = self.table(slot) else { return Vec::new() };
        let inherited = self.parent(slot).map_or_else(Vec::new, |p| self.names(p));
        let own = table.columns.iter().enumerate().filter(|(_, c)| self.is(&c.present));
        let key = self.key(slot).map(|k| k.col);
        own.map(|(i, c)| self.column(table, i, c, self.column_name(table, i)))
            .filter(|c| !inherited.contains(&c.name))
            .chain(key)
            .collect()
    }

    /// The columns of the primary key: of the table's own ones, and the partition key among them.
    pub fn primary(&self, slot: usize) -> Vec<Col> {
        let Some(table) = self.table(slot) else { return Vec::new() };
        let own = self.own_columns(slot);
        let mut found: Vec<Col> =
            Self::picks(&own, table.primary.get(self.second), |c| c.ty.comparable).into_iter().cloned().collect();
        match self.key(slot) {
            Some(key) if !found.is_empty() => {
                if key.expression {
                    return Vec::new();
                }
                if found.iter().all(|c| c.name != key.col.name) {
                    found.push(key.col);
                }
            }
            _ => {}
        }
        found
    }

    /// What a table is partitioned by.
    pub fn key(&self, slot: usize) -> Option<Key> {
        let table = self.table(slot).filter(|t| self.partitioned_kind(t))?;
        // Another key is another table; what becomes of its rows is not looked at here.
        let (base, by, expression) = [
            (0, By::Range, false),
            (1, By::List, false),
            (12, By::Hash, false),
            (11, By::Range, false),
            (0, By::Range, true),
        ][usize::from(table.partitioned - 1)];
        let col =
            Col { name: format!("k{slot}"), ty: Self::base(base), generated: false, numbered: false, inherited: false };
        Some(Key { col, by, expression })
    }

    /// The columns that a foreign key brings along: one for each column of the key that it refers to.
    pub fn foreign_columns(&self, slot: usize, foreign: usize) -> Vec<Col> {
        let Some(target) = self.foreign_target(slot, foreign) else { return Vec::new() };
        let col = |(n, col): (usize, Col)| Col {
            name: format!("f{slot}_{foreign}_{n}"),
            generated: false,
            numbered: false,
            inherited: false,
            ty: col.ty,
        };
        self.primary(target).into_iter().enumerate().map(col).collect()
    }

    /// The table that a foreign key refers to: one that has a primary key.
    pub fn foreign_target(&self, slot: usize, foreign: usize) -> Option<usize> {
        let foreign = &self.table(slot)?.foreign[foreign];
        let target = usize::from(self.n(&foreign.target));
        // The rows of an unlogged table may be gone after a crash, so no other kind may rest on them.
        let unlogged = |i: usize| self.table(i).is_some_and(|t| self.unlogged(t));
        let fits = self.is(&foreign.present) && unlogged(slot) == unlogged(target);
        let key = self.primary(target);
        // The server changes no array and no range in a key that is referred to ("could not find cast").
        let fits = fits && key.iter().all(|c| !matches!(c.ty.class, Class::Array | Class::Range));
        (fits && !key.is_empty()).then_some(target)
    }

    fn column(&self, table: &Table, slot: usize, column: &Column, name: String) -> Col {
        let mut ty = self.ty(&column.choice, usize::MAX);
        let generated = self.source(table, slot).is_some();
        let numbered = matches!(self.n(&column.default), 6..=8);
        if generated || numbered {
            // A type that numbers and what is computed can have.
            ty = Self::base([0, 2, 0, 2][usize::from(self.n(&column.value))]);
        }
        Col { name, ty, generated, numbered, inherited: false }
    }

    /// The column that a generated column is computed from: the next before it that is a number or a text of its own.
    pub fn source(&self, table: &Table, slot: usize) -> Option<(usize, Type)> {
        if self.n(&table.columns[slot].default) != 9 {
            return None;
        }
        (0..slot).rev().find_map(|i| {
            let column = &table.columns[i];
            let own = self.is(&column.present) && !matches!(self.n(&column.default), 6..=9);
            let ty = self.ty(&column.choice, usize::MAX);
            (own && matches!(ty.class, Class::Int | Class::Text)).then_some((i, ty))
        })
    }

    /// The column of that number, or else one at its place among those that pass.
    pub fn pick(columns: &[Col], slot: u8, test: impl Fn(&Col) -> bool) -> Option<&Col> {
        columns.get(usize::from(slot)).filter(|c| test(c))
    }

    /// The different columns of these numbers that pass.
    pub fn picks<'c>(columns: &'c [Col], slots: &[u8], test: impl Fn(&Col) -> bool) -> Vec<&'c Col> {
        let mut found: Vec<&Col> = Vec::new();
        for slot in slots {
            if let Some(col) = Self::pick(columns, *slot, &test).filter(|c| found.iter().all(|f| f.name != c.name)) {
                found.push(col);
            }
        }
        found
    }

    /// A condition over a column.
    pub fn condition(&self, col: &Col, prefix: &str, value: u8) -> String {
        let name = format!("{prefix}{}", q(&col.name));
        match (col.ty.class, col.ty.samples.first()) {
            (Class::Int | Class::Number, _) => format!("{name} > {value}"),
            (Class::Text, _) => format!("{name} <> 'no{value}'"),
            (Class::Bool, _) => name,
            (Class::Enum, Some(sample)) => format!("{name} <> {sample}"),
            _ => format!("{name} IS NOT NULL"),
        }
    }
}
