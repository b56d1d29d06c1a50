//! The command line as it is typed. Each verb's file turns its part into a plan.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod import;

pub(crate) use import::ImportArgs;

/// Few-shot detection of several anomalies in medical images, by radiological signs.
///
/// Research use only, not a medical device.
#[derive(Debug, Parser)]
#[command(name = "sdmad", version, max_term_width = 110)]
pub(crate) struct Arguments {
    /// Threads to compute with (default: every core). Results are the same bits for any number.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Instructions to compute with: portable, avx2_fma, avx512, avx512_bf16_vnni or amx (default: the widest that the processor has).
    /// Results are the same bits on one path and precision.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) instructions: Option<String>,
    /// Say nothing on stderr but errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// The whole story on phantoms: encoders, shots, training, sign selection, three protocols.
    Demo(DemoArgs),
    /// Fetch, verify and carry the frozen encoders.
    Encoder(EncoderArgs),
    /// Import, check, split and generate data sets.
    Data(DataArgs),
    /// Check and draft banks of radiological signs.
    Signs(SignsArgs),
    /// Teach a pair of encoders to read signs, by findings drawn on normal images; writes an alignment.
    Align(AlignArgs),
    /// Adapt to K shots of each category; writes a run folder.
    Train(TrainArgs),
    /// Measure a run by the three protocols; writes metrics.json and scores.csv.
    Evaluate(EvaluateArgs),
    /// Compare evaluations over several draws, with paired intervals.
    Compare(CompareArgs),
    /// The sealed benchmark: sets, shots, draws and methods of a configuration; resumes; writes results.json, .md and .html.
    Benchmark(BenchmarkArgs),
    /// Put the shards of a benchmark together.
    Merge(MergeArgs),
    /// Score images with a run; writes predictions.jsonl.
    Predict(PredictArgs),
}

/// The precision of the towers' blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionName {
    /// 32-bit floating point.
    F32,
    /// Weights and inputs rounded to bfloat16.
    Bf16,
    /// Weights and inputs rounded to 8-bit integers.
    Int8,
    /// In training the fastest that loses nothing on the shots, out of fold; elsewhere the run's own.
    Auto,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Precision of the towers' blocks.
    #[arg(long, value_enum, default_value = "bf16")]
    pub(crate) precision: PrecisionName,
    /// Where to write the phantoms, the runs and the figures (default: sdmad-demo, or sdmad-demo-2 and so on).
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EncoderArgs {
    #[command(subcommand)]
    pub(crate) action: EncoderAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EncoderAction {
    /// List encoders that can be pulled and those in the cache.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Fetch an encoder: `dinov2s-minilm`, or `hf:ORG/NAME` from the hub that HF_ENDPOINT names.
    Pull {
        /// Name of the encoder.
        name: String,
    },
    /// Write an encoder of the cache into one file, for a machine without network.
    Export {
        /// Name of the encoder.
        name: String,
        /// The file to write.
        file: PathBuf,
    },
    /// Take an exported encoder into the cache.
    Import {
        /// A file written by `encoder export`.
        file: PathBuf,
    },
    /// Verify hashes, load the encoder, scan its weights and name the instruction path.
    Check {
        /// Name of an encoder, or a model folder.
        name: String,
        /// Precision of the towers' blocks, whose packed weights are made anew: f32, bf16 or int8.
        #[arg(long, default_value = "bf16")]
        precision: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    pub(crate) action: DataAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataAction {
    /// Write a manifest for a data set as its publisher laid it out.
    Import(ImportArgs),
    /// Look for missing files, patients across splits, near-duplicates; count; measure the pixel baseline.
    Check {
        /// The manifest.
        manifest: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Split a manifest by patient.
    Split {
        /// The manifest.
        manifest: PathBuf,
        /// The manifest to write.
        #[arg(long, value_name = "CSV")]
        out: PathBuf,
        /// Fractions of train, valid and test.
        #[arg(long, value_delimiter = ',', value_name = "F,F,F", default_values_t = [0.4, 0.0, 0.6])]
        fractions: Vec<f64>,
        /// Seed of the split.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Generate ultrasound-like phantoms with masks and the truth of every sign.
    Phantom {
        /// The folder to write.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// How many images.
        #[arg(long, default_value_t = 400)]
        images: usize,
        /// Seed of everything that is drawn.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SignsArgs {
    #[command(subcommand)]
    pub(crate) action: SignsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignsAction {
    /// List the shipped banks.
    List,
    /// Print a shipped bank, to start one's own from.
    Show {
        /// Name of a shipped bank.
        name: String,
    },
    /// Lint a bank.
    Check {
        /// A bank.toml, or the name of a shipped bank.
        bank: String,
        /// The encoder whose text tower finds near-duplicates.
        #[arg(long, default_value = sdmad_encoders::DEFAULT_ENCODER)]
        encoder: String,
        /// Do not load an encoder: no search for near-duplicates.
        #[arg(long)]
        no_encoder: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// How each sign of a run behaves on its shots: margin, kept or dropped, most similar sign, who shares it.
    Explain(ExplainArgs),
    /// What a new or reworded sign would change in a run's answers for images, at once and without training.
    Try(TryArgs),
    /// Let a language model write a bank, by any OpenAI-compatible endpoint.
    Draft(DraftArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A run folder.
    pub(crate) run: PathBuf,
    /// Also draw the margins, as SVG.
    #[arg(long, value_name = "SVG")]
    pub(crate) plot: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// A run folder.
    pub(crate) run: PathBuf,
    /// The words of the sign: what can be seen, in a few words.
    pub(crate) text: String,
    /// Images and folders of images.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// The words are a new sign of this category, or of normal.
    #[arg(long, value_name = "ID", conflicts_with = "instead_of")]
    pub(crate) category: Option<String>,
    /// The words stand in place of those of this sign.
    #[arg(long, value_name = "SIGN")]
    pub(crate) instead_of: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DraftArgs {
    /// What the images are: "a breast ultrasound image".
    #[arg(long)]
    pub(crate) modality: String,
    /// Category ids, without normal: `benign=benign breast mass,malignant`.
    #[arg(long, value_delimiter = ',', value_name = "ID[=NAME],…", required = true)]
    pub(crate) categories: Vec<String>,
    /// Name of the bank.
    #[arg(long)]
    pub(crate) name: String,
    /// The model to ask.
    #[arg(long)]
    pub(crate) model: String,
    /// The endpoint (or OPENAI_BASE_URL), up to and with its version: `http://localhost:8000/v1`.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Signs for each category.
    #[arg(long, default_value_t = 10)]
    pub(crate) per_category: usize,
    /// The bank to write; its transcript goes beside it.
    #[arg(long, value_name = "TOML")]
    pub(crate) out: PathBuf,
}

/// How a run scores images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// The sign-driven method.
    Sdmad,
    /// The sign-driven method without a shot: as with --shots 0.
    ZeroShotSigns,
    /// Logistic regression on the same features, L2 and form chosen inside the support set.
    LinearProbe,
    /// Logistic regression on 16 × 16 grey pixels.
    Pixels,
    /// Nearest class mean on the same features (docs/baselines.md says of this and the next ones what they are).
    Prototype,
    /// The names of the classes, without a shot.
    ZeroShotName,
    /// Tip-Adapter: a cache of the shots beside the names.
    TipAdapter,
    /// Tip-Adapter-F: the same with trained keys.
    TipAdapterF,
    /// CLIP-Adapter: a trained bottleneck behind the features.
    ClipAdapter,
    /// CoOp: learned words around the names.
    Coop,
    /// Distances from the patches of normal shots: tells anomalies from normal, and none from another.
    NormalKnn,
    /// MVFA: trained adapters on patches and distances behind them; tells anomalies from normal, and none from another.
    Mvfa,
}

#[derive(Debug, Args)]
pub(crate) struct AlignArgs {
    /// Normal images to draw on, none of them with a finding: a folder, or a manifest (its train rows without a finding).
    /// `DOMAIN=DIR` gives them to one of several domains. Without it, tissue of our own is drawn.
    #[arg(long, value_name = "DIR")]
    pub(crate) normals: Vec<String>,
    /// The kind of image: ultrasound, xray, fundus, dermoscopy, oct, brain_mri, endoscopy, or general for any other; may be given more than
    /// once (default: all of them; with --normals DIR general).
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Vec<String>,
    /// Name of an encoder, or a model folder.
    #[arg(long, default_value = sdmad_encoders::DEFAULT_ENCODER)]
    pub(crate) encoder: String,
    /// Images to render in each domain.
    #[arg(long, default_value_t = sdmad::AlignSettings::default().images)]
    pub(crate) images: usize,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// The manifest.
    #[arg(long, value_name = "CSV")]
    pub(crate) data: PathBuf,
    /// A bank.toml, or the name of a shipped bank; of it, baselines read the names of the classes alone.
    #[arg(long, value_name = "BANK")]
    pub(crate) signs: Option<String>,
    /// Name of an encoder, or a model folder.
    #[arg(long, default_value = sdmad_encoders::DEFAULT_ENCODER)]
    pub(crate) encoder: String,
    /// Precision of the towers' blocks; the run keeps it.
    #[arg(long, value_enum, default_value = "bf16")]
    pub(crate) precision: PrecisionName,
    /// What signs are read by beside the shots: shipped, none, or the folder of an alignment (default: shipped, where one
    /// is shipped for the encoder).
    #[arg(long, value_name = "DIR")]
    pub(crate) alignment: Option<String>,
    /// Images of normal and of each category, 0 for none of them (zero-shot), or `all`.
    #[arg(long, value_name = "K")]
    pub(crate) shots: Option<String>,
    /// Which draw of shots; every number is another one.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) draw: u64,
    /// A CSV with a column `image`: these are the shots.
    #[arg(long, value_name = "CSV", conflicts_with = "shots")]
    pub(crate) support: Option<PathBuf>,
    /// Take what there is where a category has fewer than K patients, and record it.
    #[arg(long)]
    pub(crate) short_supply: bool,
    /// How the run scores images.
    #[arg(long, value_enum, default_value = "sdmad")]
    pub(crate) method: MethodName,
    /// Where the settings start from: best or paper.
    #[arg(long, default_value = "best")]
    pub(crate) preset: String,
    /// A TOML file with settings; what it leaves out is the preset's.
    #[arg(long, value_name = "TOML")]
    pub(crate) config: Option<PathBuf>,
    /// One setting: `selection.mode=none`. May be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Keep small pictures of the shots in the run folder, for reports to show. They are pictures of patients: mind who gets the folder.
    #[arg(long)]
    pub(crate) keep_thumbnails: bool,
    /// The run folder to write.
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
}

/// How the answers of a run are meant.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// How often, at least, an answer of `present` or `absent` shall not rule out what is true: above 0 and below 1 (default: 0.9).
    #[arg(long, value_name = "SHARE")]
    pub(crate) coverage: Option<f64>,
    /// The share of images that have a category, or are `normal`, where the probabilities will be read: `malignant=0.02`. Without it, that of
    /// the shots. May be given for each category.
    #[arg(long, value_name = "CATEGORY=SHARE")]
    pub(crate) prevalence: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// A run folder.
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// The manifest; by default its test rows are measured.
    #[arg(long, value_name = "CSV")]
    pub(crate) data: PathBuf,
    /// Which rows: test, valid, or train (without the shots, for development).
    #[arg(long, default_value = "test")]
    pub(crate) split: String,
    /// Truth of signs, for sign attribution.
    #[arg(long, value_name = "CSV")]
    pub(crate) sign_truth: Option<PathBuf>,
    /// Read signs anew, from this bank.toml or shipped bank, without training: bridge and calibration stay, and signs that
    /// the run was never trained with get scores.
    #[arg(long, value_name = "BANK")]
    pub(crate) signs: Option<String>,
    /// The run's own precision (default), said again: another one is refused.
    #[arg(long, value_enum, default_value = "auto", hide_default_value = true)]
    pub(crate) precision: PrecisionName,
    #[command(flatten)]
    pub(crate) answers: AnswerArgs,
    /// How many images are in work at a time; no figure depends on it.
    #[arg(long, default_value_t = sdmad::DEFAULT_BATCH)]
    pub(crate) batch: usize,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write no report.html.
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Print metrics.json instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// `NAME=DIR,DIR,…`: a method and its evaluations, one for each draw. The first is compared with each other.
    #[arg(required = true, num_args = 1.., value_name = "NAME=DIR,…")]
    pub(crate) methods: Vec<String>,
    /// Show single signs only; the evaluations must have been made with --sign-truth.
    #[arg(long)]
    pub(crate) signs: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchmarkArgs {
    /// What is measured: sets, encoders, shots, draws, methods (docs/benchmark.md).
    #[arg(long, value_name = "TOML")]
    pub(crate) config: PathBuf,
    /// The folder to write, or one that an earlier run of this verb wrote: what is done is not computed again.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Compute only this part of the cells: `2/3` is the second of three. `sdmad merge` puts the parts together.
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Folders of all shards of one benchmark.
    #[arg(required = true, value_name = "SHARD_DIR")]
    pub(crate) shards: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// A run folder.
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The run's own precision (default), said again: another one is refused.
    #[arg(long, value_enum, default_value = "auto", hide_default_value = true)]
    pub(crate) precision: PrecisionName,
    #[command(flatten)]
    pub(crate) answers: AnswerArgs,
    /// Also write the maps of any anomaly and of each category as grey pictures, below maps/.
    #[arg(long)]
    pub(crate) maps: bool,
    /// Write no report.html.
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Images and folders of images: PNG, JPEG, TIFF, BMP, WebP.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
}
