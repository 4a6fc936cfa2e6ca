//! Window arithmetic: which slice a time lies in, and which windows a slice belongs to. Pure numbers, local time.
//!
//! Grids are aligned to the epoch plus an offset and floor before it. Source: Flink's `TimeWindow.getWindowStartWithOffset` and
//! `SliceAssigners`.

use irmak_common::operator_spec::WindowKind;
use irmak_common::time::Millis;

use super::Slice;
use crate::error::EngineError;

/// The start of the cell that `time` lies in, of a grid of this length and offset.
pub(crate) fn cell_start(time: Millis, length: Millis, offset: Millis) -> Millis {
    time.saturating_sub(time.saturating_sub(offset).rem_euclid(length))
}

fn cell(time: Millis, length: Millis, offset: Millis) -> Slice {
    let start = cell_start(time, length, offset);
    Slice { start, end: start.saturating_add(length) }
}

/// A window kind with lengths checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assigner {
    /// Slices are windows.
    Tumble { size: Millis, offset: Millis },
    /// Windows are runs of `size / pane` slices.
    Hop { size: Millis, slide: Millis, offset: Millis, pane: Millis },
    /// Windows begin with the first slice of a cell of `size`.
    Cumulate { size: Millis, step: Millis, offset: Millis },
    /// Rows bring their window: columns of start and end.
    Attached { start: usize, end: usize },
}

impl Assigner {
    /// # Errors
    /// Lengths that are not positive, or that do not divide as they must; SESSION, which has no slices.
    pub(crate) fn new(kind: &WindowKind) -> Result<Self, EngineError> {
        let positive = |what: &str, length: Millis| match length {
            1.. => Ok(length),
            _ => Err(EngineError::plan(format!("the {what} of a window is {length} ms, and must be positive"))),
        };
        Ok(match *kind {
            WindowKind::Tumble { size, offset } => Self::Tumble { size: positive("size", size)?, offset },
            WindowKind::Hop { size, slide, offset } => {
                let (size, slide) = (positive("size", size)?, positive("slide", slide)?);
                Self::Hop { size, slide, offset, pane: greatest_common_divisor(size, slide) }
            }
            WindowKind::Cumulate { size, step, offset } => {
                let (size, step) = (positive("size", size)?, positive("step", step)?);
                if size % step != 0 {
                    return Err(EngineError::plan(format!("the size of a CUMULATE, {size} ms, is no multiple of its step, {step} ms")));
                }
                Self::Cumulate { size, step, offset }
            }
            WindowKind::Attached { start, end } => Self::Attached { start, end },
            WindowKind::Session { .. } => return Err(EngineError::plan("a session has no slices")),
        })
    }

    /// The slice of a time. Attached windows come with their rows and have none: an empty one.
    pub(crate) fn slice(&self, time: Millis) -> Slice {
        match *self {
            Self::Tumble { size, offset } => cell(time, size, offset),
            Self::Hop { pane, offset, .. } => cell(time, pane, offset),
            Self::Cumulate { step, offset, .. } => cell(time, step, offset),
            Self::Attached { .. } => Slice { start: time, end: time },
        }
    }

    /// Appends every window that a row at `time` falls into, in Flink's order: newest first for HOP, shortest first for CUMULATE.
    pub(crate) fn windows(&self, time: Millis, out: &mut Vec<Slice>) {
        match *self {
            Self::Tumble { .. } | Self::Attached { .. } => out.push(self.slice(time)),
            Self::Hop { size, slide, offset, .. } => {
                let mut start = cell_start(time, slide, offset);
                while start > time.saturating_sub(size) {
                    out.push(Slice { start, end: start.saturating_add(size) });
                    start = start.saturating_sub(slide);
                }
            }
            Self::Cumulate { size, step, offset } => {
                let whole = cell(time, size, offset);
                let mut end = cell(time, step, offset).end;
                while end <= whole.end {
                    out.push(Slice { start: whole.start, end });
                    end = end.saturating_add(step);
                }
            }
        }
    }
}

pub(crate) fn greatest_common_divisor(a: Millis, b: Millis) -> Millis {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(kind: WindowKind, time: Millis, expected: &[(Millis, Millis)]) {
        let mut windows = Vec::new();
        Assigner::new(&kind).unwrap().windows(time, &mut windows);
        assert_eq!(windows.iter().map(|window| (window.start, window.end)).collect::<Vec<_>>(), expected, "{kind:?} {time}");
    }

    #[test]
    fn windows_before_1970_floor() {
        check(WindowKind::Tumble { size: 10, offset: 0 }, -1, &[(-10, 0)]);
        check(WindowKind::Tumble { size: 10, offset: -4 }, -5, &[(-14, -4)]);
        check(WindowKind::Hop { size: 10, slide: 5, offset: 0 }, -4, &[(-5, 5), (-10, 0)]);
        check(WindowKind::Cumulate { size: 30, step: 10, offset: 0 }, -11, &[(-30, -10), (-30, 0)]);
    }

    #[test]
    fn a_hop_that_is_no_multiple_of_its_slide_has_windows_of_changing_number() {
        check(WindowKind::Hop { size: 10, slide: 4, offset: 0 }, 3, &[(0, 10), (-4, 6)]);
        check(WindowKind::Hop { size: 10, slide: 4, offset: 0 }, 9, &[(8, 18), (4, 14), (0, 10)]);
    }

    #[test]
    fn rows_fall_out_between_windows_of_a_wide_slide() {
        check(WindowKind::Hop { size: 5, slide: 20, offset: 0 }, 4, &[(0, 5)]);
        check(WindowKind::Hop { size: 5, slide: 20, offset: 0 }, 5, &[]);
    }

    #[test]
    fn lengths_that_make_no_window_are_refused() {
        for kind in [
            WindowKind::Tumble { size: 0, offset: 0 },
            WindowKind::Hop { size: 10, slide: -1, offset: 0 },
            WindowKind::Cumulate { size: 10, step: 4, offset: 0 },
        ] {
            assert!(Assigner::new(&kind).is_err(), "{kind:?}");
        }
    }

    proptest! {
        #[test]
        fn a_slice_lies_wholly_inside_or_outside_of_every_window(
            time in -1_000..1_000i64, size in 1..60i64, slide in 1..60i64, offset in -50..50i64
        ) {
            let assigner = Assigner::new(&WindowKind::Hop { size, slide, offset }).unwrap();
            let slice = assigner.slice(time);
            let windows = |time| { let mut out = Vec::new(); assigner.windows(time, &mut out); out };
            prop_assert!(slice.start <= time && time < slice.end);
            prop_assert_eq!(windows(slice.start), windows(slice.end - 1));
        }
    }
}
