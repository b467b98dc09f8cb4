"""What became of runs: the ones that have changed since a moment, and the ones of given ids."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from worker.domain.errors import NotFound, NotSent
from worker.zenml.lookup import is_id
from worker.zenml.models import ServerInfo
from worker.zenml.questions import API, Filters, Questions
from worker.zenml.replies import RunItem, Runs
from worker.zenml.wire import TOO_LONG

logger = logging.getLogger("zenbeat.zenml")

PAGE = 100
"""Runs in one answer: each one has 3.6 KB, and takes the server some milliseconds. Also the most ids in one request:
more make an address that proxies refuse, and a thousand are too many for SQLite."""

MOMENT = "%Y-%m-%d %H:%M:%S"
"""How ZenML's filters want a moment, in UTC: no finer than a second."""


class Following:
    """Asks for many runs at once, and believes a server only what its items say."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    async def changed(
        self, server: ServerInfo, since: datetime | None, project: str | None, most: int
    ) -> list[RunItem]:
        """List up to `most` runs that have changed since then, the oldest change first.

        Each page begins at the second in which the one before ended, not at a number of rows: a run that changes in
        between goes to the end, so that by numbers another one would slip through.
        """
        found: dict[str, RunItem] = {}
        begin = since and since.astimezone(UTC).replace(microsecond=0)
        size = min(PAGE, most)
        while True:
            filters: Filters = {"sort_by": "asc:updated", "size": size}
            if begin:
                filters = {**filters, "updated": f"gte:{begin.strftime(MOMENT)}"}
            page = await self._questions.page("runs", Runs, server.capabilities, project, filters)
            last = _last_change(page.items, begin)
            found.update((str(item.id), item) for item in page.items)
            if last is None or len(page.items) < size or len(found) >= most:
                return sorted(found.values(), key=_changed)[:most]
            if begin == last.replace(microsecond=0):
                size *= 2  # they all changed in one second, and there may be more of these
            begin = last.replace(microsecond=0)

    async def by_id(
        self, server: ServerInfo, ids: Sequence[str], project: str | None, *, hydrate: bool = False
    ) -> list[RunItem]:
        """Read runs by their ids, with all that there is to tell if `hydrate`; those that are gone are left out."""
        wanted = list(dict.fromkeys(one for one in ids if is_id(one)))
        if not server.capabilities.one_of:
            return [item for one in wanted if (item := await self._one(one, hydrate=hydrate))]
        chunks = [wanted[place : place + PAGE] for place in range(0, len(wanted), PAGE)]
        return [item for chunk in chunks for item in await self._chunk(server, chunk, project, hydrate=hydrate)]

    async def _chunk(
        self, server: ServerInfo, ids: Sequence[str], project: str | None, *, hydrate: bool
    ) -> list[RunItem]:
        one_of = f"oneof:{orjson.dumps(ids).decode()}"
        filters: Filters = {"id": one_of, "size": len(ids), "hydrate": _said(truth=hydrate)}
        try:
            page = await self._questions.page("runs", Runs, server.capabilities, project, filters)
        except NotSent as error:
            if error.code != TOO_LONG or not hydrate:
                raise
            return await self._in_parts(server, ids, project)
        if not {str(item.id) for item in page.items} <= {one.lower() for one in ids}:
            # It gave everything, of which ours may be on another page: what is not there may not be gone.
            raise NotSent("ZenML does not filter runs by id; they cannot be followed", code="unreadable")
        return page.items

    async def _in_parts(self, server: ServerInfo, ids: Sequence[str], project: str | None) -> list[RunItem]:
        """Read runs that have reported too much for one answer; of one that has by itself, nothing of that is read."""
        if len(ids) == 1:
            logger.warning("a run has reported more than is read", extra={"run_id": ids[0]})
            return await self._chunk(server, ids, project, hydrate=False)
        halves = (ids[: len(ids) // 2], ids[len(ids) // 2 :])
        return [item for half in halves for item in await self._chunk(server, half, project, hydrate=True)]

    async def _one(self, identity: str, *, hydrate: bool) -> RunItem | None:
        """Read one run, for servers that cannot be asked for several: one at a time, so that they are not pressed."""
        try:
            path = f"{API}/runs/{identity}"
            filters: Filters = {"hydrate": _said(truth=hydrate)}
            return await self._questions.get(path, RunItem, what=f"run {identity}", filters=filters)
        except NotFound:
            return None


def _said(*, truth: bool) -> str:
    return "true" if truth else "false"


def _changed(item: RunItem) -> datetime:
    return item.body.updated or datetime.max.replace(tzinfo=UTC)


def _last_change(items: Sequence[RunItem], begin: datetime | None) -> datetime | None:
    """Give the last change of a page, None if it is empty. Raises NotSent for a page that was not asked for."""
    changes = [item.body.updated for item in items if item.body.updated]
    obeyed = (
        len(changes) == len(items) and changes == sorted(changes) and not (begin and changes and changes[0] < begin)
    )
    if not obeyed:
        raise NotSent("ZenML does not list runs by their last change; they cannot be followed", code="unreadable")
    return changes[-1] if changes else None
