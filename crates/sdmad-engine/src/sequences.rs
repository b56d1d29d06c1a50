/// Which rows of a matrix are the tokens of which sequence. Attention never looks from one sequence into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    rows: usize,
    spans: Vec<(usize, usize)>,
}

impl Sequences {
    /// One sequence of so many tokens.
    pub fn single(tokens: usize) -> Self {
        Sequences::stacked(&[tokens])
    }

    /// Sequences of these lengths one after another, nothing between them.
    pub fn stacked(lengths: &[usize]) -> Self {
        let mut rows = 0;
        let mut spans = Vec::with_capacity(lengths.len());
        for &length in lengths {
            spans.push((rows, length));
            rows += length;
        }
        Sequences { rows, spans }
    }

    /// Sequences of these lengths, each followed by rows of padding up to `padded` rows.
    ///
    /// # Panics
    /// When a length is larger than `padded`.
    pub fn padded(lengths: &[usize], padded: usize) -> Self {
        assert!(lengths.iter().all(|&length| length <= padded), "a sequence is longer than {padded}");
        let spans = lengths.iter().enumerate().map(|(index, &length)| (index * padded, length)).collect();
        Sequences { rows: lengths.len() * padded, spans }
    }

    /// Rows of the matrix, padding included.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// First row and number of tokens of each sequence.
    pub fn spans(&self) -> &[(usize, usize)] {
        &self.spans
    }
}
