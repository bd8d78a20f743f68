"""An earlier version of this project, beside which the present one is timed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.exact.cases import Case
from ik_nn_ros.errors import IKError

COMMIT = "56aebab"  # the last one with the sampler by charts and annealing
ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("earlier_worker.py")


class EarlierVersionError(IKError):
    """The earlier version cannot be had, or has stopped answering."""


class EarlierVersion:
    """Times requests in a process of the earlier version, a checkout of its own.

    Raises:
        EarlierVersionError: the clone does not hold the commit.
    """

    def __init__(self, commit: str = COMMIT) -> None:
        archive = subprocess.run(
            ["git", "archive", "--format=tar", commit], cwd=ROOT, capture_output=True
        )
        if archive.returncode:
            reason = archive.stderr.decode().strip()
            raise EarlierVersionError(f"no commit {commit} to compare with: {reason}")
        self._checkout = tempfile.TemporaryDirectory(prefix="earlier_version_")
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(self._checkout.name)
        # Its text instead of its path: a script's own folder would be searched for modules first.
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER.read_text()],
            cwd=self._checkout.name,
            env=os.environ | {"PYTHONPATH": self._checkout.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> EarlierVersion:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._checkout.cleanup()

    def seconds(self, model: str, case: Case, target: np.ndarray, samples: int) -> float:
        """How long its "exact" or "cinn" takes for the samples of a position (2,) [m].

        Raises:
            EarlierVersionError: it did not answer.
        """
        return self._answer(model, case, target, samples)["seconds"]

    def draws(self, case: Case, target: np.ndarray, samples: int) -> np.ndarray:
        """Raw samples (samples, dof) of its "cinn" on a position (2,) [m].

        Raises:
            EarlierVersionError: it did not answer.
        """
        return np.array(self._answer("cinn draws", case, target, samples)["positions"])

    def _answer(self, model: str, case: Case, target: np.ndarray, samples: int) -> dict[str, Any]:
        request = {
            "model": model,
            "arm": dict(case.keywords),
            "target": target[:2].tolist(),
            "samples": samples,
        }
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise EarlierVersionError(f"commit {COMMIT} did not answer {request}") from None
