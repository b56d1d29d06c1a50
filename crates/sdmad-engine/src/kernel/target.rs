use std::marker::PhantomData;

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

    /// The part of `count` numbers from `first` on.
    ///
    /// # Safety
    /// No two parts that live at the same time overlap.
    pub(crate) unsafe fn piece(&self, first: usize, count: usize) -> &'a mut [T] {
        assert!(first <= self.length && count <= self.length - first, "a part of a target");
        // SAFETY: it lies inside the slice, which stays borrowed for 'a; the caller sees to it that no other part overlaps.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), count) }
    }
}
