"""A few configurations that stand for many samples of the posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.stopping import go_on
from ik_nn_ros.threads import one_blas_thread

STARTS = 4  # of k-means; the best outcome is kept
ITERATIONS, MOST_ROUNDS = 10, 30  # of each start, between two looks at the time; of these
DECIMALS = 4  # of joint positions [rad]; what differs by less is one configuration


class Representatives(NamedTuple):
    """Samples that stand for regions of the posterior, the largest region first.

    Attributes:
        indices: (k,) rows of the samples.
        shares: (k,) the samples' weight in each region, sum 1: the posterior's mass there.
    """

    indices: np.ndarray
    shares: np.ndarray


def representatives(
    arm: PlanarArm,
    positions: np.ndarray,
    num_representatives: int,
    weights: np.ndarray | None = None,
) -> Representatives:
    """Divide samples into regions by k-means; the sample nearest to a region's mean stands for it.

    >>> arm = PlanarArm((0.4, 0.3), prior_std=0.5)
    >>> positions = np.array([[0.0, 0.5], [0.0, 0.6], [0.4, -0.5]])
    >>> chosen = representatives(arm, positions, 2, np.array([0.1, 0.1, 0.8]))
    >>> positions[chosen.indices[0]], chosen.shares.round(3)
    (array([ 0.4, -0.5]), array([0.8, 0.2]))

    Args:
        arm: the arm.
        positions: (n, dof) samples [rad].
        num_representatives: k, how many regions, at most n; fewer where fewer configurations
            differ.
        weights: (n,) of the samples, with a positive sum; None where all count alike.
    """
    points = arm.embed(positions)
    weights = np.ones(len(points)) if weights is None else weights
    weighty = np.flatnonzero(weights > 0.0)  # a sample without weight stands for nothing
    points, weights = points[weighty], weights[weighty]
    distinct = len(np.unique(points.round(DECIMALS), axis=0))
    count = min(num_representatives, distinct)
    with one_blas_thread():  # scikit-learn sets it too, and would restore another thread's
        regions = min(
            (_regions(points, weights, count, start) for start in range(STARTS)),
            key=lambda regions: regions.inertia_,
        )
    distances = np.linalg.norm(points - regions.cluster_centers_[regions.labels_], axis=1)
    sizes = np.bincount(regions.labels_, weights, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    nearest_first = np.argsort(distances, kind="stable")
    _, first = np.unique(regions.labels_[nearest_first], return_index=True)
    return Representatives(weighty[nearest_first[first][order]], sizes[order] / sizes.sum())


def _regions(points: np.ndarray, weights: np.ndarray, count: int, seed: int) -> KMeans:
    """One start of k-means, some iterations at a time."""
    begin: str | np.ndarray = "k-means++"
    for _ in range(MOST_ROUNDS):
        go_on()
        settings = {"n_init": 1, "max_iter": ITERATIONS, "random_state": seed}
        regions = KMeans(count, init=begin, **settings).fit(points, sample_weight=weights)
        if regions.n_iter_ < ITERATIONS:
            break
        begin = regions.cluster_centers_
    return regions
