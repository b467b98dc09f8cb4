"""Beside the floors: what `up` brings along for a first look: an embedded Redis and a demo ZenML server."""
