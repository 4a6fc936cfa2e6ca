//! The `json` format: Flink's rules of what becomes what, over our own parser and writer.

mod cursor;
mod decode;
mod encode;
mod fault;
mod keys;
mod options;
mod scalar;
#[cfg(test)]
mod tests;
mod tree;
mod values;

pub(crate) use decode::JsonDecoder;
pub(crate) use encode::JsonEncoder;
pub(crate) use keys::keys_below;
pub(crate) use options::JsonOptions;
