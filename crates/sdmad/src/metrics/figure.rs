use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Figures with fewer positives or negatives than this carry a mark and support no claim.
pub const FEW: u64 = 20;

/// A figure of merit: a value, perhaps with an interval, or the reason why there is none.
///
/// Serialises as `{"value":x,"lo":x,"hi":x}` or `{"value":null,"why":"…"}`; `"few":true` is added where it holds,
/// and `"left_out":[ids]` to a mean over categories that not every category takes part in.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    value: Option<f64>,
    why: Option<String>,
    interval: Option<(f64, f64)>,
    few: bool,
    left_out: Vec<String>,
}

impl Figure {
    /// A figure that has a value. A value that is no finite number becomes a missing figure.
    pub fn of(value: f64) -> Self {
        if value.is_finite() {
            Figure { value: Some(value), why: None, interval: None, few: false, left_out: Vec::new() }
        } else {
            Figure::missing("the computation gave no finite number")
        }
    }

    /// A figure that cannot be computed, with the reason.
    pub fn missing(why: impl Into<String>) -> Self {
        Figure { value: None, why: Some(why.into()), interval: None, few: false, left_out: Vec::new() }
    }

    /// Adds an interval, lower end first. A missing figure stays as it is.
    #[must_use]
    pub fn with_interval(mut self, low: f64, high: f64) -> Self {
        if self.value.is_some() {
            self.interval = Some((low, high));
        }
        self
    }

    /// Says why a figure with a value has no interval.
    #[must_use]
    pub fn without_interval(mut self, why: impl Into<String>) -> Self {
        if self.value.is_some() {
            self.interval = None;
            self.why = Some(why.into());
        }
        self
    }

    /// Sets the mark of a figure that rests on fewer than [`FEW`] positives or negatives.
    #[must_use]
    pub fn marked_few(mut self, few: bool) -> Self {
        self.few = few;
        self
    }

    /// Names the categories (or signs) that a mean could not take in.
    #[must_use]
    pub fn with_left_out(mut self, left_out: Vec<String>) -> Self {
        self.left_out = left_out;
        self
    }

    /// The value, if the figure can be computed.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// Why there is no value, or no interval.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// Lower and upper end of the interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.interval
    }

    /// Whether the figure rests on fewer than [`FEW`] positives or negatives.
    pub fn few(&self) -> bool {
        self.few
    }

    /// The categories (or signs) that a mean could not take in.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &self.value)?;
        if self.value.is_some() {
            map.serialize_entry("lo", &self.interval.map(|i| i.0))?;
            map.serialize_entry("hi", &self.interval.map(|i| i.1))?;
        }
        if let Some(why) = &self.why {
            map.serialize_entry("why", why)?;
        }
        if self.few {
            map.serialize_entry("few", &true)?;
        }
        if !self.left_out.is_empty() {
            map.serialize_entry("left_out", &self.left_out)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_shapes_of_the_interface() {
        let json = |figure: &Figure| serde_json::to_string(figure).unwrap();
        assert_eq!(json(&Figure::of(0.5).with_interval(0.25, 0.75)), r#"{"value":0.5,"lo":0.25,"hi":0.75}"#);
        assert_eq!(json(&Figure::missing("no positive")), r#"{"value":null,"why":"no positive"}"#);
        let marked = Figure::of(1.0).with_interval(1.0, 1.0).marked_few(true).with_left_out(vec!["cyst".into()]);
        assert_eq!(json(&marked), r#"{"value":1.0,"lo":1.0,"hi":1.0,"few":true,"left_out":["cyst"]}"#);
        assert_eq!(json(&Figure::of(0.5)), r#"{"value":0.5,"lo":null,"hi":null}"#);
        assert_eq!(Figure::of(f64::NAN).value(), None);
    }
}
