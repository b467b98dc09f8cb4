"""zenbeat: start ZenML pipeline runs over REST, on a schedule, as a sweep, or because another program asked."""

__version__ = "0.1.0"
