//! How each sign of a run behaves on its shots.

use std::path::Path;

use serde::Serialize;

use sdmad::{Choice, NORMAL, Run, SignModel};
use sdmad_base::{Error, Result, write_atomic};

use crate::args::ExplainArgs;
use crate::tables::{RESEARCH_USE, markdown_rows, short};
use crate::verbs::{print_json, print_line};

#[derive(Serialize)]
struct SignRow {
    category: String,
    sign: String,
    text: String,
    /// D: similarity on shots of the category less that on shots of its nearest rival, out of fold.
    margin: Option<f64>,
    choice: Choice,
    /// The sign that says most nearly the same, and the cosine of what both say.
    most_similar: Option<(String, f64)>,
    /// Other categories that share it.
    shared_with: Vec<String>,
}

pub(super) fn run(args: &ExplainArgs) -> Result<()> {
    let run = Run::open(&args.run)?;
    let Some(signs) = &run.model.signs else {
        return Err(Error::bad_input(format!("the run {} has no signs", run.folder.display()))
            .with_hint("only runs of --method sdmad read signs"));
    };
    let rows = rows(signs, &run.config.categories);
    if let Some(plot) = &args.plot {
        if plot.exists() {
            return Err(Error::bad_input(format!("{} exists", plot.display()))
                .with_hint("name another file with --plot, or move this one away; nothing was written over"));
        }
        write_atomic(plot, svg(&rows).as_bytes())?;
    }
    if args.json {
        return print_json(&rows);
    }
    print_line(&table(&rows, &run, args.plot.as_deref()))
}

fn rows(signs: &SignModel, categories: &[String]) -> Vec<SignRow> {
    let groups = std::iter::once(NORMAL).chain(categories.iter().map(String::as_str));
    let mut rows = Vec::new();
    for (group, id) in groups.enumerate() {
        let of_group = if group == 0 { signs.map.sets.normal() } else { signs.map.sets.category(group - 1) };
        for &sign in of_group {
            let known = signs.selection.get(group).and_then(|g| g.iter().find(|c| c.sign == sign));
            let own = &signs.bank.signs[sign];
            rows.push(SignRow {
                category: id.to_string(),
                sign: own.id.clone(),
                text: own.text.clone(),
                margin: known.and_then(|c| c.margin),
                choice: known.map_or(Choice::Kept, |c| c.choice),
                most_similar: most_similar(signs, sign).map(|(other, c)| (signs.bank.signs[other].id.clone(), c)),
                shared_with: own.categories.iter().filter(|c| *c != id).cloned().collect(),
            });
        }
    }
    rows
}

/// By the attributes that an alignment reads in both texts, else by their places among the categories.
fn most_similar(signs: &SignModel, sign: usize) -> Option<(usize, f64)> {
    let says = |s: usize| match &signs.prior {
        Some(prior) => &prior.readings[s],
        None => &signs.map.coordinates[s],
    };
    let cosine = |a: &[f64], b: &[f64]| {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
    };
    let others = (0..signs.bank.signs.len()).filter(|&s| s != sign);
    others.map(|s| (s, cosine(says(sign), says(s)))).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
}

fn words(choice: Choice) -> &'static str {
    match choice {
        Choice::Kept => "kept",
        Choice::KeptAsBest => "kept, as the best of its category",
        Choice::NegativeMargin => "dropped: speaks for another category",
        Choice::NotAmongBest => "dropped: others are better",
    }
}

fn table(rows: &[SignRow], run: &Run, plot: Option<&Path>) -> String {
    let largest = rows.iter().filter_map(|r| r.margin).fold(1e-12f64, |most, d| most.max(d.abs()));
    let bar = |margin: Option<f64>| {
        let Some(margin) = margin else { return String::new() };
        let length = (10.0 * margin.abs() / largest).round() as usize;
        let (sign, mark) = if margin < 0.0 { ("-", "░") } else { ("+", "█") };
        format!("{sign}{}", mark.repeat(length))
    };
    let mut lines = vec![
        ["category", "sign", "D", "", "support selection", "says nearly the same", "shared with"]
            .map(String::from)
            .to_vec(),
    ];
    for row in rows {
        lines.push(vec![
            row.category.clone(),
            row.sign.clone(),
            row.margin.map_or("–".into(), short),
            bar(row.margin),
            words(row.choice).to_string(),
            row.most_similar.as_ref().map_or(String::new(), |(id, cosine)| format!("{id} ({})", short(*cosine))),
            row.shared_with.join(", "),
        ]);
    }
    let applied = run.config.selection.map_or(String::new(), |mode| {
        let name = serde_json::to_value(mode).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default();
        format!("\nThe run's selection is `{name}`: support selection counts only with `support` and `both`.")
    });
    let without = if rows.iter().all(|r| r.margin.is_none()) {
        "\nWithout out-of-fold scores (fewer than three shots) no sign has a D."
    } else {
        ""
    };
    let plotted = plot.map_or(String::new(), |p| format!("\nplot: {}", p.display()));
    format!(
        "{}\n\nD: mean similarity on shots of the category less that on shots of its nearest rival, normal among them, out of fold; below 0 a sign speaks for another.{applied}{without}{plotted}\n{RESEARCH_USE}",
        markdown_rows(&lines)
    )
}

/// Margins as bars, category by category.
fn svg(rows: &[SignRow]) -> String {
    const LINE: usize = 20;
    const NAMES: f64 = 230.0;
    const BARS: f64 = 420.0;
    let largest = rows.iter().filter_map(|r| r.margin).fold(1e-12f64, |most, d| most.max(d.abs()));
    let lowest = rows.iter().filter_map(|r| r.margin).fold(0.0f64, f64::min).abs() / largest;
    let zero = NAMES + BARS * lowest / (1.0 + lowest);
    let unit = BARS / (1.0 + lowest) / largest;
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let mut body = String::new();
    let (mut y, mut before) = (10, "");
    for row in rows {
        if row.category != before {
            y += 8;
            body.push_str(&format!(
                "<text x=\"4\" y=\"{}\" font-weight=\"bold\">{}</text>\n",
                y + 14,
                escape(&row.category)
            ));
            y += LINE;
            before = &row.category;
        }
        let name = escape(&row.sign);
        body.push_str(&format!("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\n", NAMES - 8.0, y + 14));
        if let Some(margin) = row.margin {
            let (length, kept) = (margin.abs() * unit, row.choice.kept());
            let x = if margin < 0.0 { zero - length } else { zero };
            let fill = if margin < 0.0 {
                "#b35806"
            } else if kept {
                "#1f5f99"
            } else {
                "#9ab8d3"
            };
            body.push_str(&format!(
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"{length:.1}\" height=\"12\" fill=\"{fill}\"><title>{name}: D = {}, {}</title></rect>\n",
                y + 4,
                short(margin),
                words(row.choice)
            ));
        }
        y += LINE;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"680\" height=\"{0}\" viewBox=\"0 0 680 {0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<line x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"10\" y2=\"{1}\" stroke=\"#555\"/>\n{body}\
         <text x=\"4\" y=\"{2}\" fill=\"#555\">D on the shots, out of fold: dark kept, light dropped, brown speaks for another category. {RESEARCH_USE}</text>\n</svg>\n",
        y + 30,
        y,
        y + 20
    )
}
