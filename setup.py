"""The build definition of ik_nn_ros, read by colcon and pip alike."""

import re
from pathlib import Path
from xml.etree import ElementTree

from setuptools import setup

NAME = "ik_nn_ros"
PRIVATE = {"numba"}  # packages whose private names are used, which the next version may not have
PACKAGE_XML = ElementTree.parse("package.xml")


def pins(file: str) -> dict[str, str]:
    """The packages that a file in requirements/ pins, each at the first version it names."""
    lines = re.findall(
        r"^([^#\s]+)==([^;\s]+)", Path("requirements", file).read_text(), re.MULTILINE
    )
    return dict(reversed(lines))


def required(*files: str) -> list[str]:
    """The packages of files in requirements/, from the oldest version on that is tested."""
    oldest = pins("oldest.txt")
    newest = {name: version for file in files for name, version in pins(file).items()}
    return sorted(
        f"{name}>={oldest.get(name, version)}" + (f",<={version}" if name in PRIVATE else "")
        for name, version in newest.items()
    )


def shared_files(folder: str, pattern: str) -> list[tuple[str, list[str]]]:
    """Pair the files of a folder that match a pattern with where they are installed."""
    files = sorted(path for path in Path(folder).glob(pattern) if path.is_file())
    return [(f"share/{NAME}/{path.parent}", [str(path)]) for path in files]


setup(
    name=NAME,
    version=PACKAGE_XML.findtext("version"),
    description=PACKAGE_XML.findtext("description"),
    author=PACKAGE_XML.findtext("maintainer"),
    license=PACKAGE_XML.findtext("license"),
    python_requires=">=3.10",
    packages=[
        NAME,
        f"{NAME}.arm",
        f"{NAME}.backends",
        f"{NAME}.backends.kernels",
        f"{NAME}.chain",
        f"{NAME}.models",
        f"{NAME}.posterior",
        f"{NAME}.ros",
    ],
    package_data={NAME: ["weights/*.safetensors"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared_files("launch", "*.launch.py"),
        *shared_files("config", "*"),
    ],
    entry_points={
        "console_scripts": [
            f"ik_server = {NAME}.ros.commands:ik_server",
            f"solve_ik = {NAME}.ros.commands:solve_ik",
        ]
    },
    install_requires=required("runtime.txt"),
    extras_require={
        "torch": required("torch.txt"),
        "plot": required("plot.txt"),
        "train": required("train.txt", "torch.txt", "plot.txt"),
        "test": required("test.txt"),
    },
    zip_safe=False,
)
