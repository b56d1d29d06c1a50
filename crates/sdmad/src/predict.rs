//! What a run answers for images: one record for each, in the order asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use sdmad_base::{Error, Result};
use sdmad_imaging::{RgbImage, read_image};

use crate::features::Seen;
use crate::model::{SOFTMAX_SCALE, WhyNot};
use crate::scope::Looks;
use crate::{Decision, Extractor, ImageMaps, NearShot, Rows, Run, Scores, nearest_shots};

/// What one sign says of an image for one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignAnswer {
    /// Id of the sign.
    pub id: String,
    /// Its text.
    pub text: String,
    /// a(x, s), in units of the bridge: about 1 where the image looks like the sign's categories and 0 where it does not by
    /// what the shots taught, and what its words add.
    pub similarity: f64,
    /// σ(2 (a(x, s) − the mean of a over the normal signs that count)), in [0, 1]: the sign against normal, with the sharpness of the softmax over findings.
    pub probability: f64,
    /// How much speaks for the sign being there, above 0, or not, below 0, on a scale on which signs of one image can be compared:
    /// log-odds by what the alignment reads in drawn images with what the sign names and without, and what the shots taught, counted from its mean over the
    /// shots, in the same unit. Else standard deviations, and 0 is an average image: without an alignment, by one of before this was kept, with folds in
    /// domains whose words weigh less beside shots, and in runs of before.
    pub standardised: f64,
    /// Whether it counts for the category.
    pub selected: bool,
    /// Why not, when it does not count.
    pub why_not: Option<WhyNot>,
}

/// The answer for one category of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryAnswer {
    /// Id of the category.
    pub id: String,
    /// Its calibrated probability, in [0, 1].
    pub probability: f64,
    /// 95 % interval of it, by how sure the calibration is; none where nothing was calibrated.
    pub interval: Option<[f64; 2]>,
    /// The three-way answer at the run's coverage.
    pub decision: Decision,
    /// The probability of highest F1 on the shots, in [0, 1]. `decision` does not follow from it.
    pub threshold: f64,
    /// What its name, and that it is a finding at all, say for it beyond normal, in the units of similarities: added to the mean
    /// over its signs that count, less that over normal's. 0 without an alignment.
    pub beside_signs: f64,
    /// Its signs; empty for a baseline.
    pub signs: Vec<SignAnswer>,
}

/// A map on disk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapFile {
    /// `any`, or the id of a category.
    pub of: String,
    /// The file, below the folder of the predictions: grey PNG of the image's size, 0 to 255 for 0 to 1.
    pub file: String,
}

/// What answered: equal records give equal bits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelRecord {
    /// SHA-256 of the run's trained tensors.
    pub run_sha256: String,
    /// SHA-256 of the image tower.
    pub image_tower_sha256: Option<String>,
    /// SHA-256 of its architecture and preprocessing.
    pub image_recipe_sha256: Option<String>,
    /// SHA-256 of the sign bank.
    pub bank_sha256: Option<String>,
    /// That of the image tower.
    pub precision: Option<&'static str>,
    /// The instruction path of this process.
    pub instructions: &'static str,
}

/// One line of `predictions.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Prediction {
    /// The image was read and scored.
    Answered {
        /// The image, as it was named.
        image: String,
        /// An answer for each category.
        categories: Vec<CategoryAnswer>,
        /// Probability that the image is normal, in [0, 1].
        normal_probability: f64,
        /// How often, at least, answers of `present` and `absent` shall not rule out what is true, in each class of each category.
        coverage: f64,
        /// The share of images with a category, or of normal ones, that probabilities are for, where it was stated; else it is that of the shots.
        prevalence: BTreeMap<String, f64>,
        /// Files of maps, where they were asked for.
        maps: Vec<MapFile>,
        /// What the reader of the answer should know.
        warnings: Vec<String>,
        /// What answered.
        model: Box<ModelRecord>,
    },
    /// The image could not be read.
    Failed {
        /// The image, as it was named.
        image: String,
        /// Why, and what to do.
        error: String,
    },
}

impl Run {
    /// The hashes that stand in every prediction.
    ///
    /// # Errors
    /// When the run's tensors cannot be read.
    pub fn model_record(&self) -> Result<ModelRecord> {
        Ok(ModelRecord {
            run_sha256: sdmad_base::sha256_file(&self.folder.join("adapter_model.safetensors"))?,
            image_tower_sha256: self.config.encoder.as_ref().map(|e| e.image_sha256.clone()),
            image_recipe_sha256: self.config.encoder.as_ref().map(|e| e.image_recipe_sha256.clone()),
            bank_sha256: self.config.bank.as_ref().map(|b| b.sha256.clone()),
            precision: self.config.encoder.as_ref().map(|e| e.precision.name()),
            instructions: sdmad_engine::instruction_path().name(),
        })
    }
}

/// What a run sees in one image. It depends on this image alone.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The decoded image.
    pub picture: RgbImage,
    /// All scores.
    pub scores: Scores,
    /// Where findings are, if the run has maps and they were asked for.
    pub maps: Option<ImageMaps>,
    /// The shots that it is most like.
    pub nearest: Vec<NearShot>,
    /// What a reader of the answers should know.
    pub warnings: Vec<String>,
}

/// How many similar shots are named.
const NEAREST: usize = 3;

impl Looked {
    /// Looks at an image file, with maps if they are wanted.
    ///
    /// # Errors
    /// When the file is missing or is no image that can be decoded.
    pub fn at(run: &Run, extractor: &Extractor<'_>, image: &Path, maps: bool) -> Result<Self> {
        let seen = extractor.see(image, Rows::Mean, run.model.maps.as_ref().filter(|_| maps))?;
        let Seen { features, picture, maps } = seen;
        let picture = picture.map_or_else(|| read_image(image), Ok)?;
        let mean = features.mean();
        let scores = run.model.score(&mean, &features.attributes);
        let mut warnings = match &run.scope {
            Some(scope) => scope.warnings(&Looks::of(&picture), &mean, &run.support_features),
            None => Vec::new(),
        };
        for (id, calibration) in run.model.categories.iter().zip(&run.model.calibration.categories) {
            warnings.extend(calibration.no_answer(run.model.coverage).map(|why| format!("{id}: {why}")));
        }
        let nearest = nearest_shots(&mean, &run.support_features, NEAREST);
        Ok(Looked { picture, scores, maps, nearest, warnings })
    }

    /// The line of `predictions.jsonl` that says it.
    pub fn prediction(&self, run: &Run, record: &ModelRecord, image: String, maps: Vec<MapFile>) -> Prediction {
        Prediction::Answered {
            image,
            categories: self.answers(run),
            normal_probability: self.scores.normal_probability,
            coverage: run.model.coverage,
            prevalence: run.model.prevalence.clone(),
            maps,
            warnings: self.warnings.clone(),
            model: Box::new(record.clone()),
        }
    }

    /// An answer for each category.
    pub fn answers(&self, run: &Run) -> Vec<CategoryAnswer> {
        let scores = &self.scores;
        // Normal's signs in the same units as every other sign: columns have the mean of what words say taken off.
        let of_normal = scores.selected.first().map_or(&[][..], Vec::as_slice);
        let normal = of_normal.iter().map(|&s| scores.similarities[s]).sum::<f64>() / of_normal.len().max(1) as f64;
        let signs_of = |c: usize| {
            let Some(signs) = &run.model.signs else { return Vec::new() };
            let answer = |&s: &usize| {
                let why_not = signs.why_not(c + 1, s, &scores.selected);
                let logit = SOFTMAX_SCALE * (scores.similarities[s] - normal);
                SignAnswer {
                    id: signs.bank.signs[s].id.clone(),
                    text: signs.bank.signs[s].text.clone(),
                    similarity: scores.similarities[s],
                    probability: 1.0 / (1.0 + (-logit).exp()),
                    standardised: scores.outputs.signs[s],
                    selected: why_not.is_none(),
                    why_not,
                }
            };
            signs.map.sets.category(c).iter().map(answer).collect()
        };
        let answer = |(c, id): (usize, &String)| CategoryAnswer {
            id: id.clone(),
            probability: scores.outputs.probability[c],
            interval: scores.intervals[c],
            decision: scores.outputs.answers[c],
            threshold: run.model.calibration.categories[c].threshold,
            beside_signs: scores.beside.get(c + 1).map_or(0.0, |own| own - scores.beside[0]),
            signs: signs_of(c),
        };
        run.model.categories.iter().enumerate().map(answer).collect()
    }
}

impl Prediction {
    /// The line of an image that could not be read.
    pub fn failed(image: String, error: &Error) -> Self {
        let hint = error.hint().map_or_else(String::new, |h| format!(" ({h})"));
        Prediction::Failed { image, error: format!("{error}{hint}") }
    }
}

/// Endings of files that are taken from a folder.
const IMAGE_ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "dib"];

/// The images named by `inputs`: files as they are, whatever their ending, and of folders every image below, by name.
///
/// # Errors
/// When an input does not exist, a folder cannot be listed, or a folder holds no image.
pub fn image_files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        let kind = std::fs::metadata(input).map_err(|e| Error::io("read", input, e))?;
        if !kind.is_dir() {
            files.push(input.clone());
            continue;
        }
        let before = files.len();
        collect(input, &mut files)?;
        if files.len() == before {
            return Err(Error::bad_input(format!("{} holds no image", input.display()))
                .with_hint(format!("files of a folder are taken by their ending: {}", IMAGE_ENDINGS.join(", "))));
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let list = |e| Error::io("list", folder, e);
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(list)?
        .map(|entry| entry.map(|e| e.path()).map_err(list))
        .collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
        // A link to a folder above would lead round and round.
        let kind = std::fs::symlink_metadata(&path).map_err(|e| Error::io("read", &path, e))?;
        if kind.is_dir() {
            collect(&path, files)?;
        } else if ending.is_some_and(|e| IMAGE_ENDINGS.contains(&e.as_str())) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_their_images_in_order_and_empty_ones_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["z.PNG", "a.jpg", "b/c.tiff", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let files = image_files(&[folder.path().to_path_buf()]).unwrap();
        let names: Vec<_> = files.iter().map(|f| f.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.jpg", "b/c.tiff", "z.PNG"]);
        let empty = tempfile::tempdir().unwrap();
        assert!(image_files(&[empty.path().to_path_buf()]).unwrap_err().to_string().contains("no image"));
        assert!(image_files(&[folder.path().join("gone.png")]).is_err());
    }
}
