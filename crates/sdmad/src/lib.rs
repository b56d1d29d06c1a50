//! sdmad
