//! What a join does: which rows of two inputs meet, when, and what becomes of those that meet nobody.
//!
//! Input 0 is the left side, input 1 the right one. Output: the left columns, then the right ones; of SEMI and ANTI the left ones only.

use serde::{Deserialize, Serialize};

use crate::expr::Expr;

/// Which rows come out. Flink's `FlinkJoinType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JoinKind {
    /// Pairs.
    Inner,
    /// Pairs, and left rows without partner beside NULLs.
    Left,
    /// Pairs, and right rows without partner beside NULLs.
    Right,
    /// Pairs, and all rows without partner beside NULLs.
    Full,
    /// Left rows that have a partner: IN, EXISTS.
    Semi,
    /// Left rows that have none: NOT IN, NOT EXISTS.
    Anti,
}

impl JoinKind {
    /// Whether rows of side 0 (left) or 1 without partner come out beside NULLs.
    pub fn pads(self, side: usize) -> bool {
        matches!((self, side), (Self::Full, _) | (Self::Left, 0) | (Self::Right, 1))
    }

    /// Whether only left columns come out.
    pub fn left_only(self) -> bool {
        matches!(self, Self::Semi | Self::Anti)
    }

    /// Flink's name in plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inner => "InnerJoin",
            Self::Left => "LeftOuterJoin",
            Self::Right => "RightOuterJoin",
            Self::Full => "FullOuterJoin",
            Self::Semi => "LeftSemiJoin",
            Self::Anti => "LeftAntiJoin",
        }
    }
}

/// When rows meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinTiming {
    /// Whenever they come: all rows are kept.
    Always,
    /// Only rows whose times are near: `left - right` lies in `lower..=upper`.
    Interval {
        /// The time column of each side.
        times: [usize; 2],
        /// Inclusive, in milliseconds.
        lower: i64,
        /// Inclusive, in milliseconds.
        upper: i64,
        /// Event time; else rows have the time at which they come.
        rowtime: bool,
    },
    /// Only rows of one window, when it is over.
    Window {
        /// `window_start` and `window_end` of each side: TIMESTAMP(3) columns.
        windows: [[usize; 2]; 2],
        /// Event time; else windows end by the clock.
        rowtime: bool,
        /// For windows over TIMESTAMP_LTZ: the zone that they are aligned in; `None`: UTC.
        zone: Option<String>,
    },
    /// When all rows of both sides have come: batch mode. Results are inserts only.
    AtEnd,
    /// A left row meets the right row that was its key's newest at the left row's time: `FOR SYSTEM_TIME AS OF`.
    Version {
        /// The rowtime column of each side.
        times: [usize; 2],
    },
}

/// A join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JoinSpec {
    /// Which rows come out.
    pub kind: JoinKind,
    /// When they meet.
    pub timing: JoinTiming,
    /// Columns of each side that must be equal, pair by pair. Of one Arrow type; both lists are equally long. None: every row may meet
    /// every row, at parallelism 1.
    pub keys: [Vec<usize>; 2],
    /// One a key: whether NULL equals NULL (`IS NOT DISTINCT FROM`); else it equals nothing.
    pub null_safe: Vec<bool>,
    /// What must be TRUE besides, over the left columns and behind them the right ones.
    pub condition: Option<Expr>,
    /// Whether the output is a changelog: every batch has the row-kind column.
    pub changelog: bool,
    /// `table.exec.state.ttl` or STATE_TTL of each side, milliseconds: [`JoinTiming::Always`] lets go of what was not written for so long;
    /// 0: it keeps all.
    #[serde(default)]
    pub state_ttl_ms: [u64; 2],
}
