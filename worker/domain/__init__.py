"""Floor 0: pure rules. No clock, no I/O, no randomness of its own; `now` and `rng` are passed in."""
