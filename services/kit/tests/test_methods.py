"""What the kit reads from contracts, with contracts that no service would have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import message_factory, text_format
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from trivet_kit.errors import FieldRequired, ResourceNameInvalid, WorkspacesMixed
from trivet_kit.methods import ContractError, Method, methods_of
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import options_pb2, system_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

MakeService = Callable[[str], ServiceDescriptor]


def service_text(messages: str, options: str, *, method: str = "") -> str:
    return f"""
        {messages}
        service {{ name: "ThingService" method {{
            name: "UseThing" input_type: "PACKAGE.Request" output_type: ".google.protobuf.Empty"
            {method} options {{ {options} }}
        }} }}
    """


def field(name: str, number: int, *, kind: str = "", type_name: str = "", more: str = "", options: str = "") -> str:
    what = f'type: TYPE_MESSAGE type_name: "{type_name}"' if type_name else "type: TYPE_STRING"
    if kind:
        options += f" [trivet.common.v1.resource] {{ kind: RESOURCE_KIND_{kind} }}"
    label = "" if "label" in more else "label: LABEL_OPTIONAL"
    return f'field {{ name: "{name}" number: {number} {what} {label} {more} options {{ {options} }} }}'


def message(name: str, *fields: str) -> str:
    return f'message_type {{ name: "{name}" {" ".join(fields)} }}'


REQUIRED = "[google.api.field_behavior]: REQUIRED"
REPEATED = "label: LABEL_REPEATED"
READ = "[trivet.common.v1.permission]: PERMISSION_READ"
RUN_REQUEST = message("Request", field("run", 1, kind="RUN", options=REQUIRED))


def only_method(service: ServiceDescriptor) -> Method:
    (method,) = methods_of(service)
    return method


def request(method: Method, text: str) -> Message:
    return text_format.Parse(text, method.request_type())


def test_method_is_what_the_contract_declares(make_service: MakeService) -> None:
    service = make_service(service_text(RUN_REQUEST, READ, method="server_streaming: true"))
    method = only_method(service)
    assert method.path == f"/{service.full_name}/UseThing"
    assert method.permission == options_pb2.PERMISSION_READ
    assert not method.server_scope
    assert (method.request_streaming, method.response_streaming) == (False, True)
    assert method.request_type is message_factory.GetMessageClass(service.methods[0].input_type)


def test_method_without_a_permission_is_refused(make_service: MakeService) -> None:
    with pytest.raises(ContractError, match=r"/UseThing declares no permission"):
        methods_of(make_service(service_text(RUN_REQUEST, "")))


@pytest.mark.parametrize("permission", ["READ", "WRITE", "MAINTAIN", "APPROVE", "ADMIN"])
def test_method_that_needs_a_resource_and_marks_none_is_refused(make_service: MakeService, permission: str) -> None:
    text = service_text(message("Request", field("run", 1)), f"[trivet.common.v1.permission]: PERMISSION_{permission}")
    with pytest.raises(ContractError, match=r"/UseThing needs a permission, but its request marks no field"):
        methods_of(make_service(text))


@pytest.mark.parametrize(
    "options",
    [
        "[trivet.common.v1.permission]: PERMISSION_PUBLIC",
        "[trivet.common.v1.permission]: PERMISSION_AUTHENTICATED",
        "[trivet.common.v1.permission]: PERMISSION_ADMIN [trivet.common.v1.server_scope]: true",
    ],
)
def test_method_that_needs_no_resource_may_mark_none(make_service: MakeService, options: str) -> None:
    method = only_method(make_service(service_text(message("Request", field("run", 1)), options)))
    assert method.workspace(request(method, "run: 'anything'")) is None


def test_method_that_streams_requests_for_one_answer_is_refused(make_service: MakeService) -> None:
    with pytest.raises(ContractError, match=r"/UseThing streams requests and answers once"):
        methods_of(make_service(service_text(RUN_REQUEST, READ, method="client_streaming: true")))


def test_method_that_streams_both_is_what_the_contract_declares(make_service: MakeService) -> None:
    text = service_text(RUN_REQUEST, READ, method="client_streaming: true server_streaming: true")
    method = only_method(make_service(text))
    assert (method.request_streaming, method.response_streaming) == (True, True)


def test_real_contracts_can_be_served() -> None:
    for module, name in (
        (tracking_service_pb2, "TrackingService"),
        (artifact_service_pb2, "ArtifactService"),
        (system_service_pb2, "SystemService"),
    ):
        descriptor: Any = module.DESCRIPTOR
        service = descriptor.services_by_name[name]
        assert len(methods_of(service)) == len(service.methods) > 0


NESTED = "".join(
    (
        message("Leaf", field("experiment", 1, kind="EXPERIMENT")),
        message(
            "Branch",
            field("leaf", 1, type_name="PACKAGE.Leaf"),
            field("leaves", 2, type_name="PACKAGE.Leaf", more=REPEATED),
        ),
        message(
            "Request",
            field("branch", 1, type_name="PACKAGE.Branch"),
            field("runs", 2, kind="RUN", more=REPEATED),
            field("comment", 3),
        ),
    )
)


@pytest.fixture(scope="module")
def nested(make_service: MakeService) -> Method:
    return only_method(make_service(service_text(NESTED, READ)))


@pytest.mark.parametrize(
    "text",
    [
        "branch { leaf { experiment: 'workspaces/a/experiments/1' } }",
        "branch { leaves { experiment: 'workspaces/a/experiments/1' } leaves {} }",
        "runs: 'workspaces/a/runs/x' runs: 'workspaces/a/runs/y'",
        "runs: 'workspaces/a/runs/x' branch { leaf { experiment: 'workspaces/a/experiments/1' } }",
        "runs: 'workspaces/a/runs/x' comment: 'workspaces/b/runs/x'",
    ],
)
def test_workspace_is_that_of_the_names_wherever_they_are(nested: Method, text: str) -> None:
    assert nested.workspace(request(nested, text)) == "a"


@pytest.mark.parametrize(
    "text",
    [
        "runs: 'workspaces/a/runs/x' runs: 'workspaces/b/runs/x'",
        "runs: 'workspaces/a/runs/x' branch { leaf { experiment: 'workspaces/b/experiments/1' } }",
        """branch { leaf { experiment: 'workspaces/a/experiments/1' }
                    leaves {} leaves { experiment: 'workspaces/b/experiments/1' } }""",
    ],
)
def test_names_of_several_workspaces_are_refused(nested: Method, text: str) -> None:
    with pytest.raises(WorkspacesMixed) as failure:
        nested.workspace(request(nested, text))
    assert failure.value.metadata == {"workspaces": "a,b"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("runs: ''", "runs[0]"),
        ("runs: 'workspaces/a/runs/x' runs: 'runs/x'", "runs[1]"),
        ("branch { leaf { experiment: 'workspaces/a/runs/1' } }", "branch.leaf.experiment"),
        ("branch { leaves {} leaves { experiment: 'x' } }", "branch.leaves[1].experiment"),
    ],
)
def test_name_of_another_form_is_refused_with_its_path(nested: Method, text: str, path: str) -> None:
    with pytest.raises(ResourceNameInvalid) as failure:
        nested.workspace(request(nested, text))
    assert failure.value.field == path


@pytest.mark.parametrize("text", ["", "comment: 'x'", "branch {}", "branch { leaf {} leaves {} }"])
def test_request_that_names_nothing_is_refused_with_the_first_place_for_a_name(nested: Method, text: str) -> None:
    with pytest.raises(FieldRequired) as failure:
        nested.workspace(request(nested, text))
    assert failure.value.field == "branch.leaf.experiment"


UNCHECKED = {
    "a message that holds itself": message(
        "Request", field("run", 1, kind="RUN"), field("inner", 2, type_name="PACKAGE.Request")
    ),
    "a map of messages with names": message("Leaf", field("run", 1, kind="RUN"))
    + f"""message_type {{ name: "Request" {field("run", 1, kind="RUN")}
        {field("leaves", 2, type_name="PACKAGE.Request.LeavesEntry", more=REPEATED)}
        nested_type {{ name: "LeavesEntry" options {{ map_entry: true }}
            {field("key", 1)} {field("value", 2, type_name="PACKAGE.Leaf")} }} }}""",
    "a name of no kind": message("Request", field("run", 1, kind="UNSPECIFIED")),
    "a message that is marked as a name": message("Leaf", field("run", 1, kind="RUN"))
    + message("Request", field("leaf", 1, type_name="PACKAGE.Leaf", kind="RUN")),
}


@pytest.mark.parametrize("messages", UNCHECKED.values(), ids=UNCHECKED)
def test_request_whose_names_could_go_unchecked_is_refused(make_service: MakeService, messages: str) -> None:
    with pytest.raises(ContractError):
        methods_of(make_service(service_text(messages, READ)))


REQUIRED_FIELDS = "".join(
    (
        message("Part", field("run", 1, kind="RUN", options=REQUIRED)),
        message(
            "Request",
            field("text", 1, options=REQUIRED),
            field("part", 2, type_name="PACKAGE.Part", options=REQUIRED),
            field("list", 3, more=REPEATED, options=REQUIRED),
            field("said", 4, more="proto3_optional: true oneof_index: 0", options=REQUIRED),
            field("other", 5),
            'oneof_decl { name: "_said" }',
        ),
    )
)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "text"),
        ("text: '' part {} list: 'a' said: 'a'", "text"),
        ("text: 'a' list: 'a' said: 'a'", "part"),
        ("text: 'a' part {} said: 'a'", "list"),
        ("text: 'a' part {} list: 'a'", "said"),
    ],
)
def test_required_field_that_is_not_set_is_refused(make_service: MakeService, text: str, missing: str) -> None:
    method = only_method(make_service(service_text(REQUIRED_FIELDS, READ)))
    with pytest.raises(FieldRequired) as failure:
        method.check_required(request(method, text))
    assert failure.value.field == missing


def test_required_fields_that_are_set_are_enough(make_service: MakeService) -> None:
    method = only_method(make_service(service_text(REQUIRED_FIELDS, READ)))
    method.check_required(request(method, "text: 'a' part {} list: '' said: ''"))
    with pytest.raises(FieldRequired):
        method.check_required(request(method, "text: 'a' part {}"))
