"""What is encoded into columns, segments and chunks comes out of them, bit for bit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from trivet_testing.tracking import full
from trivet_tracking.domain.metrics import Points, concatenate, merge, normalise
from trivet_tracking.store import chunks, columns, segments
from trivet_tracking.store.segments import Segment

INT64S = st.integers(-(2**63), 2**63 - 1)
# Of keys that are a beginning of another, and of keys with characters of several bytes.
KEYS = st.one_of(st.sampled_from(["a", "ab", "b", "ä", "äb", "\U0001f600"]), st.text(min_size=1, max_size=250))
# Numbers of each width, and values that fit into 32 bits and that do not.
NUMBERS = st.one_of(st.integers(-3, 3), st.integers(-300, 300), st.integers(-(2**33), 2**33), INT64S)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, st.one_of(st.floats(), st.floats(width=32))), min_size=1, max_size=12)
Raw = tuple[str, int, list[tuple[int, int, float]]]
Bits = tuple[list[int], list[int], list[int]]


def points_of(rows: Sequence[tuple[int, int, float]]) -> Points:
    steps = np.array([step for step, _, _ in rows], np.int64)
    times = np.array([time for _, time, _ in rows], np.int64)
    return Points(steps, times, normalise(np.array([value for _, _, value in rows], np.float64)))


def bits(points: Points) -> Bits:
    """Points as plain numbers, values by their bits."""
    return points.steps.tolist(), points.times.tolist(), points.values.view(np.uint64).tolist()


def segment_of(raw: Sequence[Raw]) -> Segment:
    parts = [points_of(rows) for _, _, rows in raw]
    counts = np.array([len(part) for part in parts])
    return Segment([key for key, _, _ in raw], [context for _, context, _ in raw], counts, concatenate(parts))


def for_all(seed: int, *given: st.SearchStrategy[object]) -> Callable[[Callable[..., None]], None]:
    """Runs a function for generated arguments, the same ones for the same seed; a failure is shrunk and printed."""

    def run(check: Callable[..., None]) -> None:
        settings = hypothesis.settings(max_examples=full(100, 10_000), deadline=None, database=None, print_blob=True)
        hypothesis.seed(seed)(settings(hypothesis.given(*given)(check)))()

    return run


def test_points_in_columns_come_out_as_they_were(seed: int) -> None:
    @for_all(seed, ROWS, st.sampled_from([1, 2, 40, 400]))
    def check(rows: list[tuple[int, int, float]], times: int) -> None:
        points = points_of(rows * times)
        assert bits(columns.decode(columns.encode(points))) == bits(points)


def test_regular_points_take_few_bytes() -> None:
    steps = np.arange(4096)
    losses = np.random.default_rng(0).random(4096)
    as_floats = losses.astype(np.float32).astype(np.float64)
    assert len(columns.encode(Points(steps, steps * 100, as_floats))) < 4 * 4096
    assert len(columns.encode(Points(steps, steps * 100, losses))) < 8 * 4096
    assert len(columns.encode(Points(steps, steps, np.full(4096, 0.1)))) < 250


@pytest.mark.parametrize("length", [1, 2, 500, 5000])
def test_special_values_keep_their_bits(length: int) -> None:
    values = [math.nan, math.inf, -math.inf, 0.0, 5e-324, -5e-324, 1.7976931348623157e308]
    points = points_of([(-(2**63), 2**63 - 1, value) for value in itertools.islice(itertools.cycle(values), length)])
    assert bits(columns.decode(columns.encode(points))) == bits(points)


def test_every_piece_of_a_segment_comes_out_as_it_was(seed: int) -> None:
    @for_all(seed, st.lists(st.tuples(KEYS, st.integers(0, 2**31 - 1), ROWS), min_size=1, max_size=8))
    def check(raw: list[Raw]) -> None:
        data = segments.encode(segment_of(raw))
        for only in (None, *({key} for key, _, _ in raw), {"of no piece"}):
            wanted = [
                (key, context, bits(points_of(rows))) for key, context, rows in raw if only is None or key in only
            ]
            found = segments.decode(data, None if only is None else frozenset(only))
            assert [(key, context, bits(points)) for key, context, points in found.pieces()] == wanted


def test_the_longest_key_of_the_widest_characters_fits() -> None:
    raw: list[Raw] = [("\U0001f600" * 250, 2**32 - 1, [(0, 0, 1.0)])]
    ((key, context, _),) = segments.decode(segments.encode(segment_of(raw))).pieces()
    assert (key, context) == raw[0][:2]


def test_bytes_of_an_unknown_version_are_not_misread() -> None:
    data = segments.encode(segment_of([("k", 0, [(0, 0, 1.0)])]))
    with pytest.raises(AssertionError, match="segment of version 9"):
        segments.decode(b"\x09" + data[1:])
    with pytest.raises(AssertionError, match="columns of version 9"):
        columns.decode(b"\x09" + columns.encode(points_of([(0, 0, 1.0)]))[1:])


def test_bytes_have_the_layout_that_is_documented() -> None:
    """They outlive the code that wrote them: they are the contract."""
    data = segments.encode(segment_of([("k", 3, [(1, 2, 1.0), (-1, 4, 0.1)])]))
    assert data.hex() == (
        "02" "00" "01000000" "0b000000" "0b000000"  # version, compressed, pieces, bytes before and after compression
        "03000000" "02000000" "0100" "6b"  # context, count, length of the key, key
        "01" "00" "00" "00" "08" "02000000"  # version, compressed, widths of step, time and value, points
        "0100000000000000" "0200000000000000"  # first step and time
        "feffffffffffffff" "0200000000000000"  # the difference of all steps, of all times
        "009a00990099009900990099f0b93f3f"  # values, shuffled
    )  # fmt: skip


def test_chunks_are_cut_where_step_or_time_changes_and_hold_everything() -> None:
    size = chunks.CHUNK_POINTS
    many_at_once = [(7, 7, float(value)) for value in range(2 * size)]
    points = merge(
        [points_of([*((step, 0, 0.5) for step in range(7)), *many_at_once, *((8, t, 1.0) for t in range(size))])]
    )
    cut = list(chunks.cut(points))
    assert [chunk.points for chunk in cut] == [7 + 2 * size, size]
    assert [(chunk.first_step, chunk.last_step) for chunk in cut] == [(0, 7), (8, 8)]
    assert bits(concatenate([columns.decode(chunk.data) for chunk in cut])) == bits(points)


def test_summaries_keep_every_spike_and_nan() -> None:
    values = np.zeros(1000)
    values[[130, 700]] = 9.0, -9.0
    values[[5, 6, 999]] = math.nan
    values[256:384] = math.nan
    summary = chunks.summarise(Points(np.arange(1000), np.arange(1000) * 2, values))
    assert summary["step"].tolist() == list(range(0, 1000, 128))
    assert summary["time"].tolist() == list(range(0, 2000, 256))
    assert summary["nans"].tolist() == [2, 0, 128, 0, 0, 0, 0, 1]
    assert summary["max"][[0, 1, 3]].tolist() == [0.0, 9.0, 0.0]
    assert summary["min"][5] == -9.0
    assert math.isnan(summary["min"][2])
    assert math.isnan(summary["max"][2])
