use rayon::prelude::*;

use crate::bytes::PooledBytes;
use crate::factor::{Left, Right, pack_rows_of, pack_transpose_of, right_length};
use crate::heads::{Heads, Task};
use crate::kernel::{Out, Spread, multiply, vectorised};
use crate::linear::{pack_line, round_to_bf16};
use crate::panels::Panels;
use crate::tile::{Format, GROUP, LINE, TILE, put_bf16, put_row};
use crate::vector::{dot, rough_numerators, softmax, softmax_numerators};
use crate::{InstructionPath, Linear, Matrix, Precision, Sequences, instruction_path};

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mask {
    /// All tokens of its own sequence.
    None,
    /// Its own token and those before it.
    Causal,
}

/// Queries that are taken on at once; the scores of so many rows are in memory at a time.
const QUERY_ROWS: usize = 64;

/// Softmax attention: `query_key_value [rows, 3 width]` to `[rows, width]`.
///
/// A row holds query, key and value one after another, each the heads' parts one after another. Head by head and sequence by sequence,
/// y = softmax(q kᵀ / sqrt(width / heads)) v over the keys that the mask leaves. Rows of padding give zeros.
///
/// With another precision than f32, and instructions for it, what is multiplied is rounded to bf16; softmax is f32 always.
///
/// # Panics
/// When the width is no multiple of 3 `heads`, or the rows are not those of `sequences`.
pub fn attention(
    query_key_value: &Matrix,
    heads: usize,
    mask: Mask,
    sequences: &Sequences,
    precision: Precision,
) -> Matrix {
    let heads = Heads::new(query_key_value, heads, sequences);
    let parts = forward_heads(&heads, mask, precision);
    heads.gathered(&parts, 1)
}

/// As [`attention`], the result packed as the input of the layer `next`.
pub(crate) fn attention_packed(
    query_key_value: &Matrix,
    heads: usize,
    mask: Mask,
    sequences: &Sequences,
    precision: Precision,
    next: &Linear,
) -> Left {
    let (format, round) = (next.input_format(), next.rounds_inputs());
    let heads = Heads::new(query_key_value, heads, sequences);
    let parts = forward_heads(&heads, mask, precision);
    Left::from_groups(format, query_key_value.rows(), heads.width, |first, count, group, scales| {
        let mut row = vec![0.0; heads.width];
        for line in 0..count {
            heads.gather_row(&parts, 1, first + line, &mut row);
            if round {
                round_to_bf16(&mut row);
            }
            pack_line(format, &row, line, group, scales);
        }
    })
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
    precision: Precision,
    dy: &Matrix,
) -> Matrix {
    let heads = Heads::new(query_key_value, heads, sequences);
    heads.gathered(&backward_heads(&heads, mask, precision, dy), 3)
}

/// As [`attention_backward`], the result packed as the output gradient of the layer `before`, which gave queries, keys and values.
pub(crate) fn attention_backward_packed(
    query_key_value: &Matrix,
    heads: usize,
    mask: Mask,
    sequences: &Sequences,
    before: &Linear,
    dy: &Matrix,
) -> Left {
    let heads = Heads::new(query_key_value, heads, sequences);
    let parts = backward_heads(&heads, mask, before.precision(), dy);
    before.gradient_rows(query_key_value.rows(), |row, line| heads.gather_row(&parts, 3, row, line))
}

/// What queries, keys, values and probabilities are rounded to.
fn format_of(precision: Precision) -> Format {
    match precision {
        Precision::F32 => Format::F32,
        // Without products of bf16 there is nothing to gain.
        _ if instruction_path() < InstructionPath::Avx512Bf16Vnni => Format::F32,
        _ => Format::Bf16,
    }
}

fn forward_heads(heads: &Heads<'_>, mask: Mask, precision: Precision) -> Vec<Vec<f32>> {
    let format = format_of(precision);
    heads.tasks.par_iter().map(|task| forward_head(heads, *task, mask, format)).collect()
}

fn backward_heads(heads: &Heads<'_>, mask: Mask, precision: Precision, dy: &Matrix) -> Vec<Vec<f32>> {
    assert_eq!((dy.rows(), dy.columns()), (heads.rows, heads.width), "output gradient of attention");
    let format = format_of(precision);
    heads.tasks.par_iter().map(|task| backward_head(heads, *task, mask, format, dy)).collect()
}

/// A right factor of the scratch of a head.
struct Packed {
    format: Format,
    columns: usize,
    depth: usize,
    bytes: PooledBytes,
}

impl Packed {
    fn room(format: Format, columns: usize, depth: usize) -> Self {
        Packed { format, columns, depth, bytes: PooledBytes::new(right_length(format, columns, depth)) }
    }

    /// Row-major `[depth, columns]`, rows `stride` apart.
    fn rows_of(format: Format, data: &[f32], depth: usize, columns: usize, stride: usize) -> Self {
        let mut packed = Packed::room(format, columns, depth);
        pack_rows_of(format, data, (depth, columns), stride, &mut packed.bytes);
        packed
    }

    /// The transpose of a row-major `[columns, depth]`.
    fn transpose_of(format: Format, data: &[f32], columns: usize, depth: usize, stride: usize) -> Self {
        let mut packed = Packed::room(format, columns, depth);
        pack_transpose_of(format, data, (columns, depth), stride, &mut packed.bytes, &mut []);
        packed
    }

    /// `out [left.rows, columns] = left · self`, on this thread.
    fn multiplied(&self, left: &Left, out: &mut [f32]) {
        let &Packed { format, columns, depth, ref bytes } = self;
        let panels = Panels::Packed(Right { format, columns, depth, bytes });
        multiply(left, panels, Out::Rows(out, columns), Spread::Here, |_| {});
    }
}

fn forward_head(heads: &Heads<'_>, task: Task, mask: Mask, format: Format) -> Vec<f32> {
    let (tokens, head_width, stride) = (task.tokens, heads.head_width, 3 * heads.width);
    if tokens == 0 {
        return Vec::new();
    }
    let keys = Packed::transpose_of(format, heads.part(task, 1), tokens, head_width, stride);
    let values = Packed::rows_of(format, heads.part(task, 2), tokens, head_width, stride);
    let mut y = vec![0.0; tokens * head_width];
    let mut room = vec![0.0; QUERY_ROWS.min(tokens) * tokens];
    for (index, piece) in y.chunks_mut(QUERY_ROWS * head_width).enumerate() {
        let (first, count) = (index * QUERY_ROWS, piece.len() / head_width);
        let queries = Left::rows_of(format, &heads.part(task, 0)[first * stride..], count, head_width, stride);
        let scores = &mut room[..count * tokens];
        keys.multiplied(&queries, scores);
        let mut sums = [0.0; QUERY_ROWS];
        let mut numerators = Left::room(format, count, tokens);
        softmax_packed(format, scores, (tokens, first), mask, heads.scale, &mut numerators.bytes, &mut sums[..count]);
        values.multiplied(&numerators, piece);
        for (line, sum) in piece.chunks_exact_mut(head_width).zip(sums) {
            let factor = 1.0 / sum;
            line.iter_mut().for_each(|y| *y *= factor);
        }
    }
    y
}

/// dq, dk and dv of one head, one after another. Queries are taken on in pieces, whose shares of dk and dv are added in their order.
fn backward_head(heads: &Heads<'_>, task: Task, mask: Mask, format: Format, dy: &Matrix) -> Vec<f32> {
    let (tokens, head_width, width) = (task.tokens, heads.head_width, heads.width);
    let stride = 3 * width;
    if tokens == 0 {
        return Vec::new();
    }
    let dy = &dy.data()[task.first_row * width + task.head * head_width..(task.first_row + tokens) * width];
    let mut gradient = vec![0.0; 3 * tokens * head_width];
    let (dq, rest) = gradient.split_at_mut(tokens * head_width);
    let (dk, dv) = rest.split_at_mut(tokens * head_width);

    let scoring_keys = Packed::transpose_of(format, heads.part(task, 1), tokens, head_width, stride);
    let keys = Packed::rows_of(format, heads.part(task, 1), tokens, head_width, stride);
    let values = Packed::transpose_of(format, heads.part(task, 2), tokens, head_width, stride);
    let room = QUERY_ROWS.min(tokens) * tokens;
    let (mut probabilities, mut ds, mut share) = (vec![0.0; room], vec![0.0; room], vec![0.0; tokens * head_width]);
    for (index, dq) in dq.chunks_mut(QUERY_ROWS * head_width).enumerate() {
        let (first, count) = (index * QUERY_ROWS, dq.len() / head_width);
        let queries = &heads.part(task, 0)[first * stride..];
        let dy = &dy[first * width..];
        let (probabilities, ds) = (&mut probabilities[..count * tokens], &mut ds[..count * tokens]);
        scoring_keys.multiplied(&Left::rows_of(format, queries, count, head_width, stride), probabilities);
        values.multiplied(&Left::rows_of(format, dy, count, head_width, width), ds);
        softmax_backward(probabilities, ds, (tokens, first), mask, heads.scale);
        keys.multiplied(&Left::rows_of(format, ds, count, tokens, tokens), dq);

        let queries = Packed::rows_of(format, queries, count, head_width, stride);
        queries.multiplied(&Left::columns_of(format, ds, tokens, count, tokens), &mut share);
        add_to(dk, &share);
        let dy = Packed::rows_of(format, dy, count, head_width, width);
        dy.multiplied(&Left::columns_of(format, probabilities, tokens, count, tokens), &mut share);
        add_to(dv, &share);
    }
    gradient
}

vectorised! {
    fn add_to(sum: &mut [f32], share: &[f32]) {
        for (sum, share) in sum.iter_mut().zip(share) {
            *sum += share;
        }
    }
}

/// How many keys a query sees.
#[inline(always)]
fn seen(mask: Mask, query: usize, tokens: usize) -> usize {
    match mask {
        Mask::None => tokens,
        Mask::Causal => query + 1,
    }
}

vectorised! {
    /// The numerators of the softmax of queries, over `tokens` keys, packed as a left factor; the sums of their rows, which are the
    /// denominators, apart. `place` is the number of tokens, and the place of the first query among them.
    fn softmax_packed(
        format: Format,
        scores: &mut [f32],
        place: (usize, usize),
        mask: Mask,
        scale: f32,
        numerators: &mut [u8],
        sums: &mut [f32],
    ) {
        let (tokens, first) = place;
        let size = numerators.len() / sums.len().div_ceil(GROUP);
        for (row, (line, sum)) in scores.chunks_exact_mut(tokens).zip(sums).enumerate() {
            let seen = &mut line[..seen(mask, first + row, tokens)];
            let group = &mut numerators[row / GROUP * size..][..size];
            if format == Format::Bf16 {
                let mut lines = group.chunks_exact_mut(TILE).map(|tile| &mut tile[row % GROUP * LINE..][..LINE]);
                *sum = rough_numerators(seen, scale, |line| {
                    if let Some(to) = lines.next() {
                        put_bf16(line, to);
                    }
                });
                lines.for_each(|line| line.fill(0));
            } else {
                *sum = softmax_numerators(seen, scale);
                put_row(format, seen, row % GROUP, group);
            }
        }
    }
}

vectorised! {
    /// Probabilities in place of the scores of some queries, and dS in place of dP. `place` as in [`softmax_packed`].
    fn softmax_backward(scores: &mut [f32], ds: &mut [f32], place: (usize, usize), mask: Mask, scale: f32) {
        let (tokens, first) = place;
        for (row, (ds, p)) in ds.chunks_exact_mut(tokens).zip(scores.chunks_exact_mut(tokens)).enumerate() {
            let (p, hidden) = p.split_at_mut(seen(mask, first + row, tokens));
            softmax(p, scale);
            hidden.fill(0.0);
            let (ds, hidden) = ds.split_at_mut(p.len());
            hidden.fill(0.0);
            let mean = dot(ds, p);
            for (ds, p) in ds.iter_mut().zip(p) {
                *ds = *p * (*ds - mean) * scale;
            }
        }
    }
}
