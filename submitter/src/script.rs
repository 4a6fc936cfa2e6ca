//! Reading a script: from a file or standard input, in the form that its name or beginning tells.

use std::io::Read;

use irmak_common::limits::SCRIPT_BYTES_MAX;

use crate::args::ScriptFormat;
use crate::error::SubmitterError;

/// A script as it will be submitted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// As given; `-` for standard input.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) format: ScriptFormat,
}

impl ScriptFormat {
    /// The word for it on the wire.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }
}

pub(crate) fn read(file: &str, format: Option<ScriptFormat>) -> Result<Script, SubmitterError> {
    let failed = |source| SubmitterError::Read { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a script at the bound from a larger one.
    let limit = SCRIPT_BYTES_MAX as u64 + 1;
    if file == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        std::fs::File::open(file).and_then(|open| open.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() > SCRIPT_BYTES_MAX {
        return Err(SubmitterError::Refused(format!("error: {file} is larger than {} MiB, the bound of a script", SCRIPT_BYTES_MAX >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        SubmitterError::Refused(format!("error: {file} is not UTF-8: the byte at offset {at} begins no character"))
    })?;
    let format = format.unwrap_or_else(|| guess(file, &text));
    Ok(Script { file: file.to_owned(), text, format })
}

fn guess(file: &str, text: &str) -> ScriptFormat {
    match file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("yaml" | "yml") => ScriptFormat::Yaml,
        Some("json") => ScriptFormat::Json,
        Some("sql") => ScriptFormat::Sql,
        _ if text.trim_start().starts_with('{') => ScriptFormat::Json,
        _ => ScriptFormat::Sql,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_name_then_by_beginning() {
        for (file, text, format) in [
            ("kdv.sql", "{", ScriptFormat::Sql),
            ("kdv.YML", "", ScriptFormat::Yaml),
            ("-", " {\"sources\": []}", ScriptFormat::Json),
            ("-", "SELECT 1", ScriptFormat::Sql),
        ] {
            assert_eq!(guess(file, text), format, "{file}");
        }
    }

    #[test]
    fn a_script_that_is_not_text_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sql");
        std::fs::write(&path, b"SELECT \xff").unwrap();
        let error = read(path.to_str().unwrap(), None).unwrap_err().to_string();
        assert!(error.contains("the byte at offset 7"), "{error}");
    }
}
