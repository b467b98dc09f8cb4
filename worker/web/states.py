"""How a state is shown: word, shape and tone. The shape tells it to who sees no colours, the word to everybody."""

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.fate import Fate
from worker.domain.outcome import Decision, Status
from worker.domain.results import DEAD
from worker.domain.standing import Standing
from worker.domain.trigger import TriggerState
from worker.engine.sweepstanding import SweepStanding
from worker.engine.trialrows import TrialStatus


class Tone(StrEnum):
    """What a state means for who looks: the colours of the style sheet."""

    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    BUSY = "busy"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown."""

    tone: Tone
    shape: str


GOOD = Look(Tone.GOOD, "✓")
BAD = Look(Tone.BAD, "✗")
WARN = Look(Tone.WARN, "▲")
BUSY = Look(Tone.BUSY, "▶")
COMING = Look(Tone.BUSY, "○")
HELD = Look(Tone.QUIET, "‖")
STOPPED = Look(Tone.WARN, "■")
LEFT_OUT = Look(Tone.QUIET, "–")
GONE = Look(Tone.WARN, "?")
LATER = Look(Tone.QUIET, "·")

LOOKS: dict[str, Look] = {
    **dict.fromkeys((Fate.COMPLETED, Standing.OK, Status.RESUMED, Decision.FIRED, SweepStanding.OVER), GOOD),
    **dict.fromkeys((Fate.FAILED, Fate.STUCK, DEAD, Standing.FAILING, Standing.BROKEN), BAD),
    **dict.fromkeys((Decision.EXHAUSTED, Decision.REJECTED), BAD),
    **dict.fromkeys((Standing.LATE, Status.MISSED, Status.RETRYING), WARN),
    **dict.fromkeys((Decision.MISSED_DOWNTIME, Decision.EXPIRED, Decision.THROTTLED), WARN),
    **dict.fromkeys((Status.STARTED, Status.RUNNING, SweepStanding.ENDING), BUSY),
    **dict.fromkeys((TriggerState.WAITING, TriggerState.DISPATCHED, TriggerState.CLAIMED), COMING),
    **dict.fromkeys((Standing.NEW, SweepStanding.NEW), COMING),
    **dict.fromkeys((Standing.PAUSED, Decision.SKIPPED_PAUSED), HELD),
    **dict.fromkeys((Fate.STOPPED, SweepStanding.ENDED), STOPPED),
    **dict.fromkeys((Status.CANCELLED, Status.DISCARDED, Status.SKIPPED), LEFT_OUT),
    **dict.fromkeys((Decision.SKIPPED_CALENDAR, Decision.SKIPPED_OVERLAP, Decision.SKIPPED_MAX_RUNS), LEFT_OUT),
    **dict.fromkeys((Decision.COALESCED, Decision.DEDUPLICATED), LEFT_OUT),
    **dict.fromkeys((Fate.VANISHED, TrialStatus.FORGOTTEN), GONE),
    TrialStatus.PLANNED: LATER,
}


def look_of(word: str) -> Look:
    """Tell how a state is shown."""
    return LOOKS.get(word, LEFT_OUT)
