//! One set of MedIAnomaly (Cai et al. 2024). Four layouts; which files a folder has decides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};
use serde_json::Value;

use super::super::Split;
use super::draft::{Draft, Found, FoundMask};
use super::names::volume;
use super::tree::{Listing, images_below, stem, unexpected};
use super::{ImportOptions, bmad, isic, sorted};

const LOOKED_FOR: &str = "`data.json` beside `images`, or `train` beside `test/normal` and `test/tumor`, or `test/good` and `test/Ungood`, or `ISIC2018_Task3_…`";

pub(super) fn draft(root: &Path, monitor: &dyn Monitor) -> Result<Draft> {
    let top = Listing::read(root)?;
    if top.others.iter().any(|name| name == "data.json") {
        return from_json(&top, monitor);
    }
    if top.folders.iter().any(|name| name.starts_with("ISIC2018_Task3")) {
        return isic::draft_isic(root, &ImportOptions::default(), monitor);
    }
    if let Some(test) = top.folder(&["test"])? {
        let test = Listing::read(&test)?;
        if test.folder(&["tumor"])?.is_some() {
            return brats(&top, &test, monitor);
        }
        if test.folder(&["Ungood"])?.is_some() {
            return bmad::draft(root, monitor);
        }
        if test.folder(&["DRUSEN"])?.is_some() {
            return sorted::draft(&sorted::OCT2017, root, &ImportOptions::default(), monitor);
        }
    }
    Err(unexpected("medianomaly", &top, LOOKED_FOR))
}

/// `data.json` is `{"train": {"0": [names]}, "test": {"0": [names], "1": [names]}}`, where 1 is abnormal.
fn from_json(top: &Listing, monitor: &dyn Monitor) -> Result<Draft> {
    let path = top.path.join("data.json");
    let wrong = |what: &str| {
        Error::bad_input(format!(
            "{}: {what}; expected {{\"train\": {{\"0\": [names]}}, \"test\": {{\"0\": [names], \"1\": [names]}}}}",
            path.display()
        ))
        .with_hint("fetch the set again")
    };
    let value: Value = serde_json::from_str(&sdmad_base::read_to_string(&path)?).map_err(|e| wrong(&e.to_string()))?;
    let folder = top.folder(&["images"])?.ok_or_else(|| unexpected("medianomaly", top, LOOKED_FOR))?;
    let mut draft = Draft::of_anomalies();
    let images = images_below(&folder, &mut draft.left_out, monitor)?;
    let mut by_name: BTreeMap<String, PathBuf> =
        images.into_iter().filter_map(|path| Some((path.file_name()?.to_str()?.to_string(), path))).collect();
    for (name, split) in [("train", Split::Train), ("test", Split::Test)] {
        let Some(parts) = value.get(name) else { continue };
        let parts = parts.as_object().ok_or_else(|| wrong(&format!("`{name}` is no object")))?;
        for (label, names) in parts {
            let present = match label.as_str() {
                "0" => Vec::new(),
                "1" => vec![0],
                _ => {
                    draft.notices.push(format!(
                        "`{label}` of `{name}` in data.json is neither 0 (normal) nor 1, and was left out"
                    ));
                    continue;
                }
            };
            for name in names.as_array().ok_or_else(|| wrong(&format!("`{label}` of `{name}` is no list")))? {
                let name = name.as_str().ok_or_else(|| wrong(&format!("{name} is no name")))?;
                match by_name.remove(name) {
                    Some(image) => {
                        draft.images.push(Found {
                            image,
                            split: Some(split),
                            present: present.clone(),
                            ..Found::default()
                        });
                    }
                    None => draft.skip("data.json names them, but there is no such file, or it is named twice"),
                }
            }
        }
    }
    draft.skip_all("data.json does not name them", by_name.len());
    if draft.images.is_empty() {
        return Err(wrong("none of its names is a file in `images`"));
    }
    Ok(draft)
}

/// Slices of BraTS 2021: the mask of `…flair….png` is `…seg….png`, the volume is the patient.
fn brats(top: &Listing, test: &Listing, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::of_anomalies();
    let mut masks: BTreeMap<String, PathBuf> = BTreeMap::new();
    if let Some(folder) = test.folder(&["annotation"])? {
        let files = images_below(&folder, &mut draft.left_out, monitor)?;
        masks.extend(files.into_iter().map(|path| (stem(&path).to_string(), path)));
    }
    let mut without = 0;
    let parts = [
        (top.folder(&["train"])?, Split::Train, false),
        (test.folder(&["normal"])?, Split::Test, false),
        (test.folder(&["tumor"])?, Split::Test, true),
    ];
    for (folder, split, abnormal) in parts {
        let Some(folder) = folder else { continue };
        for image in images_below(&folder, &mut draft.left_out, monitor)? {
            let mask = if abnormal { masks.remove(&stem(&image).replace("flair", "seg")) } else { None };
            without += usize::from(abnormal && mask.is_none());
            draft.images.push(Found {
                split: Some(split),
                patient: patient(stem(&image)),
                masks: FoundMask::whole(mask),
                present: if abnormal { vec![0] } else { Vec::new() },
                image,
                ..Found::default()
            });
        }
    }
    if without > 0 {
        draft.notices.push(format!("{without} abnormal images have no mask of their name"));
    }
    Ok(draft)
}

/// `BraTS2021_00000` of `BraTS2021_00000_flair_60`.
fn patient(stem: &str) -> Option<String> {
    let before = stem.split_once("_flair").map(|(before, _)| before).or_else(|| volume(stem));
    before.filter(|name| !name.is_empty()).map(String::from)
}
