"""From a request to its response: all that the node does but its topics."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ik_nn_interfaces.srv import SolveIK, SolveIKPath
from ik_nn_ros.arguments import require_representatives
from ik_nn_ros.arm.continuation import carry_on
from ik_nn_ros.errors import IKError, InvalidRequestError, MissingPackageError
from ik_nn_ros.path import Branch, follow
from ik_nn_ros.ros.errors import FrameError
from ik_nn_ros.ros.faults import LINES_PERIOD, described
from ik_nn_ros.ros.frames import Frames
from ik_nn_ros.ros.messages import fill_error, fill_representatives, fill_solutions, joint_state
from ik_nn_ros.ros.moveit import fill_position_ik, fill_refusal, parse_position_ik
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.ros.path_messages import PathArguments, fill_trajectory, parse_path_request
from ik_nn_ros.ros.requests import SolveArguments, parse_request, parse_timeout
from ik_nn_ros.ros.solvers import Solvers
from ik_nn_ros.solutions import Solutions
from ik_nn_ros.stopping import Deadline, go_on, stopped_by


class Logger(Protocol):
    """What is used of ROS's logger."""

    def error(self, message: str, *, throttle_duration_sec: float) -> object:
        """Write a line, unless the latest one from the same place is younger [s]."""


@dataclass(frozen=True)
class Solved:
    """What there is to show of an answer.

    Attributes:
        model: that answered.
        solutions: at least one.
        solve_time: [s].
    """

    model: str
    solutions: Solutions
    solve_time: float

    def describe(self) -> str:
        """A line to be shown: the model, how many solutions, how good and how fast."""
        return (
            f"{self.model}: {len(self.solutions)} solutions, "
            f"errors up to {self.solutions.position_errors.max():.1e} m, "
            f"{1e3 * self.solve_time:.1f} ms"
        )


class Answering:
    """Answers requests one at a time. Whatever a request says, its response says how it went.

    The time that a request allows runs from its ``arrival``, on the monotonic clock [s]; where
    there is none given, from now.

    Args:
        solvers: with the parameters that it starts with.
        frames: what is known of other frames.
        logger: is told the faults that are not the client's.

    Attributes:
        settings: the parameters now; the fixed ones must stay those of ``solvers``.
    """

    def __init__(self, solvers: Solvers, frames: Frames, logger: Logger) -> None:
        self.settings: ServerParameters = solvers.settings
        self._solvers = solvers
        self._frames = frames
        self._logger = logger

    def solve_ik(
        self, request: SolveIK.Request, response: SolveIK.Response, arrival: float | None = None
    ) -> Solved | None:
        """Fill the response; what it shows, or None if it carries an error code."""
        try:
            return self._solve_ik(request, response, arrival)
        except Exception as error:
            self._refuse(response, error)
            return None

    def solve_ik_path(
        self,
        request: SolveIKPath.Request,
        response: SolveIKPath.Response,
        arrival: float | None = None,
    ) -> None:
        """Fill the response; where the path breaks or the time runs out, with what comes before."""
        start = time.monotonic()
        try:
            with stopped_by(Deadline(parse_timeout(request.timeout), arrival).check):
                self._solve_path(request, response)
        except Exception as error:
            self._refuse(response, error)
        response.solve_time = time.monotonic() - start

    def _solve_path(self, request: SolveIKPath.Request, response: SolveIKPath.Response) -> None:
        go_on()
        arm = self._solvers.arm
        arguments = parse_path_request(request, self.settings, arm, self._frames)
        positions: list[np.ndarray] = []
        try:
            self._collect_path(arguments, positions)
        finally:
            fill_trajectory(response, positions, arguments, arm, self._frames.base_frame)

    def get_position_ik(
        self, request: Any, response: Any, arrival: float | None = None
    ) -> SolveIK.Response:
        """Fill MoveIt's response; what our own service would have answered. See `moveit`.

        The seed state carried onto the pose, so that small moves of the pose move the joints a
        little; where its limits are in the way, the nearest of the solver's samples.
        """
        answer = SolveIK.Response()
        try:
            asked = parse_position_ik(request, self.settings.ignore_collisions)
        except InvalidRequestError as error:
            self._refuse(answer, error)
            fill_refusal(response, error)
            return answer
        try:
            if not self._carry_seed_state(asked, answer, arrival):
                self.solve_ik(asked, answer, arrival)
        except Exception as error:
            self._refuse(answer, error)
        fill_position_ik(response, answer)
        return answer

    def _carry_seed_state(
        self, request: SolveIK.Request, response: SolveIK.Response, arrival: float | None
    ) -> bool:
        """Fill the response with the seed state, carried onto the target; whether it is filled."""
        arm = self._solvers.arm
        try:
            with stopped_by(Deadline(parse_timeout(request.timeout), arrival).check):
                arguments = parse_request(request, self.settings, arm, self._frames)
                options, task = arguments.options, arguments.task
                if options.seed_state is None:
                    return False
                tolerances = options.position_tolerance, options.heading_tolerance
                seed_state = np.array(options.seed_state)
                reached = carry_on(arm, task, seed_state, arguments.target, *tolerances)
        except FrameError as error:  # whose transform was waited for, which is enough once
            self._refuse(response, error)
            return True
        except IKError:
            return False  # it will be told by whoever answers instead
        if reached.converged:
            response.error_code = SolveIK.Response.SUCCESS
            response.message = "the seed state, carried onto the target"
            response.best = joint_state(arm, reached.position)
            response.best.header.frame_id = self._frames.base_frame
        return reached.converged

    def _solve_ik(
        self, request: SolveIK.Request, response: SolveIK.Response, arrival: float | None
    ) -> Solved:
        with stopped_by(Deadline(parse_timeout(request.timeout), arrival).check):
            go_on()
            arguments = parse_request(request, self.settings, self._solvers.arm, self._frames)
            return self._solved(arguments, response)

    def _solved(self, arguments: SolveArguments, response: SolveIK.Response) -> Solved:
        solver = self._solvers.of(arguments.model, arguments.task)
        start = time.monotonic()
        solutions = solver.solve(
            arguments.target, arguments.num_samples, arguments.seed, arguments.options
        )
        if arguments.num_representatives > 0:  # before there is anything in the response
            require_representatives(arguments.num_representatives, len(solutions))
        # With the densities, which are computed here.
        fill_solutions(response, solutions)
        response.solve_time = time.monotonic() - start
        response.best.header.frame_id = self._frames.base_frame
        go_on()
        if arguments.num_representatives > 0:
            fill_representatives(response, solutions, arguments.num_representatives)
            go_on()
        return Solved(arguments.model, solutions, response.solve_time)

    def _collect_path(self, arguments: PathArguments, positions: list[np.ndarray]) -> None:
        """Write to the list as far as the path is found."""
        go_on()
        solver, options = self._solvers.of(arguments.model, arguments.task), arguments.options
        for position in follow(
            solver,
            arguments.targets,
            arguments.num_samples,
            seed=arguments.seed,
            position_tolerance=options.position_tolerance,
            heading_tolerance=options.heading_tolerance,
            seed_state=arguments.seed_state,
            max_joint_step=arguments.max_joint_step,
        ):
            positions.append(position)
        if arguments.closed:
            branch = Branch(solver.arm, solver.task, options, arguments.max_joint_step)
            positions[:] = branch.closed(np.stack(positions), arguments.targets)

    def _refuse(self, response: SolveIK.Response | SolveIKPath.Response, error: Exception) -> None:
        fill_error(response, error)
        # A missing package is mended by what the sentence says; a traceback would add nothing.
        told = isinstance(error, MissingPackageError)
        if response.error_code == SolveIK.Response.FAILURE and not told:
            self._logger.error(described(error), throttle_duration_sec=LINES_PERIOD)
