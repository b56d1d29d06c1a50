//! Context optimisation (CoOp, Zhou et al. 2022, arXiv 2109.01134): the words around a class's name become
//! vectors that are learned through the frozen text tower, one context for all classes. In multi-label sets each class has
//! a positive and a negative prompt, as in DualCoOp (Sun, Hu and Saenko 2022, arXiv 2206.09541).
//!
//! What is learned is added to the tokens of hand-written words, which is the paper's initialisation by words. Images and
//! the classes' weights meet in the joint space, or in the attributes of an alignment.

use rayon::prelude::*;
use sdmad_base::Result;
use sdmad_encoders::{Encoder, TextTower};
use sdmad_engine::{AdamW, Matrix, cosine_decay, l2_normalize, l2_normalize_backward};

use super::class_text::{aligned_scale, centred};
use super::problem::{Problem, least};
use super::train::BaselinePlan;
use super::{BalancedLoss, BaselineChoices, ClassText, Fitted, FittedBaseline};
use crate::Coexistence;
use crate::align::TextReader;
use crate::category_names::{modality, names};

/// Steps, all shots in each. The paper has up to 200 epochs of stochastic gradient descent; AdamW needs fewer.
const STEPS: usize = 50;
/// Steps after which training may end, chosen out of fold; the second where nothing can be measured.
const ENDS: [usize; 3] = [10, 25, STEPS];
/// Theirs.
const LEARNING_RATE: f32 = 2e-3;

/// Where texts and images meet.
enum Meeting<'a> {
    /// In the joint space, at κ.
    Joint(f64),
    /// In the attributes of an alignment, with a factor.
    Aligned(&'a TextReader, f64),
}

impl Meeting<'_> {
    /// The weights of a class whose text has this embedding, of length 1.
    fn weights(&self, embedding: &[f32]) -> Vec<f64> {
        match self {
            Meeting::Joint(scale) => embedding.iter().map(|&e| scale * f64::from(e)).collect(),
            Meeting::Aligned(reader, scale) => reader.read(embedding).iter().map(|t| scale * t).collect(),
        }
    }

    fn backward(&self, embedding: &[f32], gradient: &[f64]) -> Vec<f32> {
        let scaled = |scale: &f64| -> Vec<f64> { gradient.iter().map(|g| scale * g).collect() };
        let wide = match self {
            Meeting::Joint(scale) => scaled(scale),
            Meeting::Aligned(reader, scale) => reader.read_backward(embedding, &scaled(scale)),
        };
        wide.iter().map(|&x| x as f32).collect()
    }
}

/// A prompt up to the first block, and which of its tokens are context.
struct Prompt {
    ids: Vec<u32>,
    tokens: Matrix,
    context: usize,
}

/// Prompts of all classes that share a context.
struct Side<'a> {
    tower: &'a TextTower,
    prompts: Vec<Prompt>,
}

/// What a forward pass of one prompt keeps.
struct Pass {
    /// Inputs of the blocks, and behind them the output of the last.
    states: Vec<Matrix>,
    raw: Matrix,
    embedding: Vec<f32>,
}

impl<'a> Side<'a> {
    /// Prompts `{words} {name}`; what all of them have in common after the start is context.
    fn new(tower: &'a TextTower, words: &str, names: &[String]) -> Self {
        let ids: Vec<Vec<u32>> = names.iter().map(|name| tower.tokenize(&format!("{words} {name}"))).collect();
        let alone = tower.tokenize(words);
        let shared = |ids: &Vec<u32>| ids.iter().zip(&alone).take_while(|(a, b)| a == b).count();
        // The start token is no context; neither is the end of the words alone.
        let context = ids.iter().map(shared).min().unwrap_or(0).min(alone.len().saturating_sub(1)).saturating_sub(1);
        let prompt = |ids: Vec<u32>| Prompt { tokens: tower.tokens(&ids), ids, context };
        Side { tower, prompts: ids.into_iter().map(prompt).collect() }
    }

    /// A context that changes nothing.
    fn context(&self) -> Matrix {
        Matrix::zeros(self.prompts.first().map_or(0, |p| p.context), self.tower.width())
    }

    fn forward(&self, context: &Matrix) -> Vec<Pass> {
        let one = |prompt: &Prompt| {
            let mut tokens = prompt.tokens.clone();
            for row in 0..context.rows() {
                tokens.row_mut(row + 1).iter_mut().zip(context.row(row)).for_each(|(t, c)| *t += c);
            }
            let mut states = vec![tokens];
            for block in self.tower.blocks() {
                let next = block.forward(&states[states.len() - 1]);
                states.push(next);
            }
            let raw = self.tower.project(&self.tower.pool(&prompt.ids, &states[states.len() - 1]));
            let raw = Matrix::from_vec(1, raw.len(), raw);
            let embedding = l2_normalize(&raw).into_vec();
            Pass { states, raw, embedding }
        };
        self.prompts.par_iter().map(one).collect()
    }

    /// The gradient of the context, from those of the classes' embeddings.
    fn backward(&self, passes: &[Pass], gradients: &[Vec<f32>]) -> Matrix {
        let one = |(prompt, (pass, gradient)): (&Prompt, (&Pass, &Vec<f32>))| {
            let d_embedding = Matrix::from_vec(1, gradient.len(), gradient.clone());
            let d_raw = l2_normalize_backward(&pass.raw, &d_embedding);
            let last = &pass.states[pass.states.len() - 1];
            let pooled = self.tower.pool(&prompt.ids, last);
            let d_pooled = self.tower.project_backward(&pooled, d_raw.row(0));
            let d_last = self.tower.pool_backward(&prompt.ids, last, &d_pooled);
            let blocks = self.tower.blocks().iter().zip(&pass.states).rev();
            blocks.fold(d_last, |dy, (block, input)| block.backward(input, &dy)).rows_from(1, prompt.context)
        };
        let parts: Vec<Matrix> = self.prompts.par_iter().zip(passes.par_iter().zip(gradients)).map(one).collect();
        let mut sum = self.context();
        parts.iter().for_each(|part| sum.add(part));
        sum
    }
}

/// What is fixed while contexts are learned.
struct Task<'a> {
    problem: &'a Problem<'a>,
    meeting: Meeting<'a>,
    /// Prompts of presence, and in multi-label sets of absence.
    sides: Vec<Side<'a>>,
}

impl Task<'_> {
    /// The classes' weights: of presence, less of absence.
    fn weights(&self, passes: &[Vec<Pass>]) -> Vec<Vec<f64>> {
        let mut weights: Vec<Vec<f64>> = Vec::new();
        for (passes, sign) in passes.iter().zip([1.0, -1.0]) {
            let found: Vec<Vec<f64>> = passes.iter().map(|p| self.meeting.weights(&p.embedding)).collect();
            if weights.is_empty() {
                weights = vec![vec![0.0; found.first().map_or(0, Vec::len)]; found.len()];
            }
            weights.iter_mut().zip(&found).for_each(|(w, f)| w.iter_mut().zip(f).for_each(|(w, f)| *w += sign * f));
        }
        weights
    }

    /// The loss, and its gradients with respect to the contexts.
    fn loss_and_gradients(&self, contexts: &[Matrix], images: &[usize], loss: &BalancedLoss) -> (f64, Vec<Matrix>) {
        let passes: Vec<Vec<Pass>> = self.sides.iter().zip(contexts).map(|(s, c)| s.forward(c)).collect();
        let weights = self.weights(&passes);
        let mut gradient = vec![vec![0.0; weights.first().map_or(0, Vec::len)]; weights.len()];
        let mut total = 0.0;
        for (place, &image) in images.iter().enumerate() {
            let reading = &self.problem.readings[image];
            let inner = |w: &Vec<f64>| w.iter().zip(reading).map(|(w, &x)| w * f64::from(x)).sum();
            let z: Vec<f64> = weights.iter().map(inner).collect();
            total += loss.of_image(place, &z);
            for (sum, g) in gradient.iter_mut().zip(loss.gradient(place, &z)) {
                sum.iter_mut().zip(reading).for_each(|(s, &x)| *s += g * f64::from(x));
            }
        }
        let through = |(side, (passes, sign)): (&Side<'_>, (&Vec<Pass>, f64))| {
            let of_class = |(pass, d): (&Pass, &Vec<f64>)| {
                self.meeting.backward(&pass.embedding, &d.iter().map(|d| sign * d).collect::<Vec<_>>())
            };
            side.backward(passes, &passes.iter().zip(&gradient).map(of_class).collect::<Vec<_>>())
        };
        (total, self.sides.iter().zip(passes.iter().zip([1.0, -1.0])).map(through).collect())
    }

    /// The classes' weights after each number of steps that training may end at.
    fn train(&self, images: &[usize], ends: &[usize]) -> Vec<ClassText> {
        let loss = self.problem.loss(images);
        let mut contexts: Vec<Matrix> = self.sides.iter().map(Side::context).collect();
        let mut optimizer = AdamW::new(LEARNING_RATE, 0.0);
        let mut kept = Vec::new();
        for step in 0..ends.last().copied().unwrap_or(0) {
            let (_, gradients) = self.loss_and_gradients(&contexts, images, &loss);
            let mut pairs: Vec<(&mut Matrix, &Matrix)> = contexts.iter_mut().zip(&gradients).collect();
            optimizer.step(&mut pairs, cosine_decay(step, STEPS));
            if ends.contains(&(step + 1)) {
                let passes: Vec<Vec<Pass>> = self.sides.iter().zip(&contexts).map(|(s, c)| s.forward(c)).collect();
                kept.push(self.class_text(&passes));
            }
        }
        kept
    }

    fn class_text(&self, passes: &[Vec<Pass>]) -> ClassText {
        let weights = self.weights(passes);
        match self.problem.coexistence {
            // A softmax does not see what is common to all columns.
            Coexistence::Exclusive => ClassText { weights: centred(&weights) },
            Coexistence::MultiLabel => {
                let width = weights.first().map_or(0, Vec::len);
                let data = weights.iter().flatten().map(|&w| w as f32).collect();
                ClassText { weights: Matrix::from_vec(weights.len(), width, data) }
            }
        }
    }
}

/// Learns the contexts; for how long, is chosen out of fold. None where names are not read.
pub(super) fn fit(problem: &Problem<'_>, plan: &BaselinePlan<'_>, encoder: &Encoder) -> Result<Option<Fitted>> {
    let meeting = match (encoder.joint(), plan.alignment) {
        (Some(joint), _) => Meeting::Joint(f64::from(joint.logit_scale)),
        (None, Some(chosen)) => {
            let scale = aligned_scale(encoder, &chosen.part, plan.bank, plan.categories, plan.settings);
            Meeting::Aligned(&chosen.part.text, scale)
        }
        (None, None) => return Ok(None),
    };
    let names = names(plan.bank, plan.categories);
    let words: &[&str] = match problem.coexistence {
        Coexistence::Exclusive => &["showing"],
        Coexistence::MultiLabel => &["showing", "without"],
    };
    let kind = modality(plan.bank);
    let side = |word: &&str| Side::new(encoder.text_tower(), &format!("{kind} {word}"), &names);
    let task = Task { problem, meeting, sides: words.iter().map(side).collect() };

    let loss = problem.whole_loss();
    let parts = problem.parts();
    let mut columns = vec![vec![Vec::new(); problem.images()]; ENDS.len()];
    for part in &parts {
        for (text, columns) in task.train(&part.fitted, &ENDS).iter().zip(&mut columns) {
            part.held.iter().for_each(|&i| columns[i] = text.logits(&problem.readings[i]));
        }
    }
    let candidates = ENDS.into_iter().zip(columns).filter(|_| !parts.is_empty());
    let (end, columns, value) = match least(candidates, |(_, columns)| loss.total(columns)) {
        Some(((end, columns), value)) => (end, Some(columns), Some(value)),
        None => (ENDS[1], None, None),
    };
    let Some(text) = task.train(&problem.whole().fitted, &[end]).pop() else { return Ok(None) };
    let choices = BaselineChoices { steps: Some(end), out_of_fold_loss: value, ..BaselineChoices::default() };
    Ok(Some(Fitted { baseline: FittedBaseline::Names(text), choices, out_of_fold: columns }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::baseline::tests::{problem, support};

    #[test]
    fn the_gradient_of_a_context_equals_finite_differences() {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdmad-encoders/tests/fixtures/towers/hugging-face-clip");
        let encoder = Encoder::open(&folder).unwrap();
        let tower = encoder.text_tower();
        let names: Vec<String> = ["normal", "cyst", "solid mass"].map(String::from).to_vec();
        let rows = vec![vec![0.0]; 6];
        let support = support(&rows);
        let readings: Vec<Vec<f32>> = (0..6)
            .map(|i| (0..tower.embedding_width()).map(|d| ((i * 7 + d * 3) % 5) as f32 - 2.0).collect())
            .collect();
        let sides = ["showing", "without"].map(|w| Side::new(tower, &format!("an image {w}"), &names)).into();
        let problem = problem(&support, &readings, false);
        let task = Task { problem: &problem, meeting: Meeting::Joint(3.0), sides };
        let mut contexts: Vec<Matrix> = task.sides.iter().map(Side::context).collect();
        assert!(contexts[0].rows() > 0);
        let images: Vec<usize> = (0..6).collect();
        let loss = problem.loss(&images);
        let (_, gradients) = task.loss_and_gradients(&contexts, &images, &loss);
        for side in 0..2 {
            // Along the gradient itself, where the change is largest.
            let length: f64 = gradients[side].data().iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            let mut value = |step: f64| {
                let start = contexts[side].clone();
                let numbers = contexts[side].data_mut().iter_mut().zip(gradients[side].data());
                numbers.for_each(|(c, &g)| *c += (step / length) as f32 * g);
                let (value, _) = task.loss_and_gradients(&contexts, &images, &loss);
                contexts[side] = start;
                value
            };
            let expected = (value(1e-2) - value(-1e-2)) / 2e-2;
            assert!((length - expected).abs() < 2e-2 * expected.abs(), "side {side}: {length} {expected}");
        }
    }
}
