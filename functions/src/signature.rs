//! Arguments of a call, and the checks that many functions make of theirs. Knows no function by name.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use crate::error::SignatureError;
use crate::types::KindExt;

/// What the arguments must be cast to, and what comes out.
pub(crate) type Signature = Result<(Vec<LogicalType>, LogicalType), SignatureError>;

/// One argument of a call, as written.
#[derive(Clone, Copy, Debug)]
pub struct Arg<'a> {
    /// Its type.
    pub ty: &'a LogicalType,
    /// Its value, where it is a constant.
    pub literal: Option<&'a Value>,
}

impl<'a> Arg<'a> {
    pub(crate) fn of_expr(expr: &'a Expr) -> Self {
        let literal = match &expr.node {
            ExprNode::Literal(value) => Some(value),
            _ => None,
        };
        Self { ty: &expr.ty, literal }
    }
}

impl Arg<'_> {
    pub(crate) fn kind(&self) -> &TypeKind {
        &self.ty.kind
    }

    /// The constant text, of a symbol or a literal.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.literal {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The constant number.
    pub(crate) fn int(&self) -> Option<i64> {
        match self.literal {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// This argument's type where it is of this kind already, else that kind with this argument's nullability.
    pub(crate) fn cast(&self, kind: TypeKind) -> LogicalType {
        LogicalType { kind, nullable: self.ty.nullable }
    }
}

/// The refusal of arguments; `resolve` writes function and types into the sentence.
pub(crate) fn refuse<T>(accepted: impl Into<String>) -> Result<T, SignatureError> {
    Err(SignatureError::new("cannot apply {}").accepting(accepted))
}

/// Whether any argument may be NULL.
pub(crate) fn any_nullable(args: &[Arg<'_>]) -> bool {
    args.iter().any(|arg| arg.ty.nullable)
}

/// The arguments as they are.
pub(crate) fn uncast(args: &[Arg<'_>]) -> Vec<LogicalType> {
    args.iter().map(|arg| arg.ty.clone()).collect()
}

/// What an argument may be, for functions whose arguments have fixed types.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// CHAR or VARCHAR, as it is.
    Text,
    /// BINARY or VARBINARY, as it is.
    Bytes,
    /// Either of both, as it is.
    Octets,
    /// An integer of at most 32 bits, cast to INT.
    Int,
    /// Any integer, cast to BIGINT.
    Long,
    /// Any number, cast to DOUBLE.
    Double,
    /// BOOLEAN
    Bool,
    /// A symbol.
    Symbol,
    /// Anything, as it is.
    Any,
}

impl Want {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "<CHARACTER_STRING>",
            Self::Bytes => "<BINARY_STRING>",
            Self::Octets => "<CHARACTER_STRING or BINARY_STRING>",
            Self::Int => "<INTEGER>",
            Self::Long => "<BIGINT>",
            Self::Double => "<NUMERIC>",
            Self::Bool => "<BOOLEAN>",
            Self::Symbol => "<SYMBOL>",
            Self::Any => "<ANY>",
        }
    }

    fn cast(self, arg: &Arg<'_>) -> Option<LogicalType> {
        let kind = arg.kind();
        let null = matches!(kind, TypeKind::Null);
        match self {
            Self::Text if null => Some(arg.cast(TypeKind::STRING)),
            Self::Text => kind.is_text().then(|| arg.ty.clone()),
            Self::Octets if null => Some(arg.cast(TypeKind::STRING)),
            Self::Octets => (kind.is_text() || kind.is_bytes()).then(|| arg.ty.clone()),
            Self::Bytes if null => Some(arg.cast(TypeKind::BYTES)),
            Self::Bytes => kind.is_bytes().then(|| arg.ty.clone()),
            Self::Int => (null || kind.is_integer() && *kind != TypeKind::BigInt).then(|| arg.cast(TypeKind::Int)),
            Self::Long => (null || kind.is_integer()).then(|| arg.cast(TypeKind::BigInt)),
            Self::Double => (null || kind.is_numeric()).then(|| arg.cast(TypeKind::Double)),
            Self::Bool => (null || *kind == TypeKind::Boolean).then(|| arg.cast(TypeKind::Boolean)),
            Self::Symbol => (*kind == TypeKind::Symbol).then(|| arg.ty.clone()),
            Self::Any => Some(arg.ty.clone()),
        }
    }
}

/// The casts for arguments of these fixed types, of which the last `optional` may be absent.
pub(crate) fn fixed(args: &[Arg<'_>], wants: &[Want], optional: usize) -> Result<Vec<LogicalType>, SignatureError> {
    let casts = || args.iter().zip(wants).map(|(arg, want)| want.cast(arg)).collect::<Option<Vec<_>>>();
    let count = wants.len() - optional..=wants.len();
    match casts() {
        Some(casts) if count.contains(&args.len()) => Ok(casts),
        _ => {
            let words = |count: usize| format!("({})", wants[..count].iter().map(|want| want.word()).collect::<Vec<_>>().join(", "));
            refuse(count.map(words).collect::<Vec<_>>().join(" or "))
        }
    }
}

/// The same, with a result that is NULL where an argument is.
pub(crate) fn strict(args: &[Arg<'_>], wants: &[Want], optional: usize, result: TypeKind) -> Signature {
    let casts = fixed(args, wants, optional)?;
    Ok((casts, LogicalType { kind: result, nullable: any_nullable(args) }))
}

/// The same, with a result that may be NULL whatever the arguments are.
pub(crate) fn forced(args: &[Arg<'_>], wants: &[Want], optional: usize, result: TypeKind) -> Signature {
    Ok((fixed(args, wants, optional)?, result.nullable()))
}
