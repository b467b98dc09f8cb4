"""Every key in Redis: its type, meaning and lifetime. No other module spells a key.

Keys of work carry the ZenML server's name, so that each server has its own queue and limits; keys of time carry the
scheduler's shard. Today there is one of each.

Scripts get these names as KEYS, but for the keys of single triggers and ledgers: those they build from a prefix that is
passed in, because a batch touches many. (Redis Cluster would need hash tags; zenbeat's state is small and needs none.)
"""

from dataclasses import dataclass

DEFAULT_PREFIX = "zenbeat:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The key names of one installation."""

    prefix: str = DEFAULT_PREFIX
    server: str = "default"
    shard: int = 0

    # --- what became of things

    @property
    def outcomes(self) -> str:
        """STREAM, one entry an outcome; trimmed by age and count."""
        return f"{self.prefix}outcomes"

    # --- time

    @property
    def leader(self) -> str:
        """STRING `<epoch>:<beat id>` with a TTL of seconds: the beat at work and its fencing epoch."""
        return f"{self.prefix}leader:{self.shard}"

    @property
    def epoch(self) -> str:
        """STRING counter: the last fencing epoch given out. Never expires."""
        return f"{self.prefix}epoch:{self.shard}"

    @property
    def cursors(self) -> str:
        """HASH schedule name -> `<cursor, epoch ms>|<timing revision>|<fires taken>`. Never expires."""
        return f"{self.prefix}cursors:{self.shard}"

    @property
    def since(self) -> str:
        """STRING epoch ms: since when this Redis remembers. Without it, Redis is new, or has lost everything."""
        return f"{self.prefix}since:{self.shard}"

    @property
    def spans(self) -> str:
        """HASH schedule name -> JSON list of `{from, till, why}`, epoch ms: what was considered without a break."""
        return f"{self.prefix}spans:{self.shard}"

    @property
    def ledger_prefix(self) -> str:
        """Prefix of the ledgers."""
        return f"{self.prefix}ledger:"

    def ledger(self, schedule: str) -> str:
        """ZSET JSON entry by fire time (epoch ms): the decision for each due instant; trimmed by count."""
        return f"{self.ledger_prefix}{schedule}"

    @property
    def faults(self) -> str:
        """STRING JSON list: faults of the schedule files as the beat at work sees them."""
        return f"{self.prefix}faults:{self.shard}"

    @property
    def paused(self) -> str:
        """HASH schedule name -> JSON `{since, by, why, until, ends, cause}`: what is paused. Never expires."""
        return f"{self.prefix}paused:{self.shard}"

    @property
    def resumed(self) -> str:
        """HASH schedule name -> epoch ms: when a person let it go on last. `pause_after` counts failures since then."""
        return f"{self.prefix}resumed:{self.shard}"

    @property
    def joins(self) -> str:
        """HASH schedule name -> JSON: which of the runs that it waits for (`after: all_of`) have ended, and how."""
        return f"{self.prefix}joins:{self.shard}"

    @property
    def deadlines(self) -> str:
        """ZSET `schedule|fire time, epoch ms` by deadline (epoch ms): fires that have not completed yet."""
        return f"{self.prefix}deadlines:{self.shard}"

    @property
    def expected(self) -> str:
        """HASH schedule name -> JSON: what `expect_every` asks for, known also while the file is broken."""
        return f"{self.prefix}expected:{self.shard}"

    @property
    def result_prefix(self) -> str:
        """Prefix of the results."""
        return f"{self.prefix}results:"

    def results(self, schedule: str) -> str:
        """LIST of JSON, newest first: how the last runs of a schedule ended. Trimmed by count."""
        return f"{self.result_prefix}{schedule}"

    @property
    def successes(self) -> str:
        """HASH schedule name -> JSON: the last run that completed. Never expires."""
        return f"{self.prefix}successes:{self.shard}"

    @property
    def incidents(self) -> str:
        """HASH `kind|schedule` -> JSON: what is wrong, since when, and whether somebody was told."""
        return f"{self.prefix}incidents:{self.shard}"

    @property
    def outbox(self) -> str:
        """ZSET letter id by when it may be sent (epoch ms): the alerts that are on their way to a receiver."""
        return f"{self.prefix}outbox:{self.shard}"

    @property
    def letters(self) -> str:
        """HASH letter id -> JSON `{receiver, alert, written, tries}`; gone when it was delivered, or given up."""
        return f"{self.prefix}letters:{self.shard}"

    # --- runs

    @property
    def going(self) -> str:
        """ZSET `schedule|trigger id`, and `sweep:<id>|trigger id` of what has a run; all with score 0: what goes on."""
        return f"{self.prefix}going:{self.server}"

    @property
    def held(self) -> str:
        """ZSET trigger id by when it is due (epoch ms): the overlap policy has not let it go on yet."""
        return f"{self.prefix}held:{self.server}"

    @property
    def following(self) -> str:
        """ZSET trigger id by when its run is looked at next (epoch ms): started, and not ended."""
        return f"{self.prefix}following:{self.server}"

    @property
    def runs(self) -> str:
        """HASH run id -> trigger id, of the runs that are followed."""
        return f"{self.prefix}runs:{self.server}"

    @property
    def feed(self) -> str:
        """HASH project -> epoch ms by ZenML's clock: until when the changes of its runs were seen."""
        return f"{self.prefix}feed:{self.server}"

    @property
    def over(self) -> str:
        """ZSET run id by when it was seen (epoch ms): runs that have ended, and are not news any more. For a day."""
        return f"{self.prefix}over:{self.server}"

    @property
    def events(self) -> str:
        """STREAM: what has happened to triggers, runs and schedules, until what follows from it is on record."""
        return f"{self.prefix}events:{self.server}"

    # --- triggers

    @property
    def trigger_prefix(self) -> str:
        """Prefix of the triggers."""
        return f"{self.prefix}trigger:"

    def trigger(self, identity: str) -> str:
        """HASH of one trigger (fields: see triggers.py); expires some days after it ended."""
        return f"{self.trigger_prefix}{identity}"

    @property
    def triggers(self) -> str:
        """ZSET trigger id by when it was recorded (epoch ms): the list of all; trimmed with the triggers."""
        return f"{self.prefix}triggers:{self.server}"

    @property
    def delayed(self) -> str:
        """ZSET trigger id by ready time (epoch ms): waiting, not ready yet (retries, `not_before`, jitter)."""
        return f"{self.prefix}delayed:{self.server}"

    @property
    def ready(self) -> str:
        """ZSET trigger id by rank (ready time less a minute per step of priority): waiting, may go now."""
        return f"{self.prefix}ready:{self.server}"

    @property
    def inflight(self) -> str:
        """ZSET trigger id by end of lease (epoch ms): dispatched or claimed."""
        return f"{self.prefix}inflight:{self.server}"

    @property
    def limit(self) -> str:
        """HASH of one server: how many launches it takes at once, as learnt (`window`, `threshold`, `capped`,
        `learning`, `accepted`, `patience`, `tried`, `pause`, `paused`); why it is left alone (`failures`, `open` until,
        `backoff`, `why`); what limits of ours have used up (`day`, `used`, `throttled`).
        """
        return f"{self.prefix}limit:{self.server}"

    @property
    def holding(self) -> str:
        """ZSET trigger id by when it is given up (epoch ms): started, and may hold a slot of the server still."""
        return f"{self.prefix}holding:{self.server}"

    @property
    def rate(self) -> str:
        """ZSET of what was dispatched within the last minute (epoch ms); only with ZENBEAT_MAX_PER_MINUTE."""
        return f"{self.prefix}rate:{self.server}"

    @property
    def dead(self) -> str:
        """ZSET trigger id by when it died (epoch ms): the dead letters."""
        return f"{self.prefix}dead:{self.server}"

    @property
    def unreadable(self) -> str:
        """STREAM of Celery messages that could not be read; trimmed by count."""
        return f"{self.prefix}unreadable"

    # --- sweeps

    @property
    def sweep_prefix(self) -> str:
        """Prefix of the sweeps."""
        return f"{self.prefix}sweep:"

    def sweep(self, identity: str) -> str:
        """HASH of one sweep or backfill: how far it is, and counts (fields: see sweeprows.py). For 400 days."""
        return f"{self.sweep_prefix}{identity}"

    def sweep_definition(self, identity: str) -> str:
        """STRING JSON: what a sweep is made of, so that it does not depend on its file."""
        return f"{self.sweep(identity)}:definition"

    def sweep_results(self, identity: str) -> str:
        """HASH trial number -> JSON: how it ended, its run and its metrics."""
        return f"{self.sweep(identity)}:results"

    def sweep_asked(self, identity: str) -> str:
        """HASH trial number -> JSON: the parameters that a sampler has chosen which learns from earlier trials."""
        return f"{self.sweep(identity)}:asked"

    def sweep_reports(self, identity: str) -> str:
        """HASH trial number -> JSON list of `[resource, value]`: what it reported while it ran."""
        return f"{self.sweep(identity)}:reports"

    def sweep_parked(self, identity: str) -> str:
        """ZSET trigger id by rank: trials that were waiting when their sweep was paused. dispatch builds this name."""
        return f"{self.sweep(identity)}:parked"

    def sweep_children(self, identity: str) -> str:
        """SET of sweep ids: those that a backfill has begun."""
        return f"{self.sweep(identity)}:children"

    @property
    def sweeps(self) -> str:
        """ZSET sweep id by creation (epoch ms)."""
        return f"{self.prefix}sweeps"

    @property
    def active_sweeps(self) -> str:
        """SET of the sweep ids that are not over."""
        return f"{self.prefix}sweeps:active"

    @property
    def measuring(self) -> str:
        """ZSET `sweep id|trial number` by when it is due (epoch ms): trials whose metrics are to be read from ZenML."""
        return f"{self.prefix}measuring:{self.server}"

    # --- doors

    @property
    def api_keys(self) -> str:
        """HASH key id -> JSON: the API keys, their secrets only as hashes; `used|<key id>` -> epoch ms; `revision`.
        Never expires, so that it is known that there was a key.
        """
        return f"{self.prefix}api-keys"

    @property
    def audit(self) -> str:
        """STREAM: every change that somebody made, and who it was; trimmed by count."""
        return f"{self.prefix}audit"

    @property
    def refusals(self) -> str:
        """STREAM: every call that was refused; trimmed by count, so that a flood of them washes no change away."""
        return f"{self.prefix}refusals"

    def throttle(self, bucket: str) -> str:
        """STRING with a TTL: when a caller will have spent what it has sent (epoch µs); or that something was told."""
        return f"{self.prefix}throttle:{bucket}"

    def guesses(self, address: str) -> str:
        """HASH with a TTL: wrong keys and signatures from one address, and until when it is locked out (epoch ms)."""
        return f"{self.prefix}guesses:{address}"

    def session(self, digest: str) -> str:
        """STRING JSON with a TTL: somebody who is logged in to the dashboard, by a digest of what the cookie holds."""
        return f"{self.prefix}api-session:{digest}"

    def queued(self, kind: str, name: str) -> str:
        """ZSET trigger id by when it was looked at last (epoch ms): what one `key` or one `pipeline` has queued."""
        return f"{self.prefix}queued:{self.server}:{kind}:{name}"

    @property
    def booked(self) -> str:
        """HASH schedule name -> JSON: the schedules that were made over the API. Never expires."""
        return f"{self.prefix}booked:{self.shard}"

    @property
    def booked_revision(self) -> str:
        """STRING counter: how often `booked` was changed."""
        return f"{self.prefix}booked-revision:{self.shard}"

    # --- what was learnt from ZenML

    def resolution(self, kind: str, project: str, name: str) -> str:
        """STRING JSON: what a pipeline and template name stands for; kept past its freshness, to be served stale."""
        return f"{self.prefix}resolution:{self.server}:{kind}:{project}:{name}"

    def resolution_lock(self, kind: str, project: str, name: str) -> str:
        """STRING with a TTL of seconds: somebody is looking this up."""
        return f"{self.resolution(kind, project, name)}:lock"

    # --- health

    def heartbeat(self, role: str, identity: str) -> str:
        """STRING JSON with a TTL: a beat or worker is alive, and what it last did."""
        return f"{self.prefix}heartbeat:{role}:{identity}"
