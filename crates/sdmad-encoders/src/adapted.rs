use std::collections::BTreeMap;
use std::sync::Arc;

use sdmad_base::{Error, Result};
use sdmad_engine::{Block, Matrix, Sequences, ShiftAdapter};

use crate::ActivationRoom;
use crate::activation_room::Kept;

/// Adapters by the layer whose output they shift, counted from 1.
pub type ShiftAdapters = BTreeMap<usize, ShiftAdapter>;

/// A frozen tower with shift adapters behind some of its layers (docs/method.md, "Training by gradient").
///
/// Only the adapters have gradients. That a frozen weight has none is a matter of types: [`Block`] holds its weights without a way to change
/// them, and its `backward` gives the gradient of its input and nothing else.
///
/// Blocks before the first adapted layer give the same output whatever the adapters are. [`Adapted::prefix`] runs them once for an input;
/// [`Adapted::forward`] starts from what it gave, and [`Adapted::backward`] ends there.
#[derive(Clone)]
pub struct Adapted<'a> {
    blocks: &'a [Block],
    adapters: ShiftAdapters,
    room: ActivationRoom,
}

/// What a forward pass keeps for the backward pass: the input of each block from the first adapted one on, what adapted blocks gave
/// before the shift, and as long as there is room what lies inside the blocks that a gradient goes back through.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Index of the first block that ran.
    first: usize,
    /// Inputs of the blocks from `first` on, and behind them the output of the last block.
    states: Vec<Matrix>,
    /// Outputs of adapted blocks before the shift, by layer.
    unshifted: BTreeMap<usize, Matrix>,
    /// What lies inside blocks, by layer.
    kept: BTreeMap<usize, Arc<Kept>>,
}

/// Gradients of one adapter, summed over the tokens of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterGradient {
    /// Of [`ShiftAdapter::down`].
    pub down: Matrix,
    /// Of [`ShiftAdapter::up`].
    pub up: Matrix,
}

impl Trace {
    /// The output of the last block, `[tokens, width]`, before the final norm.
    pub fn last(&self) -> &Matrix {
        // There is always the prefix itself.
        &self.states[self.states.len() - 1]
    }

    /// The output of a layer, counted from 1, shifted where it has an adapter. The last layer of the frozen prefix is the first that is there.
    pub fn output(&self, layer: usize) -> Option<&Matrix> {
        self.states.get(layer.checked_sub(self.first)?).filter(|_| layer > 0)
    }
}

impl<'a> Adapted<'a> {
    pub(crate) fn new(blocks: &'a [Block], adapters: ShiftAdapters) -> Result<Self> {
        for (layer, adapter) in &adapters {
            let Some(block) = layer.checked_sub(1).and_then(|index| blocks.get(index)) else {
                return Err(Error::bad_input(format!(
                    "an adapter stands behind layer {layer}; the tower has layers 1 to {}",
                    blocks.len()
                )));
            };
            let width = block.width();
            let (down, up) = (&adapter.down, &adapter.up);
            if down.columns() != width || up.rows() != width || down.rows() != up.columns() || down.rows() == 0 {
                return Err(Error::bad_input(format!(
                    "the adapter of layer {layer} has shapes [{}, {}] and [{}, {}]; the tower expects [b, {width}] and [{width}, b]",
                    down.rows(),
                    down.columns(),
                    up.rows(),
                    up.columns()
                )));
            }
            if !(0.0..=1.0).contains(&adapter.lambda) {
                return Err(Error::bad_input(format!(
                    "λ of layer {layer} is {}; it must lie between 0 and 1",
                    adapter.lambda
                )));
            }
        }
        Ok(Adapted { blocks, adapters, room: ActivationRoom::shared() })
    }

    /// The same, keeping what lies inside blocks in another room than all others share.
    #[must_use]
    pub fn with_room(self, room: ActivationRoom) -> Self {
        Adapted { room, ..self }
    }

    /// The adapters.
    pub fn adapters(&self) -> &ShiftAdapters {
        &self.adapters
    }

    /// The adapters, for an optimiser to change their weights. Their shapes must stay.
    pub fn adapters_mut(&mut self) -> impl Iterator<Item = (usize, &mut ShiftAdapter)> {
        self.adapters.iter_mut().map(|(layer, adapter)| (*layer, adapter))
    }

    /// Gives the adapters back.
    pub fn into_adapters(self) -> ShiftAdapters {
        self.adapters
    }

    /// The first adapted layer, counted from 1; one more than the number of layers when there is none.
    pub fn first_layer(&self) -> usize {
        self.adapters.keys().next().copied().unwrap_or(self.blocks.len() + 1)
    }

    /// From the input of the first block, as `tokens` of a tower gives it, to the input of the first adapted layer's block.
    pub fn prefix(&self, tokens: Matrix) -> Matrix {
        self.blocks[..self.first_layer() - 1].iter().fold(tokens, |x, block| block.forward(&x))
    }

    /// Runs the blocks and adapters from the first adapted layer on, on what [`Adapted::prefix`] gave.
    ///
    /// Where every λ is 1, each output has the bits of the plain tower's. What it keeps inside blocks changes no bits, here or in
    /// [`Adapted::backward`].
    pub fn forward(&self, prefix: &Matrix) -> Trace {
        let first = self.first_layer() - 1;
        let mut states = Vec::with_capacity(self.blocks.len() - first + 1);
        let (mut unshifted, mut kept) = (BTreeMap::new(), BTreeMap::new());
        let mut x = prefix.clone();
        for (index, block) in self.blocks.iter().enumerate().skip(first) {
            // No gradient goes through the lowest block.
            let room = (index > first).then(|| self.room.take(block.activation_bytes(x.rows()))).flatten();
            let mut y = match room {
                None => block.forward(&x),
                Some(room) => {
                    let (y, activations) = block.forward_keeping(&x, &Sequences::single(x.rows()));
                    kept.insert(index + 1, Arc::new(Kept { activations, _room: room }));
                    y
                }
            };
            if let Some(adapter) = self.adapters.get(&(index + 1)) {
                let shifted = adapter.forward(&x, &y);
                unshifted.insert(index + 1, std::mem::replace(&mut y, shifted));
            }
            states.push(std::mem::replace(&mut x, y));
        }
        states.push(x);
        Trace { first, states, unshifted, kept }
    }

    /// The gradients of the adapters, from the gradient with respect to the output of the last block.
    ///
    /// # Panics
    /// When the gradient has another shape than [`Trace::last`].
    pub fn backward(&self, trace: &Trace, last: &Matrix) -> BTreeMap<usize, AdapterGradient> {
        self.backward_from(trace, &BTreeMap::from([(self.blocks.len(), last)]))
    }

    /// As [`Adapted::backward`], from gradients with respect to the outputs of several layers, counted from 1: for a loss on patch tokens of
    /// layers between. Those of layers before the first adapted one reach no adapter and are left out.
    ///
    /// # Panics
    /// When a gradient has another shape than its layer's output.
    pub fn backward_from(&self, trace: &Trace, outputs: &BTreeMap<usize, &Matrix>) -> BTreeMap<usize, AdapterGradient> {
        let mut gradients = BTreeMap::new();
        let mut carried: Option<Matrix> = None;
        for layer in (trace.first + 1..=self.blocks.len()).rev() {
            if let Some(own) = outputs.get(&layer) {
                match &mut carried {
                    Some(carried) => carried.add(own),
                    None => carried = Some((*own).clone()),
                }
            }
            let Some(dy) = carried.take() else { continue };
            let input = &trace.states[layer - 1 - trace.first];
            let block = &self.blocks[layer - 1];
            let lowest = layer == trace.first + 1;
            let through = |dy: &Matrix| match trace.kept.get(&layer) {
                Some(kept) => block.backward_from(input, &Sequences::single(input.rows()), &kept.activations, dy),
                None => block.backward(input, dy),
            };
            carried = match (self.adapters.get(&layer), trace.unshifted.get(&layer)) {
                (Some(adapter), Some(unshifted)) => {
                    let gradient = adapter.backward(input, unshifted, &dy);
                    gradients.insert(layer, AdapterGradient { down: gradient.down, up: gradient.up });
                    // Below the lowest adapter nothing is trained.
                    (!lowest).then(|| {
                        let mut dx = through(&gradient.block_output);
                        dx.add(&gradient.block_input);
                        dx
                    })
                }
                _ => (!lowest).then(|| through(&dy)),
            };
        }
        gradients
    }
}
