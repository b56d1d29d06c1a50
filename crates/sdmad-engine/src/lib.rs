//! sdmad-engine
