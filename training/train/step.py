"""One step of a training: the gradient of a batch, and where the optimizer takes the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ik_nn_ros.models.networks import Network
from training.train.config import OptimizerConfig, TrainingConfig
from training.train.cuda_graph import CapturedWork, can_capture
from training.train.data import Dataset
from training.train.lessons import Lessons
from training.train.muon import Muon


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
        optimizers: of which each moves weights of its own.
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
        self.optimizers = self._build_optimizers(options)
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

    def state_dict(self) -> list[dict[str, Any]]:
        """What the steps so far have left behind, but for the weights."""
        return [optimizer.state_dict() for optimizer in self.optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Continue from a state of `state_dict`."""
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate
                if "capturable" in group:
                    group["capturable"] = self._captured
        self._repeat = self._repeater()  # the optimizers' states have moved

    def _build_optimizers(self, options: OptimizerConfig) -> list[torch.optim.Optimizer]:
        """Muon for the hidden layers' weights, where it is asked for, and Adam for all others."""
        optimizers: list[torch.optim.Optimizer] = []
        left = [p for p in self._network.parameters() if p.requires_grad]
        if options.muon is not None:
            hidden = self._network.hidden_weights
            optimizers.append(Muon(hidden, self._learning_rate, options.muon))
            left = [p for p in left if all(p is not weights for weights in hidden)]
        adam = torch.optim.Adam(
            left,
            lr=self._learning_rate,
            weight_decay=options.weight_decay,
            eps=options.epsilon,
            fused=True,  # one pass over the memory of each weight
            capturable=self._captured,
        )
        return [*optimizers, adam]

    def _repeater(self) -> Callable[[Callable[[], torch.Tensor]], torch.Tensor]:
        return CapturedWork(self._generator) if self._captured else lambda work: work()

    def _work(self) -> torch.Tensor:
        batch = self._train.batch(self._rows, self._progress, self._generator)
        terms = self._objective(self._network, batch)
        self._network.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        if self._gradient_clip is not None:
            torch.nn.utils.clip_grad_value_(self._network.parameters(), self._gradient_clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.term_names = tuple(terms)
        return torch.stack([term.detach() for term in terms.values()])
