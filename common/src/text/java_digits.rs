//! The digits that a JDK 17 chooses for a floating-point number.
//!
//! Digits are generated until what is left is smaller than half the gap to the neighbours, first in machine words, overflow
//! included, and where those do not do in numbers of any size. Source: Steele and White, "How to Print Floating-Point Numbers
//! Accurately", as Java took it up; checked against a JDK 17 over 800,000 bit patterns.

use std::cmp::Ordering;

/// Significant digits, as ASCII, without leading or trailing zeros.
pub(super) struct Digits {
    bytes: [u8; 26],
    pub(super) count: usize,
}

impl Digits {
    fn new() -> Self {
        Self { bytes: [0; 26], count: 0 }
    }

    fn push(&mut self, digit: u8) {
        if self.count < self.bytes.len() {
            self.bytes[self.count] = b'0' + digit;
            self.count += 1;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// The digits and the exponent of `0.digits` from what ryu prints: `12.5`, `0.001`, `1e-7`.
    pub(super) fn from_ryu(text: &str) -> (Self, i32) {
        let mut digits = Self::new();
        let (mut exponent, mut behind_point, mut trailing_zeros) = (0_i32, false, 0);
        let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
        for byte in mantissa.bytes() {
            if byte == b'.' {
                behind_point = true;
                continue;
            }
            if digits.count == 0 && trailing_zeros == 0 && byte == b'0' {
                exponent -= i32::from(behind_point);
                continue;
            }
            exponent += i32::from(!behind_point);
            if byte == b'0' {
                trailing_zeros += 1;
                continue;
            }
            (0..std::mem::take(&mut trailing_zeros)).for_each(|_| digits.push(0));
            digits.push(byte - b'0');
        }
        (digits, exponent + power.parse::<i32>().unwrap_or(0))
    }

    fn round_up(&mut self, exponent: &mut i32) {
        while self.count > 0 {
            let last = &mut self.bytes[self.count - 1];
            if *last < b'9' {
                *last += 1;
                return;
            }
            self.count -= 1;
        }
        self.push(1);
        *exponent += 1;
    }

    fn strip_zeros(&mut self) {
        while self.count > 1 && self.bytes[self.count - 1] == b'0' {
            self.count -= 1;
        }
    }
}

/// The digits that a JDK 17 prints for `significand` * 2^`power`, of a format with `precision` bits, and the exponent of `0.digits`.
pub(super) fn java_digits(significand: u64, power: i32, precision: i32) -> (Digits, i32) {
    let trailing = significand.trailing_zeros() as i32;
    let odd = significand >> trailing;
    let odd_bits = 64 - odd.leading_zeros() as i32;
    let binary_exponent = 63 - significand.leading_zeros() as i32 + power;
    // Subnormals have fewer bits to distinguish.
    let significant_bits = (64 - significand.leading_zeros() as i32).min(precision);
    let tiny_bits = (odd_bits - binary_exponent - 1).max(0);

    if tiny_bits == 0 && binary_exponent <= 62 {
        let value = odd << (binary_exponent + 1 - odd_bits);
        let beyond = binary_exponent - significant_bits - 1;
        return integer_digits(value, if beyond >= 0 { (f64::from(beyond) * std::f64::consts::LOG10_2) as u32 } else { 0 });
    }

    let decimal_exponent = estimate_exponent(odd, odd_bits, binary_exponent);
    let (value_fives, scale_fives) = ((-decimal_exponent).max(0), decimal_exponent.max(0));
    let bits = Bits { odd: odd_bits, tiny: tiny_bits, significant: significant_bits };
    let (value_twos, scale_twos, gap_twos) = twos(bits, binary_exponent, value_fives, scale_fives);
    let value_bits = odd_bits + value_twos + bits_of_fives(value_fives);
    let scale_bits = scale_twos + 1 + bits_of_fives(scale_fives + 1);
    if value_bits < 64 && scale_bits < 64 {
        let machine = Words {
            rest: (odd as i64 * 5_i64.pow(value_fives as u32)) << value_twos,
            gap: 5_i64.pow(value_fives as u32) << gap_twos,
            scale: 5_i64.pow(scale_fives as u32) << scale_twos,
            width: if value_bits < 32 && scale_bits < 32 { 32 } else { 64 },
        };
        return generate(machine, decimal_exponent);
    }
    let scale = Natural::from(1).times_power(5, scale_fives).shifted(scale_twos);
    let machine = Large {
        rest: Natural::from(odd).times_power(5, value_fives).shifted(value_twos),
        gap: Natural::from(1).times_power(5, value_fives).shifted(gap_twos),
        ten_scale: scale.clone().times(10),
        scale,
    };
    generate(machine, decimal_exponent)
}

/// How many bits a number has: of its odd part, of its fraction, and to distinguish it by.
struct Bits {
    odd: i32,
    tiny: i32,
    significant: i32,
}

/// The powers of two of the value, of the scale and of half the gap, which have no factor in common.
fn twos(bits: Bits, binary_exponent: i32, value_fives: i32, scale_fives: i32) -> (i32, i32, i32) {
    let value = value_fives + bits.tiny + binary_exponent;
    let scale = scale_fives + bits.tiny;
    // The neighbour below a power of two is nearer.
    let gap = value - bits.significant - i32::from(bits.odd == 1);
    let value = value - (bits.odd - 1);
    let common = value.min(scale).min(gap);
    (value - common, scale - common, gap - common)
}

/// Arithmetic of some width: Java's int and long, overflow included, or numbers of any size.
trait Machine {
    /// The next digit; what remains and half the gap to the neighbours grow tenfold.
    fn step(&mut self) -> u8;
    /// Whether what remains is less than half the gap (stopping here is near enough), and whether it is nearly a whole digit
    /// (stopping one higher is near enough). `first`: Java looks for overflow from the second digit on.
    fn near(&self, first: bool) -> (bool, bool);
    /// What remains, compared with half a digit.
    fn half(&self) -> Ordering;
}

fn generate(mut machine: impl Machine, mut decimal_exponent: i32) -> (Digits, i32) {
    let mut digits = Digits::new();
    let mut digit = machine.step();
    let (mut low, mut high) = machine.near(true);
    if digit == 0 && !high {
        decimal_exponent -= 1;
    } else {
        digits.push(digit);
    }
    // With an exponent at least one digit follows the point, so a second one is generated.
    if !(-3..8).contains(&decimal_exponent) {
        (low, high) = (false, false);
    }
    while !low && !high {
        digit = machine.step();
        (low, high) = machine.near(false);
        digits.push(digit);
    }
    let mut exponent = decimal_exponent + 1;
    let up = match machine.half() {
        _ if !high => false,
        _ if !low => true,
        Ordering::Equal => digit % 2 == 1,
        order => order == Ordering::Greater,
    };
    if up {
        digits.round_up(&mut exponent);
    }
    digits.strip_zeros();
    (digits, exponent)
}

/// Java's int (32 bits) or long (64).
struct Words {
    rest: i64,
    gap: i64,
    scale: i64,
    width: u32,
}

impl Words {
    fn wrap(&self, value: i64) -> i64 {
        if self.width == 32 { i64::from(value as i32) } else { value }
    }
}

impl Machine for Words {
    fn step(&mut self) -> u8 {
        let digit = self.rest / self.scale;
        self.rest = 10 * (self.rest % self.scale);
        self.gap = self.wrap(self.gap.wrapping_mul(10));
        digit as u8
    }

    fn near(&self, first: bool) -> (bool, bool) {
        if !first && self.gap <= 0 {
            return (true, true);
        }
        (self.rest < self.gap, self.wrap(self.rest.wrapping_add(self.gap)) > self.scale * 10)
    }

    fn half(&self) -> Ordering {
        self.wrap(self.rest.wrapping_shl(1).wrapping_sub(self.scale * 10)).cmp(&0)
    }
}

/// Numbers of any size.
struct Large {
    rest: Natural,
    gap: Natural,
    scale: Natural,
    ten_scale: Natural,
}

impl Machine for Large {
    fn step(&mut self) -> u8 {
        let gap = std::mem::replace(&mut self.gap, Natural(Vec::new()));
        self.gap = gap.times(10);
        self.rest.divide_step(&self.scale)
    }

    fn near(&self, _first: bool) -> (bool, bool) {
        let sum = self.rest.clone().plus(&self.gap);
        (self.rest.cmp(&self.gap) == Ordering::Less, sum.cmp(&self.ten_scale) != Ordering::Less)
    }

    fn half(&self) -> Ordering {
        self.rest.clone().shifted(1).cmp(&self.ten_scale)
    }
}

/// The digits of an integer, the last `insignificant` of them rounded away.
fn integer_digits(mut value: u64, insignificant: u32) -> (Digits, i32) {
    if insignificant > 0 {
        let unit = 10_u64.pow(insignificant);
        let residue = value % unit;
        value = value / unit + u64::from(residue >= unit / 2);
    }
    let mut buffer = [0_u8; 40];
    let text = super::decimal::digits_of(u128::from(value), &mut buffer);
    let mut digits = Digits::new();
    text.bytes().for_each(|byte| digits.push(byte - b'0'));
    let exponent = digits.count as i32 + insignificant as i32;
    digits.strip_zeros();
    (digits, exponent)
}

/// The power of ten of the first digit, or one more: a line through log10.
#[expect(clippy::approx_constant, reason = "Java's own figure; another would round elsewhere")]
fn estimate_exponent(odd: u64, odd_bits: i32, binary_exponent: i32) -> i32 {
    let normalised = f64::from_bits(((odd << (53 - odd_bits)) & ((1 << 52) - 1)) | (1_023 << 52));
    let estimate = (normalised - 1.5) * 0.289_529_654 + 0.176_091_259 + f64::from(binary_exponent) * 0.301_029_995_663_981;
    estimate.floor() as i32
}

/// How many bits 5^n has, as Java's table says, which stops at 26.
fn bits_of_fives(n: i32) -> i32 {
    match n {
        0 => 0,
        1..=26 => 64 - 5_u64.pow(n as u32).leading_zeros() as i32,
        _ => n * 3,
    }
}

/// A natural number of any size, little-endian, without leading zero words.
#[derive(Clone)]
struct Natural(Vec<u32>);

impl Natural {
    fn from(value: u64) -> Self {
        Self(vec![value as u32, (value >> 32) as u32]).trimmed()
    }

    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    fn times(mut self, factor: u32) -> Self {
        let mut carry = 0_u64;
        for word in &mut self.0 {
            let product = u64::from(*word) * u64::from(factor) + carry;
            *word = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
        self
    }

    fn times_power(self, base: u32, exponent: i32) -> Self {
        (0..exponent).fold(self, |number, _| number.times(base))
    }

    fn shifted(self, bits: i32) -> Self {
        let words = vec![0; bits as usize / 32];
        Self(words.into_iter().chain(self.times(1 << (bits % 32)).0).collect())
    }

    fn plus(mut self, other: &Self) -> Self {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let mut carry = 0_u64;
        for (at, word) in self.0.iter_mut().enumerate() {
            let sum = u64::from(*word) + u64::from(other.0.get(at).copied().unwrap_or(0)) + carry;
            *word = sum as u32;
            carry = sum >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
        self
    }

    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// The quotient by `scale`, at most 9; what remains is ten times the remainder.
    fn divide_step(&mut self, scale: &Self) -> u8 {
        let mut quotient = 0;
        while self.cmp(scale) != Ordering::Less {
            self.subtract(scale);
            quotient += 1;
        }
        *self = std::mem::replace(self, Self(Vec::new())).times(10);
        quotient
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0_i64;
        for (at, word) in self.0.iter_mut().enumerate() {
            let difference = i64::from(*word) - i64::from(other.0.get(at).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(difference < 0);
            *word = difference as u32;
        }
        *self = std::mem::replace(self, Self(Vec::new())).trimmed();
    }
}
