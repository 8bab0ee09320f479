"""The policy file: YAML of a documented form, `policy.schema.json`, read into values.

What is wrong is said with its line and its place in the file, all of it at once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from trivet_kit.identity.certificates import ISSUER as CERTIFICATES
from trivet_kit.identity.issuers import ALGORITHMS, OWN, Issuer, TokenKey
from trivet_kit.identity.sign_in import SignIn, SignInIssuer
from trivet_kit.identity.subjects import Subjects
from trivet_kit.quotas import Quotas
from trivet_kit.roles import Role
from trivet_kit.settings import StartupError
from trivet_kit.workspace_rules import WorkspaceRules

MAX_BYTES: Final = 4 * 1024 * 1024
_MAX_NUMBER: Final = 2**63 - 1
_TEXT: Final = "tag:yaml.org,2002:str"
_NUMBER: Final = "tag:yaml.org,2002:int"
_NOTHING: Final = "tag:yaml.org,2002:null"
_TRUTH: Final = "tag:yaml.org,2002:bool"
_UNITS: Final = {
    "": 1,
    "B": 1,
    **{unit: 1000**power for power, unit in enumerate(("kB", "MB", "GB", "TB", "PB"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB", "PiB"), 1)},
}

_Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Fault:
    """Something wrong in a policy file."""

    line: int
    """From 1 up."""
    place: str
    """Where, such as `workspaces.team-a.quotas.bytes`; empty for the whole."""
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.place}: {self.problem}" if self.place else f"line {self.line}: {self.problem}"


class PolicyFileInvalid(Exception):
    """The text is not a policy file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("; ".join(map(str, self.faults)))


@dataclass(frozen=True)
class WorkspacePolicy:
    """What the file says of a workspace."""

    roles: Mapping[Role, Subjects]
    rules: WorkspaceRules


@dataclass(frozen=True)
class PolicyFile:
    """What a policy file says."""

    workspaces: Mapping[str, WorkspacePolicy]
    issuers: tuple[Issuer, ...] = ()
    sign_in: Mapping[str, SignIn] = field(default_factory=dict)
    """How people sign in, by the name of the issuer."""
    token_keys: tuple[TokenKey, ...] = ()
    server: Mapping[Role, Subjects] = field(default_factory=dict)
    """Who has a role over all workspaces: ADMIN, MAINTENANCE."""
    deny: Subjects = field(default_factory=Subjects)
    revoked_tokens: frozenset[str] = frozenset()

    @property
    def sign_in_issuers(self) -> Mapping[str, SignInIssuer]:
        """The issuers that people sign in with, by name."""
        return {
            each.name: SignInIssuer(each, self.sign_in[each.name]) for each in self.issuers if each.name in self.sign_in
        }


def schema() -> str:
    """The JSON Schema of policy files, as a text."""
    return resources.files("trivet_kit.identity").joinpath("policy.schema.json").read_text(encoding="utf-8")


def read(path: Path) -> str:
    """The text of a policy file.

    Raises:
        StartupError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StartupError(f"The policy file {path} cannot be read: {why}.") from None
    except UnicodeDecodeError:
        raise StartupError(f"The policy file {path} is not a text.") from None


def parse(text: str) -> PolicyFile:
    """Reads a policy file.

    Raises:
        PolicyFileInvalid: it is none; has every fault that was found.
    """
    tree, content = _read_yaml(text)
    lines = dict(_lines(tree, ()))
    faults = [_of_schema(error, lines) for error in _errors(_validator(), content)]
    if not faults:
        faults = [_fault(lines, path, problem) for path, problem in _beyond_the_schema(content)]
    if faults:
        raise PolicyFileInvalid(faults)
    return _policy(content)


class _Loader(yaml.SafeLoader):
    """Takes `yes`, `1.0` and dates for the texts that they are in a list of names.

    It knows no references (`*a`): one could hold itself, and a text of a few lines mean gigabytes. Nor does it know
    tags (`!!set`), which make something else of a value than what it looks like.
    """

    yaml_implicit_resolvers: dict[Any, Any] = {  # noqa: RUF012 - as the base class has it
        first: [(tag, pattern) for tag, pattern in known if tag in {_NUMBER, _NOTHING}]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As YAML has it, without references and tags."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # the stubs leave it out
        mark: Any = event.start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="references are not taken", problem_mark=mark)
        if event.tag is not None:
            raise yaml.MarkedYAMLError(problem="tags are not taken", problem_mark=mark)
        return super().compose_node(parent, index)

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """As YAML has it, up to _MAX_NUMBER: what is much larger can be neither computed with nor told of."""
        try:
            number = self.construct_yaml_int(node)
        except ValueError:
            number = None
        if number is None or abs(number) > _MAX_NUMBER:
            mark: Any = node.start_mark
            raise yaml.MarkedYAMLError(problem=f"{node.value:.30} is no number", problem_mark=mark)
        return number


_Loader.add_implicit_resolver(_TRUTH, re.compile("^(?:true|false)$"), list("tf"))
_Loader.add_constructor(_NUMBER, _Loader.whole_number)


def _read_yaml(text: str) -> tuple[yaml.Node, Any]:
    """The nodes of the text, which know their lines, and what they say."""
    if len(text.encode()) > MAX_BYTES:
        raise PolicyFileInvalid([Fault(1, "", f"it is larger than {MAX_BYTES} bytes")])
    try:
        loader = _Loader(text)
        tree = loader.get_single_node()
        if tree is None:
            raise PolicyFileInvalid([Fault(1, "", "it is empty; it must name the workspaces")])
        if faults := list(_unmeant(tree, ())):
            raise PolicyFileInvalid(faults)
        return tree, loader.construct_document(tree)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyFileInvalid([Fault(line, "", f"it is not YAML: {error.problem or error.context}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise PolicyFileInvalid([Fault(1, "", "it is not YAML")]) from None


def _unmeant(node: yaml.Node, path: _Path) -> Iterator[Fault]:
    """What YAML lets pass and nobody means: a key twice, of which the last would count, and keys that are no texts."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag != _TEXT:
                yield Fault(key.start_mark.line + 1, _place(path), "a key must be a text")
                continue
            if key.value in seen:
                yield Fault(key.start_mark.line + 1, _place((*path, key.value)), "it is there twice")
            seen.add(key.value)
            yield from _unmeant(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _unmeant(value, (*path, index))


def _lines(node: yaml.Node, path: _Path) -> Iterator[tuple[_Path, int]]:
    """The line of everything in the text."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*path, key.value))
            yield (*path, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema()))


def _errors(validator: Draft202012Validator, content: object) -> Iterator[ValidationError]:
    for error in validator.iter_errors(content):
        yield from error.context if error.validator == "oneOf" and not error.context else (error,)


def _of_schema(error: ValidationError, lines: Mapping[_Path, int]) -> Fault:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        part: Any = error.schema
        written: Any = error.instance
        known = sorted(part["properties"])
        unknown = [name for name in written if name not in known]
        return _fault(lines, (*path, unknown[0]), f"there is no such key; there are {', '.join(known)}")
    said = error.schema.get("description") if isinstance(error.schema, dict) else None
    if error.validator in {"pattern", "oneOf", "not"} and said:
        return _fault(lines, _named(path, error), f"{error.instance!r:.100} cannot be. {said}")
    return _fault(lines, path, error.message[:300])


def _named(path: _Path, error: ValidationError) -> _Path:
    """The place of an error; of one in the name of a key that key, which the path does not have."""
    return (*path, str(error.instance)) if "propertyNames" in error.absolute_schema_path else path


def _fault(lines: Mapping[_Path, int], path: _Path, problem: str) -> Fault:
    return Fault(lines.get(path, lines[()]), _place(path), problem)


def _place(path: _Path) -> str:
    return ".".join(map(str, path))


def _beyond_the_schema(content: Mapping[str, Any]) -> Iterator[tuple[_Path, str]]:
    """What a schema cannot say."""
    issuers = set(content.get("issuers", {})) | {OWN, CERTIFICATES}
    yield from _double_keys(content)
    for path, subject in _all_subjects(content):
        issuer = re.split("[:/]", subject)[1]
        if issuer not in issuers:
            yield path, f"there is no issuer {issuer}; there are {', '.join(sorted(issuers))}"
    for name, workspace in content["workspaces"].items():
        yield from _faults_of_stages(("workspaces", name), workspace)


def _double_keys(content: Mapping[str, Any]) -> Iterator[tuple[_Path, str]]:
    seen: set[str] = set()
    for index, key in enumerate(content.get("token_keys", ())):
        if key["id"] in seen:
            yield ("token_keys", index, "id"), f"another key is called {key['id']} too"
        seen.add(key["id"])
    urls: set[str] = set()
    for name, issuer in content.get("issuers", {}).items():
        if issuer["url"] in urls:
            yield ("issuers", name, "url"), "another issuer has it too"
        urls.add(issuer["url"])


_DEFAULT_STAGES = ("None", "Staging", "Production", "Archived")
"""Of a workspace for which the file lists none: one that protects others has to list them."""


def _faults_of_stages(path: _Path, workspace: Mapping[str, Any]) -> Iterator[tuple[_Path, str]]:
    stages = workspace.get("stages", _DEFAULT_STAGES)
    if stages[-1] != "Archived":
        yield (*path, "stages", len(stages) - 1), "the last stage must be Archived"
    folded = [stage.casefold() for stage in stages]
    for index, stage in enumerate(folded):
        if stage in folded[:index]:
            yield (*path, "stages", index), "another stage differs from it by case alone"
        if stage == "latest" or stage.isdecimal():
            yield (*path, "stages", index), "a stage cannot be a number, nor `latest`"
    for stage in workspace.get("protected_stages", {}):
        if stage.casefold() not in folded[1:]:
            yield (*path, "protected_stages", stage), f"it is none of the stages {', '.join(stages[1:])}"


def _all_subjects(content: Mapping[str, Any]) -> Iterator[tuple[_Path, str]]:
    listed: list[tuple[_Path, list[str]]] = [(("deny",), content.get("deny", []))]
    listed += [(("server", role), subjects) for role, subjects in content.get("server", {}).items()]
    for name, workspace in content["workspaces"].items():
        roles = workspace.get("roles", {})
        listed += [(("workspaces", name, "roles", role), subjects) for role, subjects in roles.items()]
    for path, subjects in listed:
        for index, subject in enumerate(subjects):
            yield (*path, index), subject


def _policy(content: Mapping[str, Any]) -> PolicyFile:
    issuers = content.get("issuers", {})
    return PolicyFile(
        workspaces={name: _workspace(said) for name, said in content["workspaces"].items()},
        issuers=tuple(_issuer(name, said) for name, said in issuers.items()),
        token_keys=tuple(map(_token_key, content.get("token_keys", ()))),
        sign_in={name: _sign_in(said["sign_in"]) for name, said in issuers.items() if "sign_in" in said},
        server={Role(role): Subjects.of(subjects) for role, subjects in content.get("server", {}).items()},
        deny=Subjects.of(content.get("deny", ())),
        revoked_tokens=frozenset(content.get("revoked_tokens", ())),
    )


def _token_key(said: Mapping[str, Any]) -> TokenKey:
    return TokenKey(said["id"], base64.b64decode(said["public_key"]))


def _issuer(name: str, said: Mapping[str, Any]) -> Issuer:
    return Issuer(
        name=name,
        url=said["url"],
        audiences=tuple(said["audiences"]),
        subject_claim=said.get("subject_claim", "sub"),
        allow_unverified_email=said.get("allow_unverified_email", False),
        groups_claim=said.get("groups_claim", "groups"),
        algorithms=tuple(said.get("algorithms", ALGORITHMS)),
        keys_url=said.get("keys_url"),
        ca_file=said.get("ca_file"),
        refresh_seconds=said.get("refresh_seconds", 4),
    )


def _sign_in(said: Mapping[str, Any]) -> SignIn:
    return SignIn(
        client_id=said["client_id"],
        scopes=tuple(said.get("scopes", ("openid", "email", "profile"))),
        token=said.get("token", "id_token"),
        client_secret_file=said.get("client_secret_file", ""),
        command_line_client_id=said.get("command_line_client_id", ""),
    )


def _workspace(said: Mapping[str, Any]) -> WorkspacePolicy:
    quotas = said.get("quotas", {})
    return WorkspacePolicy(
        roles={Role(role): Subjects.of(subjects) for role, subjects in said.get("roles", {}).items()},
        rules=WorkspaceRules(
            stages=tuple(said["stages"]) if "stages" in said else None,
            protected_stages=_protected(said.get("protected_stages")),
            protected_aliases=_protected(said.get("protected_aliases")),
            quotas=Quotas(
                bytes=_bytes(quotas["bytes"]) if "bytes" in quotas else None,
                points_per_second=quotas.get("points_per_second"),
                runs=quotas.get("runs"),
                requests_per_second=quotas.get("requests_per_second"),
            ),
            deleted_days=said.get("retention", {}).get("deleted_days"),
        ),
    )


def _protected(said: Mapping[str, Any] | None) -> Mapping[str, int] | None:
    return None if said is None else {name: each["approvals"] for name, each in said.items()}


def _bytes(said: int | str) -> int:
    if isinstance(said, int):
        return said
    number: str = said.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ")
    unit: int = _UNITS[said.removeprefix(number).strip()]
    return round(float(number) * unit)
