"""What is encoded into a segment comes out of it, bit for bit."""

from __future__ import annotations

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from trivet_testing.tracking import full
from trivet_tracking.domain.metrics import Points, normalise
from trivet_tracking.store.segments import SegmentPiece, encode, pieces_of

INT64S = st.integers(-(2**63), 2**63 - 1)
# Of keys that are a beginning of another, and of keys with characters of several bytes.
KEYS = st.one_of(st.sampled_from(["a", "ab", "b", "ä", "äb", "\U0001f600"]), st.text(min_size=1, max_size=250))
PIECES = st.tuples(
    KEYS,
    st.integers(0, 2**31 - 1),
    st.lists(st.tuples(INT64S, INT64S, st.floats()), min_size=1, max_size=8),
)
Raw = tuple[str, int, list[tuple[int, int, float]]]
Bits = tuple[int, list[int], list[int], list[int]]


def piece(key: str, context: int, rows: list[tuple[int, int, float]]) -> SegmentPiece:
    steps = np.array([step for step, _, _ in rows], np.int64)
    times = np.array([time for _, time, _ in rows], np.int64)
    return key, context, Points(steps, times, normalise(np.array([value for _, _, value in rows], np.float64)))


def bits(context: int, points: Points) -> Bits:
    """A piece as plain numbers, values by their bits."""
    return context, points.steps.tolist(), points.times.tolist(), points.values.view(np.uint64).tolist()


def test_every_piece_of_a_key_comes_out_as_it_was(seed: int) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=full(150, 10_000), deadline=None, database=None, print_blob=True)
    @hypothesis.given(st.lists(PIECES, min_size=1, max_size=8))
    def check(raw: list[Raw]) -> None:
        pieces = [piece(*one) for one in raw]
        data = encode(pieces)
        for wanted in {key for key, _, _ in pieces} | {"of no piece"}:
            expected = [bits(context, points) for key, context, points in pieces if key == wanted]
            assert [bits(context, points) for context, points in pieces_of(data, wanted)] == expected

    check()


def test_special_values_keep_their_bits() -> None:
    values = [math.nan, math.inf, -math.inf, 0.0, 5e-324, -5e-324, 1.7976931348623157e308]
    one = piece("k", 0, [(-(2**63), 2**63 - 1, value) for value in values])
    assert [bits(*found) for found in pieces_of(encode([one]), "k")] == [bits(0, one[2])]


def test_the_longest_key_of_the_widest_characters_fits() -> None:
    key = "\U0001f600" * 250
    one = piece(key, 2**32 - 1, [(0, 0, 1.0)])
    assert [bits(*found) for found in pieces_of(encode([one]), key)] == [bits(2**32 - 1, one[2])]


def test_a_segment_of_an_unknown_version_is_not_misread() -> None:
    data = encode([piece("k", 0, [(0, 0, 1.0)])])
    with pytest.raises(AssertionError, match="segment of version 2"):
        list(pieces_of(b"\x02" + data[1:], "k"))


def test_a_segment_has_the_layout_that_is_documented() -> None:
    """Segments outlive the code that wrote them: the bytes are the contract."""
    data = encode([piece("k", 3, [(1, 2, 1.0), (-1, 4, 0.5)])])
    assert data.hex() == (
        "01" "01000000" "02000000"  # version, pieces, points
        "03000000" "02000000" "0100" "6b"  # context, count, length of the key, key
        "0100000000000000" "ffffffffffffffff"  # steps
        "0200000000000000" "0400000000000000"  # times
        "000000000000f03f" "000000000000e03f"  # values
    )  # fmt: skip
