//! Cholesky and eigenvalues: residuals of random systems, and the corners.

use sdmad_base::{Kind, Stream};
use sdmad_engine::{Cholesky, Matrix64, symmetric_eigen};

fn random(rows: usize, columns: usize) -> Matrix64 {
    let mut stream = Stream::new(3, "dense");
    Matrix64::from_vec(rows, columns, (0..rows * columns).map(|_| stream.normal()).collect())
}

fn largest_difference(a: &Matrix64, b: &Matrix64) -> f64 {
    assert_eq!((a.rows(), a.columns()), (b.rows(), b.columns()));
    a.data().iter().zip(b.data()).fold(0.0, |worst, (a, b)| if (a - b).abs() <= worst { worst } else { (a - b).abs() })
}

#[test]
fn products_match_plain_sums() {
    let (a, b) = (random(7, 5), random(5, 3));
    let plain = |i: usize, j: usize| (0..5).map(|k| a.row(i)[k] * b.row(k)[j]).sum::<f64>();
    let expected = Matrix64::from_vec(7, 3, (0..21).map(|i| plain(i / 3, i % 3)).collect());
    assert!(largest_difference(&a.times(&b), &expected) < 1e-14);
    assert!(largest_difference(&a.times_transposed(&b.transposed()), &expected) < 1e-14);
    assert!(largest_difference(&a.transposed().transposed_times(&b), &expected) < 1e-14);
}

#[test]
fn cholesky_solves() {
    for (n, m) in [(1, 1), (2, 0), (5, 3), (64, 2), (65, 1), (200, 33)] {
        let factor = random(n, n + 3);
        let mut a = factor.times_transposed(&factor);
        a.add_to_diagonal(0.1);
        let b = random(n, m);
        let x = Cholesky::new(a.clone()).unwrap().solve(&b);
        assert!(largest_difference(&a.times(&x), &b) < 1e-9, "{n} equations, {m} right sides");
    }
}

#[test]
fn what_is_not_positive_definite_is_told() {
    let mut a = Matrix64::identity(70);
    a.row_mut(68)[68] = -1.0;
    let error = Cholesky::new(a.clone()).unwrap_err();
    assert_eq!(error.kind(), Kind::BadInput);
    assert!(error.to_string().contains("pivot 69 is -1e0"), "{error}");
    a.row_mut(68)[68] = f64::NAN;
    assert!(Cholesky::new(a).is_err());
}

#[test]
fn eigenvectors_rebuild_the_matrix() {
    for n in [1, 2, 3, 17, 65, 150] {
        let half = random(n, n);
        let mut a = half.clone();
        for (index, x) in half.transposed().data().iter().enumerate() {
            a.data_mut()[index] += x;
        }
        rebuilds(&a);
        // Rank one: all eigenvalues but one are equal.
        let column = random(n, 1);
        rebuilds(&column.times_transposed(&column));
        // Low rank on a scale of its own, as of features of a few shots.
        let mut few = random(n, 1 + n / 9);
        few.data_mut().iter_mut().for_each(|x| *x *= 1e5);
        rebuilds(&few.times_transposed(&few));
    }
    rebuilds(&Matrix64::zeros(4, 4));
    rebuilds(&Matrix64::identity(5));
    let mut far = Matrix64::identity(3);
    far.row_mut(0)[0] = 1e150;
    far.row_mut(2)[2] = 1e-150;
    assert_eq!(symmetric_eigen(&far).unwrap().values, [1e150, 1.0, 1e-150]);
}

fn rebuilds(a: &Matrix64) {
    let n = a.rows();
    let eigen = symmetric_eigen(a).unwrap();
    let scale = a.data().iter().fold(1.0_f64, |s, x| s.max(x.abs())) * n as f64;
    assert!(eigen.values.is_sorted_by(|a, b| a >= b));
    let gram = eigen.vectors.times_transposed(&eigen.vectors);
    assert!(largest_difference(&gram, &Matrix64::identity(n)) < 1e-12, "orthonormal, {n}");
    let mut scaled = eigen.vectors.clone();
    for (row, value) in eigen.values.iter().enumerate() {
        scaled.row_mut(row).iter_mut().for_each(|x| *x *= value);
    }
    assert!(largest_difference(&eigen.vectors.transposed_times(&scaled), a) < 1e-13 * scale, "rebuilt, {n}");
}

#[test]
fn eigenvalues_of_what_is_not_finite_are_refused() {
    let mut a = Matrix64::identity(3);
    a.row_mut(2)[1] = f64::INFINITY;
    let error = symmetric_eigen(&a).unwrap_err();
    assert!(error.to_string().contains("inf in row 2, column 1"), "{error}");
}
