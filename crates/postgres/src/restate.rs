//! Text that the server printed, said again so that the server stores the very same thing. A few of its prints are no
//! fixed points: read back, they become something else that means the same, and a plan would never converge.

use std::borrow::Cow;
use underpin_sql::quote;

/// The text as it has to be said.
#[must_use]
pub(crate) fn restated(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    if out.contains("EXTRACT(") {
        out = extract_fields(&out).into();
    }
    if out.contains("(ARRAY[") {
        out = array_casts(&out).into();
    }
    out
}

/// The field of `EXTRACT` is printed bare, whatever its case, and would be folded on the way back; in quotes it keeps its
/// case (manual, 9.9.1).
fn extract_fields(text: &str) -> String {
    const OPEN: &str = "EXTRACT(";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        let (before, after) = rest.split_at(at + OPEN.len());
        out.push_str(before);
        let field = after.split_once(" FROM ").map(|(f, _)| f);
        let bare = |f: &&str| {
            f.chars().all(|c| c.is_ascii_alphabetic() || c == '_') && f.chars().any(|c| c.is_ascii_uppercase())
        };
        rest = match field.filter(bare) {
            Some(field) => {
                out.push_str(&quote::literal(field));
                &after[field.len()..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

/// `(ARRAY[a::x, b::x])::y[]` is printed for an array that is cast as a whole (`IN` over a `varchar` column makes such
/// ones), but read as a cast of each element (`transformTypeCast` in parser/parse_expr.c). A cast to the array's own type
/// in between keeps it whole, and is not stored.
fn array_casts(text: &str) -> String {
    const OPEN: &str = "(ARRAY[";
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(OPEN) {
        out.push_str(&rest[..at]);
        let inside = &rest[at + OPEN.len()..];
        let whole = array_end(inside).and_then(|end| {
            let elements = &inside[..end];
            let after = inside[end..].strip_prefix("])::")?;
            // The cast's type, up to its `[]`.
            let (_, _) = after.split_once("[]")?;
            let element = first_element(elements);
            let own = element.rsplit_once("::")?.1;
            let is_type =
                own.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"' | '(' | ')' | ','));
            (is_type && !own.ends_with(')') || own.ends_with(')') && own.contains('(')).then_some((end, elements, own))
        });
        match whole {
            Some((end, elements, own)) => {
                out.push_str("((ARRAY[");
                out.push_str(elements);
                out.push_str("])::");
                out.push_str(own);
                out.push_str("[])");
                rest = &inside[end + "])".len()..];
            }
            None => {
                out.push_str(OPEN);
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Where the `]` stands that closes an array whose elements begin the text.
fn array_end(text: &str) -> Option<usize> {
    let (mut depth, mut string, mut quoted) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' if !quoted => string = !string,
            '"' if !string => quoted = !quoted,
            _ if string || quoted => {}
            '[' | '(' => depth += 1,
            ']' if depth == 0 => return Some(at),
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn first_element(elements: &str) -> &str {
    let (mut depth, mut string, mut quoted) = (0_usize, false, false);
    for (at, c) in elements.char_indices() {
        match c {
            '\'' if !quoted => string = !string,
            '"' if !string => quoted = !quoted,
            _ if string || quoted => {}
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return &elements[..at],
            _ => {}
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::restated;

    #[test]
    fn keeps_fields_and_arrays_as_they_are_stored() {
        assert_eq!(restated("EXTRACT(YEAR FROM now())"), "EXTRACT('YEAR' FROM now())");
        assert_eq!(restated("EXTRACT(year FROM now())"), "EXTRACT(year FROM now())");
        assert_eq!(
            restated("CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b,]'::character varying])::text[])))"),
            "CHECK (((s)::text = ANY (((ARRAY['a'::character varying, 'b,]'::character varying])::character varying[])::text[])))"
        );
        assert_eq!(restated("(n = ANY (ARRAY[1, 2]))"), "(n = ANY (ARRAY[1, 2]))");
    }
}
