//! The chart as a picture: horizontal bars in an SVG file that any browser shows.

use std::fmt::Write;

use super::Chart;

/// The picture of all `charts`, one below the other.
pub(super) fn draw(charts: &[Chart<'_>]) -> String {
    let height: usize = charts.iter().map(panel_height).sum::<usize>() + 2 * MARGIN;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let mut top = MARGIN;
    for chart in charts {
        panel(&mut picture, chart, top);
        top += panel_height(chart);
    }
    picture += "</svg>\n";
    picture
}

/// Width of the picture; all lengths are in its units, pixels unless it is scaled.
const WIDTH: usize = 900;
const MARGIN: usize = 16;
/// Where bars start, to the right of the names.
const BARS_LEFT: usize = 250;
/// The length of the longest bar.
const BARS_WIDTH: usize = 470;
const ROW: usize = 24;
const BAR: usize = 16;
/// Above the bars: title, method, legend.
const HEAD: usize = 76;
/// Below the bars: the scale.
const FOOT: usize = 44;

/// Characters of a name that fit to the left of the bars.
const NAME_CHARS: usize = 30;

/// Characters of the method's line that fit the picture.
const METHOD_CHARS: usize = 125;

fn panel_height(chart: &Chart<'_>) -> usize {
    HEAD + ROW * chart.shares.has.len() + FOOT
}

fn panel(picture: &mut String, chart: &Chart<'_>, top: usize) {
    let shares = &chart.shares;
    let (left, bottom) = (BARS_LEFT, top + HEAD + ROW * shares.has.len());
    let step = grid_step(shares.largest());
    let steps = (shares.largest() / step - 1e-9).ceil().max(1.0) as usize;
    let at = |share: f64| left as f64 + share / (step * steps as f64) * BARS_WIDTH as f64;

    let mut line = |text: String| writeln!(picture, "{text}").expect("a string takes any text");
    let title = escaped(&chart.title);
    line(format!(
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"17\" font-weight=\"bold\">{title}</text>",
        top + 18
    ));
    let method = escaped(&cut(&format!("shares: {}", shares.method), METHOD_CHARS));
    line(format!("<text x=\"{MARGIN}\" y=\"{}\" fill=\"#555555\">{method}</text>", top + 40));
    legend(&mut line, top + 62);

    for n in 0..=steps {
        let (x, share) = (at(step * n as f64), step * n as f64 * 100.0);
        line(format!(
            "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#dddddd\"/>",
            top + HEAD - 4
        ));
        // As many decimals as a step has.
        let decimals = if step < 0.001 { 2 } else { usize::from(step < 0.01) };
        line(format!(
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{share:.decimals$} %</text>",
            bottom + 16
        ));
    }
    for (n, server) in chart.placed.pool.servers.iter().enumerate() {
        let (has, asked) = (shares.has[n], shares.asked[n]);
        let (y, base) = (top + HEAD + ROW * n, top + HEAD + ROW * n + 13);
        let (end, mark) = (at(has), at(asked));
        let name = escaped(&server.name);
        line(format!(
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}<title>{name}</title></text>",
            left - 8,
            escaped(&cut(&server.name, NAME_CHARS))
        ));
        line(format!(
            "<rect x=\"{left}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{HAS}\"/>",
            end - left as f64
        ));
        line(format!(
            "<line x1=\"{mark:.1}\" y1=\"{}\" x2=\"{mark:.1}\" y2=\"{}\" stroke=\"{ASKED}\" stroke-width=\"2.5\"/>",
            y - 2,
            y + BAR + 2
        ));
        line(format!(
            "<text x=\"{:.1}\" y=\"{base}\">{:.2} %</text>",
            end.max(mark) + 8.0,
            has * 100.0
        ));
    }
}

const HAS: &str = "#4878a8";
const ASKED: &str = "#d1495b";

fn legend(line: &mut impl FnMut(String), y: usize) {
    let left = BARS_LEFT;
    line(format!(
        "<rect x=\"{left}\" y=\"{}\" width=\"18\" height=\"11\" fill=\"{HAS}\"/>",
        y - 10
    ));
    line(format!("<text x=\"{}\" y=\"{y}\" fill=\"#555555\">what it has</text>", left + 24));
    let mark = left + 130;
    line(format!(
        "<line x1=\"{mark}\" y1=\"{}\" x2=\"{mark}\" y2=\"{}\" stroke=\"{ASKED}\" stroke-width=\"2.5\"/>",
        y - 12,
        y + 3
    ));
    line(format!(
        "<text x=\"{}\" y=\"{y}\" fill=\"#555555\">what its weight asks for</text>",
        mark + 8
    ));
}

/// The distance of two lines of the grid: the smallest round share of which six or fewer reach
/// `largest`.
fn grid_step(largest: f64) -> f64 {
    const STEPS: [f64; 9] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
    STEPS.into_iter().find(|step| step * 6.0 >= largest).unwrap_or(0.2)
}

/// `text`, its middle left out where it is longer than `chars` characters.
fn cut(text: &str, chars: usize) -> String {
    let count = text.chars().count();
    if count <= chars {
        return text.to_owned();
    }
    let half = (chars - 1) / 2;
    let (head, tail) = (text.chars().take(half), text.chars().skip(count - half));
    head.chain(['…']).chain(tail).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            // XML has no way to write most of them.
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_has_a_few_round_steps() {
        for (largest, step) in [(1.0, 0.2), (0.34, 0.1), (0.3, 0.05), (0.05, 0.01), (0.001, 0.0005)]
        {
            assert!((grid_step(largest) - step).abs() < 1e-12, "{largest}: {}", grid_step(largest));
        }
    }

    #[test]
    fn text_is_safe_in_xml_and_short_enough() {
        assert_eq!(escaped("<a & \"b\">\u{1}"), "&lt;a &amp; &quot;b&quot;&gt;\u{fffd}");
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("a name that is long", 9), "a na…long");
    }
}
