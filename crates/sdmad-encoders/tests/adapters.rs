//! Shift adapters in a tower: the plain tower at λ = 1, gradients against PyTorch's and against finite differences.

mod common;

use std::collections::BTreeMap;

use common::{Expected, copied, difference};
use sdmad_base::Stream;
use sdmad_encoders::{ActivationRoom, Adapted, Encoder, EncoderOptions, ImageTower, ShiftAdapters, TextTower};
use sdmad_engine::{AdapterInput, Matrix, Precision, ShiftAdapter, l2_normalize, l2_normalize_backward};

fn adapter(width: usize, lambda: f32, stream: &mut Stream) -> ShiftAdapter {
    let bottleneck = width / 4;
    let mut numbers = |count: usize| (0..count).map(|_| 0.4 * stream.normal() as f32).collect();
    ShiftAdapter {
        down: Matrix::from_vec(bottleneck, width, numbers(bottleneck * width)),
        up: Matrix::from_vec(width, bottleneck, numbers(bottleneck * width)),
        lambda,
        input: AdapterInput::BlockInput,
        norm_matching: false,
    }
}

fn row(numbers: &[f32]) -> Matrix {
    Matrix::from_vec(1, numbers.len(), numbers.to_vec())
}

#[test]
fn at_lambda_one_the_tower_is_the_plain_one_bit_for_bit() {
    for name in ["hugging-face-clip", "dinov2-minilm"] {
        let folder = copied(name);
        let encoder = Encoder::open(folder.path()).unwrap();
        let mut stream = Stream::new(1, "adapters");
        let image = encoder.image_tower();
        let pixels = Expected::of(name).pixels(0);
        let all: ShiftAdapters = (1..=3).map(|layer| (layer, adapter(image.width(), 1.0, &mut stream))).collect();
        for adapters in [ShiftAdapters::new(), all.clone(), BTreeMap::from([(3, all[&3].clone())])] {
            let adapted = image.adapted(adapters).unwrap();
            let trace = adapted.forward(&adapted.prefix(image.tokens(&pixels)));
            assert_eq!(*trace.last(), image.last(&pixels));
            for layer in adapted.first_layer()..=3 {
                assert_eq!(*trace.output(layer).unwrap(), image.hidden(&pixels, &[layer])[0]);
            }
            assert!(trace.output(4).is_none() && trace.output(0).is_none());
        }
        let text = encoder.text_tower();
        let adapted = text.adapted(BTreeMap::from([(2, adapter(text.width(), 1.0, &mut stream))])).unwrap();
        let ids = text.tokenize("a bright mass");
        assert_eq!(*adapted.forward(&adapted.prefix(text.tokens(&ids))).last(), text.last(&ids));
    }
}

/// Embedding · toward + output of layer 2 · middle, and its gradients.
#[test]
fn outputs_and_gradients_equal_those_of_pytorch() {
    let folder = copied("dinov2-minilm");
    let tower = ImageTower::open(folder.path()).unwrap();
    let expected = Expected::of("dinov2-minilm");
    let stored = |layer: usize, norm_matching| ShiftAdapter {
        down: expected.matrix(&format!("adapter.{layer}.down")),
        up: expected.matrix(&format!("adapter.{layer}.up")),
        lambda: 0.8,
        input: AdapterInput::BlockInput,
        norm_matching,
    };
    let adapted = tower.adapted(BTreeMap::from([(1, stored(1, false)), (3, stored(3, true))])).unwrap();
    let trace = adapted.forward(&adapted.prefix(tower.tokens(&expected.pixels(0))));
    let pooled = row(&tower.project(&tower.pool(trace.last())));
    let embedding = l2_normalize(&pooled);
    assert!(difference(embedding.data(), &expected.numbers("adapter.embedding")) <= 1e-5);

    let toward = row(&expected.numbers("adapter.toward"));
    let d_pooled = tower.project_backward(pooled.data(), l2_normalize_backward(&pooled, &toward).data());
    let d_last = tower.pool_backward(trace.last(), &d_pooled);
    let middle = expected.matrix("adapter.middle");
    let gradients = adapted.backward_from(&trace, &BTreeMap::from([(3, &d_last), (2, &middle)]));
    assert_eq!(gradients.keys().copied().collect::<Vec<_>>(), [1, 3]);
    for (layer, gradient) in &gradients {
        for (which, ours) in [("down", &gradient.down), ("up", &gradient.up)] {
            let theirs = expected.numbers(&format!("adapter.{layer}.{which}.gradient"));
            let scale = theirs.iter().fold(1.0f32, |a, b| a.max(b.abs()));
            let difference = difference(ours.data(), &theirs) / scale;
            println!("layer {layer}, {which}: {difference:.1e} of {scale:.2}");
            assert!(difference <= 1e-4, "layer {layer}, {which}: {difference}");
        }
    }
}

/// Checks some entries of each gradient of `loss` against central differences.
fn finite_differences(
    adapted: &Adapted,
    gradients: &BTreeMap<usize, sdmad_encoders::AdapterGradient>,
    loss: impl Fn(&Adapted) -> f64,
) {
    const STEP: f32 = 2e-3;
    for (layer, gradient) in gradients {
        for up in [false, true] {
            let whole = if up { &gradient.up } else { &gradient.down };
            let largest = whole.data().iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!(largest > 1e-4, "layer {layer}: the gradient is nothing");
            for index in (0..whole.data().len()).step_by(7) {
                let at = |step: f32| {
                    let mut moved = adapted.clone();
                    for (_, adapter) in moved.adapters_mut().filter(|(other, _)| other == layer) {
                        let weights = if up { &mut adapter.up } else { &mut adapter.down };
                        weights.data_mut()[index] += step;
                    }
                    loss(&moved)
                };
                let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
                let ours = f64::from(whole.data()[index]);
                let error = (numeric - ours).abs();
                assert!(error <= 0.02 * f64::from(largest), "layer {layer}, up {up}, {index}: {ours} and {numeric}");
            }
        }
    }
}

#[test]
fn gradients_of_the_image_tower_are_finite_differences() {
    let folder = copied("biomed-clip");
    let tower = ImageTower::open(folder.path()).unwrap();
    let mut stream = Stream::new(2, "adapters");
    let mut adapters = BTreeMap::from([(1, adapter(32, 0.7, &mut stream)), (2, adapter(32, 0.9, &mut stream))]);
    adapters.entry(2).and_modify(|a| (a.input, a.norm_matching) = (AdapterInput::BlockOutput, true));
    let adapted = tower.adapted(adapters).unwrap();
    let prefix = adapted.prefix(tower.tokens(&Expected::of("biomed-clip").pixels(1)));
    let toward: Vec<f32> = (0..16).map(|_| stream.normal() as f32).collect();
    let loss = |adapted: &Adapted| {
        let trace = adapted.forward(&prefix);
        let embedding = tower.project(&tower.pool(trace.last()));
        embedding.iter().zip(&toward).map(|(e, t)| f64::from(*e) * f64::from(*t)).sum()
    };
    let trace = adapted.forward(&prefix);
    let pooled = tower.pool(trace.last());
    let d_last = tower.pool_backward(trace.last(), &tower.project_backward(&pooled, &toward));
    finite_differences(&adapted, &adapted.backward(&trace, &d_last), loss);
}

#[test]
fn gradients_of_the_text_towers_are_finite_differences() {
    // Mean pooling of a post-norm tower; first token and MLP projection; end of text in a causal tower.
    for name in ["dinov2-minilm", "biomed-clip", "hugging-face-clip"] {
        let folder = copied(name);
        let tower = TextTower::open(folder.path()).unwrap();
        let mut stream = Stream::new(3, name);
        let adapters = (1..=2).map(|layer| (layer, adapter(24, 0.8, &mut stream))).collect();
        let adapted = tower.adapted(adapters).unwrap();
        let ids = tower.tokenize("a dark mass with bright rim");
        let prefix = adapted.prefix(tower.tokens(&ids));
        let toward: Vec<f32> = (0..tower.embedding_width()).map(|_| stream.normal() as f32).collect();
        let loss = |adapted: &Adapted| {
            let trace = adapted.forward(&prefix);
            let embedding = tower.project(&tower.pool(&ids, trace.last()));
            embedding.iter().zip(&toward).map(|(e, t)| f64::from(*e) * f64::from(*t)).sum()
        };
        let trace = adapted.forward(&prefix);
        let pooled = tower.pool(&ids, trace.last());
        let d_last = tower.pool_backward(&ids, trace.last(), &tower.project_backward(&pooled, &toward));
        finite_differences(&adapted, &adapted.backward(&trace, &d_last), loss);
    }
}

#[test]
fn adapters_of_another_tower_are_refused() {
    let folder = copied("hugging-face-clip");
    let tower = ImageTower::open(folder.path()).unwrap();
    let mut stream = Stream::new(4, "adapters");
    for layer in [0, 4] {
        let error = tower.adapted(BTreeMap::from([(layer, adapter(32, 0.9, &mut stream))])).err().unwrap();
        assert!(error.to_string().contains("layers 1 to 3"), "{error}");
    }
    let error = tower.adapted(BTreeMap::from([(1, adapter(24, 0.9, &mut stream))])).err().unwrap();
    assert!(error.to_string().contains("[6, 24]"), "{error}");
    let error = tower.adapted(BTreeMap::from([(1, adapter(32, f32::NAN, &mut stream))])).err().unwrap();
    assert!(error.to_string().contains("NaN"), "{error}");
}

#[test]
fn what_is_kept_inside_blocks_changes_no_bits_and_gives_its_room_back() {
    // Norms before and after the branches; each at every precision.
    for precision in Precision::ALL {
        let folder = copied("dinov2-minilm");
        let options = EncoderOptions { precision, ..EncoderOptions::default() };
        let encoder = Encoder::open_with(folder.path(), &options).unwrap();
        let mut stream = Stream::new(4, "adapters");
        let (image, text) = (encoder.image_tower(), encoder.text_tower());
        let tokens = [
            (image.blocks(), image.tokens(&Expected::of("dinov2-minilm").pixels(0))),
            (text.blocks(), text.tokens(&text.tokenize("a dark mass with bright rim"))),
        ];
        for (tower, (blocks, tokens)) in tokens.into_iter().enumerate() {
            let width = blocks[0].width();
            let adapters: ShiftAdapters = BTreeMap::from([(1, adapter(width, 0.8, &mut stream))]);
            let adapted = if tower == 0 { image.adapted(adapters) } else { text.adapted(adapters) }.unwrap();
            let dy = Matrix::from_vec(
                tokens.rows(),
                width,
                (0..tokens.rows() * width).map(|_| stream.normal() as f32).collect(),
            );
            let of_one = blocks[0].activation_bytes(tokens.rows());
            let found = [0, of_one, of_one * blocks.len()].map(|bytes| {
                let room = ActivationRoom::new(bytes);
                let adapted = adapted.clone().with_room(room.clone());
                let trace = adapted.forward(&tokens);
                let kept = (bytes / of_one).min(blocks.len() - 1);
                assert_eq!(room.free(), bytes - kept * of_one, "room for {bytes} bytes");
                let gradients = adapted.backward(&trace, &dy);
                let last = trace.last().clone();
                drop(trace);
                assert_eq!(room.free(), bytes);
                (last, gradients)
            });
            assert!(found[0] == found[1] && found[0] == found[2], "{precision:?}, tower {tower}");
        }
    }
}
