use sdmad_base::{Error, Result};

/// The mask files of one image, relative to the manifest's folder; a pixel above 0 is abnormal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Masks {
    /// The image has no mask.
    #[default]
    None,
    /// One file for everything that is abnormal in the image.
    Whole(String),
    /// `(category id, file)` in the manifest's order. A category named twice has the union of its files.
    PerCategory(Vec<(String, String)>),
}

impl Masks {
    /// Reads a mask cell: empty, a file, or `category=path` pairs separated by `;`.
    ///
    /// `categories` are the ids that a pair may name. A cell with `=` or `;` in it is read as pairs.
    ///
    /// # Errors
    /// [`Kind::BadInput`](sdmad_base::Kind::BadInput) for a pair without `=` or without a path, an unknown
    /// category, or the same pair twice.
    pub fn parse(cell: &str, categories: &[String]) -> Result<Self> {
        if cell.is_empty() {
            return Ok(Masks::None);
        }
        if !cell.contains(['=', ';']) {
            return Ok(Masks::Whole(cell.to_string()));
        }
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in cell.split(';') {
            let Some((category, path)) = part.split_once('=') else {
                return Err(form(cell, &format!("`{part}` has no `=`")));
            };
            if path.is_empty() {
                return Err(form(cell, &format!("`{part}` names no file")));
            }
            if !categories.iter().any(|c| c == category) {
                let known = categories.join(", ");
                return Err(form(cell, &format!("`{category}` is no category of this manifest ({known})")));
            }
            let pair = (category.to_string(), path.to_string());
            if pairs.contains(&pair) {
                return Err(form(cell, &format!("`{part}` stands there twice")));
            }
            pairs.push(pair);
        }
        Ok(Masks::PerCategory(pairs))
    }

    /// The cell as [`Masks::parse`] reads it.
    pub fn cell(&self) -> String {
        match self {
            Masks::None => String::new(),
            Masks::Whole(path) => path.clone(),
            Masks::PerCategory(pairs) => {
                pairs.iter().map(|(category, path)| format!("{category}={path}")).collect::<Vec<_>>().join(";")
            }
        }
    }

    /// All mask files, in order.
    pub fn files(&self) -> Vec<&str> {
        match self {
            Masks::None => Vec::new(),
            Masks::Whole(path) => vec![path],
            Masks::PerCategory(pairs) => pairs.iter().map(|(_, path)| path.as_str()).collect(),
        }
    }

    /// The mask files of one category; the union of their pixels is its mask.
    ///
    /// A mask of the whole image belongs to every category: whether the category is present, the labels say.
    pub fn of_category(&self, category: &str) -> Vec<&str> {
        match self {
            Masks::None => Vec::new(),
            Masks::Whole(path) => vec![path],
            Masks::PerCategory(pairs) => {
                pairs.iter().filter(|(id, _)| id == category).map(|(_, path)| path.as_str()).collect()
            }
        }
    }

    /// Whether there is no mask.
    pub fn is_none(&self) -> bool {
        matches!(self, Masks::None)
    }
}

fn form(cell: &str, what: &str) -> Error {
    Error::bad_input(format!(
        "mask `{cell}`: {what}; expected one file, or `category=path` pairs separated by `;`, or nothing"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_as_they_were() {
        let categories = vec!["cyst".to_string(), "mass".to_string()];
        for cell in ["", "masks/1.png", "cyst=a.png", "cyst=a.png;mass=b.png;mass=c.png"] {
            assert_eq!(Masks::parse(cell, &categories).unwrap().cell(), cell);
        }
        let masks = Masks::parse("cyst=a.png;mass=b.png;mass=c.png", &categories).unwrap();
        assert_eq!(masks.of_category("mass"), ["b.png", "c.png"]);
        assert_eq!(masks.files(), ["a.png", "b.png", "c.png"]);
    }

    #[test]
    fn other_forms_are_refused_with_their_reason() {
        let categories = vec!["cyst".to_string()];
        for (cell, part) in [
            ("a.png;b.png", "has no `=`"),
            ("cyst=", "names no file"),
            ("mass=a.png", "`mass` is no category"),
            ("cyst=a.png;cyst=a.png", "twice"),
            ("cyst=a.png;", "has no `=`"),
        ] {
            let message = Masks::parse(cell, &categories).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(cell), "{message}");
        }
    }
}
