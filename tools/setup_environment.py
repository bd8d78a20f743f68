"""Make .venv with all that the project needs, or bring it up to date; seconds when nothing changed.

`make environment` runs it with the interpreter that .venv is to have; it needs the standard library
only. `make test-oldest` runs it with --oldest: that makes .venv-oldest, where the package has the
oldest versions that it allows, and no PyTorch. Each step leaves a stamp with a fingerprint of its
inputs when it is complete, so that a step whose inputs changed, or that was interrupted, runs
again. The syntax stays within Python 3.6: an interpreter too old for the project shall reach the
message that says so.
"""

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OLDEST = "--oldest" in sys.argv[1:]
VENV = ROOT / (".venv-oldest" if OLDEST else ".venv")
PYTHON = VENV / "bin" / "python"
STATE = VENV / "setup"

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 12) if OLDEST else (3, 13)
CPP_COMPILERS = ("c++", "g++", "clang++")

REQUIREMENTS = ROOT / "requirements"
ROS_FILES = ("ros.txt", "build.txt")
REQUIREMENT_FILES = (
    "runtime.txt",
    "torch.txt",
    "plot.txt",
    *ROS_FILES,
    "train.txt",
    "test.txt",
    "develop.txt",
)
INTERFACES = ROOT / "ik_nn_interfaces"
BUILD_DEFINITION = tuple(ROOT / name for name in ("setup.py", "setup.cfg", "package.xml"))


class SetupError(Exception):
    """The set-up cannot go on; the message tells the user why."""


class Step(NamedTuple):
    """A part of the set-up, run again when its fingerprint changes."""

    name: str
    announcement: str
    fingerprint: str
    action: Callable


def main() -> int:
    """Set up the environment; return the exit status."""
    try:
        check_platform()
        set_up()
    except SetupError as error:
        print(f"Set-up failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up interrupted; the next one goes on from here", file=sys.stderr)
        return 130
    return 0


def check_platform() -> None:
    """Raise SetupError unless the pinned wheels exist for this interpreter and machine."""
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        oldest, newest = (".".join(map(str, version)) for version in (OLDEST_PYTHON, NEWEST_PYTHON))
        raise SetupError(
            f"this is Python {platform.python_version()} ({sys.executable}), but Python {oldest} "
            f"to {newest} is needed; choose one, for example with: make PYTHON=python{newest} ..."
        )
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SetupError(
            f"this is {sys.platform} on {platform.machine()}, but the ROS 2 wheels exist for Linux "
            "on x86_64 only; elsewhere, build with colcon in a sourced ROS 2 Jazzy"
        )


def check_tools() -> None:
    """Raise SetupError unless a virtual environment and a Python extension can be made."""
    if find_spec("ensurepip") is None:
        raise SetupError(
            f"{sys.executable} lacks ensurepip, which makes virtual environments; "
            "on Debian and Ubuntu: apt install python3-venv"
        )
    compilers = (*shlex.split(os.environ.get("CXX", ""))[:1], *CPP_COMPILERS)
    if not any(map(shutil.which, compilers)):
        raise SetupError(
            f"no C++ compiler on the PATH (looked for {', '.join(compilers)}); "
            "on Debian and Ubuntu: apt install g++"
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise SetupError(
            f"{sys.executable} lacks its C headers (Python.h); "
            "on Debian and Ubuntu: apt install python3-dev"
        )


def set_up() -> None:
    """Run every step that is not complete, after making .venv where it does not work."""
    steps = [
        Step(
            "packages",
            "Installing the pinned packages (the first time, this downloads for some minutes)",
            fingerprint(REQUIREMENTS, *BUILD_DEFINITION),
            install_packages,
        ),
        Step(
            "interfaces",
            "Building ik_nn_interfaces",
            fingerprint(REQUIREMENTS, INTERFACES),
            build_interfaces,
        ),
        Step(
            "project",
            "Installing ik_nn_ros",
            fingerprint(REQUIREMENTS, *BUILD_DEFINITION),
            install_project,
        ),
    ]
    if all(map(is_complete, steps)):
        return
    check_tools()
    if not environment_works():
        announce(f"Making {VENV.name} with Python {platform.python_version()}")
        make_environment()
    STATE.mkdir(exist_ok=True)
    for step in steps:
        if not is_complete(step):
            run_step(step)


def fingerprint(*inputs: Path) -> str:
    """Hash files and folders, together with all else that a step's result depends on."""
    digest = hashlib.sha256(repr((str(VENV), sys.version_info[:2])).encode())
    for path in (Path(__file__), *inputs):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in filter(Path.is_file, files):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(ROOT)} {len(content)} ".encode() + content)
    return digest.hexdigest()


def stamp(step: Step) -> Path:
    """Return the file that holds the fingerprint of a step's last complete run."""
    return STATE / f"{step.name}.stamp"


def is_complete(step: Step) -> bool:
    """Tell whether a step's last run had the same inputs and came to its end."""
    file = stamp(step)
    return PYTHON.exists() and file.exists() and file.read_text() == step.fingerprint


def run_step(step: Step) -> None:
    """Run a step and leave its stamp."""
    announce(step.announcement)
    start = time.monotonic()
    stamp(step).unlink(missing_ok=True)
    step.action()
    stamp(step).write_text(step.fingerprint)
    announce(f"  done in {time.monotonic() - start:.0f} s")


def announce(text: str) -> None:
    """Print a line at once, also where the output is a pipe."""
    print(text, flush=True)


def environment_works() -> bool:
    """Tell whether .venv has a working pip of its own, and the Python that was asked for."""
    pip = VENV / "bin" / "pip"
    command = [str(PYTHON), "-c", "import pip, sys; print(sys.version_info[:2])"]
    try:
        # A .venv that was moved or copied still names its old place in its scripts.
        if str(VENV / "bin") not in pip.read_text():
            return False
        found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return found.stdout.decode().strip() == str(sys.version_info[:2])


def make_environment() -> None:
    """Make .venv anew."""
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        raise SetupError(f"{shlex.join(command)} failed:\n{result.stdout.decode().strip()}")


def install_packages() -> None:
    """Install the requirements, and mend what is wrong in them."""
    if OLDEST:
        oldest = f"--constraint={REQUIREMENTS / 'oldest.txt'}"
        pip("oldest", oldest, "--editable", f"{ROOT}[plot,test]")
    names = ROS_FILES if OLDEST else REQUIREMENT_FILES
    files = [f"--requirement={REQUIREMENTS / name}" for name in names]
    pip("packages", f"--constraint={REQUIREMENTS / 'constraints.txt'}", *files)
    replace_dead_include_paths()


def replace_dead_include_paths() -> None:
    """Make the ROS wheels' CMake files name this machine's headers, not their build machine's."""
    query = "import numpy, sysconfig; print(sysconfig.get_path('include'), numpy.get_include())"
    output = subprocess.run([str(PYTHON), "-c", query], check=True, stdout=subprocess.PIPE)
    python_headers, numpy_headers = output.stdout.decode().split()
    for file in VENV.glob("share/**/*.cmake"):
        text = file.read_text()
        mended = re.sub(r"/opt/python/[^;\"]*/numpy/\w+/include", numpy_headers, text)
        mended = re.sub(r"/opt/python/[^;\"]*/include/python[\d.]+", python_headers, mended)
        if mended != text:
            file.write_text(mended)


def build_interfaces() -> None:
    """Build ik_nn_interfaces, and install it into .venv."""
    definitions = [
        f"-DCMAKE_INSTALL_PREFIX={VENV}",
        f"-DPython3_EXECUTABLE={PYTHON}",
        "-DBUILD_TESTING=OFF",
    ]
    with tempfile.TemporaryDirectory() as build:
        run("interfaces", "cmake", "-S", str(INTERFACES), "-B", build, "-GNinja", *definitions)
        run("interfaces", "cmake", "--build", build, "--target", "install")
    run("interfaces", str(PYTHON), "-c", "from ik_nn_interfaces.srv import SolveIK")


def install_project() -> None:
    """Install ik_nn_ros so that edits take effect, with the files that ROS looks for."""
    pip("project", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    # An editable installation omits data_files.
    share = VENV / "share"
    index = share / "ament_index" / "resource_index" / "packages"
    link(index / "ik_nn_ros", ROOT / "resource" / "ik_nn_ros")
    for name in ("package.xml", "config", "launch"):
        link(share / "ik_nn_ros" / name, ROOT / name)
    # ros2 launch and ros2 run look for executables here, pip installs them there.
    for name in ("ik_server", "solve_ik"):
        link(VENV / "lib" / "ik_nn_ros" / name, VENV / "bin" / name)


def link(link_path: Path, target: Path) -> None:
    """Make a symbolic link, or replace it."""
    link_path.parent.mkdir(parents=True, exist_ok=True)
    if link_path.is_symlink():
        link_path.unlink()
    link_path.symlink_to(target)


def pip(log_name: str, *arguments: str) -> None:
    """Run `pip install` in .venv."""
    options = ("--disable-pip-version-check", "--no-input", "--progress-bar=off")
    run(log_name, str(PYTHON), "-m", "pip", "install", *options, *arguments)


def run(log_name: str, *command: str) -> None:
    """Run a command, with its output in a log file and, on a terminal, its latest line shown.

    Raises:
        SetupError: it failed; the message ends with the last lines of its output.
    """
    log = STATE / f"{log_name}.log"
    latest = deque(maxlen=20)
    process = subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=command_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    with process, log.open("w") as record:
        for line in process.stdout:
            record.write(line)
            latest.append(line)
            show_progress(line)
    show_progress("")
    if process.returncode != 0:
        raise SetupError(f"{shlex.join(command)}\n{''.join(latest)}The whole output is in {log}")


def show_progress(line: str) -> None:
    """Overwrite the current line of a terminal."""
    if sys.stdout.isatty():
        columns = shutil.get_terminal_size().columns
        print("\r\033[K" + line.strip()[: columns - 1], end="", flush=True)


def command_environment() -> dict:
    """Return the environment variables with which tools find .venv, and no other ROS."""
    variables = dict(os.environ, AMENT_PREFIX_PATH=str(VENV), CMAKE_PREFIX_PATH=str(VENV))
    variables["PATH"] = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])
    variables.pop("PYTHONPATH", None)
    return variables


if __name__ == "__main__":
    sys.exit(main())
