//! From YAML to a tree of names and texts, each with its place in the file.
//!
//! The tree is two levels deep, because the file is: sections (pools, and `global`) and their
//! entries. YAML that is more than that is reported and left out of the tree: documents, anchors,
//! aliases, tags, flow style, deeper nesting, empty values. What the names and texts mean is left
//! to [`pool`](super::pool).

use saphyr_parser::{Event, Marker, Parser, ScanError, Span, StrInput};

use super::dialect;
use super::error::{Position, Problem};
use super::fault::Fault;
use super::global;

/// The file as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What stands at the left margin, in the order of the file; whole sections only.
    pub(super) sections: Vec<Section>,
    /// What the tree leaves out, and why.
    pub(super) problems: Vec<Problem>,
    /// Where the file stops being YAML, if it does. Nothing behind it was read.
    pub(super) broken: Option<Problem>,
}

impl Document {
    /// Calls `f` for every position in the document.
    pub(super) fn for_each_position(&mut self, mut f: impl FnMut(&mut Position)) {
        for problem in self.problems.iter_mut().chain(&mut self.broken) {
            f(&mut problem.at);
        }
        for section in &mut self.sections {
            f(&mut section.name.at);
            for entry in &mut section.entries {
                f(&mut entry.key.at);
                match &mut entry.value {
                    Value::Text(text) => f(&mut text.at),
                    Value::List(items) => items.iter_mut().for_each(|item| f(&mut item.at)),
                    Value::Faulty => {}
                }
            }
        }
    }
}

/// A name at the left margin, and the entries below it.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: Text,
    pub(super) entries: Vec<Entry>,
}

impl Section {
    /// The text that is the value of `key`, if there is one.
    pub(super) fn text(&self, key: &str) -> Option<&Text> {
        self.entries.iter().find(|entry| entry.key.text == key).and_then(|entry| {
            match &entry.value {
                Value::Text(text) => Some(text),
                Value::List(_) | Value::Faulty => None,
            }
        })
    }
}

/// A key of a section, and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Text,
    pub(super) value: Value,
}

/// The value of a key.
#[derive(Debug)]
pub(super) enum Value {
    /// Text, not empty.
    Text(Text),
    /// A list of texts, each not empty.
    List(Vec<Text>),
    /// Something that is a problem already reported.
    Faulty,
}

impl Value {
    /// Whether the value is this text.
    pub(super) fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(value) if value.text == text)
    }
}

/// A YAML scalar: always text, whatever it looks like, quoted or not.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) at: Position,
}

/// Reads `text`, the whole file.
pub(super) fn read(text: &str) -> Document {
    let text = &dialect::translate(text);
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        chars: text.chars().collect(),
        tab_lines: Vec::new(),
        document: Document::default(),
    };
    if let Err(error) = reader.stream() {
        reader.document.broken = Some(Problem::new(
            position(*error.marker()),
            Fault::Yaml { words: plain_words(error.info()).to_owned() },
        ));
    }
    reader.document.problems.extend(tabs_indent(&reader.tab_lines));
    reader.document
}

/// The problem of the tabs that indent, the first of each line being at one of `places`.
pub(super) fn tabs_indent(places: &[Position]) -> Option<Problem> {
    let mut lines: Vec<usize> = places.iter().map(|at| at.line).collect();
    lines.dedup();
    Some(Problem::new(*places.first()?, Fault::TabIndent { lines: ranges(&lines) }))
}

/// `lines`, ascending, in words: `line 1`, `lines 1-12`, `lines 2, 4-5`.
fn ranges(lines: &[usize]) -> String {
    let noun = if lines.len() == 1 { "line" } else { "lines" };
    let runs: Vec<String> = lines
        .chunk_by(|a, b| a + 1 == *b)
        .map(|run| match run {
            [first, .., last] => format!("{first}-{last}"),
            _ => run[0].to_string(),
        })
        .collect();
    format!("{noun} {}", runs.join(", "))
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// The file by character, as the events' positions count: they tell no flow from block style.
    chars: Vec<char>,
    /// The first tab of each line that is indented by one, as far as the scanner lets that pass.
    tab_lines: Vec<Position>,
    document: Document,
}

impl<'a> Reader<'a> {
    /// Reads all documents; only the first may be there.
    fn stream(&mut self) -> Result<(), ScanError> {
        let mut documents = 0;
        while let Some(event) = self.events.next_event() {
            let (event, span) = event?;
            match event {
                Event::DocumentStart(marked) => {
                    documents += 1;
                    // A second document without a mark follows the end mark of the first, which
                    // has been reported.
                    if marked {
                        self.report(span.start, Fault::DocumentMark { mark: "---" });
                    }
                }
                Event::DocumentEnd => {
                    if self.char_at(span.start) == Some('.') {
                        self.report(span.start, Fault::DocumentMark { mark: "..." });
                    }
                }
                Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
                root if documents == 1 => self.root(root, span)?,
                root => self.skip(&root)?,
            }
        }
        if documents == 0 {
            self.document.problems.push(Problem::new(START, Fault::NoPools));
        }
        Ok(())
    }

    /// Reads the document's one node, which `event` opens.
    fn root(&mut self, event: Event<'_>, span: Span) -> Result<(), ScanError> {
        self.check_plain(&event, span);
        match event {
            Event::MappingStart(..) if self.is_flow(span) => self.skip(&event),
            Event::MappingStart(..) => {
                while let Some(name) = self.key()? {
                    self.section(name)?;
                }
                Ok(())
            }
            Event::Scalar(found, ..) => {
                // `---` and nothing more is an empty scalar.
                let fault = match found.as_ref() {
                    "" => Fault::NoPools,
                    found => Fault::TopScalar { found: found.to_owned() },
                };
                self.report(span.start, fault);
                Ok(())
            }
            Event::SequenceStart(..) if !self.is_flow(span) => {
                self.report(span.start, Fault::TopList);
                self.skip(&event)
            }
            event => self.skip(&event),
        }
    }

    /// Reads what stands below the section's name.
    fn section(&mut self, name: Text) -> Result<(), ScanError> {
        let (event, span) = self.next()?;
        self.check_plain(&event, span);
        let is_pool_key = super::pool::NAMES.contains(&name.text.as_str());
        match event {
            Event::MappingStart(..) if self.is_flow(span) => self.skip(&event),
            Event::MappingStart(..) => {
                let reported = self.document.problems.len();
                let mut entries = Vec::new();
                while let Some(key) = self.key()? {
                    let value = self.value(&key)?;
                    entries.push(Entry { key, value });
                }
                let section = Section { name, entries };
                if !global::is_global(&section) {
                    for problem in &mut self.document.problems[reported..] {
                        problem.pool = Some(section.name.text.clone());
                    }
                }
                self.document.sections.push(section);
                Ok(())
            }
            // Keys that should be indented and are not: their value may be text, a list or missing.
            event if is_pool_key => {
                let fault = Fault::KeyAtMargin { key: name.text };
                self.document.problems.push(Problem::new(name.at, fault));
                self.skip(&event)
            }
            Event::Scalar(found, ..) => {
                let fault = match found.as_ref() {
                    "" => Fault::EmptyPool,
                    found => Fault::PoolIsText { found: found.to_owned() },
                };
                self.document.problems.push(Problem::of_pool(&name.text, name.at, fault));
                Ok(())
            }
            Event::SequenceStart(..) if !self.is_flow(span) => {
                let fault = Fault::PoolIsList;
                self.document.problems.push(Problem::of_pool(&name.text, name.at, fault));
                self.skip(&event)
            }
            event => self.skip(&event),
        }
    }

    /// Reads the value of `key`, a key of a section.
    fn value(&mut self, key: &Text) -> Result<Value, ScanError> {
        let (event, span) = self.next()?;
        let plain = self.check_plain(&event, span);
        match event {
            Event::Scalar(text, ..) if !text.is_empty() => {
                return Ok(Value::Text(Text { text: text.into_owned(), at: position(span.start) }));
            }
            Event::Scalar(..) if plain => {
                let fault = Fault::EmptyValue { key: key.text.clone() };
                self.document.problems.push(Problem::new(key.at, fault));
            }
            Event::SequenceStart(..) if !self.is_flow(span) => return self.items(),
            Event::MappingStart(..) if !self.is_flow(span) => {
                self.report(span.start, Fault::NestedMapping { key: key.text.clone() });
                self.skip(&event)?;
            }
            event => self.skip(&event)?,
        }
        Ok(Value::Faulty)
    }

    /// Reads the items of a list, up to its end.
    fn items(&mut self) -> Result<Value, ScanError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let plain = self.check_plain(&event, span);
            match event {
                Event::SequenceEnd => return Ok(Value::List(items)),
                Event::Scalar(text, ..) if !text.is_empty() => {
                    items.push(Text { text: text.into_owned(), at: position(span.start) });
                }
                Event::Scalar(..) if plain => self.report(span.start, Fault::EmptyItem),
                Event::SequenceStart(..) | Event::MappingStart(..) if !self.is_flow(span) => {
                    self.report(span.start, Fault::ItemNotText);
                    self.skip(&event)?;
                }
                event => self.skip(&event)?,
            }
        }
    }

    /// Reads the next key of a mapping; `None` at its end. Keys that are no text are reported and
    /// left out with their values.
    fn key(&mut self) -> Result<Option<Text>, ScanError> {
        loop {
            let (event, span) = self.next()?;
            let plain = self.check_plain(&event, span);
            match event {
                Event::MappingEnd => return Ok(None),
                Event::Scalar(text, ..) if !text.is_empty() => {
                    return Ok(Some(Text { text: text.into_owned(), at: position(span.start) }));
                }
                Event::Scalar(..) if plain => self.report(span.start, Fault::EmptyKey),
                event => {
                    if plain {
                        self.report(span.start, Fault::KeyNotText);
                    }
                    self.skip(&event)?;
                }
            }
            let (value, _) = self.next()?;
            self.skip(&value)?;
        }
    }

    /// Skips the rest of the node that `event` opens, however deep it is.
    fn skip(&mut self, event: &Event<'_>) -> Result<(), ScanError> {
        let mut depth = depth_change(event);
        while depth > 0 {
            depth += depth_change(&self.next()?.0);
        }
        Ok(())
    }

    /// Reports flow style, anchors, aliases and tags of the node that `event` opens, and says
    /// whether there were none.
    fn check_plain(&mut self, event: &Event<'_>, span: Span) -> bool {
        let reported = self.document.problems.len();
        if matches!(event, Event::Scalar(text, ..) if !text.is_empty()) {
            self.check_indent(span.start);
        }
        let (anchor, tag) = match event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(anchor, tag)
            | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            Event::Alias(_) => {
                self.report(span.start, Fault::Alias);
                (0, false)
            }
            _ => (0, false),
        };
        if anchor != 0 {
            self.report(span.start, Fault::Anchor);
        }
        if tag {
            self.report(span.start, Fault::Tag);
        }
        match event {
            Event::MappingStart(..) if self.is_flow(span) => {
                self.report(span.start, Fault::FlowMapping);
            }
            Event::SequenceStart(..) if self.is_flow(span) => {
                self.report(span.start, Fault::FlowList);
            }
            _ => {}
        }
        self.document.problems.len() == reported
    }

    /// Notes a tab before the text at `start` if it indents the line. The scanner takes one behind
    /// spaces for a space, which may put a key where its author does not see it.
    fn check_indent(&mut self, start: Marker) {
        let line = &self.chars[start.index() - start.col()..start.index()];
        let indent = line.iter().take_while(|c| matches!(c, ' ' | '\t'));
        if let Some(tab) = indent.clone().position(|&c| c == '\t') {
            self.tab_lines.push(Position { line: start.line(), column: tab + 1 });
        }
    }

    /// Whether the mapping or list at `span` is written in braces or brackets.
    fn is_flow(&self, span: Span) -> bool {
        matches!(self.char_at(span.start), Some('{' | '['))
    }

    fn char_at(&self, marker: Marker) -> Option<char> {
        self.chars.get(marker.index()).copied()
    }

    fn report(&mut self, at: Marker, fault: Fault) {
        self.document.problems.push(Problem::new(position(at), fault));
    }

    /// The next event of a document, which the reader keeps from ending early: a node that was
    /// opened is closed, or there is an error before.
    fn next(&mut self) -> Result<(Event<'a>, Span), ScanError> {
        self.events.next_event().expect("a document ends before its stream")
    }
}

/// What `event` adds to the depth of nesting.
fn depth_change(event: &Event<'_>) -> i32 {
    match event {
        Event::SequenceStart(..) | Event::MappingStart(..) => 1,
        Event::SequenceEnd | Event::MappingEnd => -1,
        _ => 0,
    }
}

/// The beginning of the file.
pub(super) const START: Position = Position { line: 1, column: 1 };

fn position(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// The scanner's words, or better ones where its own would puzzle an operator.
fn plain_words(words: &str) -> &str {
    if words.contains("mapping values are not allowed") {
        "there is a second key on this line, or the lines before it are indented differently; \
         text that ends in a colon, or holds one and a space, goes in quotes"
    } else if words.contains("simple key expect ':'") {
        "a line without a key; a key ends in a colon and a space"
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_listed_as_ranges() {
        for (lines, words) in
            [(&[3][..], "line 3"), (&[1, 2, 3], "lines 1-3"), (&[2, 4, 5, 9], "lines 2, 4-5, 9")]
        {
            assert_eq!(ranges(lines), words);
        }
    }
}
