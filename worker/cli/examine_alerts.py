"""What `zenbeat doctor` sees of alerts without sending any: `zenbeat alert test` does that."""

from worker.domain.finding import Finding, ok, warning
from worker.domain.receivers import is_url, is_webhook
from worker.notify.apprise import fault_of
from worker.settings import Settings

MAKE_A_SECRET = "set ZENBEAT_WEBHOOK_SECRET, to what `echo whsec_$(openssl rand -base64 32)` prints"  # noqa: S105 - none


def examine_alerts(settings: Settings) -> list[Finding]:
    """See that there is a way to each receiver, and that webhooks are signed."""
    known = dict(settings.receivers.urls)
    known |= {"ZENBEAT_NOTIFY": tuple(name for name in settings.notified if is_url(name))}
    pairs = [(name, url) for name, urls in known.items() for url in urls]
    if not pairs:
        return []
    faults = [(name, fault_of(url)) for name, url in pairs if not is_webhook(url)]
    found = [
        warning(f"alerts to {name}", told, "see docs/alerts.md for what addresses look like")
        for name, told in faults
        if told
    ]
    if any(is_webhook(url) for _, url in pairs) and not settings.receivers.secrets:
        told = "they go unsigned: who gets one cannot know that zenbeat sent it"
        found.append(warning("webhooks", told, MAKE_A_SECRET))
    return found or [ok("alerts", f"addresses: {len(pairs)}; `zenbeat alert test` tries them")]
