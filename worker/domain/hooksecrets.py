"""The secrets that incoming webhooks are signed with: read from one text, so that no file has to hold them."""

import json

SHORTEST = 16
"""Characters: what is shorter can be guessed from one signed message."""


def read_hook_secrets(text: str) -> dict[str, tuple[str, ...]]:
    """Read `{"hook": "secret"}` or `{"hook": ["new", "old"]}`. Raises ValueError, without the text in it."""
    try:
        plain = json.loads(text)
    except ValueError:
        raise ValueError('is not JSON such as {"github-main": "a long random text"}') from None
    if not isinstance(plain, dict):
        raise ValueError('has to be a mapping such as {"github-main": "a long random text"}')  # noqa: TRY004 - settings want a ValueError
    return {name: _secrets(name, value) for name, value in plain.items()}


def _secrets(name: str, value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    secrets = tuple(secret for secret in listed if isinstance(secret, str))
    if not listed or len(secrets) < len(listed):
        raise ValueError(f'"{name}" has to be a text, or a list of texts')
    if any(len(secret) < SHORTEST for secret in secrets):
        raise ValueError(f'"{name}" has a secret of less than {SHORTEST} characters, which can be guessed')
    return secrets
