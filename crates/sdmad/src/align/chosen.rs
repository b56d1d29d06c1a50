use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};
use sdmad_encoders::Encoder;

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
        let alignment = match settings.source.as_str() {
            "none" => return Ok(None),
            "shipped" => Alignment::shipped(encoder)?,
            folder if Path::new(folder).is_dir() => Some(Alignment::open(Path::new(folder), encoder)?),
            other => {
                return Err(Error::bad_input(format!(
                    "alignment.source = {other}: expected shipped, none, or the folder of an alignment"
                ))
                .with_hint("`sdmad align --out DIR` makes one"));
            }
        };
        let Some(alignment) = alignment else { return Ok(None) };
        let part = alignment.domain(&settings.domain, modality, encoder.text_tower())?.clone();
        Ok(Some(ChosenAlignment {
            source: settings.source.clone(),
            sha256: alignment.sha256,
            part,
            variation: alignment.variation,
        }))
    }
}
