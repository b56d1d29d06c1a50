use std::collections::BTreeSet;

use sdmad_base::{Error, Result, Stream};

use super::support::{Pool, Shortage, Support};
use crate::{Label, Manifest, PatientKey, Split};

/// How many images a method may learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shots {
    /// None: zero-shot.
    Zero,
    /// K normal images and K images for each category.
    Each(usize),
    /// Every train image of which some label is known.
    All,
}

/// What to do when a category has fewer eligible patients than shots are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortSupply {
    /// Stop with an error that names the category and the number.
    Refuse,
    /// Take what there is and record it in [`Support::short`].
    Take,
}

/// How often a draw that ran short only because patients were taken by other categories is drawn anew.
const ATTEMPTS: usize = 64;

/// Draws shots from the train rows.
///
/// At most one image of a patient is taken (rows without patient count as patients of their own); normal images and
/// categories take turns, the one with the fewest eligible patients first; an image with two categories counts for
/// both, so that a category can end up with more than K. An image is eligible for a category that it is known to have,
/// and as normal if every label is known to be absent. Within a category first a patient is drawn, then one of their
/// images. The draw depends on the seed `draw` and the content of the manifest, not on the order of its rows.
///
/// # Errors
/// With [`ShortSupply::Refuse`], when a category has too few eligible train patients: names it and the number.
/// With [`ShortSupply::Take`], only when a category (or normal) has no train image at all.
pub fn draw_shots(manifest: &Manifest, shots: Shots, draw: u64, short_supply: ShortSupply) -> Result<Support> {
    let wanted = match shots {
        Shots::Zero => return Ok(Support::of(manifest, Vec::new())),
        Shots::All => return all(manifest),
        Shots::Each(0) => {
            return Err(Error::bad_input("0 shots of each category: expected at least 1")
                .with_hint("ask for zero-shot instead"));
        }
        Shots::Each(k) => k,
    };
    let mut pools = Pool::all(manifest);
    for pool in &pools {
        let available = pool.patients.len();
        if available == 0 || (available < wanted && short_supply == ShortSupply::Refuse) {
            return Err(too_few(manifest, pool, available, wanted, ""));
        }
    }
    // The sort is stable: normal first, then the manifest's order, among equally rare ones.
    pools.sort_by_key(|p| p.patients.len());

    let mut best: Option<(Vec<usize>, Vec<usize>)> = None;
    for attempt in 0..ATTEMPTS {
        let (rows, missing) = attempt_draw(manifest, &pools, wanted, draw, attempt);
        let total = |missing: &[usize]| missing.iter().sum::<usize>();
        // A category can never have more than its patients; what is missing beyond that can be had by another try.
        let unavoidable: usize = pools.iter().map(|p| wanted.saturating_sub(p.patients.len())).sum();
        let done = total(&missing) <= unavoidable;
        if best.as_ref().is_none_or(|(_, least)| total(&missing) < total(least)) {
            best = Some((rows, missing));
        }
        if done {
            break;
        }
    }
    let (rows, missing) = best.unwrap_or_default();
    let mut support = Support::of(manifest, rows);
    for (pool, &missing) in pools.iter().zip(&missing).filter(|(_, missing)| **missing > 0) {
        let got = wanted - missing;
        if short_supply == ShortSupply::Refuse {
            let why = " that no other category had taken";
            return Err(too_few(manifest, pool, got, wanted, why));
        }
        support.short.push(Shortage { category: pool.id(manifest).to_string(), wanted, got });
    }
    Ok(support)
}

/// One try: the rows drawn, and for each pool how many are missing.
fn attempt_draw(
    manifest: &Manifest,
    pools: &[Pool],
    wanted: usize,
    draw: u64,
    attempt: usize,
) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = Vec::new();
    let mut taken: BTreeSet<PatientKey> = BTreeSet::new();
    let mut missing = Vec::new();
    for pool in pools {
        // A category's stream is its own, so that a further category does not reshuffle the others.
        let mut stream = Stream::new(draw, &format!("shots/{}/{attempt}", pool.id(manifest)));
        let counts = |&row: &usize| match pool.category {
            None => manifest.rows[row].is_normal(),
            Some(c) => manifest.rows[row].labels[c] == Label::Present,
        };
        let mut still = wanted.saturating_sub(rows.iter().copied().filter(|r| counts(r)).count());
        let mut patients: Vec<_> = pool.patients.iter().collect();
        stream.shuffle(&mut patients);
        for (&patient, images) in patients {
            let image = images[stream.below(images.len())];
            if still > 0 && taken.insert(patient) {
                rows.push(image);
                still -= 1;
            }
        }
        missing.push(still);
    }
    (rows, missing)
}

fn all(manifest: &Manifest) -> Result<Support> {
    let known = |row: &crate::Row| row.split == Split::Train && row.labels.iter().any(|&l| l != Label::Unknown);
    let rows: Vec<usize> = manifest.rows.iter().enumerate().filter(|(_, r)| known(r)).map(|(i, _)| i).collect();
    if rows.is_empty() {
        return Err(Error::bad_input(format!("{}: no train row with a known label", manifest.path.display()))
            .with_hint("set `split` to `train` for the images to learn from"));
    }
    // There is but one such draw, so no two can overlap.
    Ok(Support { used_up: Vec::new(), ..Support::of(manifest, rows) })
}

fn too_few(manifest: &Manifest, pool: &Pool, available: usize, wanted: usize, why: &str) -> Error {
    let what = match pool.category {
        None => "normal images".to_string(),
        Some(c) => format!("category `{}`", manifest.categories[c]),
    };
    let patients = if available == 1 { "patient" } else { "patients" };
    let hint = if available == 0 {
        "add train rows of it, or leave the category out of the manifest"
    } else {
        "ask for fewer shots, or take what there is with --short-supply"
    };
    Error::bad_input(format!(
        "{}: {what}: {available} eligible train {patients}{why}, {wanted} shots asked for",
        manifest.path.display()
    ))
    .with_hint(hint)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Row;

    /// Labels as they stand in a manifest: `"1?0"`.
    pub(crate) fn row(image: &str, patient: Option<&str>, labels: &str) -> Row {
        let label = |c| match c {
            '1' => Label::Present,
            '0' => Label::Absent,
            _ => Label::Unknown,
        };
        let (image, patient) = (image.to_string(), patient.map(String::from));
        Row {
            image,
            split: Split::Train,
            patient,
            masks: crate::Masks::None,
            labels: labels.chars().map(label).collect(),
        }
    }

    pub(crate) fn manifest(rows: Vec<Row>) -> Manifest {
        let categories = vec!["common".to_string(), "rare".to_string()];
        Manifest { path: "m.csv".into(), root: ".".into(), sha256: String::new(), categories, rows }
    }

    fn many() -> Vec<Row> {
        let mut rows = Vec::new();
        for i in 0..40 {
            rows.push(row(&format!("n{i}"), Some(&format!("p{}", i / 2)), "00"));
            rows.push(row(&format!("c{i}"), Some(&format!("q{}", i / 2)), "10"));
        }
        for i in 0..8 {
            rows.push(row(&format!("r{i}"), Some(&format!("q{i}")), if i < 2 { "11" } else { "?1" }));
        }
        rows.push(row("u", None, "?0"));
        rows
    }

    fn names(manifest: &Manifest, support: &Support) -> Vec<String> {
        support.rows.iter().map(|&r| manifest.rows[r].image.clone()).collect()
    }

    #[test]
    fn a_draw_gives_each_its_shots_and_no_patient_twice() {
        let manifest = manifest(many());
        for draw in 0..50 {
            let support = draw_shots(&manifest, Shots::Each(4), draw, ShortSupply::Refuse).unwrap();
            assert_eq!(support.normal.len(), 4);
            // An image with both categories counts for both.
            assert!(support.for_category.iter().all(|rows| rows.len() >= 4));
            let both = support.for_category[0].iter().filter(|r| support.for_category[1].contains(r)).count();
            assert_eq!(support.rows.len() + both, 4 + support.for_category.iter().map(Vec::len).sum::<usize>());
            let patients: BTreeSet<_> = support.rows.iter().map(|&r| manifest.rows[r].patient.clone()).collect();
            assert_eq!(patients.len(), support.rows.len());
            assert!(support.short.is_empty());
        }
        // Eight patients have a rare one, twenty are normal, twenty have a common one.
        let support = draw_shots(&manifest, Shots::Each(5), 0, ShortSupply::Refuse).unwrap();
        assert_eq!(support.used_up, ["rare"]);
    }

    #[test]
    fn a_draw_depends_on_seed_and_content_alone() {
        let first = manifest(many());
        let mut rows = many();
        Stream::new(0, "test").shuffle(&mut rows);
        let second = manifest(rows);
        let draw = |m: &Manifest, d| names(m, &draw_shots(m, Shots::Each(4), d, ShortSupply::Refuse).unwrap());
        assert_eq!(draw(&first, 3), draw(&second, 3));
        assert_ne!(draw(&first, 3), draw(&first, 4));
        // Test and validation rows do not matter.
        let mut rows = many();
        let mut test = row("t", Some("q1"), "11");
        test.split = Split::Test;
        rows.push(test);
        assert_eq!(draw(&first, 3), draw(&manifest(rows), 3));
    }

    #[test]
    fn every_image_of_a_patient_and_every_patient_has_its_chance() {
        let manifest = manifest(many());
        let mut counts = std::collections::BTreeMap::new();
        for draw in 0..400 {
            let support = draw_shots(&manifest, Shots::Each(4), draw, ShortSupply::Refuse).unwrap();
            support.normal.iter().for_each(|r| *counts.entry(*r).or_insert(0) += 1);
        }
        // 40 images, 4 of them in each draw.
        assert_eq!(counts.len(), 40);
        assert!(counts.values().all(|&n| (15..70).contains(&n)), "{counts:?}");
    }

    #[test]
    fn short_supply_is_an_error_or_a_record() {
        let manifest = manifest(many());
        let error = draw_shots(&manifest, Shots::Each(16), 0, ShortSupply::Refuse).unwrap_err();
        let expected = "m.csv: category `rare`: 8 eligible train patients, 16 shots asked for";
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().unwrap().contains("--short-supply"));
        let support = draw_shots(&manifest, Shots::Each(16), 0, ShortSupply::Take).unwrap();
        // Rare shots use up eight of the 20 patients with a common one; two of these shots count for both.
        let short = |category: &str, got| Shortage { category: category.into(), wanted: 16, got };
        assert_eq!(support.short, [short("rare", 8), short("common", 14)]);
        assert_eq!((support.for_category[1].len(), support.normal.len()), (8, 16));

        let without = self::manifest(many().into_iter().filter(|r| r.labels[1] != Label::Present).collect());
        let error = draw_shots(&without, Shots::Each(2), 0, ShortSupply::Take).unwrap_err();
        assert!(error.to_string().contains("`rare`: 0 eligible"));
        let abnormal = self::manifest(many().into_iter().filter(|r| !r.is_normal()).collect());
        let error = draw_shots(&abnormal, Shots::Each(2), 0, ShortSupply::Refuse).unwrap_err();
        assert!(error.to_string().contains("normal images: 0 eligible"));
        assert!(draw_shots(&manifest, Shots::Each(0), 0, ShortSupply::Refuse).is_err());
    }

    #[test]
    fn a_patient_wanted_by_two_categories_does_not_stop_a_draw_that_is_possible() {
        // `rare` needs two of a, b, c; `common` needs two of a, d: only b and c may go to `rare`.
        let rows = [("a1", "a", "01"), ("b", "b", "01"), ("c", "c", "01"), ("a2", "a", "10"), ("d", "d", "10")];
        let mut rows: Vec<Row> = rows.iter().map(|&(i, p, l)| row(i, Some(p), l)).collect();
        rows.extend([row("n1", None, "00"), row("n2", None, "00")]);
        for draw in 0..20 {
            assert!(draw_shots(&manifest(rows.clone()), Shots::Each(2), draw, ShortSupply::Refuse).is_ok());
        }
        rows.retain(|r| r.image != "c");
        let error = draw_shots(&manifest(rows), Shots::Each(2), 0, ShortSupply::Refuse).unwrap_err();
        assert!(error.to_string().contains("1 eligible train patient that no other category had taken"), "{error}");
    }

    #[test]
    fn zero_and_all() {
        let manifest = manifest(many());
        assert!(draw_shots(&manifest, Shots::Zero, 0, ShortSupply::Refuse).unwrap().rows.is_empty());
        let all = draw_shots(&manifest, Shots::All, 0, ShortSupply::Refuse).unwrap();
        assert_eq!((all.rows.len(), all.normal.len(), all.for_category[1].len()), (89, 40, 8));
        assert!(all.used_up.is_empty());
        assert!(draw_shots(&self::manifest(vec![row("u", None, "??")]), Shots::All, 0, ShortSupply::Refuse).is_err());
    }
}
