"""Ways in which torch calls a loss that a library may not have thought of: what each ends in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Call = Callable[..., Any]


def compiled(loss: Call, *inputs: Tensor) -> str:
    """The error of torch.compile, the whole as one graph. AssertionError where there is none."""
    torch._dynamo.reset()

    def call(*given: Tensor) -> Any:
        return loss(*given)

    whole: Call = torch.compile(call, fullgraph=True, backend="eager")
    return f"torch.compile(fullgraph=True, backend='eager') ends in {_error(whole, *inputs)}"


def mapped(loss: Call, *inputs: Tensor, by: int = 0) -> str:
    """The error of torch.vmap, over two copies, of the gradient by one of the inputs. AssertionError where it works."""

    def mean(*given: Tensor) -> Any:
        return loss(*given).mean()

    gradient = torch.func.grad(mean, argnums=by)
    return f"torch.vmap of its gradient ends in {_error(torch.vmap(gradient), *(torch.stack([x, x]) for x in inputs))}"


def elsewhere(loss: Call, *inputs: Tensor) -> str:
    """What becomes of inputs on torch's meta device. AssertionError where the loss follows them."""
    try:
        where = loss(*(x.to("meta") for x in inputs)).device.type
    except Exception as error:
        return f"on torch's meta device it looks at numbers: {type(error).__name__}"
    assert where != "meta"
    return f"inputs on torch's meta device, loss on the {where}"


def _error(call: Call, *inputs: Tensor) -> str:
    try:
        call(*inputs)
    except Exception as error:
        return type(error).__name__
    raise AssertionError("it works")
