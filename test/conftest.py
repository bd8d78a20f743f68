"""What all tests share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test draws the same random numbers, whatever ran before it."""
    torch.manual_seed(0)
