use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use sdmad_base::{Error, Result, read, sha256_hex};
use sdmad_engine::Precision;

use crate::{
    Bootstrap, MapSettings, MapSource, Measured, Method, PrecisionChoice, Preset, ScopeSettings, Settings, shipped_text,
};

/// A benchmark as its file describes it. Keys that are not known are refused.
#[derive(Clone, Debug)]
pub struct BenchmarkConfig {
    /// SHA-256 of the file.
    pub sha256: String,
    /// What stands above the tables.
    pub title: String,
    /// The data sets. At least one; names differ.
    pub sets: Vec<BenchmarkSet>,
    /// Names or folders of encoders, as they are written. At least one.
    pub encoders: Vec<String>,
    /// The encoders' names or folders, as seen from the current folder.
    pub encoder_places: Vec<String>,
    /// Images of normal and of each category; 0 is zero-shot. At least one, ascending.
    pub shots: Vec<usize>,
    /// Draws of shots. At least 1.
    pub draws: u64,
    /// Which rows are measured.
    pub split: Measured,
    /// Whether a category with fewer patients than shots gives what it has.
    pub short_supply: bool,
    /// Whether what the peers' protocol would claim stands beside the sealed figures.
    pub peers_protocol: bool,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// The methods; the first is the one that is asked about. The pixel baseline is among them.
    pub methods: Vec<BenchmarkMethod>,
    /// Pairs of methods, by number: is the first above the second?
    pub compare: Vec<(usize, usize)>,
}

/// A data set of a benchmark.
#[derive(Clone, Debug)]
pub struct BenchmarkSet {
    /// Its name.
    pub name: String,
    /// Its manifest as it is written.
    pub manifest: String,
    /// Its manifest.
    pub manifest_place: PathBuf,
    /// A shipped bank or a `bank.toml`.
    pub signs: String,
    /// The truth of its signs.
    pub sign_truth: Option<PathBuf>,
    /// The alignment of methods that name none.
    pub alignment: Option<String>,
    /// Whether it is left out, with a notice, where its manifest is missing.
    pub optional: bool,
    /// Pairs of categories that are told apart on their own; none: all pairs.
    pub critical_pairs: Option<Vec<(String, String)>>,
}

/// A method of a benchmark: how it is trained.
#[derive(Clone, Debug)]
pub struct BenchmarkMethod {
    /// Its name in tables.
    pub name: String,
    /// How it scores images.
    pub method: Method,
    /// Whether it learns from no shot, whatever is asked for.
    pub zero_shot: bool,
    /// All settings, but for the alignment that a set may choose.
    pub settings: Settings,
    /// Whether the alignment in the settings is the method's own choice.
    pub own_alignment: bool,
    /// The precision of the towers.
    pub precision: PrecisionChoice,
    /// For a variant of the peers' protocol the number of its method; it stands in no table.
    pub variant_of: Option<usize>,
    /// Whether it was added by itself.
    pub added: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[allow(dead_code)] // looked at before
    schema: i64,
    title: Option<String>,
    sets: Vec<RawSet>,
    encoders: Option<Vec<String>>,
    shots: Vec<usize>,
    #[serde(default = "five")]
    draws: u64,
    #[serde(default = "test")]
    split: String,
    #[serde(default)]
    short_supply: bool,
    #[serde(default)]
    peers_protocol: bool,
    replicates: Option<usize>,
    methods: Vec<RawMethod>,
    compare: Option<Vec<(String, String)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    name: String,
    manifest: String,
    signs: String,
    sign_truth: Option<String>,
    alignment: Option<String>,
    #[serde(default)]
    optional: bool,
    critical_pairs: Option<Vec<(String, String)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMethod {
    name: String,
    method: Option<String>,
    #[serde(default = "best")]
    preset: String,
    alignment: Option<String>,
    #[serde(default = "bf16")]
    precision: String,
    #[serde(default)]
    settings: toml::Table,
}

fn five() -> u64 {
    5
}

fn test() -> String {
    "test".into()
}

fn best() -> String {
    "best".into()
}

fn bf16() -> String {
    "bf16".into()
}

/// The name of the baseline that is always there.
pub(super) const PIXELS: &str = "pixels";
const HINT: &str = "docs/benchmark.md lists the keys of a benchmark";
const SCHEMA: i64 = 1;
/// Up to so many categories all pairs are told apart where none is named.
const MOST_FOR_ALL_PAIRS: usize = 4;
/// More draws than this are a slip of the finger.
const MOST_DRAWS: u64 = 1000;

impl BenchmarkConfig {
    /// Reads a file; `default_encoder` is taken where it names none.
    ///
    /// # Errors
    /// Names the file and the key: no TOML, an unknown key, a value that does not fit, a name that stands twice or that
    /// nothing has.
    pub fn read(path: &Path, default_encoder: &str) -> Result<Self> {
        let bytes = read(path)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::bad_input(format!("{} is not UTF-8 text", path.display())).with_hint("save the file as UTF-8")
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        BenchmarkConfig::parse(&text, base, default_encoder).map_err(|e| {
            let e = e.at(path.display());
            if e.hint().is_some() { e } else { e.with_hint(HINT) }
        })
    }

    fn parse(text: &str, base: &Path, default_encoder: &str) -> Result<Self> {
        let syntax = |e: toml::de::Error| {
            let line = e.span().map_or(1, |s| 1 + text.bytes().take(s.start).filter(|&b| b == b'\n').count());
            Error::bad_input(format!("line {line}: {}", e.message().trim_end().replace('\n', "; ")))
        };
        // The schema number goes first: a newer file's keys are not mistakes.
        let table: toml::Table = text.parse().map_err(syntax)?;
        match table.get("schema") {
            Some(toml::Value::Integer(SCHEMA)) => {}
            Some(other) => return Err(Error::bad_input(format!("schema = {other} is unknown; expected {SCHEMA}"))),
            None => return Err(Error::bad_input(format!("no `schema`; expected `schema = {SCHEMA}`"))),
        }
        let raw: RawConfig = toml::from_str(text).map_err(syntax)?;
        check(&raw)?;
        let place = |name: &str| place_of(base, name);
        let mut methods = raw.methods.iter().map(|m| method(m, base)).collect::<Result<Vec<_>>>()?;
        add_pixels(&mut methods);
        let compare = pairs(raw.compare.as_deref(), &methods)?;
        if raw.peers_protocol {
            let variants: Vec<BenchmarkMethod> =
                methods.iter().enumerate().flat_map(|(number, m)| super::peers::variants(number, m)).collect();
            methods.extend(variants);
        }
        let encoders = raw.encoders.unwrap_or_else(|| vec![default_encoder.to_string()]);
        // A folder beside the file; any other name is one of the cache.
        let encoder_place = |name: &String| match place(name) {
            folder if folder.is_dir() => folder.display().to_string(),
            _ => name.clone(),
        };
        let mut shots = raw.shots.clone();
        shots.sort_unstable();
        let sets = raw
            .sets
            .iter()
            .map(|set| BenchmarkSet {
                name: set.name.clone(),
                manifest: set.manifest.clone(),
                manifest_place: place(&set.manifest),
                signs: if shipped_text(&set.signs).is_some() {
                    set.signs.clone()
                } else {
                    place(&set.signs).display().to_string()
                },
                sign_truth: set.sign_truth.as_deref().map(place),
                alignment: set.alignment.as_deref().map(|a| alignment_place(base, a)),
                optional: set.optional,
                critical_pairs: set.critical_pairs.clone(),
            })
            .collect();
        Ok(BenchmarkConfig {
            sha256: sha256_hex(text.as_bytes()),
            title: raw.title.unwrap_or_else(|| "Benchmark".into()),
            sets,
            encoder_places: encoders.iter().map(encoder_place).collect(),
            encoders,
            shots,
            draws: raw.draws,
            split: Measured::named(&raw.split)
                .map_err(|_| Error::bad_input(format!("split = {:?}: expected test, valid or train", raw.split)))?,
            short_supply: raw.short_supply,
            peers_protocol: raw.peers_protocol,
            bootstrap: Bootstrap {
                replicates: raw.replicates.unwrap_or(Bootstrap::default().replicates),
                ..Bootstrap::default()
            },
            methods,
            compare,
        })
    }
}

impl BenchmarkSet {
    /// The pairs of categories to tell apart, by number: those that are named, or all of at most four categories.
    ///
    /// # Errors
    /// When a pair names what is no category, or one category twice.
    pub fn pairs(&self, categories: &[String]) -> Result<Vec<(usize, usize)>> {
        let Some(named) = &self.critical_pairs else {
            let count = if categories.len() <= MOST_FOR_ALL_PAIRS { categories.len() } else { 0 };
            return Ok((0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect());
        };
        let find = |id: &String| {
            categories.iter().position(|c| c == id).ok_or_else(|| {
                Error::bad_input(format!(
                    "critical_pairs: there is no category `{id}`: expected one of {}",
                    categories.join(", ")
                ))
            })
        };
        let pair = |(a, b): &(String, String)| match (find(a)?, find(b)?) {
            (a, b) if a == b => Err(Error::bad_input(format!("critical_pairs: `{}` with itself", categories[a]))),
            pair => Ok(pair),
        };
        named.iter().map(pair).collect()
    }
}

fn place_of(base: &Path, name: &str) -> PathBuf {
    base.join(name)
}

/// `shipped` and `none` are words; anything else is a folder.
fn alignment_place(base: &Path, source: &str) -> String {
    match source {
        "shipped" | "none" => source.to_string(),
        folder => place_of(base, folder).display().to_string(),
    }
}

fn check(raw: &RawConfig) -> Result<()> {
    let names = |what: &str, names: Vec<&str>| {
        let mut seen = BTreeSet::new();
        if names.is_empty() {
            return Err(Error::bad_input(format!("{what} is empty: expected at least one")));
        }
        match names.iter().find(|n| n.trim().is_empty() || !seen.insert(**n)) {
            Some(name) => Err(Error::bad_input(format!("{what}: the name `{name}` is empty or stands twice"))),
            None => Ok(()),
        }
    };
    names("sets", raw.sets.iter().map(|s| s.name.as_str()).collect())?;
    names("methods", raw.methods.iter().map(|m| m.name.as_str()).collect())?;
    if let Some(encoders) = &raw.encoders {
        names("encoders", encoders.iter().map(String::as_str).collect())?;
    }
    let mut seen = BTreeSet::new();
    if raw.shots.is_empty() {
        return Err(Error::bad_input("shots = []: expected at least one number, 0 for zero-shot"));
    }
    if let Some(twice) = raw.shots.iter().find(|k| !seen.insert(**k)) {
        return Err(Error::bad_input(format!("shots names {twice} twice: expected each once")));
    }
    if !(1..=MOST_DRAWS).contains(&raw.draws) {
        return Err(Error::bad_input(format!("draws = {}: expected 1 to {MOST_DRAWS}", raw.draws)));
    }
    if raw.replicates == Some(0) {
        return Err(Error::bad_input("replicates = 0: expected 1 or more"));
    }
    Ok(())
}

fn method(raw: &RawMethod, base: &Path) -> Result<BenchmarkMethod> {
    let at = |e: Error| e.at(format!("method `{}`", raw.name));
    let name = raw.method.as_deref().unwrap_or(&raw.name);
    // The sign-driven method under the name that `train` knows for it without shots.
    let known = if name == "zero-shot-signs" { "sdmad" } else { name };
    let method: Method = serde_json::from_value(known.into())
        .map_err(|e| at(Error::bad_input(format!("method = \"{name}\": {e}, or zero-shot-signs"))))?;
    let mut settings = Preset::named(&raw.preset).map_err(at)?.settings();
    for (key, value) in &raw.settings {
        settings = settings.with_pair(&format!("{key}={value}")).map_err(at)?;
    }
    // Nothing of a benchmark's tables rests on maps, and they cost an encoding of every shot.
    settings.maps.source = MapSource::Off;
    settings.scope.learnt = false;
    let mut own_alignment = raw.settings.contains_key("alignment.source");
    if let Some(source) = raw.alignment.as_ref().filter(|_| !own_alignment) {
        settings.alignment.source.clone_from(source);
        own_alignment = true;
    }
    settings.alignment.source = alignment_place(base, &settings.alignment.source);
    let precision = match raw.precision.as_str() {
        "auto" => PrecisionChoice::Auto,
        name => PrecisionChoice::Fixed(name.parse::<Precision>().map_err(at)?),
    };
    let zero_shot = name.starts_with("zero-shot");
    Ok(BenchmarkMethod {
        name: raw.name.clone(),
        method,
        zero_shot,
        settings,
        own_alignment,
        precision,
        variant_of: None,
        added: false,
    })
}

/// The pixel baseline is always there: where it does as well, a set proves nothing.
fn add_pixels(methods: &mut Vec<BenchmarkMethod>) {
    if methods.iter().any(|m| m.method == Method::Pixels) {
        return;
    }
    let taken = methods.iter().any(|m| m.name == PIXELS);
    methods.push(BenchmarkMethod {
        name: if taken { "pixels (added)".into() } else { PIXELS.into() },
        method: Method::Pixels,
        zero_shot: false,
        settings: Settings {
            maps: MapSettings { source: MapSource::Off, ..MapSettings::default() },
            scope: ScopeSettings { learnt: false },
            ..Settings::default()
        },
        own_alignment: true,
        precision: PrecisionChoice::Fixed(Precision::F32),
        variant_of: None,
        added: true,
    });
}

fn pairs(named: Option<&[(String, String)]>, methods: &[BenchmarkMethod]) -> Result<Vec<(usize, usize)>> {
    let Some(named) = named else {
        return Ok((1..methods.len()).map(|other| (0, other)).collect());
    };
    let find = |name: &String| {
        methods.iter().position(|m| m.name == *name).ok_or_else(|| {
            let known: Vec<&str> = methods.iter().map(|m| m.name.as_str()).collect();
            Error::bad_input(format!("compare: there is no method `{name}`: expected one of {}", known.join(", ")))
        })
    };
    named
        .iter()
        .map(|(a, b)| {
            if a == b {
                return Err(Error::bad_input(format!("compare: `{a}` with itself: expected two methods")));
            }
            Ok((find(a)?, find(b)?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
