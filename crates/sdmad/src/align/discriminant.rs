//! Linear discriminants of attributes (Fisher 1936, with a ridge): one covariance for all, one solution for each.

use sdmad_base::Result;
use sdmad_engine::{Cholesky, Matrix64};
use sdmad_synthesis::Attribute;

use super::moments::Moments;

/// Fewer rows than this on either side say nothing.
const LEAST_ROWS: usize = 10;

/// What an attribute's rows are told apart from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// For what only findings have, findings without it; for the rest every row without it. So that an attribute of
    /// findings is not learned as "some finding".
    Alike,
    /// The mean of findings without it and of nothing: a patch must be told from both.
    Both,
}

/// For each attribute a direction, `None` where it was not drawn often enough; with the mean row.
pub(crate) fn directions(moments: &Moments, ridge: f64, against: Against) -> Result<Directions> {
    let mean = moments.all.mean();
    let width = mean.len();
    let covariance = moments.all.covariance(ridge);
    let differences: Vec<Option<Vec<f64>>> =
        (0..Attribute::ALL.len()).map(|attribute| difference(moments, attribute, against)).collect();
    let drawn: Vec<usize> = (0..differences.len()).filter(|&a| differences[a].is_some()).collect();
    let mut right = Matrix64::zeros(width, drawn.len());
    for (column, &attribute) in drawn.iter().enumerate() {
        for (row, value) in differences[attribute].iter().flatten().enumerate() {
            right.row_mut(row)[column] = *value;
        }
    }
    let solved = Cholesky::new(covariance)?.solve(&right).transposed();
    let mut weights = vec![None; differences.len()];
    for (row, &attribute) in drawn.iter().enumerate() {
        weights[attribute] = Some(solved.row(row).to_vec());
    }
    Ok(Directions { mean, weights })
}

/// Directions and the mean that they are measured from.
pub(crate) struct Directions {
    pub(crate) mean: Vec<f64>,
    /// By attribute.
    pub(crate) weights: Vec<Option<Vec<f64>>>,
}

/// Mean with the attribute minus mean without it.
fn difference(moments: &Moments, attribute: usize, against: Against) -> Option<Vec<f64>> {
    let present = moments.present.mean(attribute, LEAST_ROWS)?;
    // Where no row is known to be without it, as of what real normal images may have by themselves, those that nothing of
    // the kind was drawn on stand in: what they have by themselves, the others have as often.
    let known = moments.absent_in_finding.count[attribute] + moments.absent_in_nothing.count[attribute];
    let absent = if known >= LEAST_ROWS as f64 {
        [&moments.absent_in_finding, &moments.absent_in_nothing]
    } else {
        [&moments.unknown[0], &moments.unknown[1]]
    };
    let [finding, nothing] = absent.map(|sums| sums.mean(attribute, LEAST_ROWS));
    let count = moments.present.count[attribute];
    let only_findings = moments.present_in_finding[attribute] > 0.9 * count;
    let share = match (against, &finding, &nothing) {
        (_, None, None) => return None,
        (_, Some(_), None) => 1.0,
        (_, None, Some(_)) => 0.0,
        (Against::Both, ..) => 0.5,
        (Against::Alike, ..) if only_findings => 1.0,
        (Against::Alike, ..) => {
            let [f, n] = absent.map(|sums| sums.count[attribute]);
            f / (f + n)
        }
    };
    let part = |mean: &Option<Vec<f64>>, i: usize| mean.as_ref().map_or(0.0, |m| m[i]);
    Some(
        present
            .iter()
            .enumerate()
            .map(|(i, p)| p - share * part(&finding, i) - (1.0 - share) * part(&nothing, i))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::moments::Truth;
    use sdmad_base::Stream;
    use sdmad_synthesis::AttributeSet;

    #[test]
    fn a_direction_separates_its_attribute_and_ignores_what_varies_alike() {
        let stream = &mut Stream::new(4, "discriminant");
        let mut moments = Moments::new(3);
        for i in 0..400 {
            let dark = i % 2 == 0;
            let shared = 5.0 * stream.normal();
            // Dark shows in coordinate 1, behind a large common variation with coordinate 0.
            let row = [shared, shared + f64::from(u8::from(dark)) + 0.1 * stream.normal(), stream.normal()];
            let mut present = AttributeSet::from([Attribute::Finding]);
            if dark {
                present.insert(Attribute::Dark);
            }
            let truth = Truth { present, unknown: AttributeSet::EMPTY, finding: true };
            moments.add(&Matrix64::from_vec(1, 3, row.to_vec()), &[truth]);
        }
        let found = directions(&moments, 1e-6, Against::Alike).unwrap();
        let w = found.weights[Attribute::Dark as usize].as_ref().unwrap();
        assert!(w[1] > 0.0 && (w[0] + w[1]).abs() < 0.05 * w[1], "{w:?}");
        assert!(found.weights[Attribute::Round as usize].is_none());
    }
}
