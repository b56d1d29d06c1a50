/// The files of the folder `signs` at the repository's root, in alphabetical order.
const SHIPPED: [(&str, &str); 8] = [
    ("brain-mri", include_str!("../../../../signs/brain-mri.toml")),
    ("breast-ultrasound", include_str!("../../../../signs/breast-ultrasound.toml")),
    ("chest-xray", include_str!("../../../../signs/chest-xray.toml")),
    ("dermoscopy", include_str!("../../../../signs/dermoscopy.toml")),
    ("fundus", include_str!("../../../../signs/fundus.toml")),
    ("gi-endoscopy", include_str!("../../../../signs/gi-endoscopy.toml")),
    ("phantom", include_str!("../../../../signs/phantom.toml")),
    ("retinal-oct", include_str!("../../../../signs/retinal-oct.toml")),
];

/// The names of the shipped banks, in alphabetical order.
pub fn shipped_names() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

/// The file of a shipped bank, as it stands in the repository.
pub fn shipped_text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
