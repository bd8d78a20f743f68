"""Arms of one's own from YAML files and URDFs."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from ik_nn_ros import ArmFileError, PlanarArm, load_arm
from ik_nn_ros.arm.files import urdf_of_file
from ik_nn_ros.errors import UrdfError

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "urdf"
CONFIGS = sorted((ROOT / "config" / "train").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_the_arm_of_a_training_is_read(path):
    fields = yaml.safe_load(path.read_text())["arm"]
    assert load_arm(path) == PlanarArm.from_dict(fields)


@pytest.mark.parametrize("suffix", [".urdf", ".xml", ".URDF"])
def test_a_urdf_is_read_with_its_links(suffix, tmp_path):
    path = tmp_path / f"robot{suffix}"
    path.write_bytes((FOLDER / "scara.urdf").read_bytes())
    expected = PlanarArm.from_urdf(path, base="base_link", tip="tool0")
    assert load_arm(path, base="base_link", tip="tool0") == load_arm(
        str(path), "base_link", "tool0"
    )
    assert load_arm(path, base="base_link", tip="tool0") == expected


def test_a_yaml_file_beside_a_urdf_says_links_and_priors(tmp_path):
    (tmp_path / "scara.urdf").write_bytes((FOLDER / "scara.urdf").read_bytes())
    path = tmp_path / "arm.yml"
    path.write_text(
        "arm:\n  urdf: scara.urdf\n  tip_link: tool0\n  task: pose\n  held: {joint_3: 0.1}\n"
        "  prior_std: {joint_2: 0.5}\n  prior_mean: {joint_2: -0.4}\n"
    )
    arm = load_arm(path)
    assert arm.joint_names == ("joint_1", "joint_2", "joint_4")
    assert arm.prior_std == (None, 0.5, None)
    assert arm.mount.held == {"joint_3": 0.1}
    assert arm.mount.base_link == "world"
    assert load_arm(path, base="base_link").mount.base_link == "base_link"


def test_a_urdf_that_a_file_names_may_be_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "robot.urdf").write_bytes((FOLDER / "planar_3r.urdf").read_bytes())
    path = tmp_path / "elsewhere" / "arm.yaml"
    path.parent.mkdir()
    path.write_text("arm: {urdf: ~/robot.urdf}")
    assert load_arm(path) == load_arm(tmp_path / "robot.urdf")
    assert urdf_of_file(path) == tmp_path / "robot.urdf"


def test_an_arm_of_its_own_keeps_what_is_said_of_its_mount(tmp_path):
    path = tmp_path / "arm.yaml"
    path.write_text("arm: {link_lengths: [0.4, 0.3], mount: {signs: [1, -1], xyz: [0, 0, 0.2]}}")
    values = load_arm(path).mount.robot_values(np.array([0.1, 0.2]))
    np.testing.assert_array_equal(values, [0.1, -0.2])


ALIASES = "a: &a [1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in pairwise("abcdefghi")
)
REFUSED = {
    "missing.yaml": (None, "No such file"),
    "missing.urdf": (None, "No such file"),
    "robot.urdf.xacro": ("<robot/>", "`xacro robot.urdf.xacro > robot.urdf`"),
    "robot.sdf": ("<sdf/>", "must be YAML"),
    "robot": ("", "must be YAML"),
    "empty.yaml": ("", "section `arm`"),
    "list.yaml": ("[1, 2]", "section `arm`"),
    "word.yaml": ("arm: long", "section `arm`"),
    "broken.yaml": ("arm: {", "is not YAML"),
    "object.yaml": ("arm: !!python/object/apply:os.getcwd []", "is not YAML"),
    "binary.yaml": ("arm: \0", "is not YAML"),
    "deep.yaml": ("[" * 1000, "is not YAML"),
    "twice.yaml": (
        "arm: {link_lengths: [1, 1]}\narm: {}",
        "is not YAML: found 2 times the key 'arm'",
    ),
    "date.yaml": ("arm: 2020-99-99", "is not YAML: month must be in 1..12"),
    "digits.yaml": ("arm: " + "9" * 5000, "is not YAML: Exceeds the limit"),
    "aliases.yaml": (ALIASES, "must stand for at most 100000 values"),
    "itself.yaml": ("arm: &a {mount: *a}", "must stand for at most 100000 values"),
    "large.yaml": ("# " + "x" * 1_000_000, "at most 1000000 bytes"),
    "unknown.yaml": ("arm: {link_length: [1, 1]}", "unknown key link_length; allowed: link_leng"),
    "nothing.yaml": ("arm: {}", "wrong type"),
    "degrees.yaml": (
        "arm: {link_lengths: [1, 1], joint_limits: [[-180, 180], [-1, 1]]}",
        "joint joint_1: joint_limits are in radians, at most 10 turns apart, got -180 and 180",
    ),
    "wrong.yaml": ("arm: {link_lengths: 3}", "link_lengths must be"),
    "mount.yaml": ("arm: {link_lengths: [1, 1], mount: 3}", "fields of a Mount"),
    "key.yaml": ("arm: {urdf: a.urdf, link_lengths: [1, 1]}", "unknown key link_lengths"),
    "gone.yaml": ("arm: {urdf: a.urdf}", "a.urdf cannot be read: No such file"),
    "number.yaml": ("arm: {urdf: 3}", "`urdf` is no path"),
    "held.yaml": ("arm: {urdf: ok.urdf, held: all}", "held must be values"),
    "link.yaml": ("arm: {urdf: ok.urdf, tip_link: [a]}", "wrong type"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_says_no_arm_is_refused(name, tmp_path):
    content, sentence = REFUSED[name]
    (tmp_path / "ok.urdf").write_bytes((FOLDER / "planar_3r.urdf").read_bytes())
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(ArmFileError, match=sentence) as refused:
        load_arm(tmp_path / name)
    assert refused.value.path == tmp_path / name
    assert len(str(refused.value)) < 700


def test_the_joint_at_fault_is_in_the_cause():
    with pytest.raises(ArmFileError, match="shoulder_lift_joint") as refused:
        load_arm(FOLDER / "ur5.urdf")
    assert isinstance(refused.value.__cause__, UrdfError)
    assert refused.value.__cause__.name == "shoulder_lift_joint"


def test_links_are_of_a_urdf_only():
    with pytest.raises(ArmFileError, match="names no `urdf`"):
        load_arm(CONFIGS[0], tip="tool0")
