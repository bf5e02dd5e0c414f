//! What the same code computes with: single and double precision.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

use fearless_simd::{Simd, SimdFloat, SimdFloatElement, f32x8, f64x8};

/// Values of a vector.
pub(crate) const LANES: usize = 8;

/// f32 or f64.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + SimdFloatElement
{
    /// Eight of them.
    type Vector<S: Simd>: SimdFloat<S, Element = Self>;
    /// 1.
    const ONE: Self;
    /// e to the power of it.
    #[must_use]
    fn exp(self) -> Self;
    /// A small whole number.
    #[must_use]
    fn whole(number: usize) -> Self;
    /// The whole number that it is.
    #[must_use]
    fn index(self) -> usize;
}

impl Real for f32 {
    type Vector<S: Simd> = f32x8<S>;
    const ONE: Self = 1.0;

    fn exp(self) -> Self {
        f32::exp(self)
    }

    #[inline(always)]
    fn whole(number: usize) -> Self {
        number as f32
    }

    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

impl Real for f64 {
    type Vector<S: Simd> = f64x8<S>;
    const ONE: Self = 1.0;

    fn exp(self) -> Self {
        f64::exp(self)
    }

    #[inline(always)]
    fn whole(number: usize) -> Self {
        number as f64
    }

    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}
