use super::{sigmoid, softplus};

/// What is known of where a category is in an image, by the tower's patches, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PatchTarget {
    /// Nothing: the map takes no part.
    Unknown,
    /// The category is known to be nowhere.
    Nowhere,
    /// The share of each patch that the category covers, 0 to 1.
    Shares(Vec<f64>),
}

/// L_loc and its gradient.
#[derive(Clone, Debug)]
pub(crate) struct MapLoss {
    pub(crate) value: f64,
    /// With respect to the logits, `[images][categories][patches]`.
    pub(crate) gradient: Vec<Vec<Vec<f64>>>,
}

/// The focusing exponent of the focal loss (Lin et al. 2017, section 3.2).
const GAMMA: i32 = 2;
/// Patches that are added to either side of the dice ratio, so that it is smooth where nothing is.
const SMOOTH: f64 = 1.0;

/// L_loc (docs/method.md, "Training by gradient"): focal and dice loss of category maps, from `logits[image][category][patch]`.
///
/// With p = σ(logit) and t the share of a patch that is covered, a map has a foreground and a background part, each a
/// focal mean and a dice:
///
/// - foreground: `Σ t (1 − p)² (−ln p) / Σ t  +  1 − (2 Σ p t + 1) / (Σ p + Σ t + 1)`, where the category is somewhere;
/// - background: the same of 1 − p and 1 − t.
///
/// An image's loss is half of the mean foreground part over its maps that have one, and half of the mean background part
/// over all its known maps; so a lesion weighs the same whatever its size, and an image without a finding has the second half alone.
/// L_loc is the mean over images with a known map; without one it is 0.
pub(crate) fn localisation_loss(logits: &[Vec<Vec<f64>>], targets: &[&[PatchTarget]]) -> MapLoss {
    let mut gradient: Vec<Vec<Vec<f64>>> =
        logits.iter().map(|maps| maps.iter().map(|map| vec![0.0; map.len()]).collect()).collect();
    let taking_part = targets.iter().filter(|t| t.iter().any(|t| *t != PatchTarget::Unknown)).count();
    let mut value = 0.0;
    for ((maps, targets), gradient) in logits.iter().zip(targets).zip(&mut gradient) {
        let shares: Vec<Option<Vec<f64>>> = maps
            .iter()
            .zip(*targets)
            .map(|(map, target)| match target {
                PatchTarget::Unknown => None,
                PatchTarget::Nowhere => Some(vec![0.0; map.len()]),
                PatchTarget::Shares(shares) => Some(shares.clone()),
            })
            .collect();
        let having = |inside: fn(f64) -> f64| {
            shares.iter().flatten().filter(|s| s.iter().map(|&t| inside(t)).sum::<f64>() > 0.0).count() as f64
        };
        let (foregrounds, backgrounds) = (having(|t| t), having(|t| 1.0 - t));
        for ((map, shares), gradient) in maps.iter().zip(&shares).zip(gradient) {
            let Some(shares) = shares else { continue };
            let weight = |maps: f64| 0.5 / (maps.max(1.0) * taking_part as f64);
            value += part(map, shares, Side::Foreground, weight(foregrounds), gradient);
            value += part(map, shares, Side::Background, weight(backgrounds), gradient);
        }
    }
    MapLoss { value, gradient }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Foreground,
    Background,
}

/// One part of a map's loss, times `weight`; its gradient is added to `gradient`. 0 where the side has no patch.
fn part(map: &[f64], shares: &[f64], side: Side, weight: f64, gradient: &mut [f64]) -> f64 {
    // The background is the foreground of the map with its sign turned.
    let (sign, inside): (f64, fn(f64) -> f64) = match side {
        Side::Foreground => (1.0, |t| t),
        Side::Background => (-1.0, |t| 1.0 - t),
    };
    let mass: f64 = shares.iter().map(|&t| inside(t)).sum();
    if mass <= 0.0 {
        return 0.0;
    }
    let (mut overlap, mut sum, mut focal) = (0.0, mass + SMOOTH, 0.0);
    for (&x, &t) in map.iter().zip(shares) {
        let (x, t) = (sign * x, inside(t));
        let p = sigmoid(x);
        overlap += p * t;
        sum += p;
        focal += t / mass * sigmoid(-x).powi(GAMMA) * softplus(-x);
    }
    let dice = (2.0 * overlap + SMOOTH) / sum;
    for ((g, &x), &t) in gradient.iter_mut().zip(map).zip(shares) {
        let (x, t) = (sign * x, inside(t));
        let (p, rest) = (sigmoid(x), sigmoid(-x));
        let d_focal = -t / mass * rest.powi(GAMMA) * (f64::from(GAMMA) * p * softplus(-x) + rest);
        let d_dice = (dice - 2.0 * t) / sum * p * rest;
        *g += sign * weight * (d_focal + d_dice);
    }
    weight * (focal + 1.0 - dice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PatchTarget::{Nowhere, Shares, Unknown};
    use sdmad_base::Stream;

    fn problem() -> (Vec<Vec<Vec<f64>>>, Vec<Vec<PatchTarget>>) {
        let mut stream = Stream::new(1, "localisation test");
        let logits = (0..4).map(|_| (0..3).map(|_| (0..6).map(|_| 3.0 * stream.normal()).collect()).collect());
        let logits = logits.collect();
        let targets = vec![
            vec![Shares(vec![0.0, 0.3, 1.0, 0.9, 0.0, 0.0]), Nowhere, Unknown],
            vec![Nowhere; 3],
            vec![Unknown; 3],
            vec![Shares(vec![1.0; 6]), Shares(vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.01]), Nowhere],
        ];
        (logits, targets)
    }

    fn loss(logits: &[Vec<Vec<f64>>], targets: &[Vec<PatchTarget>]) -> MapLoss {
        localisation_loss(logits, &targets.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let (logits, targets) = problem();
        let result = loss(&logits, &targets);
        for (i, c, p) in (0..4).flat_map(|i| (0..3).flat_map(move |c| (0..6).map(move |p| (i, c, p)))) {
            let moved = |h: f64| {
                let mut logits = logits.clone();
                logits[i][c][p] += h;
                loss(&logits, &targets).value
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((numeric - result.gradient[i][c][p]).abs() < 1e-8, "image {i} category {c} patch {p}");
        }
    }

    #[test]
    fn what_is_unknown_takes_no_part() {
        let (logits, targets) = problem();
        let result = loss(&logits, &targets);
        assert!(result.gradient[2].iter().flatten().chain(&result.gradient[0][2]).all(|&g| g == 0.0));
        let without = loss(&[logits[0].clone(), logits[1].clone(), logits[3].clone()], &{
            let mut targets = targets.clone();
            targets.remove(2);
            targets
        });
        assert_eq!(result.value, without.value);
        assert_eq!(loss(&logits, &vec![vec![Unknown; 3]; 4]).value, 0.0);
    }

    #[test]
    fn a_right_map_costs_nothing_and_a_wrong_one_much() {
        let target = vec![vec![Shares(vec![1.0, 1.0, 0.0, 0.0])]];
        let map = |inside: f64| vec![vec![vec![inside, inside, -inside, -inside]]];
        assert!(loss(&map(40.0), &target).value < 1e-6);
        assert!(loss(&map(-40.0), &target).value > 30.0);
        assert!(loss(&map(-1e6), &target).value.is_finite());
    }

    #[test]
    fn a_lesion_weighs_the_same_whatever_its_size() {
        // Logit 0 everywhere: the focal parts of either side are ¼ ln 2 each, whatever the shares are.
        let focal = |shares: Vec<f64>| {
            let dice = |inside: f64| 1.0 - (inside + 1.0) / (50.0 + inside + 1.0);
            let covered: f64 = shares.iter().sum();
            loss(&[vec![vec![0.0; 100]]], &[vec![Shares(shares)]]).value - 0.5 * (dice(covered) + dice(100.0 - covered))
        };
        for covered in [1, 10, 60] {
            let shares = (0..100).map(|i| f64::from(u8::from(i < covered))).collect();
            assert!((focal(shares) - 0.25 * 2f64.ln()).abs() < 1e-12, "{covered}");
        }
    }
}
