//! Where the findings of a shot are, as the image tower's patches see it.

use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result};
use sdmad_encoders::ImageTower;
use sdmad_imaging::{GreyImage, RgbImage, read_mask};

use crate::loss::PatchTarget;
use crate::{Label, View};

/// The masks of one image: for each category the union of its files, 255 inside; `None` where nothing is known of where it is.
pub(crate) struct ShotMasks {
    categories: Vec<Option<Place>>,
}

enum Place {
    Nowhere,
    Mask(GreyImage),
}

impl ShotMasks {
    /// Reads the mask files of an image, `[categories][files]`.
    ///
    /// A normal image has every category nowhere. In another image a category that is present is where its files say; if it has
    /// none, or they are empty, nothing is known of it. If any present category has a mask, those that are known to be absent are nowhere;
    /// else the image takes no part. Labels win: a mask of a category that is absent or unknown is not read.
    ///
    /// # Errors
    /// When a mask is missing, cannot be read, or has another size than the image.
    pub(crate) fn read(path: &Path, image: &RgbImage, labels: &[Label], files: &[Vec<PathBuf>]) -> Result<Self> {
        let normal = labels.iter().all(|&label| label == Label::Absent);
        let mut masks: Vec<Option<GreyImage>> = Vec::with_capacity(labels.len());
        for (label, files) in labels.iter().zip(files) {
            masks.push(if *label == Label::Present { mask_union(path, image, files)? } else { None });
        }
        let takes_part = normal || masks.iter().any(Option::is_some);
        let categories = labels
            .iter()
            .zip(masks)
            .map(|(label, mask)| match label {
                Label::Absent if takes_part => Some(Place::Nowhere),
                _ => mask.map(Place::Mask),
            })
            .collect();
        Ok(ShotMasks { categories })
    }

    /// Whether any category has a mask with something in it.
    pub(crate) fn has_a_mask(&self) -> bool {
        self.categories.iter().any(|place| matches!(place, Some(Place::Mask(_))))
    }

    /// What the patches of a view are to show of each category, on a grid of so many rows and columns.
    pub(crate) fn targets(&self, view: View, tower: &ImageTower, grid: (usize, usize)) -> Vec<PatchTarget> {
        self.categories
            .iter()
            .map(|place| match place {
                None => PatchTarget::Unknown,
                Some(Place::Nowhere) => PatchTarget::Nowhere,
                Some(Place::Mask(mask)) => {
                    let mask = view.of_mask(mask);
                    let seen = tower.preprocess().seen(mask.width(), mask.height());
                    PatchTarget::Shares(patch_shares(&mask, seen, grid))
                }
            })
            .collect()
    }
}

/// The union of mask files; `None` where there is no file, or nothing inside.
pub(crate) fn mask_union(path: &Path, image: &RgbImage, files: &[PathBuf]) -> Result<Option<GreyImage>> {
    let mut inside = vec![0u8; image.width() * image.height()];
    for file in files {
        let mask = read_mask(file).map_err(|e| e.with_hint(CHECK))?;
        if (mask.width(), mask.height()) != (image.width(), image.height()) {
            return Err(Error::bad_input(format!(
                "{}: a mask of {} x {} pixels; expected those of its image {}, {} x {}",
                file.display(),
                mask.width(),
                mask.height(),
                path.display(),
                image.width(),
                image.height()
            ))
            .with_hint(CHECK));
        }
        inside.iter_mut().zip(mask.data()).filter(|(_, m)| **m > 0).for_each(|(i, _)| *i = 255);
    }
    if inside.iter().all(|&i| i == 0) {
        return Ok(None);
    }
    Ok(Some(GreyImage::new(image.width(), image.height(), inside)?))
}

const CHECK: &str =
    "`sdmad data check` lists every mask that is missing or does not fit; loss.localisation_weight=0 reads no masks";

/// The mean of a mask over each cell of a grid that lies on the part `[left, top, width, height]` of it, in [0, 1], row by row.
fn patch_shares(mask: &GreyImage, seen: [f64; 4], (rows, columns): (usize, usize)) -> Vec<f64> {
    let [left, top, width, height] = seen;
    let across = overlaps(left, width, columns, mask.width());
    let down = overlaps(top, height, rows, mask.height());
    let area = (width / columns as f64) * (height / rows as f64);
    let mut shares = Vec::with_capacity(rows * columns);
    for (first_row, row_weights) in &down {
        for (first_column, column_weights) in &across {
            let mut sum = 0.0;
            for (y, wy) in (*first_row..).zip(row_weights) {
                let pixels = &mask.data()[y * mask.width() + first_column..];
                let row: f64 = pixels.iter().zip(column_weights).map(|(&p, wx)| f64::from(p) * wx).sum();
                sum += wy * row;
            }
            shares.push((sum / (255.0 * area)).clamp(0.0, 1.0));
        }
    }
    shares
}

/// For each of `cells` equal parts of the line from `start` on, `length` long: the first pixel that it touches, and how much it covers of
/// that and each further one.
fn overlaps(start: f64, length: f64, cells: usize, pixels: usize) -> Vec<(usize, Vec<f64>)> {
    (0..cells)
        .map(|cell| {
            let from = start + length * cell as f64 / cells as f64;
            let to = start + length * (cell + 1) as f64 / cells as f64;
            let first = (from.max(0.0) as usize).min(pixels - 1);
            let last = (to.ceil() as usize).clamp(first + 1, pixels);
            let weights = (first..last).map(|p| (to.min((p + 1) as f64) - from.max(p as f64)).max(0.0)).collect();
            (first, weights)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Absent, Present, Unknown};

    fn mask(width: usize, height: usize, inside: impl Fn(usize, usize) -> bool) -> GreyImage {
        let data = (0..width * height).map(|i| if inside(i % width, i / width) { 255 } else { 0 }).collect();
        GreyImage::new(width, height, data).unwrap()
    }

    #[test]
    fn shares_are_area_averages() {
        // Three columns on two cells: the middle one counts half for each.
        let middle = mask(3, 2, |x, _| x == 1);
        let shares = patch_shares(&middle, [0.0, 0.0, 3.0, 2.0], (1, 2));
        assert!(shares.iter().all(|s| (s - 1.0 / 3.0).abs() < 1e-12), "{shares:?}");
        let corner = mask(8, 4, |x, y| x < 2 && y < 2);
        assert_eq!(patch_shares(&corner, [0.0, 0.0, 8.0, 4.0], (2, 4)), [1., 0., 0., 0., 0., 0., 0., 0.]);
        // Only the middle square of the wide mask is seen.
        assert_eq!(patch_shares(&mask(8, 4, |x, _| x < 4), [2.0, 0.0, 4.0, 4.0], (1, 2)), [1.0, 0.0]);
    }

    #[test]
    fn a_mask_goes_where_its_image_goes() {
        // A bright spot on black: in every view the mask of the spot covers the bright pixels.
        let spot = mask(90, 70, |x, y| (20..35).contains(&x) && (40..52).contains(&y));
        for view in View::ALL {
            let (seen, moved) = (view.of(&spot.to_rgb()).to_grey(), view.of_mask(&spot));
            assert_eq!(seen, moved, "{view:?}");
            assert!(moved.data().contains(&255));
        }
        assert_eq!(View::Flipped.of_mask(&spot).pixel(89 - 20, 40), 255);
    }

    fn write(folder: &Path, name: &str, mask: &GreyImage) -> PathBuf {
        let path = folder.join(name);
        sdmad_imaging::write_png_grey(&path, mask).unwrap();
        path
    }

    #[test]
    fn labels_say_what_takes_part() {
        let folder = tempfile::tempdir().unwrap();
        let image = mask(4, 4, |_, _| false).to_rgb();
        let left = write(folder.path(), "left.png", &mask(4, 4, |x, _| x == 0));
        let top = write(folder.path(), "top.png", &mask(4, 4, |_, y| y == 0));
        let empty = write(folder.path(), "empty.png", &mask(4, 4, |_, _| false));
        let path = Path::new("image.png");
        let known = |labels: &[Label], files: &[Vec<PathBuf>]| -> String {
            let masks = ShotMasks::read(path, &image, labels, files).unwrap();
            let letter = |place: &Option<Place>| match place {
                None => '?',
                Some(Place::Nowhere) => '0',
                Some(Place::Mask(_)) => 'm',
            };
            masks.categories.iter().map(letter).collect()
        };
        let none = vec![Vec::new(); 3];
        let gone = folder.path().join("gone.png");
        assert_eq!(known(&[Absent; 3], &none), "000");
        assert_eq!(known(&[Absent, Absent, Unknown], &none), "???", "not known to be normal");
        assert_eq!(known(&[Present, Absent, Absent], &none), "???", "no mask, no part");
        assert_eq!(known(&[Present, Absent, Unknown], &vec![vec![left.clone()]; 3]), "m0?");
        assert_eq!(known(&[Present, Present, Absent], &[vec![left.clone()], vec![], vec![gone]]), "m?0");
        assert_eq!(known(&[Present, Absent, Absent], &[vec![empty], vec![], vec![]]), "???", "an empty mask is none");
        let both = ShotMasks::read(path, &image, &[Present], &[vec![left, top]]).unwrap();
        let Some(Place::Mask(both)) = &both.categories[0] else { panic!("a mask was given") };
        assert_eq!(both.data().iter().filter(|&&m| m == 255).count(), 7);
    }

    #[test]
    fn masks_that_do_not_fit_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let image = mask(4, 4, |_, _| false).to_rgb();
        let wide = write(folder.path(), "wide.png", &mask(5, 4, |_, _| true));
        let missing = folder.path().join("missing.png");
        for (file, parts) in [(wide, ["wide.png", "5 x 4", "image.png, 4 x 4"]), (missing, ["missing.png"; 3])] {
            let error = ShotMasks::read(Path::new("image.png"), &image, &[Present], &[vec![file]]).err().unwrap();
            assert!(parts.iter().all(|p| error.to_string().contains(p)), "{error}");
            assert!(error.hint().is_some_and(|h| h.contains("data check")));
        }
    }
}
