//! The surfaces of the retina in a picture.

use crate::plane::Plane;

/// Rows of the retina's surfaces, one for each column.
#[derive(Clone, Debug)]
pub(super) struct Surfaces {
    /// Between vitreous and retina.
    pub(super) inner: Vec<f32>,
    /// The middle of the bright pigment epithelium.
    pub(super) outer: Vec<f32>,
}

impl Surfaces {
    /// Finds them: the pigment epithelium is the lowest clear bright band of a column, the inner surface the first row
    /// that is clearly brighter than the vitreous. Nothing where there is no retina to be seen.
    pub(super) fn find(image: &Plane) -> Option<Self> {
        let side = image.side();
        let unit = side as f32 / 224.0;
        let scaled = |pixels: f32| ((pixels * unit).round() as usize).max(1);
        let smooth = image.blurred(1.3 * unit);
        let mut surfaces = Surfaces { inner: Vec::with_capacity(side), outer: Vec::with_capacity(side) };
        for x in 0..side {
            let column = column(&smooth, x, scaled(4.0) as i64);
            let contrast = contrast(&column, scaled(9.0));
            let clear = 0.6 * contrast.iter().copied().fold(0.0, f32::max);
            let lowest = contrast.iter().rposition(|&c| c >= clear)?;
            let near = lowest.saturating_sub(scaled(5.0))..=lowest;
            let peak = near.max_by(|&a, &b| contrast[a].total_cmp(&contrast[b]))?;
            let brightest = column.iter().copied().fold(0.0, f32::max);
            let darkest = column[..=peak].iter().copied().fold(1.0, f32::min);
            let first = column.iter().position(|&v| v > darkest + 0.38 * (brightest - darkest))?.min(peak);
            surfaces.outer.push(peak as f32);
            surfaces.inner.push(first as f32);
        }
        surfaces.inner = even(&surfaces.inner, scaled(5.0));
        surfaces.outer = even(&surfaces.outer, scaled(10.0));
        let thickness = surfaces.thickness(side / 2);
        (thickness > 0.06 * side as f32 && thickness < 0.7 * side as f32).then_some(surfaces)
    }

    /// Pixels from the inner surface to the pigment epithelium.
    pub(super) fn thickness(&self, column: usize) -> f32 {
        self.outer[column] - self.inner[column]
    }
}

/// A column's brightness, averaged with those of columns `apart` and twice as far beside it.
fn column(image: &Plane, x: usize, apart: i64) -> Vec<f32> {
    let beside = [-2, -1, 0, 1, 2].map(|step: i64| step * apart);
    let mean = |y: usize| beside.iter().map(|b| image.at(x as i64 + b, y as i64)).sum::<f32>() / beside.len() as f32;
    (0..image.side()).map(mean).collect()
}

/// How much brighter each row is than those `away` rows above and, counting less, below.
fn contrast(column: &[f32], away: usize) -> Vec<f32> {
    let last = column.len() - 1;
    (0..column.len())
        .map(|y| {
            let (above, below) = (column[y.saturating_sub(away)], column[(y + away).min(last)]);
            column[y] - 0.6 * above - 0.4 * below
        })
        .collect()
}

/// The median over `reach` columns to both sides, then the mean over half as many.
fn even(rows: &[f32], reach: usize) -> Vec<f32> {
    let near = |rows: &[f32], x: usize, reach: usize| -> Vec<f32> {
        rows[x.saturating_sub(reach)..(x + reach + 1).min(rows.len())].to_vec()
    };
    let medians: Vec<f32> = (0..rows.len())
        .map(|x| {
            let mut window = near(rows, x, reach);
            window.sort_by(f32::total_cmp);
            window[window.len() / 2]
        })
        .collect();
    (0..rows.len())
        .map(|x| {
            let window = near(&medians, x, reach / 2);
            window.iter().sum::<f32>() / window.len() as f32
        })
        .collect()
}
