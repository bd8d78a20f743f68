"""A GPU's work that is the same every time, launched as a whole."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

WARM_UP_CALLS = 3  # libraries take their memory, the optimizer makes its state


def can_capture(device: torch.device) -> bool:
    """Whether the device has graphs."""
    return device.type == "cuda"


class CapturedWork:
    """Work that a CUDA graph repeats: one launch instead of thousands.

    Every call is given the same function and does what the function does. The first few run it;
    then its kernels are recorded once and replayed ever after, on the same memory. So what is to
    differ between calls must be written into tensors that the function reads, the function must
    look at no value, and what it draws must come from one generator, whose seed may change between
    calls.

    See PyTorch's notes on CUDA graphs, "whole-network capture".

    Args:
        generator: of all the work's randomness, on its device.
    """

    def __init__(self, generator: torch.Generator) -> None:
        # One stream for all calls but replays: gradients are added on the stream that made them.
        self._stream = torch.cuda.Stream(generator.device)
        self._graph = torch.cuda.CUDAGraph()
        self._graph.register_generator_state(generator)
        self._calls = 0
        self._result = torch.empty(0)

    def __call__(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        """What the work returns.

        It comes with each call: kept here, it would keep whoever owns both, and a GPU's memory,
        alive in a cycle.
        """
        self._calls += 1
        if self._calls <= WARM_UP_CALLS:
            return self._aside(work)
        if self._calls == WARM_UP_CALLS + 1:
            gc.collect()  # another graph that is freed during the recording would end it
            with torch.cuda.graph(self._graph, stream=self._stream):
                self._result = work()  # is recorded, not done
        self._graph.replay()
        return self._result.clone()  # the next replay writes to the same memory

    def _aside(self, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        caller = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(caller)
        with torch.cuda.stream(self._stream):
            result = work()
        caller.wait_stream(self._stream)
        return result
