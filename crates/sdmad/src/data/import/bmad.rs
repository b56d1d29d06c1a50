//! One set of BMAD (Bao et al. 2024) in the layouts of its authors (with and without masks), of the MVFA repack and of the
//! anomalib archive. Which parts a tree has decides, not its name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};

use super::super::Split;
use super::draft::{ANOMALY, Draft, Found, FoundMask};
use super::names::{SPLIT_NAMES, oct_name, volume};
use super::tree::{Listing, images_below, stem, unexpected};

const LOOKED_FOR: &str = "`train`, `valid` or `test` with `good` and `Ungood` in it";
const GOOD: &[&str] = &["good"];
const UNGOOD: &[&str] = &["Ungood"];
const IMAGES: &[&str] = &["img"];
const MASKS: &[&str] = &["anomaly_mask", "label"];

/// How the names of abnormal files begin in sets that keep their source's classes.
const CLASSES: [&[(&str, &str)]; 2] = [
    &[("CNV-", "cnv"), ("DME-", "dme"), ("DRUSEN-", "drusen")],
    &[("Lung_Opacity_", "lung_opacity"), ("No-Not-Normal_", "no_opacity_not_normal")],
];

/// Words in the folder's name of sets whose files are called `<volume>_<slice>`.
const VOLUMES: [&str; 3] = ["brain", "liver", "resc"];

/// How the names of the chest set begin; the rest is the patient.
const CHEST: [&str; 3] = ["Normal-", "Lung_Opacity_", "No-Not-Normal_"];

pub(super) fn draft(root: &Path, monitor: &dyn Monitor) -> Result<Draft> {
    let mut draft = Draft::default();
    let top = find_set(root, &mut draft)?;
    for split in Split::ALL {
        let Some(folder) = top.folder(SPLIT_NAMES[split.index()])? else { continue };
        let level = Listing::read(&folder)?;
        for (names, abnormal) in [(GOOD, false), (UNGOOD, true)] {
            if let Some(folder) = level.folder(names)? {
                read_part(&folder, split, abnormal, &mut draft, monitor)?;
            }
        }
    }
    if draft.images.is_empty() {
        return Err(unexpected("bmad", &top, &format!("images below {LOOKED_FOR}")));
    }
    name_classes(&mut draft);
    let by_volume = top.path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy().to_lowercase();
        VOLUMES.iter().any(|word| name.contains(word))
    });
    for found in &mut draft.images {
        found.patient = patient(stem(&found.image), by_volume).map(String::from);
    }
    if by_volume && draft.images.iter().all(|found| found.patient.is_some()) {
        draft.notices.push("the part of a file's name before its last `_` was taken as the patient".to_string());
    }
    Ok(draft)
}

/// The folder of the set: `root`, or the one set in it.
fn find_set(root: &Path, draft: &mut Draft) -> Result<Listing> {
    let top = Listing::read(root)?;
    if is_set(&top)? {
        return Ok(top);
    }
    let mut sets = Vec::new();
    for name in &top.folders {
        let below = Listing::read(&root.join(name))?;
        if is_set(&below)? {
            sets.push((name.clone(), below));
        }
    }
    match sets.len() {
        0 => Err(unexpected("bmad", &top, LOOKED_FOR)),
        1 => {
            let (name, set) = sets.swap_remove(0);
            draft.notices.push(format!("the set `{name}` was read"));
            Ok(set)
        }
        n => {
            let names: Vec<&str> = sets.iter().map(|(name, _)| name.as_str()).collect();
            Err(Error::bad_input(format!(
                "{} holds {n} sets: {}; expected the folder of one",
                root.display(),
                names.join(", ")
            ))
            .with_hint(format!("name one: {}", root.join(names[0]).display())))
        }
    }
}

fn is_set(top: &Listing) -> Result<bool> {
    for names in SPLIT_NAMES {
        if let Some(folder) = top.folder(names)? {
            let level = Listing::read(&folder)?;
            if level.folder(GOOD)?.is_some() || level.folder(UNGOOD)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Images of `good` or `Ungood`: in `img` where there is one, else directly; masks have the image's name.
fn read_part(folder: &Path, split: Split, abnormal: bool, draft: &mut Draft, monitor: &dyn Monitor) -> Result<()> {
    let level = Listing::read(folder)?;
    let images = match level.folder(IMAGES)? {
        Some(below) => images_below(&below, &mut draft.left_out, monitor)?,
        None => {
            draft.left_out.add(&level);
            level.image_paths()
        }
    };
    if images.is_empty() {
        draft.notices.push(format!("{} has no images", folder.display()));
    }
    let mut masks: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mask_folder = if abnormal { level.folder(MASKS)? } else { None };
    if let Some(below) = &mask_folder {
        let files = images_below(below, &mut draft.left_out, monitor)?;
        masks.extend(files.into_iter().map(|path| (stem(&path).to_string(), path)));
    }
    let mut without = 0;
    for image in images {
        let mask = masks.remove(stem(&image));
        without += usize::from(mask_folder.is_some() && mask.is_none());
        let present = if abnormal { vec![0] } else { Vec::new() };
        draft.images.push(Found {
            image,
            split: Some(split),
            patient: None,
            masks: FoundMask::whole(mask),
            present,
            ..Found::default()
        });
    }
    if without > 0 {
        draft.notices.push(format!("{without} images in {} have no mask of their name", folder.display()));
    }
    if !masks.is_empty() {
        draft.notices.push(format!("{} masks in {} have no image of their name", masks.len(), folder.display()));
    }
    Ok(())
}

/// Takes the classes from the names of the abnormal files where all have one, else one category `anomaly`.
fn name_classes(draft: &mut Draft) {
    let class_of = |found: &Found, classes: &[(&str, &str)]| {
        classes.iter().position(|(prefix, _)| stem(&found.image).starts_with(prefix))
    };
    let abnormal = draft.images.iter().filter(|found| !found.present.is_empty());
    let total = abnormal.clone().count();
    for classes in CLASSES {
        let named = abnormal.clone().filter(|found| class_of(found, classes).is_some()).count();
        if named == 0 {
            continue;
        }
        if named < total {
            draft.notices.push(format!(
                "{named} of {total} abnormal files are named after a class ({}); all were taken as `{ANOMALY}`",
                classes[0].0.trim_end_matches(['-', '_'])
            ));
            break;
        }
        draft.categories = classes.iter().map(|(_, id)| id.to_string()).collect();
        for found in draft.images.iter_mut().filter(|found| !found.present.is_empty()) {
            found.present = class_of(found, classes).into_iter().collect();
        }
        return;
    }
    if total > 0 {
        draft.categories = vec![ANOMALY.to_string()];
    }
}

fn patient(stem: &str, by_volume: bool) -> Option<&str> {
    if let Some((_, patient)) = oct_name(stem) {
        return Some(patient);
    }
    if by_volume {
        return volume(stem);
    }
    CHEST.iter().find_map(|prefix| stem.strip_prefix(prefix)).filter(|rest| !rest.is_empty())
}
