//! All settings of a run in one struct; unknown keys are refused, and the struct is saved with the run.

use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};

use crate::adapt::AdapterSettings;
use crate::align::AlignmentSettings;
use crate::bridge::BridgeSettings;
use crate::features::{FeatureSettings, Summary};
use crate::loss::LossSettings;
use crate::maps::MapSettings;
use crate::scope::ScopeSettings;
use crate::select::{SelectionMode, SelectionSettings};
use crate::sign_text::TextSettings;

/// Where the settings of a run start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// What measured best out of fold on training images: the closed form, and training only where it helps.
    Best,
    /// As close to the paper as the switches go: adapters trained in both towers from the ridge bridge alone, `both` selections.
    Paper,
}

impl Preset {
    /// The preset called `name`.
    ///
    /// # Errors
    /// When there is no such preset.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "best" => Ok(Preset::Best),
            "paper" => Ok(Preset::Paper),
            _ => Err(Error::bad_input(format!("there is no preset `{name}`: expected best or paper"))),
        }
    }

    /// The settings of this preset.
    pub fn settings(self) -> Settings {
        let mut settings = Settings::default();
        if self == Preset::Paper {
            settings.bridge.probe_weight = 0.0;
            settings.adapters = AdapterSettings::paper();
            settings.loss.inter_weight = 1.0;
            settings.selection.mode = SelectionMode::Both;
        }
        settings
    }
}

/// All settings of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the text tower reads.
    pub text: TextSettings,
    /// What was learned of signs before any shot.
    pub alignment: AlignmentSettings,
    /// What the image tower gives.
    pub features: FeatureSettings,
    /// The closed-form map from image features to sign embeddings.
    pub bridge: BridgeSettings,
    /// Shift adapters in both towers.
    pub adapters: AdapterSettings,
    /// Losses of the trained part.
    pub loss: LossSettings,
    /// Sign selection.
    pub selection: SelectionSettings,
    /// Maps of where findings are.
    pub maps: MapSettings,
    /// What images of the run's kind look like.
    pub scope: ScopeSettings,
}

impl Settings {
    /// These settings with those of a TOML text put over them; `name` is the file's name for errors.
    ///
    /// # Errors
    /// When the text is no TOML, or a key or value is not one of a setting.
    pub fn with_toml(&self, text: &str, name: &str) -> Result<Self> {
        let over: toml::Table = text.parse().map_err(|e| Error::bad_input(format!("{name} is not valid TOML: {e}")))?;
        self.with_table(over, name)
    }

    /// These settings with one changed: `selection.mode=none`.
    ///
    /// # Errors
    /// When there is no `=`, no such setting, or the value does not fit.
    pub fn with_pair(&self, pair: &str) -> Result<Self> {
        let place = format!("--set {pair}");
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::bad_input(format!("{place}: expected KEY=VALUE")).with_hint("for example --set selection.mode=none")
        })?;
        // A bare word is text; what parses as a TOML value is that value.
        let value = format!("v = {value}")
            .parse::<toml::Table>()
            .ok()
            .and_then(|mut t| t.remove("v"))
            .unwrap_or_else(|| toml::Value::String(value.to_string()));
        let over = key
            .split('.')
            .rev()
            .fold(value, |inner, part| toml::Value::Table(toml::Table::from_iter([(part.to_string(), inner)])));
        match over {
            toml::Value::Table(table) => self.with_table(table, &place),
            _ => Err(Error::bad_input(format!("{place}: expected KEY=VALUE"))),
        }
    }

    fn with_table(&self, over: toml::Table, name: &str) -> Result<Self> {
        let bad = |e: &dyn std::fmt::Display| {
            Error::bad_input(format!("{name}: {e}")).with_hint("docs/settings.md lists every setting and its values")
        };
        let mut base = toml::Table::try_from(self).map_err(|e| bad(&e))?;
        merge(&mut base, over);
        let settings: Settings = base.try_into().map_err(|e| bad(&e))?;
        settings.validated().map_err(|e| e.at(name))
    }

    /// Checks the ranges that types cannot express.
    ///
    /// # Errors
    /// Names the setting, its value and its range.
    pub fn validated(self) -> Result<Self> {
        let within = |key: &str, value: f64, low: f64, high: f64| {
            if value.is_finite() && (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::bad_input(format!("{key} = {value}: expected {low} to {high}")))
        };
        self.features.validate()?;
        self.alignment.validate()?;
        self.bridge.validate()?;
        self.adapters.validate()?;
        self.maps.validate()?;
        within("loss.logit_scale", self.loss.logit_scale, 1e-3, 1e3)?;
        within("loss.inter_weight", self.loss.inter_weight, 0.0, 1e3)?;
        within("loss.intra_weight", self.loss.intra_weight, 0.0, 1e3)?;
        within("loss.orthogonality_weight", self.loss.orthogonality_weight, 0.0, 1e3)?;
        within("loss.localisation_weight", self.loss.localisation_weight, 0.0, 1e3)?;
        within("loss.margin", self.loss.margin, -1e3, 1e3)?;
        within("text.membership", self.text.membership, 1e-3, 1e3)?;
        within("selection.outlier", self.selection.outlier, 1e-3, 1e3)?;
        within("selection.keep", self.selection.keep as f64, 1.0, 1e6)?;
        if self.loss.localisation_weight > 0.0 && !self.features.summaries.contains(&Summary::ClassToken) {
            return Err(Error::bad_input(format!(
                "loss.localisation_weight = {}: patches are read as class tokens are, but features.summaries has no class_token",
                self.loss.localisation_weight
            ))
            .with_hint("add class_token to features.summaries, or set loss.localisation_weight=0"));
        }
        Ok(self)
    }
}

fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(more)) => merge(inner, more),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_changes_and_the_rest_stays() {
        let settings = Settings::default().with_pair("selection.mode=image").unwrap();
        assert_eq!(settings.selection.mode, SelectionMode::Image);
        assert_eq!(settings.selection.keep, Settings::default().selection.keep);
        assert_eq!(settings.with_pair("loss.margin=0.5").unwrap().loss.margin, 0.5);
    }

    #[test]
    fn unknown_keys_and_values_are_refused_by_name() {
        for (pair, part) in [
            ("selection.modus=none", "modus"),
            ("selection.mode=never", "never"),
            ("selection", "KEY=VALUE"),
            ("loss.margin=nan", "loss.margin"),
            ("loss.orthogonality_weight=-1", "loss.orthogonality_weight"),
            ("loss.localisation_weight=1001", "loss.localisation_weight"),
            ("selection.keep=0", "selection.keep"),
            ("maps.windows=0", "maps.windows"),
            ("alignment.names=1.5", "alignment.names"),
            ("alignment.finding=-1", "alignment.finding"),
        ] {
            let error = Settings::default().with_pair(pair).unwrap_err();
            assert!(error.to_string().contains(part), "{pair}: {error}");
        }
        assert!(Settings::default().with_toml("[selection\n", "my.toml").unwrap_err().to_string().contains("my.toml"));
    }

    #[test]
    fn every_preset_survives_toml() {
        for preset in [Preset::Best, Preset::Paper] {
            let settings = preset.settings();
            let text = toml::to_string(&settings).unwrap();
            assert_eq!(Settings::default().with_toml(&text, "preset").unwrap(), settings);
        }
    }
}
