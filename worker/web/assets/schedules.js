/* Schedules: how many are ticked, and all at once. Rows that are asked for again keep their ticks by themselves. */
"use strict";

(() => {
  const all = document.getElementById("tick-all");
  const told = document.getElementById("ticks");
  if (!all) return;

  const boxes = () => [...document.querySelectorAll('input[name="name"][form="ticked"]')];

  const tell = () => {
    const some = boxes();
    const ticked = some.filter((box) => box.checked).length;
    told.textContent = ticked ? `ticked (${ticked})` : "ticked";
    all.checked = ticked > 0 && ticked === some.length;
    all.indeterminate = ticked > 0 && ticked < some.length;
  };

  all.addEventListener("change", () => {
    boxes().forEach((box) => (box.checked = all.checked));
    tell();
  });
  document.addEventListener("change", (event) => {
    if (event.target.name === "name") tell();
  });
  document.addEventListener("htmx:afterSettle", () => {
    tell();
    // Whoever comes back from what is ticked is to see the list as it is now.
    const back = document.querySelector('#ticked input[name="back"]');
    if (back) back.value = location.pathname + location.search;
  });
  tell();
})();
