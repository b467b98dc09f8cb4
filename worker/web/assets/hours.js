/* Hours under a chart: on the viewer's clock, in the viewer's manner. */
"use strict";

(() => {
  const hour = new Intl.DateTimeFormat(undefined, { hour: "numeric" });

  const tell = (within) => {
    within.querySelectorAll("[data-hour]").forEach((mark) => {
      mark.textContent = hour.format(new Date(mark.dataset.hour));
    });
  };

  tell(document);
  document.addEventListener("htmx:afterSettle", () => tell(document));
})();
