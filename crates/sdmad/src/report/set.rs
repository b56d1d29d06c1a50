use serde_json::{Value, json};

use crate::curves::Curves;
use crate::{DrawOutputs, FEW, Figure, FigureId, FigureTable, Label, Measure, MetricsFile, Scope, TestSet};

/// What a report says of a labelled set: figures with intervals, curves, confusion, and how the promise of answers was kept.
pub fn report_set(
    set: &TestSet,
    outputs: &DrawOutputs,
    table: &FigureTable,
    metrics: &MetricsFile,
    coverage: f64,
) -> Value {
    let curves = Curves::of(set, std::slice::from_ref(outputs));
    let reliability: Vec<Value> = curves
        .reliability
        .iter()
        .map(|bin| json!({"predicted": bin.probability, "observed": bin.positives, "count": bin.count}))
        .collect();
    json!({
        "figures": figures(set, table, metrics),
        "curves": [{"name": "any anomaly", "roc": curves.roc, "pr": curves.precision_recall}],
        "reliability": reliability,
        "confusion": confusion(set, outputs),
        "coverage": coverages(set, outputs, table, coverage),
        "notes": notes(set, outputs),
    })
}

fn figure(group: &str, name: &str, figure: Option<&Figure>) -> Value {
    let interval = figure.and_then(Figure::interval);
    json!({
        "group": group,
        "name": name,
        "value": figure.and_then(Figure::value),
        "lo": interval.map(|i| i.0),
        "hi": interval.map(|i| i.1),
        "why": figure.and_then(Figure::why),
        "mark": figure.filter(|f| f.few()).map(|_| "fewer than 20 images of a kind: no claim rests on it"),
    })
}

fn figures(set: &TestSet, table: &FigureTable, metrics: &MetricsFile) -> Vec<Value> {
    const P1: &str = "P1 detection";
    const P2: &str = "P2 discrimination";
    const P3: &str = "P3 multi-label";
    let scopes: Vec<(String, Scope)> = std::iter::once(("mean over categories".to_string(), Scope::Macro))
        .chain(set.categories().iter().enumerate().map(|(c, id)| (id.clone(), Scope::Category(c))))
        .collect();
    let mut all = vec![
        figure(P1, "AUROC", table.get(FigureId::Detection(Measure::Auroc))),
        figure(P1, "average precision", table.get(FigureId::Detection(Measure::AveragePrecision))),
    ];
    for (name, scope) in &scopes {
        all.push(figure(
            P2,
            &format!("{name} against normal, AUROC"),
            table.get(FigureId::VsNormal(*scope, Measure::Auroc)),
        ));
        all.push(figure(
            P2,
            &format!("{name} against others, AUROC"),
            table.get(FigureId::VsOther(*scope, Measure::Auroc)),
        ));
    }
    for (name, scope) in &scopes {
        all.push(figure(P3, &format!("{name}, AUROC"), table.get(FigureId::AmongAll(*scope, Measure::Auroc))));
    }
    for (name, id) in [
        ("mean average precision", FigureId::AmongAll(Scope::Macro, Measure::AveragePrecision)),
        ("mean F1", FigureId::F1(Scope::Macro)),
        ("every category right", FigureId::ExactMatch),
        ("expected calibration error", FigureId::CalibrationError),
        ("the same without calibration", FigureId::CalibrationErrorBefore),
    ] {
        all.push(figure(P3, name, table.get(id)));
    }
    if let Some(maps) = metrics.localisation() {
        const WHERE: &str = "Localisation";
        for (what, of) in [("maps", &maps.any), ("for comparison, a blind guess at the middle", &maps.centre_prior)] {
            all.push(figure(WHERE, &format!("{what}: pixel AUROC"), Some(&of.pixel_auroc)));
            all.push(figure(WHERE, &format!("{what}: pixel average precision"), Some(&of.pixel_ap)));
            all.push(figure(WHERE, &format!("{what}: region overlap"), Some(&of.pro)));
        }
    }
    for (s, id) in set.signs().iter().enumerate() {
        all.push(figure("Signs", &format!("{id}, AUROC"), table.get(FigureId::Sign(s))));
    }
    all
}

/// Images that are normal or have one category, by truth and by the most probable answer.
fn confusion(set: &TestSet, outputs: &DrawOutputs) -> Value {
    let categories = set.categories().len();
    let mut rows = vec![vec![0usize; categories + 1]; categories + 1];
    for (image, outputs) in set.images().iter().zip(&outputs.outputs) {
        let Some(outputs) = outputs else { continue };
        let present: Vec<usize> = (0..categories).filter(|&c| image.labels[c] == Label::Present).collect();
        let truth = match present[..] {
            [] if image.is_normal() => 0,
            [c] if !image.labels.contains(&Label::Unknown) => c + 1,
            _ => continue,
        };
        // The probability of normal is not among the outputs; no category of at least ½ stands for it.
        let answer = (0..categories)
            .filter(|&c| outputs.probability[c] >= 0.5)
            .max_by(|&a, &b| outputs.probability[a].total_cmp(&outputs.probability[b]))
            .map_or(0, |c| c + 1);
        rows[truth][answer] += 1;
    }
    let labels: Vec<&str> = std::iter::once("normal").chain(set.categories().iter().map(String::as_str)).collect();
    json!({"labels": labels, "rows": rows})
}

fn coverages(set: &TestSet, outputs: &DrawOutputs, table: &FigureTable, promised: f64) -> Vec<Value> {
    let classes = [("present", Label::Present), ("absent", Label::Absent)];
    let of = |c: usize, name: &str, class: Label| {
        let value = |id| table.get(id).and_then(Figure::value);
        let scope = Scope::Category(c);
        let measured = set.images().iter().zip(&outputs.outputs).filter(|(_, o)| o.is_some());
        let count = measured.filter(|(i, _)| i.labels[c] == class).count();
        json!({
            "category": set.categories()[c],
            "class": name,
            "promised": promised,
            "covered": value(FigureId::Covered(scope, class)),
            "uncertain": value(FigureId::Uncertain(scope, class)),
            "count": count,
            "wide": count < FEW as usize,
        })
    };
    (0..set.categories().len()).flat_map(|c| classes.map(|(name, class)| of(c, name, class))).collect()
}

fn notes(set: &TestSet, outputs: &DrawOutputs) -> Vec<String> {
    let left_out = outputs.outputs.iter().filter(|o| o.is_none()).count();
    let mut notes = vec![format!("{} images measured.", set.images().len() - left_out)];
    if left_out > 0 {
        notes.push(format!(
            "{left_out} images were left out: they are shots, share a patient with one, or nearly repeat one."
        ));
    }
    notes.push("Intervals are of 95 %, by resampling patients (images, where no patient is known).".into());
    notes.push("Confusion: images that are normal or have exactly one category, by the most probable category, if its probability is at least 0.5.".into());
    notes
}
