"""The yardstick: one training in plain PyTorch, in memory, with no framework, no logging and nothing kept.

python tests/benchmarks/bare.py trains once on made-up rows of breast_cancer's shape and prints its seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

EPOCHS, BATCH = 30, 32
Part = tuple[Tensor, Tensor]


def train(train: Part, validation: Part, loss: Callable[[Tensor, Tensor], Tensor], *, fused: bool = False) -> float:
    """Thirty epochs of a 2x64 MLP over rows [n, columns] and targets [n]; the last validation loss."""
    (x, y), (x_val, y_val) = train, validation
    model = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0, fused=fused)
    value = 0.0
    for _ in range(EPOCHS):
        model.train()
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(model(x[rows]).squeeze(1), y[rows]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            value = float(loss(model(x_val).squeeze(1), y_val))
    return value


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = [(torch.randn(n, 30), (torch.rand(n) < 0.6).float()) for n in (365, 91)]
    train(rows[0], rows[1], nn.functional.binary_cross_entropy_with_logits)
    start = time.process_time()
    train(rows[0], rows[1], nn.functional.binary_cross_entropy_with_logits)
    print(f"{time.process_time() - start:.3f} s")
