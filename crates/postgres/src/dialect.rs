//! PostgreSQL's answers to the planner's questions.

use crate::facts::Standing;
use crate::fold::{fold_end, fold_make};
use crate::objects::{Column, ConstraintKind, Context, Domain, DomainConstraint, base_type, parts_of, slot};
use crate::recipes::leftovers::Leftovers;
use crate::{Effect, PgCatalog, PgId, PgKind, PgObject, PgOp, Server};
use std::collections::{BTreeMap, HashMap, HashSet};
use underpin_model::{Object, Strategy};
use underpin_planner::{Action, Alteration, Dialect, Draft, Group, Reaction, Verb};

/// The dialect, with the two schemas that a plan is between.
pub struct Postgres<'a> {
    /// The live server.
    pub server: &'a Server,
    /// How risky changes are made.
    pub strategy: Strategy,
    /// The role that runs the plan.
    pub user: &'a str,
    /// Whether that role is named too where it could go without saying: in a script that any role may run.
    pub names_user: bool,
    /// Whether the plan has stages for what takes several: rows get their values in one of their own.
    pub staged: bool,
    /// Whether what locks other tables gets a transaction of its own.
    pub cuts: bool,
    /// Whether the sessions' time zone is UTC, in which times with and without a zone are the same.
    pub utc: bool,
    /// The live side.
    pub from: &'a PgCatalog,
    /// The desired side.
    pub to: &'a PgCatalog,
    /// What the user said about converting a column, by column.
    pub usings: &'a BTreeMap<PgId, String>,
    /// For types of the live side: the columns, domains and composite types that use them.
    users_of_types: HashMap<PgId, Vec<PgId>>,
    /// For tables of the live side: their indexes without a constraint that are unique or have parts.
    indexes: HashMap<PgId, Vec<PgId>>,
    /// For indexes and keys of partitioned tables of the live side: their parts.
    pub(crate) parts: HashMap<PgId, Vec<PgId>>,
    /// Tables of the live side that foreign keys refer to.
    pub(crate) referred: HashSet<PgId>,
    /// For tables of the live side: the materialized views that keep whole rows of them.
    keepers: HashMap<PgId, Vec<PgId>>,
    /// For tables of the live side: their partitions and heirs.
    pub(crate) branches: HashMap<PgId, Vec<PgId>>,
    /// What stands on columns of the live side.
    standing: HashMap<PgId, Vec<PgId>>,
    /// The default partitions of the live side, by what they are partitions of.
    with_default: HashMap<PgId, PgId>,
    /// What rests on indexes, constraints and materialized views of the live side, apart from their own parts.
    leaned_on: HashMap<PgId, Vec<PgId>>,
    /// What stopped runs left on the live side.
    pub(crate) left: Leftovers,
    /// For columns of the live side: those that inherit them.
    pub(crate) heirs: HashMap<PgId, Vec<PgId>>,
}

impl<'a> Postgres<'a> {
    /// The dialect for a plan from one schema to another.
    #[must_use]
    pub fn new(
        server: &'a Server,
        strategy: Strategy,
        user: &'a str,
        from: &'a PgCatalog,
        to: &'a PgCatalog,
        usings: &'a BTreeMap<PgId, String>,
    ) -> Self {
        let mut users_of_types: HashMap<PgId, Vec<PgId>> = HashMap::new();
        for (dependent, needs) in &from.rests_on {
            if dependent.kind == PgKind::Column || dependent.kind.is_type() {
                for need in needs.iter().filter(|n| n.kind.is_parked()) {
                    users_of_types.entry(need.clone()).or_default().push(dependent.clone());
                }
            }
        }
        let mut leaned_on: HashMap<PgId, Vec<PgId>> = HashMap::new();
        for (dependent, needs) in from.rests_on.iter().filter(|(dependent, _)| dependent.of.is_none()) {
            let whole = |kind: PgKind| matches!(kind, PgKind::Index | PgKind::Constraint | PgKind::MaterializedView);
            let parent = || from.objects.get(dependent).and_then(|o| o.parent(dependent));
            for need in needs.iter().filter(|n| whole(n.kind) && parent().as_ref() != Some(*n)) {
                leaned_on.entry(need.clone()).or_default().push(dependent.clone());
            }
        }
        let mut indexes: HashMap<PgId, Vec<PgId>> = HashMap::new();
        let mut parts: HashMap<PgId, Vec<PgId>> = HashMap::new();
        let mut referred: HashSet<PgId> = HashSet::new();
        let mut heirs: HashMap<PgId, Vec<PgId>> = HashMap::new();
        let mut standing: HashMap<PgId, Vec<PgId>> = HashMap::new();
        let mut with_default: HashMap<PgId, PgId> = HashMap::new();
        let mut branches: HashMap<PgId, Vec<PgId>> = HashMap::new();
        for (id, object) in &from.objects {
            stand(id, object, from, &mut standing);
            match object {
                PgObject::Partition(partition) => {
                    if partition.bound == "DEFAULT" {
                        with_default.extend(id.target(0).map(|table| (partition.parent.clone(), table)));
                    }
                    branches.entry(partition.parent.clone()).or_default().extend(id.target(0));
                }
                PgObject::Table(table) => {
                    for parent in &table.inherits {
                        branches.entry(parent.clone()).or_default().push(id.clone());
                    }
                }
                _ => {}
            }
            if let PgObject::Column(column) = object
                && let Some(parent) = &column.inherits
            {
                heirs.entry(parent.clone()).or_default().push(id.clone());
            }
            if let PgObject::Index(index) = object
                && (index.unique || index.partitioned)
            {
                indexes.entry(index.on.clone()).or_default().push(id.clone());
            }
            if matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign) {
                let columns = from.needs(id).filter(|n| n.kind == PgKind::Column).map(Column::table);
                let others: Vec<PgId> = columns.filter(|t| *t != id.prefix(PgKind::Table, 2)).collect();
                referred.extend(if others.is_empty() { vec![id.prefix(PgKind::Table, 2)] } else { others });
            }
            if let Some(whole) = crate::family::part_of(object) {
                parts.entry(whole.clone()).or_default().push(id.clone());
            }
        }
        let mut keepers: HashMap<PgId, Vec<PgId>> = HashMap::new();
        for (table, view) in crate::objects::keepers(from) {
            keepers.entry(table).or_default().push(view);
        }
        Self {
            server,
            strategy,
            user,
            names_user: false,
            staged: false,
            cuts: false,
            utc: false,
            from,
            to,
            usings,
            users_of_types,
            indexes,
            parts,
            referred,
            keepers,
            branches,
            standing,
            with_default,
            leaned_on,
            left: if strategy == Strategy::Online { Leftovers::new(server, from, to) } else { Leftovers::default() },
            heirs,
        }
    }

    /// What stands on a column, or on one that inherits it, while its type changes: not what `made` says is ended before.
    pub(crate) fn standing_on(&self, column: &PgId, made: &HashSet<PgId>) -> Standing {
        let mut on = Standing::default();
        let stays = |id: &&PgId| !made.contains(*id) && self.to.objects.contains_key(*id);
        let objects = self.standing.get(column).into_iter().flatten().filter(stays);
        let own = objects.filter_map(|id| self.from.objects.get(id)).map(Standing::of);
        let heirs = self.heirs.get(column).into_iter().flatten().map(|heir| self.standing_on(heir, made));
        for Standing { indexed, computed_index, checked } in own.chain(heirs) {
            on.indexed |= indexed;
            on.computed_index |= computed_index;
            on.checked |= checked;
        }
        on
    }

    /// What is at hand when SQL is written.
    pub(crate) fn context<'b>(&'b self, from: &'b PgCatalog, to: &'b PgCatalog) -> Context<'b> {
        Context {
            from,
            to,
            server: self.server,
            strategy: self.strategy,
            heirs: &self.heirs,
            with_default: &self.with_default,
            leaned_on: &self.leaned_on,
            left: &self.left,
            user: self.user,
            names_user: self.names_user,
            staged: self.staged,
            folded: Vec::new(),
            again: false,
            made: None,
        }
    }
}

/// Notes an index or a constraint at the columns that it is about.
fn stand(id: &PgId, object: &PgObject, from: &PgCatalog, standing: &mut HashMap<PgId, Vec<PgId>>) {
    let table = match object {
        PgObject::Index(index) => index.on.clone(),
        PgObject::Constraint(_) => id.prefix(PgKind::Table, 2),
        _ => return,
    };
    for column in from.needs(id).filter(|n| n.kind == PgKind::Column && Column::table(n) == table) {
        standing.entry(column.clone()).or_default().push(id.clone());
    }
}

impl PgKind {
    /// Whether objects of the kind are types that a column can have and that users make.
    #[must_use]
    pub fn is_type(self) -> bool {
        match self {
            Self::Enum | Self::Domain | Self::Composite | Self::Range => true,
            // A base type cannot be moved aside: its functions would go along.
            Self::ShellType | Self::BaseType => false,
            Self::Schema
            | Self::Extension
            | Self::Language
            | Self::AccessMethod
            | Self::Transform
            | Self::Cast
            | Self::Operator
            | Self::OperatorFamily
            | Self::OperatorMember
            | Self::OperatorClass
            | Self::Conversion
            | Self::TsParser
            | Self::TsTemplate
            | Self::TsDictionary
            | Self::TsConfiguration
            | Self::SecurityLabel
            | Self::Sequence
            | Self::DomainConstraint
            | Self::Table
            | Self::Partition
            | Self::Column
            | Self::Default
            | Self::Constraint
            | Self::Index
            | Self::View
            | Self::MaterializedView
            | Self::Function
            | Self::Procedure
            | Self::Aggregate
            | Self::Rule
            | Self::Trigger
            | Self::Policy
            | Self::DefaultPrivileges
            | Self::Collation
            | Self::ForeignDataWrapper
            | Self::ForeignServer
            | Self::UserMapping
            | Self::Statistics
            | Self::EventTrigger
            | Self::Publication
            | Self::PublicationTable
            | Self::PublicationSchema
            | Self::Subscription
            | Self::SequenceOwner
            | Self::TypedTable
            | Self::Owner
            | Self::Grant
            | Self::Comment => false,
        }
    }

    /// Whether objects of the kind come along with a type in a slice: its constraints.
    #[must_use]
    pub fn is_part_of_type(self) -> bool {
        underpin_model::Kind::name(self) == "domain constraint"
    }

    /// Whether objects of the kind are renamed by a hint on the statement that makes them.
    #[must_use]
    pub fn is_renamable(self) -> bool {
        !matches!(self, Self::Column | Self::Default | Self::Constraint | Self::Owner | Self::Grant | Self::Comment)
            && !matches!(
                self,
                Self::DefaultPrivileges | Self::UserMapping | Self::PublicationTable | Self::PublicationSchema
            )
            && !matches!(self, Self::Partition | Self::SequenceOwner | Self::TypedTable)
            && !matches!(self, Self::ShellType | Self::AccessMethod | Self::Cast | Self::Transform | Self::Operator)
            && !matches!(self, Self::OperatorMember | Self::SecurityLabel)
    }

    /// Whether objects of the kind wait under another name, when they are made anew, until the columns that use them have
    /// moved over.
    #[must_use]
    pub fn is_parked(self) -> bool {
        self.is_type() || self == Self::Collation
    }

    /// Whether objects of the kind are domains, which some statements name apart from other types.
    #[must_use]
    pub fn is_domain(self) -> bool {
        self == Self::Domain
    }

    /// Whether objects of the kind read columns in a way that stops `ALTER COLUMN … TYPE`: views, rules, policies,
    /// trigger conditions, SQL-bodied functions.
    #[must_use]
    pub fn reads_columns(self) -> bool {
        // A function rests on columns only by a SQL body, a trigger by its list of columns and its condition: the server
        // refuses to tell the two apart (`RememberAllDependentForRebuilding`, commands/tablecmds.c).
        matches!(
            self,
            Self::View
                | Self::MaterializedView
                | Self::Function
                | Self::Procedure
                | Self::Rule
                | Self::Trigger
                | Self::Policy
                | Self::PublicationTable
        )
    }

    /// Whether objects of the kind read rows as wholes, so that a change of the row's shape changes what they are.
    #[must_use]
    pub fn reads_whole_rows(self) -> bool {
        false
    }
}

impl Dialect for Postgres<'_> {
    type Object = PgObject;
    type Op = PgOp;

    fn alter(
        &self,
        id: &PgId,
        from: &PgObject,
        to: &PgObject,
        _attributes: &[<PgObject as Object>::Attribute],
    ) -> Alteration<PgOp> {
        match self.holds_back_key(id) {
            Some(why) if id.kind == PgKind::Column => Alteration::Replace(why),
            _ => from.alter(id, to, &self.context(self.from, self.to)),
        }
    }

    fn invalidates(&self, id: &PgId, op: &PgOp, dependent: &PgId, object: &PgObject) -> bool {
        if id.kind == PgKind::Grant {
            // A column's, which goes with what is revoked on the relation.
            return dependent.kind == PgKind::Grant;
        }
        match op {
            PgOp::ColumnType | PgOp::ColumnRetype => self.stands_in_the_way_of_type(id, op, dependent, object),
            // A parent's column changes its type, and this one with it.
            PgOp::Implicit => {
                id.kind == PgKind::Column
                    && self.type_differs(id)
                    && self.stands_in_the_way_of_type(id, op, dependent, object)
            }
            PgOp::Statements { effect: Effect::RowShape, .. } => {
                dependent.kind.reads_whole_rows() || self.minds_shape_of_type(id, dependent)
            }
            PgOp::SetNotNull
            | PgOp::DropNotNull
            | PgOp::ValidateConstraint
            | PgOp::AttachPart
            | PgOp::Anew
            | PgOp::Statements { .. } => false,
        }
    }

    fn is_apart(&self, alteration: &Action<Self>, other: &PgId) -> bool {
        if alteration.verb == Verb::Make && other.kind == PgKind::Column && self.takes_shape_first(other) {
            return alteration.id.prefix(PgKind::Table, 2) != Column::table(other)
                && matches!(alteration.id.kind, PgKind::Table | PgKind::Column);
        }
        match &alteration.op {
            Some(PgOp::Statements { effect: Effect::Apart | Effect::Disinherit | Effect::Inherit, .. }) => true,
            Some(PgOp::Statements { effect: Effect::Persistence, .. }) => other.kind != PgKind::Constraint,
            _ => false,
        }
    }

    fn reaction(&self, from: &PgCatalog, ended: &PgId, _again: bool, dependent: &PgId) -> Reaction<PgOp> {
        match from.objects.get(dependent) {
            Some(PgObject::Column(column)) if ended.kind.is_parked() => {
                if column.generated.is_some() {
                    // Its values cannot be converted, and can be made again.
                    return Reaction::Rebuild;
                }
                let heir = column.inherits.is_some();
                let op = if self.type_differs(dependent) { PgOp::ColumnType } else { PgOp::ColumnRetype };
                Reaction::Alter(vec![if heir { PgOp::Implicit } else { op }])
            }
            // A server cannot be dropped under its tables.
            Some(PgObject::Table(t)) if t.foreign.is_some() && ended.kind == PgKind::ForeignServer => Reaction::Rebuild,
            // The tie to a cast says only what is made first.
            Some(_) if ended.kind == PgKind::Cast && dependent.of.is_none() => Reaction::Keep,
            Some(PgObject::Table(_) | PgObject::Partition(_) | PgObject::Schema(_) | PgObject::Extension(_)) => {
                Reaction::Keep
            }
            // They leave the parent with their table, and stay.
            Some(PgObject::Constraint(c)) if c.part_of.is_some() && self.leaves_whole(dependent, ended) => {
                Reaction::Keep
            }
            Some(PgObject::Index(i)) if i.part_of.is_some() && self.leaves_whole(dependent, ended) => Reaction::Keep,
            // It leaves the parent, and stays.
            Some(PgObject::Column(c)) if c.inherits.as_ref() == Some(ended) && self.leaves_parent(dependent) => {
                Reaction::Keep
            }
            // A plain column minds nothing but its type, which may be the row of a relation, and its parent's column.
            Some(PgObject::Column(c))
                if c.generated.is_none()
                    && !matches!(
                        ended.kind,
                        PgKind::Column | PgKind::Table | PgKind::View | PgKind::MaterializedView
                    ) =>
            {
                Reaction::Keep
            }
            _ => Reaction::Rebuild,
        }
    }

    fn drags(&self, from: &PgCatalog, id: &PgId) -> Vec<PgId> {
        if matches!(id.kind, PgKind::Index | PgKind::Constraint) {
            return self.parts_and_whole(from, id);
        }
        match self.to.objects.get(id) {
            // Only the type as a whole can be dropped, name and all.
            _ if id.kind == PgKind::BaseType => vec![id.prefix(PgKind::ShellType, 2)],
            Some(PgObject::Table(_)) => self.heirs_that_go_along(id),
            Some(PgObject::Column(_)) if self.holds_back_key(id).is_some() => vec![Column::table(id)],
            // Of the operator only the name is to stay, which those make that name it.
            Some(PgObject::Operator(operator)) if operator.function.is_none() => {
                crate::objects::linked_operators(self.to, id)
            }
            _ => Vec::new(),
        }
    }

    fn displaces(&self, from: &PgCatalog, to: &PgCatalog, id: &PgId) -> Vec<PgId> {
        match to.objects.get(id) {
            // Neither a new check nor VALIDATE looks into arrays and rows; a new domain's values are checked one by one.
            Some(PgObject::DomainConstraint(check)) if check.valid => {
                let domain = DomainConstraint::domain(id);
                if Domain::is_inside_values(&domain, from) { vec![domain] } else { Vec::new() }
            }
            // A new column may rewrite the table.
            Some(PgObject::Column(_)) => self.keepers.get(&Column::table(id)).cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn is_only_order(&self, from: &PgCatalog, dependent: &PgId, needed: &PgId) -> bool {
        let part = |kind: PgKind| matches!(kind, PgKind::Index | PgKind::Constraint);
        // A partition and its parts can go while the parent and its keys and indexes stay.
        match (dependent.kind, needed.kind) {
            (PgKind::Partition, needed) => part(needed),
            (dependent, PgKind::Partition) => part(dependent),
            (a, b) if part(a) && part(b) => match from.objects.get(needed) {
                Some(PgObject::Index(index)) => index.part_of.as_ref() == Some(dependent),
                Some(PgObject::Constraint(c)) => c.part_of.as_ref() == Some(dependent),
                _ => false,
            },
            _ => false,
        }
    }

    fn locked(&self, action: &Action<Self>) -> Vec<PgId> {
        if !self.cuts {
            return Vec::new();
        }
        let id = &action.id;
        let on = |catalog: &PgCatalog| match catalog.objects.get(id) {
            Some(PgObject::Index(index)) => vec![index.on.clone()],
            Some(PgObject::Partition(partition)) => {
                let mut both = vec![partition.parent.clone()];
                both.extend(id.target(0));
                both
            }
            Some(PgObject::Constraint(_)) => {
                let others = catalog.needs(id).filter(|n| n.kind == PgKind::Column).map(Column::table);
                std::iter::once(id.prefix(PgKind::Table, 2)).chain(others).collect()
            }
            Some(PgObject::Default(default)) if default.parent.kind == PgKind::Column => vec![Column::table(id)],
            Some(PgObject::Trigger(trigger)) => vec![trigger.on.clone()],
            Some(PgObject::Table(_)) => vec![id.clone()],
            Some(PgObject::Column(_) | PgObject::Policy(_) | PgObject::Rule(_)) => vec![id.prefix(PgKind::Table, 2)],
            Some(PgObject::Owner(_)) => id.target(0).into_iter().collect(),
            _ => Vec::new(),
        };
        let mut locked = on(self.to);
        locked.extend(on(self.from));
        locked.retain(|table| table.kind == PgKind::Table && self.from.objects.contains_key(table));
        locked
    }

    fn parks(&self, _from: &PgCatalog, id: &PgId) -> bool {
        self.users_of_types.contains_key(id)
    }

    fn holds(&self, id: &PgId) -> bool {
        self.holds_rows(id)
    }

    fn after(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let mut pairs = crate::objects::default_privileges_first(self.user, actions);
        pairs.extend(crate::objects::event_triggers_around(self.to, actions));
        pairs.extend(self.before_detaching(actions));
        pairs.extend(self.around_inheritance(actions));
        pairs.extend(self.before_attaching(actions));
        pairs.extend(self.rows_in_order(actions));
        pairs.extend(self.around_new_ones(actions));
        pairs.extend(self.foreign_keys_after_indexes(actions));
        pairs.extend(self.foreign_keys_around_logging(actions));
        pairs.extend(self.callers_first(actions));
        pairs
    }

    fn slots(&self, id: &PgId, object: &PgObject) -> Vec<String> {
        if id.kind == PgKind::TypedTable {
            return self.slots_of_typed_table(id);
        }
        let mut slots = object.slots(id);
        // While an overload that goes and one that comes are both there, a call may be of either.
        let routine = matches!(id.kind, PgKind::Function | PgKind::Procedure | PgKind::Aggregate);
        if routine && self.from.objects.contains_key(id) != self.to.objects.contains_key(id) {
            slots.push(slot("overload", &id.parts()[..2]));
        }
        slots
    }

    /// A foreign key takes the first key that fits: one that goes must have gone.
    fn made_after_end_of(&self, from: &PgCatalog, to: &PgCatalog, id: &PgId) -> Vec<PgId> {
        // A partition gets parts of all that its parent has when it is attached.
        if let Some(PgObject::Partition(partition)) = to.objects.get(id) {
            return self.keys_of(from, &partition.parent);
        }
        if id.kind == PgKind::Column {
            return self.keepers.get(&Column::table(id)).cloned().unwrap_or_default();
        }
        let foreign = matches!(to.objects.get(id), Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Foreign);
        if !foreign {
            return Vec::new();
        }
        let own = id.prefix(PgKind::Table, 2);
        let referenced: Vec<PgId> =
            to.needs(id).filter(|n| n.kind == PgKind::Column).map(|n| n.prefix(PgKind::Table, 2)).collect();
        let table = referenced.iter().find(|t| **t != own).unwrap_or(&own);
        self.keys_of(from, table)
    }

    fn fold(&self, from: &PgCatalog, to: &PgCatalog, action: &Action<Self>) -> Vec<(PgId, Verb)> {
        match action.verb {
            Verb::Make => to.objects.get(&action.id).map_or_else(Vec::new, |o| fold_make(from, to, &action.id, o)),
            // A partition of a table that is referred to has to be detached before it can go.
            Verb::End if self.is_referred_partition(from, &action.id) || self.detaches_first(&action.id) => Vec::new(),
            Verb::End if !action.parked => {
                from.objects.get(&action.id).map_or_else(Vec::new, |o| fold_end(from, to, &action.id, o))
            }
            Verb::End | Verb::Alter | Verb::Park | Verb::Save | Verb::Fill => Vec::new(),
        }
    }

    fn looseness(&self, action: &Action<Self>) -> u8 {
        match action.id.kind {
            PgKind::Constraint | PgKind::Index => 3,
            PgKind::Column => 1,
            _ => 2,
        }
    }

    fn lateness(&self, to: &PgCatalog, action: &Action<Self>) -> u8 {
        // What can be used only after a commit comes before all else: a commit between the end and the new beginning of
        // something would show it missing.
        if matches!(action.op, Some(PgOp::Statements { effect: Effect::CommitBeforeUse, .. })) {
            return 0;
        }
        if self.evaluates(to, action) {
            return 3;
        }
        let late = match (action.verb, to.objects.get(&action.id)) {
            // It runs its query.
            (Verb::Make, Some(PgObject::MaterializedView(_))) => true,
            (Verb::Make, Some(PgObject::Index(index))) => {
                self.strategy == Strategy::Online && index.is_built_beside_traffic(&self.context(self.from, to))
            }
            (Verb::End, None) => self.strategy == Strategy::Online && action.id.kind == PgKind::Index,
            (Verb::Alter, _) => action.op == Some(PgOp::Anew),
            _ => false,
        };
        1 + u8::from(late)
    }

    fn render(&self, from: &PgCatalog, to: &PgCatalog, group: &Group<'_, Self>) -> Vec<Draft> {
        crate::render::render(self, from, to, group)
    }
}

impl Postgres<'_> {
    /// The unique indexes and key constraints of a table of the live side.
    fn keys_of(&self, from: &PgCatalog, table: &PgId) -> Vec<PgId> {
        let constraints = crate::objects::parts_of(from, PgKind::Constraint, &table.parts()).into_iter().filter(|(_, o)| {
            matches!(o, PgObject::Constraint(c) if !matches!(c.kind, ConstraintKind::Foreign | ConstraintKind::Check))
        });
        let indexes = self.indexes.get(table).into_iter().flatten().cloned();
        constraints.map(|(id, _)| id.clone()).chain(indexes).collect()
    }

    /// Whether the action may call a function of the user for rows that are there. What that calls and reads in turn is in
    /// its text, where no dependency tells it: all else had better be there before.
    fn evaluates(&self, to: &PgCatalog, action: &Action<Self>) -> bool {
        let id = &action.id;
        let own_default = id.prefix(PgKind::Default, id.depth());
        let starts: Vec<&PgId> = match (action.verb, id.kind) {
            (Verb::Make, PgKind::MaterializedView | PgKind::Index | PgKind::Constraint) => vec![id],
            (Verb::Make, PgKind::Column) => vec![id, &own_default],
            // A generated column's expression is planned when the table is made, and functions are inlined into it.
            (Verb::Make, PgKind::Table) => {
                let generated = |o: &PgObject| matches!(o, PgObject::Column(c) if c.generated.is_some());
                let columns = parts_of(to, PgKind::Column, &id.parts());
                columns.into_iter().filter(|(_, o)| generated(o)).map(|(id, _)| id).collect()
            }
            (Verb::Alter, PgKind::Column | PgKind::Constraint) if action.op != Some(PgOp::Implicit) => vec![id],
            _ => return false,
        };
        let mut seen: HashSet<&PgId> = HashSet::new();
        let mut open: Vec<&PgId> = starts.into_iter().flat_map(|s| to.needs(s)).collect();
        while let Some(next) = open.pop() {
            if next.kind == PgKind::Function {
                return true;
            }
            if seen.insert(next) {
                open.extend(to.needs(next));
            }
        }
        false
    }

    /// Whether a column that comes from a parent's is the table's own from then on.
    fn leaves_parent(&self, column: &PgId) -> bool {
        matches!(self.to.objects.get(column), Some(PgObject::Column(c)) if c.inherits.is_none())
    }

    /// Whether a part of a partitioned index or key stands alone from then on, and does not mind what is ended of the parent.
    fn leaves_whole(&self, id: &PgId, ended: &PgId) -> bool {
        match self.to.objects.get(id) {
            Some(PgObject::Constraint(c)) => c.part_of.is_none() && !ended.is_under(&id.parts()[..2]),
            Some(PgObject::Index(index)) => index.part_of.is_none() && !ended.is_under(&index.on.parts()),
            _ => false,
        }
    }

    pub(crate) fn type_differs(&self, id: &PgId) -> bool {
        match (self.from.objects.get(id), self.to.objects.get(id)) {
            (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
                a.type_name != b.type_name || a.collation != b.collation
            }
            _ => false,
        }
    }

    /// Whether a column's type is another after the plan, or one that `made` says is made anew under the same name.
    pub(crate) fn gets_new_type(&self, id: &PgId, made: &HashSet<PgId>) -> bool {
        self.type_differs(id) || self.to.needs(id).any(|n| n.kind.is_parked() && made.contains(n))
    }

    /// `ALTER COLUMN … TYPE` refuses to run while some dependents are there, and others would keep an old meaning
    /// (manual, ALTER TABLE; the catalogue of risky changes, entry PG-29).
    fn stands_in_the_way_of_type(&self, id: &PgId, op: &PgOp, dependent: &PgId, object: &PgObject) -> bool {
        if dependent.kind.reads_columns() {
            return true;
        }
        let converted = match (self.from.objects.get(id), self.to.objects.get(id)) {
            (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
                *op == PgOp::ColumnRetype || base_type(&a.type_name) != base_type(&b.type_name)
            }
            _ => true,
        };
        if self.is_spared_by_rebuild(id, op, object) {
            return true;
        }
        match object {
            PgObject::TypedTable(_) => true,
            // The server makes them again, and forgets the target.
            PgObject::Statistics(statistics) => statistics.target.is_some(),
            PgObject::Column(c) => c.generated.is_some() && Column::table(dependent) == Column::table(id),
            PgObject::Default(_) => converted,
            PgObject::Constraint(c) => {
                converted && (c.kind == ConstraintKind::Foreign || self.joins_columns(dependent))
            }
            PgObject::Index(_) => converted && self.joins_columns(dependent),
            _ => false,
        }
    }
}
