use sdmad_encoders::ImageTower;
use sdmad_engine::Matrix;
use sdmad_imaging::RgbImage;

/// An image as it is on its way through the frozen tower, encoded once for all that read it.
pub(crate) struct PlainPass<'a> {
    pub(crate) tower: &'a ImageTower,
    /// Ascending.
    layers: Vec<usize>,
    /// Of each of them `[tokens, width]`, before the last norm.
    hidden: Vec<Matrix>,
}

impl<'a> PlainPass<'a> {
    /// The outputs of `layers`, counted from 1, in any order and as often as they are named.
    pub(crate) fn of(tower: &'a ImageTower, image: &RgbImage, mut layers: Vec<usize>) -> Self {
        layers.sort_unstable();
        layers.dedup();
        let hidden = tower.hidden(&tower.preprocess().apply(image), &layers);
        PlainPass { tower, layers, hidden }
    }

    /// The outputs of some of the layers that were asked for, in the order of `layers`.
    ///
    /// # Panics
    /// When a layer was not asked for.
    pub(crate) fn hidden(&self, layers: &[usize]) -> Vec<&Matrix> {
        let of = |layer: &usize| {
            let place = self.layers.binary_search(layer);
            &self.hidden[place.expect("a layer that nobody asked for")]
        };
        layers.iter().map(of).collect()
    }
}
