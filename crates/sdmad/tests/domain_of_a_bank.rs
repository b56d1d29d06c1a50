//! Which domain of the shipped alignment reads which shipped bank, by the words of the real text tower. It is taken from the cache; where it is
//! not there, this test says so and passes, unless SDMAD_TEST_PULL=1 tells it to fetch.

use sdmad::{AlignmentSettings, Bank, ChosenAlignment, shipped_names};
use sdmad_base::Silent;
use sdmad_encoders::{Encoder, encoder_folder, ensure};
use sdmad_synthesis::Domain;

const NAME: &str = "dinov2s-minilm";

#[test]
fn a_kind_of_image_that_was_not_drawn_is_read_by_general() {
    let may_pull = std::env::var("SDMAD_TEST_PULL").is_ok_and(|value| value == "1");
    if !encoder_folder(NAME).unwrap().is_dir() && !may_pull {
        eprintln!("SKIPPED: {NAME} is not in the cache; set SDMAD_TEST_PULL=1 to fetch it");
        return;
    }
    let encoder = Encoder::open(&ensure(NAME, &Silent).unwrap()).unwrap();
    let read_by = |bank: &str| {
        let modality = Bank::shipped(bank).unwrap().modality;
        let chosen = ChosenAlignment::of(&AlignmentSettings::default(), &modality, &encoder).unwrap();
        (bank.to_string(), chosen.expect("the shipped alignment is of the default encoder").part.domain)
    };
    let found: Vec<(String, Domain)> = shipped_names().into_iter().map(read_by).collect();
    let expected = [
        ("brain-mri", Domain::General),
        ("breast-ultrasound", Domain::Ultrasound),
        ("chest-xray", Domain::XRay),
        ("dermoscopy", Domain::Dermoscopy),
        ("fundus", Domain::Fundus),
        ("gi-endoscopy", Domain::General),
        ("phantom", Domain::Ultrasound),
        ("retinal-oct", Domain::Oct),
    ];
    assert_eq!(found, expected.map(|(bank, domain)| (bank.to_string(), domain)));
}
