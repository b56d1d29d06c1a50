use sdmad_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// How many phantoms to make, and of what. Equal configurations give equal files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomConfig {
    /// How many images; 8 or more.
    pub images: usize,
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// Width and height of an image in pixels; 128 to 1024.
    pub size: usize,
    /// The share of images without a lesion; below 1.
    pub normal: f64,
    /// The share, among the others, of images with two or more categories; 0 to 1.
    pub co_occurring: f64,
    /// The share of images for `train`; above 0.
    pub train: f64,
    /// The share of images for `valid`. The rest is `test`.
    pub valid: f64,
}

impl Default for PhantomConfig {
    fn default() -> Self {
        PhantomConfig { images: 400, seed: 0, size: 256, normal: 0.35, co_occurring: 0.22, train: 0.45, valid: 0.05 }
    }
}

impl PhantomConfig {
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) names the value that is out of range.
    pub fn check(&self) -> Result<()> {
        let share = |name: &str, value: f64, below_one: bool| {
            if (0.0..=1.0).contains(&value) && !(below_one && value == 1.0) {
                return Ok(());
            }
            let end = if below_one { "below 1" } else { "1 at most" };
            Err(Error::bad_input(format!("phantoms: {name} = {value}; expected a share, 0 or more and {end}")))
        };
        if self.images < 8 || self.images > 1_000_000 {
            return Err(Error::bad_input(format!("phantoms: images = {}; expected 8 to 1000000", self.images)));
        }
        if !(128..=1024).contains(&self.size) {
            return Err(Error::bad_input(format!("phantoms: size = {}; expected 128 to 1024 pixels", self.size)));
        }
        share("normal", self.normal, true)?;
        share("co_occurring", self.co_occurring, false)?;
        share("train", self.train, true)?;
        share("valid", self.valid, true)?;
        if self.train == 0.0 || self.train + self.valid >= 1.0 {
            return Err(Error::bad_input(format!(
                "phantoms: train = {} and valid = {}; expected train above 0, and something left for test",
                self.train, self.valid
            )));
        }
        Ok(())
    }
}
