//! The `csv` format, as Flink (through Jackson) writes and reads it.

mod encode;
mod options;
#[cfg(test)]
mod tests;

pub(crate) use encode::CsvEncoder;
pub(crate) use options::CsvOptions;
