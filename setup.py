"""The build definition of ik_nn_ros, read by colcon and pip alike."""

from pathlib import Path
from xml.etree import ElementTree

from setuptools import setup

NAME = "ik_nn_ros"
PACKAGE_XML = ElementTree.parse("package.xml")


def shared_files(folder: str, pattern: str) -> list[tuple[str, list[str]]]:
    """Pair the files of a folder that match a pattern with where they are installed."""
    files = sorted(path for path in Path(folder).rglob(pattern) if path.is_file())
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
    extras_require={"test": ["pytest"]},
    zip_safe=False,
)
