//! Operators that keep rows until time says that their order is known: OVER, ORDER BY time, ranks within windows; and UNNEST.
//!
//! They share where rows are kept ([`rows`]), how rows are compared ([`sort`]) and what they know of event time ([`clock`]).

pub(crate) mod clock;
pub(crate) mod over;
pub(crate) mod rows;
pub(crate) mod sort;
pub(crate) mod temporal_sort;
pub(crate) mod unnest;
pub(crate) mod window_rank;
