"""The set-up script refuses what cannot work in one line, and repeats what did not finish."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "setup_environment.py"
OLDEST = ROOT / "requirements" / "oldest.txt"


@pytest.fixture
def setup_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with an environment folder of its own."""
    spec = importlib.util.spec_from_file_location("setup_environment", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path)
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(module, "STATE", tmp_path)
    return module


def a_step(module: ModuleType, action, fingerprint: str = "inputs"):
    return module.Step("packages", "Installing", fingerprint, action)


@pytest.mark.parametrize("supported", [((3, 6), (3, 9)), ((3, 14), (3, 15))])
def test_an_unsupported_python_is_named_in_one_line(setup_environment, monkeypatch, supported):
    monkeypatch.setattr(setup_environment, "OLDEST_PYTHON", supported[0])
    monkeypatch.setattr(setup_environment, "NEWEST_PYTHON", supported[1])
    with pytest.raises(setup_environment.SetupError) as error:
        setup_environment.check_platform()
    message = str(error.value)
    assert "\n" not in message
    assert sys.version.split()[0] in message
    assert "Python {}.{} to {}.{}".format(*supported[0], *supported[1]) in message


def test_another_machine_is_named_in_one_line(setup_environment, monkeypatch):
    monkeypatch.setattr(setup_environment.platform, "machine", lambda: "aarch64")
    with pytest.raises(setup_environment.SetupError, match=r"aarch64.*x86_64.*colcon"):
        setup_environment.check_platform()


def test_a_missing_compiler_ends_the_script_with_one_line_and_leaves_nothing(tmp_path):
    for name in ("tools", "requirements", "ik_nn_interfaces"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("setup.py", "setup.cfg", "package.xml"):
        shutil.copy(ROOT / name, tmp_path)
    script = tmp_path / "tools" / SCRIPT.name
    result = subprocess.run(
        [sys.executable, script], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "no C++ compiler" in result.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("module_name", "package"), [("ensurepip", "python3-venv"), ("Python.h", "python3-dev")]
)
def test_what_debian_leaves_out_is_named_with_its_package(
    setup_environment, monkeypatch, tmp_path, module_name, package
):
    monkeypatch.setattr(setup_environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    if module_name == "ensurepip":
        monkeypatch.setattr(setup_environment, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(setup_environment.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(setup_environment.SetupError, match=f"lacks .*{module_name}.*{package}"):
        setup_environment.check_tools()


def test_a_finished_step_is_complete_until_its_inputs_change(setup_environment):
    setup_environment.run_step(a_step(setup_environment, lambda: None))
    assert setup_environment.is_complete(a_step(setup_environment, None))
    assert not setup_environment.is_complete(a_step(setup_environment, None, "other inputs"))


def test_an_interrupted_step_is_not_complete_even_if_it_once_was(setup_environment):
    def interrupted() -> None:
        raise KeyboardInterrupt

    setup_environment.run_step(a_step(setup_environment, lambda: None))
    with pytest.raises(KeyboardInterrupt):
        setup_environment.run_step(a_step(setup_environment, interrupted))
    assert not setup_environment.is_complete(a_step(setup_environment, None))


def test_the_fingerprint_follows_the_content_of_a_folder(setup_environment, monkeypatch, tmp_path):
    monkeypatch.setattr(setup_environment, "ROOT", Path("/"))
    folder = tmp_path / "requirements"
    folder.mkdir()
    prints = [setup_environment.fingerprint(folder)]
    for text in ("numpy==1.0", "numpy==2.0"):
        (folder / "runtime.txt").write_text(text)
        prints.append(setup_environment.fingerprint(folder))
    assert len(set(prints)) == 3
    assert setup_environment.fingerprint(folder) == prints[-1]


def test_an_environment_that_was_moved_or_is_half_made_does_not_work(setup_environment, tmp_path):
    assert not setup_environment.environment_works()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text("#!/elsewhere/.venv/bin/python\n")
    assert not setup_environment.environment_works()
    (tmp_path / "bin" / "pip").write_text(f"#!{tmp_path}/bin/python\n")
    assert setup_environment.environment_works()


def test_a_failed_command_is_shown_with_the_end_of_its_output(setup_environment, monkeypatch):
    monkeypatch.setattr(setup_environment, "show_progress", lambda line: None)
    code = "print(*range(100), sep='\\n'); raise SystemExit(3)"
    with pytest.raises(setup_environment.SetupError) as error:
        setup_environment.run("packages", sys.executable, "-c", code)
    message = str(error.value)
    assert "98\n99\n" in message
    assert "\n50\n" not in message
    assert "packages.log" in message


def test_the_oldest_environment_has_what_setup_py_declares_at_its_lower_bounds(
    setup_environment, monkeypatch
):
    installed = []
    monkeypatch.setattr(setup_environment, "OLDEST", True)
    monkeypatch.setattr(setup_environment, "pip", lambda log, *options: installed.append(options))
    monkeypatch.setattr(setup_environment, "replace_dead_include_paths", lambda: None)
    setup_environment.install_packages()
    package, ros = installed
    assert package == (f"--constraint={OLDEST}", "--editable", f"{ROOT}[plot,test]")
    assert {Path(option).name for option in ros} == {"constraints.txt", "ros.txt", "build.txt"}
