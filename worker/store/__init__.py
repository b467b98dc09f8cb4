"""Floor 1: what Redis remembers. Every write that belongs together is one Lua script."""
