//! What every domain promises of its renderings, on its own tissue.

use std::sync::OnceLock;

use sdmad_synthesis::{Attribute as A, AttributeSet, Domain, Finding, Renderer, Rendering};

/// Renderings of each domain that the tests look at.
const COUNT: u64 = 150;

/// What is left of a finding: its mask takes much memory.
struct Place {
    attributes: AttributeSet,
    /// Least, largest and mean value of the mask.
    range: (f32, f32, f32),
    /// The mask's centre of gravity in shares of the side, 0 in the middle.
    centre: (f32, f32),
}

struct Summary {
    number: u64,
    present: AttributeSet,
    unknown: AttributeSet,
    findings: Vec<Place>,
}

impl Place {
    fn of(finding: &Finding) -> Place {
        let (side, values) = (finding.mask.side(), finding.mask.values());
        let (mut x, mut y, mut sum) = (0.0f64, 0.0f64, 0.0f64);
        let (mut least, mut most) = (f32::MAX, f32::MIN);
        for (index, &value) in values.iter().enumerate() {
            let weight = f64::from(value);
            (x, y, sum) = (x + weight * (index % side) as f64, y + weight * (index / side) as f64, sum + weight);
            (least, most) = (least.min(value), most.max(value));
        }
        let share = |moment: f64| (moment / sum / side as f64 - 0.5) as f32;
        Place {
            attributes: finding.attributes,
            range: (least, most, (sum / values.len() as f64) as f32),
            centre: (share(x), share(y)),
        }
    }
}

/// Renderings of a domain, made once.
fn summaries(domain: Domain) -> &'static [Summary] {
    static ALL: [OnceLock<Vec<Summary>>; Domain::ALL.len()] = [const { OnceLock::new() }; Domain::ALL.len()];
    let index = Domain::ALL.iter().position(|&d| d == domain).expect("one of all");
    ALL[index].get_or_init(|| {
        let renderer = Renderer::new(domain, 7);
        let summary = |number| {
            let Rendering { findings, present, unknown, .. } = renderer.render(None, number).expect("an image");
            Summary { number, present, unknown, findings: findings.iter().map(Place::of).collect() }
        };
        (0..COUNT).map(summary).collect()
    })
}

/// Calls `check` with each finding of a domain and the words of a message.
fn each_finding(domain: Domain, check: impl Fn(&Place, String)) {
    for summary in summaries(domain) {
        for place in &summary.findings {
            let words: Vec<&str> = place.attributes.iter().map(A::id).collect();
            check(place, format!("{} {}: {}", domain.id(), summary.number, words.join(" ")));
        }
    }
}

#[test]
fn seed_and_number_make_the_image() {
    for domain in Domain::ALL {
        let image = |seed, number| Renderer::new(domain, seed).render(None, number).expect("an image").image;
        for number in 0..4 {
            let first = image(5, number);
            assert!(first == image(5, number), "{} {number} is not drawn alike twice", domain.id());
            assert!(first != image(5, number + 1), "{} {number} is as the next", domain.id());
            assert!(first != image(6, number), "{} {number} does not depend on the seed", domain.id());
        }
    }
}

#[test]
fn real_normals_are_drawn_on_alike_twice_and_differently_by_number() {
    for domain in Domain::ALL {
        let normal =
            Renderer { normal_share: 1.0, ..Renderer::new(domain, 1) }.render(None, 0).expect("a normal").image;
        let image = |number| Renderer::new(domain, 2).render(Some(&normal), number).expect("an image").image;
        assert!(image(3) == image(3), "{}", domain.id());
        assert!(image(3) != image(4), "{}", domain.id());
    }
}

#[test]
fn nothing_holds_exactly_without_a_finding() {
    for domain in Domain::ALL {
        for Summary { number, present, unknown, findings } in summaries(domain) {
            let name = format!("{} {number}", domain.id());
            assert_eq!(present.contains(A::Nothing), findings.is_empty(), "{name}");
            assert_eq!(present.contains(A::Finding), !findings.is_empty(), "{name}");
            assert!(present.intersection(*unknown).is_empty(), "{name}: known and unknown at once");
        }
        let normal = summaries(domain).iter().filter(|s| s.findings.is_empty()).count();
        assert!((5..75).contains(&normal), "{}: {normal} of {COUNT} have no finding", domain.id());
    }
}

#[test]
fn findings_have_masks_where_their_words_say() {
    for domain in Domain::ALL {
        each_finding(domain, |place, name| {
            assert!(place.attributes.contains(A::Finding), "{name}");
            let (least, most, mean) = place.range;
            assert!(least >= 0.0 && most <= 1.0, "{name}: a mask from {least} to {most}");
            assert!(most > 0.5 && mean > 0.0, "{name}: a mask up to {most} is empty");
            let (x, y) = place.centre;
            for (attribute, holds) in
                [(A::Left, x < -0.1), (A::Right, x > 0.1), (A::Upper, y < -0.1), (A::Lower, y > 0.1)]
            {
                assert!(holds || !place.attributes.contains(attribute), "{name}: centred at {x:.2} {y:.2}");
            }
        });
    }
}

/// At most one of each row holds of a finding.
const EXCLUSIVE: &[&[A]] = &[
    &[A::Nothing, A::Finding],
    &[A::Sharp, A::Blurred],
    &[A::Wide, A::Tall],
    &[A::Homogeneous, A::Heterogeneous],
    &[A::Homogeneous, A::MixedDensity],
    &[A::Round, A::Oval, A::Lobulated, A::Irregular],
    &[A::Round, A::Spiculated],
    &[A::Oval, A::Spiculated],
    &[A::Small, A::Large],
    &[A::Single, A::Few, A::Multiple],
    &[A::Dark, A::Bright],
    &[A::EchoFree, A::Bright],
    &[A::EchoFree, A::Heterogeneous],
    &[A::Left, A::Right],
    &[A::Upper, A::Lower],
    &[A::Central, A::Peripheral],
    &[A::Shadow, A::Enhancement],
    &[A::OneColour, A::ManyColours],
    &[A::SmoothLayers, A::InterruptedLayer],
    &[A::SharpAngles, A::BluntedAngle],
    &[A::ClearLungs, A::WhiteLung],
    &[A::LargeCup, A::SmallCup],
    &[A::CloudedView, A::ClearView],
    &[A::RegularNetwork, A::AtypicalNetwork],
    &[A::RegularGlobules, A::IrregularGlobules],
    &[A::Symmetric, A::Asymmetric],
];

/// At most one of each row holds of an image.
const EXCLUSIVE_OF_IMAGES: &[[A; 2]] = &[
    [A::Nothing, A::Finding],
    [A::OneColour, A::ManyColours],
    [A::SharpAngles, A::BluntedAngle],
    [A::ClearLungs, A::WhiteLung],
    [A::LargeCup, A::SmallCup],
    [A::CloudedView, A::ClearView],
    [A::RegularNetwork, A::AtypicalNetwork],
    [A::RegularGlobules, A::IrregularGlobules],
    [A::Symmetric, A::Asymmetric],
];

#[test]
fn what_excludes_another_is_never_beside_it() {
    let mut wrong = Vec::new();
    for domain in Domain::ALL {
        for summary in summaries(domain) {
            for place in &summary.findings {
                for row in EXCLUSIVE {
                    let both: Vec<&str> =
                        row.iter().filter(|&&a| place.attributes.contains(a)).map(|a| a.id()).collect();
                    if both.len() > 1 {
                        wrong.push(format!("{} {}: a finding is {}", domain.id(), summary.number, both.join(" and ")));
                    }
                }
            }
            for [a, b] in EXCLUSIVE_OF_IMAGES {
                if summary.present.contains(*a) && summary.present.contains(*b) {
                    let (a, b) = (a.id(), b.id());
                    wrong.push(format!("{} {}: the image is {a} and {b}", domain.id(), summary.number));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn both_sides_of_a_contrast_are_drawn() {
    let own: [(Domain, &[[A; 2]]); Domain::ALL.len()] = [
        (
            Domain::Ultrasound,
            &[
                [A::Shadow, A::Enhancement],
                [A::Wide, A::Tall],
                [A::EchoFree, A::Heterogeneous],
                [A::Capsule, A::Halo],
                [A::DisplacedLayers, A::InterruptedLayer],
            ],
        ),
        (
            Domain::XRay,
            &[
                [A::ClearLungs, A::WhiteLung],
                [A::SharpAngles, A::BluntedAngle],
                [A::Left, A::Right],
                [A::Few, A::Multiple],
            ],
        ),
        (Domain::Fundus, &[[A::LargeCup, A::SmallCup], [A::CloudedView, A::ClearView], [A::Haemorrhage, A::Exudates]]),
        (
            Domain::Dermoscopy,
            &[
                [A::RegularNetwork, A::AtypicalNetwork],
                [A::RegularGlobules, A::IrregularGlobules],
                [A::Symmetric, A::Asymmetric],
                [A::OneColour, A::ManyColours],
            ],
        ),
        (
            Domain::Oct,
            &[[A::SmoothLayers, A::InterruptedLayer], [A::ElevatedLayer, A::ThickLayer], [A::Dark, A::Bright]],
        ),
        (
            Domain::Endoscopy,
            &[
                [A::ElevatedLayer, A::InterruptedLayer],
                [A::ClearView, A::LostVessels],
                [A::Red, A::White],
                [A::Single, A::Multiple],
                [A::Granular, A::Homogeneous],
            ],
        ),
        (
            Domain::BrainMri,
            &[
                [A::Dark, A::Bright],
                [A::Homogeneous, A::Heterogeneous],
                [A::Ring, A::Halo],
                [A::Symmetric, A::Asymmetric],
                [A::Small, A::Large],
                [A::DisplacedLayers, A::Distortion],
                [A::SmoothLayers, A::InterruptedLayer],
            ],
        ),
        (Domain::General, &[[A::Dark, A::Bright], [A::Dots, A::Linear], [A::Small, A::Large]]),
    ];
    for (domain, pairs) in own {
        for pair in pairs.iter().chain(&[[A::Sharp, A::Blurred]]) {
            for attribute in pair {
                let times = summaries(domain).iter().filter(|s| s.present.contains(*attribute)).count();
                assert!(times > 1, "{} is drawn {times} times in {COUNT} images of {}", attribute.id(), domain.id());
            }
        }
    }
}

#[test]
fn every_attribute_is_drawn_somewhere() {
    let drawn = Domain::ALL
        .iter()
        .flat_map(|&domain| summaries(domain))
        .fold(AttributeSet::EMPTY, |set, summary| set.union(summary.present));
    let never: Vec<&str> = A::ALL.iter().filter(|&&a| !drawn.contains(a)).map(|a| a.id()).collect();
    assert!(never.is_empty(), "never drawn: {never:?}");
}

#[test]
fn a_skin_lesion_has_one_form_edge_and_size() {
    let rows: [&[A]; 4] = [
        &[A::Round, A::Oval, A::Lobulated, A::Irregular],
        &[A::Sharp, A::Blurred],
        &[A::Small, A::Large],
        &[A::Wide, A::Tall],
    ];
    for summary in summaries(Domain::Dermoscopy) {
        for row in rows {
            let said: Vec<&str> = row.iter().filter(|&&a| summary.present.contains(a)).map(|a| a.id()).collect();
            assert!(said.len() < 2, "{}: {} at once", summary.number, said.join(" and "));
        }
    }
}

#[test]
fn what_own_tissue_shows_is_never_denied() {
    let shown: [(Domain, &[A]); 6] = [
        (Domain::Ultrasound, &[A::Linear, A::Streaks]),
        (Domain::XRay, &[A::Linear, A::Streaks, A::Branching]),
        (Domain::Fundus, &[A::Linear, A::Branching, A::Ring]),
        (Domain::Oct, &[A::Linear, A::Shadow]),
        (Domain::Endoscopy, &[A::Linear, A::Streaks, A::Branching, A::Ring, A::Pink, A::BrightSpecks]),
        (Domain::BrainMri, &[A::Linear, A::Branching, A::Streaks, A::FluidPocket]),
    ];
    for (domain, attributes) in shown {
        for Summary { number, present, unknown, .. } in summaries(domain) {
            for &attribute in attributes {
                let open = present.union(*unknown).contains(attribute);
                assert!(open, "{} {number} is said to be without {}", domain.id(), attribute.id());
            }
        }
    }
}
