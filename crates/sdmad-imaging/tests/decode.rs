//! Decoding against Pillow 13.0.0 (scripts/reference/decode.py), and against everything that can be wrong with a file.

use std::path::{Path, PathBuf};

use sdmad_base::{Kind, Stream, sha256_hex};
use sdmad_imaging::{RgbImage, decode_image, decode_mask, read_image, read_mask, write_png, write_png_grey};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A file, and what Pillow reads from it.
struct Case {
    path: PathBuf,
    width: usize,
    height: usize,
    /// How far a value may be off; 0 asks for the hashes.
    difference: u8,
    rgb_sha256: String,
    grey_sha256: String,
}

impl Case {
    fn name(&self) -> String {
        self.path.file_name().unwrap().display().to_string()
    }
}

fn cases() -> Vec<Case> {
    let table = std::fs::read_to_string(fixtures().join("decode.csv")).unwrap();
    let lines = table.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let [file, width, height, difference, rgb_sha256, grey_sha256] = fields[..] else { panic!("{line}") };
        Case {
            path: fixtures().join("decode").join(file),
            width: width.parse().unwrap(),
            height: height.parse().unwrap(),
            difference: difference.parse().unwrap(),
            rgb_sha256: rgb_sha256.to_owned(),
            grey_sha256: grey_sha256.to_owned(),
        }
    });
    lines.collect()
}

#[test]
fn pixels_are_pillows() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (name, bound, size) = (case.name(), case.difference, (case.width, case.height));
        let (image, mask) = match (read_image(&case.path), read_mask(&case.path)) {
            (Ok(image), Ok(mask)) => (image, mask),
            (image, mask) => {
                wrong.push(format!("{name}: {:?} {:?}", image.err(), mask.err()));
                continue;
            }
        };
        assert_eq!((image.width(), image.height()), size, "{name}");
        assert_eq!((mask.width(), mask.height()), size, "{name}");
        if bound == 0 {
            if sha256_hex(image.data()) != case.rgb_sha256 {
                wrong.push(format!("{name}: RGB differs"));
            }
            if sha256_hex(mask.data()) != case.grey_sha256 {
                wrong.push(format!("{name}: grey differs"));
            }
        } else {
            let expected = std::fs::read(case.path.with_added_extension("rgb")).unwrap();
            let greatest = image.data().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();

            if greatest > bound {
                wrong.push(format!("{name}: differs by up to {greatest}, the bound is {bound}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One small file of each kind, for the tests that break them.
fn small_files() -> Vec<(String, Vec<u8>)> {
    cases().iter().map(|case| (case.name(), std::fs::read(&case.path).unwrap())).collect()
}

#[test]
fn a_file_cut_short_is_an_error_that_names_it() {
    let mut passed = Vec::new();
    // The first of two pages may be whole though the second is not.
    for (name, bytes) in small_files().into_iter().filter(|(name, _)| name != "two-pages.tif") {
        for length in [0, 1, 3, 9, 20, bytes.len() / 4, bytes.len() / 2, bytes.len() * 3 / 4] {
            match decode_image(&bytes[..length], &name) {
                Ok(_) => passed.push(format!("{name} of {} bytes cut to {length}", bytes.len())),
                Err(error) => {
                    assert_eq!(error.kind(), Kind::BadInput);
                    assert!(error.to_string().starts_with(&name) && error.hint().is_some(), "{error:?}");
                }
            }
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
}

#[test]
fn no_bytes_make_it_panic() {
    // A panic inside a decoder is caught and told as "gave up": this asks for none at all.
    let mut stream = Stream::new(11, "imaging/broken files");
    for (name, bytes) in small_files() {
        for _ in 0..100 {
            let mut broken = bytes.clone();
            for _ in 0..1 + stream.below(4) {
                // Headers are at the front (TIFF: the back): most of the damage goes there.
                let at = match stream.below(4) {
                    0 => stream.below(broken.len()),
                    1 => broken.len() - 1 - stream.below(broken.len().min(200)),
                    _ => stream.below(broken.len().min(64)),
                };
                broken[at] =
                    if stream.chance(0.5) { broken[at] ^ 1 << stream.below(8) } else { stream.below(256) as u8 };
            }
            if stream.chance(0.2) {
                broken.truncate(stream.below(broken.len()));
            }
            let errors = [decode_image(&broken, &name).err(), decode_mask(&broken, &name).err()];
            for error in errors.into_iter().flatten() {
                assert_eq!(error.kind(), Kind::BadInput, "{error:?}");
                assert!(!error.to_string().contains("gave up"), "{error:?}");
            }
        }
    }
}

/// A PNG of nothing but a header.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn an_absurd_size_is_refused_from_the_header() {
    let mut bmp = std::fs::read(fixtures().join("decode/rgb24.bmp")).unwrap();
    bmp[18..22].copy_from_slice(&60_000i32.to_le_bytes());
    bmp[22..26].copy_from_slice(&(-60_000i32).to_le_bytes());
    let mut jpeg = std::fs::read(fixtures().join("decode/grey.jpg")).unwrap();
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    let mut tiff = std::fs::read(fixtures().join("decode/grey8-strip.tif")).unwrap();
    let directory = u32::from_le_bytes(*tiff[4..].first_chunk().unwrap()) as usize;
    for entry in [directory + 2, directory + 14] {
        tiff[entry + 8..entry + 12].copy_from_slice(&60_000u32.to_le_bytes());
    }
    let files = [("a.png", png_header(60_000, 60_000)), ("a.bmp", bmp), ("a.jpg", jpeg), ("a.tif", tiff)];
    for (name, bytes) in files {
        let error = decode_image(&bytes, name).unwrap_err();
        assert_eq!(error.kind(), Kind::BadInput);
        assert_eq!(
            error.to_string(),
            format!("{name} is 60000 x 60000 pixels: at most 16384 a side and 100000000 in all are read")
        );
        assert!(error.hint().is_some());
    }
    for (width, height) in [(u32::MAX, u32::MAX), (0, 5), (5, 0), (16_385, 1)] {
        let error = decode_image(&png_header(width, height), "a.png").unwrap_err();
        assert!(error.to_string().contains(&format!("{width} x {height} pixels")), "{error:?}");
    }
}

#[test]
fn what_is_no_image_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = read_image(&folder.path().join("none.png")).unwrap_err();
    assert_eq!(missing.kind(), Kind::BadInput);
    assert!(missing.to_string().contains("none.png"));
    assert_eq!(read_image(folder.path()).unwrap_err().kind(), Kind::BadInput);
    let text = folder.path().join("list.png");
    std::fs::write(&text, "image,split\na.png,train\n").unwrap();
    let error = read_image(&text).unwrap_err();
    assert!(error.to_string().ends_with("list.png is text, not an image"), "{error}");
}

#[test]
fn the_content_decides_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.jpg");
    let image = RgbImage::new(3, 2, (0..18).collect()).unwrap();
    write_png(&path, &image).unwrap();
    assert_eq!(read_image(&path).unwrap(), image);
    write_png_grey(&path, &image.to_grey()).unwrap();
    assert_eq!(read_mask(&path).unwrap(), image.to_grey());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(write_png(&folder.path().join("no/such.png"), &image).is_err());
}
