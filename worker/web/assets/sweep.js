/* A line for each trial over parallel axes. What is kept by dragging along an axis stays in the table, the rest is hidden. */
"use strict";

(() => {
  const place = document.getElementById("parallel");
  if (!place || !window.echarts) return;
  const canvas = document.getElementById("parallel-chart");
  const told = document.getElementById("kept");
  const rows = new Map([...document.querySelectorAll("#trials tr[data-trial]")].map((row) => [Number(row.dataset.trial), row]));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const AXIS = 168;

  /* A custom property as a colour that a canvas understands: `light-dark()` is worked out by the browser. */
  const probe = document.createElement("span");
  probe.hidden = true;
  place.append(probe);
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const parts = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);
  const between = (from, to, share) => `rgb(${parts(from).map((part, at) => Math.round(part + (parts(to)[at] - part) * share)).join(",")})`;

  const short = (value) => {
    const size = Math.abs(value);
    return value !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(0) : String(Number(value.toPrecision(4)));
  };
  const cut = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);

  let data = null;
  let chart = null;

  /* How good each trial is, from 0 to 1, by its place among the others: a few that are far out do not hide the rest. */
  const shares = () => {
    const known = data.trials.filter((trial) => data.metric !== null && trial.at[data.metric] !== null);
    const sign = data.goal === "maximize" ? 1 : -1;
    known.sort((one, other) => sign * (one.at[data.metric] - other.at[data.metric]));
    return new Map(known.map((trial, at) => [trial.trial, known.length > 1 ? at / (known.length - 1) : 1]));
  };

  const axis = (each, dim) => ({
    dim,
    id: `axis-${dim}`,
    name: cut(each.name),
    type: each.kind,
    ...(each.kind === "category" ? { data: each.values.map(cut) } : { scale: true }),
    axisLabel: { color: colour("text"), backgroundColor: colour("card"), padding: [1, 2], ...(each.kind === "category" ? {} : { formatter: short }) },
  });

  const option = () => {
    const good = shares();
    const low = colour("warn"), high = colour("busy"), bad = colour("bad");
    const line = (trial) => {
      const share = good.get(trial.trial);
      return share === undefined
        ? { color: bad, type: "dashed", width: 1, opacity: 0.5 }
        : { color: between(low, high, share), width: share === 1 ? 3 : 1.4, opacity: 0.4 + 0.5 * share };
    };
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      parallel: {
        left: 48, right: 72, top: 40, bottom: 24,
        parallelAxisDefault: {
          nameTextStyle: { color: colour("text"), fontSize: 12 },
          axisLine: { lineStyle: { color: colour("quiet") } },
          axisTick: { lineStyle: { color: colour("quiet") } },
          areaSelectStyle: { width: 22, borderColor: colour("focus"), color: colour("focus"), opacity: 0.25 },
        },
      },
      parallelAxis: data.axes.map(axis),
      series: [{
        type: "parallel",
        smooth: 0.05,
        inactiveOpacity: 0.05,
        activeOpacity: 0.9,
        progressive: 0,
        data: data.trials.map((trial) => ({
          value: trial.at.map((value) => (value === null ? "-" : value)),
          lineStyle: line(trial),
        })),
      }],
    };
  };

  const brushed = () => chart.getModel().queryComponents({ mainType: "parallelAxis" }).some((each) => each.activeIntervals.length > 0);

  const keep = () => {
    const all = !brushed();
    const active = new Set(all ? [] : chart.getModel().getSeriesByIndex(0).getRawIndicesByActiveState("active"));
    let count = 0;
    data.trials.forEach((trial, at) => {
      const kept = all || active.has(at);
      count += kept;
      const row = rows.get(trial.trial);
      if (row) row.hidden = !kept;
    });
    told.textContent = all ? "" : `${count} of ${data.trials.length} trials are kept.`;
  };

  const draw = () => {
    if (chart) chart.dispose();
    canvas.style.minWidth = `${Math.max(3, data.axes.length) * (AXIS / 1.4)}px`;
    chart = window.echarts.init(canvas, null, { renderer: "canvas" });
    canvas.setAttribute("role", "img");
    chart.setOption(option());
    chart.on("axisareaselected", () => requestAnimationFrame(keep));
    keep();
  };

  const select = (dim, intervals) => chart.dispatchAction({ type: "axisAreaSelect", parallelAxisId: `axis-${dim}`, intervals });

  const offer = () => {
    const choice = document.getElementById("brush-axis");
    data.axes.forEach((each, dim) => {
      if (each.kind !== "category") choice.add(new Option(each.name, dim));
    });
    const low = document.getElementById("brush-low"), high = document.getElementById("brush-high");
    const number = (field, otherwise) => (field.value.trim() === "" || isNaN(field.value) ? otherwise : Number(field.value));
    document.getElementById("brush").addEventListener("submit", (event) => {
      event.preventDefault();
      const values = data.trials.map((trial) => trial.at[choice.value]).filter((value) => value !== null);
      if (values.length) select(choice.value, [[number(low, Math.min(...values)), number(high, Math.max(...values))]]);
    });
    document.getElementById("brush-clear").addEventListener("click", () => {
      data.axes.forEach((_, dim) => select(dim, []));
      low.value = high.value = "";
    });
    document.getElementById("brush").hidden = choice.length === 0;
  };

  fetch(place.dataset.trials, { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.statusText))))
    .then((found) => {
      data = found;
      if (data.axes.length < 2 || !data.trials.length) {
        place.hidden = true;
        return;
      }
      draw();
      offer();
      dark.addEventListener("change", draw);
      new ResizeObserver(() => chart.resize()).observe(canvas);
      place.classList.add("drawn");
    })
    .catch(() => (place.hidden = true));
})();
