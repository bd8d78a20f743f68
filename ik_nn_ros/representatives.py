"""A few configurations that stand for many samples of the posterior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans

from ik_nn_ros.arm.planar_arm import PlanarArm

STARTS = 4  # of k-means; the best outcome is kept
SEED = 0
DECIMALS = 6  # of joint positions [rad]; what differs by less is one configuration


class Representatives(NamedTuple):
    """Samples that stand for regions of the posterior, the largest region first.

    Attributes:
        indices: (k,) rows of the samples.
        shares: (k,) of all samples, how many are in each region: the posterior's mass there.
    """

    indices: np.ndarray
    shares: np.ndarray


def representatives(
    arm: PlanarArm, positions: np.ndarray, num_representatives: int
) -> Representatives:
    """Divide samples into regions by k-means; the sample nearest to a region's mean stands for it.

    Args:
        arm: the arm.
        positions: (n, dof) samples [rad].
        num_representatives: k, how many regions, at most n; fewer where fewer configurations
            differ.
    """
    points = arm.embed(positions)
    distinct = len(np.unique(points.round(DECIMALS), axis=0))
    count = min(num_representatives, distinct)
    regions = KMeans(count, n_init=STARTS, random_state=SEED).fit(points)
    distances = np.linalg.norm(points - regions.cluster_centers_[regions.labels_], axis=1)
    sizes = np.bincount(regions.labels_, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    nearest_first = np.argsort(distances, kind="stable")
    _, first = np.unique(regions.labels_[nearest_first], return_index=True)
    return Representatives(nearest_first[first][order], sizes[order] / len(points))
