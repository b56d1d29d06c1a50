//! Sign-driven few-shot detection of several anomalies in medical images: data, signs, training, scores, protocols and reports.
//!
//! A [`Manifest`] and a [`Bank`] of signs go with [`Settings`] into a [`TrainPlan`]; [`train()`] makes a run, [`Run`] opens it, [`Model::score`] answers for one
//! image, and [`figures_with_intervals`] measures. Encoders are in `sdmad-encoders`, kernels in `sdmad-engine`. ARCHITECTURE.md walks
//! through all of it, docs/method.md has the formulas. Research use only, not a medical device.

mod adapt;
mod align;
mod baseline;
mod benchmark;
mod bootstrap;
mod bridge;
mod calibration;
mod category_names;
#[cfg(test)]
mod congruential;
mod curves;
mod data;
mod edited_signs;
mod evaluate;
mod features;
mod logistic;
mod loss;
mod maps;
mod metrics;
mod model;
mod phantom;
mod precision;
mod predict;
mod protocols;
mod report;
mod run;
mod scope;
mod select;
mod settings;
mod shots;
mod sign_text;
mod signs;
mod train;

pub use benchmark::{
    BenchmarkConfig, BenchmarkMethod, BenchmarkResults, BenchmarkSet, CellFacts, CellInputs, CellName, CellOutcome,
    CellRecord, CellStore, EncoderInputs, Found, METHOD_VERSION, PLAN, Plan, PlannedCell, PlannedEncoder,
    PlannedMethod, PlannedSet, benchmark_results,
};
pub use bootstrap::{Bootstrap, Difference, LEVEL_MARGIN, Verdict, compare_methods, figures_with_intervals};
pub use calibration::{
    Calibration, CalibrationMap, CalibrationSettings, CategoryCalibration, Conformal, DEFAULT_COVERAGE, Decision,
    FitSpread, HeldOut, Platt, Temperature, ThresholdRule, best_f1_threshold,
};
pub use data::{
    BaselineFigure, CategoryCount, DataFinding, DataReport, DataSeverity, ImportBoxes, ImportKind, ImportLabels,
    ImportOptions, ImportPart, ImportReaders, ImportSummary, ImportViews, ImportedCategory, Label, Manifest, Masks,
    NearDuplicate, NearDuplicates, PatientKey, PixelBaseline, Row, ShotSupply, Split, SplitCount, SplitFractions,
    check as check_data, import as import_data, split as split_data,
};
pub use logistic::{GramLogisticRegression, GramMultinomialRegression, LogisticRegression, gram};
pub use metrics::{
    CALIBRATION_BINS, FEW, Figure, PRO_LIMIT, PixelFigures, auroc, average_precision, brier_score, calibration_error,
    exact_match, hamming_loss, macro_f1, micro_f1, pairwise_sign_accuracy,
};
pub use phantom::{
    PHANTOM_CATEGORIES, PhantomConfig, PhantomImage, PhantomSign, PhantomSummary, generate as generate_phantoms,
    phantom_image,
};
pub use protocols::{
    DataSummary, DrawOutputs, FigureId, FigureTable, Localisation, METRICS_SCHEMA, MapFigures, Measure, MetricsFile,
    Outputs, Scope, SignTruth, Standard, TestImage, TestSet,
};
pub use shots::{
    FoldRow, Folds, LeftOut, NEAR_DUPLICATE_BITS, ShortSupply, Shortage, ShotRecord, Shots, Support, Traits,
    draw_shots, folds, leave_out, read_shots, read_support_list, shot_records, write_shots,
};
pub use signs::{
    ApiKey, Bank, Category, Chat, ChatError, ChatErrorKind, ChatRequest, Code, Draft, DraftRequest,
    Finding as SignFinding, LINTS as SIGN_LINTS, Lint as SignLint, Message, NORMAL, OpenAiChat, PromptForm, Provenance,
    Role, Severity, Sign, TextEmbedding, Transcript, TranscriptEntry, check as check_signs, draft as draft_signs,
    shipped_names, shipped_text,
};

pub use adapt::{AdapterChoice, AdapterSettings, AdapterSource, LayerChoice, TowerAdapters};
pub use align::{
    AlignPlan, AlignSettings, AlignedEncoder, Alignment, AlignmentControl, AlignmentRecord, AlignmentSettings,
    AttributeReader, ChosenAlignment, DomainAlignment, DomainNormals, DomainReport, NormalVariation,
    NormalVariationUse, Presence, RunAlignment, SignPrior, TextReader, align, learn_presence, read_normals,
};
pub use baseline::{
    AdaptedPatches, Baseline, BaselineChoices, Blend, ClassText, ClipAdapter, FeatureSpace, FittedBaseline, Mvfa,
    NormalKnn, PatchDetector, PatchLevel, PatchMemory, Prototype, SpaceName, Statistic, TipAdapter, text_reader,
};
pub use bridge::{Bridge, BridgeSettings, FittedBridge, SupportSet};
pub use edited_signs::{ADDED, SignEdit, with_signs};
pub use evaluate::{
    Evaluation, Measured, Scored, ScoresFile, evaluate, measured_features, measured_rows, score_features,
};
pub use features::{
    DEFAULT_BATCH, Extractor, FeatureBlock, FeatureCache, FeatureSettings, ImageFeatures, ImageReader, Rows, Summary,
    View,
};
pub use loss::{InterLoss, LossGradient, LossSettings, SignSets, losses};
pub use maps::{ImageMaps, MapOrigin, MapSettings, MapSource, PatchMaps, localisation, spread_out};
pub use model::{Coexistence, Method, Model, ProbeForm, Scores, SignModel, WhyNot};
pub use precision::{PrecisionChoice, choose_precision};
pub use predict::{CategoryAnswer, Looked, MapFile, ModelRecord, Prediction, SignAnswer, image_files};
pub use report::{ReportHead, ReportImage, ReportKind, report_set, write_report};
pub use run::Run;
pub use scope::{Looks, NearShot, ScopeModel, ScopeSettings, nearest_shots};
pub use select::{Choice, SelectionMode, SelectionSettings, SignChoice, SupportSelection};
pub use settings::{Preset, Settings};
pub use sign_text::{SignMap, TextSettings, TextSource};
pub use train::{
    BankRecord, BaselineRecord, EncoderRecord, RUN_FORMAT, ReaderName, RunConfig, TrainPlan, TrainedRun, train,
};
