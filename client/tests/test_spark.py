"""Models that Spark asks, on processes of a cluster, and an export of runs that it aggregates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import trivet
import trivet.pyfunc
import trivet.sklearn

ROWS = pd.DataFrame({"distance": np.linspace(1, 30, 1_000), "hour": np.arange(1_000.0) % 24})

# Two workers, each a process with an executor of its own. Prints what it found as one line of JSON.
PROGRAM = """
import json, sys
from pyspark.sql import SparkSession, functions
import trivet
from trivet.pyfunc import spark_udf

folder, model_uri, classifier, own = sys.argv[1:5]
builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false")
builder = builder.config("spark.sql.shuffle.partitions", "2").config("spark.executor.memory", "1g")
spark = builder.config("spark.task.maxFailures", "1").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
rows = spark.read.parquet(f"{folder}/rows").repartition(2)

def failure(make):
    try:
        make()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

named = spark_udf(spark, model_uri)
distance, hour = functions.col("distance"), functions.col("hour")
answers = {
    "signature": named(),
    "columns": named("distance", "hour"),
    "expressions": named(distance * 1, hour),
    "struct": named(functions.struct(hour, distance)),
    "array": spark_udf(spark, classifier, result_type="array<double>")(),
    "own": spark_udf(spark, own, result_type="struct<km: double, far: boolean>", params={"limit": 10.0})(),
}
rows.select("distance", *(answer.alias(name) for name, answer in answers.items())).write.parquet(f"{folder}/scored")
metrics = spark.read.parquet(f"{folder}/export/points")
grouped = metrics.groupBy("key").agg(functions.count("*"), functions.avg("value"), functions.max("step"))
found = {
    "executors": len(spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) - 1,
    "metrics": sorted(list(row) for row in grouped.collect()),
    "too few": failure(lambda: named("distance")),
    "two for one": failure(lambda: rows.select(spark_udf(spark, classifier)()).collect()),
    "no model": failure(lambda: spark_udf(spark, "models:/none/1")),
}
print(json.dumps(found))
"""


def test_a_cluster_scores_parquet_and_aggregates_an_export(
    client: trivet.Client, tmp_path: Path, pyspark: Path
) -> None:
    (tmp_path / "rows").mkdir()
    ROWS.to_parquet(tmp_path / "rows" / "part-0.parquet")
    regressor = LinearRegression().fit(ROWS, 3 * ROWS["distance"] + ROWS["hour"])
    classifier = LogisticRegression().fit(ROWS / 10, ROWS["distance"] > 10)
    example = ROWS.head(2)
    with trivet.start_run():
        trivet.sklearn.log_model(
            regressor, "model", registered_model_name="taxi", input_example=example, pip_requirements=[]
        )
        for step in range(10):
            trivet.log_metrics({"loss": 1 / (step + 1), "rmse": float(step)}, step=step)
    client.set_registered_model_alias("taxi", "champion", 1)

    def own_model(rows: pd.DataFrame, params: dict[str, Any] | None) -> pd.DataFrame:
        return pd.DataFrame({"km": rows["distance"], "far": rows["distance"] > (params or {})["limit"]})

    trivet.sklearn.save_model(
        classifier,
        tmp_path / "classifier",
        pyfunc_predict_fn="predict_proba",
        input_example=example,
        pip_requirements=[],
    )
    trivet.pyfunc.save_model(own_model, tmp_path / "own", input_example=(example, {"limit": 1.0}), pip_requirements=[])
    client.export(tmp_path / "export", "0")
    arguments = [str(tmp_path), "models:/taxi@champion", str(tmp_path / "classifier"), str(tmp_path / "own")]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"PYTHONPATH": str(pyspark), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-5_000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["executors"] == 2
    scored = pd.read_parquet(tmp_path / "scored").sort_values("distance")
    for form in ("signature", "columns", "expressions", "struct"):
        np.testing.assert_allclose(scored[form], regressor.predict(ROWS))
    np.testing.assert_allclose(np.stack(scored["array"].to_numpy()), classifier.predict_proba(ROWS))
    assert scored["own"].tolist() == [{"km": km, "far": km > 10} for km in ROWS["distance"]]
    assert "takes 2 columns, distance, hour; 1 were given" in found["too few"]
    assert "takes one; use one such as" in found["two for one"]
    assert found["no model"].startswith("ModelNotFound")
    assert found["metrics"] == [
        ["loss", 10, pytest.approx(np.mean([1 / (step + 1) for step in range(10)])), 9],
        ["rmse", 10, 4.5, 9],
    ]
