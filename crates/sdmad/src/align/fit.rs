//! Learning an alignment: from rendered images and wordings to readers, for each domain.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Monitor, Result, Stream, sha256_hex};
use sdmad_encoders::Encoder;
use sdmad_engine::{Matrix, Matrix64};
use sdmad_synthesis::{Attribute, AttributeSet, Domain, Grammar, Plane, Renderer, Rendering, SMALLEST_SIDE, Wording};

use super::alignment::rounded;
use super::discriminant::{Against, Directions, directions};
use super::moments::{Moments, Truth};
use super::normal_variation::VariationSums;
use super::normals::Normals;
use super::scored::{Scored, as_matrix, covariance, reader, score_auroc};
use super::tokens::ImageTokens;
use super::{AlignedEncoder, Alignment, AlignmentRecord, AttributeReader, DomainAlignment, Presence, TextReader};

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
    pub by_attribute: BTreeMap<String, f64>,
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

/// Learns an alignment and writes it into the folder `out`. What a domain gave is kept in a folder beside `out` until the
/// last is done, so that an alignment which was stopped goes on with the next domain.
///
/// # Errors
/// When a normal image cannot be read, there are too few images, `out` exists and is not empty, or `monitor` asks to stop.
pub fn align(plan: &AlignPlan, encoder: &Encoder, out: &Path, monitor: &dyn Monitor) -> Result<Alignment> {
    if plan.settings.images < LEAST_IMAGES {
        return Err(Error::bad_input(format!(
            "--images {}: expected {LEAST_IMAGES} or more rendered images in each domain",
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
    let mut variation = VariationSums::default();
    let mut parts = Vec::new();
    for (number, part) in plan.domains.iter().enumerate() {
        let normals = Normals::read(part, plan.settings.seed)?;
        let kept = kept_folder(out, &record.encoder, &plan.settings, part, &normals);
        parts.push(kept.clone());
        let after = (plan.settings.seed, plan.settings.images);
        variation.add(encoder.image_tower(), part.domain, &normals, after, monitor)?;
        if let Ok(done) = Alignment::open(&kept, encoder)
            && let ([domain], [report]) = (done.domains.as_slice(), done.record.domains.as_slice())
            && domain.presence.is_some()
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
            let _ = Alignment::new(one, vec![domain.clone()], None)?.write(&kept);
        }
        domains.push(domain);
        record.domains.push(report);
    }
    let alignment = Alignment::new(record, domains, Some(Arc::new(variation.finish()?)))?;
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
    let version = env!("CARGO_PKG_VERSION");
    let key = format!("{version} {encoder:?} {settings:?} {:?} {:?}", part.domain, normals.sha256);
    let name = out.file_name().map_or_else(|| "alignment".into(), |n| n.to_string_lossy().into_owned());
    let kept = format!(".{name}.parts-{}", &sha256_hex(key.as_bytes())[..16]);
    out.with_file_name(kept)
}

/// Learns [`Presence`] of an alignment that was made before it was kept: on the rendered images of its report, which are drawn and read again.
///
/// # Errors
/// When a normal image cannot be read or is not the one that the alignment was made with, or `monitor` asks to stop.
pub fn learn_presence(
    mut alignment: Alignment,
    normals_of: &[DomainNormals],
    encoder: &Encoder,
    monitor: &dyn Monitor,
) -> Result<Alignment> {
    let grammar = Grammar::shipped()?;
    let settings = AlignSettings { seed: alignment.record.seed, images: alignment.record.images };
    let fit = DomainFit { encoder, grammar: &grammar, settings, monitor };
    for (domain, report) in alignment.domains.iter_mut().zip(&alignment.record.domains) {
        let own = DomainNormals { domain: domain.domain, files: Vec::new() };
        let given = normals_of.iter().find(|part| part.domain == domain.domain).unwrap_or(&own);
        let normals = Normals::read(given, settings.seed)?;
        if normals.sha256 != report.normals_sha256 {
            let (found, expected) = (normals.sha256.len(), report.normals_sha256.len());
            return Err(Error::bad_input(format!(
                "{}: {found} normal images, not those that the alignment was made with ({expected}, by their SHA-256)",
                report.domain
            ))
            .with_hint("name the images of each domain that was drawn on given ones, and of no other"));
        }
        let numbers = parts(settings.images).1..settings.images;
        monitor.begin(&format!("rendering and encoding, {}", report.domain), numbers.len());
        let maps = (domain.reader.whole.clone(), domain.reader.patch.clone());
        let tested = fit.scored(domain.domain, &normals, numbers, &maps)?;
        monitor.end();
        let values: Vec<Vec<f64>> = tested.iter().map(|s| s.read_by(&domain.reader)).collect();
        domain.presence = Some(Presence::of(&values, &tested));
    }
    Alignment::new(alignment.record, alignment.domains, alignment.variation)
}

/// Where the images for scales begin, and those for the report.
fn parts(images: usize) -> (usize, usize) {
    let first = images * SHARES[0] / 100;
    (first, first + images * SHARES[1] / 100)
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
        let (first, second) = parts(images);
        self.monitor.begin(&format!("rendering and encoding, {}", domain.id()), images);
        let (whole, patch) = self.directions(domain, normals, first)?;
        let maps = (as_matrix(&whole), as_matrix(&patch));
        let scored = self.scored(domain, normals, first..second, &maps)?;
        let mut reader = reader(&whole, &patch, &scored);
        let tested = self.scored(domain, normals, second..images, &(reader.whole.clone(), reader.patch.clone()))?;
        self.monitor.end();
        self.centre(&mut reader, normals)?;

        let values: Vec<Vec<f64>> = tested.iter().map(|s| s.read_by(&reader)).collect();
        let report = self.report(domain, normals, &text, &values, &tested)?;
        let presence = Some(Presence::of(&values, &tested));
        Ok((DomainAlignment { domain, reader, text, covariance: covariance(&values), presence }, report))
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
            all.extend(
                batch.par_iter().map(|s| Scored::of(&s.tokens, whole_truth(&s.rendering), maps)).collect::<Vec<_>>(),
            );
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
        let mut by_attribute = BTreeMap::new();
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
