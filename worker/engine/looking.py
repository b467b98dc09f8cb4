"""What it means that a run is as it is, and when it is worth another look. Pure but for the clock and the log."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.fate import Fate, fate_of
from worker.domain.outcome import Status
from worker.engine.pace import QUICKEST, SLOWEST, SOONEST_CHECK, check_after, pace
from worker.engine.recorder import origin_fields
from worker.store.following import Followed, Look
from worker.zenml.models import SUBMITTING, Run

logger = logging.getLogger("zenbeat.watcher")

REASON_PATIENCE = timedelta(seconds=2)
"""A server tells that a run failed before it tells why."""

GRACE = timedelta(seconds=30)
"""A run that was accepted less long ago, and is not there, may not be visible yet."""


class Eye:
    """Looks at runs, one by one."""

    def __init__(self, start_timeout: timedelta, now: Callable[[], datetime]) -> None:
        self._start_timeout = start_timeout
        self._now = now

    def unsure(self, followed: Followed) -> bool:
        """Tell whether a run itself has to be asked for: it may be deleted, or not get off the ground."""
        now = self._now()
        age = now - followed.accepted
        if fate_of(followed.status) is not None:
            return True  # it has failed, and why was not known yet
        if followed.status == SUBMITTING and age > self._start_timeout:
            return True
        wait = SOONEST_CHECK if followed.stopping else check_after(age)
        return now - (followed.verified or followed.accepted) >= wait

    def changed(self, followed: Followed, run: Run, *, due: bool) -> Look | None:
        """Look at a run as it is; None if nothing is to be said of it before it is due."""
        try:
            return self._look(followed, run, due=due)
        except Exception:
            return self._fault(followed)

    def checked(self, followed: Followed, run: Run | None) -> Look | None:
        """Look at a run that was asked for by its id; None if it is not there."""
        try:
            return self._check(followed, run)
        except Exception:
            return self._fault(followed)

    def later(self, followed: Followed, usual: timedelta | None) -> Look:
        """Say when to look again at a run that has not changed; `usual` is how long such a run takes."""
        return Look(id=followed.id, status=followed.status, wait=self._wait(followed, usual))

    def _fault(self, followed: Followed) -> Look:
        # One run that brings out a fault of ours must not keep the others from being followed.
        logger.exception("run cannot be followed", extra={"trigger": followed.id, "run_id": followed.run_id})
        return Look(id=followed.id, status=followed.status, wait=SLOWEST)

    def _wait(self, followed: Followed, usual: timedelta | None) -> timedelta:
        return pace(self._now() - followed.accepted, usual, stopping=bool(followed.stopping))

    def _look(self, followed: Followed, run: Run, *, due: bool) -> Look | None:
        fate, now = fate_of(run.status), self._now()
        if run.status == SUBMITTING and now - followed.accepted > self._start_timeout:
            waited = f"it was accepted, and did not leave {SUBMITTING} for {self._start_timeout}"
            lost = f"{waited}: a server that is restarted loses what it has not submitted"
            return self._end(followed, run.status, Fate.STUCK, lost, now)
        news = {"run_pipeline": run.pipeline or None, "run_pipeline_id": run.pipeline_id or None}
        if fate is Fate.FAILED and not run.status_reason:
            if followed.status != run.status:
                return Look(id=followed.id, status=run.status, wait=REASON_PATIENCE, fields=news)
            if not due:
                return None
        if fate is not None:
            # That we had it stopped says more than that it was stopped.
            why: str | None = (followed.stopping if fate is Fate.STOPPED else "") or run.status_reason
            if fate is Fate.FAILED and not why:
                why = "ZenML tells no reason; its steps may"
            at = run.updated or now
            return replace(self._end(followed, run.status, fate, why, at), fields=news)
        begun = run.status == "running" and followed.status != run.status
        return Look(
            id=followed.id,
            status=run.status,
            wait=self._wait(followed, None),
            fields=news,
            outcome=self._outcome(followed, Status.RUNNING, run.status, None) if begun else None,
        )

    def _check(self, followed: Followed, run: Run | None) -> Look | None:
        now = self._now()
        if run is None and now - followed.accepted > GRACE:
            return self._end(followed, followed.status, Fate.VANISHED, "it was deleted in ZenML", now)
        if run is None:
            return Look(id=followed.id, status=followed.status, wait=QUICKEST)
        return self._look(followed, run, due=True)

    def _end(self, followed: Followed, status: str, fate: Fate, reason: str | None, at: datetime) -> Look:
        of = {name: getattr(followed.trigger, name) for name in ("schedule", "sweep", "trial")}
        extra = {"trigger": followed.id, **of, "run_id": followed.run_id, "reason": reason}
        told = {key: value for key, value in extra.items() if value is not None}
        level = logging.INFO if fate is Fate.COMPLETED else logging.WARNING
        logger.log(level, fate.value, extra=told)
        outcome = self._outcome(followed, Status(fate.value), status, reason)
        # By our clock, for it is compared with when the run was accepted.
        ended = min(max(at, followed.accepted), self._now())
        return Look(
            id=followed.id, status=status, wait=QUICKEST, fate=fate, reason=reason, ended=ended, outcome=outcome
        )

    def _outcome(self, followed: Followed, status: Status, run_status: str, reason: str | None) -> Mapping[str, object]:
        about = {"run_id": followed.run_id, "run_status": run_status, "url": followed.url, "reason": reason}
        return {"status": status.value, **origin_fields(followed.trigger), "at": self._now(), **about}
