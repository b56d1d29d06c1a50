//! What thumbnails of 16 x 16 grey pixels already tell: a logistic regression on them, learnt on train, measured on
//! test. Where it does as well as a method, the set proves nothing (protocols.md, rule 6).

use std::collections::BTreeMap;

use rayon::prelude::*;
use sdmad_base::{Monitor, Result, Stream};
use serde::Serialize;

use super::inspect::Inspected;
use super::report::{DataFinding, DataSeverity};
use crate::data::{Label, Manifest, PatientKey, Split};
use crate::{Figure, LogisticRegression, auroc};

/// An AUROC from which on the pixels alone solve much of a set.
const SOLVED: f64 = 0.8;
/// L2 strengths, one of which is chosen on train.
const STRENGTHS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
const FOLDS: usize = 5;
/// Train images that are used at most.
const MOST: usize = 3000;

/// Figures of the pixel baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PixelBaseline {
    /// AUROC on test of any finding against normal.
    pub detection: Figure,
    /// The L2 strength, chosen by cross-validation on train; none where nothing could be learnt.
    pub l2: Option<f64>,
    /// Train and test images that took part.
    pub images: [usize; 2],
    /// AUROC on test of each category against normal, in the manifest's order.
    pub categories: Vec<BaselineFigure>,
}

/// The pixel baseline of one category against normal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineFigure {
    /// The category id.
    pub id: String,
    /// AUROC on test.
    pub auroc: Figure,
}

/// Images that take part in one question.
struct Samples {
    x: Vec<Vec<f64>>,
    y: Vec<bool>,
    folds: Vec<usize>,
}

pub(super) fn measure(manifest: &Manifest, files: &[Inspected], monitor: &dyn Monitor) -> Result<PixelBaseline> {
    let any = |row: usize| match &manifest.rows[row] {
        row if row.is_abnormal() => Some(true),
        row if row.is_normal() => Some(false),
        _ => None,
    };
    let train = samples(manifest, files, Split::Train, &any);
    let test = samples(manifest, files, Split::Test, &any);
    let images = [train.y.len(), test.y.len()];
    let l2 = choose_strength(&train, monitor)?;
    let of_category = |c: usize| {
        let truth = |row: usize| match &manifest.rows[row] {
            row if row.labels[c] == Label::Present => Some(true),
            row if row.is_normal() => Some(false),
            _ => None,
        };
        let (train, test) =
            (samples(manifest, files, Split::Train, &truth), samples(manifest, files, Split::Test, &truth));
        figure(&train, &test, l2)
    };
    let categories: Vec<BaselineFigure> = manifest
        .categories
        .par_iter()
        .enumerate()
        .map(|(c, id)| {
            monitor.check()?;
            Ok(BaselineFigure { id: id.clone(), auroc: of_category(c) })
        })
        .collect::<Result<_>>()?;
    Ok(PixelBaseline { detection: figure(&train, &test, l2), l2, images, categories })
}

fn samples(manifest: &Manifest, files: &[Inspected], split: Split, truth: &dyn Fn(usize) -> Option<bool>) -> Samples {
    let mut rows: Vec<(usize, bool, &[u8])> = manifest
        .rows_of(split)
        .filter_map(|(row, _)| {
            let looks = files.get(row)?.image.as_ref()?;
            Some((row, truth(row)?, looks.thumbnail.as_slice()))
        })
        .collect();
    if split == Split::Train && rows.len() > MOST {
        Stream::new(0, "data/check/baseline/images").shuffle(&mut rows);
        rows.truncate(MOST);
    }
    let mut keys: Vec<PatientKey<'_>> = rows.iter().map(|(row, ..)| manifest.rows[*row].patient_key()).collect();
    keys.sort_unstable();
    keys.dedup();
    Stream::new(0, "data/check/baseline/folds").shuffle(&mut keys);
    let fold: BTreeMap<PatientKey<'_>, usize> = keys.into_iter().enumerate().map(|(i, key)| (key, i % FOLDS)).collect();
    Samples {
        x: rows.iter().map(|(_, _, pixels)| pixels.iter().map(|&p| f64::from(p)).collect()).collect(),
        y: rows.iter().map(|(_, y, _)| *y).collect(),
        folds: rows.iter().map(|(row, ..)| fold[&manifest.rows[*row].patient_key()]).collect(),
    }
}

impl Samples {
    fn without(&self, fold: usize, inside: bool) -> (Vec<Vec<f64>>, Vec<bool>) {
        let kept = (0..self.y.len()).filter(|&i| (self.folds[i] == fold) == inside);
        kept.map(|i| (self.x[i].clone(), self.y[i])).unzip()
    }
}

/// The strength with the best out-of-fold AUROC; the strongest of equals.
fn choose_strength(train: &Samples, monitor: &dyn Monitor) -> Result<Option<f64>> {
    let fits: Vec<(f64, usize)> = STRENGTHS.iter().flat_map(|&l2| (0..FOLDS).map(move |fold| (l2, fold))).collect();
    let held: Vec<(Vec<f64>, Vec<bool>)> = fits
        .into_par_iter()
        .map(|(l2, fold)| {
            monitor.check()?;
            let (x, y) = train.without(fold, false);
            let (held_x, held_y) = train.without(fold, true);
            // A fold without one of the classes outside of it has nothing to learn from.
            Ok(scored(&x, &y, l2, &held_x).map(|scores| (scores, held_y)).unwrap_or_default())
        })
        .collect::<Result<_>>()?;
    let mut best: Option<(f64, f64)> = None;
    for (&l2, folds) in STRENGTHS.iter().zip(held.chunks(FOLDS)) {
        let (scores, truth): (Vec<&[f64]>, Vec<&[bool]>) =
            folds.iter().map(|(scores, truth)| (scores.as_slice(), truth.as_slice())).unzip();
        if let Some(value) = auroc(&scores.concat(), &truth.concat()).value()
            && best.is_none_or(|(_, most)| value >= most)
        {
            best = Some((l2, value));
        }
    }
    Ok(best.map(|(l2, _)| l2))
}

fn figure(train: &Samples, test: &Samples, l2: Option<f64>) -> Figure {
    for (part, name) in [(train, "train"), (test, "test")] {
        for (class, what) in [(true, "abnormal"), (false, "normal")] {
            if !part.y.contains(&class) {
                return Figure::missing(format!("no readable {what} image in {name}"));
            }
        }
    }
    let few = |class: bool| (test.y.iter().filter(|&&y| y == class).count() as u64) < crate::FEW;
    match l2.map(|l2| scored(&train.x, &train.y, l2, &test.x)) {
        None => Figure::missing("too few train images for cross-validation"),
        Some(Err(error)) => Figure::missing(error.to_string()),
        Some(Ok(scores)) => auroc(&scores, &test.y).marked_few(few(true) || few(false)),
    }
}

/// Log-odds of `held` by a fit on `x`, pixels standardised by `x`, classes of equal weight.
fn scored(x: &[Vec<f64>], y: &[bool], l2: f64, held: &[Vec<f64>]) -> Result<Vec<f64>> {
    let pixels = x.first().map_or(0, Vec::len);
    let count = x.len().max(1) as f64;
    let mut mean = vec![0.0; pixels];
    x.iter().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count));
    let mut scale = vec![0.0; pixels];
    x.iter().for_each(|row| {
        scale.iter_mut().zip(row).zip(&mean).for_each(|((s, v), m)| *s += (v - m).powi(2) / count);
    });
    // A pixel that never changes says nothing, and must not be blown up.
    scale.iter_mut().for_each(|s| *s = if *s > 1e-6 { 1.0 / s.sqrt() } else { 0.0 });
    let standard =
        |row: &Vec<f64>| -> Vec<f64> { row.iter().zip(&mean).zip(&scale).map(|((v, m), s)| (v - m) * s).collect() };
    let positives = y.iter().filter(|&&y| y).count().max(1) as f64;
    let negatives = (count - positives).max(1.0);
    let weights: Vec<f64> = y.iter().map(|&y| count / (2.0 * if y { positives } else { negatives })).collect();
    let rows: Vec<Vec<f64>> = x.iter().map(standard).collect();
    let model = LogisticRegression::fit(&rows, y, Some(&weights), l2)?;
    Ok(held.iter().map(|row| model.log_odds(&standard(row))).collect())
}

pub(super) fn findings(baseline: &PixelBaseline) -> Option<DataFinding> {
    let named = std::iter::once(("any finding", &baseline.detection))
        .chain(baseline.categories.iter().map(|c| (c.id.as_str(), &c.auroc)));
    let solved = named
        .filter_map(|(name, figure)| figure.value().map(|value| (name, value, figure.few())))
        .filter(|(_, value, _)| *value >= SOLVED)
        .map(|(name, value, few)| format!("{name} (AUROC {value:.3}{})", if few { ", few images" } else { "" }))
        .collect();
    let what = "a logistic regression on 16 x 16 grey pixels solves much of the set: where it does as well as a method, \
                the set proves nothing about the method; look for what gives the answer away (sources, devices, frames)";
    DataFinding::of(DataSeverity::Warning, "pixels_solve_it", what, solved)
}
