//! A phantom set on disk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sdmad_base::{AtomicDir, Error, Monitor, Result, write_atomic};
use sdmad_imaging::write_png_grey;

use super::plan::{Plan, plans};
use super::render::{PhantomImage, render};
use super::{PHANTOM_CATEGORIES, PhantomConfig, PhantomSign};
use crate::data::{Label, Manifest, Masks, Row, Split, SplitFractions, assign};

/// What was generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhantomSummary {
    /// The manifest; `signs.csv` is beside it.
    pub manifest: PathBuf,
    /// Images in train, valid and test.
    pub images: [usize; 3],
    /// Images without a lesion.
    pub normal: usize,
    /// Images of each category, in the order of [`PHANTOM_CATEGORIES`].
    pub categories: [usize; 4],
    /// Images with two or more categories.
    pub co_occurring: usize,
    /// Patients.
    pub patients: usize,
}

/// Image `number` of a configuration, without a file; below `config.images`.
///
/// # Errors
/// When the configuration is out of range, or there is no such image.
///
/// ```
/// use sdmad::{PhantomConfig, PhantomSign, phantom_image};
/// let phantom = phantom_image(&PhantomConfig { images: 8, size: 128, ..Default::default() }, 0)?;
/// assert_eq!((phantom.image.width(), phantom.image.height()), (128, 128));
/// assert_eq!(phantom.signs[PhantomSign::NoFocalLesion.index()], phantom.masks.is_empty());
/// # Ok::<(), sdmad_base::Error>(())
/// ```
pub fn phantom_image(config: &PhantomConfig, number: usize) -> Result<PhantomImage> {
    config.check()?;
    match plans(config).get(number) {
        Some(plan) => render(config.size, config.seed, number, plan),
        None => Err(Error::bad_input(format!("phantom image {number}; expected a number below {}", config.images))),
    }
}

/// Generates a phantom set into the folder `out`, which appears whole or not at all.
///
/// It holds `manifest.csv`, `signs.csv`, `images/`, `masks/`, and `README.md` with the configuration. The files are
/// the same for any number of threads.
///
/// # Errors
/// When the configuration is out of range, `out` is not empty, or it cannot be written.
pub fn generate(config: &PhantomConfig, out: &Path, monitor: &dyn Monitor) -> Result<PhantomSummary> {
    config.check()?;
    let plans = plans(config);
    let folder = AtomicDir::create(out)?;
    for sub in ["images", "masks"] {
        let path = folder.path().join(sub);
        std::fs::create_dir(&path).map_err(|e| Error::io("make", &path, e))?;
    }
    monitor.begin("phantoms", plans.len());
    let signs = plans
        .par_iter()
        .enumerate()
        .map(|(number, plan)| {
            monitor.check()?;
            let phantom = render(config.size, config.seed, number, plan)?;
            write_png_grey(&folder.path().join(image_name(number)), &phantom.image)?;
            for (category, mask) in &phantom.masks {
                write_png_grey(&folder.path().join(mask_name(number, *category)), mask)?;
            }
            monitor.advance(1);
            Ok(phantom.signs)
        })
        .collect::<Result<Vec<Vec<bool>>>>()?;
    monitor.end();

    let mut rows: Vec<Row> = plans.iter().enumerate().map(|(number, plan)| row(number, plan)).collect();
    let fractions = SplitFractions::new(config.train, config.valid, 1.0 - config.train - config.valid)?;
    assign(&mut rows, PHANTOM_CATEGORIES.len(), &fractions, config.seed);
    let categories = PHANTOM_CATEGORIES.map(String::from).to_vec();
    let manifest = Manifest::new(&out.join("manifest.csv"), categories, rows)?;
    manifest.write(&folder.path().join("manifest.csv"))?;
    write_atomic(&folder.path().join("signs.csv"), sign_table(&manifest, &signs).as_bytes())?;
    let summary = summary(&manifest, &plans);
    write_atomic(&folder.path().join("README.md"), readme(config, &summary)?.as_bytes())?;
    folder.commit()?;
    Ok(summary)
}

fn image_name(number: usize) -> String {
    format!("images/{number:05}.png")
}

fn mask_name(number: usize, category: usize) -> String {
    format!("masks/{number:05}_{}.png", PHANTOM_CATEGORIES[category])
}

fn row(number: usize, plan: &Plan) -> Row {
    let present = |category: usize| plan.categories[category];
    let pairs: Vec<(String, String)> =
        (0..4).filter(|&c| present(c)).map(|c| (PHANTOM_CATEGORIES[c].to_string(), mask_name(number, c))).collect();
    Row {
        image: image_name(number),
        split: Split::Train,
        patient: Some(format!("p{:05}", plan.patient)),
        masks: if pairs.is_empty() { Masks::None } else { Masks::PerCategory(pairs) },
        labels: (0..4).map(|c| if present(c) { Label::Present } else { Label::Absent }).collect(),
    }
}

fn sign_table(manifest: &Manifest, signs: &[Vec<bool>]) -> String {
    let mut text = String::from("image");
    PhantomSign::ALL.iter().for_each(|sign| text.extend([",", sign.id()]));
    text.push('\n');
    for (row, truth) in manifest.rows.iter().zip(signs) {
        text.push_str(&row.image);
        truth.iter().for_each(|&t| text.push_str(if t { ",1" } else { ",0" }));
        text.push('\n');
    }
    text
}

fn summary(manifest: &Manifest, plans: &[Plan]) -> PhantomSummary {
    let having = |plan: &Plan| plan.categories.iter().filter(|&&c| c).count();
    PhantomSummary {
        manifest: manifest.path.clone(),
        images: Split::ALL.map(|split| manifest.rows_of(split).count()),
        normal: plans.iter().filter(|p| having(p) == 0).count(),
        categories: std::array::from_fn(|c| plans.iter().filter(|p| p.categories[c]).count()),
        co_occurring: plans.iter().filter(|p| having(p) > 1).count(),
        patients: plans.last().map_or(0, |p| p.patient + 1),
    }
}

fn readme(config: &PhantomConfig, summary: &PhantomSummary) -> Result<String> {
    let settings = toml::to_string(config)
        .map_err(|e| Error::bad_input(format!("phantoms: the configuration cannot be written: {e}")))?;
    let mut text =
        String::from("# Phantoms\n\nUltrasound-like images made by `sdmad data phantom`. No patient was imaged.\n\n");
    let [train, valid, test] = summary.images;
    let _ = writeln!(
        text,
        "{} images of {} patients ({train} train, {valid} valid, {test} test): {} normal, {}; {} with two categories.\n",
        train + valid + test,
        summary.patients,
        summary.normal,
        PHANTOM_CATEGORIES
            .iter()
            .zip(summary.categories)
            .map(|(c, n)| format!("{n} {c}"))
            .collect::<Vec<_>>()
            .join(", "),
        summary.co_occurring,
    );
    text.push_str("`signs.csv` has the truth of each sign:\n\n| sign | is 1 when |\n|---|---|\n");
    for sign in PhantomSign::ALL {
        let _ = writeln!(text, "| {} | {} |", sign.id(), sign.meaning().trim_end_matches('.'));
    }
    let _ = write!(text, "\nMade with:\n\n```toml\n{settings}```\n");
    Ok(text)
}
