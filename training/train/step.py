"""One step of a training: the gradient of a batch, and where the optimizer takes the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ik_nn_ros.models.networks import Network
from training.train.config import TrainingConfig
from training.train.cuda_graph import CapturedWork, can_capture
from training.train.data import Dataset
from training.train.lessons import Lessons


class TrainingStep:
    """Moves a network's weights by one batch.

    What differs from step to step is written into tensors that stay where they are, so that a GPU
    can repeat the work as it stands.

    Args:
        config: the training.
        network: whose weights are moved.
        train: the training data, on the network's device.

    Attributes:
        term_names: of the loss terms, once there was a step.
    """

    def __init__(self, config: TrainingConfig, network: Network, train: Dataset | Lessons) -> None:
        device, options = next(network.parameters()).device, config.optimizer
        self.term_names: tuple[str, ...] = ()
        self._network, self._train = network, train
        self._objective = config.build_objective()
        self._gradient_clip = options.gradient_clip
        self._rows = torch.zeros(config.batch_size, dtype=torch.int64, device=device)
        self._progress = torch.zeros((), dtype=torch.float64, device=device)
        self._generator = torch.Generator(device)
        self._captured = can_capture(device)
        self._learning_rate = torch.tensor(options.learning_rate, dtype=torch.float64)
        if self._captured:  # where Adam reads a float32
            self._learning_rate = self._learning_rate.float().to(device)
        self._optimizer = torch.optim.Adam(
            (p for p in network.parameters() if p.requires_grad),
            lr=self._learning_rate,
            weight_decay=options.weight_decay,
            eps=options.epsilon,
            fused=True,  # one pass over the memory of each weight
            capturable=self._captured,
        )
        self._repeat = self._repeater()

    def __call__(
        self, rows: torch.Tensor, progress: float, learning_rate: float, seed: int
    ) -> torch.Tensor:
        """Do the step; return the loss terms (k,).

        Args:
            rows: (batch_size,) of the training data.
            progress: the share of the training done before this step, 0 to 1.
            learning_rate: of this step.
            seed: of this step's randomness.
        """
        self._rows.copy_(rows)
        self._progress.fill_(progress)
        self._learning_rate.fill_(learning_rate)
        self._generator.manual_seed(seed)
        return self._repeat(self._work)

    def state_dict(self) -> dict[str, Any]:
        """What the steps so far have left behind, but for the weights."""
        return self._optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state of `state_dict`."""
        self._optimizer.load_state_dict(state)
        for group in self._optimizer.param_groups:
            group.update(lr=self._learning_rate, capturable=self._captured)
        self._repeat = self._repeater()  # the optimizer's state has moved

    def _repeater(self) -> Callable[[Callable[[], torch.Tensor]], torch.Tensor]:
        return CapturedWork(self._generator) if self._captured else lambda work: work()

    def _work(self) -> torch.Tensor:
        batch = self._train.batch(self._rows, self._progress, self._generator)
        terms = self._objective(self._network, batch)
        self._optimizer.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        if self._gradient_clip is not None:
            torch.nn.utils.clip_grad_value_(self._network.parameters(), self._gradient_clip)
        self._optimizer.step()
        self.term_names = tuple(terms)
        return torch.stack([term.detach() for term in terms.values()])
