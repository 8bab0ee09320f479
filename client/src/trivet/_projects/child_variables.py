"""What is set for the code of a project, so that it finds its run: for Trivet's client, and for MLflow's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trivet._errors import FailedPrecondition
from trivet._projects.gateway import MLFLOW_URI, is_of_trivet, known_gateway
from trivet._target import LocalData, Target
from trivet._tokens import token_of

if TYPE_CHECKING:
    from trivet._entities import Run

_OF_MLFLOW_TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the name of a variable


def run_variables(run: Run) -> dict[str, str]:
    """Those that say which run it is."""
    return {
        "TRIVET_RUN_ID": run.info.run_id,
        "MLFLOW_RUN_ID": run.info.run_id,
        "MLFLOW_EXPERIMENT_ID": run.info.experiment_id,
    }


def server_variables(target: Target) -> dict[str, str]:
    """Those that say where the server is, whatever the working directory, and how to be let in."""
    variables = _told_of_server(target)
    if target.token:
        variables["TRIVET_TOKEN"] = target.token
    elif target.token_file:
        variables["TRIVET_TOKEN_FILE"] = target.token_file
    # A login is found by the child as it was found here, and renewed there.
    if is_of_trivet(variables.get(MLFLOW_URI, ""), target):
        variables |= mlflow_token(target)
    return variables


def container_server_variables(target: Target) -> dict[str, str]:
    """The same for a container of this machine, which sees none of its files.

    Raises:
        FailedPrecondition: the data are files of this machine.
    """
    _check_is_reached(target, "A container")
    variables = {name: value for name, value in server_variables(target).items() if name != "TRIVET_TOKEN_FILE"}
    return variables | ({"TRIVET_TOKEN": token} if (token := token_of(target)) else {})


def mlflow_token(target: Target) -> dict[str, str]:
    """What lets MLflow's client into a gateway of the server; nothing where nobody has to be let in."""
    return {_OF_MLFLOW_TOKEN: token} if (token := token_of(target)) else {}


def cluster_variables(target: Target) -> dict[str, str]:
    """Those for code on other machines, which gets no token: that is for a Secret.

    Raises:
        FailedPrecondition: what is on this machine alone cannot be reached from there.
    """
    _check_is_reached(target, "A cluster")
    return _told_of_server(target)


def _told_of_server(target: Target) -> dict[str, str]:
    variables = {"TRIVET_WORKSPACE": target.workspace, **_addresses(target)}
    if gateway := known_gateway(target.workspace):
        variables[MLFLOW_URI] = gateway
    return variables


def _check_is_reached(target: Target, who: str) -> None:
    if any(isinstance(address, LocalData) for address in target.addresses.values()):
        raise FailedPrecondition(
            f"{who} cannot reach data on this machine. Set TRIVET_URL to a server that it reaches, grpc://HOST:PORT."
        )


def _addresses(target: Target) -> Mapping[str, str]:
    texts = {
        service: address.absolute_uri if isinstance(address, LocalData) else str(address)
        for service, address in target.addresses.items()
    }
    if len(texts) == 3 and len(set(texts.values())) == 1:
        # What one address says, those of each service would be over.
        return {"TRIVET_URL": next(iter(texts.values())), **dict.fromkeys(_SERVICES, "")}
    return dict.fromkeys(_SERVICES, "") | {f"TRIVET_{service.upper()}_URL": text for service, text in texts.items()}


_SERVICES = ("TRIVET_TRACKING_URL", "TRIVET_ARTIFACTS_URL", "TRIVET_REGISTRY_URL")
