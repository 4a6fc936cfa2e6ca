//! How rows are compared by ORDER BY: as bytes, in Arrow's row format, whose order is that of the columns.

use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use irmak_common::call_spec::SortKey;
use irmak_common::types::Schema;

use crate::error::EngineError;

/// An order of rows.
#[derive(Debug)]
pub(crate) struct Order {
    columns: Vec<usize>,
    converter: RowConverter,
}

impl Order {
    /// # Errors
    /// A column that does not exist, or whose type has no order.
    pub(crate) fn new(keys: &[SortKey], input: &Schema) -> Result<Self, EngineError> {
        let field = |key: &SortKey| -> Result<SortField, EngineError> {
            let field =
                input.fields.get(key.column).ok_or_else(|| EngineError::plan(format!("column {} of {}", key.column, input.len())))?;
            let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
            Ok(SortField::new_with_options(field.ty.kind.to_arrow(), options))
        };
        let fields = keys.iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let unsorted = |_| EngineError::Unsupported {
            what: "ORDER BY a column whose values have no order".into(),
            instead: "order by a part of the value, or by its text".into(),
        };
        let converter = RowConverter::new(fields).map_err(unsorted)?;
        Ok(Self { columns: keys.iter().map(|key| key.column).collect(), converter })
    }

    /// The rows of a batch, to be compared as bytes.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Result<Rows, EngineError> {
        let columns = self.columns.iter().map(|&column| batch.columns().get(column).cloned()).collect::<Option<Vec<ArrayRef>>>();
        let columns = columns.ok_or_else(|| EngineError::plan("ORDER BY reads a column that is not there"))?;
        self.converter.convert_columns(&columns).map_err(EngineError::arrow("sorting rows"))
    }
}
