//! The `filesystem` connector: tables that are folders of files.
//!
//! The sink writes exactly once: files grow under a hidden name and become visible, complete and for good, when the checkpoint that
//! covers them is complete. The source reads a file or a folder of files, once or (`source.monitor-interval`) for as long as files come.

mod commit;
mod entry;
mod glob;
mod listing;
mod metadata;
mod names;
mod part_file;
mod partition;
mod partition_commit;
#[cfg(test)]
mod partition_tests;
mod partition_time;
mod position;
mod reader;
mod rolling;
mod sink;
mod source;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod tests;

pub(crate) use sink::FilesystemSink;
pub(crate) use source::FilesystemSource;
