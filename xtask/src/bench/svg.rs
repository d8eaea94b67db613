//! A drawing in SVG: boxes, lines and words at places given in pixels, and nothing else.

use std::fmt::Write as _;

/// A drawing that grows from back to front.
#[derive(Debug)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

impl Svg {
    /// An empty one on white paper, so that it reads on a dark page as well. `title` is what it is
    /// called where it cannot be seen.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self { width, height, body: String::new() };
        svg.push(format_args!("<title>{}</title>", escape(title)));
        svg.rect(0.0, 0.0, width, height, "#ffffff");
        svg
    }

    /// A filled box, its upper left corner first.
    pub(crate) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.push(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"{}\"/>",
            escape(fill)
        ));
    }

    /// A line from one place to another.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        self.push(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{}\" \
             stroke-width=\"{width}\"/>",
            from.0,
            from.1,
            to.0,
            to.1,
            escape(stroke)
        ));
    }

    /// A diamond around a place, white with an outline.
    pub(crate) fn diamond(&mut self, (x, y): (f64, f64), radius: f64, stroke: &str) {
        let (left, right, top, bottom) = (x - radius, x + radius, y - radius, y + radius);
        self.push(format_args!(
            "<path d=\"M{left:.1} {y:.1}L{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}Z\" \
             fill=\"#ffffff\" stroke=\"{}\" stroke-width=\"1.5\"/>",
            escape(stroke)
        ));
    }

    /// A ring around a place, white inside.
    pub(crate) fn ring(&mut self, (x, y): (f64, f64), radius: f64, stroke: &str) {
        self.push(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"#ffffff\" \
             stroke=\"{}\" stroke-width=\"1.5\"/>",
            escape(stroke)
        ));
    }

    /// Words whose base line is at a place.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, words: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.push(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{}</text>",
            escape(words)
        ));
    }

    /// The file.
    pub(crate) fn finish(self) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
             font-family=\"'DejaVu Sans', Verdana, Arial, sans-serif\" fill=\"#222222\">\n\
             {body}</svg>\n"
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }
}

/// Text as it stands in an element or an attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no word for other control characters.
            '\n' | '\t' => escaped.push(' '),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        let cases = [
            ("plain, 1.5", "plain, 1.5"),
            ("a < b & \"c\" > d", "a &lt; b &amp; &quot;c&quot; &gt; d"),
            ("&amp;", "&amp;amp;"),
            ("two\nlines\0", "two lines"),
        ];
        for (text, escaped) in cases {
            assert_eq!(escape(text), escaped, "{text:?}");
        }
        let mut svg = Svg::new(10.0, 10.0, "</title><script>");
        svg.text((1.0, 2.0), Anchor::Start, 12.0, "</text>");
        let text = svg.finish();
        assert!(!text.contains("<script>") && text.matches("</text>").count() == 1, "{text}");
    }

    #[test]
    fn every_element_is_closed() {
        let mut svg = Svg::new(10.0, 10.0, "all of them");
        svg.rect(0.0, 0.0, 1.0, 1.0, "red");
        svg.line((0.0, 0.0), (1.0, 1.0), "red", 1.0);
        svg.diamond((1.0, 1.0), 1.0, "red");
        svg.ring((1.0, 1.0), 1.0, "red");
        svg.text((1.0, 1.0), Anchor::End, 12.0, "words");
        for line in svg.finish().lines().skip(1) {
            assert!(line.ends_with("/>") || line.contains("</"), "{line}");
        }
    }
}
