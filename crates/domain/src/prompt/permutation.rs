//! `{a, b {c, d}}`: alternatives, and the map from what they expand to back to what was typed.
//!
//! Alternatives are expanded before anything else is read, so they may stand anywhere, parameters included. Expansion
//! copies pieces of the text and never makes any up, so a place in an expansion is a place in the text.

use super::problem::Problem;
use super::span::{ErrorCode, ParseError, Span};
use super::token::{is_comma, narrow};

/// How deep braces may nest.
const MAX_DEPTH: usize = 32;

/// A prompt whose braces have been read.
pub(super) struct Template<'t> {
    text: &'t str,
    nodes: Vec<Node>,
}

enum Node {
    /// Taken as typed; an escape's backslash lies between two of these.
    Piece(Span),
    /// One of several sequences.
    Choice {
        span: Span,
        alternatives: Vec<Vec<Node>>,
    },
}

impl<'t> Template<'t> {
    /// Reads braces, commas inside them and the escapes `\{ \} \, \\`; wide marks do what the narrow ones do.
    pub(super) fn read(text: &'t str) -> Result<Self, ParseError> {
        let mut open: Vec<OpenBrace> = Vec::new();
        let mut nodes = Vec::new();
        let mut piece_start = 0;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let behind = at + character.len_utf8();
            match narrow(character) {
                '\\' if characters
                    .peek()
                    .is_some_and(|(_, next)| is_escapable(*next)) =>
                {
                    push_piece(&mut nodes, piece_start, at);
                    piece_start = at + 1;
                    characters.next();
                }
                '{' => {
                    push_piece(&mut nodes, piece_start, at);
                    piece_start = behind;
                    if open.len() == MAX_DEPTH {
                        let problem = Problem::TooDeep { most: MAX_DEPTH };
                        let error =
                            ParseError::new(ErrorCode::BadValue, Span::new(at, behind), problem);
                        return Err(error.value(character));
                    }
                    open.push(OpenBrace {
                        at,
                        brace: character,
                        alternatives: Vec::new(),
                        outer: std::mem::take(&mut nodes),
                    });
                }
                ',' if !open.is_empty() => {
                    push_piece(&mut nodes, piece_start, at);
                    piece_start = behind;
                    let alternative = trimmed(text, std::mem::take(&mut nodes));
                    if let Some(brace) = open.last_mut() {
                        brace.alternatives.push(alternative);
                    }
                }
                '}' => {
                    push_piece(&mut nodes, piece_start, at);
                    piece_start = behind;
                    let Some(mut brace) = open.pop() else {
                        return Err(unpaired(at, character));
                    };
                    brace.alternatives.push(trimmed(text, nodes));
                    nodes = brace.outer;
                    nodes.push(Node::Choice {
                        span: Span::new(brace.at, behind),
                        alternatives: brace.alternatives,
                    });
                }
                _ => {}
            }
        }
        if let Some(brace) = open.first() {
            return Err(unpaired(brace.at, brace.brace));
        }
        push_piece(&mut nodes, piece_start, text.len());
        Ok(Self { text, nodes })
    }

    /// How many prompts this expands to; `u64::MAX` stands for that many or more. Nothing is expanded to find out.
    pub(super) fn count(&self) -> u64 {
        count(&self.nodes)
    }

    /// The first braces, if there are any.
    pub(super) fn first_choice(&self) -> Option<Span> {
        self.nodes.iter().find_map(|node| match node {
            Node::Choice { span, .. } => Some(*span),
            Node::Piece(_) => None,
        })
    }

    /// Every expansion, the first braces varying slowest. Ask [`Self::count`] before.
    pub(super) fn expand(&self) -> Vec<Expansion> {
        expand(&self.nodes)
            .into_iter()
            .map(|pieces| Expansion::new(self.text, pieces))
            .collect()
    }
}

struct OpenBrace {
    at: usize,
    /// As it was typed.
    brace: char,
    alternatives: Vec<Vec<Node>>,
    outer: Vec<Node>,
}

fn unpaired(at: usize, brace: char) -> ParseError {
    let problem = Problem::Unpaired { brace };
    let span = Span::new(at, at + brace.len_utf8());
    ParseError::new(ErrorCode::UnclosedBrace, span, problem).value(brace)
}

/// What a backslash before it makes a plain character.
pub(super) fn is_escapable(character: char) -> bool {
    is_comma(character) || matches!(narrow(character), '{' | '}' | '\\')
}

fn push_piece(nodes: &mut Vec<Node>, start: usize, end: usize) {
    if start < end {
        nodes.push(Node::Piece(Span::new(start, end)));
    }
}

/// An alternative without the spaces around it: `{a, b}` is “a” or “b”.
fn trimmed(text: &str, mut nodes: Vec<Node>) -> Vec<Node> {
    if let Some(Node::Piece(first)) = nodes.first_mut() {
        let typed = first.of(text);
        first.start += typed.len() - typed.trim_start().len();
    }
    if let Some(Node::Piece(last)) = nodes.last_mut() {
        last.end = last.start + last.of(text).trim_end().len();
    }
    nodes
}

fn count(nodes: &[Node]) -> u64 {
    nodes.iter().fold(1_u64, |product, node| match node {
        Node::Piece(_) => product,
        Node::Choice { alternatives, .. } => {
            let sum = alternatives
                .iter()
                .fold(0_u64, |sum, nodes| sum.saturating_add(count(nodes)));
            product.saturating_mul(sum)
        }
    })
}

fn expand(nodes: &[Node]) -> Vec<Vec<Span>> {
    let mut expansions = vec![Vec::new()];
    for node in nodes {
        match node {
            Node::Piece(span) => expansions.iter_mut().for_each(|pieces| pieces.push(*span)),
            Node::Choice { alternatives, .. } => {
                let tails: Vec<_> = alternatives
                    .iter()
                    .flat_map(|nodes| expand(nodes))
                    .collect();
                expansions = expansions
                    .iter()
                    .flat_map(|head| {
                        tails
                            .iter()
                            .map(move |tail| [head.as_slice(), tail.as_slice()].concat())
                    })
                    .collect();
            }
        }
    }
    expansions
}

/// One prompt after braces and escapes are gone.
pub(super) struct Expansion {
    /// What is read from here on.
    pub(super) text: String,
    /// Where each piece begins in `text`, and where it stands in the typed text.
    pieces: Vec<(usize, Span)>,
    typed_length: usize,
}

impl Expansion {
    fn new(typed: &str, spans: Vec<Span>) -> Self {
        let mut text = String::new();
        let mut pieces = Vec::with_capacity(spans.len());
        for span in spans.into_iter().filter(|span| span.start < span.end) {
            pieces.push((text.len(), span));
            text.push_str(span.of(typed));
        }
        Self {
            text,
            pieces,
            typed_length: typed.len(),
        }
    }

    /// The place in the typed text of a place in this expansion. What spans several pieces spans all between them.
    pub(super) fn locate(&self, span: Span) -> Span {
        let start = self.locate_byte(span.start);
        if span.end <= span.start {
            return Span::new(start, start);
        }
        Span::new(start, self.locate_byte(span.end - 1) + 1)
    }

    fn locate_byte(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|(start, _)| *start <= at);
        let Some((start, origin)) = index
            .checked_sub(1)
            .and_then(|index| self.pieces.get(index))
        else {
            return self.typed_length;
        };
        (origin.start + (at - start)).min(origin.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expansions(text: &str) -> Vec<String> {
        let template = Template::read(text).unwrap();
        let expansions: Vec<_> = template
            .expand()
            .into_iter()
            .map(|expansion| expansion.text)
            .collect();
        assert_eq!(template.count(), expansions.len() as u64);
        expansions
    }

    #[test]
    fn nested_alternatives_expand_in_reading_order() {
        assert_eq!(
            expansions("a {red, big {dog, cat}} sits"),
            ["a red sits", "a big dog sits", "a big cat sits"]
        );
        assert_eq!(expansions("{1,2}{x,y}"), ["1x", "1y", "2x", "2y"]);
        assert_eq!(expansions("{}"), [""]);
    }

    #[test]
    fn escapes_stand_for_themselves() {
        assert_eq!(expansions(r"{a\, b, c}"), ["a, b", "c"]);
        assert_eq!(expansions(r"\{a, b\} \\ \n"), [r"{a, b} \ \n"]);
    }

    #[test]
    fn wide_marks_do_what_narrow_ones_do() {
        assert_eq!(expansions("｛red，green｝"), ["red", "green"]);
        assert_eq!(
            expansions("a ｛红， 大{狗,猫}｝ b"),
            ["a 红 b", "a 大狗 b", "a 大猫 b"]
        );
        assert_eq!(expansions("{a,b｝"), ["a", "b"]);
        assert_eq!(expansions(r"\｛a，b\｝ ｛c\，d｝"), ["｛a，b｝ c，d"]);
        assert_eq!(
            expansions("红，大"),
            ["红，大"],
            "no braces, no alternatives"
        );
    }

    #[test]
    fn a_place_in_an_expansion_is_found_in_the_text() {
        for typed in [r"x {one, two\, three} y", "x ｛一， 二\\，三｝ y"] {
            let template = Template::read(typed).unwrap();
            for expansion in template.expand() {
                for (at, character) in expansion.text.char_indices() {
                    let place = expansion.locate(Span::new(at, at + character.len_utf8()));
                    assert_eq!(place.of(typed), character.to_string());
                }
            }
        }
    }

    #[test]
    fn counting_never_overflows_nor_expands() {
        let text = "{a,b,c,d,e,f,g,h,i,j}".repeat(200);
        assert_eq!(Template::read(&text).unwrap().count(), u64::MAX);
    }

    #[test]
    fn unpaired_braces_are_pointed_at() {
        for (text, at, brace) in [
            ("a {b, c", 2, "{"),
            ("a b} c", 3, "}"),
            ("{a {b}", 0, "{"),
            ("a ｛b，c", 2, "｛"),
            ("a b｝ c", 3, "｝"),
        ] {
            let error = Template::read(text).err().unwrap();
            assert_eq!(
                (error.code, error.span),
                (ErrorCode::UnclosedBrace, Span::new(at, at + brace.len())),
                "{text}"
            );
            assert_eq!(error.value.as_deref(), Some(brace));
        }
        assert_eq!(
            Template::read(&"{".repeat(5000)).err().unwrap().code,
            ErrorCode::BadValue
        );
    }
}
