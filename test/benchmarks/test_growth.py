"""What is measured in processes of its own."""

from benchmarks.growth import measure_samples
from benchmarks.size import QUICK


def test_samples_are_counted_in_a_process_whose_memory_never_falls():
    few, more = measure_samples(QUICK, lambda stage: None)
    assert (few.samples, more.samples) == QUICK.samples
    assert 0.0 <= few.memory <= more.memory
    assert few.timing.rounds > 0
