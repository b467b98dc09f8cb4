/* The timeline on the viewer's clock: its hours, and what its symbols say. On narrow screens it opens where now is. */
"use strict";

(() => {
  const hour = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
  const bare = new Intl.DateTimeFormat(undefined, { hour: "numeric" });
  const twelve = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hour12;
  const UTC = /\b(\d\d):(\d\d) UTC\b/g;
  const HALF = 12 * 3600 * 1000;

  /* All that is told lies within hours of now: so the nearest instant that reads so is meant. */
  const nearest = (hours, minutes) => {
    const now = new Date();
    const at = new Date(now);
    at.setUTCHours(hours, minutes, 0, 0);
    if (at - now > HALF) at.setUTCDate(at.getUTCDate() - 1);
    if (now - at > HALF) at.setUTCDate(at.getUTCDate() + 1);
    return at;
  };
  const own = (text) => text.replace(UTC, (_, hours, minutes) => hour.format(nearest(+hours, +minutes)));

  const relabel = (timeline) => {
    timeline.querySelectorAll("[data-hour]").forEach((tick) => {
      const at = new Date(tick.dataset.hour);
      tick.textContent = (twelve && at.getMinutes() === 0 ? bare : hour).format(at);
    });
    timeline.querySelectorAll("title").forEach((title) => (title.textContent = own(title.textContent)));
    timeline.querySelectorAll("svg[aria-label]").forEach((row) => {
      const told = own(row.getAttribute("aria-label"));
      row.setAttribute("aria-label", told);
      const title = document.createElementNS(row.namespaceURI, "title");
      title.textContent = told;
      row.prepend(title);
    });
  };

  const relabelAll = () => document.querySelectorAll("#timeline").forEach(relabel);
  relabelAll();
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "timeline") relabelAll();
  });

  const frame = document.getElementById("hours-scroll");
  if (frame) frame.scrollLeft = (frame.scrollWidth - frame.clientWidth) / 2;
})();
