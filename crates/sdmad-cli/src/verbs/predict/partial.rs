//! What is done of a prediction, on disk as it comes: a prediction that was stopped goes on after the last whole line.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use sdmad_base::{Error, Result};

/// Two files of lines, one line for each image that is done.
pub(super) struct Partial {
    predictions: Lines,
    report: Lines,
    done: usize,
    /// How many of them are on disk.
    kept: usize,
}

impl Drop for Partial {
    /// What holds nothing that another start could go on with is not left behind.
    fn drop(&mut self) {
        if self.kept == 0 {
            // A file that cannot be removed is empty, and found again by its name.
            let _ = fs::remove_file(&self.predictions.path);
            let _ = fs::remove_file(&self.report.path);
        }
    }
}

impl Partial {
    /// Goes on with what is in `folder` for `key`, which names everything that lines depend on, or begins.
    pub(super) fn open(folder: &Path, key: &str) -> Result<Self> {
        let at = |name: &str| folder.join(format!(".{name}-{key}.partial"));
        let (mut predictions, mut report) = (Lines::open(at("predictions"))?, Lines::open(at("report"))?);
        let done = predictions.count.min(report.count);
        predictions.keep(done)?;
        report.keep(done)?;
        Ok(Partial { predictions, report, done, kept: done })
    }

    /// How many images are done.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// Adds an image.
    pub(super) fn add(&mut self, prediction: &str, report: &str) -> Result<()> {
        self.predictions.add(prediction)?;
        self.report.add(report)?;
        self.done += 1;
        Ok(())
    }

    /// Makes sure that what was added is on disk.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.predictions.flush()?;
        self.report.flush()?;
        self.kept = self.done;
        Ok(())
    }

    /// The lines of the predictions so far.
    pub(super) fn predictions(&self) -> Result<impl Iterator<Item = std::io::Result<String>>> {
        Ok(self.predictions.read()?.lines())
    }

    /// The lines of the report so far.
    pub(super) fn report(&self) -> Result<impl BufRead> {
        self.report.read()
    }

    /// Puts the predictions where they belong, and forgets the lines of the report.
    pub(super) fn finish(self, predictions: &Path) -> Result<()> {
        fs::rename(&self.predictions.path, predictions).map_err(|e| Error::io("rename to", predictions, e))?;
        fs::remove_file(&self.report.path).map_err(|e| Error::io("remove", &self.report.path, e))
    }
}

struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
    count: usize,
}

impl Lines {
    fn open(path: PathBuf) -> Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)
            .map_err(|e| Error::io("write", &path, e))?;
        let mut lines = Lines { path, file: BufWriter::new(file), count: 0 };
        let mut reader = lines.read()?;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(|e| Error::io("read", &lines.path, e))?;
            if read == 0 || line.last() != Some(&b'\n') {
                break;
            }
            lines.count += 1;
        }
        Ok(lines)
    }

    /// Drops all after the first `count` lines, a torn one among them.
    fn keep(&mut self, count: usize) -> Result<()> {
        let mut reader = self.read()?;
        let (mut length, mut line) = (0u64, Vec::new());
        for _ in 0..count {
            line.clear();
            length += reader.read_until(b'\n', &mut line).map_err(|e| Error::io("read", &self.path, e))? as u64;
        }
        self.file.get_ref().set_len(length).map_err(|e| Error::io("shorten", &self.path, e))?;
        self.count = count;
        Ok(())
    }

    fn add(&mut self, line: &str) -> Result<()> {
        self.count += 1;
        writeln!(self.file, "{line}").map_err(|e| Error::io("write", &self.path, e))
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::io("write", &self.path, e))
    }

    fn read(&self) -> Result<BufReader<File>> {
        Ok(BufReader::new(File::open(&self.path).map_err(|e| Error::io("read", &self.path, e))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_after_the_last_line_that_both_files_have_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut partial = Partial::open(folder.path(), "k").unwrap();
        partial.add("p0", "r0").unwrap();
        partial.add("p1", "r1").unwrap();
        partial.flush().unwrap();
        // The machine stopped in the middle of a line.
        let torn = folder.path().join(".report-k.partial");
        fs::write(&torn, "r0\nr1 is to").unwrap();
        let mut partial = Partial::open(folder.path(), "k").unwrap();
        assert_eq!(partial.done(), 1);
        partial.add("p1 again", "r1 again").unwrap();
        partial.flush().unwrap();
        let lines: Vec<String> = partial.predictions().unwrap().map(Result::unwrap).collect();
        assert_eq!(lines, ["p0", "p1 again"]);
        assert_eq!(fs::read_to_string(&torn).unwrap(), "r0\nr1 again\n");
        assert_eq!(Partial::open(folder.path(), "another").unwrap().done(), 0);
    }
}
