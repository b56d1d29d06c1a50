use std::fmt::Write as _;

use super::svg::escape;

/// What a link to a section names.
pub(super) fn anchor(name: &str, encoder: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("{name}-{encoder}").chars().map(safe).collect()
}

/// The first row of a table of figures.
pub(super) fn header<'a>(rest: impl Iterator<Item = &'a str>) -> Vec<String> {
    std::iter::once("figure").chain(rest).map(String::from).collect()
}

/// A table; the first row and the first column are headers.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::from("<div class=\"scroll\"><table>");
    for (number, row) in rows.iter().enumerate() {
        let cell = |(at, cell): (usize, &String)| match (number, at) {
            (0, _) => format!("<th scope=\"col\">{}</th>", escape(cell)),
            (_, 0) => format!("<th scope=\"row\">{}</th>", escape(cell)),
            _ => format!("<td>{}</td>", escape(cell)),
        };
        let cells: String = row.iter().enumerate().map(cell).collect();
        let (open, close) = match number {
            0 => ("<thead>", "</thead><tbody>"),
            _ => ("", ""),
        };
        let _ = write!(text, "{open}<tr>{cells}</tr>{close}");
    }
    text + "</tbody></table></div>"
}
