//! `ROOT/[train|valid|test/]<category>/…`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Monitor, Result};

use super::super::Split;
use super::super::read::snake_case;
use super::draft::{Draft, Found, FoundMask, check_id};
use super::names::{SPLIT_NAMES, is_normal, oct_name, pair_masks, split_of};
use super::tree::{LeftOut, Listing, images_below, stem, unexpected};

const LOOKED_FOR: &str = "one folder for each category, with images in it (`normal`, `good`, `healthy` or `no_finding` for normal images), \
     or such folders below `train`, `valid` and `test`";

/// One folder of a category.
struct Part {
    /// `None`: normal.
    id: Option<String>,
    split: Option<Split>,
    images: Vec<PathBuf>,
}

pub(super) fn draft(root: &Path, monitor: &dyn Monitor) -> Result<Draft> {
    let top = Listing::read(root)?;
    let mut draft = Draft::default();
    let mut parts = Vec::new();
    if top.folders.iter().any(|name| split_of(name).is_some()) {
        refuse_categories_beside_splits(&top, monitor)?;
        for split in Split::ALL {
            if let Some(folder) = top.folder(SPLIT_NAMES[split.index()])? {
                read_categories(&Listing::read(&folder)?, Some(split), &mut parts, &mut draft, monitor)?;
            }
        }
    } else {
        read_categories(&top, None, &mut parts, &mut draft, monitor)?;
    }
    if parts.is_empty() {
        return Err(unexpected("folders", &top, LOOKED_FOR));
    }
    draft.categories = parts.iter().filter_map(|part| part.id.clone()).collect();
    draft.categories.sort_unstable();
    draft.categories.dedup();
    for part in parts {
        let present: Vec<usize> =
            part.id.and_then(|id| draft.categories.iter().position(|c| *c == id)).into_iter().collect();
        for (image, mut masks) in pair_masks(part.images) {
            let patient = oct_name(stem(&image)).map(|(_, patient)| patient.to_string());
            if present.is_empty() {
                masks.clear();
            }
            draft.images.push(Found {
                image,
                split: part.split,
                patient,
                masks: FoundMask::whole(masks),
                present: present.clone(),
                ..Found::default()
            });
        }
    }
    let masks: usize = draft.images.iter().map(|image| image.masks.len()).sum();
    if masks > 0 {
        draft
            .notices
            .push(format!("{masks} files were taken as masks: they are called `…_mask` and lie beside their image"));
    }
    Ok(draft)
}

fn refuse_categories_beside_splits(top: &Listing, monitor: &dyn Monitor) -> Result<()> {
    for name in top.folders.iter().filter(|name| split_of(name).is_none()) {
        if !images_below(&top.path.join(name), &mut LeftOut::default(), monitor)?.is_empty() {
            return Err(Error::bad_input(format!(
                "{} has folders of splits and also `{name}` with images; expected splits only, or categories only",
                top.path.display()
            ))
            .with_hint(format!("move `{name}` into train, valid or test, or away")));
        }
    }
    Ok(())
}

fn read_categories(
    level: &Listing,
    split: Option<Split>,
    parts: &mut Vec<Part>,
    draft: &mut Draft,
    monitor: &dyn Monitor,
) -> Result<()> {
    draft.left_out.add(level);
    let mut seen: BTreeMap<Option<String>, &str> = BTreeMap::new();
    for name in &level.folders {
        let images = images_below(&level.path.join(name), &mut draft.left_out, monitor)?;
        if images.is_empty() {
            draft
                .notices
                .push(format!("the folder {} has no images and was left out", level.path.join(name).display()));
            continue;
        }
        let id = (!is_normal(name)).then(|| snake_case(name));
        if let Some(id) = &id {
            check_id(id).map_err(|e| e.at(level.path.join(name).display()))?;
            let notice = format!("the folder `{name}` became the category `{id}`");
            if id != name && !draft.notices.contains(&notice) {
                draft.notices.push(notice);
            }
        }
        if let Some(first) = seen.insert(id.clone(), name) {
            let id = id.as_deref().unwrap_or("normal");
            return Err(Error::bad_input(format!(
                "{}: the folders `{first}` and `{name}` would both be `{id}`; expected one folder for each category",
                level.path.display()
            ))
            .with_hint("rename one, or put their images together"));
        }
        parts.push(Part { id, split, images });
    }
    if split.is_some() && seen.is_empty() {
        return Err(unexpected("folders", level, "one folder for each category, with images in it"));
    }
    if !level.images.is_empty() {
        draft.notices.push(format!(
            "{} images directly in {} are in no category and were left out",
            level.images.len(),
            level.path.display()
        ));
    }
    Ok(())
}
