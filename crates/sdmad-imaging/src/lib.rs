//! sdmad-imaging
