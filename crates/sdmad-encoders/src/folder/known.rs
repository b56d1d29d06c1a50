use std::collections::BTreeMap;
use std::path::Path;

use sdmad_base::{Error, Result};
use serde::Deserialize;

use super::read_json;

/// Models that open_clip's configuration gives by name only.
///
/// Shipped with the crate as `data/known-models.json`; a model folder may add to them in a file of the same form, `known-models.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownModels {
    #[serde(default)]
    timm: BTreeMap<String, TimmModel>,
    #[serde(default)]
    bert: BTreeMap<String, BertModel>,
}

/// A plain vision transformer of timm: norm in front, class token, exact GELU, norms with 1e-6.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TimmModel {
    pub(super) image_size: usize,
    pub(super) patch_size: usize,
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) mlp_width: usize,
}

/// A BERT: norm behind, exact GELU, norms with 1e-12.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BertModel {
    pub(super) vocabulary: usize,
    pub(super) positions: usize,
    pub(super) token_types: usize,
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) mlp_width: usize,
}

const FILE: &str = "known-models.json";

impl KnownModels {
    /// Those of the crate and of the folder; the folder's win.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut known = KnownModels::shipped();
        let path = folder.join(FILE);
        if path.is_file() {
            let own: KnownModels = read_json(&path)?;
            known.timm.extend(own.timm);
            known.bert.extend(own.bert);
        }
        Ok(known)
    }

    fn shipped() -> Self {
        // Our own data, parsed by a test: it cannot be what a user sent.
        serde_json::from_str(include_str!("../../data/known-models.json")).expect("data/known-models.json")
    }

    pub(super) fn timm(&self, name: &str) -> Result<&TimmModel> {
        // `timm/vit_base_patch16_224.augreg_in21k` is the same architecture with a hub's prefix and a training's suffix.
        let plain = name.rsplit('/').next().unwrap_or(name);
        let plain = plain.split('.').next().unwrap_or(plain);
        self.timm.get(plain).ok_or_else(|| unknown("timm", name, self.timm.keys()))
    }

    pub(super) fn bert(&self, name: &str) -> Result<&BertModel> {
        self.bert.get(name).ok_or_else(|| unknown("bert", name, self.bert.keys()))
    }
}

fn unknown<'a>(table: &str, name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let known: Vec<&str> = known.map(String::as_str).collect();
    Error::bad_input(format!("`{name}` is not among the {table} models that are known: {}", known.join(", ")))
        .with_hint(format!(
            "if it is a plain transformer, put its sizes into {FILE} in the model's folder, under `{table}`"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_prefix_and_suffix() {
        let known = KnownModels::shipped();
        assert_eq!(known.timm("timm/vit_base_patch16_224.augreg_in21k").unwrap().width, 768);
        let error = known.timm("swin_tiny_patch4_window7_224").unwrap_err();
        assert!(error.to_string().contains("vit_base_patch16_224"), "{error}");
        assert!(error.hint().unwrap().contains(FILE));
    }
}
