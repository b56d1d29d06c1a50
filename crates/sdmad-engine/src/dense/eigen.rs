use sdmad_base::{Error, Result};

use super::Matrix64;
use crate::kernel::vectorised;

/// A = Σ value · vector vectorᵀ.
#[derive(Clone, Debug)]
pub struct SymmetricEigen {
    /// Largest first.
    pub values: Vec<f64>,
    /// `[n, n]`, row i the unit eigenvector of value i; its component of largest magnitude is positive.
    pub vectors: Matrix64,
}

/// Sweeps for one eigenvalue; two suffice as a rule.
const SWEEPS: usize = 60;

/// Eigenvalues and eigenvectors of a symmetric `matrix [n, n]`, of which only the lower triangle is read. About 10 n³ operations.
///
/// Householder reflections to a tridiagonal matrix, then implicit QL with Wilkinson's shift (Golub and Van Loan, *Matrix Computations*, 8.3).
///
/// # Errors
/// When a number is not finite.
///
/// # Panics
/// When the matrix is not square.
pub fn symmetric_eigen(matrix: &Matrix64) -> Result<SymmetricEigen> {
    let n = matrix.rows();
    assert_eq!(matrix.columns(), n, "a matrix with eigenvalues is square");
    for row in 0..n {
        if let Some(column) = matrix.row(row)[..=row].iter().position(|x| !x.is_finite()) {
            let value = matrix.row(row)[column];
            return Err(Error::bad_input(format!(
                "the matrix has {value} in row {row}, column {column}; it must be finite"
            )));
        }
    }
    let mut tridiagonal = Tridiagonal::reduce(matrix);
    tridiagonal.diagonalise()?;
    Ok(tridiagonal.sorted())
}

/// Qᵀ A Q, tridiagonal and at last diagonal.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Below the diagonal; the last is 0.
    below: Vec<f64>,
    /// The largest of their magnitudes.
    norm: f64,
    /// Qᵀ, so that what turns two columns of Q turns two contiguous rows.
    rows: Matrix64,
}

impl Tridiagonal {
    fn reduce(matrix: &Matrix64) -> Self {
        let n = matrix.rows();
        let mut a = matrix.clone();
        for row in 0..n {
            for column in row + 1..n {
                a.row_mut(row)[column] = matrix.row(column)[row];
            }
        }
        // Numbers near the ends of the range would overflow in squares.
        let scale = a.data().iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let scale = if scale > 0.0 { scale } else { 1.0 };
        a.data_mut().iter_mut().for_each(|x| *x /= scale);

        let (mut diagonal, mut below) = (vec![0.0; n], vec![0.0; n]);
        let mut reflections: Vec<(Vec<f64>, f64)> = Vec::with_capacity(n);
        for step in 0..n {
            diagonal[step] = a.row(step)[step];
            if step + 1 == n {
                break;
            }
            // v and β with (1 − β v vᵀ) x = target · e₁, for the x beside the diagonal.
            let mut v = a.row(step)[step + 1..].to_vec();
            let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            let target = if v[0] > 0.0 { -norm } else { norm };
            below[step] = target;
            v[0] -= target;
            let square: f64 = v.iter().map(|x| x * x).sum();
            let beta = if square > 0.0 { 2.0 / square } else { 0.0 };
            let mut product = vec![0.0; v.len()];
            reflect_both_sides(&mut a.data_mut()[(step + 1) * n..], n, step + 1, &v, beta, &mut product);
            reflections.push((v, beta));
        }

        let mut rows = Matrix64::identity(n);
        for (step, (v, beta)) in reflections.iter().enumerate().rev() {
            let first = step + 1;
            reflect_rows(&mut rows.data_mut()[first * n..], n, first, v, *beta);
        }
        diagonal.iter_mut().chain(&mut below).for_each(|x| *x *= scale);
        let norm = diagonal.iter().chain(&below).fold(0.0_f64, |norm, x| norm.max(x.abs()));
        Tridiagonal { diagonal, below, norm, rows }
    }

    fn diagonalise(&mut self) -> Result<()> {
        let n = self.diagonal.len();
        for first in 0..n {
            let mut sweeps = 0;
            loop {
                let last = (first..n).find(|&i| self.is_split_after(i)).unwrap_or(first);
                if last == first {
                    break;
                }
                sweeps += 1;
                if sweeps > SWEEPS {
                    return Err(Error::bad_input(format!("eigenvalue {first} was not found in {SWEEPS} sweeps")));
                }
                self.sweep(first, last);
            }
        }
        Ok(())
    }

    /// Whether the entry below diagonal entry i is negligible: next to its neighbours, or next to the whole matrix, of which the reflections
    /// have lost as much already. Without the latter, the null space of a matrix of low rank never settles.
    fn is_split_after(&self, i: usize) -> bool {
        let Some(next) = self.diagonal.get(i + 1) else { return true };
        self.below[i].abs() <= f64::EPSILON * (self.diagonal[i].abs() + next.abs()).max(self.norm)
    }

    /// One implicit QL sweep over the unreduced part `first..=last`: rotations from its end up to its start.
    fn sweep(&mut self, first: usize, last: usize) {
        let n = self.diagonal.len();
        let (d, e) = (&mut self.diagonal, &mut self.below);
        // The eigenvalue of the leading two by two that is nearer to its first entry.
        let half = (d[first + 1] - d[first]) / (2.0 * e[first]);
        let root = half.hypot(1.0).copysign(half);
        let mut g = d[last] - d[first] + e[first] / (half + root);
        let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
        for i in (first..last).rev() {
            let (f, b) = (sine * e[i], cosine * e[i]);
            let length = f.hypot(g);
            e[i + 1] = length;
            if length == 0.0 {
                // The matrix has split here; what was carried belongs to the entry above.
                d[i + 1] -= shift;
                e[last] = 0.0;
                return;
            }
            (sine, cosine) = (f / length, g / length);
            g = d[i + 1] - shift;
            let r = (d[i] - g) * sine + 2.0 * cosine * b;
            shift = sine * r;
            d[i + 1] = g + shift;
            g = cosine * r - b;
            let (upper, lower) = self.rows.data_mut()[i * n..(i + 2) * n].split_at_mut(n);
            rotate(upper, lower, sine, cosine);
        }
        d[first] -= shift;
        e[first] = g;
        e[last] = 0.0;
    }

    fn sorted(self) -> SymmetricEigen {
        let n = self.diagonal.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| self.diagonal[b].total_cmp(&self.diagonal[a]));
        let mut vectors = Matrix64::zeros(n, n);
        for (to, &from) in order.iter().enumerate() {
            let row = self.rows.row(from);
            let largest = row.iter().fold(0.0_f64, |largest, x| if x.abs() > largest.abs() { *x } else { largest });
            let sign = if largest < 0.0 { -1.0 } else { 1.0 };
            vectors.row_mut(to).iter_mut().zip(row).for_each(|(to, from)| *to = sign * from);
        }
        SymmetricEigen { values: order.iter().map(|&i| self.diagonal[i]).collect(), vectors }
    }
}

vectorised! {
    /// `B − v wᵀ − w vᵀ`, which is (1 − β v vᵀ) B (1 − β v vᵀ), in place on the last columns of `rows`; `w` is room.
    fn reflect_both_sides(rows: &mut [f64], n: usize, first: usize, v: &[f64], beta: f64, w: &mut [f64]) {
        for (product, row) in w.iter_mut().zip(rows.chunks_exact(n)) {
            *product = beta * dot(&row[first..], v);
        }
        let along = 0.5 * beta * dot(w, v);
        for (w, v) in w.iter_mut().zip(v) {
            *w -= along * v;
        }
        for (index, row) in rows.chunks_exact_mut(n).enumerate() {
            let (v_here, w_here) = (v[index], w[index]);
            for ((x, v), w) in row[first..].iter_mut().zip(v).zip(w.iter()) {
                *x -= v_here * w + w_here * v;
            }
        }
    }
}

vectorised! {
    /// Every row times (1 − β v vᵀ), from column `first` on.
    fn reflect_rows(rows: &mut [f64], n: usize, first: usize, v: &[f64], beta: f64) {
        for row in rows.chunks_exact_mut(n) {
            let row = &mut row[first..];
            let along = beta * dot(row, v);
            for (x, v) in row.iter_mut().zip(v) {
                *x -= along * v;
            }
        }
    }
}

vectorised! {
    fn rotate(upper: &mut [f64], lower: &mut [f64], sine: f64, cosine: f64) {
        for (a, b) in upper.iter_mut().zip(lower) {
            (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
        }
    }
}

/// The sum of products, in eight partial sums.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum::<f64>();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f64>() + rest
}
