"""The same training as most people write it: Lightning's Trainer with its defaults, and MLFlowLogger.

python tests/benchmarks/lightning_default.py STORE FOLDER [SEED] is one run in a process of its own.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.loggers import MLFlowLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import BinaryAUROC


class Net(lightning.LightningModule):
    """The MLP of the bare loop, with the metric that the task is judged by."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(columns, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        self.metric = BinaryAUROC()

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        x, y = batch
        loss = nn.functional.binary_cross_entropy_with_logits(self.model(x).squeeze(1), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], index: int) -> None:
        x, y = batch
        output = self.model(x).squeeze(1)
        self.log("val_loss", nn.functional.binary_cross_entropy_with_logits(output, y))
        self.metric(output, y.int())
        self.log("val_auc", self.metric)

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=3e-3, weight_decay=0.0)


def train(train: TensorDataset, validation: TensorDataset, store: str, folder: str, seed: int) -> None:
    """Thirty epochs with progress bar, checkpoints and a run in MLflow."""
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.manual_seed(seed)
    logger = MLFlowLogger("default", tracking_uri=store, artifact_location=f"file://{folder}/artifacts")
    trainer = lightning.Trainer(max_epochs=30, accelerator="cpu", logger=logger, default_root_dir=folder)
    trainer.fit(
        Net(train.tensors[0].shape[1]),
        DataLoader(train, batch_size=32, shuffle=True),
        DataLoader(validation, batch_size=91),
    )


def main(store: str, folder: str, seed: str = "0") -> None:
    from sklearn.datasets import load_breast_cancer

    torch.set_num_threads(1)
    x, y = load_breast_cancer(return_X_y=True)
    features = torch.tensor((x - x[:365].mean(0)) / x[:365].std(0), dtype=torch.float32)
    target = torch.tensor(y, dtype=torch.float32)
    parts = [TensorDataset(features[a:b], target[a:b]) for a, b in ((0, 365), (365, 456))]
    train(parts[0], parts[1], store, folder, int(seed))


if __name__ == "__main__":
    main(*sys.argv[1:])
