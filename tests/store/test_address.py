"""Addresses of a Redis behind Sentinel."""

import pytest

from worker.domain.errors import InvalidInput
from worker.store.address import Sentinels


def test_an_address_names_the_sentinels_and_what_they_watch() -> None:
    found = Sentinels.parse("sentinel://app:p%40ss@a:1000,b,c:3000/2?service=primary")
    assert found.hosts == (("a", 1000), ("b", 26379), ("c", 3000))
    assert (found.service, found.username, found.password, found.db) == ("primary", "app", "p@ss", 2)
    assert "p@ss" not in repr(found)


def test_celery_gets_it_in_its_own_form() -> None:
    found = Sentinels.parse("sentinel://:secret@a:1000,b:2000/1?service=primary")
    assert found.for_celery == "sentinel://:secret@a:1000/1;sentinel://:secret@b:2000/1"


@pytest.mark.parametrize("url", ["sentinel://a:1/0", "sentinel:///0?service=x"])
def test_what_is_missing_is_said(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"sentinel://host:26379,host:26379/0\?service=name"):
        Sentinels.parse(url)
