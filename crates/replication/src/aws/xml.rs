//! XML of S3: elements that are read member by member, so that what nobody asked for is known too, and
//! text that is written.

use std::fmt::Write;
use std::mem;

use roxmltree::{Document, Node};

use crate::configuration::{AsRead, Status};

/// The namespace of S3's documents.
pub(super) const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Reads the members of the root element of `text`, which must have this name.
pub(super) fn read<T>(
    text: &str,
    root: &str,
    read: impl FnOnce(Element<'_, '_>) -> T,
) -> Result<T, String> {
    let document = Document::parse(text).map_err(|error| format!("it is no XML: {error}"))?;
    let found = document.root_element();
    let name = found.tag_name().name();
    if name != root {
        return Err(format!("it is a `{name}`, not a `{root}`"));
    }
    Ok(read(Element::of(text, found)))
}

/// An element whose members are taken from it one by one.
pub(super) struct Element<'a, 'i> {
    text: &'i str,
    node: Node<'a, 'i>,
    left: Vec<Node<'a, 'i>>,
    /// XML of the members, at any depth, that are not understood.
    unknown: Vec<String>,
}

impl<'a, 'i> Element<'a, 'i> {
    fn of(text: &'i str, node: Node<'a, 'i>) -> Self {
        let left = node.children().filter(Node::is_element).collect();
        // S3 puts attributes on nothing that is read here.
        let attributes = node.attributes().map(|one| format!("{one:?}"));
        Self {
            text,
            node,
            left,
            unknown: attributes.collect(),
        }
    }

    /// The element as it is written.
    pub(super) fn xml(&self) -> &'i str {
        self.text.get(self.node.range()).unwrap_or_default()
    }

    /// The members with this name.
    pub(super) fn all(&mut self, name: &str) -> Vec<Element<'a, 'i>> {
        let left = mem::take(&mut self.left).into_iter();
        let (found, left): (Vec<_>, _) = left.partition(|node| node.tag_name().name() == name);
        self.left = left;
        let found = found.into_iter();
        found.map(|node| Self::of(self.text, node)).collect()
    }

    /// What `read` makes of the member with this name. A second one with the name is not understood.
    pub(super) fn member<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Element<'a, 'i>) -> T,
    ) -> Option<T> {
        let at = self
            .left
            .iter()
            .position(|node| node.tag_name().name() == name)?;
        let mut member = Self::of(self.text, self.left.remove(at));
        let value = read(&mut member);
        self.unknown.extend(member.end().unknown);
        Some(value)
    }

    /// The text of the member with this name.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.member(name, |member| member.own_text())
    }

    /// The texts of the members with this name.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(text) = self.text(name) {
            texts.push(text);
        }
        texts
    }

    /// The member with this name as a value, where its text is one.
    pub(super) fn value<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.member(name, |member| {
            let value = parse(member.own_text().trim());
            if value.is_none() {
                member.unknown.push(member.xml().to_owned());
            }
            value
        })?
    }

    /// A `Status`. Whatever is not `Enabled` is not in force.
    pub(super) fn status(&mut self) -> Status {
        let status = self.value("Status", |text| match text {
            "Enabled" => Some(Status::Enabled),
            "Disabled" => Some(Status::Disabled),
            _ => None,
        });
        status.unwrap_or(Status::Disabled)
    }

    /// The `Status` of the member with this name.
    pub(super) fn status_of(&mut self, name: &str) -> Option<Status> {
        self.member(name, Self::status)
    }

    fn own_text(&self) -> String {
        let children = self.node.children();
        children.filter_map(|child| child.text()).collect()
    }

    /// XML of what is left, when all that is understood is taken.
    pub(super) fn others(&self) -> impl Iterator<Item = &'i str> {
        let left = self.left.iter();
        left.filter_map(|node| self.text.get(node.range()))
    }

    /// How it was written, when all that is understood is taken.
    pub(super) fn end(self) -> AsRead {
        let others: Vec<_> = self.others().map(str::to_owned).collect();
        let mut unknown = self.unknown;
        unknown.extend(others);
        let xml = self.text.get(self.node.range()).unwrap_or_default();
        AsRead {
            xml: Some(xml.into()),
            unknown,
        }
    }
}

/// A document of S3's with this root, around what `content` writes.
pub(super) fn document(root: &str, content: impl FnOnce(&mut String)) -> String {
    document_in(NAMESPACE, root, content)
}

/// The same in another namespace.
pub(super) fn document_in(
    namespace: &str,
    root: &str,
    content: impl FnOnce(&mut String),
) -> String {
    let mut out = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let start = format!(r#"{root} xmlns="{namespace}""#);
    between(&mut out, &start, root, content);
    out
}

/// An element around what `content` writes.
pub(super) fn element(out: &mut String, name: &str, content: impl FnOnce(&mut String)) {
    between(out, name, name, content);
}

fn between(out: &mut String, start: &str, end: &str, content: impl FnOnce(&mut String)) {
    out.extend(["<", start, ">"]);
    content(out);
    out.extend(["</", end, ">"]);
}

/// An element with this text.
pub(super) fn text(out: &mut String, name: &str, text: &str) {
    element(out, name, |out| escape(out, text));
}

/// An element with this text, where there is one.
pub(super) fn optional(out: &mut String, name: &str, text_of: Option<&str>) {
    if let Some(value) = text_of {
        text(out, name, value);
    }
}

pub(super) const fn word(status: Status) -> &'static str {
    match status {
        Status::Enabled => "Enabled",
        Status::Disabled => "Disabled",
    }
}

/// An element with this `Status`, where there is one.
pub(super) fn status(out: &mut String, name: &str, status: Option<Status>) {
    if let Some(status) = status {
        element(out, name, |out| text(out, "Status", word(status)));
    }
}

/// An element: in the words that it was read in, where those are `still` what it is to say, or else
/// around what `content` writes.
pub(super) fn as_read(
    out: &mut String,
    (name, as_read): (&str, &AsRead),
    still: impl FnOnce(Element<'_, '_>) -> bool,
    content: impl FnOnce(&mut String),
) {
    match &as_read.xml {
        Some(xml) if read(xml, name, still) == Ok(true) => out.push_str(xml),
        _ => element(out, name, content),
    }
}

/// Ends of lines are written as references: a parser makes them all alike. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html#object-key-xml-related-constraints>.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' | '\n' | '\u{85}' | '\u{2028}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "&#x{:X};", u32::from(c));
            }
            c => out.push(c),
        }
    }
}
