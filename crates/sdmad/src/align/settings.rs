use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};
use sdmad_synthesis::Domain;

use super::{DomainAlignment, PriorWeights, SignPrior, WordEmbeddings};
use crate::loss::SignSets;

/// Settings of what an alignment says beside the shots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlignmentSettings {
    /// `shipped`, `none`, or the folder of an alignment made by `sdmad align`.
    pub source: String,
    /// `auto` (by the bank's words for the kind of image; `general` where none is near), or a domain of the alignment.
    pub domain: String,
    /// Weight of the aligned signs beside the bridge, in units of the bridge's spread, 0 to 100; left out, it follows
    /// from the number of shots and the domain (docs/alignment.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The share of categories' names among the words, 0 (signs alone) to 1 (names alone).
    pub names: f64,
    /// Weight of the attribute "finding", which every category has and normal has not, beside the words, 0 to 100.
    pub finding: f64,
    /// What becomes of the directions in which normal images differ by themselves.
    pub normal_variation: NormalVariationUse,
    /// What stands in for the alignment: a control, or itself.
    pub control: AlignmentControl,
}

/// What becomes of the directions in which normal images differ by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormalVariationUse {
    /// The bridge's ridge counts a difference there for less.
    Whitened,
    /// Nothing.
    Ignored,
}

/// Controls: what is left when the tie between words and pictures is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignmentControl {
    /// None: the alignment as it was made.
    Aligned,
    /// Texts name other attributes than they do: a random permutation.
    ShuffledText,
    /// A random map from texts to attributes.
    RandomBridge,
}

impl Default for AlignmentSettings {
    fn default() -> Self {
        AlignmentSettings {
            source: "shipped".into(),
            domain: "auto".into(),
            weight: None,
            names: 1.0 / 3.0,
            finding: 1.0,
            normal_variation: NormalVariationUse::Whitened,
            control: AlignmentControl::Aligned,
        }
    }
}

impl AlignmentSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        let within = |key: &str, value: f64, most: f64| {
            if (0.0..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::bad_input(format!("alignment.{key} = {value}: expected 0 to {most}")))
        };
        within("weight", self.weight.unwrap_or(0.0), 100.0)?;
        within("names", self.names, 1.0)?;
        within("finding", self.finding, 100.0)
    }

    /// What `part` says of these words, at a weight.
    pub(crate) fn prior(
        &self,
        part: &DomainAlignment,
        words: &WordEmbeddings,
        sets: &SignSets,
        weight: f64,
        seed: u64,
    ) -> SignPrior {
        let weights = PriorWeights { words: weight, names: self.names, finding: self.finding };
        SignPrior::new(part, words, sets, &weights, self.control, seed)
    }

    /// The weight at `shots` images of the rarest category: the one that is set, or one that falls with their number. Beside shots, words of
    /// some domains weigh less than others.
    pub(crate) fn weight_at(&self, shots: usize, domain: Domain) -> f64 {
        let of_domain = if shots > 0 { beside_shots(domain) } else { 1.0 };
        self.weight.unwrap_or(of_domain / (1.0 + shots as f64 / HALF_AT))
    }
}

/// How much words of a domain weigh beside shots, against those of domains whose drawings were developed with real images at hand.
fn beside_shots(domain: Domain) -> f64 {
    match domain {
        Domain::Ultrasound | Domain::XRay | Domain::Fundus | Domain::Dermoscopy => 1.0,
        Domain::Oct | Domain::BrainMri | Domain::Endoscopy => UNTRIED_BESIDE_SHOTS,
        Domain::General => GENERAL_BESIDE_SHOTS,
    }
}

/// Whether words of a domain weigh as much as any beside shots.
pub(super) fn weighs_in_full(domain: Domain) -> bool {
    beside_shots(domain) >= 1.0
}

/// The number of shots at which words weigh half of what they weigh without one. Chosen on train images of four sets; with any of them left
/// out the others choose nearly alike (docs/method.md, "How much words weigh beside shots").
const HALF_AT: f64 = 15.0;

/// Chosen on 160 real slices of brain MRI, read by a domain that was drawn without one (docs/alignment.md, "Drawn without a real image at hand").
const UNTRIED_BESIDE_SHOTS: f64 = 0.25;

/// Learned without the physics of the images that they read, words mislead where they weigh more. Chosen on train images of sets that were read
/// as if their domain were unknown, by the alignment that shipped then and by ones on their own normals, when words weighed 1 / (1 + K/5)
/// (docs/alignment.md, "A domain that was never rendered").
const GENERAL_BESIDE_SHOTS: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_an_untried_or_unknown_domain_stand_back_as_soon_as_there_is_a_shot() {
        let settings = AlignmentSettings::default();
        let at = |shots, domain| settings.weight_at(shots, domain);
        for (domain, share) in [
            (Domain::General, 0.1),
            (Domain::Oct, 0.25),
            (Domain::BrainMri, 0.25),
            (Domain::Endoscopy, 0.25),
            (Domain::Dermoscopy, 1.0),
        ] {
            assert_eq!(at(0, domain), at(0, Domain::Fundus));
            for shots in [1, 4, 16] {
                assert!((at(shots, domain) - share * at(shots, Domain::Fundus)).abs() < 1e-12, "{}", domain.id());
            }
        }
        let set = AlignmentSettings { weight: Some(0.7), ..settings };
        assert_eq!(set.weight_at(1, Domain::General), 0.7);
    }
}
