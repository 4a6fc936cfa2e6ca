//! The order in which a Java `HashMap` of Flink's values is walked. Multisets print in it, and some text is joined in it, so it shows.
//!
//! Source: OpenJDK's `java.util.HashMap` (`hash`, `resize`), the `hashCode` of boxed numbers and `BigDecimal`, and Flink's
//! `MurmurHashUtils.hashBytes` for `BinaryStringData`.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

/// The rows of a range in the order of a `HashMap` that they were put into one after the other.
pub(super) fn iteration_order(values: &ArrayRef, rows: Range<usize>) -> Vec<usize> {
    let mut buckets = 16_usize;
    while rows.len() > buckets / 4 * 3 {
        buckets *= 2;
    }
    let mut order: Vec<(usize, usize)> = rows.map(|row| (bucket(hash_code(values, row), buckets), row)).collect();
    // Rows of one bucket stay in order of insertion, also when the map grows.
    order.sort_by_key(|(bucket, _)| *bucket);
    order.into_iter().map(|(_, row)| row).collect()
}

fn bucket(hash: i32, buckets: usize) -> usize {
    let hash = hash as u32;
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
}

/// `hashCode` of a value as Flink holds it. Types that hash by identity in Java have 0: their order shows nothing.
fn hash_code(values: &ArrayRef, row: usize) -> i32 {
    if values.is_null(row) {
        return 0;
    }
    match values.data_type() {
        DataType::Int8 => i32::from(values.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => i32::from(values.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row),
        DataType::Int64 => of_long(values.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => values.as_primitive::<Float32Type>().value(row).to_bits() as i32,
        DataType::Float64 => of_long(values.as_primitive::<Float64Type>().value(row).to_bits() as i64),
        DataType::Decimal128(_, scale) => of_decimal(values.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Utf8 => murmur(values.as_string::<i32>().value(row).as_bytes()),
        _ => 0,
    }
}

fn of_long(value: i64) -> i32 {
    (value ^ ((value as u64) >> 32) as i64) as i32
}

/// `31 * BigInteger.hashCode() + scale`; the integer hashes its magnitude in words, most significant first.
fn of_decimal(unscaled: i128, scale: i8) -> i32 {
    let magnitude = unscaled.unsigned_abs();
    let words = (0..4).rev().map(|word| (magnitude >> (32 * word)) as u32).skip_while(|word| *word == 0);
    let hash = words.fold(0_i32, |hash, word| hash.wrapping_mul(31).wrapping_add(word as i32));
    hash.wrapping_mul(unscaled.signum() as i32).wrapping_mul(31).wrapping_add(i32::from(scale))
}

fn murmur(bytes: &[u8]) -> i32 {
    let mix = |hash: u32, word: u32| {
        let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    };
    let mut chunks = bytes.chunks_exact(4);
    let mut hash = 42;
    for chunk in &mut chunks {
        hash = mix(hash, u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    }
    for byte in chunks.remainder() {
        hash = mix(hash, i32::from(*byte as i8) as u32);
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn multisets_print_as_recorded() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![i32::MAX, 1, -5]));
        assert_eq!(iteration_order(&numbers, 0..3), [0, 1, 2]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", "", "nullkey", "é😀"]));
        assert_eq!(iteration_order(&texts, 0..2), [1, 0], "{{=1, x=2}}");
        assert_eq!(iteration_order(&texts, 2..4), [2, 3], "{{nullkey=1, é😀=1}}");
    }

    #[test]
    fn decimals_hash_as_java_hashes_them() {
        // new BigDecimal("1.00").hashCode() = 31 * 100 + 2; negative ones and two words alike.
        assert_eq!(of_decimal(100, 2), 3_102);
        assert_eq!(of_decimal(-100, 2), -3_098);
        assert_eq!(of_decimal(1 << 32, 0), 31 * 31);
    }
}
