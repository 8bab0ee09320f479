"""What a program sees in a pod, as manifests have it: its environment and its files, there or in folders of a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trivet_testing.kubernetes import Manifests, Object, Workload


@dataclass(frozen=True)
class Mount:
    """A folder in a container."""

    path: PurePosixPath
    volume: Object
    is_part: bool
    """Whether it is one file or folder of the volume, by subPath."""


@dataclass(frozen=True)
class Container:
    """A container of a workload's pods."""

    environment: Mapping[str, str]
    """With what its ConfigMaps bring."""
    mounts: tuple[Mount, ...]

    def mount_of(self, file: str) -> Mount | None:
        """The folder that a file is in."""
        return next((mount for mount in self.mounts if PurePosixPath(file).is_relative_to(mount.path)), None)

    @property
    def files(self) -> Mapping[str, str]:
        """The variables that name files."""
        return {name: value for name, value in self.environment.items() if value.startswith("/")}

    def environment_in(self, folder: Path) -> dict[str, str]:
        """The environment, with each mounted folder in the folder of its volume's name, which is made.

        Raises:
            AssertionError: a variable names a file that is in no mounted folder.
        """
        moved = dict(self.environment)
        for name, file in self.files.items():
            mount = self.mount_of(file)
            assert mount is not None, f"{name} names {file}, which nothing brings"
            here = folder / mount.volume["name"]
            here.mkdir(parents=True, exist_ok=True)
            moved[name] = str(here / PurePosixPath(file).relative_to(mount.path))
        return moved


def containers_of(manifests: Manifests, workload: Workload) -> list[Container]:
    """What each container of a workload gets, those that only begin included."""
    return [_container(manifests, workload, each) for each in workload.containers]


def container_of(manifests: Manifests, workload: Workload) -> Container:
    """What the only container of a workload gets."""
    (container,) = containers_of(manifests, workload)
    return container


def _container(manifests: Manifests, workload: Workload, container: Object) -> Container:
    settings = {each["metadata"]["name"]: each["data"] for each in manifests.of_kind("ConfigMap")}
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        environment |= settings[source["configMapRef"]["name"]]
    of_pod = {"metadata.namespace": workload.object["metadata"].get("namespace", "")}
    for variable in container.get("env", []):
        value = variable.get("value", "")
        if "valueFrom" in variable:
            value = of_pod[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        environment[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda match: environment[match[1]], value)
    volumes = {volume["name"]: volume for volume in workload.pod.get("volumes", [])}
    mounts = tuple(
        # Of a name that is no volume of the pod, a StatefulSet makes one for each.
        Mount(
            PurePosixPath(mount["mountPath"]), volumes.get(mount["name"], {"name": mount["name"]}), "subPath" in mount
        )
        for mount in container.get("volumeMounts", [])
    )
    return Container(environment, mounts)
