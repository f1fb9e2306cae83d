//! Which of the names that hints give are still to be changed. A hint may stay in the files for good, so what was done is told by what
//! is there: the old name is gone, or the new one is there.

use underpin_model::{Diagnostic, Severity, Source as Origin};

/// One name for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub old: String,
    pub new: String,
    /// Where a hint says so; none where the name is only written in another case.
    pub origin: Option<Origin>,
}

/// The names that a thing has on both sides.
pub(crate) struct Names<'a> {
    /// Those that are there.
    pub live: Vec<&'a str>,
    /// Those that are wanted.
    pub wanted: Vec<&'a str>,
    /// What they are names of, for messages: `column t.`.
    pub kind: String,
}

/// What comes of hints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Names that change.
    pub pairs: Vec<Pair>,
    /// Names that go round. They are there before and after, so that only what has them tells whether that was done.
    pub rounds: Vec<Vec<Pair>>,
    pub findings: Vec<Diagnostic>,
}

fn is(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Sorts the hints of one space of names.
pub(crate) fn settle(hints: Vec<Pair>, names: &Names<'_>) -> Settled {
    let mut out = Settled::default();
    let mut list: Vec<Pair> = Vec::new();
    for hint in hints.into_iter().filter(|h| !is(&h.old, &h.new)) {
        match list.iter().find(|h| is(&h.old, &hint.old) || is(&h.new, &hint.new)) {
            Some(other) if is(&other.old, &hint.old) && is(&other.new, &hint.new) => {}
            Some(other) => {
                let message = format!("{} has that old name, or that new one, already", other.new);
                out.findings.push(not_followed(names, &hint, &message, "keep one of both hints"));
            }
            None => list.push(hint),
        }
    }
    let there = |name: &str| names.live.iter().find(|n| is(n, name)).map(|n| (*n).to_owned());
    // What has gone has nothing to give.
    let (mut open, gone): (Vec<Pair>, Vec<Pair>) = list.into_iter().partition(|h| there(&h.old).is_some());
    for hint in &mut open {
        hint.old = there(&hint.old).unwrap_or_else(|| hint.old.clone());
    }
    for hint in gone.iter().filter(|h| there(&h.new).is_none()) {
        out.findings.push(
            Diagnostic::new(
                Severity::Warning,
                "rename-not-found",
                format!(
                    "{}{}{}, which a hint says something was renamed from, is not there, and neither is its new name",
                    place(hint),
                    names.kind,
                    hint.old
                ),
            )
            .help("take the hint away where the rename was done long ago, or correct the old name"),
        );
    }
    while let Some(round) = round(&open) {
        open.retain(|h| !round.contains(h));
        out.rounds.push(round);
    }
    for hint in &open {
        // Something takes the old name, or has taken it.
        let taken = |list: &[Pair]| list.iter().any(|h| is(&h.new, &hint.old));
        let is_free = frees(&open, &hint.new, &|name| there(name).is_some());
        let is_done = taken(&gone) && there(&hint.new).is_some();
        let is_wanted = names.wanted.iter().any(|n| is(n, &hint.old)) && !taken(&open);
        if is_done {
            // What has the old name is another one.
        } else if is_wanted {
            let why = "the old name is still wanted too, so this is no rename";
            out.findings.push(not_followed(names, hint, why, "take the hint away, or what has the old name"));
        } else if is_free {
            out.pairs.push(hint.clone());
        } else {
            let why = "both names are there, so nothing is renamed, and what has the old one goes";
            let help = "move what the old one holds first, or take the hint away";
            out.findings.push(not_followed(names, hint, why, help));
        }
    }
    out
}

/// Whether nothing has the name, or what has it gets another one that is free.
fn frees(open: &[Pair], name: &str, there: &dyn Fn(&str) -> bool) -> bool {
    !there(name) || open.iter().find(|h| is(&h.old, name)).is_some_and(|h| frees(open, &h.new, there))
}

/// Names that go round, if there are any.
fn round(open: &[Pair]) -> Option<Vec<Pair>> {
    open.iter().find_map(|first| {
        let mut found = vec![first.clone()];
        loop {
            let next = open.iter().find(|h| is(&h.old, &found[found.len() - 1].new))?;
            if next == first {
                return Some(found);
            }
            if found.contains(next) {
                return None;
            }
            found.push(next.clone());
        }
    })
}

fn place(pair: &Pair) -> String {
    pair.origin.as_ref().map(|o| format!("{}:{}: ", o.file, o.line)).unwrap_or_default()
}

/// The finding for a hint that is not followed.
pub(crate) fn not_followed(names: &Names<'_>, hint: &Pair, why: &str, help: &str) -> Diagnostic {
    let message = format!(
        "{}the hint that {}{} was {} before was not followed: {why}",
        place(hint),
        names.kind,
        hint.new,
        hint.old
    );
    Diagnostic::new(Severity::Warning, "rename-not-followed", message).help(help)
}

/// The finding for names that go round where both ways are alike.
pub(crate) fn undecided(kind: &str, round: &[Pair]) -> Diagnostic {
    let list: Vec<String> = round.iter().map(|p| format!("{} to {}", p.old, p.new)).collect();
    let place = round.first().map(place).unwrap_or_default();
    let message = format!(
        "{place}the hints that {kind}change their names in a round ({}) were not followed: all of these names are there, and nothing else \
         tells whether that was done before",
        list.join(", ")
    );
    Diagnostic::new(Severity::Warning, "rename-not-followed", message)
        .help("rename one of them to a name that is not there yet, apply, and then rename that one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(hints: &[(&str, &str)], live: &[&str], wanted: &[&str]) -> (String, usize, usize) {
        let pair = |(old, new): &(&str, &str)| Pair { old: (*old).to_owned(), new: (*new).to_owned(), origin: None };
        let names = Names { live: live.to_vec(), wanted: wanted.to_vec(), kind: "table ".to_owned() };
        let out = settle(hints.iter().map(pair).collect(), &names);
        let pairs: Vec<String> = out.pairs.iter().map(|p| format!("{}>{}", p.old, p.new)).collect();
        (pairs.join(" "), out.rounds.len(), out.findings.len())
    }

    #[test]
    fn a_name_changes_once() {
        assert_eq!(settled(&[("a", "b")], &["A"], &["b"]), ("A>b".to_owned(), 0, 0));
        assert_eq!(settled(&[("a", "b")], &["b"], &["b"]), (String::new(), 0, 0));
        assert_eq!(settled(&[("a", "b")], &["c"], &["b"]), (String::new(), 0, 1));
        assert_eq!(settled(&[("a", "b")], &["a"], &["a", "b"]), (String::new(), 0, 1));
        assert_eq!(settled(&[("a", "b")], &["a", "b"], &["b"]), (String::new(), 0, 1));
        assert_eq!(settled(&[("a", "A")], &["a"], &["A"]), (String::new(), 0, 0));
    }

    #[test]
    fn names_follow_each_other() {
        let hints = [("a", "b"), ("b", "c")];
        assert_eq!(settled(&hints, &["a", "b"], &["b", "c"]), ("a>b b>c".to_owned(), 0, 0));
        assert_eq!(settled(&hints, &["b", "c"], &["b", "c"]), (String::new(), 0, 0));
        assert_eq!(settled(&hints, &["a", "b", "c"], &["b", "c"]), (String::new(), 0, 2));
        assert_eq!(settled(&[("a", "b"), ("a", "c")], &["a"], &["b", "c"]).2, 1);
    }

    #[test]
    fn names_that_go_round_are_told_apart() {
        let hints = [("a", "b"), ("b", "a")];
        assert_eq!(settled(&hints, &["a", "b"], &["a", "b"]), (String::new(), 1, 0));
        assert_eq!(settled(&hints, &["a"], &["a", "b"]), (String::new(), 0, 1));
    }
}
