use sdmad_base::{Error, Result};

use crate::bytes::{AlignedBytes, PackedBytes};
use crate::factor::{Left, Right, pack_transpose_of, right_length};
use crate::kernel::{Arithmetic, Block, Out, Spread, multiplied, multiplied_into, multiply, vectorised};
use crate::panels::{PANEL, Panels};
use crate::tile::{Format, GROUP, Steps, bf16_bits, bf16_number, put_row};
use crate::{Matrix, instruction_path};

/// How the numbers of a frozen weight are stored, and what its inputs are rounded to. Sums of f32 and bf16 are f32, of int8 exact integers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
    /// The upper half of it: 8 bits of precision, the same range. Weights and inputs are rounded to nearest, ties to even. On AMX and
    /// `vdpbf16ps`, numbers below 1.2e-38 count as zero.
    Bf16,
    /// Weights are integers from -127 to 127, with a scale for each output; inputs from 0 to 255, with a scale and a zero for each row, found
    /// when it comes.
    /// A row with a number that is not finite gives NaN. The adjoint takes gradients in bf16; integers are exact in it.
    Int8,
}

/// Number of the layout of packed bytes, for those who keep them: it grows when [`Linear::packed`] gives others for the same weight.
pub const PACKED_LAYOUT: u32 = 1;

/// A frozen linear layer, `y = x Wᵀ + b`, its weight packed once.
#[derive(Clone, Debug)]
pub struct Linear {
    input: usize,
    output: usize,
    precision: Precision,
    /// The right factor. For int8 there follow, each for the outputs rounded up to 16, the scales (f32), and 128 times the sums of the
    /// integers (i32), by which products with inputs whose zero is another integer are set right.
    weight: PackedBytes,
    bias: Option<Vec<f32>>,
}

/// Deepest input of an int8 layer: its sums of products of at most 255 and 127 must not leave i32.
const DEEPEST: usize = 1 << 16;

/// What stored sums of integers are multiples of: of the first inputs, all had 128 added.
const SUM_UNIT: i32 = 128;

impl Linear {
    /// Packs a weight `[output, input]`; the bias has `output` numbers.
    ///
    /// # Panics
    /// When the bias has another length; when an int8 weight has more than 65,536 inputs.
    pub fn new(weight: Matrix, bias: Option<Vec<f32>>, precision: Precision) -> Self {
        let (output, input) = (weight.rows(), weight.columns());
        let mut bytes = AlignedBytes::zeroed(Linear::packed_length(output, input, precision));
        let groups = right_length(precision.format(), output, input);
        let (groups, rest) = bytes.split_at_mut(groups);
        let mut scales = vec![0.0; output];
        pack_transpose_of(precision.format(), weight.data(), (output, input), input, groups, &mut scales);
        if precision == Precision::Int8 {
            let (to_scales, to_sums) = rest.split_at_mut(rest.len() / 2);
            for (to, scale) in to_scales.as_chunks_mut::<4>().0.iter_mut().zip(&scales) {
                *to = scale.to_le_bytes();
            }
            let sums = groups.chunks_exact((groups.len() / output.div_ceil(GROUP).max(1)).max(1)).flat_map(column_sums);
            for (to, sum) in to_sums.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
                *to = (SUM_UNIT * sum).to_le_bytes();
            }
        }
        Linear::checked(output, input, bias, precision, bytes.into())
    }

    /// A layer of `packed` bytes, which [`Linear::packed`] gave for a weight `[output, input]` of this precision.
    ///
    /// Only their number is checked: bytes of something else give some other weight.
    ///
    /// # Errors
    /// When there are more or fewer bytes than [`Linear::packed_length`] says.
    ///
    /// # Panics
    /// As [`Linear::new`].
    pub fn from_packed(
        output: usize,
        input: usize,
        bias: Option<Vec<f32>>,
        precision: Precision,
        packed: PackedBytes,
    ) -> Result<Self> {
        let (found, expected) = (packed.as_slice().len(), Linear::packed_length(output, input, precision));
        if found != expected {
            return Err(Error::bad_input(format!(
                "{found} packed bytes of a {precision:?} weight [{output}, {input}]; expected {expected}"
            )));
        }
        Ok(Linear::checked(output, input, bias, precision, packed))
    }

    fn checked(output: usize, input: usize, bias: Option<Vec<f32>>, precision: Precision, weight: PackedBytes) -> Self {
        assert!(precision != Precision::Int8 || input <= DEEPEST, "an int8 layer of {input} inputs");
        if let Some(bias) = &bias {
            assert_eq!(bias.len(), output, "bias of a linear layer [{output}, {input}]");
        }
        Linear { input, output, precision, weight, bias }
    }

    /// Bytes of a packed weight `[output, input]`. They are the same on every machine and instruction path.
    pub fn packed_length(output: usize, input: usize, precision: Precision) -> usize {
        let extra = if precision == Precision::Int8 { 2 * 4 * output.next_multiple_of(GROUP) } else { 0 };
        right_length(precision.format(), output, input) + extra
    }

    /// The packed weight, without the bias.
    pub fn packed(&self) -> &PackedBytes {
        &self.weight
    }

    /// How the weight is stored.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Numbers that a row of the input has.
    pub fn input_width(&self) -> usize {
        self.input
    }

    /// Numbers that a row of the output has.
    pub fn output_width(&self) -> usize {
        self.output
    }

    /// `x [rows, input]` to `x Wᵀ + b [rows, output]`.
    pub fn forward(&self, x: &Matrix) -> Matrix {
        self.forward_then(&self.input_of(x), |_| {})
    }

    /// The adjoint: `dy [rows, output]` to `dy W [rows, input]`. The weight is frozen and has no gradient.
    pub fn backward(&self, dy: &Matrix) -> Matrix {
        self.backward_then(&self.gradient_of(dy), |_| {})
    }

    /// The format that an input must be packed in for [`Linear::forward_then`].
    pub(crate) fn input_format(&self) -> Format {
        Arithmetic::of(instruction_path(), self.precision.format()).left()
    }

    /// Whether an input is to be rounded to bf16 although it is packed as f32: on a path without products of bf16.
    pub(crate) fn rounds_inputs(&self) -> bool {
        self.precision == Precision::Bf16 && self.input_format() == Format::F32
    }

    /// An input, packed.
    pub(crate) fn input_of(&self, x: &Matrix) -> Left {
        assert_eq!(x.columns(), self.input, "input of a linear layer");
        pack_rounded(self.input_format(), self.precision, x)
    }

    /// As [`Linear::forward`]; `finish` may change each block of the output while it is in the cache.
    pub(crate) fn forward_then(&self, x: &Left, finish: impl Fn(&mut Block<'_>) + Sync) -> Matrix {
        let finish = |block: &mut Block<'_>| self.finished(x, block, &finish);
        let y = multiplied(x, Panels::Packed(self.right()), Spread::Pool, finish);
        Matrix::from_vec(x.rows, self.output, y)
    }

    /// As [`Linear::forward_then`], written as the input of the layer `next`.
    pub(crate) fn forward_into(&self, x: &Left, next: &Linear, finish: impl Fn(&mut Block<'_>) + Sync) -> Left {
        let (mut y, round) = (Left::room(next.waiting_format(), x.rows, self.output), next.rounds_inputs());
        self.forward_to(x, &mut y, |block| {
            finish(block);
            if round {
                round_to_bf16(block.numbers);
            }
        });
        next.input_from(y)
    }

    /// As [`Linear::forward`], and as the input of the layer `next` what `change` makes of it.
    pub(crate) fn forward_and_into(
        &self,
        x: &Left,
        next: &Linear,
        change: impl Fn(&mut Block<'_>) + Sync,
    ) -> (Matrix, Left) {
        let (mut to, round) = (Left::room(next.waiting_format(), x.rows, self.output), next.rounds_inputs());
        let finish = |block: &mut Block<'_>| self.finished(x, block, |_| {});
        let change = |block: &mut Block<'_>| {
            change(block);
            if round {
                round_to_bf16(block.numbers);
            }
        };
        let y = multiplied_into(x, Panels::Packed(self.right()), &mut to, finish, &change);
        (Matrix::from_vec(x.rows, self.output, y), next.input_from(to))
    }

    /// The format that an input is written in piece by piece. The scale of a row of int8 is known at its end: until then it is kept in
    /// bf16, whose error is a tenth of that of integers.
    fn waiting_format(&self) -> Format {
        match self.input_format() {
            Format::Int8 => Format::Bf16,
            format => format,
        }
    }

    /// An input that was written in [`Linear::waiting_format`].
    fn input_from(&self, written: Left) -> Left {
        match self.input_format() {
            Format::Int8 => written.to_int8(),
            _ => written,
        }
    }

    fn forward_to(&self, x: &Left, y: &mut Left, finish: impl Fn(&mut Block<'_>) + Sync) {
        let finish = |block: &mut Block<'_>| self.finished(x, block, &finish);
        multiply(x, Panels::Packed(self.right()), Out::Left(y), Spread::Pool, finish);
    }

    /// A block of sums to numbers of the output.
    fn finished(&self, x: &Left, block: &mut Block<'_>, finish: impl Fn(&mut Block<'_>)) {
        if self.precision == Precision::Int8 {
            self.to_numbers(&x.scales, block);
        }
        if let Some(bias) = &self.bias {
            add_bias(block.numbers, &bias[block.first_column..][..block.width]);
        }
        finish(block);
    }

    /// The adjoint of a packed gradient, which [`Linear::gradient_of`] or [`Linear::backward_into`] made for this layer.
    pub(crate) fn backward_then(&self, dy: &Left, finish: impl Fn(&mut Block<'_>) + Sync) -> Matrix {
        let dx = multiplied(dy, Panels::Transposed(self.right()), Spread::Pool, finish);
        Matrix::from_vec(dy.rows, self.input, dx)
    }

    /// As [`Linear::backward_then`], written as the output gradient of the layer `next`.
    pub(crate) fn backward_into(&self, dy: &Left, next: &Linear, finish: impl Fn(&mut Block<'_>) + Sync) -> Left {
        let mut dx = Left::room(next.gradient_format(), dy.rows, self.input);
        let panels = Panels::Transposed(self.right());
        multiply(dy, panels, Out::Left(&mut dx), Spread::Pool, |block| {
            finish(block);
            let first = block.first_column;
            for (_, line) in block.lines() {
                next.prepare_gradient(first, line);
            }
        });
        dx
    }

    /// The format that an output gradient must be packed in.
    pub(crate) fn gradient_format(&self) -> Format {
        Arithmetic::of(instruction_path(), Panels::Transposed(self.right()).format()).left()
    }

    /// An output gradient, packed.
    pub(crate) fn gradient_of(&self, dy: &Matrix) -> Left {
        assert_eq!(dy.columns(), self.output, "output gradient of a linear layer");
        self.gradient_rows(dy.rows(), |row, line| line.copy_from_slice(dy.row(row)))
    }

    /// An output gradient, packed from rows that `fill(row, numbers)` gives.
    pub(crate) fn gradient_rows(&self, rows: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Left {
        let format = self.gradient_format();
        Left::from_groups(format, rows, self.output, |first, count, group, _| {
            let mut row = vec![0.0; self.output];
            for line in 0..count {
                fill(first + line, &mut row);
                self.prepare_gradient(0, &mut row);
                pack_line(format, &row, line, group, &mut []);
            }
        })
    }

    /// What is done to columns `first ..` of an output gradient before it is packed: with int8, dy W = (dy * scales) integers; and rounding to bf16
    /// where packing does not round.
    fn prepare_gradient(&self, first: usize, numbers: &mut [f32]) {
        if self.precision == Precision::Int8 {
            let scales = &self.extra(0)[first..][..numbers.len()];
            numbers.iter_mut().zip(scales).for_each(|(d, scale)| *d *= f32::from_le_bytes(*scale));
        }
        if self.precision != Precision::F32 && self.gradient_format() == Format::F32 {
            round_to_bf16(numbers);
        }
    }

    fn right(&self) -> Right<'_> {
        let format = self.precision.format();
        let bytes = &self.weight.as_slice()[..right_length(format, self.output, self.input)];
        Right { format, columns: self.output, depth: self.input, bytes }
    }

    /// Scales (0) or sums (1) of an int8 weight.
    fn extra(&self, which: usize) -> &[[u8; 4]] {
        let rest = &self.weight.as_slice()[right_length(Format::Int8, self.output, self.input)..];
        &rest[which * rest.len() / 2..][..rest.len() / 2].as_chunks().0[..self.output]
    }

    /// Sums of integers to numbers.
    fn to_numbers(&self, row_scales: &[Steps], block: &mut Block<'_>) {
        let columns = block.first_column..block.first_column + block.width;
        let (scales, sums) = (&self.extra(0)[columns.clone()], &self.extra(1)[columns]);
        dequantise(block.numbers, &row_scales[block.first_row..][..block.rows], scales, sums);
    }
}

impl Precision {
    pub(crate) fn format(self) -> Format {
        match self {
            Precision::F32 => Format::F32,
            Precision::Bf16 => Format::Bf16,
            Precision::Int8 => Format::Int8,
        }
    }
}

/// A left factor of these rows, rounded as the precision says whatever the format is.
fn pack_rounded(format: Format, precision: Precision, x: &Matrix) -> Left {
    let mut left = Left::rows_of(format, x.data(), x.rows(), x.columns(), x.columns());
    if format == Format::F32 && precision == Precision::Bf16 {
        round_bytes_to_bf16(&mut left.bytes);
    }
    left
}

/// Sums of the integers of each column of an int8 group.
fn column_sums(group: &[u8]) -> [i32; GROUP] {
    let mut sums = [0; GROUP];
    for line in group.as_chunks::<{ 4 * GROUP }>().0 {
        for (sum, unit) in sums.iter_mut().zip(line.as_chunks::<4>().0) {
            *sum += unit.iter().map(|byte| i32::from(*byte as i8)).sum::<i32>();
        }
    }
    sums
}

vectorised! {
    /// A row as a line of a group.
    pub(crate) fn pack_line(format: Format, row: &[f32], line: usize, group: &mut [u8], scales: &mut [Steps]) {
        let scale = put_row(format, row, line, group);
        if let Some(to) = scales.get_mut(line) {
            *to = scale;
        }
    }
}

vectorised! {
    fn add_bias(lines: &mut [f32], bias: &[f32]) {
        for line in lines.chunks_exact_mut(PANEL) {
            for (number, bias) in line.iter_mut().zip(bias) {
                *number += bias;
            }
        }
    }
}

vectorised! {
    /// With X and W the integers and z the zero of a row: Σ (X − z) W = Σ X W − z Σ W.
    fn dequantise(lines: &mut [f32], row_scales: &[Steps], scales: &[[u8; 4]], sums: &[[u8; 4]]) {
        let (mut column_scales, mut column_sums) = ([0.0; PANEL], [0; PANEL]);
        for (to, from) in column_scales.iter_mut().zip(scales) {
            *to = f32::from_le_bytes(*from);
        }
        for (to, from) in column_sums.iter_mut().zip(sums) {
            *to = i32::from_le_bytes(*from) / SUM_UNIT;
        }
        for (line, row) in lines.chunks_exact_mut(PANEL).zip(row_scales) {
            let zero = i32::from(row.zero);
            for ((number, scale), sum) in line.iter_mut().zip(&column_scales).zip(&column_sums) {
                let integer = (number.to_bits() as i32).wrapping_sub(zero.wrapping_mul(*sum));
                *number = integer as f32 * (row.step * scale);
            }
        }
    }
}

vectorised! {
    pub(crate) fn round_to_bf16(numbers: &mut [f32]) {
        for x in numbers {
            *x = bf16_number(bf16_bits(*x));
        }
    }
}

vectorised! {
    fn round_bytes_to_bf16(bytes: &mut [u8]) {
        for x in bytes.as_chunks_mut::<4>().0 {
            *x = bf16_number(bf16_bits(f32::from_le_bytes(*x))).to_le_bytes();
        }
    }
}
