use sdmad_base::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One object of a configuration file, whose keys are taken one by one, so that a key that changes the model and is not known cannot be
/// passed over in silence.
pub(super) struct Fields {
    place: String,
    left: Map<String, Value>,
}

impl Fields {
    /// `value` must be an object; `place` says where it stands, for messages.
    pub(super) fn new(value: Value, place: impl Into<String>) -> Result<Self> {
        let place = place.into();
        match value {
            Value::Object(left) => Ok(Fields { place, left }),
            other => Err(Error::bad_input(format!("{place} is {other}; an object is expected"))),
        }
    }

    /// Takes a key; none when it is missing or null.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>> {
        match self.left.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|e| Error::bad_input(format!("{}: `{key}` is {value}: {e}", self.place))),
        }
    }

    /// Takes a key, or its default.
    pub(super) fn or<T: DeserializeOwned>(&mut self, key: &str, default: T) -> Result<T> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    /// Takes a key that must be there.
    pub(super) fn required<T: DeserializeOwned>(&mut self, key: &str) -> Result<T> {
        let place = self.place.clone();
        self.optional(key)?.ok_or_else(|| Error::bad_input(format!("{place} lacks `{key}`")))
    }

    /// Takes an object; an empty one when it is missing.
    pub(super) fn object(&mut self, key: &str) -> Result<Fields> {
        let value = self.left.remove(key).filter(|v| !v.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
        Fields::new(value, format!("{}, `{key}`", self.place))
    }

    /// Takes a size that may stand for both sides: `224` or `[224, 224]`.
    pub(super) fn side(&mut self, key: &str) -> Result<Option<usize>> {
        match self.optional::<Value>(key)? {
            None => Ok(None),
            Some(value) => {
                let sides = match &value {
                    Value::Array(sides) => sides.as_slice(),
                    one => std::slice::from_ref(one),
                };
                let first = sides.first().and_then(Value::as_u64).and_then(|side| usize::try_from(side).ok());
                match first {
                    Some(side) if sides.iter().all(|other| Some(other) == sides.first()) => Ok(Some(side)),
                    _ => Err(self.error(format!("`{key}` is {value}; a square of whole pixels is expected"))),
                }
            }
        }
    }

    /// Takes keys that change nothing that sdmad computes.
    pub(super) fn ignore(&mut self, keys: &[&str]) {
        keys.iter().for_each(|key| {
            self.left.remove(*key);
        });
    }

    /// Fails when a key is left that is not null or false: it would switch something on that is not supported.
    pub(super) fn finish(self) -> Result<()> {
        let off = |value: &Value| matches!(value, Value::Null | Value::Bool(false));
        match self.left.iter().find(|(_, value)| !off(value)) {
            None => Ok(()),
            Some((key, value)) => Err(self
                .error(format!("`{key}` is {value}, which is not supported"))
                .with_hint("only plain vision and text transformers can be read; see the crate's documentation")),
        }
    }

    /// An error at this place.
    pub(super) fn error(&self, message: String) -> Error {
        Error::bad_input(format!("{}: {message}", self.place))
    }
}
