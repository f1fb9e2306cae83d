//! What a pair of schemas is made of, as plain choices: every choice has a value on the one side and, seldom, another one on
//! the other. What a choice means is decided where it is written as SQL, always so that the server takes it; so a choice can
//! be shrunk by itself.

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

    /// Whether it is this on either side.
    pub fn ever(&self, test: impl Fn(&T) -> bool) -> bool {
        test(&self.first) || self.second.as_ref().is_some_and(test)
    }
}

/// How often a choice differs between the sides.
const CHANGES: f64 = 0.06;

fn two<S>(strategy: S) -> impl Strategy<Value = Two<S::Value>>
where
    S: Strategy + Clone,
    S::Value: Clone,
{
    (strategy.clone(), prop::option::weighted(CHANGES, strategy)).prop_map(|(first, second)| Two { first, second })
}

/// A number below `n`.
fn below(n: u8) -> BoxedStrategy<Two<u8>> {
    two(0..n).boxed()
}

/// A thing that is there with this weight of 100.
fn there(weight: u32) -> BoxedStrategy<Two<bool>> {
    let strategy = prop_oneof![(100 - weight) => Just(false), weight => Just(true)];
    two(strategy).boxed()
}

/// A small number that is mostly zero, which stands for what is usual.
fn seldom(n: u8) -> BoxedStrategy<Two<u8>> {
    two(prop_oneof![3 => Just(0), 1 => 0..n]).boxed()
}

fn slots() -> BoxedStrategy<Two<Vec<u8>>> {
    two(prop::collection::vec(0u8..6, 0..3)).boxed()
}

fn many<T: fmt::Debug + 'static>(strategy: BoxedStrategy<T>, most: usize) -> BoxedStrategy<Vec<T>> {
    prop::collection::vec(strategy, 0..=most).boxed()
}

/// Structs of choices, each with the strategy of its field beside it.
macro_rules! genes {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $strategy:expr,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[allow(missing_docs, reason = "the names say it")]
        pub struct $name { $(pub $field: $type,)* }

        impl $name {
            fn any() -> BoxedStrategy<Self> {
                genes!(@strategy $($strategy,)*).prop_map(|genes!(@pattern $($field,)*)| Self { $($field),* }).boxed()
            }
        }
    )*};
    (@strategy $first:expr, $($rest:expr,)*) => { ($first, genes!(@strategy $($rest,)*)) };
    (@strategy) => { Just(()) };
    (@pattern $first:ident, $($rest:ident,)*) => { ($first, genes!(@pattern $($rest,)*)) };
    (@pattern) => { () };
}

/// A type: of the server, of ours, or an array of ours.
#[derive(Debug, Clone)]
pub enum TypeChoice {
    Base(u8),
    Own(u8),
    ArrayOfOwn(u8),
}

fn type_choice() -> BoxedStrategy<Two<TypeChoice>> {
    let choice = prop_oneof![
        3 => (0u8..24).prop_map(TypeChoice::Base),
        1 => (0u8..4).prop_map(TypeChoice::Own),
        1 => (0u8..4).prop_map(TypeChoice::ArrayOfOwn),
    ];
    two(choice).boxed()
}

genes! {
    /// What every object has.
    Head {
        present: Two<bool> = there(90),
        schema: Two<u8> = seldom(4),
        style: Two<u8> = seldom(14),
        comment: Two<u8> = seldom(4),
        owner: Two<u8> = seldom(3),
        grant: Two<u8> = seldom(8),
    }

    /// A function of types of the server alone.
    Early {
        head: Head = Head::any(),
        signature: Two<u8> = below(6),
        plpgsql: Two<bool> = there(30),
        body: Two<u8> = below(3),
        strict: Two<bool> = there(30),
        cost: Two<u8> = seldom(3),
    }

    /// A function or procedure that may need types and tables.
    Late {
        head: Head = Head::any(),
        kind: Two<u8> = below(9),
        table: Two<u8> = below(4),
        choice: Two<TypeChoice> = type_choice(),
        body: Two<u8> = below(3),
        volatility: Two<u8> = below(3),
        definer: Two<bool> = there(15),
        setting: Two<bool> = there(15),
    }

    /// An attribute of a composite type.
    Attribute {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        choice: Two<TypeChoice> = type_choice(),
        comment: Two<u8> = seldom(3),
    }

    /// An enum, a domain, a composite type or a range.
    OwnType {
        head: Head = Head::any(),
        kind: Two<u8> = two(0u8..4).boxed(),
        labels: Two<u8> = below(6),
        choice: Two<TypeChoice> = type_choice(),
        not_null: Two<bool> = there(15),
        check: Two<u8> = below(5),
        default: Two<u8> = seldom(3),
        attributes: Vec<Attribute> = many(Attribute::any(), 3),
        subtype: Two<u8> = below(4),
    }

    /// A sequence that a person made.
    Sequence {
        head: Head = Head::any(),
        kind: Two<u8> = below(3),
        increment: Two<u8> = below(3),
        cycle: Two<bool> = there(20),
        owned: Two<u8> = seldom(5),
    }

    /// A column.
    Column {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        choice: Two<TypeChoice> = type_choice(),
        not_null: Two<bool> = there(30),
        default: Two<u8> = seldom(10),
        value: Two<u8> = below(4),
        collation: Two<u8> = seldom(3),
        comment: Two<u8> = seldom(3),
        grant: Two<u8> = seldom(3),
        statistics: Two<u8> = seldom(3),
        storage: Two<u8> = seldom(3),
        again: bool = proptest::bool::ANY.boxed(),
    }

    /// A check, unique or exclude constraint.
    Constraint {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        kind: Two<u8> = below(4),
        slots: Two<Vec<u8>> = slots(),
        value: Two<u8> = below(3),
        deferrable: Two<u8> = seldom(3),
        unproved: Two<bool> = there(15),
        special: Two<bool> = there(20),
        function: Two<u8> = below(4),
        comment: Two<u8> = seldom(3),
    }

    /// A foreign key and the columns that it brings along.
    Foreign {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        target: Two<u8> = below(4),
        on_delete: Two<u8> = seldom(4),
        on_update: Two<u8> = seldom(3),
        deferrable: Two<u8> = seldom(3),
        unproved: Two<bool> = there(10),
        full: Two<bool> = there(20),
    }

    /// An index.
    Index {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        slots: Two<Vec<u8>> = slots(),
        unique: Two<bool> = there(25),
        method: Two<u8> = seldom(6),
        expression: Two<u8> = seldom(4),
        order: Two<u8> = seldom(4),
        filter: Two<u8> = seldom(3),
        include: Two<bool> = there(20),
        fillfactor: Two<bool> = there(15),
        comment: Two<u8> = seldom(3),
    }

    /// A trigger of a table.
    Trigger {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        kind: Two<u8> = below(7),
        slot: Two<u8> = below(5),
        function: Two<u8> = below(2),
        enabled: Two<u8> = seldom(4),
        condition: Two<bool> = there(30),
        comment: Two<u8> = seldom(3),
    }

    /// A policy of a table.
    Policy {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        command: Two<u8> = below(5),
        restrictive: Two<bool> = there(20),
        role: Two<u8> = below(3),
        kind: Two<u8> = below(4),
        slot: Two<u8> = below(5),
        comment: Two<u8> = seldom(3),
    }

    /// A rule of a table or a view.
    Rule {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        kind: Two<u8> = below(4),
        slot: Two<u8> = below(5),
        enabled: Two<u8> = seldom(4),
        comment: Two<u8> = seldom(3),
    }

    /// Statistics over columns.
    Statistics {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        slots: Two<Vec<u8>> = slots(),
        kinds: Two<u8> = below(4),
        expression: Two<bool> = there(30),
        target: Two<u8> = seldom(3),
        comment: Two<u8> = seldom(3),
    }

    /// A partition.
    Partition {
        present: Two<bool> = there(85),
        style: Two<u8> = seldom(14),
        schema: Two<u8> = seldom(4),
        bound: Two<u8> = below(3),
        rest: Two<bool> = there(15),
        check: Two<bool> = there(20),
        index: Two<bool> = there(20),
        default: Two<bool> = there(20),
        comment: Two<u8> = seldom(3),
        grant: Two<u8> = seldom(4),
    }

    /// A table.
    Table {
        head: Head = Head::any(),
        unlogged: Two<bool> = there(10),
        partitioned: u8 = prop_oneof![4 => Just(0u8), 1 => 1u8..6].boxed(),
        partitions: Vec<Partition> = many(Partition::any(), 3),
        parent: Two<u8> = seldom(5),
        columns: Vec<Column> = many(Column::any(), 5),
        primary: Two<Vec<u8>> = slots(),
        primary_style: Two<u8> = seldom(14),
        constraints: Vec<Constraint> = many(Constraint::any(), 2),
        foreign: Vec<Foreign> = many(Foreign::any(), 2),
        indexes: Vec<Index> = many(Index::any(), 3),
        triggers: Vec<Trigger> = many(Trigger::any(), 2),
        policies: Vec<Policy> = many(Policy::any(), 2),
        rules: Vec<Rule> = many(Rule::any(), 1),
        statistics: Vec<Statistics> = many(Statistics::any(), 1),
        secured: Two<u8> = seldom(3),
        replica: Two<u8> = seldom(3),
        fillfactor: Two<u8> = seldom(3),
        cluster: Two<bool> = there(20),
    }

    /// A view or a materialized view.
    View {
        head: Head = Head::any(),
        kind: Two<u8> = below(8),
        over: Two<u8> = below(8),
        other: Two<u8> = below(8),
        slots: Two<Vec<u8>> = slots(),
        value: Two<u8> = below(3),
        option: Two<u8> = seldom(5),
        default: Two<bool> = there(15),
        instead: Two<bool> = there(15),
        rules: Vec<Rule> = many(Rule::any(), 1),
        column_comment: Two<u8> = seldom(3),
        indexes: Vec<Index> = many(Index::any(), 2),
    }

    /// A schema.
    Space {
        head: Head = Head::any(),
    }

    /// Both schemas.
    Genome {
        spaces: Vec<Space> = many(Space::any(), 2),
        early: Vec<Early> = many(Early::any(), 3),
        types: Vec<OwnType> = many(OwnType::any(), 4),
        sequences: Vec<Sequence> = many(Sequence::any(), 2),
        tables: Vec<Table> = many(Table::any(), 4),
        late: Vec<Late> = many(Late::any(), 3),
        views: Vec<View> = many(View::any(), 4),
        matviews: Vec<View> = many(View::any(), 2),
        trigger_bodies: Two<u8> = below(3),
        privileges: Two<u8> = seldom(3),
    }
}

/// Any pair of schemas.
pub fn genomes() -> BoxedStrategy<Genome> {
    Genome::any()
}
