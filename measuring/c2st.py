"""Classifier two-sample test: can a small network tell two sample sets apart?

The accuracy that Lopez-Paz & Oquab 2017 propose, with the classifier that is usual in
simulation-based inference (Lueckmann et al. 2021): 0.5 is chance, 1.0 is told apart without fail.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

FOLDS = 5
NEURONS_PER_DIMENSION = 10
EPOCHS = 60
BATCH_SIZE = 100
LEARNING_RATE = 0.003


def c2st_of_each(samples: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> Iterator[float]:
    """`c2st` of every pair (n, d), (m, d) of sample sets, on all cores, one after the other."""
    return _processes().map(c2st, samples, reference)


@cache
def _processes() -> ProcessPoolExecutor:
    """One for each core, kept for the next call: to import scikit-learn takes each seconds."""
    # Spawned: a fork of a process that has used torch's threads may hang.
    return ProcessPoolExecutor(mp_context=get_context("spawn"))


def c2st(x: np.ndarray, y: np.ndarray) -> float:
    """Cross-validated accuracy of a classifier between samples (n, d) and (m, d)."""
    width = NEURONS_PER_DIMENSION * x.shape[1]
    classifier = MLPClassifier(
        (width, width),
        batch_size=BATCH_SIZE,
        learning_rate_init=LEARNING_RATE,
        max_iter=EPOCHS,
        random_state=0,
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    labels = np.repeat((0, 1), (len(x), len(y)))
    with warnings.catch_warnings(), threadpool_limits(1):  # one process per core does more
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is our choice
        scores = cross_val_score(
            make_pipeline(StandardScaler(), classifier), np.concatenate((x, y)), labels, cv=folds
        )
    return float(scores.mean())
