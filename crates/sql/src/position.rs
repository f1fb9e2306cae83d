//! From bytes to what people and PostgreSQL count: lines, columns, and characters.

/// Where the lines of a text begin, so that each question costs one binary search.
#[derive(Debug, Clone)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// The index of `text`. A line ends at `\n`; a `\r` before it belongs to the line end.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line (from 1) of byte `offset`; of the last byte where it lies beyond the end.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&s| s <= offset.min(self.text.len()))
    }

    /// The line and the column (both from 1; the column in characters) of byte `offset`. An offset inside a character
    /// counts as its first byte; one beyond the end as the end.
    #[must_use]
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line(offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// The text of `line` (from 1) without its line end; nothing where there is no such line.
    #[must_use]
    pub fn line_text(&self, line: usize) -> Option<&'a str> {
        let start = *self.starts.get(line.checked_sub(1)?)?;
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }
}

/// The byte offset of the character that a PostgreSQL error calls `position`: from 1, in characters, in the text of
/// the statement as it was sent (manual, 55.8 "Error and Notice Message Fields", field `P`). Nothing for 0; the length
/// of the text for one past its end, where the server reports "at end of input".
#[must_use]
pub fn byte_of_position(statement: &str, position: usize) -> Option<usize> {
    let index = position.checked_sub(1)?;
    if statement.is_ascii() {
        return Some(index.min(statement.len()));
    }
    Some(statement.char_indices().nth(index).map_or(statement.len(), |(byte, _)| byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "aé\r\nüb\n";
        let index = LineIndex::new(text);
        assert_eq!(index.line_column(0), (1, 1));
        assert_eq!(index.line_column(text.find('\r').unwrap()), (1, 3));
        assert_eq!(index.line_column(text.find('b').unwrap()), (2, 2));
        assert_eq!(index.line_column(2), (1, 2), "inside é");
        assert_eq!(index.line_column(text.len()), (3, 1));
        assert_eq!(index.line_column(999), (3, 1));
        assert_eq!(index.line_text(1), Some("aé"));
        assert_eq!(index.line_text(3), Some(""));
        assert_eq!(index.line_text(4), None);
        assert_eq!(index.line_text(0), None);
    }

    #[test]
    fn positions_of_the_server_become_bytes() {
        assert_eq!(byte_of_position("SELECT x", 8), Some(7));
        assert_eq!(byte_of_position("SELECT 'é', x", 13), Some(13));
        assert_eq!(byte_of_position("SELECT 'é', x", 99), Some(14));
        assert_eq!(byte_of_position("SELECT", 0), None);
    }
}
