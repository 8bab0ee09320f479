from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from trivet_kit.settings import (
    Address,
    ServerSettings,
    StartupError,
    TlsFiles,
    parse_address,
    parse_tls,
    parse_workspaces,
    read_database_url,
)
from trivet_testing.left_out import leave_out


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7332", Address("127.0.0.1", 7332)),
        ("localhost:0", Address("localhost", 0)),
        ("0.0.0.0:65535", Address("0.0.0.0", 65535)),
        ("trivet.example.com:1", Address("trivet.example.com", 1)),
        ("[::1]:7332", Address("::1", 7332)),
        ("[fe80::1]:7332", Address("fe80::1", 7332)),
        ("unix:/run/trivet.sock", Address("", 0, Path("/run/trivet.sock"))),
        ("unix:trivet.sock", Address("", 0, Path("trivet.sock"))),
    ],
)
def test_address_is_read_and_written_the_same(text: str, address: Address) -> None:
    assert parse_address(text, "TRIVET_LISTEN") == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "7332", ":7332", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536"),
        *(
            "127.0.0.1:999999",
            "::1:7332",
            "[::1]",
            "[::1:7332",
            "a b:1",
            "host/path:1",
            "grpc://host:1",
            "unix:",
            " :1",
        ),
        *("127.0.0.1:1 ", " 127.0.0.1:1", "127.0.0.1:1\n", "127.0.0.1:\u0661"),
    ],
)
def test_address_of_another_form_is_refused_with_the_name_of_the_setting(text: str) -> None:
    with pytest.raises(StartupError) as failure:
        parse_address(text, "TRIVET_LISTEN")
    assert str(failure.value) == (
        f"TRIVET_LISTEN is {text!r}; it must be HOST:PORT or unix:PATH, such as 127.0.0.1:7332."
    )


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/run/trivet.sock"])
def test_server_for_this_machine_alone_needs_no_authentication(text: str) -> None:
    address = parse_address(text, "TRIVET_LISTEN")
    assert address.is_local
    ServerSettings(address).check()


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[fe80::1]:1", "trivet.example.com:1", "localhost.example.com:1"),
        *("127.0.0.1.example.com:1", "2130706433:1", "127.1:1"),
    ],
)
def test_server_that_others_may_reach_needs_it_or_the_operators_word(text: str) -> None:
    address = parse_address(text, "TRIVET_LISTEN")
    with pytest.raises(StartupError) as failure:
        ServerSettings(address).check()
    assert str(failure.value).startswith(f"{address} can be reached from other machines")
    assert "--insecure-no-auth (TRIVET_INSECURE_NO_AUTH=true)" in str(failure.value)
    ServerSettings(address, insecure_no_auth=True).check()


@pytest.mark.parametrize("text", ["10.0.0.1:7332", "tracking:7332", "[::2]:7332"])
def test_tokens_travel_in_the_clear_neither_unasked_nor_unsaid(text: str) -> None:
    listen, other = parse_address("127.0.0.1:0", "TRIVET_LISTEN"), parse_address(text, "TRIVET_TRACKING_URL")
    policy = Path("policy.yaml")
    with pytest.raises(StartupError) as failure:
        ServerSettings(listen, policy=policy).check_clear(other, "TRIVET_TRACKING_URL")
    assert str(failure.value).startswith(f"TRIVET_TRACKING_URL is grpc://{other}, and tokens would travel")
    ServerSettings(listen, policy=policy, tls_terminated=True).check_clear(other, "TRIVET_TRACKING_URL")
    ServerSettings(listen).check_clear(other, "TRIVET_TRACKING_URL")


@pytest.mark.parametrize("text", ["127.0.0.1:7332", "localhost:7332", "[::1]:7332", "unix:/run/trivet.sock"])
def test_tokens_stay_on_this_machine_without_tls(text: str) -> None:
    settings = ServerSettings(parse_address("127.0.0.1:0", "TRIVET_LISTEN"), policy=Path("policy.yaml"))
    settings.check_clear(parse_address(text, "TRIVET_TRACKING_URL"), "TRIVET_TRACKING_URL")


@pytest.mark.parametrize(
    ("text", "workspaces"),
    [
        ("", {"default"}),
        (" , ,", {"default"}),
        ("team-a", {"default", "team-a"}),
        ("team-a, team-b ,default,team-a", {"default", "team-a", "team-b"}),
    ],
)
def test_workspaces_are_those_named_and_default(text: str, workspaces: set[str]) -> None:
    assert parse_workspaces(text) == workspaces


@pytest.mark.parametrize("name", ["Team", "1a", "-a", "a-", "a_b", "a b", "a/b", "ä", "a" * 64, "a;b", "workspaces/a"])
def test_workspace_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(StartupError, match="TRIVET_WORKSPACES names ") as failure:
        parse_workspaces(f"team-a,{name}")
    assert repr(name) in str(failure.value)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates and keys: `a.pem` and `a.key`, `b.pem` and `b.key`, and `locked.key` of `a.pem`."""
    folder = tmp_path_factory.mktemp("pem")
    if shutil.which("openssl") is None:
        leave_out("openssl", "it is not on PATH")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("a", "b"):
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", "-out", f"{name}.pem")
    openssl("pkey", "-in", "a.key", "-aes256", "-passout", "pass:hunter2", "-out", "locked.key")
    (folder / "note").write_text("not in PEM")
    return folder


def test_tls_is_off_where_nothing_is_set() -> None:
    assert parse_tls("", "", "") is None


def test_tls_files_are_taken_with_and_without_an_authority_for_clients(pem: Path) -> None:
    certificate, key = pem / "a.pem", pem / "a.key"
    assert parse_tls(str(certificate), str(key), "") == TlsFiles(certificate, key, None)
    assert parse_tls(str(certificate), str(key), str(pem / "b.pem")) == TlsFiles(certificate, key, pem / "b.pem")


@pytest.mark.parametrize("files", [("a.pem", "", ""), ("", "a.key", ""), ("", "", "b.pem"), ("a.pem", "", "b.pem")])
def test_tls_by_halves_is_refused(files: tuple[str, str, str]) -> None:
    with pytest.raises(StartupError, match="TRIVET_TLS_CERT and TRIVET_TLS_KEY go together"):
        parse_tls(*files)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("missing", "a.key", ""), "TRIVET_TLS_CERT is {}/missing, which is not a file."),
        (("a.pem", "missing", ""), "TRIVET_TLS_KEY is {}/missing, which is not a file."),
        (("a.pem", "a.key", "missing"), "TRIVET_TLS_CLIENT_CA is {}/missing, which is not a file."),
        (("a.pem", ".", ""), "TRIVET_TLS_KEY is {}, which is not a file."),
        (("note", "a.key", ""), "are not a certificate and its key"),
        (("a.pem", "note", ""), "are not a certificate and its key"),
        (("a.pem", "b.key", ""), "are not a certificate and its key"),
        (("a.pem", "locked.key", ""), "are not a certificate and its key, in PEM and without a password."),
        (("a.pem", "a.key", "note"), "TRIVET_TLS_CLIENT_CA {}/note has no certificate"),
    ],
)
def test_tls_files_that_cannot_serve_are_refused(pem: Path, files: tuple[str, str, str], said: str) -> None:
    paths = [str(pem / name) if name else "" for name in files]
    with pytest.raises(StartupError) as failure:
        parse_tls(*paths)
    assert said.format(pem) in str(failure.value)
    assert "\n" not in str(failure.value)


def test_database_url_comes_from_the_setting_or_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://trivet:hunter2@db/trivet\n")
    assert read_database_url("sqlite:///x.db", "") == "sqlite:///x.db"
    assert read_database_url("", str(secret)) == "postgresql://trivet:hunter2@db/trivet"
    assert read_database_url("", "") == ""


@pytest.mark.parametrize(
    ("url", "content", "said"),
    [
        ("sqlite:///x.db", b"sqlite:///y.db", "are both set"),
        ("", None, "which cannot be read: no such file or directory."),
        ("", b" \n", "which is empty."),
        ("", b"\xff\xfehunter2", "which is not a text."),
    ],
)
def test_database_url_that_is_not_clear_is_refused(tmp_path: Path, url: str, content: bytes | None, said: str) -> None:
    secret = tmp_path / "url"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(StartupError, match="TRIVET_DATABASE_URL_FILE") as failure:
        read_database_url(url, str(secret))
    assert said in str(failure.value)
    assert "hunter2" not in str(failure.value)
