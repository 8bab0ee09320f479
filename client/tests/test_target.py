"""Addresses, from arguments and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

import trivet
from trivet._target import Address, LocalData, Replicas, resolve


@pytest.mark.parametrize(
    ("uri", "address", "workspace"),
    [
        ("grpc://127.0.0.1:7000", Address("127.0.0.1", 7000, is_tls=False), "default"),
        ("grpc://host", Address("host", 7330, is_tls=False), "default"),
        ("grpc://host:1/team-a", Address("host", 1, is_tls=False), "team-a"),
        ("grpcs://host.example.com:443/team-a/", Address("host.example.com", 443, is_tls=True), "team-a"),
        ("GRPC://[::1]:7330", Address("::1", 7330, is_tls=False), "default"),
    ],
)
def test_address_is_read_from_its_uri(uri: str, address: Address, workspace: str) -> None:
    target = resolve(uri)
    assert set(target.addresses.values()) == {address}
    assert target.workspace == workspace


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://127.0.0.1:7331", "gateway"),
        ("https://trivet.example.com", "gateway"),
        ("file:", "file:FOLDER"),
        ("file://host/data", "file:FOLDER"),
        ("sqlite:x.db", "sqlite:///FILE"),
        ("sqlite:///:memory:", "sqlite:///FILE"),
        ("./runs", "file:FOLDER"),
        ("127.0.0.1:7330", "grpc://HOST:PORT"),
        ("grpc://", "grpc://HOST:PORT"),
        ("grpc://host:port", "grpc://HOST:PORT"),
        ("grpc://host:99999", "grpc://HOST:PORT"),
        ("grpc://host/a/b", "grpc://HOST:PORT"),
        ("grpc://host/Team", "cannot be a workspace"),
        ("grpc://user:secret@host", "TRIVET_TOKEN"),
    ],
)
def test_address_that_cannot_be_used_says_which_can(uri: str, says: str) -> None:
    with pytest.raises(trivet.TargetInvalid, match=says) as caught:
        trivet.Client(uri)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "lock_file", "options"),
    [
        ("", ".trivet/trivet.lock", ("--data", "{here}/.trivet")),
        ("file:./my%20runs", "my runs/trivet.lock", ("--data", "{here}/my runs")),
        ("file://{here}/runs", "runs/trivet.lock", ("--data", "{here}/runs")),
        ("sqlite:///trivet.db", "trivet.lock", ("--database", "sqlite:///{here}/trivet.db")),
        ("sqlite:///{here}/a.b", "a.b.lock", ("--database", "sqlite:///{here}/a.b")),
    ],
)
def test_data_on_this_machine_is_where_it_was_named_whatever_the_folder_becomes(
    uri: str, lock_file: str, options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = resolve(uri.format(here=tmp_path))
    (data,) = set(target.addresses.values())
    assert isinstance(data, LocalData)
    assert data.lock_file == tmp_path / lock_file
    assert data.options == tuple(option.format(here=tmp_path) for option in options)


def test_three_addresses_are_over_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_URL", "grpc://all:1/team-a")
    monkeypatch.setenv("TRIVET_REGISTRY_URL", "grpc://models:3")
    target = resolve()
    assert [str(target.address(service)) for service in ("tracking", "artifacts", "registry")] == [
        "grpc://all:1",
        "grpc://all:1",
        "grpc://models:3",
    ]
    assert target.workspace == "team-a"
    assert {str(address) for address in resolve("grpc://other:1").addresses.values()} == {"grpc://other:1"}


def test_replicas_are_listed_by_their_ip_addresses() -> None:
    target = resolve("grpc://10.0.0.1:7332,10.0.0.2:7332/team-a")
    (replicas,) = set(target.addresses.values())
    assert isinstance(replicas, Replicas)
    assert (replicas.dial, target.workspace) == ("ipv4:10.0.0.1:7332,10.0.0.2:7332", "team-a")
    (replicas,) = set(resolve("grpc://[::1]:1,[::2]:2").addresses.values())
    assert isinstance(replicas, Replicas)
    assert (replicas.dial, str(replicas)) == ("ipv6:[::1]:1,[::2]:2", "grpc://[::1]:1,[::2]:2")


@pytest.mark.parametrize(
    "uri",
    ["grpcs://10.0.0.1:1,10.0.0.2:1", "grpc://a:1,b:1", "grpc://10.0.0.1:1,[::1]:1", "grpc://10.0.0.1:1,", "grpc://,"],
)
def test_list_of_anything_but_ip_addresses_is_refused(uri: str) -> None:
    with pytest.raises(trivet.TargetInvalid):
        resolve(uri)


def test_token_is_not_sent_to_replicas_elsewhere() -> None:
    assert resolve("grpc://127.0.0.1:1,127.0.0.2:1", token="secret").token == "secret"
    with pytest.raises(trivet.TargetInvalid, match="grpcs://"):
        resolve("grpc://127.0.0.1:1,10.0.0.1:1", token="secret")


def test_service_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_TRACKING_URL", "grpc://127.0.0.1:1")
    with trivet.Client() as client, pytest.raises(trivet.TargetInvalid, match="TRIVET_REGISTRY_URL"):
        client.list_registered_models()


def test_workspace_is_that_of_the_argument_then_of_the_address_then_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIVET_WORKSPACE", "env")
    assert resolve("grpc://host").workspace == "env"
    assert resolve("grpc://host/address").workspace == "address"
    assert resolve("grpc://host/address", workspace="argument").workspace == "argument"


def test_addresses_in_different_workspaces_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_URL", "grpc://host/a")
    monkeypatch.setenv("TRIVET_REGISTRY_URL", "grpc://host/b")
    with pytest.raises(trivet.TargetInvalid, match="a, b"):
        resolve()


def test_token_is_never_sent_in_the_clear() -> None:
    for uri in ("grpc://127.0.0.1:7330", "grpc://localhost", "grpcs://host"):
        assert resolve(uri, token="secret").token == "secret"
    with pytest.raises(trivet.TargetInvalid, match="grpcs://") as caught:
        resolve("grpc://host", token="secret")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(resolve("grpcs://host", token="secret"))


def test_tracking_uri_is_the_one_that_was_set_or_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trivet.get_tracking_uri() == "file:.trivet"
    monkeypatch.setenv("TRIVET_URL", "grpc://env:1")
    assert trivet.get_tracking_uri() == "grpc://env:1"
    trivet.set_tracking_uri("grpc://set:1")
    assert trivet.get_tracking_uri() == "grpc://set:1"
