"""Measurements, as ratios to baselines built in the same run, because times drift with the machine."""
