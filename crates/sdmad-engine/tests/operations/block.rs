//! Whole blocks against plain f64, in every arrangement.

use crate::reference::{
    Plain, attention, build, difference, finite_difference, gelu, layer_norm, linear, quick_gelu, random,
};
use sdmad_engine::{
    Activation, Block, BlockWeights, LayerNorm, Linear, Mask, Matrix, NormPlacement, Precision, Sequences,
};

/// The weights of a block, before they are packed.
pub(crate) struct Weights {
    width: usize,
    norms: [[Vec<f32>; 2]; 2],
    layers: [(Matrix, Vec<f32>); 4],
    scales: Option<(Vec<f32>, Vec<f32>)>,
}

impl Weights {
    pub(crate) fn random(width: usize, hidden: usize, layer_scale: bool) -> Self {
        let vector = |name: &str, width| random(name, 1, width, 0.5).into_vec();
        let layer = |name: &str, output, input: usize| {
            (random(name, output, input, (input as f32).powf(-0.5)), vector(&format!("{name} bias"), output))
        };
        Weights {
            width,
            norms: [[vector("n1", width), vector("n1 bias", width)], [vector("n2", width), vector("n2 bias", width)]],
            layers: [
                layer("qkv", 3 * width, width),
                layer("output", width, width),
                layer("expand", hidden, width),
                layer("contract", width, hidden),
            ],
            scales: layer_scale.then(|| (vector("scale 1", width), vector("scale 2", width))),
        }
    }

    pub(crate) fn packed(&self, precision: Precision) -> BlockWeights {
        let norm = |[weight, bias]: &[Vec<f32>; 2]| LayerNorm::new(weight.clone(), bias.clone(), 1e-6);
        let [query_key_value, output, expand, contract] =
            self.layers.clone().map(|(weight, bias)| Linear::new(weight, Some(bias), precision));
        let [norm1, norm2] = [norm(&self.norms[0]), norm(&self.norms[1])];
        BlockWeights { norm1, query_key_value, output, norm2, expand, contract, layer_scale: self.scales.clone() }
    }

    fn plain(&self, x: &Plain, case: &Case, spans: &[(usize, usize)]) -> Plain {
        let norm = |x: &Plain, i: usize| layer_norm(x, &self.norms[i][0], &self.norms[i][1], f64::from(1e-6_f32));
        let apply = |x: &Plain, i: usize| linear(x, &Plain::of(&self.layers[i].0), Some(&self.layers[i].1));
        let scaled = |x: Plain, second: bool| {
            let Some((a, b)) = &self.scales else { return x };
            let scale = if second { b } else { a };
            build(x.rows, self.width, |r, c| x.at(r, c) * f64::from(scale[c]))
        };
        let bend = match case.activation {
            Activation::Gelu => gelu,
            _ => quick_gelu,
        };
        let attend =
            |x: &Plain| scaled(apply(&attention(&apply(x, 0), case.heads, case.mask == Mask::Causal, spans), 1), false);
        let transform = |x: &Plain| scaled(apply(&apply(x, 2).map(bend), 3), true);
        match case.placement {
            NormPlacement::Pre => {
                let h = x.plus(&attend(&norm(x, 0)));
                h.plus(&transform(&norm(&h, 1)))
            }
            NormPlacement::Post => {
                let h = norm(&x.plus(&attend(x)), 0);
                norm(&h.plus(&transform(&h)), 1)
            }
        }
    }
}

struct Case {
    heads: usize,
    activation: Activation,
    placement: NormPlacement,
    mask: Mask,
}

fn cases() -> impl Iterator<Item = (Case, bool)> {
    [NormPlacement::Pre, NormPlacement::Post].into_iter().flat_map(|placement| {
        [(Activation::Gelu, Mask::None, true), (Activation::QuickGelu, Mask::Causal, false)]
            .map(|(activation, mask, scale)| (Case { heads: 2, activation, placement, mask }, scale))
    })
}

#[test]
fn forward_and_adjoint_match() {
    for (case, layer_scale) in cases() {
        let weights = Weights::random(6, 10, layer_scale);
        let block = Block::new(weights.packed(Precision::F32), case.heads, case.activation, case.placement, case.mask);
        for sequences in [Sequences::single(5), Sequences::stacked(&[1, 4]), Sequences::padded(&[3, 2], 3)] {
            let (x, dy) = (random("x", sequences.rows(), 6, 1.0), random("dy", sequences.rows(), 6, 1.0));
            let f = |x: &Plain| weights.plain(x, &case, sequences.spans());
            let found = block.forward_sequences(&x, &sequences);
            assert!(difference(&found, &f(&Plain::of(&x))) < 5e-6, "{:?} {sequences:?}", case.placement);
            let expected = finite_difference(&Plain::of(&x), &Plain::of(&dy), f);
            let found = block.backward_sequences(&x, &sequences, &dy);
            assert!(difference(&found, &expected) < 2e-5, "{:?} {sequences:?}", case.placement);
        }
    }
}

#[test]
fn one_sequence_is_the_plain_call() {
    for (case, layer_scale) in cases() {
        let weights = Weights::random(6, 10, layer_scale).packed(Precision::F32);
        let block = Block::new(weights, case.heads, case.activation, case.placement, case.mask);
        let (x, dy) = (random("x", 7, 6, 1.0), random("dy", 7, 6, 1.0));
        let single = Sequences::single(7);
        assert_eq!(block.forward(&x), block.forward_sequences(&x, &single));
        assert_eq!(block.backward(&x, &dy), block.backward_sequences(&x, &single, &dy));
    }
}

#[test]
fn what_is_kept_changes_no_bits() {
    // Wide and long enough for several panels and tasks.
    for precision in Precision::ALL {
        for (case, layer_scale) in cases() {
            let weights = Weights::random(72, 200, layer_scale).packed(precision);
            let block = Block::new(weights, case.heads, case.activation, case.placement, case.mask);
            for sequences in [Sequences::single(131), Sequences::padded(&[40, 17], 43)] {
                let rows = sequences.rows();
                let (x, dy) = (random("x", rows, 72, 1.0), random("dy", rows, 72, 1.0));
                let (y, activations) = block.forward_keeping(&x, &sequences);
                let what = format!("{:?}, {precision:?}", case.placement);
                assert!(y == block.forward_sequences(&x, &sequences), "forward, {what}");
                let dx = block.backward_from(&x, &sequences, &activations, &dy);
                assert!(dx == block.backward_sequences(&x, &sequences, &dy), "backward, {what}");
            }
        }
    }
}
