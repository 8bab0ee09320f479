"""Generates the Python package `trivet_proto` and the TypeScript of the pages, in a locked environment of its own.

Run it by `make proto`. protoc derives Python import paths from file paths, so plain output would be the package
`trivet`, which is the SDK's. The sources are therefore staged under `trivet_proto/` and only the import lines of the
copies are rewritten; package names, and with them names on the wire, stay `trivet.*`. See docs/adr/0001.

The TypeScript has the names that the contracts have. Its plugin is among the libraries of `ui/`.

Usage: generate.py [--check]
    --check   writes nothing; fails when the committed code differs from what would be generated.
"""

from __future__ import annotations

import filecmp
import re
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2
from grpc_tools import protoc  # type: ignore[import-untyped]  # grpcio-tools 1.66 has no stubs

PROTOS = Path(__file__).parent
SOURCES = PROTOS / "trivet"
PYTHON = PROTOS / "src" / "trivet_proto"
UI = PROTOS.parent / "ui"
TYPESCRIPT = UI / "src" / "api" / "gen"
KEPT_BY_HAND = {"py.typed"}
# What the contracts import of others; protobuf's own types come with its runtime.
OF_OTHERS = ("google/rpc/error_details.proto", "google/rpc/status.proto")
# What they import for their options alone.
OF_OPTIONS = ("google/api/field_behavior.proto", "trivet/common/v1/options.proto")


def stage(directory: Path) -> list[Path]:
    """Copies the contracts to `directory/trivet_proto` with their imports rewritten; returns the copies, sorted."""
    copies = []
    for source in sorted(SOURCES.rglob("*.proto")):
        copy = directory / "trivet_proto" / source.relative_to(SOURCES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(re.sub(r'^import "trivet/', 'import "trivet_proto/', source.read_text(), flags=re.MULTILINE))
        copies.append(copy)
    return copies


def run_protoc(sources: Path, *arguments: str) -> None:
    """Runs protoc over contracts: those below a folder, or those in a file of descriptors."""
    google_protos = Path(field_behavior_pb2.__file__).parents[2]
    well_known = Path(str(resources.files("grpc_tools"))) / "_proto"
    folders = (sources, google_protos, well_known)
    found = [f"-I{folder}" for folder in folders] if sources.is_dir() else [f"--descriptor_set_in={sources}"]
    status = protoc.main(["protoc", *found, *arguments])
    if status != 0:
        sys.exit(f"protoc failed with status {status}")


def generate_typescript(directory: Path) -> Path:
    """Generates the pages' code into `directory/ts` and returns that."""
    plugin = UI / "node_modules" / ".bin" / "protoc-gen-es"
    if not plugin.exists():
        sys.exit("The libraries of ui/ are not there; run `make pages`.")
    out = directory / "ts"
    out.mkdir()
    contracts = [str(path.relative_to(PROTOS)) for path in sorted(SOURCES.rglob("*.proto"))]
    wanted = [name for name in (*contracts, *OF_OTHERS) if name not in OF_OPTIONS]
    described = directory / "described.binpb"
    run_protoc(PROTOS, "--include_imports", "--include_source_info", f"--descriptor_set_out={described}", *wanted)
    files = descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes())
    for file in files.file:
        drop_options(file)
    described.write_bytes(files.SerializeToString())
    run_protoc(described, f"--plugin=protoc-gen-es={plugin}", "--es_opt=target=ts", f"--es_out={out}", *wanted)
    return out


def drop_options(file: descriptor_pb2.FileDescriptorProto) -> None:
    """Removes the options that tell servers what to check.

    A browser reads the descriptors of all files before it shows a page, and options are most of what it reads there.
    """
    kept = [name for name in file.dependency if name not in OF_OPTIONS]
    del file.dependency[:]
    file.dependency.extend(kept)
    messages = list(file.message_type)
    for message in messages:
        messages.extend(message.nested_type)
    methods = [method for service in file.service for method in service.method]
    for described in (*messages, *(field for message in messages for field in message.field), *methods):
        for extension, _ in described.options.ListFields():
            if extension.is_extension:
                described.options.ClearExtension(extension)
        described.options.DiscardUnknownFields()
        if not described.options.ListFields():
            described.ClearField("options")


def generate_python(directory: Path) -> Path:
    """Generates the package into `directory/out` and returns its folder."""
    copies = stage(directory / "staged")
    out = directory / "out"
    out.mkdir()
    run_protoc(
        directory / "staged",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet:{out}",
        *(str(copy) for copy in copies),
    )
    package = out / "trivet_proto"
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text('"""Generated by protos/generate.py; not edited by hand."""\n')
    drop_empty_services(package)
    return package


def drop_empty_services(package: Path) -> None:
    """Removes the gRPC modules of files that define no service."""
    for module in package.rglob("*_pb2_grpc.py"):
        if "class " not in module.read_text():
            module.unlink()
            module.with_suffix(".pyi").unlink(missing_ok=True)


def relative_files(folder: Path) -> set[str]:
    """The files below a folder, as relative paths, without caches and what is kept by hand."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name not in KEPT_BY_HAND
    }


def differences(generated: Path, committed: Path) -> list[str]:
    """Names of files that are missing, left over or different in what is committed."""
    committed_files, generated_files = relative_files(committed), relative_files(generated)
    changed = {
        name
        for name in committed_files & generated_files
        if not filecmp.cmp(committed / name, generated / name, shallow=False)
    }
    return sorted((committed_files ^ generated_files) | changed)


def write(names: list[str], generated: Path, committed: Path) -> None:
    """Makes these files of what is committed as they were generated."""
    for name in names:
        target = committed / name
        if (generated / name).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(generated / name, target)
        else:
            target.unlink()


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        made = ((generate_python(Path(temporary)), PYTHON), (generate_typescript(Path(temporary)), TYPESCRIPT))
        stale = {committed: differences(generated, committed) for generated, committed in made}
        if "--check" in sys.argv[1:]:
            if any(stale.values()):
                names = [str((folder / name).relative_to(PROTOS.parent)) for folder in stale for name in stale[folder]]
                sys.exit("Generated code differs from the contracts; run `make proto`:\n  " + "\n  ".join(names))
            print(
                f"generated code is what the contracts give ({sum(len(relative_files(each)) for each in stale)} files)"
            )
            return
        for generated, committed in made:
            write(stale[committed], generated, committed)
        print(f"generated code: {sum(map(len, stale.values()))} files written")


if __name__ == "__main__":
    main()
