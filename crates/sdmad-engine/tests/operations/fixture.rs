//! Against PyTorch's layers, autograd and optimiser, and numpy's linear algebra. The fixture is made by `scripts/reference/engine.py`.

use serde_json::Value;

use crate::reference::{Plain, difference};
use sdmad_engine::{
    Activation, AdamW, AdapterInput, Block, BlockWeights, Cholesky, LayerNorm, Linear, Mask, Matrix, Matrix64,
    NormPlacement, Precision, ShiftAdapter, cosine_decay, symmetric_eigen,
};

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/engine.json")).unwrap()
}

/// A tensor of one or two dimensions; one dimension is one row.
fn plain(value: &Value) -> Plain {
    let shape: Vec<usize> = value["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let data: Vec<f64> = value["data"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    let columns = *shape.last().unwrap();
    Plain { rows: data.len() / columns, columns, data }
}

fn matrix(value: &Value) -> Matrix {
    let plain = plain(value);
    Matrix::from_vec(plain.rows, plain.columns, plain.data.iter().map(|&x| x as f32).collect())
}

fn matrix64(value: &Value) -> Matrix64 {
    let plain = plain(value);
    Matrix64::from_vec(plain.rows, plain.columns, plain.data)
}

fn cases(name: &str) -> Vec<Value> {
    fixture()[name].as_array().unwrap().clone()
}

#[test]
fn activations_equal_torch() {
    for case in cases("activations") {
        let activation = match case["name"].as_str().unwrap() {
            "gelu" => Activation::Gelu,
            _ => Activation::QuickGelu,
        };
        let x = matrix(&case["x"]);
        let mut y = x.clone();
        activation.forward(y.data_mut());
        let mut slope = Matrix::from_vec(1, x.columns(), vec![1.0; x.columns()]);
        activation.backward(x.data(), slope.data_mut());
        assert!(difference(&y, &plain(&case["y"])) < 1e-7, "{activation:?}");
        assert!(difference(&slope, &plain(&case["slope"])) < 1e-6, "{activation:?}");
    }
}

#[test]
fn blocks_equal_torch() {
    for case in cases("blocks") {
        let tensor = |name: &str| matrix(&case["weights"][name]);
        let linear =
            |weight: &str, bias: &str| Linear::new(tensor(weight), Some(tensor(bias).into_vec()), Precision::F32);
        let norm = |name: &str| {
            let [weight, bias] = ["weight", "bias"].map(|part| tensor(&format!("{name}.{part}")).into_vec());
            LayerNorm::new(weight, bias, 1e-5)
        };
        let weights = BlockWeights {
            norm1: norm("norm1"),
            query_key_value: linear("self_attn.in_proj_weight", "self_attn.in_proj_bias"),
            output: linear("self_attn.out_proj.weight", "self_attn.out_proj.bias"),
            norm2: norm("norm2"),
            expand: linear("linear1.weight", "linear1.bias"),
            contract: linear("linear2.weight", "linear2.bias"),
            layer_scale: None,
        };
        let placement = if case["pre"] == true { NormPlacement::Pre } else { NormPlacement::Post };
        let mask = if case["causal"] == true { Mask::Causal } else { Mask::None };
        let heads = case["heads"].as_u64().unwrap() as usize;
        let block = Block::new(weights, heads, Activation::Gelu, placement, mask);
        let (x, dy) = (matrix(&case["x"]), matrix(&case["dy"]));
        assert!(difference(&block.forward(&x), &plain(&case["y"])) < 5e-6, "{placement:?} {mask:?}");
        assert!(difference(&block.backward(&x, &dy), &plain(&case["dx"])) < 1e-5, "{placement:?} {mask:?}");
    }
}

#[test]
fn adapters_equal_torch() {
    for case in cases("adapters") {
        let adapter = ShiftAdapter {
            down: matrix(&case["down"]),
            up: matrix(&case["up"]),
            lambda: case["lambda"].as_f64().unwrap() as f32,
            input: if case["of_input"] == true { AdapterInput::BlockInput } else { AdapterInput::BlockOutput },
            norm_matching: case["norm_matching"] == true,
        };
        let (block_input, block_output) = (matrix(&case["block_input"]), matrix(&case["block_output"]));
        let found = adapter.backward(&block_input, &block_output, &matrix(&case["dy"]));
        let y = adapter.forward(&block_input, &block_output);
        for (name, found) in [
            ("y", &y),
            ("d_block_input", &found.block_input),
            ("d_block_output", &found.block_output),
            ("d_down", &found.down),
            ("d_up", &found.up),
        ] {
            assert!(
                difference(found, &plain(&case[name])) < 2e-6,
                "{name} {:?} {}",
                adapter.input,
                adapter.norm_matching
            );
        }
    }
}

#[test]
fn adamw_and_its_schedule_equal_torch() {
    let case = &fixture()["optimiser"];
    let number = |name: &str| case[name].as_f64().unwrap();
    let [gradients, after, rates] = ["gradients", "after", "rates"].map(|name| case[name].as_array().unwrap());
    let mut parameter = matrix(&case["start"]);
    let mut optimizer = AdamW::new(number("learning_rate") as f32, number("weight_decay") as f32);
    for (step, gradient) in gradients.iter().enumerate() {
        let schedule = cosine_decay(step, gradients.len());
        let rate = number("learning_rate") * f64::from(schedule);
        assert!((rate - rates[step].as_f64().unwrap()).abs() < 1e-8, "learning rate of step {step}");
        optimizer.step(&mut [(&mut parameter, &matrix(gradient))], schedule);
        assert!(difference(&parameter, &plain(&after[step])) < 1e-6, "step {step}");
    }
}

#[test]
fn linear_algebra_equals_numpy() {
    let case = &fixture()["dense"];
    let close = |found: &[f64], name: &str| {
        let expected = plain(&case[name]).data;
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-11 * 1.0_f64.max(expected.abs()), "{name}: {found}, not {expected}");
        }
    };
    let eigen = symmetric_eigen(&matrix64(&case["symmetric"])).unwrap();
    close(&eigen.values, "values");
    close(eigen.vectors.data(), "vectors");
    let solution = Cholesky::new(matrix64(&case["definite"])).unwrap().solve(&matrix64(&case["right"]));
    close(solution.data(), "solution");
}
