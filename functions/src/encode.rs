//! Hashes and encodings: MD5 to SHA512, TO_BASE64, HEX, BIN, ENCODE and their inverses.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int32Type;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use irmak_common::charset::Charset;
use irmak_common::types::{LogicalType, TypeKind};
use sha2::Digest;
use std::fmt::Write;

use crate::column::{Column, build_bytes, build_numbers, build_strings};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, any_nullable, fixed, refuse, strict};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    hash("MD5", |args| digest_signature(args, 32), |_| digest(|text, out| push_hex(out, &md5::Md5::digest(text)))),
    hash("SHA1", |args| digest_signature(args, 40), |_| digest(|text, out| push_hex(out, &sha1::Sha1::digest(text)))),
    hash("SHA224", |args| digest_signature(args, 56), |_| digest(|text, out| push_hex(out, &sha2::Sha224::digest(text)))),
    hash("SHA256", |args| digest_signature(args, 64), |_| digest(|text, out| push_hex(out, &sha2::Sha256::digest(text)))),
    hash("SHA384", |args| digest_signature(args, 96), |_| digest(|text, out| push_hex(out, &sha2::Sha384::digest(text)))),
    hash("SHA512", |args| digest_signature(args, 128), |_| digest(|text, out| push_hex(out, &sha2::Sha512::digest(text)))),
    Function::partial("SHA2", |args| strict(args, &[Want::Text, Want::Int], 0, TypeKind::Varchar(128)), |_| sha2_of()),
    Function::total("HASH_CODE", hash_code_signature, |_| hash_code()),
    Function::total("TO_BASE64", |args| strict(args, &[Want::Octets], 0, TypeKind::STRING), |_| to_base64()),
    Function::partial("FROM_BASE64", |args| strict(args, &[Want::Octets], 0, TypeKind::STRING), |_| from_base64()),
    Function::partial("ENCODE", encode_signature, |_| encode()),
    Function::partial("DECODE", decode_signature, |_| decode()),
    Function::total("HEX", hex_signature, hex),
    Function::total(
        "BIN",
        |args| strict(args, &[Want::Long], 0, TypeKind::STRING),
        |_| {
            kernel(|args, scope| {
                let values = args[0].longs()?;
                build_strings(scope.rows, |row, out| Ok(values.get(row).and_then(|value| write!(out, "{value:b}").ok())))
            })
        },
    ),
];

const fn hash(
    name: &'static str,
    signature: fn(&[Arg<'_>]) -> Signature,
    make: fn(&Call<'_>) -> Result<Kernel, FunctionError>,
) -> Function {
    Function::total(name, signature, make)
}

fn digest_signature(args: &[Arg<'_>], length: u32) -> Signature {
    strict(args, &[Want::Octets], 0, TypeKind::Char(length))
}

fn encode_signature(args: &[Arg<'_>]) -> Signature {
    // BINARY(1) whatever comes out, as Flink declares it.
    Ok((fixed(args, &[Want::Text, Want::Text], 0)?, TypeKind::Binary(1).nullable()))
}

fn decode_signature(args: &[Arg<'_>]) -> Signature {
    Ok((fixed(args, &[Want::Bytes, Want::Text], 0)?, TypeKind::STRING.nullable()))
}

fn hex_signature(args: &[Arg<'_>]) -> Signature {
    let text = args.first().is_some_and(|arg| arg.kind().is_text());
    strict(args, &[if text { Want::Text } else { Want::Long }], 0, TypeKind::STRING)
}

fn hash_code_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [arg] if arg.kind().is_text() || arg.kind().is_integer() || *arg.kind() == TypeKind::Null => {
            let kind = if arg.kind().is_integer() { arg.kind().clone() } else { TypeKind::STRING };
            Ok((vec![arg.cast(kind)], LogicalType { kind: TypeKind::Int, nullable: any_nullable(args) }))
        }
        _ => refuse("<CHARACTER_STRING> or <INTEGER>"),
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

/// A text's bytes in UTF-8, or the bytes as they are.
fn octets(column: &Column) -> Result<Column, EvalError> {
    column.map(|array| arrow::compute::cast(array, &arrow::datatypes::DataType::Binary).map_err(crate::column::arrow_error))
}

fn digest(write: fn(&[u8], &mut String)) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let texts = octets(&args[0])?;
        let texts = texts.bytes()?;
        build_strings(scope.rows, |row, out| Ok(texts.get(row).map(|text| write(text, out))))
    })
}

fn sha2_of() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, lengths) = (args[0].strings()?, args[1].ints()?);
        build_strings(scope.rows, |row, out| {
            let Some((text, length)) = texts.get(row).zip(lengths.get(row)) else { return Ok(None) };
            match length {
                224 => push_hex(out, &sha2::Sha224::digest(text)),
                256 => push_hex(out, &sha2::Sha256::digest(text)),
                384 => push_hex(out, &sha2::Sha384::digest(text)),
                512 => push_hex(out, &sha2::Sha512::digest(text)),
                _ => {
                    return Err(
                        EvalError::new("SHA2", format!("Unsupported algorithm: SHA-{length}; lengths are 224, 256, 384 and 512")).at(row)
                    );
                }
            }
            Ok(Some(()))
        })
    })
}

/// Java's `String.hashCode`, `Integer.hashCode` or `Long.hashCode`.
fn hash_code() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let array: &ArrayRef = args[0].array();
        if array.as_string_opt::<i32>().is_some() {
            let texts = args[0].strings()?;
            let code = |text: &str| text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
            return build_numbers::<Int32Type>(scope.rows, |row| Ok(texts.get(row).map(code)));
        }
        let wide = *array.data_type() == arrow::datatypes::DataType::Int64;
        let longs =
            args[0].map(|array| arrow::compute::cast(array, &arrow::datatypes::DataType::Int64).map_err(crate::column::arrow_error))?;
        let longs = longs.longs()?;
        let code = |value: i64| if wide { (value ^ ((value as u64) >> 32) as i64) as i32 } else { value as i32 };
        build_numbers::<Int32Type>(scope.rows, |row| Ok(longs.get(row).map(code)))
    })
}

/// Java's decoder: padding may be missing.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

fn to_base64() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let texts = octets(&args[0])?;
        let texts = texts.bytes()?;
        build_strings(scope.rows, |row, out| Ok(texts.get(row).map(|text| BASE64.encode_string(text, out))))
    })
}

fn from_base64() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let texts = octets(&args[0])?;
        let texts = texts.bytes()?;
        build_strings(scope.rows, |row, out| {
            let Some(text) = texts.get(row) else { return Ok(None) };
            let told = || String::from_utf8_lossy(text);
            let bytes = BASE64.decode(text).map_err(|error| EvalError::new("FROM_BASE64", error.to_string()).value(told()).at(row))?;
            out.push_str(&String::from_utf8_lossy(&bytes));
            Ok(Some(()))
        })
    })
}

fn charset(function: &'static str, name: &str, row: usize) -> Result<Charset, EvalError> {
    Charset::named(name)
        .ok_or_else(|| EvalError::new(function, format!("Unsupported encoding: {name}; expected: {}", Charset::accepted(name))).at(row))
}

fn encode() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, charsets) = (args[0].strings()?, args[1].strings()?);
        build_bytes(scope.rows, |row, out| {
            let Some((text, name)) = texts.get(row).zip(charsets.get(row)) else { return Ok(None) };
            charset("ENCODE", name, row)?.encode(text, out);
            Ok(Some(()))
        })
    })
}

fn decode() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (values, charsets) = (args[0].bytes()?, args[1].strings()?);
        let mut read = Vec::new();
        build_strings(scope.rows, |row, out| {
            let Some((bytes, name)) = values.get(row).zip(charsets.get(row)) else { return Ok(None) };
            read.clear();
            charset("DECODE", name, row)?.decode(bytes, &mut read);
            out.push_str(&String::from_utf8_lossy(&read));
            Ok(Some(()))
        })
    })
}

fn hex(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.arg(0)?.kind.is_text() {
        return kernel(|args: &[Column], scope| {
            let texts = args[0].strings()?;
            build_strings(scope.rows, |row, out| {
                Ok(texts.get(row).map(|text| {
                    push_hex(out, text.as_bytes());
                    out.make_ascii_uppercase();
                }))
            })
        });
    }
    kernel(|args, scope| {
        let values = args[0].longs()?;
        build_strings(scope.rows, |row, out| Ok(values.get(row).and_then(|value| write!(out, "{value:X}").ok())))
    })
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{call, check, int, long, null, run, text};
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn hashes_are_lower_case_hexadecimal() {
        for (function, input, output) in [
            ("MD5", "a", "0cc175b9c0f1b6a831c399e269772661"),
            ("MD5", "é", "66ddcd97cfdeabb2f6fb8a999b4bc76f"),
            ("SHA1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("SHA224", "a", "abd37534c7d9a2efb9465de931cd7055ffdb8879563ae98078d6d6d5"),
            ("SHA256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("HASH_CODE", "abc", "96354"),
        ] {
            check(function, &[text(input)], Some(output));
        }
        check("SHA2", &[text("a"), int(224)], Some("abd37534c7d9a2efb9465de931cd7055ffdb8879563ae98078d6d6d5"));
        check("MD5", &[null(TypeKind::STRING)], None);
        assert_eq!(call("SHA512", &[text("a")]).unwrap().ty.to_string(), "CHAR(128) NOT NULL");
        assert!(run("SHA2", &[text("a"), int(1)], &Environment::default()).is_err());
    }

    #[test]
    fn encodings_go_there_and_back() {
        check("TO_BASE64", &[text("é")], Some("w6k="));
        check("FROM_BASE64", &[text("aGVsbG8")], Some("hello"));
        let bytes = |bytes: &[u8]| (Value::Bytes(bytes.to_vec()), TypeKind::BYTES.not_null());
        check("TO_BASE64", &[bytes(&[255, 0, 195])], Some("/wDD"));
        check("FROM_BASE64", &[bytes(b"aGVsbG8=")], Some("hello"));
        check("MD5", &[bytes(b"")], Some("d41d8cd98f00b204e9800998ecf8427e"));
        check("FROM_BASE64", &[text("aGVsbG8gd29ybGQ=")], Some("hello world"));
        check("ENCODE", &[text("é"), text("ISO-8859-1")], Some("x'e9'"));
        check("ENCODE", &[text("é"), text("US-ASCII")], Some("x'3f'"));
        check("ENCODE", &[text("é中"), text("gbk")], Some("x'a8a6d6d0'"));
        check("DECODE", &[(Value::Bytes(vec![0, 0xe9]), TypeKind::BYTES.not_null()), text("UTF-16BE")], Some("é"));
        check("HEX", &[text("Flink")], Some("466C696E6B"));
        check("HEX", &[int(255)], Some("FF"));
        check("BIN", &[long(4)], Some("100"));
        check("BIN", &[long(-1)], Some(&"1".repeat(64)));
    }
}
