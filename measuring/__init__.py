"""What samplers are measured with: references, statistics and calibration."""
