"""Ways out of a template sandbox, and ways to eat the machine."""

import resource
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.render import RenderError, compile_config

CONTEXT = {
    "fire_time": datetime(2026, 1, 1, tzinfo=UTC),
    "schedule": {"name": "n", "pipeline": "p", "timezone": "UTC"},
    "params": {"a": [1, 2], "b": {"c": "d"}},
    "trial": 1,
}

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ (''|attr)('__class__') }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ self._TemplateReference__context }}",
    "{{ self }}",
    "{{ days.__globals__ }}",
    "{{ days['__globals__'] }}",
    "{{ range.__self__ }}",
    "{{ fire_time['__class__'] }}",
    "{{ fire_time.now() }}",
    "{{ fire_time.today() }}",
    "{{ fire_time.fromtimestamp(0) }}",
    "{{ fire_time.astimezone() }}",
    "{{ fire_time.tzinfo }}",
    "{{ fire_time.strptime('1', '%d') }}",
    "{{ params.a.append(3) }}",
    "{{ params.b.update(c=1) }}",
    "{{ params.b.clear() }}",
    "{{ params.pop('a') }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ 'a'.encode() }}",
    "{{ 'a'.translate({}) }}",
    "{{ ('%c' % 97).join }}",
    "{{ caller() }}",
    "{{ loop.index }}",
    "{{ dict(a=1) }}",
    "{{ ().count }}",
    "{{ (1).__add__ }}",
    "{{ 1.5.hex() }}",
    "{{ [].__len__() }}",
    "{{ params.a | map('upper') | list }}",
    "{{ params.a | select | list }}",
    "{{ params.a | groupby('x') }}",
    "{{ params | xmlattr }}",
    "{{ params | pprint }}",
    "{{ none is filter('x') }}",
    "{{ undefined.x }}",
    "{% do params.a.append(1) %}",
    "{% debug %}",
]

BOMBS = [
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ ('a' * 60000) * 60000 }}",
    "{{ [1] * 10**9 }}",
    "{{ (1,) * 10**9 }}",
    "{{ 10 ** 10 ** 10 ** 10 }}",
    "{{ 2 ** 100000 }}",
    "{{ (2 ** 4000) ** 4000 }}",
    "{{ 2 ** -100000 }}",
    "{{ range(10**9) }}",
    "{{ range(0, 10**9, 2) }}",
    "{{ range(1000) | join('a' * 60000) }}",
    "{{ ('a' * 60000) | replace('a', 'a' * 60000) }}",
    "{{ ('a' * 60000) | replace('', 'a' * 60000) }}",
    "{{ ('a' * 60000) + ('a' * 60000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%.1000000000f' % 1 }}",
    "{{ '%s%s' % ('a' * 60000, 'a' * 60000) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ 'a'.center(10**9) }}",
    "{{ '1'.zfill(10**9) }}",
    "{{ '\\t'.expandtabs(10**9) }}",
    "{{ 'a' | center(10**9) }}",
    "{{ 'a' | indent(10**9) }}",
    "{{ 'a' | wordwrap(1) }}",
    "{{ [1, 2] | batch(10**9, 1) | list }}",
    "{{ [[1]] | sum(start=[]) }}",
    "{{ fire_time.strftime('%A' * 60000) | length > 70000 or 1 / 0 }}",
    "{{ ('1' * 5000) | int }}",
    "{{ days(10**12) }}",
    "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}",
    "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
]


def attempt(text: str) -> None:
    compile_config({"x": text}).render(CONTEXT)


@pytest.mark.parametrize("text", ESCAPES)
def test_there_is_no_way_out(text: str) -> None:
    before = repr(CONTEXT)
    with pytest.raises(RenderError):
        attempt(text)
    assert repr(CONTEXT) == before


@pytest.mark.parametrize("text", BOMBS)
@pytest.mark.timeout(5)
def test_there_is_no_way_to_eat_the_machine(text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RenderError):
        attempt(text)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 64  # MiB


def one_of(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split())


ATOMS = one_of(
    "1 0 2.5 'ab' none true [1,2] {'a':1} fire_time schedule params trial days(1) hours(3) range(9) '%d' 10**20"
)
OPERATORS = one_of("+ - * ** % / // ~ == < in and or")
FILTERS = one_of(
    "abs date default first float int join last length list lower max min replace('a','b') round sort string sum "
    "title tojson trim upper"
)
MEMBERS = one_of("a name year date() isoformat() split() upper() x")


def bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("({} | {})".format, inner, FILTERS),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}.{}".format, inner, MEMBERS),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    )


@settings(max_examples=300, deadline=2000)
@given(st.recursive(ATOMS, bigger, max_leaves=12))
def test_every_expression_gives_json_or_a_fault(text: str) -> None:
    try:
        body = compile_config({"x": "{{ " + text + " }}"}).render(CONTEXT)
    except RenderError as error:
        assert all(fault.path == "x" and fault.message for fault in error.faults)  # noqa: PT017 - either is right
    else:
        assert plain(body)


@settings(max_examples=300, deadline=2000)
@given(st.text(alphabet="{}%#-'\"[]()|._ abnow01~*\n", max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    try:
        compile_config({"x": text}).render(CONTEXT)
    except RenderError as error:
        assert all(fault.path == "x" and fault.message for fault in error.faults)  # noqa: PT017 - either is right


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet="abc {}"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


def test_a_round_number_of_digits_is_no_bomb() -> None:
    assert compile_config({"x": "{{ 1.5 | round(10**9) }}"}).render({}) == {"x": 1.5}


@given(st.dictionaries(st.text(alphabet="abc", max_size=3), JSON, max_size=5))
def test_a_configuration_without_expressions_is_its_own_body(config: dict[str, object]) -> None:
    try:
        body = compile_config(config).render({})
    except RenderError:
        assert "{{" in repr(config)
    else:
        assert body == config or "{{" in repr(config)


def plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(plain, value))
    return value is None or type(value) in {str, int, float, bool}
