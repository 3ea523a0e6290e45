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

/// `f(0), …, f(count − 1)`, in this order, combined by an associative `combine`. `f` writes over memory that each thread makes for itself.
#[cfg(not(feature = "parallel"))]
pub(crate) fn reduce<M, T>(
    count: usize,
    memory: impl Fn() -> M,
    f: impl Fn(&mut M, usize) -> T,
    combine: impl Fn(T, T) -> T,
) -> Option<T> {
    let mut memory = memory();
    (0..count).map(|index| f(&mut memory, index)).reduce(combine)
}

/// `f(0), …, f(count − 1)`, in this order, combined by an associative `combine`. `f` writes over memory that each thread makes for itself.
#[cfg(feature = "parallel")]
pub(crate) fn reduce<M, T: Send>(
    count: usize,
    memory: impl Fn() -> M + Send + Sync,
    f: impl Fn(&mut M, usize) -> T + Send + Sync,
    combine: impl Fn(T, T) -> T + Send + Sync,
) -> Option<T> {
    use rayon::prelude::*;
    (0..count).into_par_iter().map_init(memory, f).reduce_with(combine)
}
