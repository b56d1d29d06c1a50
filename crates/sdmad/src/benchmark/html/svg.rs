//! Pictures as inline SVG. Colours, types and strokes are the style sheet's.

use std::fmt::Write as _;

use super::super::labels::{short, signed};

/// Width of a character in a wide typeface, in units of a picture.
const CHARACTER: f64 = 8.2;

/// A value with its interval, of the series with this class.
pub(super) struct Point {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) few: bool,
}

/// Text that is safe inside an element or an attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The drawing area of a picture and what its edges mean.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Frame {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| (value.clamp(low, high) - low) / (high - low);
        (self.left + self.width * part(x, self.x), self.top + self.height * (1.0 - part(y, self.y)))
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

struct Picture {
    body: String,
    width: f64,
    height: f64,
    about: String,
}

impl Picture {
    fn new(width: f64, height: f64, about: &str) -> Self {
        Picture { body: String::new(), width, height, about: escape(about) }
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let _ =
            write!(self.body, "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
    }

    fn text(&mut self, class: &str, anchor: &str, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        let _ = write!(
            self.body,
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }

    /// Text along the y axis.
    fn upright(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        let _ = write!(
            self.body,
            "<text class=\"soft\" text-anchor=\"middle\" transform=\"translate({x:.1} {y:.1}) rotate(-90)\">{text}</text>"
        );
    }

    fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        let _ = write!(self.body, "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
    }

    fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let text: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(self.body, "<polyline class=\"line {class}\" points=\"{}\"/>", text.join(" "));
    }

    fn rectangle(&mut self, class: &str, (x, y): (f64, f64), width: f64, height: f64) {
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }

    fn finish(self) -> String {
        format!(
            "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {:.0} {:.0}\">{}</svg>",
            self.about, self.width, self.height, self.body
        )
    }
}

/// Round numbers between two ends.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let span = high - low;
    let step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].into_iter().find(|s| span / s <= 6.5).unwrap_or(1.0);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Values and both ends of intervals.
fn ends<'a>(points: impl Iterator<Item = &'a Point>) -> impl Iterator<Item = f64> {
    points.flat_map(|p| [p.value, p.interval.map_or(p.value, |i| i.0), p.interval.map_or(p.value, |i| i.1)])
}

/// An axis that holds all points, with ends at tenths and chance inside.
fn scale<'a>(points: impl Iterator<Item = &'a Point>, chance: f64) -> (f64, f64) {
    let (low, high) = ends(points).fold((chance, chance), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
    let (low, high) = ((low * 10.0).floor() / 10.0, (high * 10.0).ceil() / 10.0);
    (low, if high - low < 0.1 { low + 0.1 } else { high })
}

/// How wide a label comes out at most.
fn width_of<'a>(labels: impl Iterator<Item = &'a str>) -> f64 {
    labels.map(|l| l.chars().count()).max().unwrap_or(0) as f64 * CHARACTER
}

/// Rows of horizontal bars that start at chance, with intervals: one block for each label.
pub(super) fn bars(blocks: &[(String, Vec<Point>)], axis: &str) -> String {
    const ROW: f64 = 20.0;
    const GAP: f64 = 14.0;
    let rows: usize = blocks.iter().map(|(_, p)| p.len()).sum();
    let height = rows as f64 * ROW + blocks.len() as f64 * GAP;
    let frame = Frame {
        left: 170.0,
        top: 10.0,
        width: 590.0,
        height,
        x: scale(blocks.iter().flat_map(|(_, p)| p), 0.5),
        y: (0.0, 1.0),
    };
    // Behind the bars stand their values and names.
    let names = width_of(blocks.iter().flat_map(|(_, p)| p.iter().map(|p| p.name.as_str()))) + 70.0;
    let mut picture = Picture::new(frame.right() + names, height + 62.0, &format!("Bars with intervals: {axis}"));
    for tick in ticks(frame.x) {
        let x = frame.at(tick, 0.0).0;
        picture.line("grid", (x, frame.top), (x, frame.bottom()));
        picture.text("soft", "middle", (x, frame.bottom() + 18.0), &short(tick));
    }
    picture.text("soft", "middle", (frame.left + frame.width / 2.0, frame.bottom() + 42.0), axis);
    let chance = frame.at(0.5, 0.0).0;
    let mut y = frame.top + GAP / 2.0;
    for (label, points) in blocks {
        let middle = y + points.len() as f64 * ROW / 2.0 + 4.5;
        picture.text("strong", "end", (frame.left - 14.0, middle), label);
        for point in points {
            let x = frame.at(point.value, 0.0).0;
            let few = if point.few { " few" } else { "" };
            picture.rectangle(
                &format!("bar {}{few}", point.class),
                (x.min(chance), y + 2.5),
                (x - chance).abs().max(1.0),
                ROW - 5.0,
            );
            if let Some((low, high)) = point.interval {
                let center = y + ROW / 2.0;
                let (low, high) = (frame.at(low, 0.0).0, frame.at(high, 0.0).0);
                picture.line("whisker", (low, center), (high, center));
                picture.line("whisker", (low, center - 4.0), (low, center + 4.0));
                picture.line("whisker", (high, center - 4.0), (high, center + 4.0));
            }
            let mark = if point.few { "*" } else { "" };
            let text = format!("{}{mark}  {}", short(point.value), point.name);
            picture.text("", "start", (frame.right() + 14.0, y + ROW / 2.0 + 4.5), &text);
            y += ROW;
        }
        y += GAP;
    }
    picture.line("axis", (chance, frame.top), (chance, frame.bottom()));
    picture.finish()
}

/// Lines over the number of shots, `[(class, [(position, point)])]`, positions being those of `shots`.
pub(super) fn over_shots(title: &str, shots: &[usize], lines: &[(String, Vec<(usize, Point)>)]) -> String {
    let last = shots.len().max(2) as f64 - 1.0;
    let frame = Frame {
        left: 62.0,
        top: 30.0,
        width: 320.0,
        height: 220.0,
        x: (-0.25, last + 0.25),
        y: scale(lines.iter().flat_map(|(_, l)| l.iter().map(|(_, p)| p)), 0.5),
    };
    let mut picture = Picture::new(400.0, 306.0, &format!("{title}: AUROC over shots"));
    picture.text("strong", "start", (frame.left, 18.0), title);
    grid(&mut picture, &frame, &[], "images of each category to learn from, K", "AUROC");
    for (at, k) in shots.iter().enumerate() {
        let x = frame.at(at as f64, 0.0).0;
        picture.text("soft", "middle", (x, frame.bottom() + 18.0), &k.to_string());
    }
    let count = lines.len() as f64;
    for (number, (class, line)) in lines.iter().enumerate() {
        // Side by side, so that intervals do not hide one another.
        let aside = 0.05 * (number as f64 - (count - 1.0) / 2.0);
        let place = |at: usize, value: f64| frame.at(at as f64 + aside, value);
        picture.path(class, &line.iter().map(|(at, p)| place(*at, p.value)).collect::<Vec<_>>());
        for (at, point) in line {
            if let Some((low, high)) = point.interval {
                picture.line(&format!("interval {class}"), place(*at, low), place(*at, high));
            }
            picture.dot(class, place(*at, point.value), 4.0);
        }
    }
    picture.finish()
}

/// Grid, axis labels and the line of chance where it is inside.
fn grid(picture: &mut Picture, frame: &Frame, across: &[f64], x_label: &str, y_label: &str) {
    for tick in ticks(frame.y) {
        let y = frame.at(frame.x.0, tick).1;
        picture.line("grid", (frame.left, y), (frame.right(), y));
        picture.text("soft", "end", (frame.left - 8.0, y + 4.5), &short(tick));
    }
    for &tick in across {
        let x = frame.at(tick, frame.y.0).0;
        picture.line("grid", (x, frame.top), (x, frame.bottom()));
        picture.text("soft", "middle", (x, frame.bottom() + 18.0), &short(tick));
    }
    picture.line("axis", (frame.left, frame.bottom()), (frame.right(), frame.bottom()));
    picture.text("soft", "middle", (frame.left + frame.width / 2.0, frame.bottom() + 42.0), x_label);
    picture.upright((16.0, frame.top + frame.height / 2.0), y_label);
}

/// What is drawn on the unit square.
pub(super) struct Unit<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Whether the diagonal is drawn.
    pub(super) diagonal: bool,
    /// Whether points are drawn as dots of this size, with a line between them.
    pub(super) dots: bool,
}

/// A class, and points with the sizes of their dots in 0 … 1: `[(x, y, size)]`.
pub(super) type Line = (String, Vec<(f64, f64, f64)>);

/// Lines on the unit square.
pub(super) fn unit(what: &Unit<'_>, lines: &[Line]) -> String {
    let frame = Frame { left: 62.0, top: 30.0, width: 300.0, height: 300.0, x: (0.0, 1.0), y: (0.0, 1.0) };
    let mut picture = Picture::new(380.0, 386.0, what.title);
    picture.text("strong", "start", (frame.left, 18.0), what.title);
    grid(&mut picture, &frame, &ticks((0.0, 1.0)), what.x, what.y);
    if what.diagonal {
        picture.line("chance", frame.at(0.0, 0.0), frame.at(1.0, 1.0));
    }
    for (class, line) in lines {
        picture.path(class, &line.iter().map(|&(x, y, _)| frame.at(x, y)).collect::<Vec<_>>());
        if what.dots {
            line.iter().for_each(|&(x, y, size)| picture.dot(class, frame.at(x, y), 2.5 + 5.0 * size.sqrt()));
        }
    }
    picture.finish()
}

/// Differences with intervals and verdicts: `[(heading, [(point, verdict)])]`. The band is what counts as level.
pub(super) fn differences(blocks: &[(String, Vec<(Point, &'static str)>)], axis: &str) -> String {
    const ROW: f64 = 22.0;
    const HEAD: f64 = 30.0;
    let points = || blocks.iter().flat_map(|(_, p)| p.iter().map(|(p, _)| p));
    let (low, high) = ends(points()).fold((-0.02f64, 0.02f64), |(low, high), v| (low.min(v), high.max(v)));
    let x = ((low * 50.0).floor() / 50.0, (high * 50.0).ceil() / 50.0);
    let height = points().count() as f64 * ROW + blocks.len() as f64 * HEAD;
    let left = (width_of(points().map(|p| p.name.as_str())) + 24.0).max(180.0);
    let frame = Frame { left, top: 6.0, width: 480.0, height, x, y: (0.0, 1.0) };
    let mut picture = Picture::new(frame.right() + 190.0, height + 58.0, &format!("Paired differences: {axis}"));
    let (level, zero) = (frame.at(-crate::LEVEL_MARGIN, 0.0).0, frame.at(0.0, 0.0).0);
    picture.rectangle("band", (level, frame.top), zero - level, height);
    for tick in ticks(frame.x) {
        let x = frame.at(tick, 0.0).0;
        picture.line("grid", (x, frame.top), (x, frame.bottom()));
        picture.text("soft", "middle", (x, frame.bottom() + 18.0), &signed(tick));
    }
    picture.line("axis", (zero, frame.top), (zero, frame.bottom()));
    picture.text("soft", "middle", (frame.left + frame.width / 2.0, frame.bottom() + 42.0), axis);
    let mut y = frame.top;
    for (heading, rows) in blocks {
        picture.text("strong", "start", (8.0, y + 20.0), heading);
        y += HEAD;
        for (point, verdict) in rows {
            let center = y + ROW / 2.0;
            picture.text("", "end", (frame.left - 14.0, center + 4.5), &point.name);
            if let Some((low, high)) = point.interval {
                let at = |v: f64| (frame.at(v, 0.0).0, center);
                picture.line(&format!("interval {}", point.class), at(low), at(high));
            }
            picture.dot(&point.class, (frame.at(point.value, 0.0).0, center), 5.0);
            let mark = if point.few { "*" } else { "" };
            let text = format!("{}{mark}  {verdict}", signed(point.value));
            picture.text("", "start", (frame.right() + 14.0, center + 4.5), &text);
            y += ROW;
        }
    }
    picture.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((0.0, 1.0)).len(), 6);
        assert_eq!(ticks((0.4, 1.0)).iter().map(|t| short(*t)).collect::<Vec<_>>()[0], ".400");
        assert!(ticks((-0.05, 0.05)).iter().any(|t| t.abs() < 1e-12));
    }

    #[test]
    fn names_cannot_break_out() {
        let point = Point {
            class: "s0".into(),
            name: "<script>\"&".into(),
            value: 0.7,
            interval: Some((0.6, f64::NAN.max(0.8))),
            few: true,
        };
        let picture = bars(&[("a<b".into(), vec![point])], "AUROC");
        assert!(picture.contains("&lt;script&gt;&quot;&amp;") && !picture.contains("<script"));
    }
}
