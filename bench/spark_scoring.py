"""Parquet scored by a model on a cluster of Spark here, beside the same rows read and written without a model.

Usage: bench/spark_scoring.py [--gib 10] [--workers 2]. Brings pyspark into the cache of the tests if it is missing.
TRIVET_BENCH_DIR says where the data go, which take as much as is scored.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import trivet.sklearn
from trivet.pyfunc import spark_udf
from trivet_testing.tools import find_pyspark

_PART_ROWS = 2_000_000
_COLUMNS = ("distance", "hour", "riders", "fare")


def main() -> None:
    """Prints how much is scored in a second, and which share of the time without a model that is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gib", type=float, default=10, help="of Parquet to score (default 10)")
    parser.add_argument("--workers", type=int, default=2, help="of the cluster, with a processor each (default 2)")
    options = parser.parse_args()
    sys.path.append(str(find_pyspark().path))
    from pyspark.sql import SparkSession, functions  # noqa: PLC0415 - found a moment ago

    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as name:
        folder = Path(name)
        gib, rows = _written(folder / "rows", options.gib)
        example = pd.DataFrame(np.ones((2, len(_COLUMNS))), columns=list(_COLUMNS))
        model = LinearRegression().fit(example, [1.0, 2.0])
        trivet.sklearn.save_model(model, folder / "model", input_example=example, pip_requirements=["scikit-learn"])
        os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        builder = SparkSession.builder.master(f"local-cluster[{options.workers},1,2048]")
        spark = builder.config("spark.executor.memory", "2g").config("spark.ui.enabled", "false").getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        read = spark.read.parquet(str(folder / "rows"))

        def write(predicted: Any) -> None:
            shutil.rmtree(folder / "scored", ignore_errors=True)
            read.select("distance", predicted.alias("minutes")).write.parquet(str(folder / "scored"))

        without = _seconds(lambda: write(functions.col("fare") * 2))
        predict = spark_udf(spark, str(folder / "model"))()
        scored = _seconds(lambda: write(predict))
        spark.stop()
    print(f"{gib:.2f} GiB of Parquet, {rows:,} rows, {options.workers} workers, load {os.getloadavg()[0]:.1f}.")
    print(f"Scored: {scored:.1f} s, {rows / scored:,.0f} rows/s, {1024 * gib / scored:,.1f} MiB/s.")
    print(f"Read and written without a model: {without:.1f} s; scoring takes {scored / without:.1f} times that.")


def _written(folder: Path, gib: float) -> tuple[float, int]:
    """Writes rows until there are so many GiB; one part after the other, all of the same bytes."""
    folder.mkdir()
    values = np.random.default_rng(1).random((_PART_ROWS, len(_COLUMNS)))
    first = folder / "part-00000.parquet"
    pd.DataFrame(values, columns=list(_COLUMNS)).to_parquet(first, compression=None)
    size = first.stat().st_size
    parts = max(1, round(gib * 2**30 / size))
    for number in range(1, parts):
        shutil.copyfile(first, folder / f"part-{number:05}.parquet")
    return parts * size / 2**30, parts * _PART_ROWS


def _seconds(do: Callable[[], None]) -> float:
    begin = time.monotonic()
    do()
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
