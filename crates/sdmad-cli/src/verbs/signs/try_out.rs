//! The effect of a new or edited sign at once, without training.

use serde::Serialize;

use sdmad::{ADDED, Looked, Model, NORMAL, Run, SignEdit, image_files};
use sdmad_base::{Error, Monitor, Result};

use crate::args::TryArgs;
use crate::tables::{RESEARCH_USE, markdown_rows, short};
use crate::terminal::Terminal;
use crate::verbs::{features_of_run, open_encoder_of, print_json, print_line, reread, signs_of};

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
    let signs = signs_of(&run)?;
    let edit = edit(args, &run)?;
    let bank = edit.apply(&signs.bank)?;
    let encoder = open_encoder_of(&run, terminal)?;
    let changed = reread(&run, bank, &encoder)?;
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
