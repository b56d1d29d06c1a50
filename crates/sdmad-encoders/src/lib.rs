//! sdmad-encoders
