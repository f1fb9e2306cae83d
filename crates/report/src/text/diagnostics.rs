//! Diagnostics with the source line that they are about.

use super::ink::{Ink, Role, WIDTH, harmless, labelled};
use crate::{View, words};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, NamedSource, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use std::fmt;
use std::io::{self, Write};
use underpin_model::{Diagnostic, Severity, Span};

/// Writes the findings, the gravest first, each with its source line, its notes and its help, and a blank line after
/// it.
///
/// # Errors
/// What the writer reports.
pub fn write_diagnostics(out: &mut dyn Write, diagnostics: &[Diagnostic], view: &View<'_>) -> io::Result<()> {
    let mut order: Vec<&Diagnostic> = diagnostics.iter().collect();
    order.sort_by_key(|d| std::cmp::Reverse(d.severity));
    order.into_iter().try_for_each(|diagnostic| write_one(out, diagnostic, view))
}

fn write_one(out: &mut dyn Write, diagnostic: &Diagnostic, view: &View<'_>) -> io::Result<()> {
    let text = diagnostic.span.as_ref().and_then(|span| (view.source)(&span.file));
    let mark = diagnostic.span.as_ref().zip(text).and_then(|(span, text)| Mark::new(span, text));
    let styles = if view.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme { characters: ThemeCharacters::unicode(), styles })
        .with_links(false)
        .with_width(WIDTH)
        .with_context_lines(1)
        .with_break_words(false)
        .tab_width(4);
    let place_alone = diagnostic.span.as_ref().filter(|_| mark.is_none());
    let mut rendered = String::new();
    let report = Report { diagnostic, message: harmless(&diagnostic.message).into_owned(), mark };
    handler.render_report(&mut rendered, &report).map_err(io::Error::other)?;
    // Where there is a source line the handler ends with a line end of its own.
    writeln!(out, "{}", rendered.trim_end_matches('\n'))?;
    let ink = Ink { color: view.color };
    if let Some(Span { file, line, column, .. }) = place_alone {
        writeln!(out, "    {}", ink.paint(Role::Quiet, &format!("at {file}:{line}:{column}")))?;
    }
    for note in &diagnostic.notes {
        writeln!(out, "{}", labelled("  ", "note: ", note))?;
    }
    if let Some(help) = &diagnostic.help {
        writeln!(out, "{}", labelled("  ", "help: ", help))?;
    }
    writeln!(out)
}

/// Text to be shown with a marked piece.
#[derive(Debug)]
struct Mark {
    source: Placed,
    span: SourceSpan,
}

impl Mark {
    /// None where the span does not fit the text, which was changed since.
    fn new(span: &Span, text: String) -> Option<Self> {
        let marked = text.get(span.start..span.end)?;
        let before = text.get(..span.start)?;
        if before.bytes().filter(|b| *b == b'\n').count() + 1 != span.line {
            return None;
        }
        // A whole statement would fill the screen: its first line says which it is.
        let first = marked.lines().next().unwrap_or_default().trim_end();
        let length = first.len();
        // One byte for another, so that the offsets still hold; what is not ASCII cannot be harmful to a terminal but
        // by the marks that `harmless` knows, which are as long as the sign put in their place.
        let shown: String = text
            .chars()
            .map(|c| match c {
                '\n' | '\t' | '\r' => c,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
                c if c.is_ascii_control() => '?',
                '\u{80}'..='\u{9f}' => '\u{b7}',
                c => c,
            })
            .collect();
        Some(Self {
            source: Placed { source: NamedSource::new(harmless(&span.file), shown), column: span.column },
            span: SourceSpan::new(span.start.into(), length),
        })
    }
}

/// The text, with the column that we count in characters, where `miette` counts in bytes.
#[derive(Debug)]
struct Placed {
    source: NamedSource<String>,
    /// From 1.
    column: usize,
}

impl SourceCode for Placed {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let seen = self.source.read_span(span, before, after)?;
        // The place in the head is read without lines around it.
        let column = if before + after == 0 { self.column.saturating_sub(1) } else { seen.column() };
        let name = self.source.name().to_owned();
        Ok(Box::new(MietteSpanContents::new_named(
            name,
            seen.data(),
            *seen.span(),
            seen.line(),
            column,
            seen.line_count(),
        )))
    }
}

/// A finding in the form that `miette` renders.
#[derive(Debug)]
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    message: String,
    mark: Option<Mark>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        // The severity stands in words too: neither a sign nor a colour says it to everybody.
        let severity = words::severity(self.diagnostic.severity);
        Some(Box::new(format!("{severity}[{}]", self.diagnostic.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.mark.as_ref().map(|mark| &mark.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let mark = self.mark.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, mark.span))))
    }
}
