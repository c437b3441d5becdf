"""pytorch-crf's conditional random field as a lossbench loss: packed sequences are padded for it, and it decodes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torchcrf import CRF

from lossbench.loss import Kind, Loss, Prediction, Sequences


class PytorchCRF(Loss):
    """Estimates the probability of the whole label sequence, with learned transitions (pytorch-crf's `CRF`).

    log Z - score(y), score(y) = start[y_1] + Σ_t z_t[y_t] + Σ_t transition[y_{t-1}, y_t] + end[y_T]. `predict` returns
    the best sequence (Viterbi) and each label's probability given the whole text.

    Shape: packed logits z [sum of lengths, classes], packed labels y [sum of lengths] int; returns one loss per
    sequence [n].

    Source: Lafferty, McCallum and Pereira, ICML 2001.
    """

    kind = Kind.SEQUENCES
    elicits = "probability"
    bounded, convex, zero = False, True, True
    reference = "log Z - score(y), learned transitions; Lafferty et al. 2001; torchcrf.CRF"
    crf: CRF

    def __init__(self) -> None:
        super().__init__()
        self.register_module("crf", None)

    def outputs(self, classes: int) -> int:
        if self.crf is None or self.crf.num_tags != classes:
            self.crf = CRF(classes, batch_first=True)
        return classes

    def forward(self, output: Sequences, target: Sequences) -> Tensor:
        emissions, mask = self._padded(output)
        tags = pad_sequence(target.split(), batch_first=True)
        return -self.crf(emissions, tags, mask, reduction="none")

    def predict(self, output: Sequences) -> Prediction:
        """The best sequence [sum of lengths], and each label's probability given the text [sum of lengths, classes]."""
        with torch.enable_grad():
            values = output.values.detach().requires_grad_()
            emissions, mask = self._padded(Sequences(values, output.lengths))
            best = [torch.tensor(path, device=values.device) for path in self.crf.decode(emissions, mask)]
            (slope,) = torch.autograd.grad(self.crf(emissions, pad_sequence(best, batch_first=True), mask), values)
        label = torch.cat(best)
        # d log P(labels) / dz = onehot(labels) - each label's probability, which pytorch-crf does not return itself
        probability = torch.zeros_like(slope).scatter(1, label[:, None], 1.0) - slope
        return Prediction(probability.clamp(min=1e-30).log(), label, probability)

    def _padded(self, output: Sequences) -> tuple[Tensor, Tensor]:
        """Emissions [n, longest, classes] and their mask [n, longest]."""
        classes = output.values.shape[1]
        if self.crf is None or self.crf.num_tags != classes:
            raise ValueError(
                f"pytorch_crf has no transitions for {classes} classes yet: call `outputs({classes})` first."
            )
        emissions = pad_sequence(output.split(), batch_first=True)
        steps = torch.arange(emissions.shape[1], device=emissions.device)
        return emissions, steps < output.lengths[:, None]
