//! CAST and TRY_CAST: a conversion from one type to another, made once and run over arrays.
//!
//! A value that does not fit fails the job (CAST) or becomes NULL (TRY_CAST). Some are no failures in Flink either: numbers wrap
//! or saturate as Java's casts do, and a DECIMAL that does not fit is NULL.

mod driver;
mod nested;
mod number;
mod text;
mod time;

use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use irmak_common::expr::CastMode;
use irmak_common::types::{LogicalType, TypeKind};

use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};
use crate::types::{KindExt, castable, same_values};
use crate::zone::Zone;

pub(crate) use text::parses_as_double;

/// How far a CHAR or BINARY is padded: beyond it one value would be larger than a batch.
const PADDED_MAX: u32 = 4 << 20;

/// The conversion of arrays, of all their values.
type Convert = Arc<dyn Fn(&ArrayRef) -> Result<ArrayRef, EvalError> + Send + Sync>;

/// A conversion.
#[derive(Clone)]
pub(crate) struct Cast {
    /// `None`: there is nothing to do.
    convert: Option<Convert>,
    total: bool,
}

/// What conversions share.
#[derive(Clone)]
pub(crate) struct Context {
    /// What failures are called: `CAST(STRING AS INT)`.
    name: Arc<str>,
    mode: CastMode,
    zone: Zone,
}

impl Cast {
    /// The conversion between two types.
    ///
    /// # Errors
    /// When Flink has none, or the session's zone does not exist.
    pub(crate) fn new(from: &LogicalType, to: &LogicalType, mode: CastMode, env: &Environment) -> Result<Self, FunctionError> {
        let refused = || FunctionError::Cast { from: from.to_string(), to: to.to_string() };
        if !castable(from, to) || matches!(to.kind, TypeKind::Char(length) | TypeKind::Binary(length) if length > PADDED_MAX) {
            return Err(refused());
        }
        let (mode, to) = if env.legacy_casts() { legacy(from, to, mode) } else { (mode, to.clone()) };
        let word = if mode == CastMode::Try { "TRY_CAST" } else { "CAST" };
        let context = Context { name: format!("{word}({} AS {})", from.kind, to.kind).into(), mode, zone: Zone::parse(&env.zone)? };
        let total = mode == CastMode::Try || !may_fail(&from.kind, &to.kind);
        let convert = conversion(&from.kind, &to.kind, &context, env, mode)?;
        Ok(Self { convert, total })
    }

    /// Whether values stay as they are.
    pub(crate) fn is_identity(&self) -> bool {
        self.convert.is_none()
    }

    /// Whether no value is refused.
    pub(crate) fn is_total(&self) -> bool {
        self.total
    }

    /// Converts all values.
    ///
    /// # Errors
    /// When a strict cast refuses one; the error names its row in the array.
    pub(crate) fn run(&self, array: &ArrayRef) -> Result<ArrayRef, EvalError> {
        self.convert.as_ref().map_or_else(|| Ok(array.clone()), |convert| convert(array))
    }
}

/// The cast of old: a text keeps its length, and what fails is NULL where the result may be.
fn legacy(from: &LogicalType, to: &LogicalType, mode: CastMode) -> (CastMode, LogicalType) {
    let mode = if from.nullable { CastMode::Try } else { mode };
    (mode, if to.kind.is_text() { LogicalType { kind: TypeKind::STRING, nullable: to.nullable } } else { to.clone() })
}

fn may_fail(from: &TypeKind, to: &TypeKind) -> bool {
    match (from, to) {
        (from, to) if from.is_text() => !to.is_text() && !to.is_bytes(),
        (from, TypeKind::Decimal { .. }) => from.is_approximate(),
        (from, to) if from.is_timestamp() || to.is_timestamp() => !to.is_text(),
        (TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_) | TypeKind::Row(_), to) => !to.is_text(),
        _ => false,
    }
}

fn conversion(
    from: &TypeKind,
    to: &TypeKind,
    context: &Context,
    env: &Environment,
    mode: CastMode,
) -> Result<Option<Convert>, FunctionError> {
    use TypeKind as K;
    let longer = |from: &u32, to: &u32| to >= from;
    Ok(match (from, to) {
        (from, to) if same_values(from, to) => None,
        (K::Null, to) => {
            let arrow = to.to_arrow();
            Some(Arc::new(move |array| Ok(new_null_array(&arrow, array.len()))))
        }
        (K::Char(m) | K::Varchar(m), K::Varchar(n)) if longer(m, n) => None,
        (K::Binary(m) | K::Varbinary(m), K::Varbinary(n)) if longer(m, n) => None,
        (from, to) if to.is_text() => Some(text::to_text(from, to, context)),
        (from, to) if to.is_bytes() => Some(text::to_bytes(from, to)),
        (from, to) if from.is_text() => Some(text::from_text(from, to, context)),
        (K::Array(_) | K::Map(..) | K::Multiset(_) | K::Row(_), to) => Some(nested::convert(from, to, mode, env)?),
        (from, to) if is_moment(from) && is_moment(to) => Some(time::convert(from, to, context)),
        (from, to) => Some(number::convert(from, to, context)),
    })
}

fn is_moment(kind: &TypeKind) -> bool {
    kind.is_timestamp() || matches!(kind, TypeKind::Date | TypeKind::Time(_))
}
