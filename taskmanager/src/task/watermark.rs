//! How far event time has come over several channels: the minimum, idle channels aside, never going back.
//!
//! A channel that wakes up behind the watermark already emitted does not hold it back: it is counted again once it has caught up.
//! Source: Flink's `StatusWatermarkValve`.

use irmak_common::time::Watermark;

/// What a change of one channel means for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTime {
    /// Event time has advanced to here.
    Advanced(Watermark),
    /// Every channel is idle now.
    Idle,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    watermark: Watermark,
    idle: bool,
    /// Whether it counts: not idle, and not behind what was emitted when it last woke up.
    aligned: bool,
}

/// The combined event time of a task's input channels.
#[derive(Clone, Debug)]
pub struct CombinedWatermark {
    channels: Vec<Channel>,
    emitted: Watermark,
    idle: bool,
}

impl CombinedWatermark {
    /// Over so many channels, none of which has said anything.
    pub fn new(channels: usize) -> Self {
        let channel = Channel { watermark: Watermark::MIN, idle: false, aligned: true };
        Self { channels: vec![channel; channels], emitted: Watermark::MIN, idle: false }
    }

    /// The last combined watermark, `None` before the first.
    pub fn current(&self) -> Option<Watermark> {
        (self.emitted > Watermark::MIN).then_some(self.emitted)
    }

    /// Rows came on a channel: it is awake.
    pub fn on_rows(&mut self, channel: usize) {
        self.wake(channel);
    }

    /// A watermark came on a channel.
    pub fn on_watermark(&mut self, channel: usize, watermark: Watermark) -> Option<EventTime> {
        self.wake(channel);
        let state = self.channels.get_mut(channel)?;
        state.watermark = state.watermark.max(watermark);
        state.aligned |= state.watermark >= self.emitted;
        self.advance()
    }

    /// A channel went idle.
    pub fn on_idle(&mut self, channel: usize) -> Option<EventTime> {
        let state = self.channels.get_mut(channel)?;
        if state.idle {
            return None;
        }
        state.idle = true;
        state.aligned = false;
        let last = state.watermark;
        if self.channels.iter().any(|channel| !channel.idle) {
            return self.advance();
        }
        self.idle = true;
        // The channel that held event time back is silent too: nothing is left to wait for but what the others had reached.
        let reached = self.channels.iter().map(|channel| channel.watermark).max().unwrap_or(Watermark::MIN);
        if last == self.emitted && reached > self.emitted {
            self.emitted = reached;
            return Some(EventTime::Advanced(reached));
        }
        Some(EventTime::Idle)
    }

    /// A channel ended: it holds nothing back any more.
    pub fn on_end(&mut self, channel: usize) -> Option<EventTime> {
        self.on_watermark(channel, Watermark::MAX)
    }

    /// Whether all channels are idle. After [`CombinedWatermark::on_idle`] answered `Advanced`, this says whether `Idle` follows.
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    fn wake(&mut self, channel: usize) {
        let emitted = self.emitted;
        if let Some(state) = self.channels.get_mut(channel).filter(|state| state.idle) {
            state.idle = false;
            state.aligned = state.watermark >= emitted;
            self.idle = false;
        }
    }

    fn advance(&mut self) -> Option<EventTime> {
        let counted = self.channels.iter().filter(|channel| channel.aligned).map(|channel| channel.watermark);
        let combined = counted.min().filter(|combined| *combined > self.emitted)?;
        self.emitted = combined;
        Some(EventTime::Advanced(combined))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Say {
        Rows(usize),
        At(usize, i64),
        Idle(usize),
        End(usize),
    }
    use Say::*;

    fn run(combined: &mut CombinedWatermark, say: Say) -> Option<EventTime> {
        match say {
            Rows(channel) => {
                combined.on_rows(channel);
                None
            }
            At(channel, at) => combined.on_watermark(channel, Watermark(at)),
            Idle(channel) => combined.on_idle(channel),
            End(channel) => combined.on_end(channel),
        }
    }

    fn check(channels: usize, script: &[(Say, Option<EventTime>)]) {
        let mut combined = CombinedWatermark::new(channels);
        for (step, (say, expected)) in script.iter().enumerate() {
            assert_eq!(run(&mut combined, *say), *expected, "step {step}: {say:?}");
        }
    }

    fn to(at: i64) -> Option<EventTime> {
        Some(EventTime::Advanced(Watermark(at)))
    }

    #[test]
    fn event_time_is_the_minimum_over_channels() {
        check(2, &[(At(0, 5), None), (At(1, 3), to(3)), (At(1, 9), to(5)), (At(0, 7), to(7))]);
    }

    #[test]
    fn an_idle_channel_holds_nothing_back() {
        check(
            2,
            &[
                (At(0, 5), None),
                (Idle(1), to(5)),
                (At(0, 6), to(6)),
                (At(1, 2), None),
                (At(0, 8), to(8)),
                (At(1, 8), None),
                (At(0, 9), None),
            ],
        );
    }

    #[test]
    fn rows_wake_a_channel_that_is_not_behind() {
        check(2, &[(At(0, 5), None), (At(1, 7), to(5)), (Idle(1), None), (Rows(1), None), (At(0, 9), to(7))]);
    }

    #[test]
    fn when_all_are_idle_event_time_is_what_the_furthest_had_reached() {
        check(2, &[(At(0, 5), None), (At(1, 3), to(3)), (Idle(0), None), (Idle(1), to(5))]);
        check(2, &[(Idle(0), None), (Idle(1), Some(EventTime::Idle))]);
    }

    #[test]
    fn an_ended_channel_holds_nothing_back() {
        check(2, &[(At(0, 5), None), (End(1), to(5)), (End(0), to(i64::MAX))]);
    }

    fn says() -> impl Strategy<Value = Say> {
        (0..3usize, 0..100i64, 0..10u8).prop_map(|(channel, at, kind)| match kind {
            0 => Idle(channel),
            1 => Rows(channel),
            _ => At(channel, at),
        })
    }

    proptest! {
        #[test]
        fn event_time_never_goes_back_and_never_passes_the_furthest_channel(script in proptest::collection::vec(says(), 0..200)) {
            let mut combined = CombinedWatermark::new(3);
            let (mut last, mut furthest) = (i64::MIN, i64::MIN);
            for say in script {
                if let At(_, at) = say {
                    furthest = furthest.max(at);
                }
                if let Some(EventTime::Advanced(Watermark(at))) = run(&mut combined, say) {
                    prop_assert!(at > last && at <= furthest);
                    last = at;
                }
            }
        }
    }
}
