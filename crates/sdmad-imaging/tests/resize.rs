//! [`sdmad_imaging::resize`] against Pillow 13.0.0 (scripts/reference/resize.py).

mod pictures;

use pictures::picture;
use sdmad_base::sha256_hex;
use sdmad_imaging::{Filter, GreyImage, RgbImage, resize, resize_grey};

#[test]
fn every_pixel_is_pillows() {
    let mut wrong = Vec::new();
    let cases = include_str!("fixtures/resize.csv").lines().skip(1);
    for case in cases.clone() {
        let fields: Vec<&str> = case.split(',').collect();
        let [kind, rest @ .., filter, sha256] = &fields[..] else { panic!("{case}") };
        let numbers: Vec<u32> = rest.iter().map(|n| n.parse().unwrap()).collect();
        let [seed, channels, width, height, new_width, new_height] = numbers[..] else { panic!("{case}") };
        let filter = match *filter {
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos3" => Filter::Lanczos3,
            other => panic!("{other}"),
        };
        let data = picture(kind, seed, channels, width, height);
        let (width, height, to) = (width as usize, height as usize, (new_width as usize, new_height as usize));
        let result = if channels == 3 {
            resize(&RgbImage::new(width, height, data).unwrap(), to.0, to.1, filter).into_data()
        } else {
            resize_grey(&GreyImage::new(width, height, data).unwrap(), to.0, to.1, filter).into_data()
        };
        if sha256_hex(&result) != *sha256 {
            wrong.push(case);
        }
    }
    assert!(cases.count() >= 400);
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
