"""Floor 4: the HTTP API. Knows the engine, and nothing of the server that it runs in."""
