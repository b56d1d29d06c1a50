use std::fmt;
use std::str::FromStr;

use sdmad_base::{Error, Result};

use crate::Precision;

impl Precision {
    /// All of them, the most exact first.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

    /// Its name: `f32`, `bf16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        }
    }

    /// Its name, and a number behind it that grows when the same weights and inputs come to give other bits on the same instruction path: for those who
    /// keep what was computed.
    pub fn arithmetic(self) -> &'static str {
        match self {
            // With 2, inputs of int8 have a zero of their own.
            Precision::Int8 => "int8 2",
            other => other.name(),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Precision::ALL.into_iter().find(|precision| precision.name() == name).ok_or_else(|| {
            let names: Vec<_> = Precision::ALL.iter().map(|precision| precision.name()).collect();
            Error::bad_input(format!("`{name}` is no precision; expected one of {}", names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for precision in Precision::ALL {
            assert_eq!(precision.name().parse::<Precision>().unwrap(), precision);
        }
        let error = "f16".parse::<Precision>().unwrap_err().to_string();
        assert!(error.contains("`f16`") && error.contains("f32, bf16, int8"), "{error}");
    }
}
