//! A temporary folder with a small encoder and a small data set, in which the built command runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sdmad::{PhantomConfig, generate_phantoms};
use sdmad_base::{Silent, sha256_hex};
use serde_json::Value;
use tempfile::TempDir;

/// Where `train` finds all it needs, but for the shots and the place of the run.
pub(crate) const TRAIN: &str = "train --data data/manifest.csv --signs phantom --encoder encoder";

/// A folder in which commands run; paths in their arguments are relative to it.
///
/// | path | holds |
/// |---|---|
/// | `encoder/` | random CLIP of three layers, as a folder of transformers |
/// | `data/` | 128-pixel phantoms with `manifest.csv` and `signs.csv` |
pub(crate) struct World {
    folder: TempDir,
    cache: TempDir,
}

/// What a command gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// No encoder and no data.
    pub(crate) fn empty() -> Self {
        World { folder: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() }
    }

    /// An encoder and the phantoms.
    pub(crate) fn new() -> Self {
        let world = World::empty();
        copy_folder(&encoder_fixture("hugging-face-clip"), &world.path("encoder"));
        let config = PhantomConfig { images: 72, size: 128, seed: 3, ..PhantomConfig::default() };
        generate_phantoms(&config, &world.path("data"), &Silent).unwrap();
        world
    }

    /// An encoder, the phantoms, and in `run` what four shots taught.
    pub(crate) fn trained() -> Self {
        let world = World::new();
        world.succeeds(&format!("{TRAIN} --shots 4 --out run"));
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that `SDMAD_CACHE` names.
    pub(crate) fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// From now on nothing is in the cache.
    pub(crate) fn forget(&mut self) {
        self.cache = tempfile::tempdir().unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Each line of a file of JSON lines.
    pub(crate) fn json_lines(&self, name: &str) -> Vec<Value> {
        self.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes a file anew with something changed; that it did change is checked.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&str) -> String) {
        let before = self.read(name);
        let after = change(&before);
        assert_ne!(before, after, "{name} was to change");
        self.write(name, after);
    }

    /// Names of the files in a folder, in order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The first images of the manifest's `split` rows for which `wanted` holds of the categories' cells.
    pub(crate) fn images(&self, split: &str, wanted: impl Fn(&[&str]) -> bool) -> Vec<String> {
        let manifest = self.read("data/manifest.csv");
        let cells = manifest.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        cells.filter(|c| c[1] == split && wanted(&c[4..])).map(|c| format!("data/{}", c[0])).collect()
    }

    /// The command with an environment that knows only this world's cache, and no network.
    pub(crate) fn command(&self) -> Command {
        self.prepared(Command::new(env!("CARGO_BIN_EXE_sdmad")))
    }

    /// Another program, started as [`World::command`] starts ours.
    pub(crate) fn prepared(&self, mut command: Command) -> Command {
        for name in ["SDMAD_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_ENDPOINT", "HF_TOKEN", "XDG_CACHE_HOME"]
        {
            command.env_remove(name);
        }
        let nowhere = "http://127.0.0.1:9";
        command.env("SDMAD_CACHE", self.cache()).env("SDMAD_PYTHON", "/nowhere/python").env("HF_ENDPOINT", nowhere);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs the command with arguments that are split at spaces.
    pub(crate) fn sdmad(&self, arguments: &str) -> Outcome {
        Outcome::of(self.command().args(arguments.split_whitespace()))
    }

    /// Runs the command with arguments as they are.
    pub(crate) fn sdmad_with(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command().args(arguments))
    }

    /// Runs the command, which must succeed.
    pub(crate) fn succeeds(&self, arguments: &str) -> Outcome {
        let outcome = self.sdmad(arguments);
        assert_eq!(outcome.status, Some(0), "{arguments}\n{outcome:#?}");
        outcome
    }

    /// Runs the command, which must end with `status` and an error on stderr that holds every one of `parts`, and must
    /// leave every file and folder as it was.
    pub(crate) fn refuses(&self, status: i32, arguments: &str, parts: &[&str]) -> Outcome {
        let before = self.content();
        let outcome = self.sdmad(arguments);
        outcome.is_refusal(status, arguments, parts);
        assert_eq!(before, self.content(), "{arguments}: files changed");
        outcome
    }

    /// Every path of the world, with the hash of each file.
    pub(crate) fn content(&self) -> BTreeMap<PathBuf, Option<String>> {
        let mut all = BTreeMap::new();
        collect(self.folder.path(), &mut all);
        all
    }
}

impl Outcome {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Outcome { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub(crate) fn is_refusal(&self, status: i32, what: &str, parts: &[&str]) {
        assert_eq!(self.status, Some(status), "{what}\n{self:#?}");
        assert!(self.stderr.contains("error: "), "{what}\n{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{what}\n{self:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{what}: `{part}` is missing\n{self:#?}");
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}\n{self:#?}"))
    }
}

fn collect(folder: &Path, all: &mut BTreeMap<PathBuf, Option<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, all);
            all.insert(path, None);
        } else {
            let hash = sha256_hex(&fs::read(&path).unwrap());
            all.insert(path, Some(hash));
        }
    }
}

/// A small random encoder, as users lay it out; scripts/reference/towers.py made it.
pub(crate) fn encoder_fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdmad-encoders/tests/fixtures/towers").join(name)
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // Expected values are not part of the model.
        if entry.file_name() != "expected.safetensors" {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Puts a number into the place `index` of an f32 tensor of a safetensors file.
pub(crate) fn set_number(file: &Path, tensor: &str, index: usize, number: f32) {
    let mut bytes = fs::read(file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let table: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    assert_eq!(table[tensor]["dtype"], "F32", "{table}");
    let start = 8 + header + table[tensor]["data_offsets"][0].as_u64().unwrap() as usize + 4 * index;
    bytes[start..start + 4].copy_from_slice(&number.to_le_bytes());
    fs::write(file, bytes).unwrap();
}

/// Names of the tensors of a safetensors file, in order.
pub(crate) fn tensor_names(file: &Path) -> Vec<String> {
    let bytes = fs::read(file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let table: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let mut names: Vec<String> = table.as_object().unwrap().keys().filter(|k| *k != "__metadata__").cloned().collect();
    names.sort();
    names
}
