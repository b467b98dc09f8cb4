"""The same with RedBeat, which keeps the schedules in Redis."""

from os import environ  # noqa: TID251 - a program of its own

from celery_beat import app, start, warm_up

app.conf.update(
    beat_scheduler="redbeat.RedBeatScheduler",
    redbeat_redis_url=environ["BENCH_REDIS"],
    # Its default looks every five minutes; a second is what makes it a fair match.
    beat_max_loop_interval=1,
    redbeat_lock_timeout=30,
)

__all__ = ["app", "start", "warm_up"]
