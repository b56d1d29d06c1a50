use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A slice that several threads write, each its own parts.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a, T> {
    start: *mut T,
    length: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: a `Target` is a mutably borrowed slice whose parts are handed out by `piece` alone, whose callers see to it that none overlap.
unsafe impl<T: Send> Send for Target<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Target<'_, T> {}

impl<'a, T> Target<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Target { start: slice.as_mut_ptr(), length: slice.len(), borrowed: PhantomData }
    }

    /// A target of memory that holds nothing yet, to be written by [`Target::write`] only.
    pub(crate) fn fresh(room: &'a mut [MaybeUninit<T>]) -> Self {
        Target { start: room.as_mut_ptr().cast(), length: room.len(), borrowed: PhantomData }
    }

    /// Copies numbers to the part that begins with `first`.
    ///
    /// # Safety
    /// No two threads write overlapping parts.
    pub(crate) unsafe fn write(&self, first: usize, numbers: &[T])
    where
        T: Copy,
    {
        assert!(first <= self.length && numbers.len() <= self.length - first, "a part of a target");
        // SAFETY: the part lies inside the slice, which stays borrowed for 'a, and no other thread writes it; `numbers` is another slice, since the
        // target's is borrowed mutably.
        unsafe { std::ptr::copy_nonoverlapping(numbers.as_ptr(), self.start.add(first), numbers.len()) }
    }

    /// The part of `count` numbers from `first` on.
    ///
    /// # Safety
    /// The target was not made by [`Target::fresh`], and no two parts that live at the same time overlap.
    pub(crate) unsafe fn piece(&self, first: usize, count: usize) -> &'a mut [T] {
        assert!(first <= self.length && count <= self.length - first, "a part of a target");
        // SAFETY: it lies inside the slice, which stays borrowed for 'a; the caller sees to it that no other part overlaps.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), count) }
    }
}
