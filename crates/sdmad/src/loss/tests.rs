use super::*;
use Label::{Absent, Present, Unknown};
use sdmad_base::Stream;

fn problem() -> (Vec<Vec<f64>>, Vec<Vec<Label>>, SignSets) {
    let mut stream = Stream::new(1, "loss test");
    let a = (0..5).map(|_| (0..8).map(|_| stream.between(-1.0, 1.0)).collect()).collect();
    let labels = vec![
        vec![Absent, Absent, Absent],
        vec![Present, Absent, Absent],
        vec![Present, Present, Absent],
        vec![Absent, Present, Unknown],
        vec![Unknown, Absent, Present],
    ];
    // Sign 3 is shared by categories 0 and 1; category 2 shares all of its signs with category 1.
    let sets = SignSets::new(vec![vec![0, 1], vec![2, 3], vec![3, 4, 5, 6], vec![5, 6]], 8);
    (a, labels, sets)
}

#[test]
fn gradients_equal_finite_differences() {
    let (a, labels, sets) = problem();
    for inter in [InterLoss::Margin, InterLoss::InfoNce] {
        let settings = LossSettings {
            logit_scale: 5.0,
            inter,
            inter_weight: 0.7,
            margin: 0.5,
            intra_weight: 0.3,
            ..LossSettings::default()
        };
        let result = losses(&a, &labels, &sets, &settings);
        for i in 0..a.len() {
            for s in 0..sets.signs() {
                let moved = |h: f64| {
                    let mut a = a.clone();
                    a[i][s] += h;
                    losses(&a, &labels, &sets, &settings).total
                };
                let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((numeric - result.gradient[i][s]).abs() < 1e-7, "{inter:?} image {i} sign {s}");
            }
        }
    }
}

#[test]
fn a_sign_that_both_share_is_no_evidence_against() {
    let (a, _, sets) = problem();
    let labels = vec![vec![Absent, Present, Absent]; 5];
    let settings = LossSettings { inter_weight: 1.0, ..LossSettings::default() };
    let before = losses(&a, &labels, &sets, &settings).inter;
    let mut moved = a.clone();
    // All signs of category 2 are signs of category 1: only category 0's own sign 2 counts against it.
    for row in &mut moved {
        row[2] -= 0.5;
    }
    assert!(losses(&moved, &labels, &sets, &settings).inter < before);
    let only_shared = vec![vec![Unknown, Present, Absent]; 5];
    assert_eq!(losses(&a, &only_shared, &sets, &settings).inter, 0.0);
}

#[test]
fn unknown_labels_change_nothing() {
    let (a, _, sets) = problem();
    let unknown = vec![vec![Unknown; 3]; 5];
    let result = losses(&a, &unknown, &sets, &LossSettings { intra_weight: 1.0, ..LossSettings::default() });
    assert_eq!(result.total, 0.0);
    assert!(result.gradient.iter().flatten().all(|&g| g == 0.0));
}

#[test]
fn detection_loss_is_class_balanced() {
    let sets = SignSets::new(vec![vec![0], vec![1]], 2);
    let settings = LossSettings { logit_scale: 1.0, inter_weight: 0.0, ..LossSettings::default() };
    // Logit 0 everywhere: balanced cross entropy is ln 2 whatever the counts.
    let a = vec![vec![0.2, 0.2]; 4];
    let labels = vec![vec![Present], vec![Absent], vec![Absent], vec![Absent]];
    assert!((losses(&a, &labels, &sets, &settings).total - 2f64.ln()).abs() < 1e-12);
}
