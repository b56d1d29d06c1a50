//! Ultrasound-like phantoms.
mod beam;
mod canvas;
mod field;
mod foci;
mod lesion;
mod render;
mod shape;
mod sign;
mod tissue;
mod traits;

pub use render::PhantomImage;
pub use sign::{PHANTOM_CATEGORIES, PhantomSign};

#[cfg(test)]
mod look {
    #[test]
    #[ignore]
    fn dump() {
        let combos = [
            [false; 4],
            [false; 4],
            [true, false, false, false],
            [false, true, false, false],
            [false, false, true, false],
            [false, false, false, true],
            [false, false, true, true],
            [true, true, false, false],
        ];
        let start = std::time::Instant::now();
        for i in 0..32 {
            let plan = super::render::Plan { categories: combos[i % 8], patient: i };
            let p = super::render::render(256, 3, i, &plan).unwrap();
            let mut out = format!("P5 {} {} 255\n", p.image.width(), p.image.height()).into_bytes();
            out.extend_from_slice(p.image.data());
            std::fs::write(format!("/tmp/phantoms/{i:03}.pgm"), out).unwrap();
            let signs: Vec<&str> =
                super::PhantomSign::ALL.iter().zip(&p.signs).filter(|(_, t)| **t).map(|(s, _)| s.id()).collect();
            println!("{i} {:?} {}", plan.categories, signs.join(" "));
        }
        println!("{:?}", start.elapsed());
    }
}
