//! The `json` format: Flink's rules of what becomes what, over our own parser and writer.

mod cursor;
mod decode;
mod encode;
mod options;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use decode::JsonDecoder;
pub(crate) use encode::JsonEncoder;
pub(crate) use options::JsonOptions;
