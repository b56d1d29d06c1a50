//! Resize and decode of a 1024 x 1024 image, the size of a chest X-ray: `cargo bench -p sdmad-imaging`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sdmad_imaging::{
    CLIP_MEAN, CLIP_STD, Filter, Fingerprint, Fit, Preprocess, RgbImage, decode_image, resize, write_png,
};

fn scan() -> RgbImage {
    let stream = &mut sdmad_base::Stream::new(1, "bench/scan");
    let data = (0..1024 * 1024).flat_map(|i| {
        let (x, y) = (i % 1024, i / 1024);
        [(x / 8 + y / 9 + stream.below(12)) as u8; 3]
    });
    RgbImage::new(1024, 1024, data.collect()).expect("the size fits")
}

fn bench(criterion: &mut Criterion) {
    let image = scan();
    let mut group = criterion.benchmark_group("1024 x 1024 RGB to 224");
    for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3] {
        group.bench_function(format!("{filter:?}"), |b| b.iter(|| resize(black_box(&image), 224, 224, filter)));
    }
    let (fit, filter) = (Fit::ShortestThenCenterCrop, Filter::Bicubic);
    let preprocess = Preprocess { size: 224, fit, filter, mean: CLIP_MEAN, std: CLIP_STD };
    group.bench_function("preprocess", |b| b.iter(|| preprocess.apply(black_box(&image))));
    group.finish();

    criterion.bench_function("1024 x 1024 fingerprint", |b| b.iter(|| Fingerprint::from_image(black_box(&image))));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("scan.png");
    write_png(&path, &image).expect("a written file");
    let bytes = std::fs::read(&path).expect("the file just written");
    criterion.bench_function("1024 x 1024 decode PNG", |b| b.iter(|| decode_image(black_box(&bytes), "scan.png")));
}

criterion_group!(benches, bench);
criterion_main!(benches);
