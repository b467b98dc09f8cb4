"""What `zenbeat doctor` sees of the hooks: whether there is a secret for each, and a hook for each secret."""

from collections.abc import Iterator

from worker.domain.finding import Finding, fault, ok, warning
from worker.domain.hook import Hook
from worker.domain.nearest import did_you_mean
from worker.domain.signatures import Scheme
from worker.engine.hooking import is_open
from worker.settings import Settings
from worker.source import Definitions

SET_IT = 'set ZENBEAT_HOOK_SECRETS to {{"{name}": "{secret}"}}; until then every delivery gets 404'


def examine_hooks(settings: Settings, definitions: Definitions) -> list[Finding]:
    """Look at hooks and secrets; nothing is said where there are neither."""
    found = list(_findings(settings, definitions))
    if not found and definitions.hooks:
        found.append(ok("hooks", f"hooks: {len(definitions.hooks)}, each with a secret"))
    return found


def _findings(settings: Settings, definitions: Definitions) -> Iterator[Finding]:
    secrets = settings.signed_with
    for hook in definitions.hooks:
        given = secrets.get(hook.name, ())
        if not is_open(hook, given):
            told = "its secret is not whsec_ and base64 behind it" if given else "it has no secret"
            yield fault(f"hook {hook.name}", told, SET_IT.format(name=hook.name, secret=_example(hook)))
    names = [hook.name for hook in definitions.hooks]
    for name in secrets.keys() - set(names):
        told = f"there is a secret, and no such hook{did_you_mean(name, names)}"
        yield warning(f"hook {name}", told, "define it under hooks: in a schedule file, or take the secret away")


def _example(hook: Hook) -> str:
    return "whsec_$(openssl rand -base64 32)" if hook.signature is Scheme.STANDARD else "$(openssl rand -hex 32)"
