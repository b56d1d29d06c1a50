//! Our side of `bench/peers`: loads one tower of a model folder and times calls of it on request.
//!
//! It prints a JSON line when the tower is ready, and then one for each line of standard input:
//!
//! | line | answer |
//! |---|---|
//! | `run N` | `{"cpu": …, "wall": …, "peak_mb": …}`: seconds of N calls, CPU seconds of all threads, peak memory of the process so far |
//! | `output` | `{"output": […]}`: what one call computes, for the harness to compare with other implementations |
//!
//! ```sh
//! cargo run --release -p sdmad-encoders --example tower_timing -- FOLDER --what image --batch 1 --threads 2 --precision bf16 [--instructions avx2_fma]
//! ```

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use safetensors::SafeTensors;
use sdmad_base::{Error, Result, read};
use sdmad_encoders::{EncoderOptions, ImageTower, ShiftAdapters, TextTower};
use sdmad_engine::{
    AdapterInput, Block, Matrix, Precision, Sequences, ShiftAdapter, instruction_path, l2_normalize,
    l2_normalize_backward, use_instructions,
};
use sdmad_imaging::Pixels;

/// Inputs and adapters that all contenders share, in the model folder; `bench/peers/models.py` writes it.
const SHARED: &str = "shared-inputs.safetensors";
/// λ of the adapters; `bench/peers/models.py` has the same.
const LAMBDA: f32 = 0.9;
/// Of each gradient, every such number is compared.
const GRADIENT_STRIDE: usize = 4096;

/// What one call computes.
#[derive(Clone, Copy)]
enum Task {
    /// Embeddings of a batch of images.
    Image,
    /// Embeddings of a batch of texts.
    Text,
    /// Forward and backward pass of one image after another, gradients of the adapters.
    Train,
}

struct Options {
    folder: PathBuf,
    task: Task,
    batch: usize,
    threads: usize,
    precision: Precision,
}

fn main() {
    if let Err(error) = options().and_then(|options| serve(&options)) {
        eprintln!("tower_timing: {error}");
        std::process::exit(1);
    }
}

fn options() -> Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| Error::bad_input("name a model folder"))?.into();
    let mut options = Options { folder, task: Task::Image, batch: 1, threads: 2, precision: Precision::F32 };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| Error::bad_input(format!("{name} needs a value")))?;
        let unknown = || Error::bad_input(format!("{name} {value} is not known"));
        match (name.as_str(), value.as_str()) {
            ("--what", "image") => options.task = Task::Image,
            ("--what", "text") => options.task = Task::Text,
            ("--what", "train") => options.task = Task::Train,
            ("--batch", _) => options.batch = value.parse().map_err(|_| unknown())?,
            ("--threads", _) => options.threads = value.parse().map_err(|_| unknown())?,
            ("--precision", _) => options.precision = value.parse()?,
            ("--instructions", _) => use_instructions(value.parse()?)?,
            _ => return Err(unknown()),
        }
    }
    Ok(options)
}

/// Loads what the task needs and answers requests in a pool of the wanted size.
fn serve(options: &Options) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|e| Error::environment(format!("cannot start {} threads: {e}", options.threads)))?;
    pool.install(|| {
        let shared = Shared::read(&options.folder.join(SHARED))?;
        // Packed in memory: loading is no part of what is timed, but its memory is part of the peak.
        let opened = EncoderOptions { precision: options.precision, ..EncoderOptions::default() };
        match options.task {
            Task::Image => {
                let tower = ImageTower::open_with(&options.folder, &opened)?;
                let pixels = shared.pixels(options.batch)?;
                answer(|| embed_images(&tower, &pixels))
            }
            Task::Text => {
                let tower = TextTower::open_with(&options.folder, &opened)?;
                let ids = shared.ids(options.batch)?;
                answer(|| embed_texts(&tower, &ids))
            }
            Task::Train => {
                let tower = ImageTower::open_with(&options.folder, &opened)?;
                let (pixels, toward) = (shared.pixels(options.batch)?, shared.matrix("toward")?);
                let adapted = tower.adapted(shared.adapters()?)?;
                answer(|| {
                    let mut gradients = Vec::new();
                    for pixels in &pixels {
                        let trace = adapted.forward(&adapted.prefix(tower.tokens(pixels)));
                        let pooled = tower.pool(trace.last());
                        let embedding = tower.project(&pooled);
                        let row = Matrix::from_vec(1, embedding.len(), embedding);
                        let d_embedding = l2_normalize_backward(&row, &toward);
                        let d_pooled = tower.project_backward(&pooled, d_embedding.data());
                        let d_last = tower.pool_backward(trace.last(), &d_pooled);
                        for gradient in adapted.backward(&trace, &d_last).values() {
                            for matrix in [&gradient.down, &gradient.up] {
                                gradients.extend(matrix.data().iter().step_by(GRADIENT_STRIDE));
                            }
                        }
                    }
                    gradients
                })
            }
        }
    })
}

/// All sequences through all blocks at once, as the tower's own `embed_all` does for texts.
fn through(blocks: &[Block], parts: &[Matrix]) -> Vec<Matrix> {
    let lengths: Vec<usize> = parts.iter().map(Matrix::rows).collect();
    let sequences = Sequences::stacked(&lengths);
    let last = blocks.iter().fold(Matrix::stacked(parts), |x, block| block.forward_sequences(&x, &sequences));
    let firsts = lengths.iter().scan(0, |first, length| Some(std::mem::replace(first, *first + length)));
    firsts.zip(&lengths).map(|(first, length)| last.rows_from(first, *length)).collect()
}

fn embed_images(tower: &ImageTower, pixels: &[Pixels]) -> Vec<f32> {
    let tokens: Vec<Matrix> = pixels.iter().map(|pixels| tower.tokens(pixels)).collect();
    let last = through(tower.blocks(), &tokens);
    last.iter().flat_map(|last| unit(tower.project(&tower.pool(last)))).collect()
}

fn embed_texts(tower: &TextTower, ids: &[Vec<u32>]) -> Vec<f32> {
    let tokens: Vec<Matrix> = ids.iter().map(|ids| tower.tokens(ids)).collect();
    let last = through(tower.blocks(), &tokens);
    last.iter().zip(ids).flat_map(|(last, ids)| unit(tower.project(&tower.pool(ids, last)))).collect()
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    l2_normalize(&Matrix::from_vec(1, vector.len(), vector)).into_vec()
}

/// What stands in [`SHARED`].
struct Shared(BTreeMap<String, (Vec<usize>, Vec<u8>)>);

impl Shared {
    fn read(path: &Path) -> Result<Self> {
        let bytes = read(path)?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::bad_input(format!("{}: {e}", path.display())).with_hint("start bench/peers/run"))?;
        let tensors = file.tensors().into_iter();
        Ok(Shared(tensors.map(|(name, view)| (name, (view.shape().to_vec(), view.data().to_vec()))).collect()))
    }

    fn tensor(&self, name: &str) -> Result<(&[usize], impl Iterator<Item = [u8; 4]>)> {
        let (shape, bytes) = self.0.get(name).ok_or_else(|| Error::bad_input(format!("{SHARED} has no `{name}`")))?;
        Ok((shape, bytes.as_chunks().0.iter().copied()))
    }

    fn matrix(&self, name: &str) -> Result<Matrix> {
        let (shape, numbers) = self.tensor(name)?;
        let &[rows, columns] = shape else {
            return Err(Error::bad_input(format!("{SHARED}: `{name}` has shape {shape:?}; two sides are expected")));
        };
        Ok(Matrix::from_vec(rows, columns, numbers.map(f32::from_le_bytes).collect()))
    }

    fn pixels(&self, batch: usize) -> Result<Vec<Pixels>> {
        let (shape, numbers) = self.tensor("pixels")?;
        let (side, numbers) = (shape[shape.len() - 1], numbers.map(f32::from_le_bytes).collect::<Vec<_>>());
        numbers.chunks_exact(3 * side * side).take(batch).map(|image| Pixels::new(side, image.to_vec())).collect()
    }

    fn ids(&self, batch: usize) -> Result<Vec<Vec<u32>>> {
        let (shape, numbers) = self.tensor("ids")?;
        let (length, ids) = (shape[shape.len() - 1], numbers.map(u32::from_le_bytes).collect::<Vec<_>>());
        Ok(ids.chunks_exact(length).take(batch).map(<[u32]>::to_vec).collect())
    }

    fn adapters(&self) -> Result<ShiftAdapters> {
        let (_, layers) = self.tensor("adapter.layers")?;
        let adapter = |layer: u32| {
            Ok(ShiftAdapter {
                down: self.matrix(&format!("adapter.{layer}.down"))?,
                up: self.matrix(&format!("adapter.{layer}.up"))?,
                lambda: LAMBDA,
                input: AdapterInput::BlockInput,
                norm_matching: false,
            })
        };
        layers.map(u32::from_le_bytes).map(|layer| Ok((layer as usize, adapter(layer)?))).collect()
    }
}

/// Answers requests on standard input until it ends.
fn answer(call: impl Fn() -> Vec<f32> + Sync) -> Result<()> {
    let say = |line: serde_json::Value| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|e| Error::environment(format!("stdout: {e}")))
    };
    say(serde_json::json!({"ready": instruction_path().name(), "peak_mb": peak_megabytes()}))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Error::environment(format!("stdin: {e}")))?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["run", count] => {
                let count: usize = count.parse().map_err(|_| Error::bad_input(format!("run {count}: no number")))?;
                let (wall, cpu) = (Instant::now(), cpu_seconds());
                for _ in 0..count {
                    std::hint::black_box(call());
                }
                let (cpu, wall) = (cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
                say(serde_json::json!({"cpu": cpu, "wall": wall, "peak_mb": peak_megabytes()}))?;
            }
            ["output"] => say(serde_json::json!({"output": call()}))?,
            _ => return Err(Error::bad_input(format!("request {line:?}; `run N` and `output` are known"))),
        }
    }
    Ok(())
}

/// User and system time of all threads of this process, in seconds.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The largest resident memory of this process so far, where the system tells (Linux).
fn peak_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
}
