use std::fmt::Write as _;

use sdmad_base::sha256_hex;

use super::bank::{Bank, Provenance};

impl Bank {
    /// The canonical `bank.toml`: equal banks give equal text, whatever the file they came from looked like.
    ///
    /// Reading it again gives an equal bank.
    pub fn to_toml(&self) -> String {
        let mut out = format!(
            "schema = {}\nname = {}\nmodality = {}\n",
            Bank::SCHEMA,
            quoted(&self.name),
            quoted(&self.modality)
        );
        write_provenance(&mut out, &self.provenance);
        for category in &self.categories {
            let _ = write!(out, "\n[[category]]\nid = {}\nname = {}\n", quoted(&category.id), quoted(&category.name));
        }
        for sign in &self.signs {
            let categories: Vec<String> = sign.categories.iter().map(|c| quoted(c)).collect();
            let _ = write!(
                out,
                "\n[[sign]]\nid = {}\ntext = {}\ncategories = [{}]\n",
                quoted(&sign.id),
                quoted(&sign.text),
                categories.join(", ")
            );
            if let Some(code) = &sign.code {
                let _ = writeln!(
                    out,
                    "code = {{ scheme = {}, value = {}, meaning = {} }}",
                    quoted(&code.scheme),
                    quoted(&code.value),
                    quoted(&code.meaning)
                );
            }
        }
        out
    }

    /// SHA-256 of [`Bank::to_toml`], as 64 lower-case hexadecimal digits.
    ///
    /// Comments, spacing and the order of keys in the file do not change it; the order of signs does.
    pub fn sha256(&self) -> String {
        sha256_hex(self.to_toml().as_bytes())
    }
}

fn write_provenance(out: &mut String, provenance: &Provenance) {
    let entries = [
        ("model", &provenance.model),
        ("date", &provenance.date),
        ("prompt", &provenance.prompt),
        ("prompt_sha256", &provenance.prompt_sha256),
        ("transcript_sha256", &provenance.transcript_sha256),
        ("reviewed_by", &provenance.reviewed_by),
        ("note", &provenance.note),
    ];
    if entries.iter().any(|(_, value)| value.is_some()) {
        out.push_str("\n[provenance]\n");
    }
    for (key, value) in entries {
        if let Some(value) = value {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
    }
}

/// A TOML basic string (TOML 1.0, "String").
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
