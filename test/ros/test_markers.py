"""Solutions as markers that RViz accepts."""

import dataclasses
import math
import time

import numpy as np
import pytest
import yaml
from geometry_msgs.msg import Point
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from visualization_msgs.msg import Marker, MarkerArray

from ik_nn_ros import IKSolver, PlanarArm
from ik_nn_ros.ros import qos
from ik_nn_ros.ros.marker_array import Shape, serialized
from ik_nn_ros.ros.markers import DENSITY_CLASSES, STYLES, posterior_markers, start_markers
from ik_nn_ros.ros.requests import CLICK_HEIGHT

TARGET = (1.8, 0.5)
REPEATS = 100
NAMESPACES = ["plane", "reach", "posterior", "best", "joints", "tcp", "hull", "target", "label"]


@pytest.fixture(scope="module")
def solver():
    return IKSolver.from_pretrained(4, "exact")


@pytest.fixture(scope="module")
def solutions(solver):
    """Without densities, as a cvae's."""
    return dataclasses.replace(solver.solve(TARGET, 50, seed=1), density=None)


@pytest.fixture
def draw(solver, solutions):
    """The markers of a namespace; of the solutions unless others are given."""

    def draw(namespace, solutions=solutions, arm=solver.arm, max_arms=50):
        markers = drawn(arm, solutions, "a line", max_arms)
        return [marker for marker in markers if marker.ns == namespace]

    return draw


def drawn(arm, solutions, label, max_arms):
    """What a viewer makes of the bytes that it receives."""
    message = posterior_markers(arm, solutions, label, "base_link", max_arms)
    return deserialize_message(message, MarkerArray).markers


def as_array(points):
    return np.array([(point.x, point.y) for point in points])


def as_links(markers, arms, joints):
    """Both ends of every link that line lists draw: (arms, joints, 2, 2) [m]."""
    lists = [as_array(marker.points).reshape(-1, joints, 2, 2) for marker in markers]
    links = np.concatenate(lists)
    assert len(links) == arms
    return links


def spread(tcps):
    """Solutions of a two-joint arm whose TCPs are given."""
    x, y = np.transpose(tcps)
    elbow = np.arccos((x**2 + y**2) / 2.0 - 1.0)
    positions = np.stack((np.arctan2(y, x) - elbow / 2.0, elbow), axis=1)
    return positions


def test_old_markers_go_before_new_ones_come(solver, solutions):
    clear, *markers = drawn(solver.arm, solutions, "", 50)
    assert clear.action == Marker.DELETEALL
    assert list(dict.fromkeys(marker.ns for marker in markers)) == NAMESPACES
    assert len({(marker.ns, marker.id) for marker in markers}) == len(markers)
    assert all(marker.header.frame_id == "base_link" for marker in markers)
    assert all(marker.header.stamp.sec == 0 for marker in markers)
    assert all(marker.pose.orientation.w == 1.0 for marker in markers)
    assert all(marker.color.a > 0.0 and marker.scale.x > 0.0 for marker in markers)


def test_one_line_list_holds_every_link_of_every_arm(draw, solver, solutions):
    (posterior,) = draw("posterior")
    assert posterior.type == Marker.LINE_LIST
    assert 0.0 < posterior.color.a < 1.0
    lines = as_links([posterior], 50, 4)
    chains = solver.arm.joint_positions(solutions.positions)
    np.testing.assert_allclose(lines[:, :, 0], chains[:, :-1])
    np.testing.assert_allclose(lines[:, :, 1], chains[:, 1:])


def test_the_likelier_arms_are_the_more_opaque(draw, solver, solutions):
    densities = np.random.default_rng(1).normal(size=50)
    markers = draw("posterior", dataclasses.replace(solutions, density=lambda: densities))
    assert [marker.id for marker in markers] == list(range(DENSITY_CLASSES))
    alphas = [marker.color.a for marker in markers]
    assert alphas == sorted(set(alphas))
    lines = as_links(markers, 50, 4)
    chains = solver.arm.joint_positions(solutions.positions[np.argsort(densities)])
    np.testing.assert_allclose(lines[:, :, 0], chains[:, :-1])
    np.testing.assert_allclose(lines[:, :, 1], chains[:, 1:])


def test_the_best_arm_its_joints_and_the_target_stand_out(draw, solver, solutions):
    chain = solver.arm.joint_positions(solutions.positions[0])
    for namespace, kind in (("best", Marker.LINE_STRIP), ("joints", Marker.SPHERE_LIST)):
        (marker,) = draw(namespace)
        assert (marker.type, marker.color.a) == (kind, 1.0)
        np.testing.assert_allclose(as_array(marker.points), chain)
    (target,) = draw("target")
    assert (target.pose.position.x, target.pose.position.y) == TARGET


def test_a_prescribed_heading_is_an_arrow_from_the_target():
    arm = PlanarArm.of_paper(4)
    solutions = IKSolver.exact(arm, "pose").solve((*TARGET, -0.3), 20, seed=1)
    (arrow,) = (one for one in drawn(arm, solutions, "", 20) if one.ns == "heading")
    assert (arrow.type, arrow.points) == (Marker.ARROW, [])
    assert (arrow.pose.position.x, arrow.pose.position.y) == TARGET
    turn = arrow.pose.orientation
    assert 2.0 * math.atan2(turn.z, turn.w) == pytest.approx(-0.3)
    assert arrow.scale.x > arrow.scale.y > 0.0


def test_without_a_heading_there_is_no_arrow(draw):
    assert draw("heading") == []


def test_few_arms_with_densities_make_no_marker_without_points(draw, solutions):
    """RViz would refuse it."""
    few = dataclasses.replace(solutions, density=lambda: np.arange(50.0))
    markers = draw("posterior", few, max_arms=2)
    assert [len(marker.points) for marker in markers] == [8, 8]


@pytest.mark.parametrize("max_arms", [1, 7, 1000])
def test_no_more_arms_are_drawn_than_allowed_and_the_best_is_among_them(draw, max_arms):
    (posterior,), (best,) = (draw(name, max_arms=max_arms) for name in ("posterior", "best"))
    arms = as_links([posterior], min(max_arms, 50), 4)
    np.testing.assert_array_equal(arms[0, :, 1], as_array(best.points)[1:])
    assert len({arm.tobytes() for arm in arms}) > 0.5 * len(arms)


def test_the_hull_is_around_all_but_the_furthest_three_percent(draw):
    angles = np.linspace(0.0, 2.0 * np.pi, 97, endpoint=False)
    near = TARGET + 0.1 * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    tcps = np.concatenate((near, np.tile((1.0, -0.5), (3, 1))))
    positions = spread(tcps)
    arm = PlanarArm((1.0, 1.0))
    solutions = IKSolver.from_pretrained(4, "exact").solve(TARGET, 1, seed=1)
    solutions = dataclasses.replace(solutions, positions=positions, density=None)
    (points,) = draw("tcp", solutions, arm, 100)
    np.testing.assert_allclose(as_array(points.points), tcps, atol=1e-9)
    (hull,) = draw("hull", solutions, arm, 100)
    corners = as_array(hull.points)
    np.testing.assert_array_equal(corners[0], corners[-1])
    np.testing.assert_allclose(np.linalg.norm(corners - TARGET, axis=1), 0.1, atol=1e-9)
    assert len(corners) == 97 + 1


def test_the_reach_is_a_circle_and_a_hole_where_there_is_one(draw):
    (outer,) = draw("reach")
    np.testing.assert_allclose(np.linalg.norm(as_array(outer.points), axis=1), 2.5)
    hole, outer = draw("reach", arm=PlanarArm((2.0, 0.5, 0.5, 0.5)))
    np.testing.assert_allclose(np.linalg.norm(as_array(hole.points), axis=1), 0.5)
    np.testing.assert_allclose(np.linalg.norm(as_array(outer.points), axis=1), 3.5)


def areas(triangles):
    """Areas of triangles (n, 3, 2) [m^2], positive where they turn counterclockwise."""
    sides = triangles[:, 1:] - triangles[:, :1]
    return 0.5 * (sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])


@pytest.mark.parametrize(
    ("arm", "area"),
    [
        (PlanarArm((0.5, 0.5)), np.pi),
        (PlanarArm((2.0, 0.5, 0.5)), np.pi * (9.0 - 1.0)),
        (PlanarArm((0.5, 1.0), base="rail"), 3.0 * 3.0),
    ],
    ids=["disc", "ring", "band of a rail"],
)
def test_all_of_the_reach_is_a_surface_that_can_be_clicked(draw, arm, area):
    """RViz's Publish Point gives nothing where nothing is drawn."""
    (plane,) = draw("plane", arm=arm, solutions=IKSolver.exact(arm).solve((1.0, 0.0), 1, seed=1))
    assert plane.type == Marker.TRIANGLE_LIST
    assert 0.0 < plane.color.a < 0.1
    assert (plane.scale.x, plane.scale.y, plane.scale.z) == (1.0, 1.0, 1.0)
    triangles = as_array(plane.points).reshape(-1, 3, 2)
    assert areas(triangles).min() > 0.0  # all of them seen from above, none without an area
    assert areas(triangles).sum() == pytest.approx(area, rel=1e-3)
    reach = arm.reach[1]
    assert -CLICK_HEIGHT * reach < plane.pose.position.z < 0.0


@pytest.mark.parametrize("scale", [0.06 / 3.5, 1000.0])
def test_arms_of_every_size_look_alike(scale):
    def seen(arm):
        solutions = IKSolver.exact(arm).solve((0.9 * arm.reach[1], 0.0), 20, seed=1)
        rows = []
        for marker in drawn(arm, solutions, "a line", 20)[1:]:
            place, size = marker.pose.position, marker.scale
            values = [place.x, place.y, place.z, *as_array(marker.points).ravel()]
            rows.append(np.array([*values, *([] if marker.ns == "plane" else [size.x, size.y])]))
        return np.concatenate(rows)

    paper = PlanarArm.of_paper(4)
    scaled = PlanarArm(tuple(scale * length for length in paper.link_lengths))
    np.testing.assert_allclose(seen(scaled), scale * seen(paper), rtol=1e-5, atol=1e-5 * scale)


def test_before_the_first_answer_there_is_an_arm_to_see_and_a_plane_to_click_on():
    limits = ((-1.0, 1.0), (0.5, 1.0), (-2.0, 1.0))
    arm = PlanarArm(
        (1.0, 0.5, 0.5), 0.5, joint_limits=limits, prior=("normal", "normal", "uniform")
    )
    clear, *markers = deserialize_message(
        start_markers(arm, "click", "base_link"), MarkerArray
    ).markers
    assert clear.action == Marker.DELETEALL
    shown = {marker.ns: marker for marker in markers}
    assert [*shown] == ["plane", "reach", "best", "joints", "label"]
    chain = arm.joint_positions(np.array((0.0, 0.5, -0.5)))
    np.testing.assert_allclose(as_array(shown["best"].points), chain)
    assert shown["label"].text == "click"


def test_every_namespace_is_switched_on_in_the_shipped_view(root):
    content = yaml.safe_load((root / "config" / "posterior.rviz").read_text())
    displays = content["Visualization Manager"]["Displays"]
    (shown,) = (one["Namespaces"] for one in displays if one["Name"] == "Posterior")
    assert shown == dict.fromkeys(STYLES, True)


def test_the_label_is_a_line_of_text_above_the_reach(draw):
    (label,) = draw("label")
    assert (label.type, label.text) == (Marker.TEXT_VIEW_FACING, "a line")
    assert label.pose.position.y > 2.5


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.text(max_size=9), st.none() | st.integers(1, 20)), max_size=5))
def test_what_is_serialized_in_pieces_is_the_message(described):
    """Whatever comes before the points: a text of any length shifts them."""
    shapes, markers = [], []
    for text, count in described:
        points = np.arange(2.0 * (count or 0)).reshape(-1, 2)
        markers.append(Marker(text=text, points=[Point(x=x, y=y) for x, y in points.tolist()]))
        shapes.append(Shape(Marker(text=text), None if count is None else points))
    whole = serialize_message(MarkerArray(markers=markers))
    pieces = serialized(shapes)
    assert len(pieces) == len(whole)
    assert deserialize_message(pieces, MarkerArray) == deserialize_message(whole, MarkerArray)


def test_a_thousand_arms_are_built_and_published(listener, figure):
    """How long it takes is measured, and no reason to fail."""
    solver = IKSolver.from_pretrained(6, "cvae")
    solutions = solver.solve((3.0, 0.5), 1000, seed=1)
    received = []
    publisher = listener.node.create_publisher(MarkerArray, "thousand_arms", qos.LATCHED)
    listener.node.create_subscription(MarkerArray, "thousand_arms", received.append, qos.LATCHED)
    listener.wait_until(lambda: publisher.get_subscription_count() > 0)
    build, publish = [], []
    for _ in range(REPEATS):
        start = time.perf_counter()
        message = posterior_markers(solver.arm, solutions, "a line", "base_link", 1000)
        built = time.perf_counter()
        publisher.publish(message)
        publish.append(1e3 * (time.perf_counter() - built))
        build.append(1e3 * (built - start))
    listener.wait_until(lambda: received)
    (posterior,) = (marker for marker in received[-1].markers if marker.ns == "posterior")
    assert len(posterior.points) == 1000 * 6 * 2
    figure(
        arms=1000,
        build_ms=float(np.median(build)),
        build_least_ms=min(build),
        publish_ms=float(np.median(publish)),
        publish_least_ms=min(publish),
    )


def test_nothing_in_the_markers_is_not_a_number(draw):
    for marker in (marker for namespace in NAMESPACES for marker in draw(namespace)):
        assert np.isfinite(as_array(marker.points)).all()
        assert all(math.isfinite(value) for value in (marker.scale.x, marker.color.a))
