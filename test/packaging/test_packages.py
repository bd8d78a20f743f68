"""The two packages' files agree with one another and with the tree."""

import importlib.metadata
import re
import runpy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import setuptools

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "ik_nn_interfaces" / "srv" / "SolveIK.srv"
REQUIREMENT_FILES = sorted(ROOT.glob("requirements/*.txt"))
OLDEST = ROOT / "requirements" / "oldest.txt"
PINNED = re.compile(r'[\w.-]+(\[\w+\])?==[\w.+]+(; python_version (<|>=) "3\.1[12]")?')
IMPORT = re.compile(r"^ *(?:from|import) (\w+)[\w.]*(?: import .+| as \w+)?$", re.MULTILINE)
IMPORTED_AS = {"scikit-learn": "sklearn", "pyyaml": "yaml"}  # by rosdep's keys, too
# Imports of the package that rosdep has no key for, and those that are there on some machines only.
NO_ROSDEP_KEY = {"freia", "safetensors", "threadpoolctl", "torch"}
WHERE_INSTALLED = {"moveit_msgs"}

# moveit_msgs/MoveItErrorCodes
MOVEIT_CODES = {
    "SUCCESS": 1,
    "TIMED_OUT": -6,
    "INVALID_ROBOT_STATE": -17,
    "FRAME_TRANSFORM_FAILURE": -21,
    "NO_IK_SOLUTION": -31,
    "FAILURE": 99999,
}


@pytest.fixture
def build_definition(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    """What setup.py passes to setuptools."""
    definition: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", definition.update)
    runpy.run_path("setup.py")
    return definition


def imported_names(requirements: Iterable[str]) -> set[str]:
    """What the packages of requirements are imported as, in lower case."""
    names = {re.match(r"[\w-]+", line)[0].lower() for line in requirements}
    return {IMPORTED_AS.get(name, name) for name in names}


def rosdep_keys() -> set[str]:
    """What package.xml says that the installed package needs."""
    return {key.text for key in ElementTree.parse(ROOT / "package.xml").iter("exec_depend")}


def package_version(manifest: Path) -> str:
    return ElementTree.parse(manifest).findtext("version")


def is_installed(build_definition: Mapping[str, Any], path: str) -> bool:
    return (f"share/ik_nn_ros/{Path(path).parent}", [path]) in build_definition["data_files"]


@pytest.mark.parametrize("file", REQUIREMENT_FILES, ids=lambda file: file.stem)
def test_every_requirement_is_pinned(file):
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_no_package_is_pinned_twice_for_one_python():
    files = [file for file in REQUIREMENT_FILES if file != OLDEST]
    lines = [line for file in files for line in file.read_text().splitlines()]
    pins = [re.sub(r"==[^;]+", "", line) for line in lines if not line.startswith("#")]
    assert sorted(set(pins)) == sorted(pins)


def test_what_users_need_is_declared_from_the_oldest_tested_versions_on(build_definition):
    extras = build_definition["extras_require"]
    declared = {*build_definition["install_requires"], *extras["plot"], *extras["test"]}
    oldest = {line.partition(";")[0] for line in OLDEST.read_text().splitlines()}
    assert {line.partition(",")[0].replace(">=", "==") for line in declared} <= oldest
    assert {*extras["torch"], *extras["plot"]} < {*extras["train"]}


def test_of_numba_whose_private_names_are_used_no_newer_version_is_taken(build_definition):
    (numba,) = (line for line in build_definition["install_requires"] if line.startswith("numba"))
    pinned = (ROOT / "requirements" / "runtime.txt").read_text()
    (newest,) = re.findall("^numba==(.*)$", pinned, re.MULTILINE)
    assert numba.endswith(f",<={newest}")


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(("ik_nn_ros",), ("torch", "plot")), (("ik_nn_ros", "training", "measuring"), ("train",))],
    ids=["installed", "training"],
)
def test_all_that_is_imported_is_declared_to_pip_or_to_rosdep(build_definition, folders, extras):
    needed = build_definition["install_requires"] + [
        line for extra in extras for line in build_definition["extras_require"][extra]
    ]
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    imported = {name for file in files for name in IMPORT.findall(file.read_text())}
    others = imported - sys.stdlib_module_names - {*folders} - WHERE_INSTALLED
    from_pip = {name for name in others if name.lower() in imported_names(needed)}
    assert others - from_pip <= rosdep_keys()
    assert {name.lower() for name in from_pip} == imported_names(needed)


def test_rosdep_installs_what_it_knows_and_package_xml_names_the_rest(build_definition):
    extras = build_definition["extras_require"]
    needed = [*build_definition["install_requires"], *extras["torch"], *extras["plot"]]
    python_keys = {key for key in rosdep_keys() if key.startswith("python3-")}
    assert {f"python3-{name}" for name in imported_names(needed) - NO_ROSDEP_KEY} == python_keys
    text = (ROOT / "package.xml").read_text()
    comments = " ".join(re.findall(r"<!--(.*?)-->", text, re.DOTALL)).lower()
    assert all(name in comments for name in NO_ROSDEP_KEY)
    assert all((ROOT / file).is_file() for file in re.findall(r"requirements/\w+\.txt", comments))


def test_error_codes_are_unique_and_moveits_where_moveit_has_them():
    constants = re.findall(r"^int32 ([A-Z_]+) = (-?\d+)", SERVICE.read_text(), re.MULTILINE)
    codes = {name: int(value) for name, value in constants}
    assert len(codes) == len(constants) == len(set(codes.values()))
    assert MOVEIT_CODES.items() <= codes.items()


def test_both_packages_and_the_installed_one_have_one_version(build_definition):
    versions = {
        package_version(ROOT / "package.xml"),
        package_version(ROOT / "ik_nn_interfaces" / "package.xml"),
        build_definition["version"],
        importlib.metadata.version("ik_nn_ros"),
    }
    assert len(versions) == 1


def test_every_file_to_install_exists(build_definition):
    sources = [source for _, sources in build_definition["data_files"] for source in sources]
    assert [source for source in sources if not (ROOT / source).is_file()] == []


@pytest.mark.parametrize(
    "path", ["launch/ik_server.launch.py", "config/ik_server.yaml", "config/posterior.rviz"]
)
def test_what_the_node_is_started_with_is_installed(build_definition, path):
    assert is_installed(build_definition, path)


def test_all_of_ik_nn_ros_and_nothing_else_is_packaged(build_definition):
    initializers = (ROOT / "ik_nn_ros").rglob("__init__.py")
    packages = {".".join(path.parent.relative_to(ROOT).parts) for path in initializers}
    assert set(build_definition["packages"]) == packages


def test_every_executable_has_its_module(build_definition):
    scripts = build_definition["entry_points"]["console_scripts"]
    targets = [re.fullmatch(r"\w+ = ([\w.]+):(\w+)", script).groups() for script in scripts]
    missing = [
        (module, name)
        for module, name in targets
        if f"def {name}(" not in (ROOT / f"{module.replace('.', '/')}.py").read_text()
    ]
    assert targets and missing == []


@pytest.mark.parametrize("folder", ["launch", "config", "test"])
def test_folders_that_would_hide_a_module_of_the_same_name_are_no_packages(folder):
    assert list((ROOT / folder).rglob("__init__.py")) == []
