//! Towers against transformers, open_clip and timm (scripts/reference/towers.py).

mod common;

use common::{Expected, copied, difference};
use sdmad_encoders::Encoder;

const TEXTS: [&str; 3] = ["a mass", "breast ultrasound showing a dark, irregular mass with a bright rim", ""];
const LIMIT: f32 = 1e-4;

fn check(name: &str, joint: bool) {
    let folder = copied(name);
    let encoder = Encoder::open(folder.path()).unwrap();
    let expected = Expected::of(name);
    let close = |what: &str, ours: &[f32], theirs: &[f32]| {
        let difference = difference(ours, theirs);
        println!("{name}, {what}: {difference:.1e}");
        assert!(difference <= LIMIT, "{name}, {what}: {difference}");
    };

    let tower = encoder.image_tower();
    let layers: Vec<usize> = (1..=tower.layers()).collect();
    for picture in 0..expected.pictures() {
        let pixels = expected.pixels(picture);
        let hidden = tower.hidden(&pixels, &layers);
        for (layer, hidden) in layers.iter().zip(&hidden) {
            let key = format!("image.hidden.{layer}");
            close(&key, hidden.data(), &expected.of_picture(&key, picture));
        }
        let (rows, columns) = tower.patch_grid();
        assert_eq!(hidden[0].rows(), rows * columns + usize::from(tower.class_token()));
        let pooled = tower.pool(&hidden[hidden.len() - 1]);
        close("image.pooled", &pooled, &expected.of_picture("image.pooled", picture));
        close("image.embedding", &tower.embed(&pixels), &expected.of_picture("image.embedding", picture));
        assert_eq!(tower.last(&pixels), hidden[hidden.len() - 1]);
        assert_eq!(tower.embedding_width(), tower.project(&pooled).len());
    }

    let tower = encoder.text_tower();
    let layers: Vec<usize> = (1..=tower.layers()).collect();
    for (number, text) in TEXTS.iter().enumerate() {
        let ids = tower.tokenize(text);
        assert_eq!(ids, expected.ids(number), "{text}");
        let hidden = tower.hidden(&ids, &layers);
        for (layer, hidden) in layers.iter().zip(&hidden) {
            let key = format!("text.{number}.hidden.{layer}");
            close(&key, hidden.data(), &expected.numbers(&key));
        }
        let pooled = tower.pool(&ids, &hidden[hidden.len() - 1]);
        close("text.pooled", &pooled, &expected.numbers(&format!("text.{number}.pooled")));
        close("text.embedding", &tower.embed(text), &expected.numbers(&format!("text.{number}.embedding")));
    }
    // Together as alone, bit for bit.
    let alone: Vec<Vec<f32>> = TEXTS.iter().map(|text| tower.embed(text)).collect();
    assert_eq!(tower.embed_all(&TEXTS), alone);

    assert_eq!(encoder.joint().is_some(), joint);
    if let Some(joint) = encoder.joint() {
        close("logit_scale", &[joint.logit_scale / 20.0], &[expected.numbers("logit_scale")[0] / 20.0]);
    }
}

#[test]
fn clip_of_hugging_face() {
    check("hugging-face-clip", true);
}

#[test]
fn clip_of_open_clip() {
    check("open-clip", true);
}

#[test]
fn the_form_of_biomed_clip() {
    check("biomed-clip", true);
}

#[test]
fn the_form_of_the_default_pair() {
    check("dinov2-minilm", false);
}

#[test]
fn a_tower_alone_is_the_same() {
    for name in ["hugging-face-clip", "open-clip", "biomed-clip", "dinov2-minilm"] {
        let folder = copied(name);
        let encoder = Encoder::open(folder.path()).unwrap();
        let pixels = Expected::of(name).pixels(0);
        let image = sdmad_encoders::ImageTower::open(folder.path()).unwrap();
        assert_eq!(image.embed(&pixels), encoder.image_tower().embed(&pixels));
        let text = sdmad_encoders::TextTower::open(folder.path()).unwrap();
        assert_eq!(text.embed("a mass"), encoder.text_tower().embed("a mass"));
    }
}

#[test]
fn towers_may_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Encoder>();
    shared::<sdmad_encoders::Adapted<'_>>();
}

#[test]
fn embeddings_do_not_depend_on_the_number_of_threads() {
    let folder = copied("hugging-face-clip");
    let encoder = Encoder::open(folder.path()).unwrap();
    let pixels = Expected::of("hugging-face-clip").pixels(0);
    let embed = || (encoder.image_tower().embed(&pixels), encoder.text_tower().embed_all(&TEXTS));
    let pools = [1, 2, 4].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let [one, two, four] = pools.map(|pool| pool.install(embed));
    assert!(one == two && two == four);
}
