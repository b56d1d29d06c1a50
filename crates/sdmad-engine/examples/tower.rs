//! CPU and wall seconds, and memory, of whole towers with random weights.
//!
//! `cargo run --release -p sdmad-engine --example tower -- TOWER PRECISION STEP [REPEATS] [PATH]`, for example
//! `vit-l-14@336 bf16 forward`. Towers: those of the table below. Precision: f32, bf16, int8. Step: forward, train (forward, and
//! backward from the last layer to layer 6, what lies inside blocks kept), or recompute (the same, computed again). Path: an instruction path.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use sdmad_base::Stream;
use sdmad_engine::{
    Activation, Block, BlockWeights, InstructionPath, LayerNorm, Linear, Mask, Matrix, NormPlacement, Precision,
    Sequences, instruction_path, use_instructions,
};

struct Tower {
    name: &'static str,
    sequences: usize,
    tokens: usize,
    width: usize,
    heads: usize,
    layers: usize,
    mask: Mask,
    activation: Activation,
}

const TOWERS: &[Tower] = &[
    Tower {
        name: "vit-s-14@224",
        sequences: 1,
        tokens: 257,
        width: 384,
        heads: 6,
        layers: 12,
        mask: Mask::None,
        activation: Activation::Gelu,
    },
    Tower {
        name: "vit-b-16@224",
        sequences: 1,
        tokens: 197,
        width: 768,
        heads: 12,
        layers: 12,
        mask: Mask::None,
        activation: Activation::Gelu,
    },
    Tower {
        name: "vit-l-14@336",
        sequences: 1,
        tokens: 577,
        width: 1024,
        heads: 16,
        layers: 24,
        mask: Mask::None,
        activation: Activation::QuickGelu,
    },
    Tower {
        name: "text-l-14x32",
        sequences: 32,
        tokens: 77,
        width: 768,
        heads: 12,
        layers: 12,
        mask: Mask::Causal,
        activation: Activation::QuickGelu,
    },
];

/// Layers whose blocks a training step goes back through start behind this one.
const FIRST_ADAPTED: usize = 6;

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Largest resident memory so far, in MB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}

fn random(stream: &mut Stream, rows: usize, columns: usize, scale: f64) -> Matrix {
    // Uniform numbers of that spread: quick to draw.
    let data = (0..rows * columns).map(|_| (stream.between(-1.7, 1.7) * scale) as f32).collect();
    Matrix::from_vec(rows, columns, data)
}

fn block(tower: &Tower, stream: &mut Stream, precision: Precision) -> Block {
    let width = tower.width;
    let norm = || LayerNorm::new(vec![1.0; width], vec![0.0; width], 1e-6);
    let mut layer = |output: usize, input: usize| {
        let weight = random(stream, output, input, (input as f64).powf(-0.5));
        Linear::new(weight, Some(vec![0.1; output]), precision)
    };
    let weights = BlockWeights {
        norm1: norm(),
        query_key_value: layer(3 * width, width),
        output: layer(width, width),
        norm2: norm(),
        expand: layer(4 * width, width),
        contract: layer(width, 4 * width),
        layer_scale: None,
    };
    Block::new(weights, tower.heads, tower.activation, NormPlacement::Pre, tower.mask)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize, default: &str| arguments.get(index).map_or(default, String::as_str).to_owned();
    let name = argument(0, "vit-l-14@336");
    let tower = TOWERS.iter().find(|tower| tower.name == name).expect("a tower of the table");
    let precision = match argument(1, "bf16").as_str() {
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        "int8" => Precision::Int8,
        other => panic!("no precision {other}"),
    };
    let (train, keep) = match argument(2, "forward").as_str() {
        "forward" => (false, false),
        "train" => (true, true),
        "recompute" => (true, false),
        other => panic!("no step {other}"),
    };
    let repeats: usize = argument(3, "7").parse().expect("a number of repeats");
    if let Some(path) = arguments.get(4) {
        use_instructions(path.parse::<InstructionPath>().expect("a path")).expect("a path of this processor");
    }

    let mut stream = Stream::new(1, "tower");
    let blocks: Vec<Block> = (0..tower.layers).map(|_| block(tower, &mut stream, precision)).collect();
    let rows = tower.sequences * tower.tokens;
    let x = random(&mut stream, rows, tower.width, 1.0);
    let dy = random(&mut stream, rows, tower.width, 1.0);
    let sequences = Sequences::stacked(&vec![tower.tokens; tower.sequences]);
    println!("memory before: {} MB", peak_memory());
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let (start_cpu, start) = (cpu_seconds(), Instant::now());
        if train {
            let first = FIRST_ADAPTED.min(tower.layers / 2);
            let (mut inputs, mut kept) = (vec![x.clone()], Vec::new());
            for (index, block) in blocks.iter().enumerate() {
                let x = &inputs[inputs.len() - 1];
                let y = if keep && index >= first {
                    let (y, activations) = block.forward_keeping(x, &sequences);
                    kept.push(activations);
                    y
                } else {
                    block.forward_sequences(x, &sequences)
                };
                inputs.push(y);
            }
            let behind = blocks.iter().zip(&inputs).enumerate().skip(first).rev();
            std::hint::black_box(behind.fold(dy.clone(), |dy, (index, (block, x))| match kept.get(index - first) {
                Some(activations) => block.backward_from(x, &sequences, activations, &dy),
                None => block.backward_sequences(x, &sequences, &dy),
            }));
        } else {
            std::hint::black_box(blocks.iter().fold(x.clone(), |x, block| block.forward_sequences(&x, &sequences)));
        }
        cpu.push(cpu_seconds() - start_cpu);
        wall.push(start.elapsed().as_secs_f64());
    }
    cpu.sort_by(f64::total_cmp);
    wall.sort_by(f64::total_cmp);
    println!(
        "{name} {precision:?} {}: CPU {:.3} s (least {:.3}), wall {:.3} s (least {:.3}), medians of {repeats}; {} MB; {}",
        if train { "training step" } else { "forward" },
        cpu[repeats / 2],
        cpu[0],
        wall[repeats / 2],
        wall[0],
        peak_memory(),
        instruction_path(),
    );
}
