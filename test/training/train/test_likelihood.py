"""The loss of the conditionals and its own gradient, against PyTorch's and the sampler's draws."""

import math

import numpy as np
import pytest
import torch

from ik_nn_ros import PlanarArm
from ik_nn_ros.arm.task import POSITION
from ik_nn_ros.backends.chain_sampler import even_rises
from ik_nn_ros.backends.kernels.draws import find_arcs, new_reading, step
from ik_nn_ros.chain.arithmetic import TILE
from ik_nn_ros.chain.chain_array import (
    SLOT,
    SLOT_SIZE,
    SLOTS,
    chain_array,
)
from ik_nn_ros.chain.slots import segment
from ik_nn_ros.chain.states import Arc, log_prior
from ik_nn_ros.chain.tile import (
    CENTRE,
    HALF,
    LOG_RATIO,
    MIDDLE,
    POSITIONS,
    begin,
    new_tile,
    take_uniforms,
)
from ik_nn_ros.models.architectures import CINNConfig
from training.train.losses.likelihood import EDGE_KNOT
from training.train.losses.likelihood import negative_log_likelihood as loss_of_places

SLOT_COUNTS = [1, 2, 4]
BISECTIONS = 60


def negative_log_likelihood(said, masses, places, config):
    """Where all places of a slot stand for as much of its mass (..., S)."""
    count = places.shape[-1]
    return loss_of_places(said, (masses / count)[..., None].expand(places.shape), places, config)


def config_of(bins):
    return CINNConfig(neurons=2, bins=bins)


def plain_share_of_step(place, left, rise, a, b, slope):
    """How far between two knots a place lies; by bisection, so that no formula is trusted."""
    low, high = torch.zeros_like(place), torch.ones_like(place)
    for _ in range(BISECTIONS):
        t = 0.5 * (low + high)
        above = plain_spline(t, left, rise, a, b, slope)[0] > place
        low, high = torch.where(above, low, t), torch.where(above, t, high)
    return (0.5 * (low + high)).detach()


def plain_spline(t, left, rise, a, b, slope):
    """Place and its rate by v at a share of the way between two knots."""
    across = t * (1.0 - t)
    below = slope + (a + b - 2.0 * slope) * across
    rates = b * t * t + 2.0 * slope * across + a * (1.0 - t) ** 2
    return left + rise * (slope * t * t + a * across) / below, rates * (slope / below) ** 2


def plain_log_densities(said, places, bins):
    """Log densities of places (..., k) by what is said of their slots (..., outputs); float64."""
    least, most = CINNConfig.least_rise, CINNConfig.most_log_rate
    even = torch.from_numpy(even_rises(bins)).double()
    shares = torch.softmax(said[..., :bins] + even.log(), -1)
    rises = (1.0 - least * bins) * shares + least
    knots = torch.cat((torch.zeros_like(rises[..., :1]), rises.cumsum(-1)), -1)
    rates = said[..., bins:].clamp(-most, most).exp()
    knot = (places.detach()[..., None] >= knots[..., None, 1:-1].detach()).sum(-1)
    left, rise, a, b = (
        torch.gather(values, -1, index)
        for values, index in ((knots, knot), (rises, knot), (rates, knot), (rates, knot + 1))
    )
    slope = rise * bins
    t = plain_share_of_step(places, left, rise, a, b, slope)
    # One step of Newton's from there: it moves nothing, but carries the gradient of t.
    place, rate = plain_spline(t, left, rise, a, b, slope)
    t = t + (places - place) / (rate.detach() / bins)
    _, rate = plain_spline(t, left, rise, a, b, slope)
    v = ((knot + t) / bins).clamp(EDGE_KNOT, 1.0 - EDGE_KNOT)
    level_rate = 2.0 * v * (1.0 - v) / (v * v + (1.0 - v) ** 2) ** 2
    return level_rate.log() - rate.log()


def plain_loss(said, masses, places, bins):
    """The cross entropy of the slots, and of each slot's density beside, by its mass."""
    slots = masses.shape[-1]
    logits = said[..., :slots].masked_fill(masses == 0.0, -1e30)
    log_shares = torch.log_softmax(logits, -1)
    entropy = -(masses * torch.where(masses > 0.0, log_shares, 0.0)).sum()
    of_slots = said[..., slots:].unflatten(-1, (slots, 2 * bins + 1))
    log_densities = plain_log_densities(of_slots, places, bins).mean(-1)
    counted = torch.where(masses >= 1e-6, masses, 0.0)
    return entropy - (counted * log_densities).sum()


def lessons(slots, bins, rows=40, places=3, seed=0):
    """What a network might say, and a teacher."""
    generator = torch.Generator().manual_seed(seed)
    said = torch.randn(rows, slots * (2 * bins + 2), generator=generator)
    masses = torch.rand(rows, slots, generator=generator) + 0.01
    masses /= masses.sum(-1, keepdim=True)
    return said, masses, torch.rand(rows, slots, places, generator=generator)


def value_and_gradient(loss, said, *rest):
    said = said.clone().requires_grad_()
    value = loss(said, *rest)
    return value.detach().double(), torch.autograd.grad(value, said)[0].double()


def assert_plain(said, masses, places, bins, rtol=1e-3):
    value, gradient = value_and_gradient(
        lambda one: negative_log_likelihood(one, masses, places, config_of(bins)), said
    )
    expected, plain = value_and_gradient(
        plain_loss, said.double(), masses.double(), places.double(), bins
    )
    torch.testing.assert_close(value, expected, rtol=rtol, atol=1e-4)
    torch.testing.assert_close(gradient, plain, rtol=rtol, atol=rtol * float(plain.abs().max()))


@pytest.mark.parametrize("bins", [1, 2, 5, 10])
@pytest.mark.parametrize("slots", SLOT_COUNTS)
def test_value_and_gradient_are_those_of_automatic_differentiation(slots, bins):
    assert_plain(*lessons(slots, bins), bins)


@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_even_and_steep_functions_have_theirs_too(scale):
    said, masses, places = lessons(2, 8)
    assert_plain(scale * said, masses, places, 8)


def test_a_slot_without_mass_counts_for_nothing_whatever_is_said_of_it():
    said, masses, places = lessons(3, 4)
    masses[:, 1] = 0.0
    masses[::2, 2] = 0.0
    masses /= masses.sum(-1, keepdim=True)
    said[:, 1] = 50.0
    assert_plain(said, masses, places, 4)
    gradient = value_and_gradient(
        lambda one: negative_log_likelihood(one, masses, places, config_of(4)), said
    )[1]
    of_slot = slice(3 + 9, 3 + 18)
    assert (gradient[:, 1] == 0.0).all()
    assert (gradient[:, of_slot] == 0.0).all()
    other = said.clone()
    other[:, of_slot] += 1.0
    first, second = (
        negative_log_likelihood(one, masses, places, config_of(4)) for one in (said, other)
    )
    assert torch.equal(first, second)


def test_traces_of_mass_teach_that_a_slot_is_rare_and_nothing_of_its_density():
    said, masses, places = lessons(2, 4)
    masses[:] = torch.tensor([1.0, 1e-9])
    assert_plain(said, masses, places, 4)
    gradient = value_and_gradient(
        lambda one: negative_log_likelihood(one, masses, places, config_of(4)), said
    )[1]
    assert (gradient[:, 1] > 0.0).all()  # a step down the gradient makes it rarer
    assert (gradient[:, 2 + 9 :] == 0.0).all()


@pytest.mark.parametrize("mass", [0.0, 1e-9])
def test_a_state_whose_slots_have_no_mass_or_traces_of_it_teaches_nothing(mass):
    said, masses, places = lessons(2, 4)
    masses[5:9] = mass
    gradient = value_and_gradient(
        lambda one: negative_log_likelihood(one, masses, places, config_of(4)), said
    )[1]
    assert gradient[:5].abs().max() > 0.1
    assert gradient[5:9].abs().max() < 1e-6


def test_a_place_counts_as_two_of_half_its_mass():
    said, masses, places = lessons(2, 5)
    shares = torch.tensor([0.5, 0.25, 0.25]) * masses[..., None]
    uneven = loss_of_places(said, shares, places, config_of(5))
    even = places[..., [0, 0, 1, 2]]
    torch.testing.assert_close(uneven, negative_log_likelihood(said, masses, even, config_of(5)))


def test_rates_beyond_their_bound_are_at_it_and_have_no_gradient():
    said, masses, places = lessons(2, 5)
    bound = CINNConfig.most_log_rate
    rates = torch.zeros_like(said, dtype=torch.bool)
    rates[:, 2 + 5 : 2 + 11] = True
    said[rates] = 12.0 * torch.sign(said[rates])
    at_bound = said.clone().clamp(-bound, bound)
    value, gradient = value_and_gradient(
        lambda one: negative_log_likelihood(one, masses, places, config_of(5)), said
    )
    expected = negative_log_likelihood(at_bound, masses, places, config_of(5))
    assert value == pytest.approx(expected.item(), rel=1e-6)
    assert (gradient[rates] == 0.0).all()
    assert (gradient[:, 2:7] != 0.0).any()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("place", [0.0, 1e-12, 1e-2, 0.5, 1.0 - 1e-2, 1.0])
def test_places_at_both_ends_have_finite_values_and_gradients(place):
    said, masses, places = lessons(2, 6)
    places[:] = place
    value, gradient = value_and_gradient(
        lambda one: negative_log_likelihood(one, masses, places, config_of(6)), said
    )
    assert value.isfinite()
    assert gradient.isfinite().all()
    if 0.0 < place - 1e-9 < 1.0 - 2e-9:
        assert_plain(said, masses, places, 6)


def test_the_shape_before_the_last_dimension_does_not_matter():
    said, masses, places = lessons(2, 3, rows=12)
    flat = negative_log_likelihood(said, masses, places, config_of(3))
    parts = negative_log_likelihood(
        said.view(3, 4, -1), masses.view(3, 4, -1), places.view(3, 4, 2, -1), config_of(3)
    )
    assert torch.equal(flat, parts)
    halves = [
        negative_log_likelihood(said[rows], masses[rows], places[rows], config_of(3)).item()
        for rows in (slice(6), slice(6, None))
    ]
    assert sum(halves) == pytest.approx(flat.item(), rel=1e-6)


def test_parts_of_larger_tensors_are_read_as_they_are():
    said, masses, places = lessons(2, 3, rows=12)
    rows = torch.tensor([7, 1, 3])
    whole = negative_log_likelihood(said[rows], masses[rows], places[rows], config_of(3))
    strided = negative_log_likelihood(
        said.repeat(1, 2)[:, : said.shape[1]][rows], masses[rows], places[rows], config_of(3)
    )
    assert torch.equal(whole, strided)


def log_densities_of(said, slot, slots, places, bins):
    """What the loss says of single places of a slot of one state, by what is said of it."""
    masses = torch.zeros(1, slots)
    masses[0, slot] = 1.0
    of_places = torch.zeros(1, slots, 1)
    values = []
    for place in places:
        of_places[0, slot, 0] = float(place)
        values.append(-negative_log_likelihood(said, masses, of_places, config_of(bins)).item())
    return np.array(values)


@pytest.mark.parametrize("bins", [1, 4, 10])
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_densities_integrate_to_one_over_the_places(scale, bins):
    said = scale * lessons(1, bins, rows=1)[0]
    said[:, 0] = 0.0
    edges = 0.5 - 0.5 * np.cos(np.linspace(0.0, math.pi, 1501))  # denser at both ends
    middles, widths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    densities = np.exp(log_densities_of(said, 0, 1, middles, bins))
    assert np.sum(densities * widths) == pytest.approx(1.0, abs=0.01)


ARMS = {
    "position": PlanarArm((0.5, 0.4, 0.3), 0.5),
    "rail": PlanarArm((0.5, 1.0), (0.25, 0.5, 0.5), base="rail"),
    "circle": PlanarArm((0.5, 0.4, 0.3), prior="uniform"),
    "limited": PlanarArm((0.5, 0.4, 0.3), 0.6, ((-1.0, 1.5), (-0.3, 2.0), None)),
    "four slots": PlanarArm((0.5, 0.4, 0.3), 1.0, (-2.5, 2.5)),
}


@pytest.mark.parametrize("arm", ARMS.values(), ids=ARMS)
def test_draws_have_the_densities_that_the_loss_says(arm):
    """The sampler's density of the angle is the loss's of slot and place over d angle / d place."""
    chain, bins, count = chain_array(arm, POSITION), 5, TILE
    slots = int(chain[0, SLOTS])
    generator = torch.Generator().manual_seed(1)
    said = torch.randn(1, slots * (2 * bins + 2), generator=generator)
    target = arm.forward(arm.sample_prior(1, np.random.default_rng(0))[0])
    tile = new_tile(arm.dof)
    begin(np.array((*target, 0.0)), tile)
    find_arcs(chain, 0, tile)
    take_uniforms(np.random.default_rng(2).random((count, 1)), 0, 0, tile)
    step(chain, 0, even_rises(bins), np.repeat(said.numpy(), TILE), tile, new_reading(bins))
    on, theta = Arc(*tile[[CENTRE, MIDDLE, HALF]]), tile[POSITIONS : POSITIONS + TILE]
    ours = np.array([log_prior(chain, 0, one) for one in theta])
    ours -= tile[LOG_RATIO : LOG_RATIO + TILE]

    intervals = [segment(chain, 0, slot, on, *target) for slot in range(slots)]
    open_slots = [slot for slot in range(slots) if intervals[slot][1] > intervals[slot][0]]
    log_total = torch.logsumexp(said[0, open_slots], 0).item()
    compared = 0
    for slot in open_slots:
        side = chain[0, SLOT + SLOT_SIZE * slot]
        low, high = intervals[slot]
        cosine = (on.middle - side * (theta - on.centre)) / on.half
        u = np.arccos(cosine.clip(-1.0, 1.0))
        places = (u - low) / (high - low)
        here = (np.abs(cosine) < 0.999) & (places > 0.01) & (places < 0.99)
        log_mass = said[0, slot].item() - log_total
        expected = log_mass + log_densities_of(said, slot, slots, places[here], bins)
        expected -= np.log((high - low) * on.half * np.sin(u[here]))
        np.testing.assert_allclose(ours[here], expected, atol=2e-3)
        compared += here.sum()
    assert compared > 0.7 * count
