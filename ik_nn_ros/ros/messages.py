"""The service's messages in the core's terms and back: pure functions, no node needed."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import JointState

from ik_nn_interfaces.srv import SolveIK
from ik_nn_ros.errors import (
    InvalidRequestError,
    ModelNotFoundError,
    NoSolutionError,
    UnreachableTargetError,
)
from ik_nn_ros.ros.errors import FrameError, RequestRefusedError, TimedOutError
from ik_nn_ros.ros.parameters import ServerParameters
from ik_nn_ros.solver import IKSolver, Solutions

ERROR_CODES = {
    InvalidRequestError: SolveIK.Response.INVALID_REQUEST,
    UnreachableTargetError: SolveIK.Response.NO_IK_SOLUTION,
    NoSolutionError: SolveIK.Response.NO_IK_SOLUTION,
    ModelNotFoundError: SolveIK.Response.MODEL_NOT_FOUND,
    FrameError: SolveIK.Response.FRAME_TRANSFORM_FAILURE,
    TimedOutError: SolveIK.Response.TIMED_OUT,
}


@dataclass(frozen=True)
class SolveArguments:
    """A request with the server's defaults filled in.

    Attributes:
        model: the model's name.
        target: (x, y) [m].
        num_samples: samples to draw.
        seed: None: fresh randomness.
        refine: whether samples are projected onto the target.
        position_tolerance: largest error of a refined solution [m].
        seed_state: (dof,) [rad], solutions come nearest to it first; or None.
        allow_approximate: whether the nearest reachable point will do.
        timeout: [s]; infinite where there is none.
    """

    model: str
    target: tuple[float, float]
    num_samples: int
    seed: int | None
    refine: bool
    position_tolerance: float
    seed_state: tuple[float, ...] | None
    allow_approximate: bool
    timeout: float

    def solve_with(self, solver: IKSolver) -> Solutions:
        """The solver's answer; its errors are those of `IKSolver.solve`."""
        return solver.solve(
            self.target,
            self.num_samples,
            seed=self.seed,
            refine=self.refine,
            position_tolerance=self.position_tolerance,
            seed_state=self.seed_state,
            allow_approximate=self.allow_approximate,
        )


@dataclass(frozen=True)
class Answer:
    """A successful response.

    Attributes:
        joint_names: of the columns of ``positions``.
        positions: (n, dof) [rad], best first.
        position_errors: (n,) [m].
        log_densities: (n,) [nats], or None where the model has none.
        message: how it went, for a person.
        solve_time: [s].
    """

    joint_names: tuple[str, ...]
    positions: np.ndarray
    position_errors: np.ndarray
    log_densities: np.ndarray | None
    message: str
    solve_time: float


def joint_names(dof: int) -> list[str]:
    """joint_1 to joint_N, from the base to the TCP."""
    return [f"joint_{index}" for index in range(1, dof + 1)]


def parse_request(request: SolveIK.Request, parameters: ServerParameters) -> SolveArguments:
    """Check what ROS adds to a request, and fill in the defaults.

    Raises:
        FrameError: the target is in another frame.
        InvalidRequestError: the target is not in the plane, too many samples, a seed state that
            does not fit the arm, a negative timeout.
    """
    return SolveArguments(
        model=request.model or parameters.model,
        target=_parse_target(request, parameters.base_frame),
        num_samples=_parse_num_samples(request.num_samples, parameters),
        seed=request.random_seed or None,
        refine=parameters.refine and not request.raw,
        position_tolerance=request.position_tolerance or parameters.position_tolerance,
        seed_state=_parse_seed_state(request.seed_state, parameters.dof),
        allow_approximate=request.allow_approximate,
        timeout=_parse_timeout(request),
    )


def fill_solutions(response: SolveIK.Response, solutions: Solutions) -> None:
    """Write solutions into a response."""
    response.error_code = SolveIK.Response.SUCCESS
    response.message = _describe(solutions)
    response.joint_names = joint_names(solutions.positions.shape[1])
    response.positions = _flat(solutions.positions)
    response.position_errors = _flat(solutions.position_errors)
    if solutions.log_densities is not None:
        response.log_densities = _flat(solutions.log_densities)
    response.best = JointState(
        name=response.joint_names, position=response.positions[: len(response.joint_names)]
    )


def fill_error(response: SolveIK.Response, error: Exception) -> None:
    """Write what went wrong into a response; solutions that it already has stay."""
    response.error_code = error_code(error)
    response.message = str(error)
    if response.error_code == SolveIK.Response.FAILURE:
        response.message = f"internal error: {type(error).__name__}: {error}"


def error_code(error: Exception) -> int:
    """The constant of SolveIK.Response for an error; FAILURE for one that is not the client's."""
    if isinstance(error, InvalidRequestError) and error.field == "seed_state":
        return SolveIK.Response.INVALID_ROBOT_STATE
    return ERROR_CODES.get(type(error), SolveIK.Response.FAILURE)


def parse_response(response: SolveIK.Response) -> Answer:
    """Read a response.

    Raises:
        RequestRefusedError: it carries an error code.
    """
    if response.error_code != SolveIK.Response.SUCCESS:
        raise RequestRefusedError(response.error_code, response.message)
    return Answer(
        joint_names=tuple(response.joint_names),
        positions=np.asarray(response.positions).reshape(-1, len(response.joint_names)),
        position_errors=np.asarray(response.position_errors),
        log_densities=np.asarray(response.log_densities) if response.log_densities else None,
        message=response.message,
        solve_time=response.solve_time,
    )


def _parse_target(request: SolveIK.Request, base_frame: str) -> tuple[float, float]:
    frame = request.target.header.frame_id
    if frame not in ("", base_frame):
        raise FrameError(frame, base_frame)
    point = request.target.point
    if point.z != 0.0:
        raise InvalidRequestError("target", f"z must be 0 m, the arm is planar, got {point.z}")
    return point.x, point.y


def _parse_num_samples(num_samples: int, parameters: ServerParameters) -> int:
    if num_samples > parameters.max_samples:
        raise InvalidRequestError(
            "num_samples",
            f"must be at most {parameters.max_samples}, or 0 for {parameters.num_samples}, "
            f"got {num_samples}",
        )
    return num_samples or parameters.num_samples


def _parse_seed_state(state: JointState, dof: int) -> tuple[float, ...] | None:
    """Positions in the order of the joints: by name where there are names."""
    if not state.name and not state.position:
        return None
    if not state.name:
        if len(state.position) != dof:
            raise InvalidRequestError(
                "seed_state", f"must have {dof} positions, got {len(state.position)}"
            )
        return tuple(state.position)
    names = joint_names(dof)
    if sorted(state.name) != sorted(names) or len(state.position) != dof:
        raise InvalidRequestError(
            "seed_state",
            f"must have one position for each of {', '.join(names)}, got "
            f"{len(state.position)} for {', '.join(state.name)}",
        )
    by_name = dict(zip(state.name, state.position, strict=True))
    return tuple(by_name[name] for name in names)


def _parse_timeout(request: SolveIK.Request) -> float:
    seconds = request.timeout.sec + request.timeout.nanosec * 1e-9
    if seconds < 0.0:
        raise InvalidRequestError("timeout", f"must not be negative, 0 is none, got {seconds} s")
    return seconds or math.inf


def _describe(solutions: Solutions) -> str:
    x, y = solutions.target
    text = f"{len(solutions)} solutions, {solutions.num_rejected} samples rejected"
    if solutions.approximate_distance > 0.0:
        text += (
            f", for the nearest reachable point ({x:.4f}, {y:.4f}) m, "
            f"{solutions.approximate_distance:.4f} m from the target"
        )
    return text


def _flat(values: np.ndarray) -> array:
    # The message takes an array over as it is; a list would be checked number by number.
    return array("d", values.tobytes())
