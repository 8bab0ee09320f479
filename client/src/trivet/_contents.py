"""The bytes of files that are made of objects: texts, mappings, figures, images and tables.

The libraries that the objects come from are there already, and are not imported before.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, cast

from trivet._errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_YAML: Final = (".yaml", ".yml")
_IMAGE_MODES: Final = {1: "L", 3: "RGB", 4: "RGBA"}


def of_mapping(content: object, file: str) -> bytes:
    """JSON, or YAML where the file is named so. Raises InvalidArgument for what neither can hold."""
    if PurePosixPath(file).suffix.lower() in _YAML:
        yaml = needed("yaml", "PyYAML", f"{file!r} is YAML")
        try:
            return cast("bytes", yaml.safe_dump(content, sort_keys=False, allow_unicode=True, encoding="utf-8"))
        except yaml.YAMLError as error:
            raise InvalidArgument(f"{file!r} cannot be written as YAML: {error}") from None
    try:
        return _json(content, lambda name: name, indent=2)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{file!r} cannot be written as JSON: {error}") from None


def of_figure(figure: Any, file: str, options: Mapping[str, object]) -> bytes:
    """A figure of matplotlib or plotly, in the format that the name of the file ends in.

    Args:
        figure: It.
        file: matplotlib writes `.png`, `.svg`, `.pdf` and more; plotly `.html`, `.json`, and pictures where Kaleido is
            installed.
        options: Of the library's own function that writes it.

    Raises:
        InvalidArgument: it is no figure, or cannot be written in that format.
    """
    suffix = PurePosixPath(file).suffix.lower().removeprefix(".")
    buffer = io.BytesIO()
    try:
        if hasattr(figure, "savefig"):
            figure.savefig(buffer, **{"format": suffix or "png", **options})
        elif not hasattr(figure, "to_plotly_json"):
            raise InvalidArgument(f"A figure of matplotlib or plotly is needed, not {type(figure).__name__}.")
        elif suffix == "html":
            # With its own script: an artifact is looked at where there is perhaps no network.
            return str(figure.to_html(**{"include_plotlyjs": True, **options})).encode()
        elif suffix == "json":
            return str(figure.to_json(**options)).encode()
        else:
            return bytes(figure.to_image(**{"format": suffix or "png", **options}))
    except (ValueError, ImportError) as error:
        raise InvalidArgument(f"The figure cannot be written as {file!r}: {error}") from error
    return buffer.getvalue()


def of_image(image: Any, file: str) -> bytes:
    """An image of Pillow, or an array of its pixels, in the format that the name of the file ends in.

    Args:
        image: Of Pillow; or of shape (height, width), (height, width, 1), (…, 3) or (…, 4), as whole numbers from 0 to
            255, booleans, or numbers from 0 to 1. Arrays of NumPy and PyTorch, and what they can be made of.
        file: `.png`, `.jpg`, `.webp`, …

    Raises:
        InvalidArgument: it is no image, or Pillow, which writes it, is not installed.
    """
    if not hasattr(image, "save"):
        image = _image_of_array(image)
    buffer = io.BytesIO()
    suffix = PurePosixPath(file).suffix.lower().removeprefix(".") or "png"
    try:
        image.save(buffer, format={"jpg": "jpeg"}.get(suffix, suffix))
    except (KeyError, OSError, ValueError) as error:
        raise InvalidArgument(f"The image cannot be written as {file!r}: {error}") from None
    return buffer.getvalue()


def of_table(table: Any, file: str, before: bytes | None) -> bytes:
    """Rows of named columns, as `.json` (in the layout of pandas' `split`, as MLflow writes it), `.csv` or `.parquet`.

    Args:
        table: A DataFrame of pandas or polars; or columns by their names, as lists of one length or single values.
        file: Which of them.
        before: The bytes of the same file, whose rows come first; of JSON alone.

    Raises:
        InvalidArgument: it is no table; or the columns before are others.
    """
    columns = _columns_of(table)
    suffix = PurePosixPath(file).suffix.lower()
    if suffix == ".json":
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        names = list(columns)
        if before is not None:
            names, rows = _appended(before, names, rows, file)
        content = {"columns": names, "data": rows}
        return _json(content, lambda _: None)
    if before is not None:
        raise InvalidArgument(f"{file!r} is there already; rows are added to .json files alone.")
    if suffix == ".csv":
        import csv  # noqa: PLC0415 - seldom used, and `import trivet` is to cost little

        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        return text.getvalue().encode()
    if suffix == ".parquet":
        arrow = needed("pyarrow", "pyarrow", f"{file!r} is Parquet")
        parquet = importlib.import_module("pyarrow.parquet")
        buffer = io.BytesIO()
        parquet.write_table(arrow.table({name: list(values) for name, values in columns.items()}), buffer)
        return buffer.getvalue()
    raise InvalidArgument(f"A table is written as .json, .csv or .parquet, not as {file!r}.")


def of_histogram(values: object, bins: int | Sequence[float]) -> dict[str, object]:
    """`counts` of the finite values between `edges`, of which there is one more; and how many values are not finite.

    Args:
        values: Numbers, of any shape. A pair of counts and edges, as `numpy.histogram` returns it, is taken as it is.
        bins: How many of one width, or their edges.

    Raises:
        InvalidArgument: they are no numbers, or the edges do not go with the counts.
    """
    numpy = needed("numpy", "numpy", "a histogram is counted")
    if isinstance(values, tuple) and len(values) == 2 and all(hasattr(each, "__len__") for each in values):
        counts, edges = (numpy.asarray(each, numpy.float64).ravel() for each in values)
        if len(edges) != len(counts) + 1:
            raise InvalidArgument(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}.")
        return {"counts": counts.tolist(), "edges": edges.tolist(), "not_finite": 0}
    numbers = array_of(values, "a histogram").astype(numpy.float64).ravel()
    finite = numbers[numpy.isfinite(numbers)]
    counts, edges = numpy.histogram(finite, bins=bins)
    return {"counts": counts.tolist(), "edges": edges.tolist(), "not_finite": int(len(numbers) - len(finite))}


def array_of(values: Any, what: str) -> npt.NDArray[Any]:
    """An array of what NumPy can make one of; of PyTorch also where it is on another device, or needs a gradient."""
    numpy = needed("numpy", "numpy", f"{what} is made of an array")
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
    array: npt.NDArray[Any] = numpy.asarray(values)
    if array.dtype.kind not in "biuf":
        raise InvalidArgument(f"Numbers are needed for {what}, not {type(values).__name__} of {array.dtype}.")
    return array


def needed(module: str, package: str, why: str) -> Any:
    """A module that is not a dependency. Raises InvalidArgument where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InvalidArgument(
            f"This needs {package}, for {why}, and it is not installed: pip install {package}."
        ) from None


def is_of(value: object, library: str, name: str) -> bool:
    """Whether a value is of a class of a library, which is not imported for that."""
    module = sys.modules.get(library)
    kind = getattr(module, name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _image_of_array(image: Any) -> Any:
    pillow = needed("PIL.Image", "Pillow", "an image is written")
    import numpy as np  # noqa: PLC0415 - as above

    pixels = array_of(image, "an image")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in _IMAGE_MODES or not pixels.size:
        shape = "x".join(map(str, pixels.shape))
        raise InvalidArgument(
            f"An image has the shape (height, width), or that with 1, 3 or 4 channels at the end, not {shape}."
        )
    mode = _IMAGE_MODES[pixels.shape[2]]
    return pillow.fromarray(np.ascontiguousarray(_bytes_of(pixels)).squeeze(2) if mode == "L" else _bytes_of(pixels))


def _bytes_of(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    import numpy as np  # noqa: PLC0415 - as above

    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    top = 1 if pixels.dtype.kind == "f" else 255
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= top):  # NaN is neither
        raise InvalidArgument(f"Pixels of {pixels.dtype} must be from 0 to {top}; these are from {low} to {high}.")
    return np.round(pixels * 255).astype(np.uint8) if top == 1 else pixels.astype(np.uint8)


def _columns_of(table: Any) -> dict[str, list[Any]]:
    if is_of(table, "pandas", "DataFrame"):
        return {str(name): table[name].tolist() for name in table.columns}
    if is_of(table, "polars", "DataFrame"):
        return {name: table[name].to_list() for name in table.columns}
    if not isinstance(table, Mapping) or not table:
        raise InvalidArgument(
            f"A table is a DataFrame of pandas or polars, or columns by their names, not {type(table).__name__}."
        )
    columns = {
        str(name): list(values) if isinstance(values, Sequence) and not isinstance(values, str | bytes) else [values]
        for name, values in table.items()
    }
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InvalidArgument(f"The columns of a table must have one length, not {sorted(lengths)}.")
    return columns


def _appended(before: bytes, names: list[str], rows: list[list[Any]], file: str) -> tuple[list[str], list[list[Any]]]:
    try:
        content = json.loads(before)
        columns, data = list(content["columns"]), list(content["data"])
    except (ValueError, KeyError, TypeError):
        raise InvalidArgument(f"{file!r} is there already, and is not a table.") from None
    all_names = [*columns, *(name for name in names if name not in columns)]
    added = [dict(zip(names, row, strict=True)) for row in rows]
    filled = [[*row, *[None] * (len(all_names) - len(columns))] for row in data]
    return all_names, [*filled, *([row.get(name) for name in all_names] for row in added)]


def _json(content: object, special: Callable[[str], object], indent: int | None = None) -> bytes:
    """JSON, which has no NaN and no infinities: `special` says what stands for `NaN`, `Infinity` and `-Infinity`."""
    plain = json.loads(json.dumps(content, default=_plain), parse_constant=special)
    return json.dumps(plain, ensure_ascii=False, indent=indent).encode()


def _plain(value: Any) -> object:
    """What JSON has, of scalars and arrays of NumPy and PyTorch, and of times."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")
