"""`trivet models predict`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import trivet
from trivet._commands.answers import Answer, Done
from trivet._commands.declaring import client_command
from trivet._progress import TransferProgress

app = typer.Typer()


@client_command(
    app,
    "predict",
    example="trivet models predict -m models:/taxi/Production -i trips.parquet -o minutes.parquet --keep trip_id",
)
def predict(
    client: trivet.Client,
    model_uri: Annotated[
        str,
        typer.Option(
            "--model-uri",
            "-m",
            metavar="URI",
            help="models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, runs:/RUN_ID/PATH or a folder.",
            show_default=False,
        ),
    ],
    input_path: Annotated[
        Path, typer.Option("--input-path", "-i", metavar="FILE", help="The file with the rows.", show_default=False)
    ],
    output_path: Annotated[
        Path,
        typer.Option(
            "--output-path",
            "-o",
            metavar="FILE",
            help="The file for the predictions; replaced at the end where it is there.",
            show_default=False,
        ),
    ],
    input_format: Annotated[
        str,
        typer.Option(
            "--input-format",
            "-t",
            metavar="FORMAT",
            help="csv, parquet or jsonl. Default: what the name of the file says.",
            show_default=False,
        ),
    ] = "",
    output_format: Annotated[
        str,
        typer.Option("--output-format", metavar="FORMAT", help="The same of the output.", show_default=False),
    ] = "",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="COLUMN",
            help="A column of the input to have in the output too; may be given several times.",
            show_default=False,
        ),
    ] = None,
    params: Annotated[
        str,
        typer.Option("--params", metavar="JSON", help="Params of the prediction, as an object.", show_default=False),
    ] = "",
    batch_rows: Annotated[
        int, typer.Option("--batch-rows", metavar="ROWS", min=1, help="How many rows are predicted at once.")
    ] = 10_000,
) -> Answer:
    """Predict for each row of a file: CSV, Parquet or JSON lines, of any size."""
    try:
        from trivet import pyfunc  # noqa: PLC0415 - an extra
        from trivet._batch.prediction import BatchOptions, predict_file  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise trivet.FailedPrecondition(
            f"Predicting needs the module {error.name!r}, which is not installed. Install: pip install 'trivet[models]'"
        ) from error
    options = BatchOptions(input_format, output_format, batch_rows, keep or (), _parsed(params))
    model = pyfunc.load_model(model_uri, client=client)
    with TransferProgress("Predicting", input_path.stat().st_size) as progress:
        done = predict_file(model, input_path, output_path, options, progress.add)
    return Done(
        f"Predicted {done.rows:,} rows: {output_path}",
        {"rows": done.rows, "columns": list(done.columns), "output": str(output_path)},
    )


def _parsed(params: str) -> dict[str, object] | None:
    if not params:
        return None
    try:
        parsed = json.loads(params)
    except ValueError as error:
        raise trivet.InvalidArgument(f"--params is no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise trivet.InvalidArgument("--params must be an object, such as '{\"threshold\": 0.5}'.")
    return parsed
