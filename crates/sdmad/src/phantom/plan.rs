//! Which image shows what, and whose it is.

use sdmad_base::Stream;

use super::PhantomConfig;

/// What an image shall show.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Categories present, by their position in [`PHANTOM_CATEGORIES`](super::PHANTOM_CATEGORIES).
    pub(super) categories: [bool; 4],
    pub(super) patient: usize,
}

/// Combinations in the order in which they are dealt out: malignant masses with calcifications are the commonest.
const TOGETHER: [[usize; 2]; 9] = [[2, 3], [0, 1], [2, 3], [0, 2], [1, 3], [2, 3], [0, 1], [1, 2], [0, 3]];

/// A plan for each image. Shares are met to the image; the order is random, and patients have one or two images.
pub(super) fn plans(config: &PhantomConfig) -> Vec<Plan> {
    let images = config.images;
    let normal = (config.normal * images as f64).round() as usize;
    let together = (config.co_occurring * (images - normal) as f64).round() as usize;
    let mut sets = vec![[false; 4]; images];
    for (number, set) in sets.iter_mut().skip(normal).enumerate() {
        if number < together {
            TOGETHER[number % TOGETHER.len()].into_iter().for_each(|category| set[category] = true);
        } else {
            set[(number - together) % 4] = true;
        }
    }
    let mut stream = Stream::new(config.seed, "phantom/plan");
    stream.shuffle(&mut sets);
    let mut patient = 0;
    let mut again = false;
    sets.into_iter()
        .map(|categories| {
            let own = patient;
            again = !again && stream.chance(0.35);
            patient += usize::from(!again);
            Plan { categories, patient: own }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_patients_have_one_or_two_images() {
        let plans = plans(&PhantomConfig { images: 200, normal: 0.4, co_occurring: 0.25, ..Default::default() });
        let with = |n: usize| plans.iter().filter(|p| p.categories.iter().filter(|&&c| c).count() == n).count();
        assert_eq!([with(0), with(1), with(2)], [80, 90, 30]);
        for category in 0..4 {
            assert!(plans.iter().filter(|p| p.categories[category]).count() >= 22);
        }
        let mut sizes = std::collections::BTreeMap::new();
        plans.iter().for_each(|p| *sizes.entry(p.patient).or_insert(0) += 1);
        assert!(sizes.values().all(|&n| n <= 2) && sizes.values().any(|&n| n == 2));
    }
}
