use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};
use sdmad_encoders::{Encoder, TextTower};
use sdmad_synthesis::Domain;

use super::text_reader::modalities;
use super::{Alignment, AlignmentSettings, DomainAlignment, NormalVariation};

/// The part of an alignment that a run starts from.
#[derive(Clone, Debug)]
pub struct ChosenAlignment {
    /// `shipped`, or the folder.
    pub source: String,
    /// SHA-256 of the alignment's tensors.
    pub sha256: String,
    /// What was learned in the domain.
    pub part: DomainAlignment,
    /// How normal images differ, over all domains.
    pub variation: Option<Arc<NormalVariation>>,
}

/// The alignment of a run, as `adapter_config.json` says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunAlignment {
    /// `shipped`, or the folder.
    pub source: String,
    /// SHA-256 of the alignment's tensors.
    pub sha256: String,
    /// The domain that was chosen.
    pub domain: String,
    /// The weight beside the bridge.
    pub weight: f64,
}

impl ChosenAlignment {
    /// What `settings` choose for an encoder and a bank's words for the kind of image: `None` for `none`, and for
    /// `shipped` where nothing is shipped for this encoder.
    ///
    /// # Errors
    /// When the folder is no alignment of this encoder, or has no such domain.
    pub fn of(settings: &AlignmentSettings, modality: &str, encoder: &Encoder) -> Result<Option<Self>> {
        let alignments = match settings.source.as_str() {
            "none" => return Ok(None),
            "shipped" => Alignment::shipped(encoder)?,
            folder if Path::new(folder).is_dir() => vec![Alignment::open(Path::new(folder), encoder)?],
            other => {
                return Err(Error::bad_input(format!(
                    "alignment.source = {other}: expected shipped, none, or the folder of an alignment"
                ))
                .with_hint("`sdmad align --out DIR` makes one"));
            }
        };
        if alignments.is_empty() {
            return Ok(None);
        }
        let parts: Vec<Part<'_>> = alignments.iter().flat_map(|a| a.domains.iter().map(move |d| (a, d))).collect();
        let (alignment, part) = choose(&parts, &settings.domain, modality, encoder.text_tower())?;
        Ok(Some(ChosenAlignment {
            source: settings.source.clone(),
            sha256: alignment.sha256.clone(),
            part: part.clone(),
            variation: alignment.variation.clone(),
        }))
    }
}

/// A domain, and the alignment that has it.
type Part<'a> = (&'a Alignment, &'a DomainAlignment);

/// The domain that is named, or for `auto` the one whose words for the kind of image are nearest to `modality`; where none is near,
/// `general` if there is one.
fn choose<'a>(parts: &[Part<'a>], name: &str, modality: &str, tower: &TextTower) -> Result<Part<'a>> {
    if name == "auto" {
        return nearest(parts, modality, tower);
    }
    parts.iter().copied().find(|(_, part)| part.domain.id() == name).ok_or_else(|| {
        let known: Vec<&str> = parts.iter().map(|(_, part)| part.domain.id()).collect();
        Error::bad_input(format!("alignment.domain = {name}: expected auto or one of {}", known.join(", ")))
    })
}

fn nearest<'a>(parts: &[Part<'a>], modality: &str, tower: &TextTower) -> Result<Part<'a>> {
    let wanted = tower.embed(modality);
    let similarity = |domain: Domain| {
        let embeddings = tower.embed_all(modalities(domain));
        let cosines = embeddings.iter().map(|e| e.iter().zip(&wanted).map(|(a, b)| a * b).sum::<f32>());
        cosines.fold(f32::NEG_INFINITY, f32::max)
    };
    let best = parts.iter().map(|&part| (similarity(part.1.domain), part)).max_by(|a, b| a.0.total_cmp(&b.0));
    let (alike, nearest) = best.ok_or_else(|| Error::bad_input("the alignment has no domain"))?;
    let general = parts.iter().copied().find(|(_, part)| part.domain == Domain::General);
    Ok(general.filter(|_| alike < same_kind(nearest.1.domain)).unwrap_or(nearest))
}

/// Words for the kind of image that have a lower cosine to those of a domain are of another kind. By MiniLM, the default text tower: of what is
/// meant, "a thyroid ultrasound" has .64; of what is not, "a spine MRI" has .72 to brain MRI, "a knee MRI" .54, and "a mammogram" .66 to
/// ultrasound, "a chest CT" .73 to X-ray, "a CT slice of the brain" .78 to brain MRI, which are not kept out.
fn same_kind(domain: Domain) -> f32 {
    match domain {
        Domain::BrainMri | Domain::Endoscopy => 0.75,
        _ => 0.6,
    }
}
