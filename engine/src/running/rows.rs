//! Values of any type as bytes whose order is the values' order: Arrow's row format. What is held beyond its batch is held so.

use arrow::array::{ArrayRef, new_null_array};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};

use crate::error::EngineError;

/// Encodes the columns of batches, and decodes rows.
#[derive(Debug)]
pub(crate) struct RowCodec {
    converter: RowConverter,
    types: Vec<DataType>,
    rows: Option<Rows>,
}

impl RowCodec {
    /// A codec for columns of these types, NULL first, ascending.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] for types that have no order (MAP, MULTISET).
    pub(crate) fn new(types: &[DataType]) -> Result<Self, EngineError> {
        Self::sorted(types.iter().map(|ty| (ty.clone(), SortOptions::default())).collect())
    }

    /// A codec whose order is the given one.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] for types that have no order (MAP, MULTISET).
    pub(crate) fn sorted(order: Vec<(DataType, SortOptions)>) -> Result<Self, EngineError> {
        let fields: Vec<SortField> = order.iter().map(|(ty, options)| SortField::new_with_options(ty.clone(), *options)).collect();
        let types: Vec<DataType> = order.into_iter().map(|(ty, _)| ty).collect();
        if !RowConverter::supports_fields(&fields) {
            let what = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(EngineError::Unsupported {
                what: format!("an updating query that keeps a value of the Arrow type {what}"),
                instead: "leave MAP and MULTISET columns out, or cast them to STRING".into(),
            });
        }
        let converter = RowConverter::new(fields).map_err(EngineError::arrow("preparing the encoding of rows"))?;
        Ok(Self { converter, types, rows: None })
    }

    /// Encodes the rows of these columns; [`Self::row`] speaks of them until the next.
    pub(crate) fn bind(&mut self, columns: &[ArrayRef]) -> Result<(), EngineError> {
        // A row kind behind them is not the row's.
        let columns = columns.get(..self.types.len()).unwrap_or(columns);
        if self.types.is_empty() {
            return Ok(());
        }
        if let Some(at) = columns.iter().zip(&self.types).position(|(column, ty)| column.data_type() != ty) {
            return Err(crate::accumulate::mismatch(columns, at, &self.types[at]));
        }
        self.rows = Some(self.converter.convert_columns(columns).map_err(EngineError::arrow("encoding rows"))?);
        Ok(())
    }

    /// The bytes of a row.
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        self.rows.as_ref().map_or(&[], |rows| rows.row(row).data())
    }

    /// The columns of rows that this codec has encoded.
    pub(crate) fn decode<'a>(&self, rows: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>, EngineError> {
        let parser = self.converter.parser();
        let rows = rows.into_iter().map(|bytes| parser.parse(bytes)).collect::<Vec<_>>();
        self.converter.convert_rows(rows).map_err(EngineError::arrow("decoding rows"))
    }

    /// The bytes of a row of NULLs.
    pub(crate) fn null(&self) -> Result<Vec<u8>, EngineError> {
        let columns: Vec<ArrayRef> = self.types.iter().map(|ty| new_null_array(ty, 1)).collect();
        let rows = self.converter.convert_columns(&columns).map_err(EngineError::arrow("encoding rows"))?;
        Ok(rows.row(0).data().to_vec())
    }
}
