//! One class of MVTec AD (Bergmann et al. 2019): `train/good`, `test/{good,<defect>}`, `ground_truth/<defect>`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};

use super::super::Split;
use super::super::read::snake_case;
use super::draft::{Draft, Found, FoundMask, check_id};
use super::names::{SPLIT_NAMES, is_normal};
use super::tree::{Listing, images_below, stem, unexpected};

const LOOKED_FOR: &str = "`train/good`, and `test` with a folder for each defect";

pub(super) fn draft(root: &Path, monitor: &dyn Monitor) -> Result<Draft> {
    let top = Listing::read(root)?;
    if !is_class(&top)? {
        for name in &top.folders {
            if is_class(&Listing::read(&root.join(name))?)? {
                return Err(unexpected("mvtec", &top, LOOKED_FOR)
                    .with_hint(format!("name the folder of one class: {}", root.join(name).display())));
            }
        }
        return Err(unexpected("mvtec", &top, LOOKED_FOR));
    }
    let mut draft = Draft::default();
    let mut defects: BTreeMap<String, String> = BTreeMap::new();
    let mut parts = Vec::new();
    for split in Split::ALL {
        let Some(folder) = top.folder(SPLIT_NAMES[split.index()])? else { continue };
        let level = Listing::read(&folder)?;
        draft.left_out.add(&level);
        for name in &level.folders {
            let folder = folder.join(name);
            let images = images_below(&folder, &mut draft.left_out, monitor)?;
            let id = (!is_normal(name)).then(|| snake_case(name));
            if let Some(id) = &id {
                check_id(id).map_err(|e| e.at(folder.display()))?;
                match defects.insert(id.clone(), name.clone()) {
                    Some(first) if first != *name => {
                        return Err(Error::bad_input(format!(
                            "{}: the folders `{first}` and `{name}` would both be `{id}`",
                            root.display()
                        ))
                        .with_hint("rename one of them"));
                    }
                    None if id != name => {
                        draft.notices.push(format!("the folder `{name}` became the category `{id}`"));
                    }
                    _ => {}
                }
            }
            parts.push((split, name.clone(), id, images));
        }
    }
    draft.categories = defects.into_keys().collect();
    let truth = top.folder(&["ground_truth"])?;
    for (split, name, id, images) in parts {
        let present: Vec<usize> =
            id.and_then(|id| draft.categories.iter().position(|c| *c == id)).into_iter().collect();
        let mut masks = match &truth {
            Some(truth) if !present.is_empty() => read_masks(&truth.join(&name), &mut draft, monitor)?,
            _ => BTreeMap::new(),
        };
        let mut without = 0;
        for image in images {
            let mask = masks.remove(stem(&image));
            without += usize::from(truth.is_some() && !present.is_empty() && mask.is_none());
            draft.images.push(Found {
                image,
                split: Some(split),
                patient: None,
                masks: FoundMask::whole(mask),
                present: present.clone(),
                ..Found::default()
            });
        }
        if without > 0 {
            draft.notices.push(format!("{without} images of `{name}` have no mask"));
        }
    }
    if draft.images.is_empty() {
        return Err(unexpected("mvtec", &top, &format!("images below {LOOKED_FOR}")));
    }
    Ok(draft)
}

fn is_class(top: &Listing) -> Result<bool> {
    let (Some(train), Some(_)) = (top.folder(&["train"])?, top.folder(&["test"])?) else { return Ok(false) };
    Ok(Listing::read(&train)?.folder(&["good"])?.is_some())
}

/// Masks by the name of their image: `000_mask.png` or `000.png` for `000.png`.
fn read_masks(folder: &Path, draft: &mut Draft, monitor: &dyn Monitor) -> Result<BTreeMap<String, PathBuf>> {
    if !folder.is_dir() {
        return Ok(BTreeMap::new());
    }
    let files = images_below(folder, &mut draft.left_out, monitor)?;
    Ok(files.into_iter().map(|path| (stem(&path).trim_end_matches("_mask").to_string(), path)).collect())
}
