"""What PyTorch Lightning alone lets choose of autologging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trivet._errors import InvalidArgument


@dataclass(frozen=True)
class LightningChoice:
    """`trivet.pytorch.autolog` explains it."""

    log_every_n_epoch: int = 1
    log_every_n_step: int | None = None
    checkpoint: bool = True
    checkpoint_monitor: str = "val_loss"
    checkpoint_mode: Literal["min", "max"] = "min"
    checkpoint_save_best_only: bool = True
    checkpoint_save_weights_only: bool = False
    checkpoint_save_freq: int | Literal["epoch"] = "epoch"

    def check(self) -> None:
        """Raises InvalidArgument where something is not what it must be."""
        for key in ("log_every_n_epoch", "log_every_n_step", "checkpoint_save_freq"):
            value = getattr(self, key)
            if isinstance(value, int) and value < 1:
                raise InvalidArgument(f"{key} is {value}; it is 1 or more.")
        if isinstance(self.checkpoint_save_freq, str) and self.checkpoint_save_freq != "epoch":
            raise InvalidArgument(
                f"checkpoint_save_freq is {self.checkpoint_save_freq!r}; it is a number of steps, or 'epoch'."
            )
        if self.checkpoint_mode not in ("min", "max"):
            raise InvalidArgument(f"checkpoint_mode is {self.checkpoint_mode!r}; it is min or max.")
