//! What a pair of schemas is made of, as plain choices: every choice has a value on the one side and, more or less seldom, another one on
//! the other. What a choice means is decided where it is written as SQL; so a choice can be shrunk by itself.

use proptest::prelude::*;
use std::fmt;

/// One choice: what it is in the first schema, and in the second where that differs.
#[derive(Debug, Clone)]
pub struct Two<T> {
    first: T,
    second: Option<T>,
}

impl<T> Two<T> {
    /// What it is in the first schema, or in the second.
    pub fn get(&self, second: bool) -> &T {
        self.second.as_ref().filter(|_| second).unwrap_or(&self.first)
    }
}

/// How often a choice differs between the sides: of a schema that is changed, and of one that gives way to another.
const RATES: [f64; 2] = [0.08, 0.6];

fn two<S>(rate: f64, strategy: S) -> BoxedStrategy<Two<S::Value>>
where
    S: Strategy + Clone + 'static,
    S::Value: Clone + 'static,
{
    (strategy.clone(), prop::option::weighted(rate, strategy)).prop_map(|(first, second)| Two { first, second }).boxed()
}

/// A number below `n`.
fn below(rate: f64, n: u8) -> BoxedStrategy<Two<u8>> {
    two(rate, 0..n)
}

/// A thing that is there with this weight of 100.
fn there(rate: f64, weight: u32) -> BoxedStrategy<Two<bool>> {
    two(rate, prop_oneof![(100 - weight) => Just(false), weight => Just(true)])
}

/// A small number that is mostly zero, which stands for what is usual.
fn seldom(rate: f64, n: u8) -> BoxedStrategy<Two<u8>> {
    two(rate, prop_oneof![3 => Just(0), 1 => 0..n])
}

fn slots(rate: f64, most: usize) -> BoxedStrategy<Two<Vec<u8>>> {
    two(rate, prop::collection::vec(0u8..5, 0..=most))
}

/// Something that is the same on both sides, seldom true.
fn always(weight: u32) -> BoxedStrategy<bool> {
    prop_oneof![(100 - weight) => Just(false), weight => Just(true)].boxed()
}

fn many<T: fmt::Debug + 'static>(strategy: BoxedStrategy<T>, most: usize) -> BoxedStrategy<Vec<T>> {
    prop::collection::vec(strategy, 0..=most).boxed()
}

/// Structs of choices, each with the strategy of its field beside it. `$rate` is how often a choice differs.
macro_rules! genes {
    ($rate:ident; $($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $strategy:expr,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[allow(missing_docs, reason = "the names say it")]
        pub struct $name { $(pub $field: $type,)* }

        impl $name {
            fn any($rate: f64) -> BoxedStrategy<Self> {
                genes!(@strategy $($strategy,)*).prop_map(|genes!(@pattern $($field,)*)| Self { $($field),* }).boxed()
            }
        }
    )*};
    (@strategy $first:expr, $($rest:expr,)*) => { ($first, genes!(@strategy $($rest,)*)) };
    (@strategy) => { Just(()) };
    (@pattern $first:ident, $($rest:ident,)*) => { ($first, genes!(@pattern $($rest,)*)) };
    (@pattern) => { () };
}

/// How many styles of names there are.
pub const STYLES: u8 = 18;
/// How many types of columns there are.
pub const TYPES: u8 = 26;
/// How many defaults there are.
pub const DEFAULTS: u8 = 28;

genes! { rate;
    /// What every object has.
    Head {
        present: Two<bool> = there(rate, 88),
        style: Two<u8> = seldom(rate, STYLES),
        quote: Two<u8> = below(rate, 4),
        comment: Two<u8> = seldom(rate, 5),
        main: Two<u8> = seldom(rate, 3),
    }

    /// What a rule may carry: its name, and what is done on conflict.
    Trim {
        name: Two<u8> = seldom(rate, STYLES + 1),
        conflict: Two<u8> = seldom(rate, 6),
    }

    /// A column.
    Column {
        present: Two<bool> = there(rate, 88),
        style: Two<u8> = seldom(rate, STYLES),
        quote: Two<u8> = below(rate, 4),
        ty: Two<u8> = below(rate, TYPES),
        not_null: Two<u8> = seldom(rate, 4),
        not_null_trim: Trim = Trim::any(rate),
        default: Two<u8> = seldom(rate, DEFAULTS),
        default_name: Two<u8> = seldom(rate, STYLES + 1),
        unique: Two<u8> = seldom(rate, 3),
        unique_trim: Trim = Trim::any(rate),
        check: Two<u8> = seldom(rate, 10),
        check_name: Two<u8> = seldom(rate, STYLES + 1),
        collate: Two<u8> = seldom(rate, 4),
        generated: Two<u8> = seldom(rate, 6),
        references: Two<u8> = seldom(rate, 5),
        action: Two<u8> = seldom(rate, 9),
        order: Two<u8> = seldom(rate, 6),
        backfill: Two<u8> = seldom(rate, 3),
        hinted: bool = always(60),
    }

    /// The key of a table.
    Key {
        kind: Two<u8> = below(rate, 9),
        style: Two<u8> = seldom(rate, STYLES),
        not_null: Two<bool> = there(rate, 25),
        trim: Trim = Trim::any(rate),
        slots: Two<Vec<u8>> = slots(rate, 2),
        sort: Two<u8> = seldom(rate, 4),
    }

    /// A unique or check constraint of a table.
    Constraint {
        present: Two<bool> = there(rate, 85),
        trim: Trim = Trim::any(rate),
        kind: Two<u8> = below(rate, 4),
        slots: Two<Vec<u8>> = slots(rate, 2),
        sort: Two<u8> = seldom(rate, 4),
        value: Two<u8> = below(rate, 3),
        no_comma: Two<bool> = there(rate, 10),
    }

    /// A foreign key of a table.
    Foreign {
        present: Two<bool> = there(rate, 85),
        name: Two<u8> = seldom(rate, STYLES + 1),
        target: Two<u8> = below(rate, 5),
        slots: Two<Vec<u8>> = slots(rate, 2),
        explicit: Two<bool> = there(rate, 50),
        action: Two<u8> = seldom(rate, 9),
        loud: Two<bool> = there(rate, 15),
    }

    /// An index.
    Index {
        head: Head = Head::any(rate),
        slots: Two<Vec<u8>> = slots(rate, 3),
        unique: Two<bool> = there(rate, 25),
        expression: Two<u8> = seldom(rate, 5),
        sort: Two<u8> = seldom(rate, 4),
        filter: Two<u8> = seldom(rate, 4),
        loud: Two<bool> = there(rate, 15),
    }

    /// A trigger.
    Trigger {
        head: Head = Head::any(rate),
        timing: Two<u8> = below(rate, 3),
        event: Two<u8> = below(rate, 4),
        slot: Two<u8> = below(rate, 5),
        condition: Two<u8> = seldom(rate, 3),
        body: Two<u8> = below(rate, 10),
        other: Two<u8> = below(rate, 4),
        loud: Two<bool> = there(rate, 15),
    }

    /// A table.
    Table {
        head: Head = Head::any(rate),
        hinted: bool = always(60),
        turns: Two<u8> = two(rate, prop_oneof![30 => Just(0u8), 1 => 1u8..4]),
        strict: Two<bool> = there(rate, 20),
        without_rowid: Two<bool> = there(rate, 20),
        key: Key = Key::any(rate),
        columns: Vec<Column> = many(Column::any(rate), 5),
        swap: Two<bool> = two(rate / 2.0, Just(false).boxed().prop_union(Just(true).boxed())),
        constraints: Vec<Constraint> = many(Constraint::any(rate), 2),
        foreign: Vec<Foreign> = many(Foreign::any(rate), 2),
        indexes: Vec<Index> = many(Index::any(rate), 2),
        triggers: Vec<Trigger> = many(Trigger::any(rate), 2),
        rows: u8 = (0u8..5).boxed(),
        values: u64 = any::<u64>().boxed(),
    }

    /// A view.
    View {
        head: Head = Head::any(rate),
        kind: Two<u8> = below(rate, 11),
        over: Two<u8> = below(rate, 4),
        other: Two<u8> = below(rate, 6),
        slot: Two<u8> = below(rate, 5),
        style: Two<u8> = seldom(rate, STYLES),
        columns: Two<bool> = there(rate, 20),
        triggers: Vec<Trigger> = many(Trigger::any(rate), 1),
    }

    /// A virtual table.
    Virtual {
        head: Head = Head::any(rate),
        hinted: bool = always(60),
        kind: Two<u8> = below(rate, 8),
        over: Two<u8> = below(rate, 4),
        columns: Two<u8> = two(rate, 1u8..4),
        style: Two<u8> = seldom(rate, STYLES),
        option: Two<u8> = seldom(rate, 4),
    }

    /// Both schemas.
    Genome {
        tables: Vec<Table> = many(Table::any(rate), 4),
        swap: Two<bool> = two(rate / 2.0, Just(false).boxed().prop_union(Just(true).boxed())),
        views: Vec<View> = many(View::any(rate), 3),
        virtuals: Vec<Virtual> = many(Virtual::any(rate), 2),
        backwards: Two<bool> = there(rate, 20),
        orphans: bool = always(20),
        gap: bool = always(50),
    }
}

/// Any pair of schemas: mostly one with some changes, else two that have little in common.
pub fn genomes() -> BoxedStrategy<Genome> {
    prop_oneof![6 => Genome::any(RATES[0]), 1 => Genome::any(RATES[1])].boxed()
}
