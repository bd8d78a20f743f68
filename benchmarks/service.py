"""What a user of the node sees: real processes over loopback DDS."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing.synchronize import Barrier, Event
from queue import Empty

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from visualization_msgs.msg import MarkerArray

from benchmarks.node import (
    PATIENCE,
    SAMPLES,
    Server,
    connected_client,
    example_request,
    ros_environment,
)
from benchmarks.service_results import Crowd, RoundTrips, ServiceResult
from benchmarks.size import Size
from benchmarks.start import first_answer, first_answer_ever, first_solution
from benchmarks.targets import DEFAULT_DOF, targets_of
from benchmarks.timing import Timing, seconds_of
from ik_nn_ros import IKSolver
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.client import IKClient
from measuring.stages import OnStage

NAMESPACE = "measured"
PAUSE = 0.05  # [s], of a client that does something with an answer


def measure_service(size: Size, on_stage: OnStage) -> ServiceResult:
    """Of a server with its default parameters."""
    with ros_environment():
        on_stage("starts")
        answers = [first_answer(f"start_{number}") for number in range(size.starts)]
        first_ever = first_answer_ever("first_start")
        solutions = [first_solution() for _ in range(size.starts)]
        with Server(NAMESPACE) as server, connected_client(NAMESPACE) as client:
            server.wait_for(client)
            time.sleep(1.0)
            idle_memory = server.memory()
            round_trips = _measure_round_trips(client, size, on_stage)
            crowds = [_measure_crowd(count, size, on_stage) for count in size.clients]
            used_memory = server.memory()
    return ServiceResult(
        samples=SAMPLES,
        round_trips=round_trips,
        crowds=crowds,
        first_answer_ever=first_ever,
        first_answer=Timing.of(answers),
        first_solution=Timing.of(solutions),
        idle_memory=idle_memory,
        used_memory=used_memory,
    )


def _measure_round_trips(client: IKClient, size: Size, on_stage: OnStage) -> list[RoundTrips]:
    """Of one client: nobody looks at the markers, or somebody does; at two paces of the client."""
    results = []
    for viewer, pause in itertools.product((False, True), (0.0, PAUSE)):
        on_stage(f"round trips, {'with' if viewer else 'without'} a viewer")
        with marker_viewer() if viewer else nullcontext():
            results.append(round_trips(client, size.requests, viewer, pause))
    return results


def round_trips(client: IKClient, requests: int, viewer: bool, pause: float) -> RoundTrips:
    """Of one client, with a pause [s] after each answer."""
    request = example_request()
    client.solve(request)
    whole, overhead = [], []
    for _ in range(requests):
        start = time.perf_counter()
        answer = client.solve(request)
        whole.append(time.perf_counter() - start)
        overhead.append(whole[-1] - answer.solve_time)
        time.sleep(pause)
    bare = bare_answers(requests, pause)
    return RoundTrips(viewer, pause, Timing.of(whole), Timing.of(overhead), Timing.of(bare))


def bare_answers(answers: int, pause: float) -> list[float]:
    """How long the solver itself takes for all that a response holds [s], in this process."""
    solver, target = IKSolver.from_pretrained(DEFAULT_DOF), targets_of(DEFAULT_DOF)[0]

    def answer() -> None:
        solutions = solver.solve(target, SAMPLES)
        _ = solutions.log_densities, solutions.weights, solutions.effective_share
        _ = solutions.off_distribution, solutions.robot_values

    answer()
    seconds = []
    for _ in range(answers):
        seconds.append(seconds_of(answer))
        time.sleep(pause)
    return seconds


@contextmanager
def marker_viewer() -> Iterator[None]:
    """A process that receives the markers of the latest answer, as RViz would."""
    spawn = multiprocessing.get_context("spawn")
    seen, done = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_watch, args=(seen, done))
    process.start()
    try:
        if not seen.wait(PATIENCE):
            raise TimeoutError(f"no markers within {PATIENCE:g} s")
        yield
    finally:
        done.set()
        process.join(PATIENCE)
        process.kill()


def _watch(seen: Event, done: Event) -> None:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("viewer")
    node.create_subscription(
        MarkerArray, f"/{NAMESPACE}/posterior_markers", lambda _: seen.set(), qos.LATCHED
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not done.is_set():
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()


def _measure_crowd(clients: int, size: Size, on_stage: OnStage) -> Crowd:
    on_stage(f"{clients} clients at once")
    spawn = multiprocessing.get_context("spawn")
    together, answers = spawn.Barrier(clients), spawn.Queue()
    each = -(-size.requests // clients)
    processes = [spawn.Process(target=_ask, args=(together, answers, each)) for _ in range(clients)]
    for process in processes:
        process.start()
    seconds: list[float] = []
    starts, ends = [], []
    while len(starts) < clients:
        try:
            start, end, own = answers.get(timeout=1.0)
        except Empty:
            if any(process.exitcode for process in processes):
                raise RuntimeError("a client ended before its requests were answered") from None
            continue
        starts.append(start)
        ends.append(end)
        seconds += own
    for process in processes:
        process.join(PATIENCE)
        process.kill()
    return Crowd(clients, Timing.of(seconds), len(seconds) / (max(ends) - min(starts)))


def _ask(together: Barrier, answers: multiprocessing.Queue, requests: int) -> None:
    """A client's process: when all are ready, ask and ask again."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    with connected_client(NAMESPACE) as client:
        client.wait_for_server(PATIENCE)
        request = example_request()
        client.solve(request)
        together.wait(PATIENCE)
        start = time.monotonic()  # one clock for all processes
        seconds = [seconds_of(lambda: client.solve(request)) for _ in range(requests)]
        answers.put((start, time.monotonic(), seconds))
    rclpy.try_shutdown()
