"""What the network does: nothing may hang, nothing may swell, and "was it sent?" has a true answer."""

import asyncio
import gzip
import resource
import ssl
import subprocess
import time
import zlib
from contextlib import AsyncExitStack

import pytest

from worker.domain.errors import InvalidInput, NotSent, Refused, Unclear
from worker.zenml.bounded import ssl_context
from worker.zenml.models import Launch
from worker.zenml.options import ZenMLOptions

LAUNCH = Launch(url="/api/v1/run_templates/22222222-2222-4222-8222-222222222222/runs", content=b"{}")
TOKEN = {"api_key": None, "api_token": "canary-token-0002"}
OK = b"HTTP/1.1 200 OK\r\n"


def through(kit, talk, *, launch=False, **options):
    """Ask a raw server, or launch a run there."""

    async def main():
        async with kit.raw(talk, tells_version=launch) as url, kit.client(url, **{**TOKEN, **options}) as zenml:
            await (zenml.start(LAUNCH) if launch else zenml.info())

    asyncio.run(main())


async def hang(_reader, _writer):
    await asyncio.Event().wait()


async def reset(_reader, writer):
    writer.transport.abort()


async def close(_reader, _writer):
    return


async def drip_headers(_reader, writer):
    for byte in OK + b"X-Slow: " + b"a" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_body(_reader, writer):
    writer.write(OK + b"content-length: 100\r\n\r\n")
    for _ in range(100):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def cut_short(_reader, writer):
    writer.write(OK + b'content-length: 100\r\n\r\n{"id"')


async def not_http(_reader, writer):
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")


async def endless(_reader, writer):
    writer.write(OK + b"transfer-encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def huge(_reader, writer):
    writer.write(OK + b"content-length: 1000000000\r\n\r\n")
    await hang(_reader, writer)


def packed(encoding: bytes, body: bytes):
    async def talk(_reader, writer):
        head = OK + b"content-encoding: " + encoding + b"\r\ncontent-length: %d\r\n\r\n" % len(body)
        writer.write(head + body)
        await writer.drain()

    return talk


BOMB = gzip.compress(bytes(200_000_000), 9)

AFTER_SENDING = [hang, reset, close, drip_headers, drip_body, cut_short, not_http, endless, huge]


@pytest.mark.parametrize("talk", AFTER_SENDING)
def test_a_launch_without_an_answer_is_unclear_and_bounded_in_time(kit, talk):
    start = time.monotonic()
    with pytest.raises(Unclear, match="it may have started the run") as caught:
        through(kit, talk, launch=True, total_timeout=1.0)
    assert time.monotonic() - start < 4.0
    assert caught.value.ambiguous


@pytest.mark.parametrize("talk", AFTER_SENDING)
def test_a_question_without_an_answer_started_nothing(kit, talk):
    with pytest.raises(NotSent) as caught:
        through(kit, talk, total_timeout=1.0)
    assert not caught.value.ambiguous


def test_time_outs_say_so(kit):
    with pytest.raises(Unclear, match=r"within 0\.5 s") as caught:
        through(kit, hang, launch=True, total_timeout=0.5)
    assert caught.value.code == "timeout"


def test_a_bomb_is_not_unpacked(kit):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unclear, match="longer than 1000000 bytes"):
        through(kit, packed(b"gzip", BOMB), launch=True, max_bytes=1_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # KiB


@pytest.mark.parametrize(
    ("encoding", "body"),
    [(b"gzip", b"no gzip at all"), (b"br", b"x"), (b"gzip", gzip.compress(b"{}" * 100, mtime=0)[:-9])],
)
def test_what_cannot_be_unpacked_is_unclear(kit, encoding, body):
    with pytest.raises(Unclear):
        through(kit, packed(encoding, body), launch=True)


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_gateway_may_compress_nevertheless(kit, encoding, pack):
    through(kit, packed(encoding, pack(b'{"version": "0.98.0"}')))


def test_nobody_there(kit):
    async def main():
        async with AsyncExitStack() as stack:
            async with kit.raw(hang, tells_version=True) as url:
                zenml = await stack.enter_async_context(kit.client(url, **TOKEN))
                await zenml.info()
            with pytest.raises(NotSent) as caught:
                await zenml.start(LAUNCH)
            assert caught.value.code == "unreachable"

    asyncio.run(main())


def test_no_such_host(kit):
    async def main():
        async with kit.client("http://zenml.invalid", **TOKEN) as zenml:
            with pytest.raises(NotSent):
                await zenml.start(LAUNCH)

    asyncio.run(main())


def test_no_address(kit):
    async def main():
        async with kit.client("") as zenml:
            with pytest.raises(NotSent, match="ZENML_STORE_URL"):
                await zenml.info()

    asyncio.run(main())


def test_waiting_for_a_connection_is_not_ambiguous(kit):
    """With one connection and a server that hangs, only what reached the server is unclear."""

    async def main():
        hanging = kit.raw(hang, tells_version=True)
        async with hanging as url, kit.client(url, **TOKEN, pool_size=1, total_timeout=0.5) as zenml:
            await zenml.info()
            return await asyncio.gather(*(zenml.start(LAUNCH) for _ in range(5)), return_exceptions=True)

    kinds = [type(error) for error in asyncio.run(main())]
    assert set(kinds) == {NotSent, Unclear}
    # A launch may get the connection in the very moment in which the one before it gives up.
    assert 1 <= kinds.count(Unclear) <= 2


def test_fifty_launches_over_one_connection(kit):
    scripted = kit.Scripted()

    async def main():
        async with kit.connected(scripted, pool_size=1, **TOKEN) as zenml:
            return await asyncio.gather(*(zenml.start(LAUNCH) for _ in range(50)))

    assert {run.id for run in asyncio.run(main())} == {kit.run}


def test_a_connection_that_died_in_the_pool_is_not_used_blindly(kit):
    """The server closes after each answer, without saying so: a POST that meets it is unclear, never lost."""

    async def talk(reader, writer):
        writer.write(OK + b"content-length: 21\r\n\r\n" + b'{"version": "0.98.0"}')
        await writer.drain()

    async def main():
        async with kit.raw(talk) as url, kit.client(url, **TOKEN) as zenml:
            for _ in range(3):
                await zenml.info()
                zenml._server.doubt()

    asyncio.run(main())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, and one for another name."""
    folder = tmp_path_factory.mktemp("tls")
    for name, host in (("good", "IP:127.0.0.1"), ("other", "DNS:zenml.example.com")):
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        subprocess.run(
            [*command.split(), "-keyout", f"{name}.key", "-out", f"{name}.pem", "-addext", f"subjectAltName={host}"],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


def over_tls(kit, folder, name, **options):
    scripted = kit.Scripted()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")

    async def main():
        async with kit.running(scripted, ssl_context=context), kit.client(scripted.url, **TOKEN, **options) as zenml:
            return await zenml.start(LAUNCH)

    try:
        return asyncio.run(main()), scripted
    except NotSent as error:
        return error, scripted


def test_tls_with_an_authority_of_ones_own(kit, authority):
    run, _ = over_tls(kit, authority, "good", verify_ssl=str(authority / "good.pem"))
    assert run.id == kit.run


@pytest.mark.parametrize(("name", "trusted"), [("good", None), ("other", "other.pem")])
def test_a_certificate_that_does_not_fit_gets_no_token(kit, authority, name, trusted):
    error, scripted = over_tls(kit, authority, name, verify_ssl=str(authority / trusted) if trusted else True)
    assert isinstance(error, NotSent)
    assert error.code == "tls"
    assert "ZENML_STORE_VERIFY_SSL" in str(error)
    assert scripted.seen == []


def test_tls_unchecked_on_demand(kit, authority):
    run, _ = over_tls(kit, authority, "good", verify_ssl=False)
    assert run.id == kit.run


def test_authorities_that_are_not_there(tmp_path):
    with pytest.raises(InvalidInput, match="ZENML_STORE_VERIFY_SSL"):
        ssl_context(ZenMLOptions(url="https://x", verify_ssl=str(tmp_path / "nothing.pem")))


def test_reading_does_not_follow_redirects_either(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/info", kit.says(302, None, Location="http://169.254.169.254/latest"))

    async def main():
        async with kit.connected(scripted) as zenml:
            await zenml.info()

    with pytest.raises(Refused, match=r"169\.254\.169\.254"):
        asyncio.run(main())
