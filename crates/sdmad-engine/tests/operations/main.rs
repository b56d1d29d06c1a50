//! Every operation against plain f64 versions of it, and every adjoint against finite differences.

mod attention;
mod linear;
mod reference;
