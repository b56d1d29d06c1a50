use rayon::prelude::*;

use crate::kernel::{View, multiply, vectorised};
use crate::packed::Packed;
use crate::vector::{dot, softmax};
use crate::{Matrix, Sequences};

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mask {
    /// All tokens of its own sequence.
    None,
    /// Its own token and those before it.
    Causal,
}

/// Queries that are taken on at once; the probabilities of so many rows are in memory at a time.
const QUERY_ROWS: usize = 48;

/// Softmax attention: `query_key_value [rows, 3 width]` to `[rows, width]`.
///
/// A row holds query, key and value one after another, each the heads' parts one after another. Head by head and sequence by sequence,
/// y = softmax(q kᵀ / sqrt(width / heads)) v over the keys that the mask leaves. Rows of padding give zeros.
///
/// # Panics
/// When the width is no multiple of 3 `heads`, or the rows are not those of `sequences`.
pub fn attention(query_key_value: &Matrix, heads: usize, mask: Mask, sequences: &Sequences) -> Matrix {
    let shape = Shape::new(query_key_value, heads, sequences);
    let parts = shape.tasks(sequences).into_par_iter().map(|task| forward_head(&shape, task, mask)).collect();
    shape.gathered(query_key_value.rows(), shape.width, sequences, parts)
}

/// The adjoint of [`attention`]: `dy [rows, width]` to `[rows, 3 width]`. Probabilities are computed again. Rows of padding give zeros.
///
/// With P the probabilities and dP = dy vᵀ: dv = Pᵀ dy; dS = P * (dP − rowsum(dP * P)) / sqrt(width / heads); dq = dS k; dk = dSᵀ q.
///
/// # Panics
/// As [`attention`], and when `dy` has another shape than its result.
pub fn attention_backward(
    query_key_value: &Matrix,
    heads: usize,
    mask: Mask,
    sequences: &Sequences,
    dy: &Matrix,
) -> Matrix {
    let shape = Shape::new(query_key_value, heads, sequences);
    assert_eq!((dy.rows(), dy.columns()), (query_key_value.rows(), shape.width), "output gradient of attention");
    let parts = shape.tasks(sequences).into_par_iter().map(|task| backward_head(&shape, task, mask, dy)).collect();
    shape.gathered(query_key_value.rows(), 3 * shape.width, sequences, parts)
}

struct Shape<'a> {
    data: &'a [f32],
    heads: usize,
    width: usize,
    head_width: usize,
    scale: f32,
}

/// One head of one sequence.
#[derive(Clone, Copy)]
struct Task {
    first_row: usize,
    tokens: usize,
    head: usize,
}

impl<'a> Shape<'a> {
    fn new(query_key_value: &'a Matrix, heads: usize, sequences: &Sequences) -> Self {
        let columns = query_key_value.columns();
        assert!(heads > 0 && columns.is_multiple_of(3 * heads), "{columns} columns for three times {heads} heads");
        assert_eq!(query_key_value.rows(), sequences.rows(), "rows of the sequences");
        let (width, head_width) = (columns / 3, columns / 3 / heads);
        Shape { data: query_key_value.data(), heads, width, head_width, scale: 1.0 / (head_width as f32).sqrt() }
    }

    fn tasks(&self, sequences: &Sequences) -> Vec<Task> {
        let task = |&(first_row, tokens), head| Task { first_row, tokens, head };
        sequences.spans().iter().flat_map(|span| (0..self.heads).map(move |head| task(span, head))).collect()
    }

    /// Query (0), key (1) or value (2) of a head: the data from its first number on; rows are `3 width` apart.
    fn part(&self, task: Task, which: usize) -> &'a [f32] {
        let end = (task.first_row + task.tokens) * 3 * self.width;
        &self.data[task.first_row * 3 * self.width + which * self.width + task.head * self.head_width..end]
    }

    /// The transposed keys `[head width, tokens]`, as a right factor.
    fn transposed(&self, task: Task, which: usize) -> Packed<f32> {
        Packed::transpose_of(self.part(task, which), task.tokens, self.head_width, 3 * self.width)
    }

    fn packed(&self, task: Task, which: usize) -> Packed<f32> {
        Packed::rows_of(self.part(task, which), task.tokens, self.head_width, 3 * self.width)
    }

    /// Probabilities `[count, tokens]` of the queries from `first` on.
    fn probabilities(&self, task: Task, keys: &Packed<f32>, mask: Mask, first: usize, out: &mut [f32]) {
        let count = out.len() / task.tokens;
        let queries = &self.part(task, 0)[first * 3 * self.width..];
        multiply(View::rows_of(queries, count, self.head_width, 3 * self.width), keys, out, |_, _, _| {});
        softmax_rows(out, task.tokens, first, mask, self.scale);
    }

    /// Puts the results of all tasks, each a list of `[tokens, head width]` blocks, into one matrix.
    fn gathered(&self, rows: usize, columns: usize, sequences: &Sequences, parts: Vec<Vec<f32>>) -> Matrix {
        let mut all = Matrix::zeros(rows, columns);
        for (task, part) in self.tasks(sequences).into_iter().zip(parts) {
            for (index, block) in part.chunks_exact((task.tokens * self.head_width).max(1)).enumerate() {
                let first_column = index * self.width + task.head * self.head_width;
                for (row, numbers) in block.chunks_exact(self.head_width).enumerate() {
                    let line = all.row_mut(task.first_row + row);
                    line[first_column..first_column + self.head_width].copy_from_slice(numbers);
                }
            }
        }
        all
    }
}

fn forward_head(shape: &Shape<'_>, task: Task, mask: Mask) -> Vec<f32> {
    let (tokens, head_width) = (task.tokens, shape.head_width);
    if tokens == 0 {
        return Vec::new();
    }
    let (keys, values) = (shape.transposed(task, 1), shape.packed(task, 2));
    let mut y = vec![0.0; tokens * head_width];
    let mut room = vec![0.0; QUERY_ROWS.min(tokens) * tokens];
    for (index, piece) in y.chunks_mut(QUERY_ROWS * head_width).enumerate() {
        let count = piece.len() / head_width;
        let probabilities = &mut room[..count * tokens];
        shape.probabilities(task, &keys, mask, index * QUERY_ROWS, probabilities);
        multiply(View::rows_of(probabilities, count, tokens, tokens), &values, piece, |_, _, _| {});
    }
    y
}

/// dq, dk and dv of one head, one after another.
fn backward_head(shape: &Shape<'_>, task: Task, mask: Mask, dy: &Matrix) -> Vec<f32> {
    let (tokens, head_width, width) = (task.tokens, shape.head_width, shape.width);
    if tokens == 0 {
        return Vec::new();
    }
    let dy = &dy.data()[task.first_row * width + task.head * head_width..(task.first_row + tokens) * width];
    let mut gradient = vec![0.0; 3 * tokens * head_width];
    let (dq, rest) = gradient.split_at_mut(tokens * head_width);
    let (dk, dv) = rest.split_at_mut(tokens * head_width);

    let keys = shape.transposed(task, 1);
    let mut probabilities = vec![0.0; tokens * tokens];
    for (index, piece) in probabilities.chunks_mut(QUERY_ROWS * tokens).enumerate() {
        shape.probabilities(task, &keys, mask, index * QUERY_ROWS, piece);
    }
    let packed_dy = Packed::rows_of(dy, tokens, head_width, width);
    multiply(View::columns_of(&probabilities, tokens, tokens, tokens), &packed_dy, dv, |_, _, _| {});

    let mut ds = vec![0.0; tokens * tokens];
    let left = View::rows_of(dy, tokens, head_width, width);
    multiply(left, &shape.transposed(task, 2), &mut ds, |_, _, _| {});
    softmax_backward(&probabilities, &mut ds, tokens, shape.scale);
    multiply(View::rows_of(&ds, tokens, tokens, tokens), &shape.packed(task, 1), dq, |_, _, _| {});
    multiply(View::columns_of(&ds, tokens, tokens, tokens), &shape.packed(task, 0), dk, |_, _, _| {});
    gradient
}

vectorised! {
    /// The probabilities of the queries from `first` on, over `tokens` keys, in place of their scores.
    fn softmax_rows(scores: &mut [f32], tokens: usize, first: usize, mask: Mask, scale: f32) {
        for (row, line) in scores.chunks_exact_mut(tokens).enumerate() {
            let seen = match mask {
                Mask::None => tokens,
                Mask::Causal => first + row + 1,
            };
            let (seen, hidden) = line.split_at_mut(seen);
            softmax(seen, scale);
            hidden.fill(0.0);
        }
    }
}

vectorised! {
    /// dS in place of dP, row by row.
    fn softmax_backward(probabilities: &[f32], ds: &mut [f32], tokens: usize, scale: f32) {
        for (ds, p) in ds.chunks_exact_mut(tokens).zip(probabilities.chunks_exact(tokens)) {
            let mean = dot(ds, p);
            for (ds, p) in ds.iter_mut().zip(p) {
                *ds = p * (*ds - mean) * scale;
            }
        }
    }
}
