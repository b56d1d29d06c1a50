use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};
use sdmad_engine::AdapterInput;

/// Whether adapters are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterChoice {
    /// The closed form alone.
    Off,
    /// Trained, and kept where they beat the closed form on support images out of fold.
    Auto,
    /// Trained and kept.
    On,
}

/// What an adapter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterSource {
    /// The input of its block: the literal reading.
    BlockInput,
    /// The output of its block.
    BlockOutput,
}

impl From<AdapterSource> for AdapterInput {
    fn from(source: AdapterSource) -> Self {
        match source {
            AdapterSource::BlockInput => AdapterInput::BlockInput,
            AdapterSource::BlockOutput => AdapterInput::BlockOutput,
        }
    }
}

/// Behind which layers adapters stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LayerChoice {
    /// These layers, counted from 1; those that a tower does not have are left out.
    Layers(Vec<usize>),
    /// So many, at equal distances, the last layer among them: 4 of 12 are 3, 6, 9 and 12.
    Spread(usize),
}

impl LayerChoice {
    pub(super) fn resolved(&self, layers: usize) -> Vec<usize> {
        match self {
            LayerChoice::Layers(chosen) => chosen.iter().copied().filter(|l| (1..=layers).contains(l)).collect(),
            LayerChoice::Spread(count) => {
                let count = (*count).min(layers);
                (1..=count).map(|i| layers * i / count).collect()
            }
        }
    }
}

/// Settings of the adapters and of their training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdapterSettings {
    /// Whether they are trained.
    pub mode: AdapterChoice,
    /// Layers of the image tower.
    pub image_layers: LayerChoice,
    /// Layers of the text tower.
    pub text_layers: LayerChoice,
    /// λ, the share of the block's own output, 0 to 1.
    pub lambda: f64,
    /// The bottleneck is the tower's width divided by this. At least 1.
    pub bottleneck: usize,
    /// What an adapter looks at.
    pub input: AdapterSource,
    /// Whether the adapter's part is rescaled to the norm of the block's output.
    pub norm_matching: bool,
    /// How often every image is seen; the last epoch is the one that is kept. At least 1.
    pub epochs: usize,
    /// Images of a step. At least 2.
    pub batch: usize,
    /// Learning rate of the image tower's adapters.
    pub image_learning_rate: f64,
    /// Learning rate of the text tower's adapters.
    pub text_learning_rate: f64,
    /// Learning rate of the bridge.
    pub bridge_learning_rate: f64,
    /// Decoupled weight decay of the adapters.
    pub weight_decay: f64,
}

impl Default for AdapterSettings {
    fn default() -> Self {
        AdapterSettings {
            mode: AdapterChoice::Off,
            image_layers: LayerChoice::Spread(4),
            text_layers: LayerChoice::Spread(4),
            lambda: 0.9,
            bottleneck: 4,
            input: AdapterSource::BlockInput,
            norm_matching: false,
            epochs: 8,
            batch: 16,
            image_learning_rate: 1e-3,
            text_learning_rate: 1e-4,
            bridge_learning_rate: 1e-3,
            weight_decay: 1e-2,
        }
    }
}

impl AdapterSettings {
    /// The literal reading of the paper: always trained.
    pub fn paper() -> Self {
        AdapterSettings { mode: AdapterChoice::On, ..AdapterSettings::default() }
    }

    /// Whether training is tried at all.
    pub fn wanted(&self) -> bool {
        self.mode != AdapterChoice::Off
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let check = |key: &str, value: f64, low: f64, high: f64| {
            if value.is_finite() && (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::bad_input(format!("adapters.{key} = {value}: expected {low} to {high}")))
        };
        check("lambda", self.lambda, 0.0, 1.0)?;
        check("bottleneck", self.bottleneck as f64, 1.0, 1024.0)?;
        check("epochs", self.epochs as f64, 1.0, 10_000.0)?;
        check("batch", self.batch as f64, 2.0, 10_000.0)?;
        check("image_learning_rate", self.image_learning_rate, 0.0, 1.0)?;
        check("text_learning_rate", self.text_learning_rate, 0.0, 1.0)?;
        check("bridge_learning_rate", self.bridge_learning_rate, 0.0, 1.0)?;
        check("weight_decay", self.weight_decay, 0.0, 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_spread_as_the_spec_lists_them() {
        assert_eq!(LayerChoice::Spread(4).resolved(12), [3, 6, 9, 12]);
        assert_eq!(LayerChoice::Spread(4).resolved(24), [6, 12, 18, 24]);
        assert_eq!(LayerChoice::Spread(4).resolved(2), [1, 2]);
        assert_eq!(LayerChoice::Layers(vec![2, 7]).resolved(6), [2]);
    }
}
