//! RAND, RAND_INTEGER and UUID. With a seed, the numbers of Java's `Random`; without, seeded by the operating system.

use std::sync::{Mutex, PoisonError};

use arrow::datatypes::{Float64Type, Int32Type};
use irmak_common::expr::Value;
use irmak_common::types::TypeKind;
use std::fmt::Write;

use crate::column::{build_numbers, build_strings};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Want, strict};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::volatile("RAND", |args| strict(args, &[Want::Int], 1, TypeKind::Double), rand),
    Function::volatile(
        "RAND_INTEGER",
        |args| strict(args, &[Want::Int, Want::Int][..args.len().clamp(1, 2)], 0, TypeKind::Int),
        rand_integer,
    ),
    Function::volatile(
        "UUID",
        |args| strict(args, &[], 0, TypeKind::Char(36)),
        |_| kernel(|_, scope| build_strings(scope.rows, |_, out| Ok(write!(out, "{}", uuid::Uuid::new_v4()).ok()))),
    ),
];

/// Java's linear congruential generator.
struct Random(u64);

impl Random {
    fn new(seed: Option<i64>) -> Self {
        let seed = seed.map_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0, |seed| seed as u64);
        Self((seed ^ 0x5_DEEC_E66D) & ((1 << 48) - 1))
    }

    fn next(&mut self, bits: u32) -> i32 {
        self.0 = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB) & ((1 << 48) - 1);
        (self.0 >> (48 - bits)) as i32
    }

    fn double(&mut self) -> f64 {
        let (high, low) = (i64::from(self.next(26)), i64::from(self.next(27)));
        ((high << 27) + low) as f64 * (1.0 / (1_i64 << 53) as f64)
    }

    /// In `0..bound`.
    fn below(&mut self, bound: i32) -> i32 {
        if bound & bound.wrapping_neg() == bound {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
        }
    }
}

fn seed(call: &Call<'_>, at: usize) -> Option<i64> {
    match call.literal(at) {
        Some(Value::Int(seed)) => Some(*seed),
        _ => None,
    }
}

fn rand(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let random = Mutex::new(Random::new(seed(call, 0)));
    kernel(move |_, scope| {
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        build_numbers::<Float64Type>(scope.rows, |_| Ok(Some(random.double())))
    })
}

fn rand_integer(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let seeded = call.args.len() == 2;
    let random = Mutex::new(Random::new(if seeded { seed(call, 0) } else { None }));
    kernel(move |args, scope| {
        let bounds = args[usize::from(seeded)].ints()?;
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        build_numbers::<Int32Type>(scope.rows, |row| match bounds.get(row) {
            None => Ok(None),
            Some(bound) if bound > 0 => Ok(Some(random.below(bound))),
            Some(_) => Err(EvalError::new("RAND_INTEGER", "bound must be positive").at(row)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_numbers_are_javas() {
        // new Random(42): nextInt(10) twice, nextDouble.
        let mut random = Random::new(Some(42));
        assert_eq!((random.below(10), random.below(10)), (0, 3));
        assert_eq!(Random::new(Some(42)).double().to_string(), "0.7275636800328681");
    }
}
