"""The dead letters: which of them are meant, and how many there are for each reason."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

import orjson

from worker.engine.runtime import Engine
from worker.store.codec import instant

MOST = 10_000
"""Dead letters that are looked through, the newest first."""

KEY_DIGITS = 16

IDS = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadFilter:
    """Which dead letters are meant. Every part that is given must fit."""

    schedule: str | None = None
    pipeline: str | None = None
    code: str | None = None
    reason: str | None = None
    """Words in its reason, upper and lower case alike."""

    @property
    def given(self) -> bool:
        """Tell whether anything was asked for."""
        return any((self.schedule, self.pipeline, self.code, self.reason))

    def __str__(self) -> str:
        """Say it in words, for the audit log; "" where nothing was asked for."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items() if value)

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Tell whether a dead letter is meant."""
        return (
            self.schedule in (None, fields.get("schedule"))
            and self.pipeline in (None, orjson.loads(fields["data"])["pipeline"])
            and self.code in (None, fields.get("code"))
            and (self.reason or "").lower() in fields.get("reason", "").lower()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadGroup:
    """The dead letters that have died of the same."""

    code: str
    reason: str
    letters: Sequence[dict[str, str]]
    """The fields of their hashes, the last to die first."""

    @property
    def key(self) -> str:
        """Name the group, in an address."""
        return sha256(f"{self.code}\n{self.reason}".encode()).hexdigest()[:KEY_DIGITS]

    @property
    def ids(self) -> list[str]:
        """Give the ids of the triggers."""
        return [orjson.loads(fields["data"])["id"] for fields in self.letters]

    @property
    def newest(self) -> datetime:
        """When the last of them died."""
        return died(self.letters[0])

    @property
    def oldest(self) -> datetime:
        """When the first of them died."""
        return died(self.letters[-1])


async def read_dead(engine: Engine, wanted: DeadFilter, most: int = MOST) -> dict[str, dict[str, str]]:
    """Read the dead letters that are meant: id -> fields of its hash, the last to die first."""
    ids = await engine.triggers.dead(MOST if wanted.given else most)
    found = zip(ids, await engine.triggers.get(ids), strict=True)
    meant = [(identity, fields) for identity, fields in found if fields and wanted.fits(fields)]
    return dict(meant[:most])


def group_dead(letters: Sequence[dict[str, str]]) -> list[DeadGroup]:
    """Put together what has died of the same; the largest group first, of equal ones that which grew last."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for fields in letters:
        groups.setdefault((fields.get("code", ""), gist(fields)), []).append(fields)
    made = [DeadGroup(code=code, reason=reason, letters=those) for (code, reason), those in groups.items()]
    return sorted(made, key=lambda group: (len(group.letters), group.newest), reverse=True)


async def read_group(engine: Engine, key: str, until: datetime | None = None) -> DeadGroup | None:
    """Read a group by its key, with those that have died by `until`; None if none of them is left."""
    letters = list((await read_dead(engine, DeadFilter())).values())
    meant = [fields for fields in letters if until is None or died(fields) <= until]
    return next((group for group in group_dead(meant) if group.key == key), None)


def gist(fields: Mapping[str, str]) -> str:
    """Give the reason without what only this trigger has in it: ids, and the name of its run."""
    name: str = orjson.loads(fields["data"])["run_name"]
    return IDS.sub("…", fields.get("reason", "").replace(name, "…"))


def died(fields: Mapping[str, str]) -> datetime:
    """Tell when a trigger became a dead letter."""
    return instant(int(fields["ended"]))
