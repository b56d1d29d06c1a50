//! Which domain of the shipped alignment reads which shipped bank, by the words of the real text tower. It is taken from the cache; where it is
//! not there, this test says so and passes, unless SDMAD_TEST_PULL=1 tells it to fetch.

use sdmad::{AlignmentSettings, Bank, ChosenAlignment, shipped_names};
use sdmad_base::Silent;
use sdmad_encoders::{Encoder, encoder_folder, ensure};
use sdmad_synthesis::Domain;

const NAME: &str = "dinov2s-minilm";

#[test]
fn each_kind_of_image_is_read_by_its_domain_and_what_was_not_drawn_by_general() {
    let may_pull = std::env::var("SDMAD_TEST_PULL").is_ok_and(|value| value == "1");
    if !encoder_folder(NAME).unwrap().is_dir() && !may_pull {
        eprintln!("SKIPPED: {NAME} is not in the cache; set SDMAD_TEST_PULL=1 to fetch it");
        return;
    }
    let encoder = Encoder::open(&ensure(NAME, &Silent).unwrap()).unwrap();
    let read_by = |modality: &str| {
        let chosen = ChosenAlignment::of(&AlignmentSettings::default(), modality, &encoder).unwrap();
        chosen.expect("the shipped alignments are of the default encoder").part.domain
    };
    let of_bank = |bank: &str| (bank.to_string(), read_by(&Bank::shipped(bank).unwrap().modality));
    let found: Vec<(String, Domain)> = shipped_names().into_iter().map(of_bank).collect();
    let expected = [
        ("brain-mri", Domain::BrainMri),
        ("breast-ultrasound", Domain::Ultrasound),
        ("chest-xray", Domain::XRay),
        ("dermoscopy", Domain::Dermoscopy),
        ("fundus", Domain::Fundus),
        ("gi-endoscopy", Domain::Endoscopy),
        ("phantom", Domain::Ultrasound),
        ("retinal-oct", Domain::Oct),
    ];
    assert_eq!(found, expected.map(|(bank, domain)| (bank.to_string(), domain)));
    for other in ["a histopathology slide", "an abdominal CT slice", "a knee MRI", "a cardiac MRI", "a spine MRI"] {
        assert_eq!(read_by(other), Domain::General, "{other}");
    }
    for (other, domain) in [("an MRI of the brain", Domain::BrainMri), ("a colonoscopy image", Domain::Endoscopy)] {
        assert_eq!(read_by(other), domain, "{other}");
    }
}
