use std::cell::RefCell;
use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::{Arithmetic, BLOCK, BLOCK_ROWS, Kernel, Operands, Target, run};
use crate::bytes::AlignedBytes;
use crate::factor::Left;
use crate::instruction_path;
use crate::panels::{PANEL, Panels};
use crate::tile::{Format, GROUP, LINE, TILE, put_bf16, put_f32};

/// Steps of depth at a time on vectors: a panel's part of 16 kB then stays in the nearest cache while all rows of a task go by.
const VECTOR_STEPS: usize = 8;
/// The same on tiles, where putting sums away and taking them up again costs more: the part of 64 kB stays in the second cache.
const TILE_STEPS: usize = 32;
/// Bytes of the left factor that one task goes through, so that they stay in the second cache from panel to panel.
const TASK_BYTES: usize = 3 << 18;
/// The same where each task makes its panel: what is made should serve more rows.
const MADE_TASK_BYTES: usize = 1 << 23;
/// Products of fewer multiplications are not worth waking another thread for.
const FEW: usize = 1 << 18;

/// A block of at most 32 x 32 numbers of a product, for a change before they are written.
pub(crate) struct Block<'a> {
    pub(crate) first_row: usize,
    pub(crate) rows: usize,
    pub(crate) first_column: usize,
    /// Columns that are of the product; numbers beyond them are thrown away.
    pub(crate) width: usize,
    /// `[rows, 32]`.
    pub(crate) numbers: &'a mut [f32],
}

impl Block<'_> {
    /// Rows of the product, and their numbers in this block.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = (usize, &mut [f32])> {
        let (first, width) = (self.first_row, self.width);
        self.numbers.chunks_exact_mut(PANEL).enumerate().map(move |(row, line)| (first + row, &mut line[..width]))
    }
}

/// Where a product is written.
pub(crate) enum Out<'a> {
    /// Rows `stride` apart, the first beginning with the first number.
    Rows(&'a mut [f32], usize),
    /// Dense rows, in memory that holds nothing yet. Every number is written.
    Fresh(&'a mut [MaybeUninit<f32>]),
    /// The left factor of another product, in f32 or bf16.
    Left(&'a mut Left),
    /// As both before: dense rows of the numbers as they are, and the left factor of another product of what `change` makes of them.
    Both { rows: &'a mut [MaybeUninit<f32>], change: &'a (dyn Fn(&mut Block<'_>) + Sync), left: &'a mut Left },
}

/// Who computes a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// The calling thread: inside work that is shared out already.
    Here,
    /// All threads of the pool, if there is enough to do.
    Pool,
}

/// Room of a thread.
#[derive(Default)]
struct Scratch {
    panel: AlignedBytes,
    wide: AlignedBytes,
    sums: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// `out = finish(left · panels)`; `finish` may change each block before it is written.
pub(crate) fn multiply(
    left: &Left,
    panels: Panels<'_>,
    out: Out<'_>,
    spread: Spread,
    finish: impl Fn(&mut Block<'_>) + Sync,
) {
    let path = instruction_path();
    let arithmetic = Arithmetic::of(path, panels.format());
    let (rows, columns, steps) = (left.rows, panels.columns(), panels.tiles());
    assert_eq!(left.depth, panels.depth(), "depths of a product");
    assert_eq!(left.format, arithmetic.left(), "left factor of a product");
    let sink = Sink::new(out, rows, columns);
    if rows == 0 || columns == 0 {
        return;
    }
    let kernel = Kernel::of(path, arithmetic);
    let steps_at_once = if kernel.uses_tiles() {
        TILE_STEPS
    } else if kernel.widens {
        // Each becomes two.
        VECTOR_STEPS / 2
    } else {
        VECTOR_STEPS
    };
    let left_group = left.format.tiles(left.depth) * TILE;
    let row_bytes = (left_group / GROUP).max(1);
    // Whole blocks, and tasks of about equal size.
    let task_bytes = if panels.are_made() { MADE_TASK_BYTES } else { TASK_BYTES };
    let row_tasks = rows.div_ceil((task_bytes / row_bytes / BLOCK_ROWS).max(1) * BLOCK_ROWS);
    let task_rows = rows.div_ceil(row_tasks).next_multiple_of(BLOCK_ROWS);
    let row_tasks = rows.div_ceil(task_rows);
    let panel_count = columns.div_ceil(PANEL);
    let task = |index: usize| {
        let (row_task, panel_index) = (index / panel_count, index % panel_count);
        let first_row = row_task * task_rows;
        let rows = task_rows.min(rows - first_row);
        SCRATCH.with_borrow_mut(|scratch| {
            let panel = panels.panel(panel_index, &mut scratch.panel);
            scratch.sums.resize(task_rows / BLOCK_ROWS * BLOCK, 0.0);
            let sums = scratch.sums.as_chunks_mut::<BLOCK>().0;
            let blocks = rows.div_ceil(BLOCK_ROWS);
            let sums = &mut sums[..blocks];
            let ready = kernel.ready();
            // The next panel lies behind this one; each piece fetches its share of it.
            let share = panel.len() / (blocks * steps.div_ceil(steps_at_once)).max(1) / LINE * LINE;
            let mut ahead = panel.as_ptr().wrapping_add(panel.len());
            let finish_block = |index: usize, sums: &mut [f32; BLOCK]| {
                let first = index * BLOCK_ROWS;
                let rows = BLOCK_ROWS.min(rows - first);
                let first_column = panel_index * PANEL;
                let mut block = Block {
                    first_row: first_row + first,
                    rows,
                    first_column,
                    width: PANEL.min(columns - first_column),
                    numbers: &mut sums[..rows * PANEL],
                };
                finish(&mut block);
                sink.write(&mut block);
            };
            for first_step in (0..steps).step_by(steps_at_once) {
                let last = first_step + steps_at_once >= steps;
                let part = Part { first_step, steps: steps_at_once.min(steps - first_step), stride: steps };
                let right = if kernel.widens {
                    part.widened(panel, panels.groups(panel_index), &mut scratch.wide)
                } else {
                    RightPart { bytes: &panel[first_step * TILE..], stride: steps * TILE, steps: part.steps }
                };
                for index in 0..blocks {
                    let first = index * BLOCK_ROWS;
                    let left_start = (first_row + first) / GROUP * left_group;
                    let operands = Operands {
                        left: &left.bytes[left_start + first_step * arithmetic.left_tiles() * TILE..],
                        left_stride: left_group,
                        rows: BLOCK_ROWS.min(rows - first),
                        right: right.bytes,
                        right_stride: right.stride,
                        column_groups: panels.groups(panel_index),
                        steps: right.steps,
                        ahead,
                    };
                    run(kernel, &ready, &operands, &mut sums[index], first_step > 0);
                    ahead = ahead.wrapping_add(share);
                    // The block before: its sums have left the multipliers meanwhile, and are still near.
                    if last && index > 0 {
                        finish_block(index - 1, &mut sums[index - 1]);
                    }
                }
            }
            drop(ready);
            if steps == 0 {
                for (index, sums) in sums.iter_mut().enumerate() {
                    sums.fill(0.0);
                    finish_block(index, sums);
                }
            } else {
                finish_block(blocks - 1, &mut sums[blocks - 1]);
            }
        });
    };
    let tasks = row_tasks * panel_count;
    if spread == Spread::Here || rows * columns * left.depth < FEW {
        (0..tasks).for_each(task);
    } else {
        (0..tasks).into_par_iter().for_each(task);
    }
}

/// Steps `first_step .. first_step + steps` of the depth of a panel, whose groups of columns have `stride` of them.
struct Part {
    first_step: usize,
    steps: usize,
    stride: usize,
}

/// Tiles of a panel's groups of columns, `steps` of each, the groups `stride` bytes apart.
struct RightPart<'a> {
    bytes: &'a [u8],
    stride: usize,
    steps: usize,
}

impl Part {
    /// This part of a panel of bf16, as f32 in `room`: two tiles for one.
    fn widened<'a>(&self, panel: &[u8], groups: usize, room: &'a mut AlignedBytes) -> RightPart<'a> {
        let steps = 2 * self.steps;
        room.lengthen(groups * steps * TILE);
        for (group, wide) in room.chunks_exact_mut(steps * TILE).enumerate() {
            let start = (group * self.stride + self.first_step) * TILE;
            widen(&panel[start..][..self.steps * TILE], wide);
        }
        RightPart { bytes: room, stride: steps * TILE, steps }
    }
}

super::vectorised! {
    /// Lines of 16 pairs of bf16 as twice as many lines of f32: the first of each pair, then the second.
    fn widen(lines: &[u8], wide: &mut [u8]) {
        assert_eq!(wide.len(), 2 * lines.len(), "room for widened lines");
        let (lines, wide) = (lines.as_chunks::<LINE>().0, wide.as_chunks_mut::<{ 2 * LINE }>().0);
        for (line, wide) in lines.iter().zip(wide) {
            let (first, second) = wide.split_at_mut(LINE);
            let pairs = line.as_chunks::<4>().0.iter().map(|&pair| u32::from_le_bytes(pair));
            let numbers = first.as_chunks_mut::<4>().0.iter_mut().zip(second.as_chunks_mut::<4>().0);
            for (pair, (first, second)) in pairs.zip(numbers) {
                *first = (pair << 16).to_le_bytes();
                *second = (pair & 0xffff_0000).to_le_bytes();
            }
        }
    }
}

/// As [`multiply`], to numbers of its own, `[left.rows, panels.columns()]`.
pub(crate) fn multiplied(
    left: &Left,
    panels: Panels<'_>,
    spread: Spread,
    finish: impl Fn(&mut Block<'_>) + Sync,
) -> Vec<f32> {
    let count = left.rows * panels.columns();
    let mut numbers = Vec::with_capacity(count);
    multiply(left, panels, Out::Fresh(&mut numbers.spare_capacity_mut()[..count]), spread, finish);
    // SAFETY: the room for `count` numbers is there, and `multiply` has written every one of them.
    unsafe { numbers.set_len(count) };
    numbers
}

/// As [`multiplied`], and what `change` makes of the numbers as the left factor `to` of another product.
pub(crate) fn multiplied_into(
    left: &Left,
    panels: Panels<'_>,
    to: &mut Left,
    finish: impl Fn(&mut Block<'_>) + Sync,
    change: &(dyn Fn(&mut Block<'_>) + Sync),
) -> Vec<f32> {
    let count = left.rows * panels.columns();
    let mut numbers = Vec::with_capacity(count);
    let out = Out::Both { rows: &mut numbers.spare_capacity_mut()[..count], change, left: to };
    multiply(left, panels, out, Spread::Pool, finish);
    // SAFETY: as in `multiplied`.
    unsafe { numbers.set_len(count) };
    numbers
}

/// Where blocks go: to rows, to a left factor, or to both, changed between.
struct Sink<'a> {
    rows: Option<(Target<'a, f32>, usize)>,
    change: Option<&'a (dyn Fn(&mut Block<'_>) + Sync)>,
    left: Option<LeftSink<'a>>,
}

/// A left factor that blocks are written to.
struct LeftSink<'a> {
    target: Target<'a, u8>,
    format: Format,
    tiles: usize,
}

impl<'a> Sink<'a> {
    fn new(out: Out<'a>, rows: usize, columns: usize) -> Self {
        let fresh = |room: &'a mut [MaybeUninit<f32>]| {
            assert_eq!(room.len(), rows * columns, "output of a product");
            Some((Target::fresh(room), columns))
        };
        let packed = |left: &'a mut Left| {
            assert_eq!((left.rows, left.depth), (rows, columns), "output of a product");
            let tiles = left.format.tiles(columns);
            Some(LeftSink { target: Target::new(&mut left.bytes), format: left.format, tiles })
        };
        match out {
            Out::Rows(data, stride) => {
                assert!(rows == 0 || data.len() >= (rows - 1) * stride + columns, "output of a product");
                Sink { rows: Some((Target::new(data), stride)), change: None, left: None }
            }
            Out::Fresh(room) => Sink { rows: fresh(room), change: None, left: None },
            Out::Left(left) => Sink { rows: None, change: None, left: packed(left) },
            Out::Both { rows, change, left } => Sink { rows: fresh(rows), change: Some(change), left: packed(left) },
        }
    }

    /// Writes a block. Blocks of different tasks do not overlap.
    fn write(&self, block: &mut Block<'_>) {
        if let Some((target, stride)) = &self.rows {
            let first = block.first_column;
            for (row, line) in block.lines() {
                match line.first_chunk::<PANEL>() {
                    // SAFETY: a task is alone with its rows and columns. This is the case below with a length known beforehand.
                    Some(line) => unsafe { target.write(row * stride + first, line) },
                    // SAFETY: as above.
                    None => unsafe { target.write(row * stride + first, line) },
                }
            }
        }
        if let Some(change) = self.change {
            change(block);
        }
        if let Some(left) = &self.left {
            left.write(block);
        }
    }
}

impl LeftSink<'_> {
    fn write(&self, block: &Block<'_>) {
        let tile_depth = self.format.depth_of_tile();
        let (first_row, width) = (block.first_row, block.width);
        for (part, first) in (0..width).step_by(tile_depth).enumerate() {
            let tile = block.first_column / tile_depth + part;
            for (group, lines) in block.numbers.chunks(GROUP * PANEL).enumerate() {
                let start = (((first_row / GROUP) + group) * self.tiles + tile) * TILE;
                // SAFETY: panels begin at whole tiles and tasks at whole groups of rows, so a task is alone with its tiles.
                let bytes = unsafe { self.target.piece(start, TILE) };
                write_tile(self.format, lines, first, tile_depth.min(width - first), bytes);
            }
        }
    }
}

super::vectorised! {
    /// Columns `first .. first + width` of lines of 32 numbers as a tile of a left factor.
    fn write_tile(format: Format, lines: &[f32], first: usize, width: usize, tile: &mut [u8]) {
        for (line, to) in lines.chunks_exact(PANEL).zip(tile.chunks_exact_mut(LINE)) {
            let numbers = &line[first..first + width];
            match format {
                Format::F32 => put_f32(numbers, to),
                Format::Bf16 => put_bf16(numbers, to),
                Format::Int8 => unreachable!("the scale of a row is not known before its end"),
            }
        }
    }
}
