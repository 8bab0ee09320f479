from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet_kit import fingerprints, page_tokens
from trivet_kit.errors import FieldInvalid, PageTokenInvalid
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

cursors = st.lists(
    st.none() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    max_size=4,
)


@given(cursors, st.text(st.characters(exclude_categories=["Cs"])))
def test_token_gives_its_cursor_back_for_the_same_parameters(cursor: page_tokens.Cursor, bound_to: str) -> None:
    token = page_tokens.encode(bound_to, cursor)
    decoded = page_tokens.decode(bound_to, token)
    assert decoded == cursor
    assert [type(value) for value in decoded] == [type(value) for value in cursor]


@given(cursors)
def test_token_of_other_parameters_is_refused(cursor: page_tokens.Cursor) -> None:
    with pytest.raises(PageTokenInvalid):
        page_tokens.decode("these", page_tokens.encode("those", cursor))


def test_token_is_of_characters_that_need_no_escape_in_a_url() -> None:
    token = page_tokens.encode("x", ["\u00ff\u00fe?>~" * 20, None, 1.5])
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def test_empty_token_asks_for_the_first_page() -> None:
    assert page_tokens.decode("anything", "") is None


def packed(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "=",
        "====",
        "not a token",
        "AAAA",
        "ä",
        "\0",
        "%00",
        "a" * 10_000,
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b'["these"').decode(),
        packed(None),
        packed("these"),
        packed(7),
        packed([]),
        packed({"these": 1}),
        packed([None, 1]),
        packed(["those", 1]),
        packed([["these"], 1]),
        packed(["these", [1]]),
        packed(["these", {"a": 1}]),
        packed(["these", True]),
        page_tokens.encode("these", [1]) + "\n",
        page_tokens.encode("these", [1])[:-2],
    ],
    ids=lambda token: ascii(token[:40]),
)
def test_what_is_not_a_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid) as failure:
        page_tokens.decode("these", token)
    assert failure.value.metadata == {"field": "page_token"}


@given(st.text(max_size=60))
def test_text_of_any_kind_is_a_token_or_refused(text: str) -> None:
    try:
        cursor = page_tokens.decode("these", text)
    except PageTokenInvalid:
        return
    assert cursor is None
    assert text == ""


@pytest.mark.parametrize(
    ("requested", "used"), [(0, 100), (1, 1), (100, 100), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)]
)
def test_page_size_has_a_default_and_a_cap(requested: int, used: int) -> None:
    assert page_tokens.page_size(requested) == used


@pytest.mark.parametrize("requested", [-1, -(2**31)])
def test_negative_page_size_is_refused(requested: int) -> None:
    with pytest.raises(FieldInvalid) as failure:
        page_tokens.page_size(requested)
    assert failure.value.metadata == {"field": "page_size"}


def test_search_is_bound_to_all_but_where_its_page_begins_and_ends() -> None:
    search = tracking_service_pb2.SearchRunsRequest(parent="workspaces/a", filter="metrics.x > 1")
    bound_to = fingerprints.of_search(search)
    search.page_size, search.page_token = 7, "next"
    assert fingerprints.of_search(search) == bound_to
    others = []
    for change in ({"parent": "workspaces/b"}, {"filter": ""}, {"order_by": "run_id"}, {"view": 3}):
        other = tracking_service_pb2.SearchRunsRequest()
        other.CopyFrom(search)
        for field, value in change.items():
            setattr(other, field, value)
        others.append(fingerprints.of_search(other))
    assert len({bound_to, *others}) == 5


def test_same_content_of_another_method_is_another_fingerprint() -> None:
    assert fingerprints.of_search(system_service_pb2.ListWorkspacesRequest()) != fingerprints.of_search(
        tracking_service_pb2.ListMetricsRequest()
    )


def test_maps_are_the_same_in_whatever_order_they_were_filled() -> None:
    keys = [f"key-{number}" for number in range(50)]
    request = tracking_service_pb2.SetExperimentTagsRequest(tags=dict.fromkeys(keys, "x"))
    turned = tracking_service_pb2.SetExperimentTagsRequest(tags=dict.fromkeys(reversed(keys), "x"))
    assert fingerprints.fingerprint(request) == fingerprints.fingerprint(turned)
    assert fingerprints.fingerprint(request) != fingerprints.fingerprint(request, "tags")
