"""The step that a GPU repeats: its replays are its calls, and nothing in it stays behind."""

from __future__ import annotations

import copy
import gc
import weakref
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from training.train.config import TrainingConfig, load_config
from training.train.cuda_graph import WARM_UP_CALLS, CapturedWork
from training.train.objectives import Batch
from training.train.trainer import Trainer

RECIPES = Path(__file__).resolve().parents[3] / "config" / "train"
STEPS = WARM_UP_CALLS + 5
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def small(recipe):
    """A recipe with all its settings, but few data."""
    data = {"num_samples": 2000, "seed": 0}
    fields = load_config(RECIPES / f"{recipe}.yaml").model_dump()
    return TrainingConfig(**fields | {"data": data, "batch_size": 100, "epochs": 1})


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


class RecordedGraph(TorchDispatchMode):
    """A CUDA graph on the CPU: operations are recorded, undone, and replayed on the same memory."""

    def __init__(self):
        super().__init__()
        self.replays = 0
        self._generators = []
        self._operations = []
        self._overwritten = []

    def register_generator_state(self, generator):
        self._generators.append(generator)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for index, argument in enumerate(operation._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                written = args[index] if index < len(args) else kwargs.get(argument.name)
                self._overwritten += [(tensor, tensor.clone()) for tensor in tensors(written)]
        if isinstance(kwargs.get("generator"), torch.Generator):
            seeds = [generator.initial_seed() for generator in self._generators]
            assert kwargs["generator"].initial_seed() in seeds
        result = operation(*args, **kwargs)
        self._operations.append((operation, args, kwargs, result))
        return result

    @contextmanager
    def capture(self):
        states = [generator.get_state() for generator in self._generators]
        with self:
            yield
        with torch.no_grad():
            for tensor, before in reversed(self._overwritten):
                tensor.copy_(before)
        for generator, state in zip(self._generators, states, strict=True):
            generator.set_state(state)

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for operation, args, kwargs, result in self._operations:
            again = operation(*args, **kwargs)
            for tensor, new in zip(tensors(result), tensors(again), strict=True):
                if tensor.data_ptr() != new.data_ptr():
                    tensor.copy_(new)


@pytest.fixture
def graphs(monkeypatch):
    """All graphs that are made, on the CPU."""
    made = []

    def make_graph():
        made.append(RecordedGraph())
        return made[-1]

    def make_stream(device):
        return SimpleNamespace(device=device, wait_stream=lambda other: None)

    monkeypatch.setattr(torch.cuda, "CUDAGraph", make_graph)
    monkeypatch.setattr(torch.cuda, "Stream", make_stream)
    monkeypatch.setattr(torch.cuda, "current_stream", make_stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, stream: graph.capture())
    monkeypatch.setattr("training.train.step.can_capture", lambda device: True)
    return made


def trained(config, device="cpu"):
    trainer = Trainer(config, device, STEPS)
    terms = [trainer.advance(1) for _ in range(STEPS)]
    return terms, trainer.network.state_dict()


@pytest.mark.parametrize("recipe", ["cvae_4", "paper/inn_4"])
def test_replays_train_like_calls(recipe, graphs, monkeypatch):
    """The rows, the rate, the ramp and the seed of each step all reach the recorded work."""
    config = small(recipe)
    terms, weights = trained(config)
    assert [graph.replays for graph in graphs] == [STEPS - WARM_UP_CALLS]

    monkeypatch.setattr("training.train.cuda_graph.WARM_UP_CALLS", STEPS)
    called_terms, called_weights = trained(config)
    assert [graph.replays for graph in graphs[1:]] == [0]
    assert terms == called_terms
    for name, weight in called_weights.items():
        assert torch.equal(weights[name], weight), name


def test_the_next_replay_leaves_the_results_of_earlier_ones(graphs):
    number = torch.zeros(())
    repeat = CapturedWork(torch.Generator())
    results = []
    for value in range(STEPS):
        number.fill_(value)
        results.append(repeat(lambda: 2.0 * number))
    assert torch.stack(results).tolist() == [2.0 * value for value in range(STEPS)]


def continued(config, device):
    """A trainer that has recorded its step takes over another one's training."""
    _, weights = trained(config, device)
    first, second = (Trainer(config, device, STEPS) for _ in range(2))
    first.advance(STEPS - 1)
    second.advance(STEPS - 2)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    second.advance(1)
    return weights, second.network.state_dict()


def test_a_training_that_continues_records_its_step_anew(graphs):
    expected, weights = continued(small("cvae_4"), "cpu")
    for name, weight in expected.items():
        assert torch.equal(weights[name], weight), name


def test_a_trainer_leaves_nothing_behind(graphs):
    """A graph that waits for the garbage collector keeps its memory, and can be freed while
    another one is recorded."""
    trainer = Trainer(small("cvae_4"), "cpu", STEPS)
    trainer.advance(STEPS)
    network = weakref.ref(trainer.network)
    gc.collect()
    gc.disable()
    try:
        del trainer
        assert network() is None
    finally:
        gc.enable()


class Spy(TorchDispatchMode):
    """Lists the devices that operations use; on meta tensors, looking at a value is an error."""

    def __init__(self):
        super().__init__()
        self.devices = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.devices |= {tensor.device.type for tensor in tensors((args, kwargs, result))}
        return result


class MetaBatch(Batch):
    """Generators of meta tensors do not exist."""

    def normal(self, width):
        return torch.empty(len(self.theta), width, device="meta")


def spy_on(config):
    network, objective = config.build_network().to("meta"), config.build_objective()
    theta, targets, progress = (
        torch.empty(shape, device="meta") for shape in ((9, network.arm.dof), (9, 2), ())
    )
    with Spy() as spy:
        terms = objective(network, MetaBatch(theta, targets, progress, None))
        sum(terms.values()).backward()
    return spy.devices


@pytest.mark.parametrize(
    "recipe",
    [
        "cvae_4",
        "cvae_full_circle_vector",
        "cvae_full_circle_wrapped",
        "inn_4",
        "inn_rail",
    ],
)
def test_a_step_looks_at_no_value_and_takes_none_from_the_cpu(recipe):
    """Both end the recording of a CUDA graph."""
    assert spy_on(load_config(RECIPES / f"{recipe}.yaml")) == {"meta"}


@needs_gpu
@pytest.mark.parametrize("recipe", ["cvae_4", "paper/inn_4"])
def test_a_gpu_s_graph_trains_like_its_calls(recipe, monkeypatch):
    config = small(recipe)
    terms, weights = trained(config, "cuda")
    monkeypatch.setattr("training.train.cuda_graph.WARM_UP_CALLS", STEPS)
    called_terms, called_weights = trained(config, "cuda")
    assert terms[-1] == pytest.approx(called_terms[-1], rel=1e-3)
    torch.testing.assert_close(weights, called_weights, rtol=1e-3, atol=1e-4)
    expected, weights = continued(config, "cuda")
    torch.testing.assert_close(weights, expected, rtol=1e-3, atol=1e-4)
