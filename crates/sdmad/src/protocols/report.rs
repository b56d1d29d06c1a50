use std::path::Path;

use sdmad_base::{Error, Result, write_atomic};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{DrawOutputs, FigureId, FigureTable, Measure, Scope, TestSet};
use crate::metrics::Figure;
use crate::{Label, MapOrigin};

/// The number in `metrics.json` that grows when its shape changes.
pub const METRICS_SCHEMA: u32 = 1;

/// What `metrics.json` says of the data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataSummary {
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// Test images of the manifest.
    pub images: usize,
    /// How many of them were left out because they share a patient with a shot or nearly duplicate one: the sum over
    /// draws.
    pub left_out: usize,
    /// Draws of shots.
    pub draws: usize,
    /// What the bootstrap resamples: `patients`, `images`, or `patients and images` where only some patients are known.
    pub resampled: &'static str,
}

impl DataSummary {
    /// Counts images, draws and what was left out.
    pub fn of(manifest_sha256: &str, set: &TestSet, draws: &[DrawOutputs]) -> Self {
        let with_patient = set.images().iter().filter(|i| i.patient.is_some()).count();
        DataSummary {
            manifest_sha256: manifest_sha256.to_string(),
            images: set.images().len(),
            left_out: draws.iter().map(|d| d.outputs.iter().filter(|o| o.is_none()).count()).sum(),
            draws: draws.len(),
            resampled: match with_patient {
                0 => "images",
                n if n == set.images().len() => "patients",
                _ => "patients and images",
            },
        }
    }
}

/// Figures of maps over the pixels of all images together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapFigures {
    /// Pixel AUROC.
    pub pixel_auroc: Figure,
    /// Pixel average precision.
    pub pixel_ap: Figure,
    /// Per-region overlap up to 30 % false-positive rate.
    pub pro: Figure,
}

impl MapFigures {
    /// From pixel AUROC, average precision and region overlap.
    pub fn of([pixel_auroc, pixel_ap, pro]: [Figure; 3]) -> Self {
        MapFigures { pixel_auroc, pixel_ap, pro }
    }
}

/// Localisation: the maps of a run against masks.
#[derive(Clone, Debug, Serialize)]
pub struct Localisation {
    /// The map of any anomaly against the union of an image's masks, over normal images and masked ones.
    #[serde(flatten)]
    pub any: MapFigures,
    /// The same of a map that is highest in the middle of every image.
    pub centre_prior: MapFigures,
    /// Each category's map against its masks, over normal images and those that have it.
    pub(crate) per_category: Ordered<MapFigures>,
    /// Where the maps came from.
    pub origin: MapOrigin,
    /// Images measured.
    pub images: usize,
    /// Those of them with a mask.
    pub abnormal: usize,
}

/// The content of `metrics.json`.
///
/// Keys stand in a fixed order, categories and signs in the order of the set, so that equal figures give equal bytes.
#[derive(Clone, Debug, Serialize)]
pub struct MetricsFile {
    schema: u32,
    run: serde_json::Value,
    data: DataSummary,
    protocols: Protocols,
    answers: PerCategory<AnswerFigures>,
    localisation: Option<Localisation>,
    signs: Option<Ordered<SignFigures>>,
    pairwise_sign_accuracy: Option<Figure>,
}

#[derive(Clone, Debug, Serialize)]
struct Protocols {
    detection: Ranking,
    discrimination: Discrimination,
    multilabel: MultiLabelFigures,
}

#[derive(Clone, Debug, Serialize)]
struct Ranking {
    auroc: Figure,
    ap: Figure,
}

#[derive(Clone, Debug, Serialize)]
struct Discrimination {
    vs_normal: PerCategory<Ranking>,
    vs_other: PerCategory<Ranking>,
}

#[derive(Clone, Debug, Serialize)]
struct PerCategory<T> {
    #[serde(rename = "macro")]
    mean: T,
    per_category: Ordered<T>,
}

#[derive(Clone, Debug, Serialize)]
struct MultiLabelFigures {
    macro_auroc: Figure,
    map: Figure,
    macro_f1: Figure,
    micro_f1: Figure,
    exact_match: Figure,
    hamming: Figure,
    ece: Figure,
    ece_before: Figure,
    per_category: Ordered<CategoryFigures>,
}

/// How three-way answers came out, among images with a category and among images known to be without it.
#[derive(Clone, Debug, Serialize)]
struct AnswerFigures {
    present: ClassFigures,
    absent: ClassFigures,
}

#[derive(Clone, Debug, Serialize)]
struct ClassFigures {
    covered: Figure,
    uncertain: Figure,
}

#[derive(Clone, Debug, Serialize)]
struct CategoryFigures {
    auroc: Figure,
    ap: Figure,
    f1: Figure,
}

#[derive(Clone, Debug, Serialize)]
struct SignFigures {
    auroc: Figure,
}

/// A JSON object whose keys keep their order.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<T>(pub(crate) Vec<(String, T)>);

impl<T> Ordered<T> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl MetricsFile {
    /// Puts a table of `set` into the shape of the file. `run` says what made the outputs: method, encoder, shots.
    pub fn new(
        run: serde_json::Value,
        data: DataSummary,
        set: &TestSet,
        table: &FigureTable,
        localisation: Option<Localisation>,
    ) -> Self {
        let figure = |id| table.get(id).cloned().unwrap_or_else(|| Figure::missing("not measured"));
        let ranking = |family: fn(Scope, Measure) -> FigureId, scope| Ranking {
            auroc: figure(family(scope, Measure::Auroc)),
            ap: figure(family(scope, Measure::AveragePrecision)),
        };
        let per_category = |family| PerCategory {
            mean: ranking(family, Scope::Macro),
            per_category: ordered(set.categories(), |c| ranking(family, Scope::Category(c))),
        };
        let multilabel = MultiLabelFigures {
            macro_auroc: figure(FigureId::AmongAll(Scope::Macro, Measure::Auroc)),
            map: figure(FigureId::AmongAll(Scope::Macro, Measure::AveragePrecision)),
            macro_f1: figure(FigureId::F1(Scope::Macro)),
            micro_f1: figure(FigureId::MicroF1),
            exact_match: figure(FigureId::ExactMatch),
            hamming: figure(FigureId::Hamming),
            ece: figure(FigureId::CalibrationError),
            ece_before: figure(FigureId::CalibrationErrorBefore),
            per_category: ordered(set.categories(), |c| CategoryFigures {
                auroc: figure(FigureId::AmongAll(Scope::Category(c), Measure::Auroc)),
                ap: figure(FigureId::AmongAll(Scope::Category(c), Measure::AveragePrecision)),
                f1: figure(FigureId::F1(Scope::Category(c))),
            }),
        };
        let class = |scope, class| ClassFigures {
            covered: figure(FigureId::Covered(scope, class)),
            uncertain: figure(FigureId::Uncertain(scope, class)),
        };
        let answers =
            |scope| AnswerFigures { present: class(scope, Label::Present), absent: class(scope, Label::Absent) };
        let has_signs = !set.signs().is_empty();
        MetricsFile {
            schema: METRICS_SCHEMA,
            run,
            data,
            protocols: Protocols {
                detection: Ranking {
                    auroc: figure(FigureId::Detection(Measure::Auroc)),
                    ap: figure(FigureId::Detection(Measure::AveragePrecision)),
                },
                discrimination: Discrimination {
                    vs_normal: per_category(FigureId::VsNormal),
                    vs_other: per_category(FigureId::VsOther),
                },
                multilabel,
            },
            answers: PerCategory {
                mean: answers(Scope::Macro),
                per_category: ordered(set.categories(), |c| answers(Scope::Category(c))),
            },
            localisation,
            signs: has_signs.then(|| ordered(set.signs(), |s| SignFigures { auroc: figure(FigureId::Sign(s)) })),
            pairwise_sign_accuracy: has_signs.then(|| figure(FigureId::SignPairs)),
        }
    }

    /// Figures of maps, where they were measured.
    pub fn localisation(&self) -> Option<&Localisation> {
        self.localisation.as_ref()
    }

    /// As indented JSON with a line break at its end.
    ///
    /// # Errors
    /// Never for what [`MetricsFile::new`] makes.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::bad_input(format!("the figures cannot be written as JSON: {e}")))?;
        Ok(text + "\n")
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When the folder is missing or read-only, or the disk is full.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.to_json()?.as_bytes())
    }
}

fn ordered<T>(ids: &[String], value: impl Fn(usize) -> T) -> Ordered<T> {
    Ordered(ids.iter().enumerate().map(|(number, id)| (id.clone(), value(number))).collect())
}
