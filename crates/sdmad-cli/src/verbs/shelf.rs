use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use sdmad_base::{Monitor, Result};
use sdmad_encoders::Encoder;
use sdmad_engine::Precision;

use super::open_encoder;

/// An encoder that is opened once at each precision.
pub(crate) struct Shelf {
    name: String,
    opened: Mutex<BTreeMap<&'static str, Arc<Encoder>>>,
}

impl Shelf {
    /// The encoder of this name or folder, not opened yet.
    pub(crate) fn new(name: &str) -> Self {
        Shelf { name: name.to_string(), opened: Mutex::new(BTreeMap::new()) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The encoder at a precision.
    pub(crate) fn open(&self, precision: Precision, monitor: &dyn Monitor) -> Result<Arc<Encoder>> {
        if let Some(encoder) = self.lock().get(precision.name()) {
            return Ok(encoder.clone());
        }
        // Not under the lock: opening works on all threads, and one of them could come here for another cell and wait
        // for itself.
        let encoder = Arc::new(open_encoder(&self.name, precision, monitor)?);
        Ok(self.lock().entry(precision.name()).or_insert(encoder).clone())
    }

    /// Frees what nobody uses.
    pub(crate) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<Encoder>>> {
        // A poisoned lock only means that another thread panicked; the map is whole.
        self.opened.lock().unwrap_or_else(|e| e.into_inner())
    }
}
