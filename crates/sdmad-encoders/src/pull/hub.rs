use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result, sha256_file};
use serde_json::Value;

use crate::cache::{FILES_FORMAT, FILES_NAME, FileEntry, Files, Lock, check_name, verify, with_cache_hint};
use crate::download::{Client, Patience, Wanted, encode_segment, is_address};

/// Size above which weights are refused, and any other file, in bytes.
const LARGEST_WEIGHTS: u64 = 20 << 30;
const LARGEST_OTHER: u64 = 64 << 20;

/// Files that are taken along when the hub has them, beside configuration and weights.
const COMPANIONS: [&str; 8] = [
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    crate::CLIP_VOCABULARY,
];

/// A model on a hub: `hf:ORG/NAME[@REVISION]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HubName {
    organisation: String,
    name: String,
    revision: String,
}

impl HubName {
    /// `None` when the text does not begin with `hf:`.
    pub(super) fn parse(text: &str) -> Result<Option<Self>> {
        let Some(rest) = text.strip_prefix("hf:") else { return Ok(None) };
        let (path, revision) = rest.split_once('@').unwrap_or((rest, "main"));
        let parts: Vec<&str> = path.split('/').collect();
        let sound = |part: &str| check_name(part).is_ok();
        match parts[..] {
            [organisation, name] if sound(organisation) && sound(name) && revision.split('/').all(sound) => {
                Ok(Some(HubName {
                    organisation: organisation.to_string(),
                    name: name.to_string(),
                    revision: revision.to_string(),
                }))
            }
            _ => Err(Error::bad_input(format!(
                "{text:?} is no model of a hub: expected hf:ORG/NAME or hf:ORG/NAME@REVISION"
            ))),
        }
    }

    /// Name of the folder in the cache.
    pub(super) fn folder_name(&self) -> String {
        format!("hf--{}--{}", self.organisation, self.name)
    }
}

/// A hub that speaks the interface of Hugging Face's.
pub(super) struct Hub {
    endpoint: String,
    client: Client,
}

/// A file in the hub's list.
#[derive(Clone, Debug)]
struct Sibling {
    name: String,
    bytes: Option<u64>,
    sha256: Option<String>,
}

/// What the hub says about a model.
struct Listing {
    /// The commit that the revision stands for now; the revision itself when the hub does not say.
    commit: String,
    licence: Option<String>,
    files: Vec<Sibling>,
}

impl Hub {
    /// The hub at `HF_ENDPOINT`, with the token in `HF_TOKEN` if that is set.
    pub(super) fn from_environment() -> Result<Self> {
        let set = |name: &str| std::env::var(name).ok().map(|value| value.trim().to_string()).filter(|v| !v.is_empty());
        let endpoint = set("HF_ENDPOINT").ok_or_else(|| {
            Error::bad_input("HF_ENDPOINT is not set, so there is no hub to fetch a model from")
                .with_hint("set HF_ENDPOINT to the address of the hub or of a mirror, as for its own tools")
        })?;
        Hub::new(&endpoint, set("HF_TOKEN"), Patience::default())
    }

    pub(super) fn new(endpoint: &str, token: Option<String>, patience: Patience) -> Result<Self> {
        if !is_address(endpoint) {
            return Err(Error::bad_input(
                "HF_ENDPOINT is no address: expected http:// or https://, a host, no user and no query",
            )
            .with_hint("set HF_ENDPOINT to the address of the hub or of a mirror"));
        }
        if token.as_ref().is_some_and(|token| !token.chars().all(|c| c.is_ascii_graphic())) {
            return Err(Error::bad_input("HF_TOKEN has characters that no token has").with_hint("set HF_TOKEN again"));
        }
        let endpoint = endpoint.trim_end_matches('/').to_string();
        Ok(Hub { client: Client::new(&endpoint, token, patience), endpoint })
    }

    /// Fetches what sdmad needs of a CLIP model into `<root>/hf--ORG--NAME`.
    pub(super) fn pull(&self, name: &HubName, root: &Path, monitor: &dyn Monitor) -> Result<PathBuf> {
        let folder = name.folder_name();
        let target = root.join(&folder);
        let _lock = Lock::acquire(root, &folder, monitor)?;
        if target.is_dir() {
            verify(&target, monitor)?;
            monitor.notice(&format!(
                "{folder} is in the cache already, and its hashes are right; remove it to fetch another revision"
            ));
            return Ok(target);
        }
        let listing = self.listing(name, monitor)?;
        let chosen = choose(&listing.files).map_err(|e| e.at(format!("hf:{}/{}", name.organisation, name.name)))?;
        // Parts outlive a failed pull. Another commit gets another folder, so that versions never mix.
        let parts = root.join(format!(".{folder}--{}.partial", encode_segment(&listing.commit)));
        fs::create_dir_all(&parts).map_err(|e| with_cache_hint(Error::io("make", &parts, e)))?;
        let total = chosen.iter().filter_map(|file| file.bytes).sum::<u64>();
        monitor.begin(&format!("downloading {folder}"), usize::try_from(total).unwrap_or(usize::MAX));
        let mut files = BTreeMap::new();
        for file in &chosen {
            let entry = self.fetch(name, &listing.commit, file, &parts, monitor)?;
            files.insert(file.name.clone(), entry);
        }
        monitor.end();
        if needs_clip_vocabulary(&chosen) {
            monitor.notice("the model has no tokenizer of its own: it uses CLIP's vocabulary");
            let vocabulary = super::ensure_clip_vocabulary(monitor)?;
            let to = parts.join(crate::CLIP_VOCABULARY);
            fs::copy(&vocabulary, &to).map_err(|e| Error::io("write", &to, e))?;
            let bytes = fs::metadata(&to).map_err(|e| Error::io("read", &to, e))?.len();
            files.insert(crate::CLIP_VOCABULARY.to_string(), FileEntry { bytes, sha256: sha256_file(&to)? });
        }
        let mut provenance = BTreeMap::from([
            ("model".to_string(), format!("{}/{}", name.organisation, name.name)),
            ("revision".to_string(), name.revision.clone()),
            ("commit".to_string(), listing.commit),
        ]);
        provenance.extend(listing.licence.map(|licence| ("licence".to_string(), licence)));
        Files { format: FILES_FORMAT, name: folder, provenance, files }.write(&parts.join(FILES_NAME))?;
        fs::rename(&parts, &target).map_err(|e| Error::io("write", &target, e))?;
        Ok(target)
    }

    fn fetch(
        &self,
        name: &HubName,
        commit: &str,
        file: &Sibling,
        parts: &Path,
        monitor: &dyn Monitor,
    ) -> Result<FileEntry> {
        let target = parts.join(&file.name);
        // An earlier pull may have finished this file; without a known hash nobody can tell.
        if let Some(expected) = file.sha256.as_ref().filter(|_| target.is_file())
            && sha256_file(&target)? == *expected
        {
            let bytes = fs::metadata(&target).map_err(|e| Error::io("read", &target, e))?.len();
            monitor.advance(bytes as usize);
            return Ok(FileEntry { bytes, sha256: expected.clone() });
        }
        let weights = file.name.ends_with(".safetensors");
        let wanted = Wanted {
            url: format!(
                "{}/{}/{}/resolve/{}/{}",
                self.endpoint,
                name.organisation,
                name.name,
                encode_segment(commit),
                encode_segment(&file.name)
            ),
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            largest: if weights { LARGEST_WEIGHTS } else { LARGEST_OTHER },
        };
        let fetched = self.client.file(&wanted, &target, monitor)?;
        Ok(FileEntry { bytes: fetched.bytes, sha256: fetched.sha256 })
    }

    fn listing(&self, name: &HubName, monitor: &dyn Monitor) -> Result<Listing> {
        let url = format!(
            "{}/api/models/{}/{}/revision/{}?blobs=true",
            self.endpoint,
            name.organisation,
            name.name,
            encode_segment(&name.revision)
        );
        let text = self.client.text(&url, monitor)?;
        let value: Value = serde_json::from_str(&text).map_err(|e| {
            Error::environment(format!("{url} did not answer with JSON: {e}")).with_hint("check HF_ENDPOINT")
        })?;
        let siblings = value["siblings"].as_array().ok_or_else(|| {
            Error::environment(format!("{url} lists no files (`siblings`)")).with_hint("check HF_ENDPOINT")
        })?;
        let files = siblings
            .iter()
            .filter_map(|sibling| {
                let hash = sibling["lfs"]["sha256"].as_str().map(str::to_ascii_lowercase);
                Some(Sibling {
                    name: sibling["rfilename"].as_str()?.to_string(),
                    bytes: sibling["lfs"]["size"].as_u64().or(sibling["size"].as_u64()),
                    sha256: hash.filter(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit())),
                })
            })
            .collect();
        let commit = value["sha"].as_str().filter(|sha| check_name(sha).is_ok()).unwrap_or(&name.revision);
        let licence = value["cardData"]["license"].as_str().map(String::from);
        Ok(Listing { commit: commit.to_string(), licence, files })
    }
}

/// The files of a Hugging Face folder if they are there, else those of an open_clip folder.
fn choose(files: &[Sibling]) -> Result<Vec<Sibling>> {
    let find = |name: &str| files.iter().find(|file| file.name == name).cloned();
    let forms = [("config.json", "model.safetensors"), ("open_clip_config.json", "open_clip_model.safetensors")];
    for (configuration, weights) in forms {
        if let (Some(configuration), Some(weights)) = (find(configuration), find(weights)) {
            // Small files first: a refusal shows before the weights are fetched.
            let mut chosen = vec![configuration];
            chosen.extend(COMPANIONS.into_iter().filter_map(find));
            chosen.push(weights);
            return Ok(chosen);
        }
    }
    let weights: Vec<&str> = files
        .iter()
        .map(|file| file.name.as_str())
        .filter(|name| [".safetensors", ".bin", ".pt", ".index.json"].iter().any(|end| name.ends_with(end)))
        .take(6)
        .collect();
    Err(Error::bad_input(format!(
        "the model has neither config.json with model.safetensors nor open_clip_config.json with \
         open_clip_model.safetensors; its weights are {weights:?}"
    ))
    .with_hint("sdmad reads safetensors files of CLIP models in one piece; convert the model, then give its folder with --encoder"))
}

/// open_clip's own models use a vocabulary that its package carries, not their folders.
fn needs_clip_vocabulary(chosen: &[Sibling]) -> bool {
    let has = |name: &str| chosen.iter().any(|file| file.name == name);
    let tokenizer = ["tokenizer.json", "vocab.json", "vocab.txt", crate::CLIP_VOCABULARY].into_iter().any(has);
    has("open_clip_config.json") && !tokenizer
}

#[cfg(test)]
mod tests;
