//! Learning an alignment: from rendered images and wordings to readers, for each domain.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Monitor, Result, Stream, read, sha256_hex};
use sdmad_encoders::Encoder;
use sdmad_engine::{Matrix, Matrix64};
use sdmad_imaging::{RgbImage, decode_image};
use sdmad_synthesis::{Attribute, AttributeSet, Domain, Grammar, Plane, Renderer, Rendering, SMALLEST_SIDE, Wording};

use super::alignment::rounded;
use super::attribute_reader::{patch_scores, whole_scores};
use super::discriminant::{Against, Directions, directions};
use super::moments::{Moments, Truth};
use super::tokens::ImageTokens;
use super::{AlignedEncoder, Alignment, AlignmentRecord, AttributeReader, DomainAlignment, TextReader};
use crate::data::{Label, Manifest, Split};
use crate::{PhantomConfig, auroc, phantom_image};

/// Everything that an alignment depends on.
#[derive(Clone, Debug)]
pub struct AlignPlan {
    /// Numbers.
    pub settings: AlignSettings,
    /// The domains, each with its normal images.
    pub domains: Vec<DomainNormals>,
    /// The command that asked for it, for the record.
    pub command: String,
}

/// Numbers of an alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignSettings {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Images rendered in each domain; 200 or more.
    pub images: usize,
}

impl Default for AlignSettings {
    fn default() -> Self {
        AlignSettings { seed: 0, images: 2_000 }
    }
}

/// The normal images of a domain.
#[derive(Clone, Debug)]
pub struct DomainNormals {
    /// The kind of image.
    pub domain: Domain,
    /// Files of normal images to draw on; empty for tissue of our own.
    pub files: Vec<PathBuf>,
}

/// How well a domain was learned: on rendered images and wordings that took no part in learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainReport {
    /// The domain.
    pub domain: String,
    /// What was drawn on.
    pub normals: String,
    /// SHA-256 of each normal image, in their order; empty for tissue of our own.
    pub normals_sha256: Vec<String>,
    /// Attributes that were drawn often enough.
    pub attributes: usize,
    /// Mean AUROC, over attributes, of the attribute's own score.
    pub attribute_auroc: f64,
    /// The same of the score that a wording names it by, for wordings that were learnt.
    pub learnt_wordings_auroc: f64,
    /// The same for wordings that were held out.
    pub held_out_wordings_auroc: f64,
    /// AUROC of each attribute's own score, by its id.
    pub by_attribute: std::collections::BTreeMap<String, f64>,
}

/// Fewer images than this teach nothing.
const LEAST_IMAGES: usize = 200;

/// Images rendered and encoded at a time.
const BATCH: usize = 64;

/// Of the rendered images so many in a hundred are for directions, so many for scales; the rest are for the report.
const SHARES: [usize; 2] = [65, 20];

/// Ridge of the discriminants, in units of the mean variance: of whole images and of patches.
const RIDGE: [f64; 2] = [0.5, 0.2];

/// A patch is of a finding when so much of it is covered, and of nothing when less than the second number is.
const COVERED: [f32; 2] = [0.4, 0.05];

/// Patches taken of an image: of findings and of nothing, at most.
const PATCHES: [usize; 2] = [24, 16];

/// Normal images whose mean is taken, at most.
const MOST_CENTRED: usize = 400;

/// Fewer images with or without an attribute than this say nothing of its score.
const LEAST_SCORED: usize = 8;

/// Learns an alignment and writes it into the folder `out`. What a domain gave is kept in a folder beside `out` until the
/// last is done, so that an alignment which was stopped goes on with the next domain.
///
/// # Errors
/// When a normal image cannot be read, there are too few images, `out` exists and is not empty, or `monitor` asks to stop.
pub fn align(plan: &AlignPlan, encoder: &Encoder, out: &Path, monitor: &dyn Monitor) -> Result<Alignment> {
    if plan.settings.images < LEAST_IMAGES {
        return Err(Error::bad_input(format!(
            "{} rendered images: expected {LEAST_IMAGES} or more",
            plan.settings.images
        )));
    }
    let grammar = Grammar::shipped()?;
    let mut record = AlignmentRecord {
        format: 0,
        sdmad: env!("CARGO_PKG_VERSION").to_string(),
        command: plan.command.clone(),
        encoder: AlignedEncoder::of(encoder),
        seed: plan.settings.seed,
        images: plan.settings.images,
        attributes: Vec::new(),
        domains: Vec::new(),
    };
    let mut domains = Vec::new();
    let mut parts = Vec::new();
    for (number, part) in plan.domains.iter().enumerate() {
        let normals = Normals::read(part, plan.settings.seed)?;
        let kept = kept_folder(out, &record.encoder, &plan.settings, part, &normals);
        parts.push(kept.clone());
        if let Ok(done) = Alignment::open(&kept, encoder)
            && let ([domain], [report]) = (done.domains.as_slice(), done.record.domains.as_slice())
        {
            monitor.notice(&format!("{}: kept from before", part.domain.id()));
            domains.push(domain.clone());
            record.domains.push(report.clone());
            continue;
        }
        let (domain, report) =
            DomainFit { encoder, grammar: &grammar, settings: plan.settings, monitor }.run(part.domain, &normals)?;
        monitor.notice(&format!(
            "{} ({} of {}): {} attributes, AUROC {:.3} on rendered images; by wordings learnt {:.3}, held out {:.3}",
            report.domain,
            number + 1,
            plan.domains.len(),
            report.attributes,
            report.attribute_auroc,
            report.learnt_wordings_auroc,
            report.held_out_wordings_auroc
        ));
        if plan.domains.len() > 1 {
            let one = AlignmentRecord { domains: vec![report.clone()], ..record.clone() };
            // What cannot be kept is learned again.
            let _ = Alignment::new(one, vec![domain.clone()])?.write(&kept);
        }
        domains.push(domain);
        record.domains.push(report);
    }
    let alignment = Alignment::new(record, domains)?;
    alignment.write(out)?;
    for part in parts.iter().filter(|part| part.is_dir()) {
        std::fs::remove_dir_all(part).map_err(|e| Error::io("remove", part, e))?;
    }
    Ok(alignment)
}

/// Where a domain's part is kept until all are done, by all that it depends on.
fn kept_folder(
    out: &Path,
    encoder: &AlignedEncoder,
    settings: &AlignSettings,
    part: &DomainNormals,
    normals: &Normals,
) -> PathBuf {
    let key = format!("{encoder:?} {settings:?} {:?} {:?}", part.domain, normals.sha256);
    let name = out.file_name().map_or_else(|| "alignment".into(), |n| n.to_string_lossy().into_owned());
    let kept = format!(".{name}.parts-{}", &sha256_hex(key.as_bytes())[..16]);
    out.with_file_name(kept)
}

/// The files of normal images that a path names: an image, a folder of images, or a manifest, of which the train rows
/// without a finding are taken.
///
/// # Errors
/// When there is no image.
pub fn read_normals(path: &Path) -> Result<Vec<PathBuf>> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        let manifest = Manifest::read(path)?;
        let normal = |row: &&crate::data::Row| row.labels.iter().all(|&l| l == Label::Absent);
        let rows = manifest.rows_of(Split::Train).map(|(_, row)| row);
        let files: Vec<PathBuf> = rows.filter(normal).map(|row| manifest.image_path(row)).collect();
        if files.is_empty() {
            return Err(Error::bad_input(format!("{}: no train row without a finding", path.display())));
        }
        return Ok(files);
    }
    let inputs = crate::image_files(&[path.to_path_buf()])?;
    if inputs.is_empty() {
        return Err(Error::bad_input(format!("{}: no image in it", path.display()))
            .with_hint("name a folder of normal images, or a manifest"));
    }
    Ok(inputs)
}

/// Normal images in memory.
struct Normals {
    images: Vec<RgbImage>,
    sha256: Vec<String>,
    what: String,
    /// Of so many images one is drawn on tissue of the renderer's own; 1 for all, 0 for none.
    own_tissue_in: usize,
}

/// Phantoms without a lesion that ultrasound is drawn on, beside the renderer's own tissue.
const PHANTOMS: usize = 120;

/// Keeps them apart from phantoms that anyone generates by the same seed, and may test on.
const PHANTOM_SEED: u64 = 0x616c_6967_6e6d_656e;

impl Normals {
    fn read(part: &DomainNormals, seed: u64) -> Result<Self> {
        if !part.files.is_empty() {
            let mut normals = Normals {
                images: vec![],
                sha256: vec![],
                what: format!("{} given images", part.files.len()),
                own_tissue_in: 0,
            };
            for path in &part.files {
                let bytes = read(path)?;
                normals.sha256.push(sha256_hex(&bytes));
                normals.images.push(decode_image(&bytes, &path.display().to_string())?);
            }
            return Ok(normals);
        }
        if part.domain != Domain::Ultrasound {
            return Ok(Normals { images: vec![], sha256: vec![], what: "own tissue".into(), own_tissue_in: 1 });
        }
        let config =
            PhantomConfig { images: 2 * PHANTOMS, normal: 0.5, seed: seed ^ PHANTOM_SEED, ..PhantomConfig::default() };
        let mut images = Vec::new();
        for number in 0..config.images {
            let phantom = phantom_image(&config, number)?;
            if phantom.masks.is_empty() {
                images.push(phantom.image.to_rgb());
            }
        }
        let what = format!("own tissue and {} phantoms", images.len());
        Ok(Normals { images, sha256: vec![], what, own_tissue_in: 2 })
    }

    fn of(&self, number: usize) -> Option<&RgbImage> {
        let own = self.images.is_empty() || self.own_tissue_in > 0 && number.is_multiple_of(self.own_tissue_in);
        (!own).then(|| &self.images[number % self.images.len()])
    }
}

struct DomainFit<'a> {
    encoder: &'a Encoder,
    grammar: &'a Grammar,
    settings: AlignSettings,
    monitor: &'a dyn Monitor,
}

/// A rendered image as the readers see it.
struct Seen {
    tokens: ImageTokens,
    rendering: Rendering,
}

impl DomainFit<'_> {
    fn run(&self, domain: Domain, normals: &Normals) -> Result<(DomainAlignment, DomainReport)> {
        let text = self.text_reader(domain)?;
        let images = self.settings.images;
        let first = images * SHARES[0] / 100;
        let second = first + images * SHARES[1] / 100;
        self.monitor.begin(&format!("rendering and encoding, {}", domain.id()), images);
        let (whole, patch) = self.directions(domain, normals, first)?;
        let maps = (as_matrix(&whole), as_matrix(&patch));
        let scored = self.scored(domain, normals, first..second, &maps)?;
        let mut reader = reader(&whole, &patch, &scored);
        let tested = self.scored(domain, normals, second..images, &(reader.whole.clone(), reader.patch.clone()))?;
        self.monitor.end();

        let values: Vec<Vec<f64>> = tested
            .iter()
            .map(|s| (0..s.whole.len()).map(|a| s.whole[a] + s.patch[a] + f64::from(reader.offset[a])).collect())
            .collect();
        let report = self.report(domain, normals, &text, &values, &tested)?;
        self.centre(&mut reader, normals)?;
        Ok((DomainAlignment { domain, reader, text, covariance: covariance(&values) }, report))
    }

    /// Makes 0 of the mean over the given normal images: what is normal here, not on average over what was rendered.
    fn centre(&self, reader: &mut AttributeReader, normals: &Normals) -> Result<()> {
        if normals.own_tissue_in > 0 {
            return Ok(());
        }
        let tower = self.encoder.image_tower();
        self.monitor.begin("reading normal images", normals.images.len().min(MOST_CENTRED));
        let read = normals.images.par_iter().take(MOST_CENTRED).map(|image| {
            self.monitor.check()?;
            self.monitor.advance(1);
            Ok(reader.read(tower, image))
        });
        let read: Vec<Vec<f32>> = read.collect::<Result<_>>()?;
        self.monitor.end();
        for (a, offset) in reader.offset.iter_mut().enumerate() {
            *offset -= (read.iter().map(|v| f64::from(v[a])).sum::<f64>() / read.len().max(1) as f64) as f32;
        }
        Ok(())
    }

    fn text_reader(&self, domain: Domain) -> Result<TextReader> {
        self.monitor.begin(&format!("reading wordings, {}", domain.id()), 1);
        let mut text = TextReader::fit(self.encoder.text_tower(), self.grammar, domain, self.settings.seed)?;
        text.weights.data_mut().iter_mut().for_each(|w| *w = rounded(*w));
        self.monitor.end();
        Ok(text)
    }

    /// Renders and encodes images, in their order, and hands each batch on.
    fn batches(
        &self,
        domain: Domain,
        normals: &Normals,
        numbers: std::ops::Range<usize>,
        mut take: impl FnMut(usize, Vec<Seen>) -> Result<()>,
    ) -> Result<()> {
        let tower = self.encoder.image_tower();
        let renderer =
            Renderer { side: tower.preprocess().size.max(SMALLEST_SIDE), ..Renderer::new(domain, self.settings.seed) };
        let all: Vec<usize> = numbers.collect();
        for batch in all.chunks(BATCH) {
            let seen = batch
                .par_iter()
                .map(|&number| {
                    self.monitor.check()?;
                    let rendering = renderer.render(normals.of(number), number as u64)?;
                    let tokens = ImageTokens::of(tower, &rendering.image);
                    self.monitor.advance(1);
                    Ok(Seen { tokens, rendering })
                })
                .collect::<Result<Vec<_>>>()?;
            take(batch[0], seen)?;
        }
        Ok(())
    }

    /// Discriminants of whole images and of patches.
    fn directions(&self, domain: Domain, normals: &Normals, images: usize) -> Result<(Directions, Directions)> {
        let (whole_width, patch_width) = ImageTokens::widths(self.encoder.image_tower());
        let mut whole = Moments::new(whole_width);
        let mut patch = Moments::new(patch_width);
        let grid = self.encoder.image_tower().patch_grid();
        self.batches(domain, normals, 0..images, |first, batch| {
            let rows = batch.iter().flat_map(|s| s.tokens.whole.iter().map(|&x| f64::from(x))).collect();
            let truth: Vec<Truth> = batch.iter().map(|s| whole_truth(&s.rendering)).collect();
            whole.add(&Matrix64::from_vec(batch.len(), whole_width, rows), &truth);
            let (mut rows, mut truth) = (Vec::new(), Vec::new());
            for (index, seen) in batch.iter().enumerate() {
                let stream =
                    &mut Stream::new(self.settings.seed, &format!("patches/{}/{}", domain.id(), first + index));
                for (place, known) in patch_sample(stream, &seen.rendering, grid) {
                    rows.extend(seen.tokens.patches.row(place).iter().map(|&x| f64::from(x)));
                    truth.push(known);
                }
            }
            patch.add(&Matrix64::from_vec(truth.len(), patch_width, rows), &truth);
            Ok(())
        })?;
        Ok((directions(&whole, RIDGE[0], Against::Alike)?, directions(&patch, RIDGE[1], Against::Both)?))
    }

    /// Scores of images by maps of whole images and of patches.
    fn scored(
        &self,
        domain: Domain,
        normals: &Normals,
        numbers: std::ops::Range<usize>,
        maps: &(Matrix, Matrix),
    ) -> Result<Vec<Scored>> {
        let mut all = Vec::new();
        self.batches(domain, normals, numbers, |_, batch| {
            all.extend(batch.par_iter().map(|s| Scored::of(s, maps)).collect::<Vec<_>>());
            Ok(())
        })?;
        Ok(all)
    }

    fn report(
        &self,
        domain: Domain,
        normals: &Normals,
        text: &TextReader,
        values: &[Vec<f64>],
        tested: &[Scored],
    ) -> Result<DomainReport> {
        let mut by_attribute = std::collections::BTreeMap::new();
        let (mut own, mut learnt, mut held_out) = (Vec::new(), Vec::new(), Vec::new());
        for (number, &attribute) in Attribute::ALL.iter().enumerate() {
            let Some(value) = score_auroc(tested, attribute, |i| values[i][number]) else { continue };
            by_attribute.insert(attribute.id().to_string(), (1e4 * value).round() / 1e4);
            own.push(value);
            for (which, list) in [(Wording::Learnt, &mut learnt), (Wording::HeldOut, &mut held_out)] {
                let wordings = self.grammar.wordings(attribute, domain, which);
                let figures = self.encoder.text_tower().embed_all(&wordings).into_iter().filter_map(|embedding| {
                    let t = text.read(&embedding);
                    score_auroc(tested, attribute, |i| t.iter().zip(&values[i]).map(|(t, v)| t * v).sum())
                });
                list.extend(figures);
            }
        }
        let mean = |list: &[f64]| (1e4 * list.iter().sum::<f64>() / list.len().max(1) as f64).round() / 1e4;
        Ok(DomainReport {
            domain: domain.id().to_string(),
            normals: normals.what.clone(),
            normals_sha256: normals.sha256.clone(),
            attributes: own.len(),
            attribute_auroc: mean(&own),
            learnt_wordings_auroc: mean(&learnt),
            held_out_wordings_auroc: mean(&held_out),
            by_attribute,
        })
    }
}

fn whole_truth(rendering: &Rendering) -> Truth {
    Truth { present: rendering.present, unknown: rendering.unknown, finding: !rendering.findings.is_empty() }
}

/// How much of each patch a mask covers, row by row.
fn coverage(mask: &Plane, (rows, columns): (usize, usize)) -> Vec<f32> {
    let side = mask.side();
    let mut sums = vec![0.0f32; rows * columns];
    let mut counts = vec![0.0f32; rows * columns];
    for (index, &value) in mask.values().iter().enumerate() {
        let cell = index / side * rows / side * columns + index % side * columns / side;
        sums[cell] += value;
        counts[cell] += 1.0;
    }
    sums.iter().zip(&counts).map(|(s, c)| s / c.max(1.0)).collect()
}

/// Some patches of findings and some of nothing, with what is known of each.
fn patch_sample(stream: &mut Stream, rendering: &Rendering, grid: (usize, usize)) -> Vec<(usize, Truth)> {
    let covers: Vec<Vec<f32>> = rendering.findings.iter().map(|f| coverage(&f.mask, grid)).collect();
    let most = |place: usize| covers.iter().map(|c| c[place]).fold(0.0f32, f32::max);
    let mut sample = Vec::new();
    let places = grid.0 * grid.1;
    for (finding, count) in [(true, PATCHES[0]), (false, PATCHES[1])] {
        let fits = |&place: &usize| if finding { most(place) > COVERED[0] } else { most(place) < COVERED[1] };
        let mut chosen: Vec<usize> = (0..places).filter(fits).collect();
        stream.shuffle(&mut chosen);
        for &place in chosen.iter().take(count) {
            let here = rendering.findings.iter().zip(&covers).filter(|(_, c)| c[place] > COVERED[0]);
            let present = here.fold(AttributeSet::EMPTY, |set, (f, _)| set.union(f.attributes));
            sample.push((place, Truth { present, unknown: rendering.unknown, finding }));
        }
    }
    sample
}

fn as_matrix(directions: &Directions) -> Matrix {
    let width = directions.mean.len();
    let row = |w: &Option<Vec<f64>>| {
        w.as_ref().map_or_else(|| vec![0.0; width], |w| w.iter().map(|&x| x as f32).collect::<Vec<f32>>())
    };
    Matrix::from_vec(directions.weights.len(), width, directions.weights.iter().flat_map(row).collect())
}

/// What maps say of a rendered image, and the truth.
struct Scored {
    whole: Vec<f64>,
    patch: Vec<f64>,
    truth: Truth,
}

impl Scored {
    fn of(seen: &Seen, (whole, patch): &(Matrix, Matrix)) -> Self {
        Scored {
            whole: whole_scores(whole, &seen.tokens.whole),
            patch: patch_scores(patch, &seen.tokens.patches),
            truth: whole_truth(&seen.rendering),
        }
    }
}

/// The reader: both scores of an attribute joined by a discriminant of their own, weighted by how well it tells the
/// attribute, and standardised over the images.
fn reader(whole: &Directions, patch: &Directions, scored: &[Scored]) -> AttributeReader {
    let mut maps = (as_matrix(whole), as_matrix(patch));
    let mut offset = vec![0.0f32; whole.weights.len()];
    for (number, &attribute) in Attribute::ALL.iter().enumerate() {
        let [a, b] = joint_weights(scored, attribute);
        let value = |s: &Scored| a * s.whole[number] + b * s.patch[number];
        let told =
            score_auroc(scored, attribute, |i| value(&scored[i])).map_or(0.0, |auroc| (2.0 * auroc - 1.0).max(0.0));
        let (mean, spread) = moments_of(scored.iter().map(value));
        let scale = if spread > 0.0 { told / spread } else { 0.0 };
        let scaled = |row: &mut [f32], share: f64| {
            row.iter_mut().for_each(|w| *w = rounded((f64::from(*w) * share * scale) as f32));
        };
        scaled(maps.0.row_mut(number), a);
        scaled(maps.1.row_mut(number), b);
        offset[number] = (-mean * scale) as f32;
    }
    AttributeReader { whole: maps.0, patch: maps.1, offset }
}

/// Weights, none below 0, of the whole image's and the patches' score of an attribute: Fisher's discriminant of the two.
fn joint_weights(scored: &[Scored], attribute: Attribute) -> [f64; 2] {
    let number = attribute as usize;
    let known: Vec<(&Scored, bool)> = known(scored, attribute)
        .into_iter()
        .map(|i| (&scored[i], scored[i].truth.present.contains(attribute)))
        .collect();
    let positives = known.iter().filter(|k| k.1).count();
    if positives < LEAST_SCORED || known.len() - positives < LEAST_SCORED {
        return [0.0; 2];
    }
    let parts: [fn(&Scored, usize) -> f64; 2] = [|s, n| s.whole[n], |s, n| s.patch[n]];
    let mut scale = [0.0f64; 2];
    let mut means = [[0.0f64; 2]; 2];
    for (part, of) in parts.iter().enumerate() {
        scale[part] = moments_of(known.iter().map(|k| of(k.0, number))).1.max(1e-12);
        for (class, mean) in means.iter_mut().enumerate() {
            let values = known.iter().filter(|k| usize::from(k.1) == class).map(|k| of(k.0, number) / scale[part]);
            mean[part] = moments_of(values).0;
        }
    }
    let mut within = [[0.0f64; 2]; 2];
    for &(s, positive) in &known {
        let class = usize::from(positive);
        let share = 0.5 / if positive { positives as f64 } else { (known.len() - positives) as f64 };
        let away = [0, 1].map(|part| parts[part](s, number) / scale[part] - means[class][part]);
        for row in 0..2 {
            for column in 0..2 {
                within[row][column] += share * away[row] * away[column];
            }
        }
    }
    // A tenth on the diagonal keeps two scores that say the same from cancelling each other.
    within[0][0] += 0.1;
    within[1][1] += 0.1;
    let apart = [means[1][0] - means[0][0], means[1][1] - means[0][1]];
    let determinant = within[0][0] * within[1][1] - within[0][1] * within[1][0];
    let w = [
        (within[1][1] * apart[0] - within[0][1] * apart[1]) / determinant,
        (within[0][0] * apart[1] - within[1][0] * apart[0]) / determinant,
    ];
    [w[0].max(0.0) / scale[0], w[1].max(0.0) / scale[1]]
}

fn covariance(values: &[Vec<f64>]) -> Matrix64 {
    let count = values.len().max(1) as f64;
    let width = values.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..width).map(|a| values.iter().map(|v| v[a]).sum::<f64>() / count).collect();
    let centred: Vec<f64> = values.iter().flat_map(|v| v.iter().zip(&mean).map(|(x, m)| x - m)).collect();
    let rows = Matrix64::from_vec(values.len(), width, centred);
    let mut covariance = rows.transposed_times(&rows);
    covariance.data_mut().iter_mut().for_each(|c| *c = f64::from((*c / count) as f32));
    covariance
}

/// Mean and standard deviation.
fn moments_of(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Images where an attribute is known; all, where it is known of none that it is absent.
fn known(scored: &[Scored], attribute: Attribute) -> Vec<usize> {
    let is_known = |&i: &usize| !scored[i].truth.unknown.contains(attribute);
    let known: Vec<usize> = (0..scored.len()).filter(is_known).collect();
    let absent = known.iter().filter(|&&i| !scored[i].truth.present.contains(attribute)).count();
    if absent < LEAST_SCORED { (0..scored.len()).collect() } else { known }
}

/// AUROC of a score of an attribute over images where it is known; `None` where there are too few on either side.
fn score_auroc(scored: &[Scored], attribute: Attribute, score: impl Fn(usize) -> f64) -> Option<f64> {
    let known = known(scored, attribute);
    let truth: Vec<bool> = known.iter().map(|&i| scored[i].truth.present.contains(attribute)).collect();
    let positives = truth.iter().filter(|&&t| t).count();
    if positives < LEAST_SCORED || truth.len() - positives < LEAST_SCORED {
        return None;
    }
    auroc(&known.iter().map(|&i| score(i)).collect::<Vec<_>>(), &truth).value()
}
