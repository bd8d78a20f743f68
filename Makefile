# `make demo` and `make test` first make .venv, or bring it up to date: minutes once, then a moment.

PYTHON ?= python3
TARGET ?= 3.0 0.5
DOF ?= 6
MODEL ?= exact
PROCESSES ?= 2
TESTS ?= test/core test/ros

export AMENT_PREFIX_PATH := $(CURDIR)/.venv
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

# Where a ROS 2 is sourced, its libraries must not mix with those in .venv.
ifdef ROS_DISTRO
unexport LD_LIBRARY_PATH PYTHONPATH RMW_IMPLEMENTATION
endif

.PHONY: demo test test-oldest bench lint colcon environment clean

demo: environment
	@.venv/bin/python tools/demo.py --target $(TARGET) --dof $(DOF) --model $(MODEL) --output demo.png

# A file's tests share servers: they stay in one process. With a core each, processes do not wait
# for one another's threads, which PyTorch would do at every small layer.
test: lint
	@ROS_PYTHON_CHECK_FIELDS=1 OMP_NUM_THREADS=1 .venv/bin/python -m pytest --numprocesses=$(PROCESSES) --dist=loadfile

# The oldest versions that setup.py allows, those of Ubuntu 24.04, and no PyTorch.
test-oldest:
	@$(PYTHON) tools/setup_environment.py --oldest
	@AMENT_PREFIX_PATH=$(CURDIR)/.venv-oldest ROS_PYTHON_CHECK_FIELDS=1 \
		.venv-oldest/bin/python -m pytest $(TESTS)

bench: environment
	@.venv/bin/python -m pip install -qq -c requirements/constraints.txt -r requirements/benchmark.txt
	@.venv/bin/python -m benchmarks run

lint: environment
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

colcon: environment
	@PATH="$(CURDIR)/.venv/bin:$$PATH" CMAKE_PREFIX_PATH=$(CURDIR)/.venv \
		colcon build --base-paths . ik_nn_interfaces --allow-overriding ik_nn_interfaces ik_nn_ros \
		--cmake-args -GNinja -DPython3_EXECUTABLE=$(CURDIR)/.venv/bin/python -DBUILD_TESTING=OFF

environment:
	@$(PYTHON) tools/setup_environment.py

clean:
	@rm -rf .venv .venv-oldest build install log
