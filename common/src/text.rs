//! How a value is written as text where Java would have written it: CSV and JSON cells, casts to STRING, results on the terminal.
