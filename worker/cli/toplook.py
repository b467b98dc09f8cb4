"""What `zenbeat top` reads: how all stands, and the outcomes that came last."""

from worker.cli.toppicture import Known
from worker.engine.book import Book
from worker.engine.foresight import Foresight
from worker.engine.overview import SHOWN, Overview, read_overview
from worker.engine.runtime import Engine, clock
from worker.source import Source

OUTCOMES = 10


class Look:
    """Looks at what there is; what it has worked out counts for the next look."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._book = Book(Source(engine.settings.schedules_dir, settle=False), engine.booked)
        self._foresight = Foresight()

    async def once(self) -> Known:
        """Read all that one picture wants. Raises StoreUnavailable."""
        overview = await self.overview(SHOWN)
        return Known(at=overview.at, overview=overview, outcomes=await self._engine.outcomes.newest(OUTCOMES))

    async def overview(self, shown: int) -> Overview:
        """Read how all stands, with so many schedules on the timeline. Raises StoreUnavailable."""
        definitions = await self._book.read()
        return await read_overview(
            self._engine, definitions, clock(), foresight=self._foresight, booked=self._book.rows, shown=shown
        )
