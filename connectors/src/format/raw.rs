//! The `raw` format: a record is one value of one column, as its bytes.
//!
//! Source: Flink 1.20's `RawFormatDeserializationSchema`: text in a charset, bytes as they are, numbers in fixed width.

use arrow::array::ArrayRef;
use irmak_common::charset::Charset;
use irmak_common::types::{Field, Schema, TypeKind};

use super::cells::{CellValues, Cells};
use super::column::{Column, Values};
use super::{Decoded, FormatError};
use crate::error::{ConnectorError, RecordError};
use crate::options::Options;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endianness {
    Big,
    Little,
}

/// Decodes and encodes the one column.
pub(crate) struct RawCodec {
    name: String,
    charset: Charset,
    endianness: Endianness,
    column: Column,
    projected: bool,
    rows: usize,
}

impl RawCodec {
    /// Reads the options; `projected` says whether the column is asked for at all.
    ///
    /// # Errors
    /// More than one column, a type that has no bytes of its own, an unknown charset.
    pub(crate) fn open(options: &Options<'_>, prefix: &str, schema: &Schema, projected: bool) -> Result<Self, ConnectorError> {
        let [Field { name, ty }] = schema.fields.as_slice() else {
            let what = format!("format 'raw' with {} columns", schema.len());
            return Err(options.unsupported(what, "declare exactly one physical column"));
        };
        let column = Column::new(&ty.kind);
        let fits = !matches!(
            ty.kind,
            TypeKind::Decimal { .. } | TypeKind::Date | TypeKind::Time(_) | TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. }
        );
        if !fits || matches!(column.values, Values::List { .. } | Values::Map { .. } | Values::Row { .. } | Values::Null) {
            let what = format!("format 'raw' with a column of type {}", ty.kind);
            return Err(options.unsupported(what, "types are STRING, BYTES, BOOLEAN and the numbers of fixed width"));
        }
        let charset_key = format!("{prefix}charset");
        let charset = options.get(&charset_key).unwrap_or("UTF-8");
        let charset = Charset::named(charset).ok_or_else(|| options.bad(&charset_key, charset, &Charset::accepted(charset)))?;
        let names = [("big-endian", Endianness::Big), ("little-endian", Endianness::Little)];
        let endianness = options.one_of(&format!("{prefix}endianness"), &names, Endianness::Big)?;
        Ok(Self { name: name.clone(), charset, endianness, column, projected, rows: 0 })
    }

    /// What writes values as this one reads them.
    pub(crate) fn writer(&self) -> RawWriter {
        RawWriter { charset: self.charset, endianness: self.endianness }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        self.rows = 0;
        let array = self.column.finish()?;
        Ok(if self.projected { vec![array] } else { Vec::new() })
    }

    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, RecordError> {
        match self.value(record) {
            Ok(()) => {
                self.column.present();
                self.rows += 1;
                Ok(Decoded::Row)
            }
            Err(reason) => {
                self.column.truncate(self.rows);
                Err(RecordError { column: Some(self.name.clone()), ..RecordError::whole(record, 0, reason) })
            }
        }
    }

    fn value(&mut self, record: &[u8]) -> Result<(), String> {
        let endianness = self.endianness;
        match &mut self.column.values {
            Values::Text(bytes) => {
                self.charset.decode(record, &mut bytes.bytes);
                bytes.end_value();
            }
            Values::Binary(bytes) => {
                bytes.bytes.extend_from_slice(record);
                bytes.end_value();
            }
            Values::Boolean(values) => values.append(fixed::<1>(record, endianness)?[0] != 0),
            Values::Int8(values) => values.push(i8::from_be_bytes(fixed(record, endianness)?)),
            Values::Int16(values) => values.push(i16::from_be_bytes(fixed(record, endianness)?)),
            Values::Int32(values) => values.push(i32::from_be_bytes(fixed(record, endianness)?)),
            Values::Int64(values) => values.push(i64::from_be_bytes(fixed(record, endianness)?)),
            Values::Float32(values) => values.push(f32::from_be_bytes(fixed(record, endianness)?)),
            Values::Float64(values) => values.push(f64::from_be_bytes(fixed(record, endianness)?)),
            _ => return Err("the type has no bytes of its own".to_owned()),
        }
        Ok(())
    }
}

/// Writes values as their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawWriter {
    charset: Charset,
    endianness: Endianness,
}

impl RawWriter {
    /// Whether texts are written in UTF-8, as other formats do.
    pub(crate) fn is_utf8(self) -> bool {
        self.charset == Charset::Utf8
    }

    /// Appends a row's one value. A NULL has no bytes, and fails as in Flink.
    pub(crate) fn write_row(self, columns: &[Cells<'_>], row: usize, out: &mut Vec<u8>) -> Result<(), (usize, String)> {
        let Some(cells) = columns.first().filter(|cells| !cells.is_null(row)) else {
            return Err((0, "the format 'raw' has no NULL".to_owned()));
        };
        self.write(cells, row, out).map_err(|reason| (0, reason))
    }

    /// Appends the bytes of a cell that is not NULL.
    pub(crate) fn write(self, cells: &Cells<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match &cells.values {
            CellValues::Text(values) => self.charset.encode(values.value(row), out),
            CellValues::Binary(values) => out.extend_from_slice(values.value(row)),
            CellValues::Boolean(values) => out.push(u8::from(values.value(row))),
            CellValues::Int8(values) => self.fixed(values[row].to_be_bytes(), out),
            CellValues::Int16(values) => self.fixed(values[row].to_be_bytes(), out),
            CellValues::Int32(values) => self.fixed(values[row].to_be_bytes(), out),
            CellValues::Int64(values) => self.fixed(values[row].to_be_bytes(), out),
            CellValues::Float32(values) => self.fixed(values[row].to_be_bytes(), out),
            CellValues::Float64(values) => self.fixed(values[row].to_be_bytes(), out),
            _ => return Err("the type has no bytes of its own".to_owned()),
        }
        Ok(())
    }

    fn fixed<const N: usize>(self, mut bytes: [u8; N], out: &mut Vec<u8>) {
        if self.endianness == Endianness::Little {
            bytes.reverse();
        }
        out.extend_from_slice(&bytes);
    }
}

/// Exactly N bytes, the first the most significant.
fn fixed<const N: usize>(record: &[u8], endianness: Endianness) -> Result<[u8; N], String> {
    let wrong = || format!("the record has {} bytes, and {N} are expected", record.len());
    let mut bytes: [u8; N] = record.try_into().map_err(|_| wrong())?;
    if endianness == Endianness::Little {
        bytes.reverse();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use irmak_common::operator_spec::ConnectorSpec;

    use super::*;
    use crate::format::tests::recordings::{expected_rows, input, rows};

    fn codec(kind: TypeKind, options: &[(&str, &str)]) -> Result<RawCodec, ConnectorError> {
        let options: BTreeMap<_, _> = options.iter().map(|(key, value)| (format!("raw.{key}"), (*value).to_owned())).collect();
        let connector = ConnectorSpec { connector: "filesystem".into(), options };
        RawCodec::open(&Options::new("t", &connector), "raw.", &Schema::nullable(&[("line", kind)]), true)
    }

    fn check(case: &str, file: &str, options: &[(&str, &str)]) {
        let mut codec = codec(TypeKind::STRING, options).unwrap();
        let text = input(file);
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        text.split(|byte| *byte == b'\n').for_each(|line| assert_eq!(codec.decode(line), Ok(Decoded::Row)));
        assert_eq!(rows(&codec.finish().unwrap(), &Schema::nullable(&[("line", TypeKind::STRING)])), expected_rows(case), "{case}");
    }

    #[test]
    fn lines_are_read_as_flink_recorded_them() {
        check("raw_string", "fmt_raw_string.txt", &[]);
        check("raw_charset", "fmt_raw_charset.txt", &[("charset", "ISO-8859-1")]);
    }

    #[test]
    fn numbers_have_a_fixed_width_and_an_order_of_bytes() {
        let mut big = codec(TypeKind::Int, &[]).unwrap();
        assert_eq!(big.decode(&[0, 0, 1, 2]), Ok(Decoded::Row));
        assert!(big.decode(&[1]).unwrap_err().reason.contains("4 are expected"));
        let mut little = codec(TypeKind::Int, &[("endianness", "little-endian")]).unwrap();
        assert_eq!(little.decode(&[2, 1, 0, 0]), Ok(Decoded::Row));
        let columns = Schema::nullable(&[("line", TypeKind::Int)]);
        assert_eq!(rows(&big.finish().unwrap(), &columns), rows(&little.finish().unwrap(), &columns));
        assert!(codec(TypeKind::Date, &[]).is_err());
        assert!(codec(TypeKind::STRING, &[("charset", "EBCDIC")]).map(|_| ()).unwrap_err().to_string().contains("windows-1252"));
    }

    #[test]
    fn what_is_written_can_be_read() {
        for (kind, options, bytes) in [
            (TypeKind::STRING, &[("charset", "ISO-8859-1")][..], &[b'c', 0xE9][..]),
            (TypeKind::BYTES, &[], &[0, 255, 7]),
            (TypeKind::Boolean, &[], &[1]),
            (TypeKind::TinyInt, &[], &[0x80]),
            (TypeKind::SmallInt, &[("endianness", "little-endian")], &[1, 2]),
            (TypeKind::Int, &[], &[1, 2, 3, 4]),
            (TypeKind::BigInt, &[], &[1, 2, 3, 4, 5, 6, 7, 8]),
            (TypeKind::Float, &[], &[0x3F, 0xC0, 0, 0]),
            (TypeKind::Double, &[("endianness", "little-endian")], &[0, 0, 0, 0, 0, 0, 0xF8, 0x3F]),
        ] {
            let mut codec = codec(kind.clone(), options).unwrap();
            assert_eq!(codec.decode(bytes), Ok(Decoded::Row), "{kind}");
            let array = codec.finish().unwrap().remove(0);
            let (cells, mut written) = (Cells::new(&array, &kind).unwrap(), Vec::new());
            codec.writer().write_row(std::slice::from_ref(&cells), 0, &mut written).unwrap();
            assert_eq!(written, bytes, "{kind}");
        }
    }
}
