"""Trainings by PyTorch Lightning, which either product logs by itself."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch.utils.data import DataLoader, TensorDataset


class _Line(pl.LightningModule):  # type: ignore[misc,unused-ignore] # it has no types where it is missing
    """Fits a line; its validation gets worse after the second epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: Any) -> Any:
        """What it predicts."""
        return self.layer(x)

    def training_step(self, batch: Any) -> Any:
        """Logs the loss of each step and epoch."""
        x, y = batch
        loss = torch.nn.functional.mse_loss(self(x), y)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any) -> None:
        """Logs the loss of each epoch, and how it gets worse."""
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self(x), y))
        self.log("distance", abs(float(self.current_epoch) - 1.5))

    def test_step(self, batch: Any) -> None:
        """Logs the loss."""
        x, y = batch
        self.log("test_loss", torch.nn.functional.mse_loss(self(x), y))

    def configure_optimizers(self) -> Any:
        """Plain descent."""
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.5)


def _data() -> Any:
    x = torch.arange(16.0).reshape(-1, 1) / 16
    return DataLoader(TensorDataset(x, 2 * x + 1), batch_size=4)


def _trainer(**options: Any) -> Any:
    pl.seed_everything(1)
    return pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{"enable_checkpointing": False, "max_epochs": 2, **options},
    )


def epochs(tracker: Any) -> None:
    """A point of each metric an epoch, and the test's at the end."""
    tracker.pytorch.autolog()
    trainer = _trainer()
    model = _Line()
    with tracker.start_run(run_name="mine"):
        trainer.fit(model, _data(), _data())
        trainer.test(model, _data(), verbose=False)


def steps(tracker: Any) -> None:
    """Points of each second step too; no model, no checkpoint."""
    tracker.pytorch.autolog(log_every_n_step=2, log_models=False, checkpoint=False)
    _trainer().fit(_Line(), _data(), _data())


def some_epochs(tracker: Any) -> None:
    """Points of each second epoch alone, and a checkpoint of each epoch."""
    tracker.pytorch.autolog(log_every_n_epoch=2, log_models=False, checkpoint_save_best_only=False)
    _trainer(max_epochs=4).fit(_Line(), _data(), _data())


def early_stopping(tracker: Any) -> None:
    """Stops before its epochs are over, and keeps the weights alone."""
    tracker.pytorch.autolog(checkpoint_monitor="distance", checkpoint_save_weights_only=True)
    stopping = EarlyStopping("distance", patience=2, mode="min", min_delta=0.01)
    _trainer(max_epochs=9, callbacks=[stopping], enable_checkpointing=True).fit(_Line(), _data(), _data())


CASES = (epochs, steps, some_epochs, early_stopping)
