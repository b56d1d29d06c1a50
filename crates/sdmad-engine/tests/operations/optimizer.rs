//! AdamW against its equations in f64.

use crate::reference::random;
use sdmad_engine::{AdamW, Matrix, cosine_decay};

#[test]
fn steps_match_the_equations() {
    let (mut a, mut b) = (random("a", 3, 4, 1.0), random("b", 1, 2, 1.0));
    let mut optimizer = AdamW::new(0.01, 0.1);
    let mut plain: Vec<f64> = a.data().iter().chain(b.data()).map(|&x| f64::from(x)).collect();
    let (mut m, mut v) = (vec![0.0; plain.len()], vec![0.0; plain.len()]);
    for step in 0..20 {
        let schedule = cosine_decay(step, 20);
        let (ga, gb) = (random(&format!("ga {step}"), 3, 4, 1.0), random(&format!("gb {step}"), 1, 2, 1e-3));
        optimizer.step(&mut [(&mut a, &ga), (&mut b, &gb)], schedule);
        let rate = f64::from(0.01_f32) * f64::from(schedule);
        for (i, g) in ga.data().iter().chain(gb.data()).map(|&g| f64::from(g)).enumerate() {
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            let (m_hat, v_hat) =
                (m[i] / (1.0 - 0.9_f64.powi(step as i32 + 1)), v[i] / (1.0 - 0.999_f64.powi(step as i32 + 1)));
            plain[i] -= rate * (f64::from(0.1_f32) * plain[i] + m_hat / (v_hat.sqrt() + 1e-8));
        }
    }
    for (found, expected) in a.data().iter().chain(b.data()).zip(plain) {
        assert!((f64::from(*found) - expected).abs() < 2e-6, "{found}, not {expected}");
    }
}

#[test]
fn the_schedule_falls_from_one_to_nothing() {
    assert_eq!(cosine_decay(0, 10), 1.0);
    assert_eq!(cosine_decay(5, 10), 0.5);
    assert_eq!(cosine_decay(10, 10), 0.0);
    assert_eq!(cosine_decay(11, 10), 0.0);
    assert_eq!(cosine_decay(0, 0), 0.0);
    assert!((0..10).all(|step| cosine_decay(step, 10) > cosine_decay(step + 1, 10)));
}

#[test]
#[should_panic(expected = "tensors of an optimiser")]
fn other_tensors_are_refused() {
    let (mut a, g) = (Matrix::zeros(1, 2), Matrix::zeros(1, 2));
    let mut optimizer = AdamW::new(0.01, 0.0);
    optimizer.step(&mut [(&mut a, &g)], 1.0);
    let (mut a, g) = (Matrix::zeros(1, 3), Matrix::zeros(1, 3));
    optimizer.step(&mut [(&mut a, &g)], 1.0);
}
