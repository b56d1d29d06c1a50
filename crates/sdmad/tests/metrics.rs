//! Figures of merit against scikit-learn, the protocols on a set small enough to do by hand, and the bootstrap.

use sdmad::{
    Bootstrap, DataSummary, Decision, DrawOutputs, FigureId, FigureTable, Label, Measure, MetricsFile, Outputs,
    PixelFigures, Scope, SignTruth, TestImage, TestSet, Verdict, auroc, average_precision, brier_score,
    calibration_error, compare_methods, exact_match, figures_with_intervals, hamming_loss, macro_f1, micro_f1,
};
use sdmad_base::{Silent, Stream};
use serde_json::Value;

fn fixture(part: &str) -> Vec<Value> {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/metrics.json")).unwrap();
    fixture[part].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    numbers(value).into_iter().map(|v| v == 1.0).collect()
}

fn matrix(value: &Value) -> Vec<Vec<bool>> {
    value.as_array().unwrap().iter().map(flags).collect()
}

#[track_caller]
fn same(figure: &sdmad::Figure, expected: &Value) {
    match (figure.value(), expected.as_f64()) {
        (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "{a} against {b}"),
        (a, b) => assert_eq!(a, b),
    }
}

#[test]
fn scikit_learn_gives_the_same_figures() {
    for case in fixture("ranking") {
        let (scores, positive) = (numbers(&case["scores"]), flags(&case["positive"]));
        same(&auroc(&scores, &positive), &case["auroc"]);
        same(&average_precision(&scores, &positive), &case["average_precision"]);
    }
    for case in fixture("decisions") {
        let label = |&p: &bool| if p { Label::Present } else { Label::Absent };
        let truth: Vec<Vec<Label>> = matrix(&case["truth"]).iter().map(|r| r.iter().map(label).collect()).collect();
        let decided = matrix(&case["decided"]);
        same(&macro_f1(&truth, &decided), &case["macro_f1"]);
        same(&micro_f1(&truth, &decided), &case["micro_f1"]);
        same(&exact_match(&truth, &decided), &case["exact_match"]);
        same(&hamming_loss(&truth, &decided), &case["hamming"]);
    }
    for case in fixture("probabilities") {
        let (probabilities, positive) = (numbers(&case["probabilities"]), flags(&case["positive"]));
        same(&calibration_error(&probabilities, &positive), &case["calibration_error"]);
        same(&brier_score(&probabilities, &positive), &case["brier"]);
    }
    for case in fixture("pixels") {
        let mut figures = PixelFigures::new(50);
        for (map, mask) in case["maps"].as_array().unwrap().iter().zip(case["masks"].as_array().unwrap()) {
            let map: Vec<f32> = numbers(map).into_iter().map(|v| v as f32).collect();
            figures.add(case["width"].as_u64().unwrap() as usize, &map, &flags(mask)).unwrap();
        }
        same(&figures.auroc(), &case["auroc"]);
        same(&figures.average_precision(), &case["average_precision"]);
        same(&figures.region_overlap(), &case["region_overlap"]);
    }
}

/// Labels as they stand in a manifest: `"1?"`.
fn image(number: usize, patient: Option<usize>, labels: &str) -> TestImage {
    let label = |c| match c {
        '1' => Label::Present,
        '0' => Label::Absent,
        _ => Label::Unknown,
    };
    TestImage {
        image: format!("{number}.png"),
        patient: patient.map(|p| format!("patient {p}")),
        labels: labels.chars().map(label).collect(),
    }
}

fn small_set() -> TestSet {
    let labels = ["00", "00", "10", "01", "11", "?0", "?1", "1?"];
    let images = labels.iter().enumerate().map(|(i, l)| image(i, None, l)).collect();
    TestSet::new(vec!["a".into(), "b".into()], images).unwrap()
}

fn small_draw() -> DrawOutputs {
    let mut stream = Stream::new(4, "small");
    let mut pair = || vec![stream.uniform(), stream.uniform()];
    let mut output = |i: usize| {
        let (against_normal, among_all, probability) = (pair(), pair(), pair());
        let answer = |c: usize| Decision::ALL[(i + 2 * c) % 3];
        Some(Outputs {
            detection: (i as f64 * 0.7).sin(),
            uncalibrated: among_all.iter().map(|r| 0.5 + 0.4 * r.sin()).collect(),
            answers: (0..among_all.len()).map(answer).collect(),
            against_normal,
            among_all,
            probability,
            signs: vec![],
        })
    };
    DrawOutputs { outputs: (0..8).map(&mut output).collect(), thresholds: vec![0.4, 0.6] }
}

/// AUROC and AP over the named images, by the pure functions.
fn by_hand(score: impl Fn(usize) -> f64, positives: &[usize], negatives: &[usize]) -> [Option<f64>; 2] {
    let scores: Vec<f64> = positives.iter().chain(negatives).map(|&i| score(i)).collect();
    let positive: Vec<bool> = (0..scores.len()).map(|i| i < positives.len()).collect();
    [auroc(&scores, &positive).value(), average_precision(&scores, &positive).value()]
}

#[test]
fn each_protocol_takes_the_images_that_the_unknown_label_rules_name() {
    let (set, draw) = (small_set(), small_draw());
    let table = FigureTable::of_draw(&set, &draw).unwrap();
    let output = |i: usize| draw.outputs[i].as_ref().unwrap();
    let found = |id: fn(Scope, Measure) -> FigureId, scope| {
        [Measure::Auroc, Measure::AveragePrecision].map(|m| table.get(id(scope, m)).unwrap().value())
    };
    let detection = [Measure::Auroc, Measure::AveragePrecision].map(|m| table.get(FigureId::Detection(m)).unwrap());
    assert_eq!(detection.map(|f| f.value()), by_hand(|i| output(i).detection, &[2, 3, 4, 6, 7], &[0, 1]));

    let positives = [[2, 4, 7], [3, 4, 6]];
    let others = [3, 2];
    let absent: [&[usize]; 2] = [&[0, 1, 3], &[0, 1, 2, 5]];
    for c in 0..2 {
        let scope = Scope::Category(c);
        let against_normal = by_hand(|i| output(i).against_normal[c], &positives[c], &[0, 1]);
        assert_eq!(found(FigureId::VsNormal, scope), against_normal);
        let against_other = by_hand(|i| output(i).among_all[c], &positives[c], &others[c..=c]);
        assert_eq!(found(FigureId::VsOther, scope), against_other);
        assert_eq!(found(FigureId::AmongAll, scope), by_hand(|i| output(i).among_all[c], &positives[c], absent[c]));
    }
    let mean = (found(FigureId::VsOther, Scope::Category(0))[0].unwrap()
        + found(FigureId::VsOther, Scope::Category(1))[0].unwrap())
        / 2.0;
    assert_eq!(found(FigureId::VsOther, Scope::Macro)[0], Some(mean));

    let decided: Vec<Vec<bool>> =
        (0..8).map(|i| output(i).probability.iter().zip(&draw.thresholds).map(|(p, t)| p >= t).collect()).collect();
    let labels: Vec<Vec<Label>> = set.images().iter().map(|i| i.labels.clone()).collect();
    let value = |id| table.get(id).unwrap().value();
    // Three-way answers: image i answers number (i + 2 c) % 3 of present, absent and uncertain for category c.
    for (c, of_class) in [(0, Label::Present), (0, Label::Absent), (1, Label::Present), (1, Label::Absent)] {
        let images: Vec<usize> = (0..set.images().len())
            .filter(|&i| draw.outputs[i].is_some() && set.images()[i].labels[c] == of_class)
            .collect();
        let answered = |wanted: Decision| images.iter().filter(|&&i| Decision::ALL[(i + 2 * c) % 3] == wanted).count();
        let denied = if of_class == Label::Present { Decision::Absent } else { Decision::Present };
        let share = |count: usize| Some(count as f64 / images.len() as f64);
        let scope = Scope::Category(c);
        assert_eq!(value(FigureId::Covered(scope, of_class)), share(images.len() - answered(denied)));
        assert_eq!(value(FigureId::Uncertain(scope, of_class)), share(answered(Decision::Uncertain)));
    }
    assert_eq!(value(FigureId::F1(Scope::Macro)), macro_f1(&labels, &decided).value());
    assert_eq!(value(FigureId::MicroF1), micro_f1(&labels, &decided).value());
    assert_eq!(value(FigureId::ExactMatch), exact_match(&labels[..5], &decided[..5]).value());
    assert_eq!(value(FigureId::Hamming), hamming_loss(&labels[..5], &decided[..5]).value());
    assert!(table.iter().all(|(_, f)| f.few()));
}

#[test]
fn an_image_that_is_left_out_takes_no_part() {
    let labels = ["00", "10", "01", "00", "11"];
    let images = |n: usize| (0..n).map(|i| image(i, None, labels[i])).collect();
    let (all, first) = (
        TestSet::new(vec!["a".into(), "b".into()], images(5)).unwrap(),
        TestSet::new(vec!["a".into(), "b".into()], images(4)).unwrap(),
    );
    let mut draw = small_draw();
    draw.outputs.truncate(5);
    draw.outputs[4] = None;
    let mut shorter = draw.clone();
    shorter.outputs.truncate(4);
    let figures = |set, draw| FigureTable::of_draw(set, draw).unwrap().iter().map(|f| f.1.clone()).collect::<Vec<_>>();
    assert_eq!(figures(&all, &draw), figures(&first, &shorter));
}

#[test]
fn what_cannot_be_computed_is_null_with_its_reason() {
    let images = vec![image(0, None, "10"), image(1, None, "10"), image(2, None, "00")];
    let set = TestSet::new(vec!["a".into(), "b".into()], images).unwrap();
    let mut draw = small_draw();
    draw.outputs.truncate(3);
    let table = figures_with_intervals(&set, &[draw.clone(), draw.clone()], &Bootstrap::default(), &Silent).unwrap();
    let why = |id| table.get(id).unwrap().why().unwrap_or("").to_string();
    let b = Scope::Category(1);
    assert_eq!(why(FigureId::VsNormal(b, Measure::Auroc)), "no test image with `b`");
    assert_eq!(
        why(FigureId::VsOther(Scope::Category(0), Measure::Auroc)),
        "no test image with another category and without `a`"
    );
    assert_eq!(why(FigureId::VsOther(Scope::Macro, Measure::Auroc)), "it can be computed for no category");
    assert_eq!(why(FigureId::F1(b)), "no test image with `b`");
    let mean = table.get(FigureId::VsNormal(Scope::Macro, Measure::Auroc)).unwrap();
    assert_eq!((mean.left_out(), mean.value().is_some()), (&["b".to_string()][..], true));
    let nothing = DrawOutputs { outputs: vec![None; 3], thresholds: vec![0.5; 2] };
    let table = FigureTable::of_draw(&set, &nothing).unwrap();
    assert!(table.iter().all(|(id, f)| f.value().is_none() && f.why().is_some() && !id.name(&set).contains('?')));
    assert!(figures_with_intervals(&set, &[], &Bootstrap::default(), &Silent).is_err());
}

/// Three patients for every four images; `skill` draws each score towards the truth.
fn large_set(images: usize) -> TestSet {
    let mut stream = Stream::new(1, "large");
    let labels = |s: &mut Stream| -> String {
        if s.chance(0.4) { "0000".into() } else { (0..4).map(|_| if s.chance(0.3) { '1' } else { '0' }).collect() }
    };
    let images = (0..images).map(|i| image(i, Some(i * 3 / 4), &labels(&mut stream))).collect();
    TestSet::new(["a", "b", "c", "d"].map(String::from).into(), images).unwrap()
}

fn method(set: &TestSet, skill: f64, seed: u64) -> DrawOutputs {
    let mut stream = Stream::new(seed, "method");
    let mut output = |image: &TestImage| {
        let truth = |l: Label| if l == Label::Present { skill } else { 0.0 };
        let scores: Vec<f64> = image.labels.iter().map(|&l| truth(l) + stream.normal()).collect();
        Some(Outputs {
            detection: scores.iter().copied().fold(f64::MIN, f64::max),
            against_normal: scores.clone(),
            probability: scores.iter().map(|s| 1.0 / (1.0 + (-s).exp())).collect(),
            uncalibrated: scores.iter().map(|s| 0.5 + s.atan() / 4.0).collect(),
            answers: scores.iter().map(|s| Decision::ALL[usize::from(*s < 0.3) + usize::from(s.abs() < 0.3)]).collect(),
            among_all: scores,
            signs: vec![],
        })
    };
    DrawOutputs { outputs: set.images().iter().map(&mut output).collect(), thresholds: vec![0.6; 4] }
}

const QUICK: Bootstrap = Bootstrap { replicates: 200, seed: 0, level: 0.95 };

#[test]
fn intervals_hold_the_figure_and_do_not_depend_on_threads() {
    let set = large_set(400);
    let draws: Vec<DrawOutputs> = (0..3).map(|seed| method(&set, 1.0, seed)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let table = pool.install(|| figures_with_intervals(&set, &draws, &QUICK, &Silent)).unwrap();
        let data = DataSummary::of("0", &set, &draws);
        MetricsFile::new(Value::Null, data, &set, &table, None).to_json().unwrap()
    };
    let text = run(1);
    assert_eq!(text, run(3));
    let table = figures_with_intervals(&set, &draws, &QUICK, &Silent).unwrap();
    for (id, figure) in table.iter() {
        let (low, high) = figure.interval().unwrap();
        let value = figure.value().unwrap();
        // A resampled set is less smooth than the set, so the calibration error is biased upwards.
        assert!(id == FigureId::CalibrationError || (low <= value && value <= high), "{}", id.name(&set));
        assert!(low < high && high - low < 0.3, "{}", id.name(&set));
    }
    let other = figures_with_intervals(&set, &draws, &Bootstrap { seed: 1, ..QUICK }, &Silent).unwrap();
    assert_ne!(other.iter().next().unwrap().1.interval(), table.iter().next().unwrap().1.interval());
}

#[test]
fn one_draw_resamples_patients_alone_with_the_spread_that_theory_gives() {
    let set = large_set(600);
    let draw = method(&set, 1.0, 7);
    let once = figures_with_intervals(&set, std::slice::from_ref(&draw), &QUICK, &Silent).unwrap();
    let thrice = figures_with_intervals(&set, &[draw.clone(), draw.clone(), draw], &QUICK, &Silent).unwrap();
    for ((id, a), (_, b)) in once.iter().zip(thrice.iter()) {
        let (a, b) = (a.interval().unwrap(), b.interval().unwrap());
        assert!((a.0 - b.0).abs() + (a.1 - b.1).abs() < 1e-12, "{}", id.name(&set));
    }
    // Hanley and McNeil (1982), equation 1.
    let figure = once.get(FigureId::AmongAll(Scope::Category(0), Measure::Auroc)).unwrap();
    let area = figure.value().unwrap();
    let positives = set.images().iter().filter(|i| i.labels[0] == Label::Present).count() as f64;
    let negatives = 600.0 - positives;
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let variance =
        (area * (1.0 - area) + (positives - 1.0) * (q1 - area * area) + (negatives - 1.0) * (q2 - area * area))
            / (positives * negatives);
    let (low, high) = figure.interval().unwrap();
    let ratio = (high - low) / (2.0 * 1.96 * variance.sqrt());
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn a_method_is_level_with_itself_and_a_better_one_is_above() {
    let set = large_set(400);
    let methods = |skill: f64, first: u64| (0..3).map(|d| method(&set, skill, first + d)).collect::<Vec<_>>();
    let (weak, strong) = (methods(0.6, 0), methods(1.8, 10));
    for difference in compare_methods(&set, &weak, &weak, &QUICK, &Silent).unwrap() {
        assert_eq!((difference.difference, difference.interval), (Some(0.0), Some((0.0, 0.0))));
        assert_eq!(difference.verdict, Verdict::Level);
    }
    let forth = compare_methods(&set, &strong, &weak, &QUICK, &Silent).unwrap();
    let back = compare_methods(&set, &weak, &strong, &QUICK, &Silent).unwrap();
    for (a, b) in forth.iter().zip(&back) {
        let name = a.id.name(&set);
        assert!((a.difference.unwrap() + b.difference.unwrap()).abs() < 1e-12, "{name}");
        assert!((a.interval.unwrap().0 + b.interval.unwrap().1).abs() < 1e-12, "{name}");
        let ranks = !matches!(
            a.id,
            FigureId::CalibrationError
                | FigureId::CalibrationErrorBefore
                | FigureId::Covered(..)
                | FigureId::Uncertain(..)
        );
        if ranks {
            assert_eq!((a.verdict, b.verdict), (Verdict::Above, Verdict::Below), "{name}");
        }
    }
    let mut other = weak.clone();
    other[1].outputs[5] = None;
    let error = compare_methods(&set, &weak, &other, &QUICK, &Silent).unwrap_err();
    assert_eq!(error.to_string(), "draw 1: only one method was tested on 5.png");
    assert!(compare_methods(&set, &weak, &weak[1..], &QUICK, &Silent).is_err());
}

#[test]
fn few_images_support_no_claim() {
    let set = large_set(30);
    let differences =
        compare_methods(&set, &[method(&set, 9.0, 0)], &[method(&set, -9.0, 1)], &QUICK, &Silent).unwrap();
    assert!(differences.iter().any(|d| d.few));
    assert!(differences.iter().all(|d| !d.few || d.verdict == Verdict::Undecided));
}

#[test]
fn metrics_json_has_the_shape_of_the_interface() {
    let truth = SignTruth::parse("image,halo,rim\n0.png,1,0\n1.png,0,1\n2.png,,1\n", "signs.csv").unwrap();
    let set = small_set().with_signs(&truth).unwrap();
    let mut draw = small_draw();
    draw.outputs.iter_mut().flatten().for_each(|o| o.signs = vec![o.detection, o.against_normal[0]]);
    draw.outputs[7] = None;
    let draws = [draw];
    let table = figures_with_intervals(&set, &draws, &QUICK, &Silent).unwrap();
    let data = DataSummary::of("abc", &set, &draws);
    let run = serde_json::json!({"method": "sd-mad"});
    let text = MetricsFile::new(run, data, &set, &table, None).to_json().unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&json), "answers data localisation pairwise_sign_accuracy protocols run schema signs");
    assert_eq!(json["schema"], 1);
    let expected = serde_json::json!(
        {"manifest_sha256": "abc", "images": 8, "left_out": 1, "draws": 1, "resampled": "images"});
    assert_eq!(json["data"], expected);
    assert_eq!(keys(&json["protocols"]), "detection discrimination multilabel");
    assert_eq!(keys(&json["protocols"]["detection"]), "ap auroc");
    for part in ["vs_normal", "vs_other"] {
        let part = &json["protocols"]["discrimination"][part];
        assert_eq!(keys(part), "macro per_category");
        assert_eq!((keys(&part["macro"]), keys(&part["per_category"])), ("ap auroc".into(), "a b".into()));
        assert_eq!(keys(&part["per_category"]["a"]), "ap auroc");
    }
    assert_eq!(
        keys(&json["protocols"]["multilabel"]),
        "ece ece_before exact_match hamming macro_auroc macro_f1 map micro_f1 per_category"
    );
    assert_eq!(keys(&json["signs"]), "halo rim");
    assert!(json["localisation"].is_null());
    assert_eq!(keys(&json["protocols"]["detection"]["auroc"]), "few hi lo value");
    // Image 0 has the halo alone, image 1 the rim alone.
    let output = |i: usize| &draws[0].outputs[i].as_ref().unwrap().signs;
    let right = [output(0)[0] > output(0)[1], output(1)[1] > output(1)[0]].iter().filter(|r| **r).count();
    assert_eq!(json["pairwise_sign_accuracy"]["value"], right as f64 / 2.0);
}
