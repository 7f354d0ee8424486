//! A little of HTML, written so that it is XML as well.

use std::fmt::Write as _;

/// A page as it grows.
#[derive(Debug, Default)]
pub(super) struct Html(pub(super) String);

/// A text, with nothing in it that means something in HTML. What XML cannot carry is shown as its number.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

impl Html {
    /// As it is.
    pub(super) fn raw(&mut self, html: &str) {
        self.0.push_str(html);
        self.0.push('\n');
    }

    pub(super) fn heading(&mut self, level: u8, words: &str) {
        let words = text(words);
        self.raw(&format!("<h{level}>{words}</h{level}>"));
    }

    pub(super) fn paragraph(&mut self, words: &str) {
        let words = text(words);
        self.raw(&format!("<p>{words}</p>"));
    }

    /// Lines of text as they are.
    pub(super) fn verbatim(&mut self, words: &str) {
        let words = text(words);
        self.raw(&format!("<pre>{words}</pre>"));
    }

    /// A table; none where it has no rows.
    pub(super) fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        self.raw("<table>");
        let row = |cells: &mut dyn Iterator<Item = String>, tag: &str| {
            let cells = cells.map(|cell| format!("<{tag}>{}</{tag}>", text(&cell)));
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        let mut names = columns.iter().map(|name| (*name).to_owned());
        let head = row(&mut names, "th");
        self.raw(&format!("<thead>{head}</thead>\n<tbody>"));
        for cells in rows {
            let line = row(&mut cells.iter().cloned(), "td");
            self.raw(&line);
        }
        self.raw("</tbody>\n</table>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_means_anything() {
        assert_eq!(
            text("<script>alert(\"x\")&\u{1}</script>"),
            "&lt;script&gt;alert(&quot;x&quot;)&amp;\\u{1}&lt;/script&gt;"
        );
    }
}
