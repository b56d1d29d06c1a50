use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use sdmad_engine::BlockActivations;

/// Memory for what lies inside blocks between a forward pass and its backward pass.
///
/// While there is room, a pass keeps it ([`Adapted::forward`](crate::Adapted::forward)); beyond, the backward pass computes it again, for the
/// same bits. Clones share their room.
#[derive(Clone)]
pub struct ActivationRoom(Arc<AtomicUsize>);

/// Room of the whole process: what an image needs in a ViT-L/14@336 behind layer 6, and a fifth more.
const SHARED_BYTES: usize = 400 << 20;

static SHARED: LazyLock<ActivationRoom> = LazyLock::new(|| ActivationRoom::new(SHARED_BYTES));

impl ActivationRoom {
    /// Room for so many bytes. With 0 everything is computed again.
    pub fn new(bytes: usize) -> Self {
        ActivationRoom(Arc::new(AtomicUsize::new(bytes)))
    }

    /// The room that passes share unless they are given another: 400 MiB.
    pub fn shared() -> Self {
        SHARED.clone()
    }

    /// Bytes that are free now.
    pub fn free(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes `bytes` of it, if they are free.
    pub(crate) fn take(&self, bytes: usize) -> Option<TakenRoom> {
        // Only a number is shared, nothing that must be seen in its order.
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes));
        taken.ok().map(|_| TakenRoom { room: self.clone(), bytes })
    }
}

impl fmt::Debug for ActivationRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActivationRoom({} bytes free)", self.free())
    }
}

/// A part of a room, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct TakenRoom {
    room: ActivationRoom,
    bytes: usize,
}

impl Drop for TakenRoom {
    fn drop(&mut self) {
        self.room.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// What a block kept, in the room that was taken for it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) activations: BlockActivations,
    pub(crate) _room: TakenRoom,
}
