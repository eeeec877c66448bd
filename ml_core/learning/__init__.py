"""Datasets, baselines, models, calibration, bundles and inference."""
