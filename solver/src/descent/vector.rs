//! Vectors for argmin whose storage is used again: once a descent has warmed up, its arithmetic asks for no memory.

use argmin_math::{
    ArgminAdd, ArgminDot, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminScaledAdd, ArgminSignum,
    ArgminSub, ArgminZeroLike,
};
use std::cell::RefCell;
use std::rc::Rc;

/// Sums that [`ArgminDot`] keeps apart, so that they need not wait for one another.
const LANES: usize = 8;

/// The storage of vectors that were dropped, for those to come.
#[derive(Clone, Default)]
pub(super) struct Pool(Rc<RefCell<Vec<Vec<f64>>>>);

impl Pool {
    pub fn vector(&self, entries: impl Iterator<Item = f64>) -> Vector {
        let storage = self.0.borrow_mut().pop();
        let mut vector = Vector { entries: storage.unwrap_or_default(), pool: self.clone() };
        vector.entries.extend(entries);
        vector
    }
}

/// A vector whose storage comes from a pool and returns to it. Operands are of one length.
pub(super) struct Vector {
    entries: Vec<f64>,
    pool: Pool,
}

impl Vector {
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        self.pool.vector(self.entries.iter().map(|&entry| f(entry)))
    }

    fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        self.pool.vector(self.entries.iter().zip(&other.entries).map(|(&a, &b)| f(a, b)))
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        let mut storage = std::mem::take(&mut self.entries);
        storage.clear();
        self.pool.0.borrow_mut().push(storage);
    }
}

impl Clone for Vector {
    fn clone(&self) -> Self {
        self.map(|entry| entry)
    }
}

impl ArgminAdd<Self, Self> for Vector {
    fn add(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl ArgminAdd<f64, Self> for Vector {
    fn add(&self, other: &f64) -> Self {
        self.map(|entry| entry + other)
    }
}

impl ArgminSub<Self, Self> for Vector {
    fn sub(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl ArgminSub<f64, Self> for Vector {
    fn sub(&self, other: &f64) -> Self {
        self.map(|entry| entry - other)
    }
}

impl ArgminMul<Self, Self> for Vector {
    fn mul(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl ArgminMul<f64, Self> for Vector {
    fn mul(&self, other: &f64) -> Self {
        self.map(|entry| entry * other)
    }
}

impl ArgminScaledAdd<Self, f64, Self> for Vector {
    fn scaled_add(&self, factor: &f64, vector: &Self) -> Self {
        self.zip(vector, |a, b| a + factor * b)
    }
}

impl ArgminDot<Self, f64> for Vector {
    fn dot(&self, other: &Self) -> f64 {
        let (a, b) = (self.entries.chunks_exact(LANES), other.entries.chunks_exact(LANES));
        let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f64>();
        let mut sums = [0.0; LANES];
        for (a, b) in a.zip(b) {
            for lane in 0..LANES {
                sums[lane] += a[lane] * b[lane];
            }
        }
        sums.iter().sum::<f64>() + rest
    }
}

impl ArgminL2Norm<f64> for Vector {
    fn l2_norm(&self) -> f64 {
        self.dot(self).sqrt()
    }
}

impl ArgminL1Norm<f64> for Vector {
    fn l1_norm(&self) -> f64 {
        self.entries.iter().map(|entry| entry.abs()).sum()
    }
}

impl ArgminSignum for Vector {
    fn signum(self) -> Self {
        self.map(f64::signum)
    }
}

impl ArgminZeroLike for Vector {
    fn zero_like(&self) -> Self {
        self.map(|_| 0.0)
    }
}

impl ArgminMinMax for Vector {
    fn min(x: &Self, y: &Self) -> Self {
        x.zip(y, f64::min)
    }

    fn max(x: &Self, y: &Self) -> Self {
        x.zip(y, f64::max)
    }
}
