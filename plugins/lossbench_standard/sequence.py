"""Losses of whole sequences, with and without dependence between neighbouring labels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss, Prediction, Sequences
from lossbench_standard.numerics import wide

NARROW = 20.0
"""Largest range of the transitions, in nats, for multiplying them as plain numbers: two of them cannot bring back what
is rounded to 0, which is e^-87 in float32."""


class SequenceCrossEntropy(Loss):
    """Estimates the probability of each label separately; a sequence's loss is the sum over its labels.

    Σ_t -log softmax(z_t)[y_t].

    Shape: packed logits [sum of lengths, classes], packed labels [sum of lengths] int; returns one loss per sequence
    [n].
    """

    kind = Kind.SEQUENCES
    elicits = "probability"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "Σ_t -log softmax(z_t)_y"

    def forward(self, output: Sequences, target: Sequences) -> Tensor:
        each = -output.values.log_softmax(1).gather(1, target.values[:, None]).squeeze(1)
        return _by_sequence(each, output.lengths)


class LinearChainCRF(Loss):
    """Estimates the probability of the whole label sequence, and learns which label can follow which.

    log Z - score(y), score(y) = start[y_1] + Σ_t z_t[y_t] + Σ_t transition[y_{t-1}, y_t] + end[y_T]. `predict` returns
    the best sequence (Viterbi) and each label's probability given the whole text. `outputs(classes)` creates the
    transitions, so call it before the first use.

    Shape: packed logits z [sum of lengths, classes], packed labels y [sum of lengths] int; returns one loss per
    sequence [n].

    Source: Lafferty, McCallum and Pereira, ICML 2001.
    """

    kind = Kind.SEQUENCES
    elicits = "probability"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "log Z - score(y), learned transitions; Lafferty et al. 2001"
    transitions: nn.Parameter
    start: nn.Parameter
    end: nn.Parameter

    def __init__(self) -> None:
        super().__init__()
        for name in ("transitions", "start", "end"):
            self.register_parameter(name, None)

    def outputs(self, classes: int) -> int:
        if self.start is None or len(self.start) != classes:
            self.transitions = nn.Parameter(torch.empty(classes, classes).uniform_(-0.1, 0.1))
            self.start = nn.Parameter(torch.empty(classes).uniform_(-0.1, 0.1))
            self.end = nn.Parameter(torch.empty(classes).uniform_(-0.1, 0.1))
        return classes

    def forward(self, output: Sequences, target: Sequences) -> Tensor:
        self._known(output)
        z = wide(output.values)
        return self._log_partition(z, output.lengths) - self._score(z, target.values, output.lengths)

    def predict(self, output: Sequences) -> Prediction:
        """The best sequence [sum of lengths], and each label's probability given the text [sum of lengths, classes]."""
        self._known(output)
        with torch.enable_grad():  # the derivative of log Z by a label's logit is the label's probability
            z = wide(output.values).detach().requires_grad_()
            (probability,) = torch.autograd.grad(self._log_partition(z, output.lengths).sum(), z)
        label = self._best(z.detach(), output.lengths)
        return Prediction(probability.clamp(min=1e-30).log(), label, probability)

    def _known(self, output: Sequences) -> None:
        classes = output.values.shape[1]
        if self.start is None or len(self.start) != classes:
            raise ValueError(f"crf has no transitions for {classes} classes yet: call `outputs({classes})` first.")

    def _score(self, z: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        each = z.gather(1, labels[:, None]).squeeze(1)
        ends = lengths.cumsum(0)
        firsts = ends - lengths
        moves = self.transitions[labels[:-1], labels[1:]].to(z.dtype)
        inside = torch.ones(len(labels), dtype=torch.bool, device=labels.device)
        inside[firsts] = False  # nothing leads from one sequence into the next
        steps = torch.where(inside[1:], moves, 0.0)
        each = each + torch.cat([steps.new_zeros(1), steps])
        ends_score = self.start[labels[firsts]] + self.end[labels[ends - 1]]
        return _by_sequence(each, lengths) + ends_score

    def _log_partition(self, z: Tensor, lengths: Tensor) -> Tensor:
        """log of the sum of exp(score) over all sequences of labels; [n]."""
        spread = float(self.transitions.detach().amax() - self.transitions.detach().amin())
        return self._by_products(z, lengths) if spread < NARROW else self._by_logarithms(z, lengths)

    def _by_products(self, z: Tensor, lengths: Tensor) -> Tensor:
        """By matrix products from both ends to the middle; each step is rescaled, the logarithms of the scales add up.

        In a sequence of odd length both halves reach the same middle label, whose logit the second half leaves out.
        """
        half, odd = (lengths + 1) // 2, lengths % 2 == 1
        order = TimeMajor.of(half)
        ends = lengths.cumsum(0)
        whose, step = order.sequences, order.steps
        there, back = (ends - lengths)[whose] + step, ends[whose] - 1 - step
        counted = ~(odd[whose] & (step == half[whose] - 1))  # False for a middle that was counted from the front

        top = z.detach().amax(1, keepdim=True)
        weight = (z - top).exp()
        weights = torch.stack([weight[there], torch.where(counted[:, None], weight[back], 1.0)])
        first, last, shift = (p.detach().amax() for p in (self.start, self.end, self.transitions))
        onward = (self.transitions - shift).exp().to(z.dtype)
        moves = torch.stack([onward, onward.T])
        begins = torch.stack([(self.start - first).exp(), (self.end - last).exp()]).to(z.dtype)[:, None]

        states, scales, begin = [], [], 0
        before = begins.expand(2, order.sizes[0], -1)
        for number, size in enumerate(order.sizes):
            reached = before[:, :size] @ moves if number else before
            state = reached * weights[:, begin : begin + size]
            scale = state.sum(2, keepdim=True)
            before = state / scale
            states.append(before)
            scales.append(scale)
            begin += size
        front, rear = torch.cat(states, 1)[:, order.lasts]
        met = (torch.where(odd[:, None], front, front @ onward) * rear).sum(1)
        grown = torch.cat(scales, 1).squeeze(2).log().sum(0)
        return (
            met.log()
            + _gathered(grown, whose, len(lengths))
            + first
            + last
            + shift * (lengths - 1)
            + _by_sequence(top.squeeze(1), lengths)
        )

    def _by_logarithms(self, z: Tensor, lengths: Tensor) -> Tensor:
        """The same on a log scale throughout: for transitions too far apart for plain numbers."""
        order = TimeMajor.of(lengths)
        rows, states, begin = z[order.places], [], 0
        before = self.start.to(z.dtype).expand(order.sizes[0], -1)
        for step, size in enumerate(order.sizes):
            reached = before if step == 0 else (before[:size, :, None] + self.transitions).logsumexp(1)
            before = reached + rows[begin : begin + size]
            states.append(before)
            begin += size
        return (torch.cat(states)[order.lasts] + self.end).logsumexp(1)

    def _best(self, z: Tensor, lengths: Tensor) -> Tensor:
        """The labels of the best sequences, [sum of lengths]."""
        order = TimeMajor.of(lengths)
        moves, start, end = (p.detach().to(z.dtype) for p in (self.transitions, self.start, self.end))
        rows, begin, score = z[order.places], 0, start.expand(order.sizes[0], -1)
        whence, final = [], torch.empty(len(lengths), z.shape[1], dtype=z.dtype, device=z.device)
        for step, size in enumerate(order.sizes):
            if step > 0:
                score, back = (score[:size, :, None] + moves).max(1)
                whence.append(back)
            score = score + rows[begin : begin + size]
            final[:size] = score  # final for the sequences that end here
            begin += size
        label = (final + end).argmax(1)
        by_step = [torch.empty(0, dtype=torch.long, device=z.device)] * len(order.sizes)
        for step in reversed(range(len(order.sizes))):
            size = order.sizes[step]
            by_step[step] = label[:size].clone()
            if step > 0:
                label = torch.cat([whence[step - 1].gather(1, label[:size, None]).squeeze(1), label[size:]])
        labels = torch.empty(len(z), dtype=torch.long, device=z.device)
        labels[order.places] = torch.cat(by_step)
        return labels


class TimeMajor(NamedTuple):
    """Packed sequences reordered by time step: first all first labels, longest sequence first, then all second labels.

    places: position of each label in the packed order [sum of lengths]. sequences, steps: its sequence and its time
    step, from 0 [sum of lengths]. lasts: position of each sequence's last label in this order [n]. sizes: number of
    sequences that reach each step.
    """

    places: Tensor
    sequences: Tensor
    steps: Tensor
    lasts: Tensor
    sizes: list[int]

    @classmethod
    def of(cls, lengths: Tensor) -> TimeMajor:
        firsts = lengths.cumsum(0) - lengths
        order = lengths.argsort(descending=True, stable=True)
        steps = torch.arange(int(lengths.max()), device=lengths.device)
        there = steps[:, None] < lengths[order][None, :]
        sizes = there.sum(1)
        sequences = order.expand(len(steps), -1)[there]
        places = (firsts[order] + steps[:, None])[there]
        begins = sizes.cumsum(0) - sizes
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=lengths.device)
        return cls(places, sequences, steps.repeat_interleave(sizes), begins[lengths - 1] + rank, sizes.tolist())


def _by_sequence(values: Tensor, lengths: Tensor) -> Tensor:
    """Sums [n] of packed values [sum of lengths]."""
    whose = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    return _gathered(values, whose, len(lengths))


def _gathered(values: Tensor, whose: Tensor, n: int) -> Tensor:
    return torch.zeros(n, dtype=values.dtype, device=values.device).index_add(0, whose, values)
