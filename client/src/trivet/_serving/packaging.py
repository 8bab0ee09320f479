"""A folder from which an image of a served model is built: its files, a Dockerfile and a Kubernetes manifest."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import trivet
from trivet._models.flavor import find_flavor
from trivet._models.folders import local_path, model_folder
from trivet._models.model_file import PYTHON_FUNCTION, ModelFile, read_model_file
from trivet._names import Registered, parse_files_uri
from trivet._serving.kubernetes import DRAIN_SECONDS, PORT, USER, Deployed, manifest

MODEL: Final = "model"
_REQUIREMENTS: Final = "requirements.txt"
_NEWEST_PYTHON: Final = "3.12"
"""Where a model does not say of which Python it is."""
_OF_PYTHON: Final = re.compile(r"(3\.\d+)(?:\.|$)")
_OF_MLFLOW: Final = re.compile(r"mlflow(-skinny)?\b", re.IGNORECASE)
_NO_LABEL: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME: Final = 40
"""Of 63 that a label may have: Kubernetes puts more behind it."""

_DOCKERFILE: Final = """\
# {title}, served by Trivet. Runs with a read-only root, no capabilities and any user id:
#   docker build -t {image} .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:{port}:{port} -e TRIVET_SERVE_TOKEN=... {image}
# Wheels in the folder `wheels` here are taken before those of the index.
FROM python:{python}-slim
ARG TRIVET="trivet[serve]=={version}"
COPY requirements.txt wheels* /build/
RUN pip install --no-cache-dir --root-user-action=ignore --find-links /build -r /build/requirements.txt "$TRIVET" \\
 && rm -rf /build
LABEL org.opencontainers.image.title="{name}"
COPY {model} /{model}
# Bytecode is there; nothing is to be written at run time.
ENV PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1 \\
    HOME=/tmp
USER {user}:{user}
EXPOSE {port}
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "-c", \\
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}/health')"]
ENTRYPOINT ["trivet", "models", "serve", "--model-uri", "/{model}", "--host", "0.0.0.0", "--port", "{port}", \\
    "--drain", "{drain}"]
"""


def package(client: trivet.Client, uri: str, folder: Path, *, name: str, image: str, namespace: str) -> Deployed:
    """Writes the folder, and returns what it is to be deployed as.

    Args:
        client: Of whom to ask for what Trivet keeps.
        uri: Of the model; a stage or alias means the version that it names now.
        folder: Is made, and must not be there.
        name: Of all that is deployed. Empty: that of the model.
        image: Its name and tag. Empty: the name, with the version as the tag.
        namespace: Of Kubernetes.

    Raises:
        InvalidArgument: there is something at `folder`, or no name.
        TrivetError: there is no such model.
    """
    if folder.exists():
        raise trivet.InvalidArgument(f"There is something at {str(folder)!r}; name a folder that is new.")
    title, version = _title(client, uri)
    name = name or _label(title)
    if not name or name != _label(name):
        raise trivet.InvalidArgument(f"{name!r} cannot be a name: it must be letters, digits and `-`, such as taxi.")
    of_version = f", version {version}" if version else ""
    deployed = Deployed(f"{title}{of_version}", name, namespace, image or f"{name}:{version or 1}")
    pinned = f"models:/{title}/{version}" if version else uri
    model = model_folder(pinned, client)
    metadata = read_model_file(model.path)
    shutil.copytree(model.path, folder / MODEL)
    (folder / _REQUIREMENTS).write_text(_requirements(folder / MODEL, metadata), encoding="utf-8")
    (folder / "Dockerfile").write_text(_dockerfile(deployed, metadata), encoding="utf-8")
    (folder / "kubernetes.yaml").write_text(manifest(deployed), encoding="utf-8")
    return deployed


def _title(client: trivet.Client, uri: str) -> tuple[str, str]:
    """What the model is called, and its version where it is registered."""
    local = local_path(uri)
    if local is not None:
        return local.name, ""
    files = parse_files_uri(uri)
    if isinstance(files, Registered) and not files.path:
        return files.name, str(client.registry.version_at(files).version)
    return uri.rstrip("/").rpartition("/")[2], ""


def _label(text: str) -> str:
    return _NO_LABEL.sub("-", text.lower()).strip("-")[:_LONGEST_NAME].strip("-")


def _dockerfile(deployed: Deployed, metadata: ModelFile) -> str:
    made_with = _OF_PYTHON.match(str((metadata.python_function or {}).get("python_version", "")))
    return _DOCKERFILE.format(
        title=deployed.title,
        name=deployed.name,
        image=deployed.image,
        python=made_with[1] if made_with else _NEWEST_PYTHON,
        version=trivet.__version__,
        model=MODEL,
        user=USER,
        port=PORT,
        drain=DRAIN_SECONDS,
    )


def _requirements(folder: Path, metadata: ModelFile) -> str:
    """What the model says that it needs, without MLflow where Trivet loads it by itself."""
    path = folder / _REQUIREMENTS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    loads_itself = any(name != PYTHON_FUNCTION and find_flavor(name) is not None for name in metadata.flavors)
    kept = [line for line in lines if not (loads_itself and _OF_MLFLOW.match(line))]
    return "".join(f"{line}\n" for line in kept)
