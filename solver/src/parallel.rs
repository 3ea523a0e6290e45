//! Independent work items, on one thread or (feature `parallel`) on rayon's. The results are the same.

/// `f(0), …, f(count − 1)`, in this order.
#[cfg(not(feature = "parallel"))]
pub(crate) fn map<T>(count: usize, f: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(f).collect()
}

/// `f(0), …, f(count − 1)`, in this order.
#[cfg(feature = "parallel")]
pub(crate) fn map<T: Send>(count: usize, f: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    use rayon::prelude::*;
    (0..count).into_par_iter().map(f).collect()
}
