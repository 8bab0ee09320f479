"""The signature of a model: what it takes, what it gives, and by which params it can be steered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trivet._errors import InvalidArgument
from trivet._models.param_schema import ParamSchema
from trivet._models.schema import Schema


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives; at least one of them is said."""

    inputs: Schema | None
    outputs: Schema | None = None
    params: ParamSchema | None = None

    def __post_init__(self) -> None:
        if self.inputs is None and self.outputs is None and self.params is None:
            raise InvalidArgument("A signature needs inputs, outputs or params.")

    def to_dict(self) -> dict[str, str | None]:
        """As `MLmodel` files have it: each part is JSON in a string."""
        return {
            "inputs": None if self.inputs is None else self.inputs.to_json(),
            "outputs": None if self.outputs is None else self.outputs.to_json(),
            "params": None if self.params is None else self.params.to_json(),
        }

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Signature:
        """The signature that an `MLmodel` file says.

        Raises:
            InvalidArgument: it says none; says what is wrong.
        """
        inputs, outputs, params = (entries.get(key) for key in ("inputs", "outputs", "params"))
        return cls(
            Schema.from_json(inputs) if inputs else None,
            Schema.from_json(outputs) if outputs else None,
            ParamSchema.from_json(params) if params else None,
        )
