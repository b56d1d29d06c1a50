//! Every operation against plain f64 versions of it, and every adjoint against finite differences.

mod activation;
mod adapter;
mod attention;
mod block;
mod dense;
mod fixture;
mod invariance;
mod layer_norm;
mod linear;
mod normalize;
mod optimizer;
mod precision;
mod reference;
