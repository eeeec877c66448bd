"""One-minute bars: contract, sources, quality, lake, continuous series."""
