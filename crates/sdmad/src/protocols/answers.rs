use super::{Outputs, TestImage};
use crate::{Decision, Label};

/// The three-way answers of one draw, laid out so that any resampling of images is measured in one pass.
pub(super) struct Answers {
    /// For each category: images with it, images known to be without it.
    categories: Vec<[Vec<Answered>; 2]>,
}

struct Answered {
    image: usize,
    wrong: bool,
    uncertain: bool,
}

/// How answers of one class of images came out; NaN where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AnswerShares {
    /// Share of them whose own class was not ruled out.
    pub(super) covered: f64,
    /// Share of them that was answered `uncertain`.
    pub(super) uncertain: f64,
}

impl Answers {
    pub(super) fn new(categories: usize, images: &[TestImage], kept: &[(usize, &Outputs)]) -> Self {
        let of = |category: usize, class: Label, denied: Decision| -> Vec<Answered> {
            let of_class = kept.iter().filter(|(i, _)| images[*i].labels[category] == class);
            of_class
                .map(|&(image, outputs)| {
                    let answer = outputs.answers[category];
                    Answered { image, wrong: answer == denied, uncertain: answer == Decision::Uncertain }
                })
                .collect()
        };
        let both = |c| [of(c, Label::Present, Decision::Absent), of(c, Label::Absent, Decision::Present)];
        Answers { categories: (0..categories).map(both).collect() }
    }

    /// For each category the shares among images with it and among those without it.
    pub(super) fn measure(&self, weights: &[u32]) -> Vec<[AnswerShares; 2]> {
        let shares = |answered: &Vec<Answered>| {
            let (mut all, mut wrong, mut uncertain) = (0u64, 0u64, 0u64);
            for one in answered {
                let weight = u64::from(weights[one.image]);
                all += weight;
                wrong += weight * u64::from(one.wrong);
                uncertain += weight * u64::from(one.uncertain);
            }
            AnswerShares { covered: (all - wrong) as f64 / all as f64, uncertain: uncertain as f64 / all as f64 }
        };
        self.categories.iter().map(|classes| [shares(&classes[0]), shares(&classes[1])]).collect()
    }

    /// How many images of a category's class there are.
    pub(super) fn count(&self, category: usize, class: Label) -> usize {
        self.categories[category][class_number(class)].len()
    }
}

/// Where a class stands in every pair of classes.
pub(super) fn class_number(class: Label) -> usize {
    usize::from(class != Label::Present)
}
