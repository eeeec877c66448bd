"""Commands that start, stop and watch Orbcast's processes."""
