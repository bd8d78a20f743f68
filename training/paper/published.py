"""The authors' figures, as published with the paper or measured on the weights they released.

The authors published their results with the code: e_resim, and mmd_paper both "as plotted" in the
paper and against rejection samples of the arm's own prior ("corrected"). mmd2 was measured on the
weights that they released, where there are any. Everything else in this project's reports is
measured here.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One network of the authors.

    Attributes:
        parameters: trainable ones.
        e_resim: [m^2].
        as_plotted, corrected: mmd_paper against the two kinds of rejection samples; None where
            the paper has none.
        mmd2_raw, mmd2_refined: re-measured; None where the weights were not released.
        mmd2_raw_error: standard error of the former.
    """

    parameters: int
    e_resim: float
    as_plotted: float | None
    corrected: float
    mmd2_raw: float | None = None
    mmd2_refined: float | None = None
    mmd2_raw_error: float | None = None

    @property
    def mmd2_raw_thousandths(self) -> str | None:
        """mmd2 times 1000 with its standard error, to print."""
        if self.mmd2_raw is None:
            return None
        return f"{1e3 * self.mmd2_raw:.1f} +- {1e3 * self.mmd2_raw_error:.1f}"


PUBLISHED: dict[tuple[str, int], Published] = {
    ("cvae", 4): Published(217_128, 7.6e-5, 0.0422, 0.0149, 5.5e-3, 4.0e-3, 0.7e-3),
    ("inn", 4): Published(1_108_872, 2.3e-3, 0.0376, 0.0146),
    ("cvae", 6): Published(166_814, 2.0e-4, 0.0449, 0.0087, 3.1e-3, 1.5e-3, 0.7e-3),
    ("inn", 6): Published(2_772_084, 4.1e-3, 0.0388, 0.0123),
    ("cvae", 8): Published(1_022_020, 6.5e-4, 0.0494, 0.0073, 4.3e-3, 1.3e-3, 1.9e-3),
    ("inn", 8): Published(997_884, 3.3e-3, 0.0429, 0.0117, 11.9e-3, 9.7e-3, 2.4e-3),
    ("cvae", 10): Published(1_303_226, 1.2e-3, 0.0528, 0.0077),
    ("inn", 10): Published(2_494_380, 3.5e-3, 0.0447, 0.0125),
    ("inn", 15): Published(697_840, 5.3, None, 0.0547),
}


class PublishedPosterior(NamedTuple):
    """What the paper prints of 1000 samples for one target.

    Attributes:
        e_posterior: mmd_paper of Figs. 6 and 7.
        hull_area: what the paper calls the area of the hull of Fig. 4; None: not printed. It is the
            perimeter: SciPy's `ConvexHull.area` in two dimensions.
    """

    e_posterior: float
    hull_area: float | None


PUBLISHED_POSTERIORS: dict[tuple[str, int], PublishedPosterior] = {
    ("cvae", 6): PublishedPosterior(0.032, 0.15),
    ("inn", 6): PublishedPosterior(0.018, 0.85),
    ("cvae", 10): PublishedPosterior(0.057, None),
    ("inn", 10): PublishedPosterior(0.025, None),
}

PUBLISHED_DOF = sorted({dof for _, dof in PUBLISHED})
"""The arms for which the authors published anything."""

FIGURE_TARGETS: dict[int, tuple[float, float]] = {6: (3.47, 0.19), 10: (5.00, 0.53)}
"""The targets [m] of Figs. 4 and 6, and of Figs. 5 and 7, by DoF."""


class PublishedRail(NamedTuple):
    """A method on the rail arm of Kruse et al. 2021 (arXiv 2101.10763).

    Attributes:
        method: its name.
        err_post: MMD to rejection samples, with a kernel that the paper does not state; None where
            it is not the method's row that is quoted.
        err_resim: E |FK(theta) - target|^2 [m^2], twice this project's e_resim.
    """

    method: str
    err_post: float | None
    err_resim: float


PUBLISHED_RAIL = (
    PublishedRail("mixture density network", 0.007, 0.012),
    PublishedRail("autoencoder", 0.037, 0.012),
    PublishedRail("the best Err_resim of any method", None, 0.008),
)
