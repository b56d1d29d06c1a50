//! Whole commands: the built binary in a temporary folder, with small random encoders and small phantoms.

mod align;
mod bank;
mod baselines;
mod benchmark;
mod comparison;
mod data;
mod disk;
mod draft;
mod encoder;
mod image;
mod manifest;
mod metrics;
mod precision;
mod predictions;
mod run;
mod same_bits;
mod settings;
mod weights;
mod world;
