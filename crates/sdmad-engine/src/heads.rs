use crate::{Matrix, Sequences};

/// The heads of an attention: which numbers of a matrix of queries, keys and values are whose.
pub(crate) struct Heads<'a> {
    data: &'a [f32],
    pub(crate) rows: usize,
    heads: usize,
    pub(crate) width: usize,
    pub(crate) head_width: usize,
    /// What scores are multiplied by.
    pub(crate) scale: f32,
    /// One for each head of each sequence; the heads of a sequence one after another.
    pub(crate) tasks: Vec<Task>,
    /// For each row, the first task of its sequence; none for padding.
    tasks_of_row: Vec<Option<usize>>,
}

/// One head of one sequence.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) first_row: usize,
    pub(crate) tokens: usize,
    pub(crate) head: usize,
}

impl<'a> Heads<'a> {
    pub(crate) fn new(query_key_value: &'a Matrix, heads: usize, sequences: &Sequences) -> Self {
        let (rows, columns) = (query_key_value.rows(), query_key_value.columns());
        assert!(heads > 0 && columns.is_multiple_of(3 * heads), "{columns} columns for three times {heads} heads");
        assert_eq!(rows, sequences.rows(), "rows of the sequences");
        let (width, head_width) = (columns / 3, columns / 3 / heads);
        let mut tasks = Vec::with_capacity(heads * sequences.spans().len());
        let mut tasks_of_row = vec![None; rows];
        for &(first_row, tokens) in sequences.spans() {
            tasks_of_row[first_row..first_row + tokens].fill(Some(tasks.len()));
            tasks.extend((0..heads).map(|head| Task { first_row, tokens, head }));
        }
        let scale = 1.0 / (head_width as f32).sqrt();
        Heads { data: query_key_value.data(), rows, heads, width, head_width, scale, tasks, tasks_of_row }
    }

    /// Query (0), key (1) or value (2) of a head: the data from its first number on; rows are `3 width` apart.
    pub(crate) fn part(&self, task: Task, which: usize) -> &'a [f32] {
        let end = (task.first_row + task.tokens) * 3 * self.width;
        &self.data[task.first_row * 3 * self.width + which * self.width + task.head * self.head_width..end]
    }

    /// A row of `kinds * width` numbers from the results of all tasks, each `kinds` blocks `[tokens, head width]`.
    pub(crate) fn gather_row(&self, parts: &[Vec<f32>], kinds: usize, row: usize, line: &mut [f32]) {
        let Some(first_task) = self.tasks_of_row[row] else {
            line.fill(0.0);
            return;
        };
        let Task { first_row, tokens, .. } = self.tasks[first_task];
        for (kind, line) in line.chunks_exact_mut(self.width).take(kinds).enumerate() {
            let start = (kind * tokens + row - first_row) * self.head_width;
            let parts = parts[first_task..first_task + self.heads].iter();
            for (line, part) in line.chunks_exact_mut(self.head_width).zip(parts) {
                line.copy_from_slice(&part[start..start + self.head_width]);
            }
        }
    }

    /// The results of all tasks as one matrix `[rows, kinds * width]`.
    pub(crate) fn gathered(&self, parts: &[Vec<f32>], kinds: usize) -> Matrix {
        let mut all = Matrix::zeros(self.rows, kinds * self.width);
        for row in 0..self.rows {
            self.gather_row(parts, kinds, row, all.row_mut(row));
        }
        all
    }
}
