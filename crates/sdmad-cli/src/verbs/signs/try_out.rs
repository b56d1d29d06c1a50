//! The effect of a new or edited sign at once, without training.

use serde::Serialize;

use sdmad::{ADDED, ChosenAlignment, Looked, Model, NORMAL, Run, SignEdit, image_files, with_signs};
use sdmad_base::{Error, Monitor, Result};

use crate::args::TryArgs;
use crate::tables::{RESEARCH_USE, markdown_rows, short};
use crate::terminal::Terminal;
use crate::verbs::{features_of_run, open_encoder, print_json, print_line};

#[derive(Serialize)]
struct Effect {
    image: String,
    /// a(x, s), in the units of predictions: about 1 where the image looks like the sign's category by the shots, and what its words add.
    similarity: f64,
    categories: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    category: String,
    before: f64,
    after: f64,
}

pub(super) fn run(args: &TryArgs, terminal: &Terminal) -> Result<()> {
    let run = Run::open(&args.run)?;
    let (Some(signs), Some(record)) = (&run.model.signs, &run.config.encoder) else {
        return Err(Error::bad_input(format!("the run {} has no signs", run.folder.display()))
            .with_hint("only runs of --method sdmad read signs"));
    };
    let edit = edit(args, &run)?;
    let bank = edit.apply(&signs.bank)?;
    let encoder = open_encoder(&record.name, record.precision, terminal)?;
    run.check_image_tower(encoder.image_tower())?;
    let alignment = ChosenAlignment::of(&run.config.settings.alignment, &signs.bank.modality, &encoder)?;
    if let (Some(known), Some(found)) = (&run.config.alignment, &alignment)
        && known.sha256 != found.sha256
    {
        return Err(Error::bad_input(format!(
            "the alignment {} has SHA-256 {}; the run was trained with {}",
            found.source, found.sha256, known.sha256
        ))
        .with_hint("train the run again with this version, or name the alignment that it was trained with"));
    }
    let changed = Run { model: with_signs(&run, bank, &encoder, alignment.as_ref())?, ..run.clone() };
    let place = place_of(&changed.model, &edit)?;
    let extractor = features_of_run(encoder.image_tower(), &run)?;
    let mut effects = Vec::new();
    for file in image_files(&args.images)? {
        terminal.check()?;
        let before = Looked::at(&run, &extractor, &file, false)?;
        let after = Looked::at(&changed, &extractor, &file, false)?;
        let change = |(c, id): (usize, &String)| Change {
            category: id.clone(),
            before: before.scores.outputs.probability[c],
            after: after.scores.outputs.probability[c],
        };
        effects.push(Effect {
            image: file.display().to_string(),
            similarity: after.scores.similarities[place],
            categories: run.config.categories.iter().enumerate().map(change).collect(),
        });
    }
    if args.json {
        return print_json(&effects);
    }
    print_line(&table(&effects, &run))
}

/// A new sign of the category that was named, or other words for a sign.
fn edit(args: &TryArgs, run: &Run) -> Result<SignEdit> {
    let text = args.text.clone();
    match (&args.category, &args.instead_of) {
        (Some(category), None) => Ok(SignEdit::Added { text, category: category.clone() }),
        (None, Some(sign)) => Ok(SignEdit::Reworded { sign: sign.clone(), text }),
        _ => Err(Error::bad_input("what are the words for? expected --category or --instead-of").with_hint(format!(
            "--category with {NORMAL} or one of {}, for a new sign; --instead-of with the id of a sign, for other words",
            run.config.categories.join(", ")
        ))),
    }
}

fn place_of(model: &Model, edit: &SignEdit) -> Result<usize> {
    let id = match edit {
        SignEdit::Added { .. } => ADDED,
        SignEdit::Reworded { sign, .. } => sign,
    };
    let found = model.signs.as_ref().and_then(|s| s.bank.sign_index(id));
    found.ok_or_else(|| Error::bad_input(format!("the bank has no sign `{id}`")))
}

fn table(effects: &[Effect], run: &Run) -> String {
    let mut rows = vec![vec!["image".to_string(), "the sign's similarity".to_string()]];
    rows[0].extend(run.config.categories.iter().map(|c| format!("probability of {c}")));
    for effect in effects {
        let mut row = vec![effect.image.clone(), format!("{:+.2}", effect.similarity)];
        row.extend(
            effect
                .categories
                .iter()
                .map(|c| format!("{} → {} ({:+.3})", short(c.before), short(c.after), c.after - c.before)),
        );
        rows.push(row);
    }
    let words = if run.config.alignment.is_some() {
        ""
    } else {
        "\nThe run reads no words (no alignment): what a sign says changes no category's score."
    };
    format!(
        "{}{words}\nNothing was trained: calibration and D are those of the run's own signs.\n{RESEARCH_USE}",
        markdown_rows(&rows)
    )
}
