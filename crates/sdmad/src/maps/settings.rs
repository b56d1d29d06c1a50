use serde::{Deserialize, Serialize};

use sdmad_base::{Error, Result};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapSettings {
    /// Where they come from.
    pub source: MapSource,
    /// So many windows to a side are read beside the whole image, 1 (none) to 4: a grid so many times as fine, for fine lesions, at the cost of
    /// their square and one in passes.
    pub windows: usize,
}

impl Default for MapSettings {
    fn default() -> Self {
        MapSettings { source: MapSource::Auto, windows: 1 }
    }
}

impl MapSettings {
    pub(crate) fn validate(&self) -> Result<()> {
        if (1..=4).contains(&self.windows) {
            return Ok(());
        }
        Err(Error::bad_input(format!("maps.windows = {}: expected 1 to 4", self.windows)))
    }
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
