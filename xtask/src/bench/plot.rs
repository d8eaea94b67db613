//! The plots: one bar a timed scenario, the proxy's figure as a part or a multiple of the original's.

use super::goal::Bound;
use super::results::Results;
use super::samples::{Figure, Timed};
use super::spread::Spread;
use super::svg::{Anchor, Svg};
use super::target::Target;

/// A plot: its file, and what it shows.
#[derive(Debug)]
pub(crate) struct Plot {
    /// The file's name.
    pub(crate) file: &'static str,
    /// What is over it, and what is told where it cannot be seen.
    pub(crate) title: &'static str,
    /// Which way is good, in a few words.
    hint: &'static str,
    figure: Figure,
    /// The figure's part of a scenario's goals.
    goal: &'static str,
}

/// All plots, in the order of the page.
pub(crate) const PLOTS: &[Plot] = &[
    Plot {
        file: "cpu.svg",
        title: "CPU time a request, to the original's",
        hint: "less is better",
        figure: |sample| sample.cpu,
        goal: "CPU a request",
    },
    Plot {
        file: "rate.svg",
        title: "Requests a second, to the original's",
        hint: "more is better",
        figure: |sample| Some(sample.rate),
        goal: "requests/s",
    },
    Plot {
        file: "p99.svg",
        title: "Latency that one request in a hundred passes, to the original's",
        hint: "less is better",
        figure: |sample| sample.p99,
        goal: "p99",
    },
];

/// A sign at a place.
type Draw = fn(&mut Svg, (f64, f64));

/// The signs of the targets that have no bar.
const MARKS: &[(Target, Draw)] = &[
    (Target::Haproxy, |svg, at| svg.diamond(at, 5.0, INK)),
    (Target::Predixy, |svg, at| svg.ring(at, 4.5, INK)),
];

/// Where things are, in pixels.
const WIDTH: f64 = 860.0;
const LABELS: f64 = 270.0;
const VALUES: f64 = 120.0;
const LEGEND: f64 = 52.0;
const TOP: f64 = 76.0;
const ROW: f64 = 26.0;
const BOTTOM: f64 = 34.0;

/// Ratios above this are cut; their values are in words beside them.
const RATIO_MAX: f64 = 3.0;

const GOOD: &str = "#2f7f9f";
const MISSED: &str = "#d5792b";
const INK: &str = "#222222";
const GRID: &str = "#dddddd";

impl Plot {
    /// Draws the rows of `results` that have the figure.
    pub(crate) fn draw(&self, results: &Results) -> String {
        let rows: Vec<(&Timed, Spread)> = results
            .timed
            .iter()
            .filter_map(|row| Some((row, to_original(row, Target::Proxy, self.figure)?)))
            .collect();
        let marks = rows.iter().flat_map(|(row, _)| {
            MARKS.iter().filter_map(|(target, _)| to_original(row, *target, self.figure))
        });
        let ratios = rows.iter().map(|(_, ratio)| *ratio).chain(marks);
        let largest = ratios.map(|ratio| ratio.median).fold(1.2, f64::max);
        let scale = Scale::up_to(largest.min(RATIO_MAX));
        let bottom = TOP + ROW * rows.len() as f64;
        let mut svg = Svg::new(WIDTH, bottom + BOTTOM, self.title);
        svg.text((16.0, 26.0), Anchor::Start, 16.0, self.title);
        let cut = if largest > RATIO_MAX { format!("; cut at {RATIO_MAX}") } else { String::new() };
        svg.text((16.0, LEGEND), Anchor::Start, 12.0, &format!("{}{cut}", self.hint));
        draw_legend(&mut svg, results);
        for (at, label) in scale.ticks() {
            svg.line((scale.x(at), TOP), (scale.x(at), bottom), GRID, 1.0);
            svg.text((scale.x(at), bottom + 18.0), Anchor::Middle, 12.0, &label);
        }
        for (index, (row, ratio)) in rows.iter().enumerate() {
            self.draw_row(&mut svg, &scale, TOP + ROW * index as f64, row, ratio);
        }
        // The original itself.
        svg.line((scale.x(1.0), TOP), (scale.x(1.0), bottom), INK, 1.5);
        svg.finish()
    }

    fn draw_row(&self, svg: &mut Svg, scale: &Scale, top: f64, row: &Timed, ratio: &Spread) {
        let middle = top + ROW / 2.0;
        let goal = row.goals.iter().find(|goal| goal.figure == self.goal);
        let fill = if goal.is_none_or(|goal| goal.met) { GOOD } else { MISSED };
        svg.text((LABELS - 10.0, middle + 4.0), Anchor::End, 12.0, &row.name);
        let (left, right) = (scale.x(0.0), scale.x(ratio.median));
        svg.rect(left, top + 5.0, right - left, ROW - 10.0, fill);
        svg.line((scale.x(ratio.least), middle), (scale.x(ratio.most), middle), INK, 1.0);
        if let Some(goal) = goal {
            let (Bound::AtMost(bound) | Bound::AtLeast(bound)) = goal.bound;
            let x = scale.x(bound);
            svg.line((x, top + 3.0), (x, top + ROW - 3.0), INK, 3.0);
        }
        for (target, draw) in MARKS {
            if let Some(ratio) = to_original(row, *target, self.figure) {
                draw(svg, (scale.x(ratio.median), middle));
            }
        }
        let words = format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.least, ratio.most);
        svg.text((WIDTH - VALUES, middle + 4.0), Anchor::Start, 11.0, &words);
    }
}

/// What the signs are.
fn draw_legend(svg: &mut Svg, results: &Results) {
    let mut x = LABELS + 96.0;
    let mut entry = |svg: &mut Svg, words: &str, width: f64, sign: &dyn Fn(&mut Svg, f64)| {
        sign(svg, x);
        svg.text((x + 14.0, LEGEND), Anchor::Start, 12.0, words);
        x += width;
    };
    entry(svg, "met", 52.0, &|svg, x| svg.rect(x - 2.0, LEGEND - 10.0, 12.0, 12.0, GOOD));
    entry(svg, "not met", 76.0, &|svg, x| svg.rect(x - 2.0, LEGEND - 10.0, 12.0, 12.0, MISSED));
    entry(svg, "to reach", 82.0, &|svg, x| {
        svg.line((x + 4.0, LEGEND - 12.0), (x + 4.0, LEGEND + 4.0), INK, 3.0);
    });
    entry(svg, "least to most", 112.0, &|svg, x| {
        svg.line((x - 4.0, LEGEND - 4.0), (x + 10.0, LEGEND - 4.0), INK, 1.0);
    });
    for (target, draw) in MARKS.iter().filter(|(target, _)| results.has(*target)) {
        entry(svg, target.name(), 76.0, &|svg, x| draw(svg, (x + 4.0, LEGEND - 4.0)));
    }
}

/// The ratio of a figure of `target` to that of the original in the same round.
fn to_original(row: &Timed, target: Target, figure: Figure) -> Option<Spread> {
    let of = |target| row.targets.iter().find(|visits| visits.target == target);
    of(target)?.ratio(of(Target::Original)?, figure)
}

/// From ratios to places.
#[derive(Debug)]
struct Scale {
    most: f64,
    step: f64,
}

impl Scale {
    /// One that ends at or a little above `largest`.
    fn up_to(largest: f64) -> Self {
        let step = if largest > 1.5 { 0.5 } else { 0.25 };
        Self { most: (largest / step).ceil() * step, step }
    }

    /// The place of a ratio; one beyond the end is at the end.
    fn x(&self, ratio: f64) -> f64 {
        const GAP: f64 = 12.0;
        let width = WIDTH - VALUES - GAP - LABELS;
        LABELS + ratio.clamp(0.0, self.most) / self.most * width
    }

    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let (count, step) = ((self.most / self.step).round() as usize, self.step);
        (0..=count).map(move |index| index as f64 * step).map(|at| (at, format!("{at}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::results;

    #[test]
    fn every_plot_shows_every_row_that_has_the_figure() {
        let results = results();
        for plot in PLOTS {
            let text = plot.draw(&results);
            assert!(text.contains(&results.timed[0].name), "{}: {text}", plot.file);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{}: {text}", plot.file);
        }
    }

    #[test]
    fn a_figure_to_reach_that_is_missed_looks_different() {
        let mut results = results();
        let bars = |results: &Results| PLOTS[0].draw(results).matches(MISSED).count();
        // One box is the legend's.
        assert_eq!(bars(&results), 1);
        results.timed[0].goals[0].met = false;
        assert_eq!(bars(&results), 2);
    }

    #[test]
    fn a_plot_of_no_rows_is_still_a_drawing() {
        let mut results = results();
        results.timed.clear();
        let text = PLOTS[0].draw(&results);
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"), "{text}");
    }

    #[test]
    fn ratios_stay_on_the_paper() {
        for largest in [1.2, 1.4, 1.51, 3.0] {
            let scale = Scale::up_to(largest);
            assert!(scale.most >= largest, "{scale:?}");
            let (last, _) = scale.ticks().last().expect("a tick");
            assert!((last - scale.most).abs() < 1e-9, "{scale:?} ends its ticks at {last}");
            for ratio in [-1.0, 0.0, 1.0, 99.0] {
                let x = scale.x(ratio);
                assert!((LABELS..WIDTH - VALUES).contains(&x), "{ratio} is at {x}");
            }
        }
    }
}
