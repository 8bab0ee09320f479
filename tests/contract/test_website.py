"""What makes the site of the documentation: its check finds faults, links lead on, nothing is left out."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from mkdocs.config.defaults import MkDocsConfig

import trivet
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

ROOT = Path(__file__).parents[2]
WEBSITE = ROOT / "website"
SERVICES = {
    "tracking": tracking_service_pb2.DESCRIPTOR.services_by_name["TrackingService"],
    "artifacts": artifact_service_pb2.DESCRIPTOR.services_by_name["ArtifactService"],
    "registry": registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"],
    "common": system_service_pb2.DESCRIPTOR.services_by_name["SystemService"],
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small site in which all is well."""
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#x">b</a><img src="c.svg"><a href="https://e.org">e</a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="x"></h1><a href="a.html">a</a><a href="#x">here</a>')
    (tmp_path / "c.svg").write_text("<svg/>")
    write_inventory(tmp_path, trivet.__all__)
    return tmp_path


def write_inventory(site: Path, names: list[str]) -> None:
    lines = "\n".join(f"trivet.{name} py:function 1 x.html -" for name in names)
    (site / "objects.inv").write_bytes(b"# 1\n# 2\n# 3\n# 4\n" + zlib.compress(lines.encode()))


def checked(site: Path) -> str:
    command = [sys.executable, str(WEBSITE / "check.py"), str(site)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == int(bool(ended.stderr)), ended.stderr
    return ended.stderr


def test_a_site_in_which_all_is_well_passes(site: Path) -> None:
    assert checked(site) == ""


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="none.html">', "a.html links to none.html, which is not there"),
        ('<a href="b.html#y">', "a.html links to b.html#y, which is not there"),
        ('<a href="#y">', "a.html links to #y, which is not there"),
        ('<img src="none.svg">', "a.html links to none.svg, which is not there"),
        ('<script src="https://e.org/x.js">', "a.html loads https://e.org/x.js from the network"),
        ('<link rel="stylesheet" href="//e.org/x.css">', "a.html loads //e.org/x.css from the network"),
    ],
)
def test_what_is_wrong_with_a_page_is_said(site: Path, html: str, fault: str) -> None:
    with (site / "a.html").open("a") as page:
        page.write(html)
    assert checked(site).splitlines() == [fault]


def test_what_is_public_and_not_described_is_said(site: Path) -> None:
    write_inventory(site, [name for name in trivet.__all__ if name != "start_run"])
    assert checked(site).splitlines() == ["trivet.start_run is described nowhere"]


@pytest.mark.parametrize(
    ("uri", "link", "expected"),
    [
        ("cli.md", "[a](registry.md#stages)", "[a](registry.md#stages)"),
        ("cli.md", "[the `SDK`](../client/README.md)", "[the `SDK`](sdk.md)"),
        ("index.md", "[a](docs/cli.md#models)", "[a](cli.md#models)"),
        ("index.md", "[a](examples/)", "[a](examples.md)"),
        ("examples-go.md", "[a](main.go)", "[a](files/examples/go/main.go)"),
        ("export.md", "[a](../protos/trivet/tracking/v1/export.proto)", "[a](reference/tracking.md)"),
        ("adr/0001-generated-code.md", "[a](../cli.md)", "[a](../cli.md)"),
        ("kubernetes.md", "[`deploy/k8s/base`](../deploy/k8s/base)", "`deploy/k8s/base`"),
        ("cli.md", "[a](https://example.org)", "[a](https://example.org)"),
        ("cli.md", "[a](none.md)", "[a](none.md)"),
        ("cli.md", "```python\nx[a](../client/README.md)\n```", "```python\nx[a](../client/README.md)\n```"),
    ],
)
def test_links_lead_to_where_the_site_has_what_they_mean(
    uri: str, link: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(WEBSITE)
    import outside  # noqa: PLC0415 - a hook of mkdocs, which is in no package

    assert outside.with_links_of_the_site(link, uri) == expected


def test_every_page_says_of_which_version_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(WEBSITE)
    import released  # noqa: PLC0415 - as above

    assert released.on_config(MkDocsConfig()).copyright == f"Trivet {trivet.__version__}"


def test_the_reference_has_every_method_message_and_field_with_what_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(WEBSITE)
    import rpc_reference  # noqa: PLC0415 - as above

    contracts = rpc_reference.read_contracts()
    for name, service in SERVICES.items():
        package = f"trivet.{name}.v1"
        assert service.file.package == package
        page = rpc_reference.render([contract for contract in contracts if contract.file.package == package])
        anchors = set(re.findall(r"\{ #(\S+) \}", page))
        for method in service.methods:
            assert f"{service.name}.{method.name}" in anchors
            for message in (method.input_type, method.output_type):
                check_message(page, anchors, message, package)
        links = set(re.findall(r"\]\(#([\w.]+)\)", page))
        assert links <= anchors
        assert not re.search(r"\|  ?\|$", page, re.MULTILINE), "something has no comment"


def check_message(page: str, anchors: set[str], message: Descriptor, package: str) -> None:
    if message.file.package != package:
        return
    assert message.full_name.removeprefix(f"{package}.") in anchors
    for field in message.fields:
        assert f"| `{field.name}` | " in page


def test_every_contract_has_its_page() -> None:
    packages = {str(path.parent.relative_to(ROOT / "protos")) for path in (ROOT / "protos/trivet").rglob("*.proto")}
    assert packages == {f"trivet/{name}/v1" for name in SERVICES}
