//! Zero-shot classification by the names of the classes (CLIP, Radford et al. 2021, arXiv 2103.00020), an
//! ensemble of prompts. Shots, where there are any, calibrate its probabilities and nothing else.

use super::problem::Problem;
use super::{BaselineChoices, ClassText, Fitted, FittedBaseline};

pub(super) fn fit(problem: &Problem<'_>, text: ClassText) -> Fitted {
    // Nothing was learned from the shots, so every one of them is held out.
    let columns = problem.readings.iter().map(|reading| text.logits(reading)).collect();
    Fitted {
        baseline: FittedBaseline::Names(text),
        choices: BaselineChoices::default(),
        out_of_fold: problem.folds.is_some().then_some(columns),
    }
}
