"""What data is, by digest and schema, for `trivet.log_input`, which also takes the data itself."""

from trivet._datasets import from_file, from_numpy, from_pandas, from_polars, from_uri, to_dataset

__all__ = ["from_file", "from_numpy", "from_pandas", "from_polars", "from_uri", "to_dataset"]
