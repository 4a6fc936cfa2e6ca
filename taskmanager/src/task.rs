//! One subtask's attempt: a thread that takes elements from its head, runs them through its chain of operators, and gives what comes
//! of it to its tail.
//!
//! In reading order: the pure input side (`watermark`, `align`, `machine`), the queues (`inbox`), the operators (`chain`), both ends
//! (`head`, `tail`, `gate`, `collect`), the loop (`run`), its state (`restore`, `checkpoint`), and what makes it (`build`, `start`).

pub mod align;
pub mod machine;
pub mod watermark;

pub mod inbox;

pub mod chain;

pub mod collect;
pub mod gate;
pub mod head;
pub mod tail;

pub mod run;

pub mod checkpoint;
pub mod restore;

pub mod control;
pub mod gauges;
pub mod report;

pub mod build;
pub mod start;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod tests_support;
