use serde::{Deserialize, Serialize};

/// Where maps come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapSource {
    /// Masks where shots have them, and words beside them or alone.
    #[default]
    Auto,
    /// Words alone: masks of the shots are not read.
    Words,
    /// No maps.
    Off,
}

/// Settings of maps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapSettings {
    /// Where they come from.
    pub source: MapSource,
}

/// Where a run's maps came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapOrigin {
    /// Words alone.
    Words,
    /// Masks of the shots alone: there was no alignment.
    Masks,
    /// Both.
    MasksAndWords,
}
