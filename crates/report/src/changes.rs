//! Which of a step's changes a person counts: a table that is made with its columns is one.

/// The changes of one step, apart in those that stand for themselves and those that come or go with one of these.
pub(crate) struct Changes<'a> {
    /// Those that stand for themselves.
    pub(crate) own: Vec<&'a str>,
    /// How many come or go with them, such as the columns of a table that is made.
    pub(crate) parts: usize,
}

impl<'a> Changes<'a> {
    /// Looks through the changes of one step.
    pub(crate) fn of(changes: &'a [String]) -> Self {
        let mut own: Vec<&str> = Vec::new();
        let mut parts = 0;
        for change in changes {
            if own.iter().any(|whole| is_part(change, whole)) {
                parts += 1;
            } else {
                own.push(change);
            }
        }
        Self { own, parts }
    }
}

/// Whether `change` makes or drops a part of what `whole` makes or drops: its name goes on where the other ends
/// (`create column public.a.b` under `create table public.a`), or it hangs on the same name (`create comment on table
/// public.a`). A name with a space in it is not looked into, and stands for itself.
fn is_part(change: &str, whole: &str) -> bool {
    let (Some((verb, what)), Some((verb_of_whole, whole))) = (change.split_once(' '), whole.split_once(' ')) else {
        return false;
    };
    if verb != verb_of_whole || !matches!(verb, "create" | "drop") || whole.contains(" on ") {
        return false;
    }
    let Some((kind, name)) = whole.rsplit_once(' ') else { return false };
    let Some((_, part)) = what.rsplit_once(' ') else { return false };
    // A schema is made with nothing in it.
    kind != "schema"
        && !name.ends_with('"')
        && part
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.') || (rest.is_empty() && what.contains(" on ")))
}

#[cfg(test)]
mod tests {
    use super::Changes;

    #[test]
    fn parts_come_with_their_whole() {
        let changes = [
            "create table public.a",
            "create column public.a.b",
            "create comment on table public.a",
            "create column public.ab.c",
            "drop column public.a.d",
            "alter column public.a.e: type",
            "create schema s",
            "create table s.t",
        ]
        .map(str::to_owned);
        let found = Changes::of(&changes);
        assert_eq!(found.parts, 2);
        assert_eq!(found.own.len(), 6);
    }

    #[test]
    fn a_comment_has_no_parts() {
        let changes = ["create comment on table a.b", "create comment on column a.b.c"].map(str::to_owned);
        assert_eq!(Changes::of(&changes).parts, 0);
    }
}
