"""What Orbcast computes: pure functions of bars, settings and time, all given as arguments."""
