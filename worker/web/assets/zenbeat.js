/* What pages do beyond being read: times on the viewer's clock, forms laid over the page, keys, and news as it comes. */
"use strict";

(() => {
  const page = document.documentElement;
  page.classList.add("live");

  /* --- times: in the viewer's zone and manner (12 or 24 hours), and how far off they are */

  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const today = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const far = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
  const STEPS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  const distance = (at, now) => {
    const seconds = (at - now) / 1000;
    const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) || STEPS[3];
    return far.format(Math.trunc(seconds / size), unit);
  };

  const tell = (time, now) => {
    const at = new Date(time.dateTime);
    if (isNaN(at)) return;
    const same = at.toDateString() === now.toDateString();
    const told = same ? today.format(at) : whole.format(at);
    const text = time.hasAttribute("data-near") ? distance(at, now) : told;
    if (time.textContent !== text) time.textContent = text;
    time.title = `${whole.format(at)} · ${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  };

  const tellAll = (within) => {
    const now = new Date();
    within.querySelectorAll("time[datetime]").forEach((time) => tell(time, now));
  };

  tellAll(document);
  setInterval(() => {
    const now = new Date();
    document.querySelectorAll("time[data-near]").forEach((time) => tell(time, now));
  }, 1000);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zone = document.getElementById("zone");
  if (zone) zone.textContent = ` (${here})`;
  /* Fields for times are on the viewer's clock, unless the address says on whose. */
  document.querySelectorAll("input[data-zone]").forEach((field) => {
    if (new URLSearchParams(location.search).get(field.name)) return;
    field.value = here;
    field.form.querySelectorAll(".zone").forEach((told) => { told.textContent = here; });
  });
  document.addEventListener("htmx:afterSettle", (event) => tellAll(event.target.parentElement || document));

  /* --- forms that are laid over the page */

  const over = document.getElementById("over");
  let opener = null;

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target === over && !over.open) opener = event.detail.elt;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target !== over) return;
    if (!over.open) over.showModal();
    const first = over.querySelector("[autofocus], input:not([type=hidden]), textarea, select") || over.querySelector("h1");
    if (first) first.focus();
  });
  over.addEventListener("close", () => {
    over.replaceChildren();
    if (opener && opener.isConnected) opener.focus();
  });
  document.addEventListener("click", (event) => {
    if (event.target === over || (event.target.closest("[data-close]") && over.open)) {
      event.preventDefault();
      over.close();
    }
  });
  document.addEventListener("htmx:sendError", () => say("zenbeat cannot be reached; nothing was done."));

  const say = (text) => {
    let told = document.querySelector(".told");
    if (!told) {
      told = document.createElement("p");
      told.className = "told";
      told.setAttribute("role", "status");
      document.getElementById("main").prepend(told);
    }
    told.textContent = text;
  };

  /* --- keys */

  const keys = document.getElementById("keys");
  let led = 0;

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("main tbody tr:not([hidden])")].filter((row) => row.querySelector("a"));

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    next.querySelector("a").focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || over.open) return;
    if (Date.now() - led < 1500) {
      led = 0;
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    const act = {
      g: () => (led = Date.now()),
      "?": () => keys.showModal(),
      "/": () => document.querySelector("main input[type=search]")?.focus(),
      j: () => step(1),
      k: () => step(-1),
    }[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
  document.getElementById("ask-keys").addEventListener("click", () => keys.showModal());

  /* --- news: outcomes as they come. Rows go into the feed, if the page has one; what is marked with data-news is
     asked for again, but no more often than it says (seconds; 3, if it says nothing). A hidden page hears nothing:
     browsers keep few connections to one host. */

  const SOONEST = 1000 * (document.querySelector("[data-news]")?.dataset.news || 3);
  const KEPT = 50;
  const SOONEST_AGAIN = 10000;
  const LATEST_AGAIN = 160000;
  const listening = document.querySelector("[data-live]");
  let source = null;
  let last = page.dataset.heard || "";
  let asked = 0;
  let waiting = null;
  let patience = SOONEST_AGAIN;
  let again = null;

  /* What is being asked for may have been read before the news; what is being put in place does not hear them yet. */
  const busy = () => document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling");

  const refresh = () => {
    waiting = busy() ? setTimeout(refresh, 100) : null;
    if (waiting !== null) return;
    asked = Date.now();
    document.querySelectorAll("[data-news]").forEach((part) => window.htmx.trigger(part, "news"));
  };

  /* Nobody looks at a hidden page: what it would ask for would but keep a session going. */
  document.addEventListener("htmx:configRequest", (event) => {
    if (document.hidden && event.target.hasAttribute("data-news")) event.preventDefault();
  });

  /* What cannot be had now stays as it was. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status >= 400 && event.target.hasAttribute("data-news")) event.detail.shouldSwap = false;
  });

  const hear = (event) => {
    last = event.lastEventId || last;
    const feed = document.getElementById("feed");
    if (feed) {
      const made = document.createElement("template");
      made.innerHTML = event.data;
      made.content.querySelectorAll("tr").forEach((row) => row.classList.add("fresh"));
      tellAll(made.content);
      feed.prepend(made.content);
      while (feed.children.length > KEPT) feed.lastElementChild.remove();
      document.getElementById("quiet")?.remove();
    }
    if (waiting === null) waiting = setTimeout(refresh, Math.max(0, asked + SOONEST - Date.now()));
  };

  const listen = () => {
    const address = new URL(listening.dataset.live, location.href);
    if (last) address.searchParams.set("after", last);
    source = new EventSource(address);
    source.addEventListener("open", () => {
      patience = SOONEST_AGAIN;
      page.classList.add("hears");
    });
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) later();
      else page.classList.remove("hears");
    });
    source.addEventListener("outcome", hear);
  };

  /* Browsers take up a stream that broke off, but not one that was refused: too many are open, or nobody is logged in
     any more; then what is asked for again leads to the login. */
  const later = () => {
    leave();
    again = setTimeout(() => {
      listen();
      refresh();
    }, patience);
    patience = Math.min(2 * patience, LATEST_AGAIN);
  };

  const leave = () => {
    source?.close();
    source = null;
    clearTimeout(again);
    clearTimeout(waiting);
    waiting = null;
    page.classList.remove("hears");
  };

  if (listening) {
    listen();
    document.addEventListener("visibilitychange", () => {
      leave();
      if (document.hidden) return;
      listen();
      refresh();
    });
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", (event) => {
      if (event.persisted && !source) listen();
    });
  }
})();
