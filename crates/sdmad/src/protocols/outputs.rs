use sdmad_base::{Error, Result};

use super::SignTruth;
use crate::{Decision, Label, Manifest};

/// What a method says of one image; each higher = more so, by its own best rule, fixed before testing.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// d: any anomaly.
    pub detection: f64,
    /// n_c: category c against normal, in the order of the categories.
    pub against_normal: Vec<f64>,
    /// r_c: category c among all images.
    pub among_all: Vec<f64>,
    /// p_c: a probability of category c, in [0, 1].
    pub probability: Vec<f64>,
    /// What the scores would say of category c as a probability without calibration, in [0, 1].
    pub uncalibrated: Vec<f64>,
    /// The three-way answer for category c.
    pub answers: Vec<Decision>,
    /// A standardised score for each sign of the sign truth ([`Standard`](crate::Standard)); empty without sign truth.
    pub signs: Vec<f64>,
}

/// What a method says of a test set after one draw of shots.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawOutputs {
    /// One entry for each image of the [`TestSet`]; `None` for an image that is left out in this draw (it shares a
    /// patient with a shot or nearly duplicates one).
    pub outputs: Vec<Option<Outputs>>,
    /// For each category the probability from which on it is called present; set on the support set.
    pub thresholds: Vec<f64>,
}

/// One image of a test set: what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TestImage {
    /// Its name, as in the manifest.
    pub image: String,
    /// Its patient, where known.
    pub patient: Option<String>,
    /// A label for each category.
    pub labels: Vec<Label>,
}

impl TestImage {
    /// Whether every label is known and none is present.
    pub fn is_normal(&self) -> bool {
        self.labels.iter().all(|&l| l == Label::Absent)
    }

    /// Whether some label is known to be present.
    pub fn is_abnormal(&self) -> bool {
        self.labels.contains(&Label::Present)
    }
}

/// Labels, patients and, where there is one, the sign truth of a test set.
#[derive(Clone, Debug)]
pub struct TestSet {
    categories: Vec<String>,
    images: Vec<TestImage>,
    signs: Vec<String>,
    sign_truth: Vec<Vec<Label>>,
}

impl TestSet {
    /// A test set of `images`, each with a label for each of `categories`.
    ///
    /// # Errors
    /// When there is no category, or an image has another number of labels.
    pub fn new(categories: Vec<String>, images: Vec<TestImage>) -> Result<Self> {
        if categories.is_empty() {
            return Err(Error::bad_input("a test set without categories: expected at least one"));
        }
        if let Some(image) = images.iter().find(|i| i.labels.len() != categories.len()) {
            return Err(Error::bad_input(format!(
                "{} has {} labels: expected {}, one for each category",
                image.image,
                image.labels.len(),
                categories.len()
            )));
        }
        let sign_truth = vec![Vec::new(); images.len()];
        Ok(TestSet { categories, images, signs: Vec::new(), sign_truth })
    }

    /// The test set made of the given rows of a manifest.
    ///
    /// # Errors
    /// When a row number is not in the manifest.
    pub fn from_manifest(manifest: &Manifest, rows: &[usize]) -> Result<Self> {
        let image = |&index: &usize| {
            let row = manifest.rows.get(index).ok_or_else(|| {
                Error::bad_input(format!("row {index}: {} has {} rows", manifest.path.display(), manifest.rows.len()))
            })?;
            Ok(TestImage { image: row.image.clone(), patient: row.patient.clone(), labels: row.labels.clone() })
        };
        TestSet::new(manifest.categories.clone(), rows.iter().map(image).collect::<Result<_>>()?)
    }

    /// Adds a sign truth; images that it lacks have every sign unknown.
    ///
    /// # Errors
    /// When it knows none of the images.
    pub fn with_signs(mut self, truth: &SignTruth) -> Result<Self> {
        self.sign_truth = truth.for_images(self.images.iter().map(|i| i.image.as_str()))?;
        self.signs = truth.signs().to_vec();
        Ok(self)
    }

    /// Adds labels of `signs` for each image, `[images][signs]`.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn with_sign_labels(mut self, signs: Vec<String>, labels: Vec<Vec<Label>>) -> Result<Self> {
        if labels.len() != self.images.len() || labels.iter().any(|l| l.len() != signs.len()) {
            return Err(Error::bad_input("sign labels: expected one for each image and sign"));
        }
        self.signs = signs;
        self.sign_truth = labels;
        Ok(self)
    }

    /// The label of a sign in an image; unknown where there is none.
    pub fn sign_label(&self, image: usize, sign: usize) -> Label {
        self.sign_truth.get(image).and_then(|l| l.get(sign)).copied().unwrap_or(Label::Unknown)
    }

    /// Ids of the categories.
    pub fn categories(&self) -> &[String] {
        &self.categories
    }

    /// The images.
    pub fn images(&self) -> &[TestImage] {
        &self.images
    }

    /// Ids of the signs whose truth is known; empty without sign truth.
    pub fn signs(&self) -> &[String] {
        &self.signs
    }

    /// Truth of each sign in image `image`.
    pub(crate) fn sign_truth(&self, image: usize) -> &[Label] {
        &self.sign_truth[image]
    }

    /// Fails when `draw` does not fit this set, or holds what is no score, probability or threshold.
    pub(crate) fn check(&self, draw: &DrawOutputs) -> Result<()> {
        let categories = self.categories.len();
        let wrong = |what: &str, found: usize, expected: usize| {
            Err(Error::bad_input(format!("{found} {what}: expected {expected}")))
        };
        if draw.outputs.len() != self.images.len() {
            return wrong("outputs", draw.outputs.len(), self.images.len());
        }
        if draw.thresholds.len() != categories {
            return wrong("thresholds", draw.thresholds.len(), categories);
        }
        if let Some(position) = draw.thresholds.iter().position(|t| t.is_nan()) {
            return Err(Error::bad_input(format!("the threshold of `{}` is not a number", self.categories[position])));
        }
        for (image, outputs) in self.images.iter().zip(&draw.outputs) {
            if let Some(outputs) = outputs {
                self.check_outputs(outputs).map_err(|e| e.at(&image.image))?;
            }
        }
        Ok(())
    }

    fn check_outputs(&self, outputs: &Outputs) -> Result<()> {
        let parts = [
            ("scores against normal", &outputs.against_normal, &self.categories),
            ("scores among all images", &outputs.among_all, &self.categories),
            ("probabilities", &outputs.probability, &self.categories),
            ("uncalibrated probabilities", &outputs.uncalibrated, &self.categories),
            ("sign scores", &outputs.signs, &self.signs),
        ];
        for (what, values, ids) in parts {
            if values.len() != ids.len() {
                return Err(Error::bad_input(format!("{} {what}: expected {}", values.len(), ids.len())));
            }
            if let Some(position) = values.iter().position(|v| v.is_nan()) {
                return Err(Error::bad_input(format!("{what}: that of `{}` is not a number", ids[position])));
            }
        }
        if outputs.answers.len() != self.categories.len() {
            let (found, expected) = (outputs.answers.len(), self.categories.len());
            return Err(Error::bad_input(format!("{found} answers: expected {expected}")));
        }
        if outputs.detection.is_nan() {
            return Err(Error::bad_input("the detection score is not a number"));
        }
        for values in [&outputs.probability, &outputs.uncalibrated] {
            if let Some(c) = values.iter().position(|p| !(0.0..=1.0).contains(p)) {
                return Err(Error::bad_input(format!(
                    "probability {} of `{}`: expected 0 to 1",
                    values[c], self.categories[c]
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let image = |labels| TestImage { image: "a.png".into(), patient: None, labels };
        assert!(TestSet::new(vec![], vec![]).is_err());
        let error = TestSet::new(vec!["cyst".into()], vec![image(vec![])]).unwrap_err();
        assert_eq!(error.to_string(), "a.png has 0 labels: expected 1, one for each category");
        let set = TestSet::new(vec!["cyst".into()], vec![image(vec![Label::Present])]).unwrap();
        let good = Outputs {
            detection: 0.0,
            against_normal: vec![1.0],
            among_all: vec![1.0],
            probability: vec![0.5],
            uncalibrated: vec![0.5],
            answers: vec![Decision::Present],
            signs: vec![],
        };
        let check = |outputs: Outputs| {
            set.check(&DrawOutputs { outputs: vec![Some(outputs)], thresholds: vec![0.5] }).map_err(|e| e.to_string())
        };
        assert_eq!(check(good.clone()), Ok(()));
        let bad = Outputs { probability: vec![1.5], ..good.clone() };
        assert_eq!(check(bad), Err("a.png: probability 1.5 of `cyst`: expected 0 to 1".into()));
        let bad = Outputs { among_all: vec![f64::NAN], ..good.clone() };
        assert_eq!(check(bad), Err("a.png: scores among all images: that of `cyst` is not a number".into()));
        let bad = Outputs { signs: vec![1.0], ..good };
        assert_eq!(check(bad), Err("a.png: 1 sign scores: expected 0".into()));
    }
}
