//! Views, and what stands on tables and views alike: triggers, policies, rules, owners and grants.

use crate::genes::{Genome, Head, Rule, View};
use crate::side::{Col, ROLES, Side, Type, lit, q, styled};
use crate::tables::Script;

const ENABLED: [&str; 4] = ["", "DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"];

/// One side of a pair as SQL for a server of that major version.
pub fn sql(genome: &Genome, second: bool, major: u32) -> String {
    let side = Side { genome, second, major };
    let mut out = Script::default();
    side.spaces(&mut out);
    side.early(&mut out);
    side.types(&mut out);
    side.sequences(&mut out, false);
    side.trigger_functions(&mut out);
    side.tables(&mut out);
    side.sequences(&mut out, true);
    side.late(&mut out);
    side.views(&mut out);
    side.on_tables(&mut out);
    match side.n(&genome.privileges) {
        1 => out.say("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO \"anna\""),
        2 => out.say("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"),
        _ => {}
    }
    if out.statements.is_empty() { String::new() } else { format!("{};\n", out.statements.join(";\n")) }
}

impl Side<'_> {
    pub fn owner(&self, out: &mut Script, what: &str, head: &Head) {
        if let Some(role) = self.n(&head.owner).checked_sub(1) {
            out.say(format!("ALTER {what} OWNER TO {}", q(ROLES[usize::from(role)])));
        }
    }

    fn relation_grants(&self, out: &mut Script, path: &str, head: &Head) {
        let bo = q(ROLES[1]);
        // An owner has what it can grant anyway; what is granted to it besides means nothing and is not compared.
        match self.n(&head.grant) {
            3 if self.n(&head.owner) == 1 => {}
            1 => out.say(format!("GRANT SELECT ON {path} TO \"anna\"")),
            2 => out.say(format!("GRANT ALL ON {path} TO {bo}")),
            3 => out.say(format!("GRANT SELECT, INSERT ON {path} TO \"anna\" WITH GRANT OPTION")),
            4 => out.say(format!("GRANT UPDATE ON {path} TO PUBLIC")),
            5 => out.say(format!("REVOKE INSERT ON {path} FROM CURRENT_USER")),
            _ => {}
        }
    }

    /// The path and the columns of what a view reads: tables have even numbers, views odd ones, and only earlier views count.
    fn relation(&self, number: u8, views: usize) -> Option<(String, Vec<Col>)> {
        let slot = usize::from(number / 2);
        if number.is_multiple_of(2) {
            return self.table(slot).map(|_| (self.table_path(slot), self.columns(slot)));
        }
        let view = self.genome.views.get(slot).filter(|v| slot < views && self.is(&v.head.present))?;
        Some((self.path(&view.head, "v", slot), self.query(view, slot).1))
    }

    /// The query of a view, and its columns.
    fn query(&self, view: &View, slot: usize) -> (String, Vec<Col>) {
        let out_col = |name: String, ty: Type| Col { name, ty, generated: false, numbered: false, inherited: false };
        let number = || Self::base(0);
        let k = self.n(&view.value);
        let source = self.relation(self.n(&view.over), slot).or_else(|| {
            let first = (0..self.genome.tables.len()).find(|i| self.table(*i).is_some())?;
            Some((self.table_path(first), self.columns(first)))
        });
        let Some((path, columns)) = source else {
            return (format!("SELECT {k} AS o0"), vec![out_col("o0".to_owned(), number())]);
        };
        let chosen: Vec<&Col> = Self::picks(&columns, view.slots.get(self.second), |_| true);
        let list = |cols: &[&Col]| cols.iter().map(|c| format!("r.{}", q(&c.name))).collect::<Vec<_>>().join(", ");
        let same = |cols: &[&Col]| cols.iter().map(|c| out_col(c.name.clone(), c.ty.clone())).collect::<Vec<_>>();
        let first = chosen.first().copied();
        match (self.n(&view.kind), first) {
            (0, Some(_)) => (format!("SELECT {} FROM {path} r", list(&chosen)), same(&chosen)),
            (1, Some(col)) => (
                format!("SELECT {} FROM {path} r WHERE {}", list(&chosen), self.condition(col, "r.", k)),
                same(&chosen),
            ),
            (2, Some(col)) if col.ty.comparable => {
                let sql = format!("SELECT r.{0}, count(*) + {k} AS n FROM {path} r GROUP BY r.{0}", q(&col.name));
                (sql, vec![out_col(col.name.clone(), col.ty.clone()), out_col("n".to_owned(), Self::base(2))])
            }
            (3, Some(col)) => {
                let other = self.relation(self.n(&view.other), slot);
                let (join, second, column) = match other.as_ref().and_then(|(p, c)| c.first().map(|c| (p, c))) {
                    Some((p, c)) => (format!("LEFT JOIN {p} b ON true"), format!("b.{}", q(&c.name)), Some(c)),
                    None => (String::new(), format!("{k}"), None),
                };
                let sql = format!("SELECT r.{} AS o0, {second} AS o1 FROM {path} r {join}", q(&col.name));
                let second = column.map_or_else(number, |c| c.ty.clone());
                (sql, vec![out_col("o0".to_owned(), col.ty.clone()), out_col("o1".to_owned(), second)])
            }
            (4, Some(col)) => {
                let text = format!("r.{}::text", q(&col.name));
                let call = self.early_call(usize::from(k), 1, &text).unwrap_or_else(|| format!("{text} || 'x{k}'"));
                (
                    format!("SELECT {text} AS o0, {call} AS o1 FROM {path} r"),
                    vec![out_col("o0".to_owned(), Self::base(1)), out_col("o1".to_owned(), Self::base(1))],
                )
            }
            (5, _) => {
                let sql = format!("SELECT r AS o0, {k} AS o1 FROM {path} r");
                let whole =
                    Type { comparable: false, samples: Vec::new(), class: crate::side::Class::Other, ..number() };
                (sql, vec![out_col("o0".to_owned(), whole), out_col("o1".to_owned(), number())])
            }
            (6, Some(col)) if col.ty.comparable => {
                let one = format!("SELECT r.{} FROM {path} r", q(&col.name));
                (format!("{one} UNION {one}"), same(&[col]))
            }
            (7, _) if !columns.is_empty() => {
                let all: Vec<&Col> = columns.iter().collect();
                (format!("SELECT * FROM {path} r"), same(&all))
            }
            _ => (format!("SELECT count(*) + {k} AS o0 FROM {path} r"), vec![out_col("o0".to_owned(), Self::base(2))]),
        }
    }

    pub fn views(&self, out: &mut Script) {
        for (i, view) in self.genome.views.iter().enumerate().filter(|(_, v)| self.is(&v.head.present)) {
            self.view(out, view, i);
        }
        for (i, view) in self.genome.matviews.iter().enumerate().filter(|(_, v)| self.is(&v.head.present)) {
            let path = self.path(&view.head, "m", i);
            let (query, columns) = self.query(view, usize::MAX);
            let data = if self.n(&view.option) == 1 { " WITH NO DATA" } else { "" };
            out.say(format!("CREATE MATERIALIZED VIEW {path} AS {query}{data}"));
            for (n, index) in view.indexes.iter().enumerate() {
                self.index(out, &view.head, (&format!("mi{i}_"), n, index), &path, &columns, None);
            }
            self.comment(out, &format!("MATERIALIZED VIEW {path}"), self.n(&view.head.comment));
            self.relation_grants(out, &path, &view.head);
            self.owner(out, &format!("MATERIALIZED VIEW {path}"), &view.head);
        }
    }

    fn view(&self, out: &mut Script, view: &View, slot: usize) {
        let path = self.path(&view.head, "v", slot);
        let (query, columns) = self.query(view, slot);
        let updatable =
            self.n(&view.over).is_multiple_of(2) && query.contains(" FROM ") && matches!(self.n(&view.kind), 0 | 1);
        let updatable = updatable && !query.contains("count(*)");
        let options = match self.n(&view.option) {
            1 => " WITH (security_barrier = true)",
            2 if self.major >= 15 => " WITH (security_invoker = true)",
            3 if updatable => " WITH (check_option = local)",
            4 if updatable => " WITH (check_option = cascaded, security_barrier = true)",
            _ => "",
        };
        out.say(format!("CREATE VIEW {path}{options} AS {query}"));
        let default = columns.iter().find_map(|c| Some((c, c.ty.samples.last()?))).filter(|_| self.is(&view.default));
        if let Some((col, sample)) = default {
            out.say(format!("ALTER VIEW {path} ALTER COLUMN {} SET DEFAULT {sample}", q(&col.name)));
        }
        if self.is(&view.instead) {
            out.say(format!(
                "CREATE TRIGGER g INSTEAD OF INSERT OR UPDATE ON {path} FOR EACH ROW EXECUTE FUNCTION public.tf0()"
            ));
        }
        for (n, rule) in view.rules.iter().enumerate().filter(|(_, r)| self.is(&r.present)) {
            self.rule(out, rule, &format!("vr{slot}_"), n, &path, &columns);
        }
        if let Some(col) = columns.first() {
            self.comment(out, &format!("COLUMN {path}.{}", q(&col.name)), self.n(&view.column_comment));
        }
        self.comment(out, &format!("VIEW {path}"), self.n(&view.head.comment));
        self.relation_grants(out, &path, &view.head);
        self.owner(out, &format!("VIEW {path}"), &view.head);
    }

    fn rule(&self, out: &mut Script, rule: &Rule, word: &str, place: usize, path: &str, columns: &[Col]) {
        let name = q(&styled(word, place, self.n(&rule.style)));
        let filter = Self::pick(columns, self.n(&rule.slot), |_| true);
        let filter = |row: &str| filter.map_or_else(String::new, |c| format!(" WHERE {}", self.condition(c, row, 1)));
        let body = match self.n(&rule.kind) {
            0 => "ON INSERT TO {} DO INSTEAD NOTHING".to_owned(),
            1 => "ON UPDATE TO {} DO ALSO NOTIFY \"It's\"".to_owned(),
            2 => format!("ON DELETE TO {{}}{} DO INSTEAD NOTHING", filter("old.")),
            _ => "ON INSERT TO {} DO ALSO (SELECT 1; SELECT 2)".to_owned(),
        };
        // A rule with a condition leaves a view without a way to write to it, which is the person's business.
        out.say(format!("CREATE RULE {name} AS {}", body.replace("{}", path)));
        self.comment(out, &format!("RULE {name} ON {path}"), self.n(&rule.comment));
        if word.starts_with('r') && self.n(&rule.enabled) > 0 {
            out.say(format!("ALTER TABLE {path} {} RULE {name}", ENABLED[usize::from(self.n(&rule.enabled))]));
        }
    }

    pub fn on_tables(&self, out: &mut Script) {
        for slot in 0..self.genome.tables.len() {
            let Some(table) = self.table(slot) else { continue };
            let path = self.table_path(slot);
            let columns = self.columns(slot);
            self.triggers(out, slot, &columns);
            self.policies(out, slot, &columns);
            for (n, rule) in table.rules.iter().enumerate().filter(|(_, r)| self.is(&r.present)) {
                self.rule(out, rule, &format!("r{slot}_"), n, &path, &columns);
            }
            match self.n(&table.secured) {
                1 => out.say(format!("ALTER TABLE {path} ENABLE ROW LEVEL SECURITY")),
                2 => out.say(format!("ALTER TABLE {path} FORCE ROW LEVEL SECURITY")),
                _ => {}
            }
            self.relation_grants(out, &path, &table.head);
            self.owner(out, &format!("TABLE {path}"), &table.head);
        }
    }

    fn triggers(&self, out: &mut Script, slot: usize, columns: &[Col]) {
        let table = &self.genome.tables[slot];
        let path = self.table_path(slot);
        let partitioned = self.key(slot).is_some();
        for (i, trigger) in table.triggers.iter().enumerate().filter(|(_, t)| self.is(&t.present)) {
            let name = q(&styled(&format!("g{slot}_"), i, self.n(&trigger.style)));
            let col = Self::pick(columns, self.n(&trigger.slot), |c| !c.generated && c.ty.comparable);
            let when = col
                .filter(|_| self.is(&trigger.condition))
                .map_or_else(String::new, |c| format!(" WHEN (OLD.{0} IS DISTINCT FROM NEW.{0})", q(&c.name)));
            let call = format!("EXECUTE FUNCTION public.tf{}()", self.n(&trigger.function));
            let body = match (self.n(&trigger.kind), col) {
                (0, _) if !partitioned => format!("BEFORE INSERT OR UPDATE ON {path} FOR EACH ROW {call}"),
                (1, Some(c)) => format!("AFTER UPDATE OF {} ON {path} FOR EACH ROW{when} {call}", q(&c.name)),
                (2, _) => format!("AFTER TRUNCATE ON {path} FOR EACH STATEMENT {call}"),
                (3, _) => format!(
                    "AFTER UPDATE ON {path} REFERENCING OLD TABLE AS \"Old Rows\" NEW TABLE AS n FOR EACH STATEMENT {call}"
                ),
                (4, _) if !partitioned => {
                    out.say(format!(
                        "CREATE CONSTRAINT TRIGGER {name} AFTER UPDATE ON {path} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW{when} {call}"
                    ));
                    String::new()
                }
                (5, _) => format!("BEFORE DELETE OR INSERT ON {path} FOR EACH STATEMENT {call}"),
                _ => format!("AFTER UPDATE ON {path} FOR EACH ROW{when} EXECUTE FUNCTION public.tf0('it''s', '\\x')"),
            };
            if !body.is_empty() {
                out.say(format!("CREATE TRIGGER {name} {body}"));
            }
            self.comment(out, &format!("TRIGGER {name} ON {path}"), self.n(&trigger.comment));
            if self.n(&trigger.enabled) > 0 {
                out.say(format!(
                    "ALTER TABLE {path} {} TRIGGER {name}",
                    ENABLED[usize::from(self.n(&trigger.enabled))]
                ));
            }
        }
    }

    fn policies(&self, out: &mut Script, slot: usize, columns: &[Col]) {
        let table = &self.genome.tables[slot];
        let path = self.table_path(slot);
        for (i, policy) in table.policies.iter().enumerate().filter(|(_, p)| self.is(&p.present)) {
            let name = q(&styled(&format!("w{slot}_"), i, self.n(&policy.style)));
            let restrictive = if self.is(&policy.restrictive) { " AS RESTRICTIVE" } else { "" };
            let command = ["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"][usize::from(self.n(&policy.command))];
            let role = ["PUBLIC".to_owned(), q(ROLES[0]), q(ROLES[1])][usize::from(self.n(&policy.role))].clone();
            let col = Self::pick(columns, self.n(&policy.slot), |_| true);
            let other = (0..self.genome.tables.len()).find(|i| *i != slot && self.table(*i).is_some());
            let condition = match (self.n(&policy.kind), col, other) {
                (0 | 1, Some(c), _) => self.condition(c, "", 0),
                (2, _, Some(o)) => format!("EXISTS (SELECT 1 FROM {})", self.table_path(o)),
                _ => format!("current_user = {}", lit(ROLES[1])),
            };
            let conditions = match command {
                "SELECT" | "DELETE" => format!("USING ({condition})"),
                "INSERT" => format!("WITH CHECK ({condition})"),
                _ => format!("USING ({condition}) WITH CHECK (true)"),
            };
            out.say(format!("CREATE POLICY {name} ON {path}{restrictive} FOR {command} TO {role} {conditions}"));
            self.comment(out, &format!("POLICY {name} ON {path}"), self.n(&policy.comment));
        }
    }
}
