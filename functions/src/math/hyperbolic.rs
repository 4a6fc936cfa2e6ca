//! SINH, COSH and TANH by the formulas of fdlibm, which is what Java computes with; the last digit depends on them.

/// Beyond it, one of the two exponentials is lost.
const FAR: f64 = 22.0;

pub(super) fn sinh(x: f64) -> f64 {
    let (half, magnitude) = (0.5_f64.copysign(x), x.abs());
    if magnitude < 2_f64.powi(-28) || x.is_nan() {
        return x;
    }
    if magnitude >= FAR {
        return large(magnitude) * 2.0 * half;
    }
    let t = libm::expm1(magnitude);
    if magnitude < 1.0 { half * (2.0 * t - t * t / (t + 1.0)) } else { half * (t + t / (t + 1.0)) }
}

pub(super) fn cosh(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude < 0.5 * std::f64::consts::LN_2 {
        let t = libm::expm1(magnitude);
        let w = 1.0 + t;
        return if magnitude < 2_f64.powi(-55) { w } else { 1.0 + (t * t) / (w + w) };
    }
    if magnitude < FAR {
        let t = libm::exp(magnitude);
        return 0.5 * t + 0.5 / t;
    }
    large(magnitude)
}

pub(super) fn tanh(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude < 2_f64.powi(-55) || x.is_nan() {
        return x;
    }
    let z = if magnitude >= FAR {
        1.0
    } else if magnitude >= 1.0 {
        1.0 - 2.0 / (libm::expm1(2.0 * magnitude) + 2.0)
    } else {
        let t = libm::expm1(-2.0 * magnitude);
        -t / (t + 2.0)
    };
    z.copysign(x)
}

/// Half the exponential, without overflow before it must.
fn large(magnitude: f64) -> f64 {
    if magnitude < 709.0 {
        return 0.5 * libm::exp(magnitude);
    }
    let w = libm::exp(0.5 * magnitude);
    0.5 * w * w
}
