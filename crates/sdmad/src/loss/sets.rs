/// Which signs belong to which category: index 0 is normal, index c + 1 is category c of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignSets {
    sets: Vec<Vec<usize>>,
    signs: usize,
}

impl SignSets {
    /// `sets[0]` lists the signs of normal, `sets[c + 1]` those of category c; indices below `signs`, no set empty.
    pub fn new(sets: Vec<Vec<usize>>, signs: usize) -> Self {
        debug_assert!(sets.iter().all(|s| !s.is_empty() && s.iter().all(|&i| i < signs)));
        SignSets { sets, signs }
    }

    /// The signs of normal.
    pub fn normal(&self) -> &[usize] {
        &self.sets[0]
    }

    /// The signs of category c.
    pub fn category(&self, c: usize) -> &[usize] {
        &self.sets[c + 1]
    }

    /// How many categories there are, normal not counted.
    pub fn categories(&self) -> usize {
        self.sets.len() - 1
    }

    /// How many signs there are.
    pub fn signs(&self) -> usize {
        self.signs
    }
}
