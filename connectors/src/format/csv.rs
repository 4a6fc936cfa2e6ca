//! The `csv` format, as Flink (through Jackson) writes and reads it.

mod decode;
mod encode;
mod options;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use decode::{CsvDecoder, constant};
pub(crate) use encode::CsvEncoder;
pub(crate) use options::CsvOptions;
pub(crate) use record::Frame;
