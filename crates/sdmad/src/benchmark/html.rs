//! `results.html`: one page that stands alone, with no script, no picture of a patient and nothing from elsewhere.

mod svg;
mod table;

use std::fmt::Write as _;

use svg::{Point, Unit, escape};
use table::{anchor, header, table};

use super::config::PIXELS;
use super::labels::{HEADLINES, MAIN, difference, figure, shots_in_words, word};
use super::results::{Averages, DifferenceFigure, Group, RESEARCH_USE, Results};
use crate::Figure;

const STYLE: &str = include_str!("html/style.css");
/// Colours there are for methods; further ones begin anew.
const COLOURS: usize = 8;

impl Results {
    /// The page.
    pub fn to_html(&self) -> String {
        let mut body = format!(
            "<header><h1>{}</h1><p class=\"notice\">{RESEARCH_USE}</p><p class=\"soft\">{}</p></header>",
            escape(&self.title),
            escape(&self.about())
        );
        body.push_str(&self.contents());
        for set in self.sets.iter() {
            if let Some(why) = &set.skipped {
                let _ = write!(body, "<p class=\"mark\">{} was skipped: {}.</p>", escape(&set.name), escape(why));
            }
        }
        for encoder in &self.encoders {
            if self.counted_sets() > 1 {
                body.push_str(&self.average_section(&encoder.name));
            }
            for set in self.sets.iter().filter(|s| s.skipped.is_none()) {
                body.push_str(&self.set_section(&set.name, &encoder.name));
            }
        }
        body.push_str(&self.provenance());
        let _ = write!(body, "<footer><p>{}</p></footer>", escape(&self.legend()));
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><title>{}</title><style>\n{STYLE}</style></head>\n<body><main>\n\
             {body}\n</main></body></html>\n",
            escape(&self.title)
        )
    }

    /// The class of a method's colour.
    fn class(&self, method: &str) -> String {
        let at = self.methods.iter().position(|m| m.name == method).unwrap_or(0);
        if self.is_pixels(method) { "base".into() } else { format!("s{}", at % COLOURS) }
    }

    fn is_pixels(&self, method: &str) -> bool {
        self.methods.iter().any(|m| m.name == method && m.method == PIXELS)
    }

    fn keys(&self, methods: &[&str]) -> String {
        let item = |m: &&str| format!("<li><i class=\"{}\"></i>{}</li>", self.class(m), escape(m));
        format!("<ul class=\"keys\">{}</ul>", methods.iter().map(item).collect::<String>())
    }

    fn contents(&self) -> String {
        let mut links = String::new();
        for encoder in &self.encoders {
            let mut link = |name: &str| {
                let text = escape(&format!("{name}{}", self.encoder_suffix(&encoder.name)));
                let _ = write!(links, "<li><a href=\"#{}\">{text}</a></li>", anchor(name, &encoder.name));
            };
            if self.counted_sets() > 1 {
                link("average over sets");
            }
            self.sets.iter().filter(|s| s.skipped.is_none()).for_each(|s| link(&s.name));
        }
        format!("<nav><ul>{links}<li><a href=\"#provenance\">where figures come from</a></li></ul></nav>")
    }

    fn average_section(&self, encoder: &str) -> String {
        let averages: Vec<&Averages> = self.averages.iter().filter(|a| a.encoder == encoder).collect();
        let mut text = self.heading("average over sets", encoder);
        let value = |method: &str, shots: usize, name: &str| {
            let of_shots = averages.iter().find(|a| a.shots == shots)?;
            Some(of_shots.methods.iter().find(|m| m.method == method)?.figures.get(name)?.mean.clone())
        };
        text.push_str(&self.shot_curves(&value));
        // Where most can be said: with the most shots.
        if let Some(last) = averages.iter().max_by_key(|a| a.shots) {
            let shots = shots_in_words(last.shots);
            text.push_str(&self.bar_figure(&|m, name| value(m, last.shots, name), &shots));
            let pairs: Vec<_> = last
                .differences
                .iter()
                .map(|d| {
                    let get = |name: &str| d.figures.get(name).map(|over| over.mean.clone());
                    (d.method.clone(), d.minus.clone(), HEADLINES.map(|(l, n)| (l.to_string(), get(n))).to_vec())
                })
                .collect();
            text.push_str(&self.difference_figure(&pairs, &format!("Paired differences, average over sets, {shots}")));
        }
        for averages in averages {
            let mut rows = vec![header(averages.methods.iter().map(|m| m.method.as_str()))];
            for (label, name) in MAIN {
                let cells = averages.methods.iter().map(|m| match m.figures.get(name) {
                    Some(over) => format!("{} ({} sets)", figure(Some(&over.mean)), over.sets.len()),
                    None => "–".into(),
                });
                rows.push(std::iter::once(label.to_string()).chain(cells).collect());
            }
            let _ = write!(
                text,
                "<details><summary>All figures, {}</summary>{}</details>",
                shots_in_words(averages.shots),
                table(&rows)
            );
        }
        text
    }

    fn heading(&self, name: &str, encoder: &str) -> String {
        let suffix = self.encoder_suffix(encoder);
        format!("<h2 id=\"{}\">{}{}</h2>", anchor(name, encoder), escape(name), escape(&suffix))
    }

    fn set_section(&self, set: &str, encoder: &str) -> String {
        let groups: Vec<&Group> = self.groups.iter().filter(|g| g.set == set && g.encoder == encoder).collect();
        let mut text = self.heading(set, encoder);
        let value = |method: &str, shots: usize, name: &str| {
            let group = groups.iter().find(|g| g.shots == shots)?;
            group.methods.iter().find(|m| m.method == method)?.figures.get(name).cloned()
        };
        text.push_str(&self.shot_curves(&value));
        let has_figures = |g: &&&Group| g.methods.iter().any(|m| !m.draws.is_empty());
        if let Some(group) = groups.iter().filter(has_figures).max_by_key(|g| g.shots) {
            let shots = shots_in_words(group.shots);
            text.push_str(&self.bar_figure(&|m, name| value(m, group.shots, name), &shots));
            text.push_str(&self.group_differences(group));
            text.push_str(&self.category_table(group));
            text.push_str(&self.curve_figures(group));
        }
        for group in groups {
            text.push_str(&self.group_details(group));
        }
        text
    }

    /// Few-shot curves of the four headline figures.
    fn shot_curves(&self, value: &dyn Fn(&str, usize, &str) -> Option<Figure>) -> String {
        if self.shots.len() < 2 {
            return String::new();
        }
        let methods = self.shown();
        let mut pictures = String::new();
        for (label, name) in HEADLINES {
            let line = |method: &&str| {
                let points = self
                    .shots
                    .iter()
                    .enumerate()
                    .filter_map(|(at, &k)| Some((at, self.point(method, &value(method, k, name)?)?)));
                (self.class(method), points.collect::<Vec<_>>())
            };
            let lines: Vec<_> = methods.iter().map(line).filter(|(_, l)| !l.is_empty()).collect();
            let _ = write!(pictures, "<figure>{}</figure>", svg::over_shots(label, &self.shots, &lines));
        }
        format!("<h3>Figures over the number of shots</h3>{}<div class=\"row\">{pictures}</div>", self.keys(&methods))
    }

    /// Methods that stand in tables.
    fn shown(&self) -> Vec<&str> {
        self.methods.iter().filter(|m| m.variant_of.is_none()).map(|m| m.name.as_str()).collect()
    }

    fn point(&self, name: &str, figure: &Figure) -> Option<Point> {
        Some(Point {
            class: self.class(name),
            name: name.to_string(),
            value: figure.value()?,
            interval: figure.interval(),
            few: figure.few(),
        })
    }

    fn bar_figure(&self, value: &dyn Fn(&str, &str) -> Option<Figure>, shots: &str) -> String {
        let methods = self.shown();
        let block = |(label, name): (&str, &str)| {
            let points = methods.iter().filter_map(|m| self.point(m, &value(m, name)?));
            (label.to_string(), points.collect::<Vec<_>>())
        };
        let blocks: Vec<_> = HEADLINES.into_iter().map(block).filter(|(_, p)| !p.is_empty()).collect();
        if blocks.is_empty() {
            return String::new();
        }
        format!(
            "<h3>By protocol, {shots}</h3><figure>{}<figcaption>Mean over draws; the whisker is the {:.0} % interval. Pale, with *: fewer than \
             20 positives or negatives.</figcaption></figure>",
            svg::bars(&blocks, "AUROC, macro over categories (bars start at chance, .5)"),
            100.0 * self.bootstrap.level
        )
    }

    fn group_differences(&self, group: &Group) -> String {
        let pairs: Vec<_> = group
            .differences
            .iter()
            .filter(|d| d.why.is_none())
            .map(|d| {
                let rows = HEADLINES.map(|(label, name)| (label.to_string(), d.figures.get(name).cloned())).to_vec();
                (d.method.clone(), d.minus.clone(), rows)
            })
            .collect();
        let shots = shots_in_words(group.shots);
        let mut text = self.difference_figure(&pairs, &format!("Paired differences, {shots}"));
        let critical: Vec<_> = group
            .differences
            .iter()
            .filter(|d| d.why.is_none())
            .map(|d| {
                let of_pairs = d.figures.0.iter().filter(|(name, _)| name.starts_with("pair."));
                let label = |name: &str| super::labels::special(name).unwrap_or_default().replace(", AUROC", "");
                let rows = of_pairs.map(|(name, f)| (label(name), Some(f.clone()))).collect();
                (d.method.clone(), d.minus.clone(), rows)
            })
            .collect();
        text.push_str(&self.difference_figure(&critical, &format!("Critical pairs of categories, {shots}")));
        text
    }

    fn difference_figure(&self, pairs: &[PairRows], heading: &str) -> String {
        let block = |(method, minus, rows): &PairRows| {
            let rows = rows.iter().filter_map(|(label, figure)| {
                let figure = figure.as_ref()?;
                let point = Point {
                    class: self.class(minus),
                    name: label.clone(),
                    value: figure.value?,
                    interval: figure.lo.zip(figure.hi),
                    few: figure.few,
                };
                Some((point, word(figure.verdict)))
            });
            (format!("{method} − {minus}"), rows.collect::<Vec<_>>())
        };
        // Pixels are far off, as a rule, and would set the scale; bars and tables have them.
        let shown = pairs.iter().filter(|(method, minus, _)| !self.is_pixels(method) && !self.is_pixels(minus));
        let blocks: Vec<_> = shown.map(block).filter(|(_, rows)| !rows.is_empty()).collect();
        if blocks.is_empty() {
            return String::new();
        }
        format!(
            "<h3>{}</h3><figure>{}<figcaption>Same draws, same resampled patients. Right of zero the first method is better; the grey band (0 to \
             -.005) is what counts as level at the lower end.</figcaption></figure>",
            escape(heading),
            svg::differences(&blocks, "difference in AUROC")
        )
    }

    fn category_table(&self, group: &Group) -> String {
        let Some(set) = self.sets.iter().find(|s| s.name == group.set) else { return String::new() };
        let mut rows = vec![header(group.methods.iter().map(|m| m.method.as_str()))];
        for category in &set.categories {
            for (label, family) in
                [("against normal", "vs_normal"), ("against others", "vs_other"), ("among all", "multilabel")]
            {
                let name = format!("{family}.{category}.auroc");
                let cells = group.methods.iter().map(|m| figure(m.figures.get(&name)));
                rows.push(std::iter::once(format!("{category}, {label}")).chain(cells).collect());
            }
        }
        format!("<h3>Each category, AUROC, {}</h3>{}", shots_in_words(group.shots), table(&rows))
    }

    fn curve_figures(&self, group: &Group) -> String {
        let with_curves = || group.methods.iter().filter_map(|m| m.curves.as_ref().map(|c| (self.class(&m.method), c)));
        let plain = |points: &[(f64, f64)]| points.iter().map(|&(x, y)| (x, y, 0.0)).collect::<Vec<_>>();
        let roc: Vec<_> = with_curves().map(|(class, c)| (class, plain(&c.roc))).collect();
        let recall: Vec<_> = with_curves().map(|(class, c)| (class, plain(&c.precision_recall))).collect();
        let reliability: Vec<_> = with_curves()
            .map(|(class, c)| {
                let most = c.reliability.iter().map(|b| b.count).max().unwrap_or(1) as f64;
                let dot = |b: &crate::curves::Bin| (b.probability, b.positives, b.count as f64 / most);
                (class, c.reliability.iter().map(dot).collect::<Vec<_>>())
            })
            .collect();
        let draw = |title, x, y, diagonal, dots, lines: &[_]| {
            format!("<figure>{}</figure>", svg::unit(&Unit { title, x, y, diagonal, dots }, lines))
        };
        let methods: Vec<&str> =
            group.methods.iter().filter(|m| m.curves.is_some()).map(|m| m.method.as_str()).collect();
        format!(
            "<h3>Curves, {}</h3>{}<div class=\"row\">{}{}{}</div><p class=\"soft\">ROC and precision–recall of P1 detection, mean over draws. \
             Reliability: all known (image, category) pairs of all draws in bins of their probability; the larger a dot, the more pairs.</p>",
            shots_in_words(group.shots),
            self.keys(&methods),
            draw("ROC, detection", "false-positive rate", "true-positive rate", true, false, &roc),
            draw("Precision–recall, detection", "recall", "precision", false, false, &recall),
            draw("Reliability", "probability said", "share that has it", true, true, &reliability)
        )
    }

    fn group_details(&self, group: &Group) -> String {
        let mut rows = vec![header(group.methods.iter().map(|m| m.method.as_str()))];
        for (label, name) in group.rows() {
            let mark = if group.proves_nothing.contains(&name) { " °" } else { "" };
            let cells = group.methods.iter().map(|m| figure(m.figures.get(&name)));
            rows.push(std::iter::once(format!("{label}{mark}")).chain(cells).collect());
        }
        let mut text = table(&rows);
        let compared: Vec<_> = group.differences.iter().filter(|d| d.why.is_none()).collect();
        if !compared.is_empty() {
            let names: Vec<String> = compared.iter().map(|d| format!("{} − {}", d.method, d.minus)).collect();
            let mut rows = vec![header(names.iter().map(String::as_str))];
            for (label, name) in group.rows() {
                let cells = compared.iter().map(|d| difference(d.figures.get(&name)));
                rows.push(std::iter::once(label).chain(cells).collect());
            }
            text.push_str(&table(&rows));
        }
        for claims in &group.peers_protocol {
            let mut rows = vec![
                ["figure", "sealed", "min-max on test", "best draw", "best variant on test", "all together"]
                    .map(String::from)
                    .to_vec(),
            ];
            let value = |v: Option<f64>| v.map_or_else(|| "–".into(), super::labels::short);
            for (label, name) in MAIN {
                if let Some(c) = claims.figures.get(name) {
                    let values = [c.sealed, c.min_max, c.best_draw, c.best_variant, c.all_together].map(value);
                    rows.push(std::iter::once(label.to_string()).chain(values).collect());
                }
            }
            let _ = write!(
                text,
                "<h3>What the peers' protocol would claim of {}</h3>{}",
                escape(&claims.method),
                table(&rows)
            );
        }
        for notice in group.notices() {
            let _ = write!(text, "<p class=\"mark\">{}</p>", escape(&notice));
        }
        for method in group.methods.iter().filter(|m| !m.why.is_empty()) {
            let _ =
                write!(text, "<p class=\"mark\">{}: {}</p>", escape(&method.method), escape(&method.why.join("; ")));
        }
        format!("<details><summary>All figures, {}</summary>{text}</details>", shots_in_words(group.shots))
    }

    fn provenance(&self) -> String {
        let mut text = String::from("<h2 id=\"provenance\">Where figures come from</h2>");
        let mut rows = vec![
            ["set", "measured images", "manifest, SHA-256", "sign bank", "bank, SHA-256"].map(String::from).to_vec(),
        ];
        for set in self.sets.iter().filter(|s| s.skipped.is_none()) {
            rows.push(vec![
                set.name.clone(),
                set.images.to_string(),
                set.manifest_sha256[..16].to_string() + "…",
                set.bank.clone(),
                set.bank_sha256[..16].to_string() + "…",
            ]);
        }
        text.push_str(&table(&rows));
        let mut rows = vec![["encoder", "image tower, SHA-256", "text tower, SHA-256"].map(String::from).to_vec()];
        for encoder in &self.encoders {
            let hash = |text: &str| text.get(..16).unwrap_or(text).to_string() + "…";
            rows.push(vec![
                encoder.name.clone(),
                hash(&encoder.hashes.image_sha256),
                hash(&encoder.hashes.text_sha256),
            ]);
        }
        text.push_str(&table(&rows));
        let cells = self.cells.len();
        let _ = write!(
            text,
            "<p>results.json beside this page lists the {cells} cells (set, encoder, shots, draw, method), and for each its lists of shots and \
             scores with their hashes; each figure names its cells.</p>"
        );
        text
    }
}

/// Two methods, and labelled differences of the first from the second.
type PairRows = (String, String, Vec<(String, Option<DifferenceFigure>)>);
