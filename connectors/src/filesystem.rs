//! The `filesystem` connector: tables that are folders of files.
//!
//! The sink writes exactly once: files grow under a hidden name and become visible, complete and for good, when the checkpoint that
//! covers them is complete.

mod commit;
mod entry;
mod names;
mod part_file;
mod partition;
mod rolling;
mod sink;
#[cfg(test)]
mod tests;

pub(crate) use sink::FilesystemSink;
