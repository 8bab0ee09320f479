"""The loggers that libraries over torch bring for MLflow, as they are."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import mlflow
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import MLFlowLogger
from told import of_experiment
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments


class _Line(pl.LightningModule):  # type: ignore[misc,unused-ignore]
    """Fits a line."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: Any, index: int) -> Any:
        """Logs the loss of each step."""
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        """Logs the loss of each epoch."""
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(x), y))

    def configure_optimizers(self) -> Any:
        """Plain descent."""
        return torch.optim.SGD(self.parameters(), lr=self.hparams["rate"])


def lightning() -> dict[str, Any]:
    """A training with its parameters, points and checkpoints."""
    pl.seed_everything(1)
    x = torch.arange(16.0).reshape(-1, 1) / 16
    data = DataLoader(TensorDataset(x, 2 * x + 1), batch_size=4)
    with tempfile.TemporaryDirectory() as folder:
        logger = MLFlowLogger(
            experiment_name="lightning",
            run_name="fit",
            tracking_uri=mlflow.get_tracking_uri(),
            tags={"team": "a"},
            log_model=True,
        )
        trainer = pl.Trainer(
            max_epochs=2,
            logger=logger,
            accelerator="cpu",
            default_root_dir=folder,
            log_every_n_steps=1,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(_Line(0.1), data, data)
    return of_experiment("lightning")


def transformers() -> dict[str, Any]:
    """A small model of sequences with the callback of the trainer."""
    os.environ |= {"MLFLOW_EXPERIMENT_NAME": "transformers", "MLFLOW_FLATTEN_PARAMS": "TRUE"}
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=2
    )
    rows = [{"input_ids": torch.tensor([row % 20, 1, 2, 3]), "labels": torch.tensor(row % 2)} for row in range(16)]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            run_name="train",
            num_train_epochs=2,
            per_device_train_batch_size=4,
            logging_steps=2,
            eval_strategy="epoch",
            report_to="mlflow",
            use_cpu=True,
            seed=1,
            disable_tqdm=True,
        )
        Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows, eval_dataset=rows).train()
    mlflow.end_run()
    return of_experiment("transformers")
