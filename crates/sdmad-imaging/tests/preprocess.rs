//! Preprocessing and fingerprints against torchvision and Pillow (scripts/reference/{preprocess,fingerprint}.py).

mod pictures;

use pictures::picture;
use sdmad_base::sha256_hex;
use sdmad_imaging::{CLIP_MEAN, CLIP_STD, Filter, Fingerprint, Fit, IMAGENET_MEAN, IMAGENET_STD, Preprocess, RgbImage};

fn image(kind: &str, numbers: [&str; 3]) -> RgbImage {
    let [seed, width, height] = numbers.map(|n| n.parse().unwrap());
    RgbImage::new(width as usize, height as usize, picture(kind, seed, 3, width, height)).unwrap()
}

#[test]
fn every_value_is_torchvisions() {
    let mut wrong = Vec::new();
    for case in include_str!("fixtures/preprocess.csv").lines().skip(1) {
        let fields: Vec<&str> = case.split(',').collect();
        let [kind, seed, width, height, fit, size, filter, normalisation, sha256] = fields[..] else {
            panic!("{case}")
        };
        let (mean, std) = match normalisation {
            "clip" => (CLIP_MEAN, CLIP_STD),
            "imagenet" => (IMAGENET_MEAN, IMAGENET_STD),
            other => panic!("{other}"),
        };
        let preprocess = Preprocess {
            size: size.parse().unwrap(),
            fit: if fit == "squash" { Fit::Squash } else { Fit::ShortestThenCenterCrop },
            filter: match filter {
                "bilinear" => Filter::Bilinear,
                "bicubic" => Filter::Bicubic,
                "lanczos3" => Filter::Lanczos3,
                other => panic!("{other}"),
            },
            mean,
            std,
        };
        let pixels = preprocess.apply(&image(kind, [seed, width, height]));
        let bytes: Vec<u8> = pixels.data().iter().flat_map(|v| v.to_le_bytes()).collect();
        if sha256_hex(&bytes) != sha256 {
            wrong.push(case);
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn fingerprints_are_those_of_the_definition() {
    for case in include_str!("fixtures/fingerprint.csv").lines().skip(1) {
        let fields: Vec<&str> = case.split(',').collect();
        let [kind, seed, width, height, expected] = fields[..] else { panic!("{case}") };
        assert_eq!(Fingerprint::from_image(&image(kind, [seed, width, height])).to_string(), expected, "{case}");
    }
}
