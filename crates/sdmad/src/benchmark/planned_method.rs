use serde::{Deserialize, Serialize};

use super::BenchmarkMethod;
use crate::{Method, PrecisionChoice};

/// A method as `plan.json` and `results.json` say it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMethod {
    /// Its name in tables.
    pub name: String,
    /// How it scores images.
    pub method: String,
    /// Whether it learns from no shot.
    pub zero_shot: bool,
    /// The precision of the towers that was asked for.
    pub precision: String,
    /// For a variant of the peers' protocol the number of its method.
    pub variant_of: Option<usize>,
    /// Whether it was added by itself.
    pub added: bool,
    /// All settings; a folder of an alignment stands in the cells as its hash.
    pub settings: serde_json::Value,
}

impl PlannedMethod {
    pub(super) fn of(method: &BenchmarkMethod) -> Self {
        let mut settings = method.settings.clone();
        if !["shipped", "none"].contains(&settings.alignment.source.as_str()) {
            settings.alignment.source = "folder".into();
        }
        PlannedMethod {
            name: method.name.clone(),
            method: method_name(method.method),
            zero_shot: method.zero_shot,
            precision: precision_name(method.precision),
            variant_of: method.variant_of,
            added: method.added,
            settings: serde_json::to_value(settings).unwrap_or_default(),
        }
    }
}

/// A method's name as it is typed.
pub(super) fn method_name(method: Method) -> String {
    serde_json::to_value(method).ok().and_then(|v| v.as_str().map(String::from)).unwrap_or_default()
}

pub(super) fn precision_name(precision: PrecisionChoice) -> String {
    match precision {
        PrecisionChoice::Auto => "auto".into(),
        PrecisionChoice::Fixed(precision) => precision.name().into(),
    }
}
