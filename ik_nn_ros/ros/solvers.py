"""The solvers that the server has at hand: one arm, one solver for each model and task."""

from __future__ import annotations

import dataclasses

from ik_nn_ros.arm.planar_arm import PlanarArm
from ik_nn_ros.arm.task import POSE, POSITION, Task
from ik_nn_ros.errors import ModelNotFoundError
from ik_nn_ros.posterior import EXACT
from ik_nn_ros.ros.arms import served_arm
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.solver import IKSolver


class Solvers:
    """The solvers of one arm. The default one is loaded here, others at their first use.

    Attributes:
        settings: the parameters, with the arm's dof and base frame, with the checkpoint's model
            where there is one, and with the backend in use.
        arm: the arm that all of them solve for.
        task: what the default solver answers.
        description: a URDF of the arm, or of the robot that it is part of.

    Raises:
        InvalidParameterError: a parameter names no arm, or dof, model or another arm contradict it.
        ModelNotFoundError: no weights for the model and the number of joints.
        CheckpointError: the weights cannot be read.
        InvalidRequestError: the backend cannot evaluate the model on the device, or there is no
            Numba on this machine.
    """

    def __init__(self, parameters: ServerParameters) -> None:
        self._where = (parameters.device, parameters.backend)
        served = served_arm(parameters)
        self.arm: PlanarArm = served.arm
        self._loaded: dict[tuple[str, Task], IKSolver] = {}
        if parameters.checkpoint:
            solver = IKSolver.from_checkpoint(parameters.checkpoint, *self._where)
            parameters = parameters.of_checkpoint(self.arm.dof, solver.model)
            self._loaded[solver.model, solver.task] = solver
        else:
            solver = self.of(parameters.model, POSE if self.arm.mount.lever else POSITION)
        self.task = solver.task
        parameters = parameters.of_arm(self.arm.dof, self.arm.mount.base_link)
        self.description = served.description(parameters.base_frame)
        self.settings = dataclasses.replace(parameters, backend=solver.backend)
        # The exact sampler's tables are ready before the first request: they also tell every other
        # model's answer how likely its target is under the arm's prior.
        self.of(EXACT, POSE if self.arm.mount.lever else POSITION)

    def of(self, model: str, task: Task = POSITION) -> IKSolver:
        """The solver of a model for a task.

        Raises:
            ModelNotFoundError: there is none, or only one for another arm.
            CheckpointError: its weights cannot be read.
            InvalidRequestError: the arm has too few joints for the task.
        """
        if (model, task) not in self._loaded:
            self._loaded[model, task] = self._load(model, task)
        return self._loaded[model, task]

    def _load(self, model: str, task: Task) -> IKSolver:
        if model == EXACT:
            return IKSolver.exact(self.arm, task)
        solver = IKSolver.from_pretrained(self.arm.dof, model, *self._where, task=task.name)
        if solver.arm != self.arm:
            reason = "its weights are for another arm"
            ready = (name for name, ready_task in self._loaded if ready_task is task)
            raise ModelNotFoundError(model, reason, sorted({EXACT, *ready}))
        return solver
