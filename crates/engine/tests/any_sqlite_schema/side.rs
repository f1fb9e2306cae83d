//! One side of a pair: names, and what the tables look like.

use super::genes::{Column, Genome, Head, Table, Two};

/// Words that are keywords; one for each slot.
const KEYWORDS: [&str; 6] = ["order", "group", "select", "index", "check", "references"];

/// A name made of a word and a number, in one of many styles.
pub fn styled(word: &str, slot: usize, style: u8) -> String {
    let plain = format!("{word}{slot}");
    match style {
        1 => plain.to_ascii_uppercase(),
        2 => format!("{word} {slot}"),
        3 => format!("{word}\"{slot}"),
        4 => format!("{word}]{slot}"),
        5 => format!("{word}`{slot}"),
        6 => match word {
            "t" => format!("{}s", KEYWORDS[slot % 6]),
            "c" => KEYWORDS[slot % 6].to_owned(),
            _ => format!("{} {word}", KEYWORDS[slot % 6]),
        },
        7 => format!("{word}é{slot}"),
        8 => format!("{word}É{slot}"),
        9 => format!("{word}'{slot}"),
        // Names that hold others, and are held by others.
        10 => format!("{plain}{slot}"),
        11 => format!("x{plain}"),
        12 => match word {
            "c" => ["rowid", "oid", "_rowid_"][slot % 3].to_owned(),
            "t" => ["new", "old", "main", "excluded"][slot % 4].to_owned(),
            _ => format!("{word}.{slot}"),
        },
        13 => format!("{slot}{word}"),
        14 => format!("{word}--{slot}"),
        15 => format!("{word}/*{slot}"),
        16 => format!("{word};{slot})"),
        17 => match word {
            // A column that is called as its table is, and the other way round.
            "c" => "t0".to_owned(),
            "t" => format!("c{slot}"),
            _ => format!("{word}({slot},"),
        },
        _ => plain,
    }
}

fn is_plain(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
    let begins = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    let words = ["order", "group", "select", "index", "check", "references", "new", "old", "excluded", "main"];
    begins && name.chars().all(part) && !words.contains(&name.to_ascii_lowercase().as_str())
}

/// A name in one of the ways of quoting.
pub fn quoted(name: &str, quote: u8) -> String {
    match quote {
        0 if is_plain(name) => name.to_owned(),
        2 => format!("`{}`", name.replace('`', "``")),
        3 if !name.contains(']') => format!("[{name}]"),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// The name in capitals, where that is asked for: to SQLite it is the same.
pub fn loud(name: &str, is_loud: bool) -> String {
    if is_loud { name.to_ascii_uppercase() } else { name.to_owned() }
}

/// A column as others see it.
#[derive(Debug, Clone)]
pub struct Col {
    pub name: String,
    pub is_computed: bool,
}

/// One side.
#[derive(Clone, Copy)]
pub struct Side<'g> {
    pub genome: &'g Genome,
    pub second: bool,
}

impl<'g> Side<'g> {
    pub fn is(&self, choice: &Two<bool>) -> bool {
        *choice.get(self.second)
    }

    pub fn n(&self, choice: &Two<u8>) -> u8 {
        *choice.get(self.second)
    }

    pub fn other(&self) -> Self {
        Self { genome: self.genome, second: !self.second }
    }

    /// The name of an object, quoted as it is written where it is made.
    pub fn made(&self, head: &Head, word: &str, slot: usize) -> String {
        let main = match self.n(&head.main) {
            1 => "main.",
            _ => "",
        };
        format!("{main}{}", quoted(&styled(word, slot, self.n(&head.style)), self.n(&head.quote)))
    }

    /// `IF NOT EXISTS`, where it is said.
    pub fn if_not_exists(&self, head: &Head) -> &'static str {
        if self.n(&head.main) == 2 { "IF NOT EXISTS " } else { "" }
    }

    /// A comment for one of four places.
    pub fn comment(&self, head: &Head, place: u8) -> &'static str {
        match (self.n(&head.comment), place) {
            (1, 1) => " /* , ( ' */ ",
            (2, 2) => " -- ) \" x\n",
            (3, 3) => " -- ; last\n",
            (4, _) => " /*;*/ ",
            _ => "",
        }
    }

    /// The slot whose name a table has on this side: two tables may change places.
    fn place(&self, slot: usize) -> usize {
        if self.is(&self.genome.swap) && slot < 2 && self.genome.tables.len() > 1 { 1 - slot } else { slot }
    }

    /// The table of a slot, where it is there.
    pub fn table(&self, slot: usize) -> Option<&'g Table> {
        self.genome.tables.get(slot).filter(|t| self.is(&t.head.present))
    }

    /// The table of a slot, where it is there and is one.
    pub fn plain_table(&self, slot: usize) -> Option<&'g Table> {
        self.table(slot).filter(|t| self.n(&t.turns) == 0)
    }

    pub fn table_name(&self, slot: usize) -> String {
        let place = self.place(slot);
        let style = self.genome.tables.get(place).map_or(0, |t| self.n(&t.head.style));
        styled("t", place, style)
    }

    /// The slot whose name a column has on this side.
    fn column_place(&self, table: &Table, slot: usize) -> usize {
        if self.is(&table.swap) && slot < 2 && table.columns.len() > 1 { 1 - slot } else { slot }
    }

    pub fn column_name(&self, table: &Table, slot: usize) -> String {
        let place = self.column_place(table, slot);
        styled("c", place, self.n(&table.columns[place].style))
    }

    pub fn key_name(&self, table: &Table) -> String {
        match self.n(&table.key.style) {
            0 => "id".to_owned(),
            style => styled("k", 0, style),
        }
    }

    /// Whether the key has a column of its own.
    pub fn has_id(&self, table: &Table) -> bool {
        !matches!(self.n(&table.key.kind), 0 | 7)
    }

    /// The columns that are there, apart from that of the key: names that SQLite takes for equal come once.
    pub fn own_columns(&self, table: &'g Table) -> Vec<(usize, &'g Column, String)> {
        let mut found: Vec<(usize, &Column, String)> = Vec::new();
        for (slot, column) in table.columns.iter().enumerate().filter(|(_, c)| self.is(&c.present)) {
            let name = self.column_name(table, slot);
            let key = Some(self.key_name(table)).filter(|_| self.has_id(table));
            let is_taken = found.iter().map(|(_, _, n)| n).chain(&key).any(|n| n.eq_ignore_ascii_case(&name));
            if !is_taken {
                found.push((slot, column, name));
            }
        }
        found
    }

    /// All columns of a table as others see them.
    pub fn columns(&self, slot: usize) -> Vec<Col> {
        let Some(table) = self.plain_table(slot) else {
            return vec![Col { name: "c0".to_owned(), is_computed: true }];
        };
        let mut all = Vec::new();
        if self.has_id(table) {
            all.push(Col { name: self.key_name(table), is_computed: false });
        }
        let own = self.own_columns(table);
        all.extend(own.into_iter().map(|(_, c, name)| Col { name, is_computed: self.n(&c.generated) > 1 }));
        all
    }

    /// The column at a place, round and round.
    pub fn pick(columns: &[Col], slot: u8) -> String {
        let name = columns.get(usize::from(slot) % columns.len().max(1)).map(|c| c.name.clone());
        name.unwrap_or_else(|| "rowid".to_owned())
    }

    /// Different columns at these places.
    pub fn picks(columns: &[Col], slots: &[u8]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for slot in slots {
            let name = Self::pick(columns, *slot);
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }
}
