/* Leads from a fault to its place in the text, and to the plan when there is one. */
"use strict";

(() => {
  const text = document.getElementById("text");
  document.querySelectorAll(".where[data-line]").forEach((place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = place.textContent;
    button.addEventListener("click", () => {
      const lines = text.value.split("\n");
      const begin = lines.slice(0, place.dataset.line - 1).join("\n").length + (place.dataset.line > 1 ? 1 : 0);
      const at = begin + Number(place.dataset.column) - 1;
      text.focus();
      text.setSelectionRange(at, begin + (lines[place.dataset.line - 1] || "").length);
      text.scrollTop = (place.dataset.line - 4) * (text.scrollHeight / Math.max(1, lines.length));
    });
    place.replaceChildren(button);
  });
  document.getElementById("plan")?.focus();
})();
