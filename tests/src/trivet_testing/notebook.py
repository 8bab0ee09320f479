"""Runs code as a notebook does: what the last line gives is the answer. As a program, it has a Spark session as well.

As a program it reads lines from its standard input, each a list of pieces of code in JSON, and answers each line with
one that has the rows that the pieces give.
"""

from __future__ import annotations

import ast
import json
import sys
from typing import Any


def run_cell(code: str, names: dict[str, Any]) -> Any:
    """Runs code with these names, to which its own are added; returns the value of the expression at its end."""
    *statements, last = ast.parse(code).body
    assert isinstance(last, ast.Expr), code
    exec(compile(ast.Module(statements, []), "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def main() -> None:
    """Answers pieces of code that give Spark's data frames."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - of the cache of tools, not of this environment

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    # One partition: there are few rows, and two hundred tasks would take longer than all the rest.
    spark = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    names = {"spark": spark}
    for line in sys.stdin:
        answers = [[list(row) for row in run_cell(code, names).collect()] for code in json.loads(line)]
        print(json.dumps(answers), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
