"""What is no URDF, or no planar arm, is refused in a sentence that names the joint; quickly."""

import os
import time
from pathlib import Path

import pytest

from ik_nn_ros import IKError, PlanarArm
from ik_nn_ros.arm.urdf import MOST_BYTES
from ik_nn_ros.errors import InvalidArmError, UrdfError

FOLDER = Path(__file__).parent / "urdf"
LINKS = "".join(f'<link name="{name}"/>' for name in "abcd")
Z = '<axis xyz="0 0 1"/>'


def joint(name: str, parent: str, child: str, kind: str = "continuous", inner: str = Z) -> str:
    ends = f'<parent link="{parent}"/><child link="{child}"/>'
    origin = "" if "<origin" in inner else '<origin xyz="0.4 0 0"/>'
    return f'<joint name="{name}" type="{kind}">{ends}{origin}{inner}</joint>'


def robot(*joints: str, links: str = LINKS) -> str:
    return f'<robot name="r">{links}{"".join(joints)}</robot>'


def arm_with(inner: str, kind: str = "continuous") -> str:
    """Two good joints about z and, between them, one to be judged."""
    return robot(
        joint("first", "a", "b"),
        joint("judged", "b", "c", kind, inner),
        joint("last", "c", "d"),
        joint("tool", "d", "e", "fixed"),
        links=LINKS + '<link name="e"/>',
    )


LIMIT = '<limit lower="-1" upper="1" effort="1" velocity="1"/>'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE robot [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">'.replace("&a0;", "&a;") for i in range(1, 12))
    + ']><robot name="&a11;"/>'
)
OUTSIDE = '<!DOCTYPE robot [<!ENTITY x SYSTEM "file:///etc/passwd">]><robot name="r">&x;</robot>'

NO_URDF = {
    "entities within entities": (BOMB, None, "document type"),
    "an entity from outside": (OUTSIDE, None, "document type"),
    "a document type": ('<!DOCTYPE robot SYSTEM "http://a.invalid/b.dtd"><robot/>', None, "type"),
    "no XML": ("<robot", None, "is not XML"),
    "no text": (b"\xff\xfe\x00<", None, "is not XML"),
    "an encoding that is none": (b'<?xml version="1.0" encoding="moon"?><robot/>', None, "not XML"),
    "too many bytes": (b"<robot>" + b" " * MOST_BYTES, None, "bytes"),
    "elements in one another": ("<robot>" + "<link>" * 100_000, None, "in one another"),
    "elements by the million": ("<robot>" + "<a/>" * 1_000_000, None, "at most 100000 elements"),
    "another kind of file": ('<sdf version="1.7"/>', None, "<robot>, got <sdf>"),
    "a macro": ('<robot><xacro:include filename="x"/></robot>', None, "xacro FILE"),
    "no links": ("<robot/>", None, "which link is the base"),
    "a link without a name": ("<robot><link/></robot>", None, "must have a name"),
    "a name twice": (robot(links=LINKS + '<link name="a"/>'), "a", "is the name of 2 links"),
    "a joint's name twice": (
        robot(joint("j", "a", "b"), joint("j", "b", "c")),
        "j",
        "is the name of 2 joints",
    ),
    "a link that is missing": (robot(joint("j", "a", "z")), "j", "child link that is not there"),
    "no parent": ('<robot><link name="a"/><joint name="j"/></robot>', "j", "parent link"),
    "two parents": (robot(joint("i", "a", "c"), joint("j", "b", "c")), "c", "by two joints"),
    "several tips": (
        robot(joint("i", "a", "b"), joint("j", "a", "c"), joint("k", "a", "d")),
        None,
        r"is the tip \(tip=...\), there are 3: b, c, d",
    ),
    "several bases": (robot(joint("i", "a", "b")), None, "is the base .* there are 3: a, c, d"),
    "a circle": (
        robot(joint("i", "b", "c"), joint("j", "c", "d"), joint("k", "d", "b")),
        None,
        "is the tip .* there is none",
    ),
}
NO_ARM = {
    "words": (arm_with('<origin xyz="0,4 0 0"/>' + Z), "judged", "xyz='0,4 0 0' in <origin>"),
    "two numbers": (arm_with('<origin rpy="0 0"/>' + Z), "judged", "must be 3 numbers"),
    "no number": (arm_with('<origin xyz="nan 0 0"/>' + Z), "judged", "must be 3 numbers"),
    "no end": (arm_with('<origin xyz="inf 0 0"/>' + Z), "judged", "must be 3 numbers"),
    "too far": (arm_with('<origin xyz="1e300 0 0"/>' + Z), "judged", "at most 1e"),
    "Python's numbers": (arm_with('<origin xyz="1_0 0 0"/>' + Z), "judged", "3 numbers"),
    "no axis": (arm_with('<axis xyz="0 0 0"/>'), "judged", "axis without direction"),
    "no limits": (arm_with(Z, "revolute"), "judged", "must have limits"),
    "limits of a wall": (
        arm_with(Z + '<limit lower="1" upper="-1"/>', "revolute"),
        "judged",
        "no motion: 1 to -1",
    ),
    "limits left out": (arm_with(Z + "<limit/>", "revolute"), "judged", "no motion: 0 to 0"),
    "too many turns": (
        arm_with(Z + '<limit lower="-1e5" upper="1e5"/>', "revolute"),
        "judged",
        "turns apart: they are in radians; else it is to be continuous",
    ),
    "a speed below nothing": (
        arm_with(Z + '<limit lower="-1" upper="1" velocity="-2"/>', "revolute"),
        "judged",
        "velocity",
    ),
    "mimic": (arm_with(Z + '<mimic joint="first"/>'), "judged", "mimics 'first'"),
    "planar": (arm_with(Z, "planar"), "judged", "the type 'planar'"),
    "floating": (arm_with(Z, "floating"), "judged", "the type 'floating'"),
    "spherical": (arm_with(Z, "spherical"), "judged", "the type 'spherical'"),
    "no type": (arm_with(Z, ""), "judged", "the type ''"),
    "skew": (arm_with('<axis xyz="0 1 1"/>'), "judged", "45 degrees off that of 'first'"),
    "hardly skew": (arm_with('<axis xyz="0 0.0001 1"/>'), "judged", "is skew"),
    "a slide within the plane": (
        arm_with('<axis xyz="1 0 0"/>' + LIMIT, "prismatic"),
        "judged",
        "slides within the arm's plane",
    ),
    "a slanting slide": (
        arm_with('<axis xyz="1 0 1"/>' + LIMIT, "prismatic"),
        "judged",
        "slides 45 degrees off the axis of 'first'",
    ),
    "one axis twice": (
        arm_with('<origin xyz="0 0 0.2"/>' + Z),
        "first",
        "turns about the axis of 'judged'",
    ),
    "one joint": (
        robot(joint("j", "a", "b"), links='<link name="a"/><link name="b"/>'),
        None,
        "tip",
    ),
    "one joint that matters": (
        robot(joint("i", "a", "b"), joint("j", "b", "c"), joint("k", "c", "d", "fixed", Z)).replace(
            'name="k" type="fixed"><parent link="c"/><child link="d"/><origin xyz="0.4 0 0"/>',
            'name="k" type="fixed"><parent link="c"/><child link="d"/>',
        ),
        "d",
        "is moved by 'i' alone",
    ),
    "no joint that turns": (
        robot(
            joint("i", "a", "b", "prismatic", '<axis xyz="1 0 0"/>' + LIMIT),
            joint("j", "b", "c", "prismatic", '<axis xyz="0 1 0"/>' + LIMIT),
            joint("k", "c", "d", "fixed"),
        ),
        None,
        "no revolute or continuous joint",
    ),
    "a prior that is none": (arm_with(Z + '<ik_prior prior="flat"/>'), "judged", "prior 'flat'"),
    "a prior of words": (
        arm_with(Z + '<ik_prior prior="normal" std="wide"/>'),
        "judged",
        "std='wide' in <ik_prior>",
    ),
}
OPTIONS = {
    "a link that is none": ({"tip": "hand"}, "hand", "is no link, and cannot be the tip"),
    "a base above the tip": ({"base": "c", "tip": "b"}, "b", "chain above it begins at 'a'"),
    "base and tip in one": ({"base": "b", "tip": "b"}, None, "no revolute or continuous joint"),
    "to hold what is not there": ({"held": {"gripper": 0.0}}, "gripper", "cannot be held"),
    "to hold beyond a limit": ({"held": {"judged": 2.0}}, "judged", "within -1 to 1, got 2.0"),
    "to hold a word": ({"held": {"judged": "up"}}, "judged", "got 'up'"),
    "no task": ({"task": "grasp"}, None, "position or pose"),
    "a prior of another": ({"prior": {"hand": "normal"}}, "hand", "does not move the tip"),
    "no prior": ({"prior": "flat"}, "first", "prior 'flat'"),
    "a normal prior of any width": ({"prior": "normal"}, "first", "needs a deviation"),
    "a uniform prior of some": ({"prior": "uniform", "prior_std": 1.0}, "first", "no deviation"),
    "no deviation": ({"prior_std": {"judged": 0.0}}, "judged", "positive number"),
    "a mean of words": ({"prior_std": 1.0, "prior_mean": "left"}, "first", "must be a number"),
}


def assert_refused(error: UrdfError, name: str | None, sentence: str) -> None:
    assert isinstance(error, InvalidArmError) and isinstance(error, IKError)
    assert error.reason in str(error)
    assert name is None or error.name == name
    assert len(str(error)) < 500


@pytest.mark.parametrize(("text", "name", "sentence"), NO_URDF.values(), ids=NO_URDF)
def test_what_is_no_urdf_is_refused_quickly(text, name, sentence):
    start = time.process_time()  # of a processor, which others may use, too
    with pytest.raises(UrdfError, match=sentence) as refused:
        PlanarArm.from_urdf(text)
    assert time.process_time() - start < 2.0
    assert_refused(refused.value, name, sentence)


@pytest.mark.parametrize(("text", "name", "sentence"), NO_ARM.values(), ids=NO_ARM)
def test_what_is_no_planar_arm_is_refused_by_its_joint(text, name, sentence):
    with pytest.raises(UrdfError, match=sentence) as refused:
        PlanarArm.from_urdf(text)
    assert_refused(refused.value, name, sentence)


@pytest.mark.parametrize(("options", "name", "sentence"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_make_no_sense_are_refused(options, name, sentence):
    text = arm_with(Z + LIMIT, "revolute")
    assert PlanarArm.from_urdf(text).dof == 3
    with pytest.raises(UrdfError, match=sentence) as refused:
        PlanarArm.from_urdf(text, **options)
    assert_refused(refused.value, name, sentence)


def test_a_circle_of_links_is_refused_wherever_it_begins():
    ring = robot(joint("i", "b", "c"), joint("j", "c", "d"), joint("k", "d", "b"))
    with pytest.raises(UrdfError, match="goes round in a circle"):
        PlanarArm.from_urdf(ring, base="a", tip="d")


def test_a_robot_of_skew_axes_is_refused_by_the_name_of_the_first_skew_joint():
    with pytest.raises(UrdfError, match="90 degrees off that of 'shoulder_pan_joint'") as refused:
        PlanarArm.from_urdf(FOLDER / "ur5.urdf")
    assert refused.value.name == "shoulder_lift_joint"


def test_joints_beside_the_chain_may_be_of_any_kind():
    aside = '<link name="f"/>' + joint("gripper", "a", "f", "floating", '<mimic joint="first"/>')
    text = arm_with(Z).replace("</robot>", f"{aside}</robot>")
    assert PlanarArm.from_urdf(text, tip="e").joint_names == ("first", "judged", "last")


def test_a_right_angle_written_as_1_5708_is_one():
    text = arm_with('<origin xyz="0.4 0 0" rpy="1.5708 0 0"/><axis xyz="0 1 0"/>')
    upright = text.replace('<child link="d"/><origin', '<child link="d"/><origin rpy="-1.5708 0 0"')
    assert PlanarArm.from_urdf(upright).dof == 3


@pytest.mark.parametrize(
    "path", ["missing.urdf", "folder", "pipe", "/dev/zero", "a\0b", "x" * 5000]
)
def test_what_is_no_file_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UrdfError, match="cannot be read|is no file"):
        PlanarArm.from_urdf(path)
    with pytest.raises(UrdfError, match="cannot be read|is no file"):
        PlanarArm.from_urdf(Path(path))
