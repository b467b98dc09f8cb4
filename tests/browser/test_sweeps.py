"""Sweeps in a browser: lines over parallel axes, a sweep begun from YAML by keys, faults with their place, news."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Viewer
from tests.server.living import Living
from tests.web.sown import NASTY, completed, ended, half, row_of

SHOWN = "#trials tr[data-trial]:not([hidden])"

POINT = """([axis, share]) => {
  const canvas = document.querySelector("#parallel-chart canvas").getBoundingClientRect();
  const chart = echarts.getInstanceByDom(document.getElementById("parallel-chart"));
  const parallel = chart.getModel().getComponent("parallel").coordinateSystem;
  const { position } = parallel.getAxisLayout(parallel.dimensions[axis]);
  const { y, height } = parallel.getRect();
  return [canvas.x + position[0], canvas.y + y + height * share];
}"""
"""Where an axis is on the screen, at a share of its height from the top."""

YAML = """\
name: here
pipeline: training
method: grid
parameters:
  lr: {values: [0.1, 0.2, 0.3]}
"""


def drawn(page: Page, url: str) -> Page:
    """Open a sweep's page, and wait until its lines are drawn, and its parameters weighed."""
    page.goto(url)
    expect(page.locator("#parallel")).to_have_class("scripted drawn")
    expect(page.locator("#importance table")).to_be_visible(timeout=30_000)
    page.locator("#parallel-chart").scroll_into_view_if_needed()
    return page


def drag(page: Page, axis: int, begin: float, end: float) -> None:
    """Brush an axis with the mouse."""
    x, y = page.evaluate(POINT, [axis, begin])
    page.mouse.move(x, y)
    page.mouse.down()
    x, y = page.evaluate(POINT, [axis, end])
    page.mouse.move(x, y, steps=6)
    page.mouse.up()


def test_what_is_brushed_stays_in_the_table(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    identity = living.ask(half(living.engine))
    page = drawn(view().page, f"{living.url}/sweeps/{identity}")
    expect(page.locator(SHOWN)).to_have_count(40)
    drag(page, 2, -0.02, 0.35)
    told = page.locator("#kept")
    expect(told).to_contain_text("of 40 trials are kept")
    values = [float(text) for text in page.locator(f"{SHOWN} td.metric").all_inner_texts()]
    assert values
    assert min(values) >= 0.5
    assert max(values) == 0.85
    page.get_by_role("button", name="Keep all").click()
    expect(page.locator(SHOWN)).to_have_count(40)
    expect(told).to_be_empty()


def test_trials_are_kept_by_keys_too_and_dark_is_drawn_in_its_own_colours(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    identity = living.ask(half(living.engine))
    viewer = view(color_scheme="dark")
    page = drawn(viewer.page, f"{living.url}/sweeps/{identity}")
    page.get_by_label("Keep those whose").select_option("accuracy")
    page.get_by_label("is at least").fill("0.8")
    page.keyboard.press("Enter")
    expect(page.locator("#kept")).to_have_text("2 of 40 trials are kept.")
    expect(page.locator(SHOWN)).to_have_count(2)
    page.get_by_label("and at most").fill("0.8")
    page.keyboard.press("Enter")
    expect(page.locator("#kept")).to_have_text("1 of 40 trials are kept.")
    colour = """() => echarts.getInstanceByDom(document.getElementById("parallel-chart"))
      .getOption().parallelAxis[0].axisLabel.color"""
    dark = page.evaluate(colour)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"(before) => ({colour})() !== before", arg=dark)
    expect(page.locator(SHOWN)).to_have_count(40)


def test_parameters_full_of_script_stay_text(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    identity = living.ask(half(living.engine))
    page = view().page
    alerts: list[Any] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    drawn(page, f"{living.url}/sweeps/{identity}")
    assert page.locator("#trials td", has_text=NASTY).count() > 5
    page.get_by_text("As YAML").click()
    expect(page.locator("pre", has_text=NASTY)).to_be_visible()
    assert not alerts


def test_a_sweep_is_begun_from_yaml_by_keys(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    page = view().page
    page.goto(f"{living.url}/sweeps")
    page.get_by_role("link", name="Begin a sweep").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Definition").fill(YAML)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    plan = page.get_by_role("region", name="The plan of here")
    expect(plan).to_be_focused()
    expect(plan).to_contain_text("3 trials")
    page.keyboard.press("Tab")  # to its table, which may be wider than the screen
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Begin 3 trials")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sweeps/*-*")
    expect(page.get_by_role("status").first).to_contain_text("here is begun: 3 trials")
    expect(page.get_by_role("heading", level=1)).to_have_text("here")


def test_a_fault_leads_to_its_line(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    living = site()
    viewer = view()
    viewer.expected = ("422",)
    page = viewer.page
    page.goto(f"{living.url}/sweeps/new")
    page.get_by_label("Definition").fill(YAML.replace("method", "methd"))
    page.get_by_role("button", name="Plan").last.click()
    expect(page.get_by_role("alert")).to_contain_text('unknown key; did you mean "method"?')
    page.get_by_role("button", name="Line 3, column 1").click()
    text = page.get_by_label("Definition")
    expect(text).to_be_focused()
    selected = text.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert selected == "methd: grid"


def test_a_sweep_is_paused_over_its_page_and_news_are_shown(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    identity = living.ask(half(living.engine))
    page = drawn(view().page, f"{living.url}/sweeps/{identity}")
    page.get_by_role("link", name="Pause").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The 0 that run go on")
    dialog.get_by_role("button", name="Pause it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Resume")).to_be_visible()
    assert living.ask(row_of(living.engine, identity)).paused
    expect(page.locator("html.hears")).to_be_attached()
    living.ask(ended(living.engine, identity, [completed(21, accuracy=0.95)]))
    living.tell(status="completed", sweep=identity, trial="21", at="1")
    expect(page.get_by_text("Best accuracy")).to_be_visible()
    expect(page.locator("#now")).to_contain_text("0.95")
    expect(page.locator("#now progress")).to_have_attribute("value", "21")
