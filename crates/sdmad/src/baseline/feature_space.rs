use serde::{Deserialize, Serialize};

use sdmad_engine::Matrix64;

/// How feature rows are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceName {
    /// As they are, divided by the length of the support set's mean row.
    Raw,
    /// Scaled to length 1: inner products are cosines.
    Unit,
    /// The mean of the classes' means taken off, then scaled to length 1.
    Centred,
}

/// A space that feature rows are compared in.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSpace {
    /// Which one.
    pub name: SpaceName,
    /// What is taken off: `[features]`, zeros for two of them.
    pub centre: Vec<f32>,
    /// What raw rows are multiplied with.
    pub scale: f32,
}

impl FeatureSpace {
    /// The space of a support set: mean rows of its images and, for each class, which images belong to it.
    pub(crate) fn fit(name: SpaceName, rows: &[Vec<f32>], members: &[Vec<usize>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let mut mean = vec![0.0f64; width];
        let classes: Vec<&Vec<usize>> = members.iter().filter(|m| !m.is_empty()).collect();
        for class in &classes {
            for &image in *class {
                let share = 1.0 / (class.len() * classes.len()) as f64;
                mean.iter_mut().zip(&rows[image]).for_each(|(m, &x)| *m += share * f64::from(x));
            }
        }
        let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scale = if length > 1e-12 { (1.0 / length) as f32 } else { 1.0 };
        let centre = match name {
            SpaceName::Centred => mean.iter().map(|&m| m as f32).collect(),
            SpaceName::Raw | SpaceName::Unit => vec![0.0; width],
        };
        FeatureSpace { name, centre, scale }
    }

    /// A feature row in this space.
    pub fn of(&self, row: &[f32]) -> Vec<f64> {
        let moved: Vec<f64> = row.iter().zip(&self.centre).map(|(&x, &m)| f64::from(x) - f64::from(m)).collect();
        let factor = match self.name {
            SpaceName::Raw => f64::from(self.scale),
            SpaceName::Unit | SpaceName::Centred => 1.0 / moved.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-12),
        };
        moved.iter().map(|x| factor * x).collect()
    }

    /// Feature rows in this space, one below the other.
    pub(crate) fn rows<'a>(&self, rows: impl IntoIterator<Item = &'a [f32]>) -> Matrix64 {
        let mapped: Vec<Vec<f64>> = rows.into_iter().map(|row| self.of(row)).collect();
        Matrix64::from_vec(mapped.len(), self.centre.len(), mapped.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_count_the_same_in_the_centre_and_lengths_are_one() {
        let rows = vec![vec![1.0, 0.0], vec![1.0, 0.0], vec![0.0, 1.0]];
        let members = vec![vec![0, 1], vec![2], vec![]];
        let space = FeatureSpace::fit(SpaceName::Centred, &rows, &members);
        assert_eq!(space.centre, [0.5, 0.5]);
        let half = 0.5f64.sqrt();
        let found = space.of(&[1.0, 0.0]);
        assert!((found[0] - half).abs() < 1e-12 && (found[1] + half).abs() < 1e-12);
        let unit = FeatureSpace::fit(SpaceName::Unit, &rows, &members).of(&[3.0, 4.0]);
        assert!((unit[0] - 0.6).abs() < 1e-12 && (unit[1] - 0.8).abs() < 1e-12);
        // A row in the centre has no direction, and breaks nothing.
        assert_eq!(space.of(&[0.5, 0.5]), [0.0, 0.0]);
    }
}
