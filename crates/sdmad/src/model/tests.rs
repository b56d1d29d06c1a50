use super::*;
use crate::Label;

/// A linear probe of which nothing was calibrated.
fn probe(categories: &[&str], bridge: Bridge, form: ProbeForm, coexistence: Coexistence) -> Model {
    Model {
        method: Method::LinearProbe,
        categories: categories.iter().map(|c| c.to_string()).collect(),
        bridge,
        signs: None,
        baseline: None,
        probe: Some(form),
        coexistence,
        calibration: Calibration::unfitted(categories.len(), &Default::default()),
        normal_calibration: Calibration::unfitted(1, &Default::default()),
        maps: None,
        without_fold: Vec::new(),
        coverage: crate::DEFAULT_COVERAGE,
        prevalence: BTreeMap::new(),
    }
}

#[test]
fn a_method_is_called_the_same_everywhere() {
    for method in Method::ALL {
        assert_eq!(serde_json::to_value(method).unwrap(), method.name());
    }
}

#[test]
fn logits_say_what_follows_from_them_and_scores_of_unit_spread_what_they_did() {
    let of = |form, coexistence| {
        let bridge = Bridge { weights: vec![vec![0.0]; 3], bias: vec![0.5, 1.0, -2.0] };
        probe(&["a", "b"], bridge, form, coexistence)
    };
    let d = |probe, coexistence| of(probe, coexistence).score(&[0.0], &[]).outputs.detection;
    let any = (1f64.exp() + (-2f64).exp()).ln() - 0.5;
    assert!((d(ProbeForm::Multinomial, Coexistence::Exclusive) - any).abs() < 1e-12);
    assert_eq!(d(ProbeForm::Multinomial, Coexistence::MultiLabel), -0.5);
    assert_eq!(d(ProbeForm::OneAgainstRest, Coexistence::Exclusive), -0.5);
    // d is then the log-odds of "none of the categories" turned round.
    let outputs = of(ProbeForm::Multinomial, Coexistence::Exclusive).score(&[0.0], &[]).outputs;
    let present: f64 = outputs.among_all.iter().map(|r| r.exp()).sum();
    assert!((outputs.detection - (present / (1.0 - present)).ln()).abs() < 1e-12);
}

#[test]
fn a_stated_prevalence_is_checked_and_said_once() {
    let fitted = || {
        let labels: Vec<Vec<Label>> =
            (0..8).map(|i| vec![if i > 3 { Label::Present } else { Label::Absent }]).collect();
        let scores: Vec<Vec<f64>> = [0.0, 1.0, 0.5, 2.0, 1.5, 2.5, 3.0, 2.2].map(|s| vec![s]).to_vec();
        Calibration::fit(&scores, &labels, &Default::default()).unwrap()
    };
    let bridge = Bridge { weights: vec![vec![1.0]; 2], bias: vec![0.0; 2] };
    let mut model = probe(&["a"], bridge, ProbeForm::OneAgainstRest, Coexistence::MultiLabel);
    assert!(model.state_prevalence("a", 0.05).unwrap_err().to_string().contains("were not fitted"));
    (model.calibration, model.normal_calibration) = (fitted(), fitted());
    let before = model.score(&[1.2], &[]);
    model.state_prevalence("a", 0.05).unwrap();
    let after = model.score(&[1.2], &[]);
    assert!(after.outputs.probability[0] < before.outputs.probability[0]);
    assert_eq!(after.normal_probability, before.normal_probability);
    assert_eq!(
        (&after.outputs.answers, &after.outputs.among_all),
        (&before.outputs.answers, &before.outputs.among_all)
    );
    assert!(model.state_prevalence(NORMAL, 1.0).unwrap_err().to_string().contains("prevalence 1"));
    model.state_prevalence(NORMAL, 0.9).unwrap();
    assert!(model.score(&[1.2], &[]).normal_probability > before.normal_probability);
    for (id, share, part) in [("a", 0.1, "twice"), ("b", 0.1, "no such category")] {
        let error = model.state_prevalence(id, share).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn exclusive_scores_are_log_probabilities() {
    let r = among_all(&[0.1, 0.7, -0.3], Coexistence::Exclusive);
    let normal = among_all(&[0.7, 0.1, -0.3], Coexistence::Exclusive)[0];
    assert!((r.iter().map(|x| x.exp()).sum::<f64>() + normal.exp() - 1.0).abs() < 1e-12);
    assert_eq!(among_all(&[0.1, 0.7, -0.3], Coexistence::MultiLabel), [0.7, -0.3]);
}

#[test]
fn words_are_centred_in_columns_and_count_in_detection_by_their_share() {
    let (shots, words) = ([0.4, 1.0, -1.0], [-0.9, 0.3, 0.6]);
    let (columns, detection) = joined(&shots, &words, 0.5);
    assert!(columns.iter().zip([-0.5, 1.3, -0.4]).all(|(c, e)| (c - e).abs() < 1e-12), "{columns:?}");
    // The best rival is not the best of the shots.
    assert!((detection - (-0.4 + 0.5 * (0.6 + 0.9))).abs() < 1e-12);
    assert_eq!(joined(&shots, &[0.0; 3], 0.5), (shots.to_vec(), -0.4));
}
