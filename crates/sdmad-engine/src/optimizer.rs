use crate::Matrix;

/// AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, 2019), for one group of parameters.
///
/// The state belongs to tensors by their order, so every step must bring the same tensors in the same order.
#[derive(Clone, Debug)]
pub struct AdamW {
    /// Step width before the schedule.
    pub learning_rate: f32,
    /// Decay of weights per step, in units of the learning rate.
    pub weight_decay: f32,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    steps: i32,
    moments: Vec<(Vec<f32>, Vec<f32>)>,
}

impl AdamW {
    /// An optimiser with β = (0.9, 0.999) and ε = 1e-8, before its first step.
    pub fn new(learning_rate: f32, weight_decay: f32) -> Self {
        AdamW { learning_rate, weight_decay, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, steps: 0, moments: Vec::new() }
    }

    /// One step on pairs of parameter and gradient. `schedule` multiplies the learning rate; see [`cosine_decay`].
    ///
    /// # Panics
    /// When the tensors are not those of the first step, or a gradient has another shape than its parameter.
    pub fn step(&mut self, pairs: &mut [(&mut Matrix, &Matrix)], schedule: f32) {
        if self.steps == 0 {
            self.moments = pairs.iter().map(|(p, _)| (vec![0.0; p.data().len()], vec![0.0; p.data().len()])).collect();
        }
        assert_eq!(self.moments.len(), pairs.len(), "tensors of an optimiser");
        self.steps += 1;
        let rate = f64::from(self.learning_rate) * f64::from(schedule);
        let keep = (1.0 - rate * f64::from(self.weight_decay)) as f32;
        let correction1 = 1.0 - self.beta1.powi(self.steps);
        let correction2 = (1.0 - self.beta2.powi(self.steps)).sqrt();
        let step = (rate / correction1) as f32;
        let (beta1, beta2) = (self.beta1 as f32, self.beta2 as f32);
        for ((parameter, gradient), (first, second)) in pairs.iter_mut().zip(&mut self.moments) {
            parameter.assert_shape_of(gradient);
            assert_eq!(first.len(), gradient.data().len(), "tensors of an optimiser");
            let numbers = parameter.data_mut().iter_mut().zip(gradient.data()).zip(first.iter_mut().zip(second));
            for ((p, g), (m, v)) in numbers {
                *m = beta1 * *m + (1.0 - beta1) * g;
                *v = beta2 * *v + (1.0 - beta2) * g * g;
                *p = *p * keep - step * *m / (v.sqrt() / correction2 as f32 + self.epsilon as f32);
            }
        }
    }
}

/// The factor of the learning rate at `step` of `steps`: half a cosine from 1 at step 0 down to 0 at the last.
pub fn cosine_decay(step: usize, steps: usize) -> f32 {
    if steps == 0 {
        return 0.0;
    }
    let share = step.min(steps) as f64 / steps as f64;
    (0.5 * (1.0 + (std::f64::consts::PI * share).cos())) as f32
}
