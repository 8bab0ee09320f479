"""The policy file: what it says, and what is said of one that is wrong."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from trivet_kit.auth import ANONYMOUS, Grant, Principal
from trivet_kit.identity.policy import FilePolicy
from trivet_kit.identity.policy_file import PolicyFileInvalid, parse, schema
from trivet_kit.quotas import Quotas
from trivet_kit.roles import Role
from trivet_kit.workspace_rules import NO_RULES
from trivet_proto.common.v1 import options_pb2

WHOLE = """
issuers:
  people:
    url: https://accounts.example.org
    audiences: [trivet]
    subject_claim: email
    allow_unverified_email: true
    sign_in: {client_id: trivet, scopes: [openid, email, groups]}
  kubernetes:
    url: https://kubernetes.default.svc
    audiences: [trivet, "https://kubernetes.default.svc"]
    algorithms: [RS256]
    ca_file: /etc/ca.pem
    keys_url: https://kubernetes.default.svc/openid/v1/jwks
    refresh_seconds: 30
token_keys:
  - {id: "2026-11", public_key: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
workspaces:
  default: {}
  team-a:
    roles:
      reader: ["group:people/ml"]
      writer: ["user:people/ann@example.org", "user:kubernetes/system:serviceaccount:team-a:*"]
      approver: ["user:people/bob@example.org"]
      admin: ["group:people/leads-*"]
    stages: [None, Staging, Production, Archived]
    protected_stages: {Production: {approvals: 2}}
    protected_aliases: {champion: {approvals: 1}}
    quotas: {bytes: 1.5 GiB, points_per_second: 50000, runs: 100000, requests_per_second: 500}
    retention: {deleted_days: 30}
  team-b:
    roles:
      writer: ["user:people/ann@example.org"]
server:
  admin: ["user:people/ops@example.org"]
  maintenance: ["user:kubernetes/system:serviceaccount:trivet:registry"]
deny: ["user:people/mallory@example.org"]
revoked_tokens: ["5f0c"]
"""
PRODUCTION = "workspaces.team-a.protected_stages.Production"
READ, WRITE = options_pb2.PERMISSION_READ, options_pb2.PERMISSION_WRITE
APPROVE, ADMIN = options_pb2.PERMISSION_APPROVE, options_pb2.PERMISSION_ADMIN


def person(name: str, *groups: str, token_id: str = "") -> Principal:
    return caller(f"people/{name}", frozenset(f"people/{group}" for group in groups), token_id)


def caller(
    subject: str, groups: frozenset[str] = frozenset(), token_id: str = "", grants: tuple[Grant, ...] | None = None
) -> Principal:
    return Principal(subject, authenticated=True, groups=groups, token_id=token_id, grants=grants)


def test_schema_is_one_and_the_file_is_read_whole() -> None:
    Draft202012Validator.check_schema(json.loads(schema()))
    said = parse(WHOLE)
    assert [issuer.name for issuer in said.issuers] == ["people", "kubernetes"]
    people, kubernetes = said.issuers
    assert (people.subject_claim, people.groups_claim, people.keys_url, people.refresh_seconds) == (
        "email",
        "groups",
        None,
        4,
    )
    assert (kubernetes.algorithms, kubernetes.ca_file, kubernetes.refresh_seconds) == (("RS256",), "/etc/ca.pem", 30)
    assert (people.allow_unverified_email, kubernetes.allow_unverified_email) == (True, False)
    assert said.sign_in["people"].scopes == ("openid", "email", "groups")
    assert said.sign_in["people"].token == "id_token"
    assert [(key.id, key.public_key) for key in said.token_keys] == [("2026-11", bytes(32))]
    rules = said.workspaces["team-a"].rules
    assert rules.stages == ("None", "Staging", "Production", "Archived")
    assert rules.protected_stages == {"Production": 2}
    assert rules.protected_aliases == {"champion": 1}
    assert rules.quotas == Quotas(bytes=1536 * 1024**2, points_per_second=50_000, runs=100_000, requests_per_second=500)
    assert rules.deleted_days == 30
    assert said.workspaces["default"].rules == NO_RULES


@pytest.mark.parametrize(
    ("who", "workspace", "roles"),
    [
        (person("eve"), "team-a", set()),
        (person("eve", "ml"), "team-a", {Role.READER}),
        (person("eve", "ml"), "team-b", set()),
        (person("ann@example.org"), "team-a", {Role.WRITER}),
        (person("ann@example.org", "ml", "leads-eu"), "team-a", {Role.READER, Role.WRITER, Role.ADMIN}),
        (person("ann@example.org"), "team-b", {Role.WRITER}),
        (person("ann@example.org"), "default", set()),
        (person("ann@example.org"), None, set()),
        # Another issuer's user of the same name is somebody else.
        (caller("kubernetes/ann@example.org"), "team-a", set()),
        (caller("kubernetes/system:serviceaccount:team-a:trainer"), "team-a", {Role.WRITER}),
        (caller("kubernetes/system:serviceaccount:team-ab:trainer"), "team-a", set()),
        (caller("kubernetes/system:serviceaccount:trivet:registry"), "default", {Role.MAINTENANCE}),
        (caller("kubernetes/system:serviceaccount:trivet:registry"), None, {Role.MAINTENANCE}),
        (person("ops@example.org"), "team-a", {Role.ADMIN}),
        (person("ops@example.org"), None, {Role.ADMIN}),
        (person("ops@example.org"), "no-such", set()),
        (person("mallory@example.org", "ml", "leads-eu"), "team-a", set()),
        (person("ann@example.org", token_id="5f0c"), "team-a", set()),
        (Principal("people/ann@example.org", authenticated=False), "team-a", set()),
        (ANONYMOUS, "team-a", set()),
        (caller("trivet/ci", grants=(Grant("team-a", Role.WRITER),)), "team-a", {Role.WRITER}),
        (caller("trivet/ci", grants=(Grant("team-a", Role.WRITER),)), "team-b", set()),
        (caller("trivet/ci", grants=(Grant("gone", Role.ADMIN),)), "gone", set()),
        # A token that says what it is for gives no more than that.
        (caller("people/ops@example.org", grants=(Grant("team-a", Role.READER),)), None, set()),
    ],
)
def test_roles_are_those_of_the_file(who: Principal, workspace: str | None, roles: set[Role]) -> None:
    policy = FilePolicy(parse(WHOLE))
    for _ in range(2):  # the second time from memory
        assert policy.roles(who, workspace) == roles
    if workspace is not None:
        assert (workspace in policy.workspaces(who)) == bool(roles)


def test_roles_permit_what_they_are_for() -> None:
    policy = FilePolicy(parse(WHOLE))
    bob = person("bob@example.org")
    assert [policy.permits(bob, each, "team-a") for each in (READ, WRITE, APPROVE, ADMIN)] == [True, False, True, False]
    reader = person("eve", "ml")
    assert [policy.permits(reader, each, "team-a") for each in (READ, WRITE)] == [True, False]
    assert policy.permits(person("ops@example.org"), ADMIN, None)
    assert not policy.permits(person("eve", "leads-eu"), ADMIN, None)


def changed_line(text: str) -> int:
    """The first line that is not as in WHOLE."""
    both = enumerate(zip(text.splitlines(), WHOLE.splitlines(), strict=False), 1)
    return next((number for number, (line, whole) in both if line != whole), 1)


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "", "it is empty"),
        ("[]", "", "is not of type 'object'"),
        ("workspaces: {", "", "it is not YAML"),
        ("workspaces: &a {default: *a}", "", "references are not taken"),
        ("workspaces: {}", "workspaces", "non-empty"),
        ("issuers: {}", "", "'workspaces' is a required property"),
        (changed("  team-b:", "  team-a:"), "workspaces.team-a", "twice"),
        (changed("      reader:", "      redaer:"), "workspaces.team-a.roles.redaer", "no such key; there are adm"),
        (changed("  team-b:", "  Team_B:"), "workspaces.Team_B", "'Team_B' cannot be"),
        (changed("group:people/ml", "people/ml"), "workspaces.team-a.roles.reader.0", "`user:ISSUER/NAME`"),
        (changed("group:people/ml", "group:peple/ml"), "workspaces.team-a.roles.reader.0", "no issuer peple"),
        (changed("group:people/ml", "group:people/*ml"), "workspaces.team-a.roles.reader.0", "cannot be"),
        (changed("1.5 GiB", "much"), "workspaces.team-a.quotas.bytes", "cannot be"),
        (changed("1.5 GiB", "-1"), "workspaces.team-a.quotas.bytes", "-1"),
        (
            changed("approvals: 2", "approvals: 0"),
            f"{PRODUCTION}.approvals",
            "minimum",
        ),
        (
            changed("approvals: 2", 'approvals: "2"'),
            f"{PRODUCTION}.approvals",
            "integer",
        ),
        (changed("Production: {", "Prod: {"), "workspaces.team-a.protected_stages.Prod", "none of the stages"),
        (
            changed("  default: {}", "  default: {protected_stages: {Produktion: {approvals: 2}}}"),
            "workspaces.default.protected_stages.Produktion",
            "none of the stages Staging, Production, Archived",
        ),
        (changed("Archived]", "Shelf]"), "workspaces.team-a.stages.3", "must be Archived"),
        (changed("Staging, ", "production, "), "workspaces.team-a.stages.2", "case alone"),
        (changed("Staging, ", "latest, "), "workspaces.team-a.stages.1", "`latest`"),
        (changed("https://accounts", "http://accounts"), "issuers.people.url", "cannot be"),
        (changed("  people:", "  trivet:"), "issuers.trivet", "cannot be"),
        (changed("algorithms: [RS256]", "algorithms: [HS256]"), "issuers.kubernetes.algorithms.0", "HS256"),
        (changed("algorithms: [RS256]", "algorithms: [none]"), "issuers.kubernetes.algorithms.0", "none"),
        (changed('"AAAA', '"AAA'), "token_keys.0.public_key", "cannot be"),
        (changed("revoked_tokens", "revoked"), "revoked", "no such key"),
        (changed("email: true", "email: yes"), "issuers.people.allow_unverified_email", "boolean"),
        ("workspaces: !foo {}", "", "tags are not taken"),
        ("workspaces: !!set {default}", "", "tags are not taken"),
        (changed("runs: 100000", "runs: !!int abc"), "", "tags are not taken"),
        (changed("runs: 100000", "runs: !!timestamp x"), "", "tags are not taken"),
        (changed("runs: 100000", "runs: 0x_"), "", "0x_ is no number"),
        (changed("runs: 100000", f"runs: {'9' * 5000}"), "", "is no number"),
        (changed("runs: 100000", f"runs: -0x{'f' * 5000}"), "", "is no number"),
        (changed("runs: 100000", f"runs: {2**63}"), "", "is no number"),
        (changed("  kubernetes:", "  1:"), "issuers", "a key must be a text"),
        (changed("{champion:", "{1:"), "workspaces.team-a.protected_aliases", "a key must be a text"),
        (changed("  team-b:", "  1:"), "workspaces", "a key must be a text"),
        (changed("  team-b:", "  ~:"), "workspaces", "a key must be a text"),
        (changed("  team-b:", "  [a]:"), "workspaces", "a key must be a text"),
        ("a\x00b", "", "it is not YAML"),
        ("[" * 5000, "", "it is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, place: str, said: str) -> None:
    with pytest.raises(PolicyFileInvalid) as caught:
        parse(text)
    found = caught.value.faults
    assert [(fault.line, fault.place) for fault in found] == [(changed_line(text), place)], str(caught.value)
    assert said in found[0].problem


def test_a_key_between_quotes_is_a_text() -> None:
    said = parse(changed("{champion:", '{"1":'))
    assert said.workspaces["team-a"].rules.protected_aliases == {"1": 1}


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = (
        changed("1.5 GiB", "much").replace("approvals: 2", "approvals: 0").replace("refresh_seconds: 30", "refresh: 1")
    )
    with pytest.raises(PolicyFileInvalid) as caught:
        parse(text)
    assert [fault.line for fault in caught.value.faults] == [15, 27, 29]
