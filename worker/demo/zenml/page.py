"""What a person sees in a browser: that it is a demo, what there is to run, and the latest runs."""

import json
from collections.abc import Iterable
from html import escape

from worker.demo.zenml.runs import Run, given
from worker.demo.zenml.runshapes import RunShapes
from worker.demo.zenml.state import DemoState

SHOWN = 50
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DEMO - ZenML {version} (zenbeat)</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 0 1rem; color: #1c2430 }}
.demo {{ background: #ffe08a; margin: 1rem 0; padding: .6rem 1rem; border-radius: .4rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde2ea; vertical-align: top }}
code {{ font-size: 13px }}
.completed {{ color: #17703a }} .failed, .stopped {{ color: #b3261e }} .running {{ color: #1a57b8 }}
</style></head><body>
<p class="demo"><strong>DEMO.</strong> This is not ZenML. It behaves like ZenML {version}'s REST API, executes nothing,
keeps everything in memory, and forgets it when it ends.</p>
<h1>{title}</h1>
<p>{count} runs so far. API key <code>{key}</code>, project <code>{project}</code>.</p>
<table><tr><th>Run<th>Pipeline<th>Status<th>Started (UTC)<th>Parameters<th>Tags</tr>
{runs}
</table>
<h2>What can be run</h2>
<table><tr><th>Pipeline<th>Run templates<th>Snapshots<th>Steps</tr>
{pipelines}
</table></body></html>
"""


def render(state: DemoState, shapes: RunShapes, only: Run | None = None) -> str:
    """Make the page, of the latest runs or of one."""
    latest = [only] if only else state.runs.values()[-SHOWN:][::-1]
    return PAGE.format(
        version=escape(state.options.version),
        key=escape(state.login.api_key),
        project=escape(state.options.project),
        title=f"Run {escape(only.name)}" if only else "Latest runs",
        count=len(state.runs),
        runs="\n".join(_row(run, shapes) for run in latest) or "<tr><td colspan=6>None yet.</tr>",
        pipelines="\n".join(_pipelines(state)),
    )


def _row(run: Run, shapes: RunShapes) -> str:
    status = shapes.status(run)
    parameters = json.dumps(given(run.configuration), default=str)[:300]
    cells = (run.name, run.pipeline, status, f"{run.created:%Y-%m-%d %H:%M:%S}", parameters, ", ".join(run.tags))
    name, pipeline, _, *others = map(escape, cells)
    rest = "".join(f"<td>{cell}" for cell in others)
    return f'<tr><td><code>{name}</code><td>{pipeline}<td class="{status}">{status}{rest}</tr>'


def _pipelines(state: DemoState) -> Iterable[str]:
    catalogue = state.catalogue
    for pipeline in tuple(catalogue.pipelines.values()):
        templates = [one.name for one in catalogue.templates.values() if one.pipeline is pipeline]
        snapshots = [one.name or "" for one in catalogue.snapshots.values() if one.pipeline is pipeline]
        steps = [f"{step.name}({', '.join(step.parameters)})" for step in pipeline.steps]
        cells = (pipeline.name, ", ".join(templates), ", ".join(snapshots), ", ".join(steps))
        yield "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells) + "</tr>"
