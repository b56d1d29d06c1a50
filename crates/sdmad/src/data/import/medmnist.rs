//! A `.npz` file of MedMNIST (Yang et al. 2023): arrays `{train,val,test}_{images,labels}`.

use std::path::Path;

use sdmad_base::{AtomicDir, Error, Monitor, Result};

use super::super::{Label, Manifest, Masks, Row, Split};
use super::draft::{check_id, gaps};
use super::flags::{FLAGS, Flag, Labels, flag_of};
use super::npz::{ArrayReader, Npz};
use super::paths::out_folder;
use super::pixels::{MOST_IMAGES, PixelShape, image_name, write_images};
use super::tree::stem;
use super::{ImportLabels, ImportOptions, ImportSummary, refuse_existing, summary};

/// Label columns, at most.
const MOST_COLUMNS: u64 = 256;
/// What the file calls the splits, in the order of [`Split::ALL`].
const SPLITS: [&str; 3] = ["train", "val", "test"];

pub(super) fn import(file: &Path, options: &ImportOptions, out: &Path, monitor: &dyn Monitor) -> Result<ImportSummary> {
    let mut npz = Npz::open(file)?;
    let flag = flag_of(stem(file));
    let name = format!("{}_images", stem(out));
    let mut meaning = None;
    let mut splits = Vec::with_capacity(3);
    let mut total = 0;
    for split in SPLITS {
        let images = PixelShape::of(&npz.array(&format!("{split}_images"))?)?.images;
        let array = npz.array(&format!("{split}_labels"))?;
        let columns = label_columns(&array, images)?;
        if meaning.is_none() {
            meaning = Some(Meaning::new(file, flag, columns, options)?);
        }
        if let Some(meaning) = &meaning {
            splits.push(read_labels(array, images, columns, meaning)?);
        }
        total += images;
    }
    let Some(meaning) = meaning.filter(|_| total > 0) else {
        return Err(Error::bad_input(format!("{} has no images", file.display())));
    };
    let mut rows = Vec::with_capacity(total);
    for (split, labels) in Split::ALL.into_iter().zip(splits) {
        rows.extend(labels.into_iter().enumerate().map(|(number, labels)| Row {
            image: format!("{name}/{split}/{}", image_name(number)),
            split,
            patient: None,
            masks: Masks::None,
            labels,
        }));
    }
    let manifest = Manifest::new(out, meaning.categories, rows)?;

    let target = out_folder(out)?.join(&name);
    let staging = AtomicDir::create(&target)?;
    monitor.begin("writing images", total);
    for split in Split::ALL {
        let below = staging.path().join(split.name());
        std::fs::create_dir(&below).map_err(|e| Error::io("make", &below, e))?;
        write_images(npz.array(&format!("{}_images", SPLITS[split.index()]))?, &below, monitor)?;
    }
    monitor.end();
    staging.commit()?;
    if let Err(error) = refuse_existing(out).and_then(|()| manifest.write(out)) {
        // Images without a manifest would only stand in the way of the next try.
        let _ = std::fs::remove_dir_all(&target);
        return Err(error);
    }
    let mut notices = vec![format!("{total} images were written into {}", target.display())];
    notices.extend(flag.filter(|_| options.categories.is_none()).and_then(|f| f.notice).map(String::from));
    if let (None, Some((bank, _))) = (&options.categories, flag.and_then(|flag| flag.bank))
        && options.labels.unwrap_or_default() == ImportLabels::Bank
    {
        notices.push(format!("the categories are those of the bank `{bank}`: sdmad train --signs {bank}"));
    }
    notices.extend(gaps(&manifest, false));
    Ok(summary(&manifest, notices))
}

/// Columns of a label array, `[images, columns]` or `[images]`.
fn label_columns(array: &ArrayReader<'_>, images: usize) -> Result<usize> {
    let shape = &array.header.shape;
    let (rows, columns) = match shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => return Err(Error::bad_input(format!("{}: shape {shape:?}; expected [images, labels]", array.place))),
    };
    if rows != images as u64 || rows > MOST_IMAGES {
        return Err(Error::bad_input(format!(
            "{}: {rows} rows; expected one for each of {images} images",
            array.place
        )));
    }
    if !(1..=MOST_COLUMNS).contains(&columns) {
        return Err(Error::bad_input(format!("{}: {columns} columns; expected 1 to {MOST_COLUMNS}", array.place)));
    }
    Ok(columns as usize)
}

/// What the numbers in the label arrays stand for.
struct Meaning {
    categories: Vec<String>,
    /// For a single column: the category of each class, `None` for normal. Empty for one column a category.
    classes: Vec<Option<usize>>,
}

impl Meaning {
    fn new(file: &Path, flag: Option<&Flag>, columns: usize, options: &ImportOptions) -> Result<Self> {
        let place = file.display();
        let labels = flag.map(|flag| flag.labels(options.labels.unwrap_or_default()));
        let ids: Vec<String> = match (&options.categories, labels) {
            (Some(ids), _) => ids.clone(),
            (None, Some(Labels::Classes(ids) | Labels::Findings(ids))) => ids.iter().map(|id| id.to_string()).collect(),
            (None, Some(Labels::NoNormal(ids))) => {
                return Err(Error::bad_input(format!(
                    "{place}: none of its classes is normal by itself; expected --categories"
                ))
                .with_hint(format!(
                    "put `normal` for the class that shall count as normal: --categories {}",
                    ids.join(",")
                )));
            }
            (None, None) => {
                let known: Vec<&str> = FLAGS.iter().map(|flag| flag.name).collect();
                return Err(Error::bad_input(format!(
                    "{place}: the name is none of {}, so its classes are not known",
                    known.join(", ")
                ))
                .with_hint("name the classes in the order of their numbers, as in --categories normal,mass,cyst"));
            }
        };
        let expected = match labels {
            _ if columns > 1 => Some(columns),
            Some(Labels::Classes(known) | Labels::NoNormal(known) | Labels::Findings(known)) => Some(known.len()),
            None => None,
        };
        if expected.is_some_and(|n| n != ids.len()) || ids.len() < 2 {
            return Err(Error::bad_input(format!(
                "{place}: {} categories ({}); expected {}, one for each {}",
                ids.len(),
                ids.join(","),
                expected.map_or("at least 2".to_string(), |n| n.to_string()),
                if columns > 1 { "label column" } else { "class" }
            )));
        }
        if columns > 1 {
            for (number, id) in ids.iter().enumerate() {
                check_id(id)?;
                if ids[..number].contains(id) {
                    return Err(Error::bad_input(format!(
                        "the category `{id}` stands there twice; expected each once"
                    )));
                }
            }
            return Ok(Meaning { categories: ids, classes: Vec::new() });
        }
        if matches!(labels, Some(Labels::Findings(_))) {
            return Err(Error::bad_input(format!("{place}: one label column; expected {}", ids.len())));
        }
        let mut categories: Vec<String> = Vec::new();
        let mut classes = Vec::with_capacity(ids.len());
        for id in ids {
            classes.push(if id == "normal" {
                None
            } else {
                check_id(&id)?;
                let place = categories.iter().position(|c| *c == id);
                Some(place.unwrap_or_else(|| {
                    categories.push(id);
                    categories.len() - 1
                }))
            });
        }
        if categories.is_empty() {
            return Err(Error::bad_input("every class is `normal`; expected at least one category"));
        }
        Ok(Meaning { categories, classes })
    }

    /// The labels of an image; the error says what was expected of which value.
    fn labels(&self, values: &[Option<u64>]) -> std::result::Result<Vec<Label>, String> {
        let shown = |value: Option<u64>| value.map_or("below 0".to_string(), |v| v.to_string());
        if self.classes.is_empty() {
            let label = |value: &Option<u64>| match value {
                Some(0) => Ok(Label::Absent),
                Some(1) => Ok(Label::Present),
                other => Err(format!("label {}; expected 0 or 1", shown(*other))),
            };
            return values.iter().map(label).collect();
        }
        let value = values.first().copied().flatten();
        let class = value.and_then(|v| usize::try_from(v).ok()).and_then(|v| self.classes.get(v));
        let Some(class) = class else {
            return Err(format!("label {}; expected 0 to {}", shown(value), self.classes.len() - 1));
        };
        let mut labels = vec![Label::Absent; self.categories.len()];
        if let Some(category) = class {
            labels[*category] = Label::Present;
        }
        Ok(labels)
    }
}

fn read_labels(
    mut array: ArrayReader<'_>,
    images: usize,
    columns: usize,
    meaning: &Meaning,
) -> Result<Vec<Vec<Label>>> {
    let expected = if meaning.classes.is_empty() { meaning.categories.len() } else { 1 };
    if columns != expected {
        return Err(Error::bad_input(format!("{}: {columns} label columns; expected {expected}", array.place)));
    }
    let number = array.header.number;
    let mut bytes = vec![0; columns * number.bytes];
    let mut rows = Vec::new();
    for image in 0..images {
        array.fill(&mut bytes)?;
        let values: Vec<Option<u64>> = bytes.chunks_exact(number.bytes).map(|b| number.value(b)).collect();
        let labels = meaning.labels(&values).map_err(|why| {
            Error::bad_input(format!("{}, image {image}: {why}", array.place))
                .with_hint("give one id for each class with --categories")
        })?;
        rows.push(labels);
    }
    array.end()?;
    Ok(rows)
}
