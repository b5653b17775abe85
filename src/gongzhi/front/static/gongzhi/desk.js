// The desk: keys, ticking many, going somewhere. Everything works with the mouse as well.
"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const typing = (node) =>
    node.closest(
      "input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=file]), textarea, select, [contenteditable]",
    );

  // Keys of the desk.
  let here = -1;
  const entries = () => all("[data-rows] > *").filter((row) => row.querySelector("a[href]"));
  const go = (step) => {
    const rows = entries();
    if (!rows.length) return;
    here = Math.min(Math.max(here + step, 0), rows.length - 1);
    rows.forEach((row, index) => row.classList.toggle("is-here", index === here));
    rows[here].querySelector("a[href]").focus();
    rows[here].scrollIntoView({ block: "nearest" });
  };

  // Ticking many: with x, with Shift for all between, with one box for the page.
  let lastTick = null;
  const ticks = (form) => all("[data-tick]", form);
  const count = (form) => {
    const boxes = ticks(form);
    const ticked = boxes.filter((box) => box.checked).length;
    const words = form.querySelector("[data-tick-count]");
    if (words) words.textContent = ticked ? words.dataset.words.replace("%s", ticked) : "";
    const every = form.querySelector("[data-tick-all]");
    if (!every) return;
    every.hidden = false;
    const box = every.querySelector("input");
    box.checked = ticked > 0 && ticked === boxes.length;
    box.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  const tick = (box, range) => {
    const form = box.form;
    const boxes = ticks(form);
    if (range && lastTick && lastTick.form === form) {
      const [from, to] = [boxes.indexOf(lastTick), boxes.indexOf(box)].sort((one, two) => one - two);
      boxes.slice(from, to + 1).forEach((other) => {
        other.checked = box.checked;
      });
    }
    lastTick = box;
    count(form);
  };
  document.addEventListener("click", (event) => {
    if (event.target.matches("input[data-tick]")) tick(event.target, event.shiftKey);
    const every = event.target.closest("[data-tick-all] input");
    if (every) {
      ticks(every.form).forEach((box) => {
        box.checked = every.checked;
      });
      count(every.form);
    }
  });
  // Shift and a click would also mark text.
  document.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest(".tick-box")) event.preventDefault();
  });
  all("form[data-bulk]").forEach(count);
  // Whoever walks with Tab takes the mark along.
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("[data-rows] > *");
    if (row) here = entries().indexOf(row);
  });
  document.addEventListener("htmx:afterSettle", () => {
    here = -1;
    all("form[data-bulk]").forEach(count);
  });

  // g and a letter: go somewhere. The letters stand in the help window, so that both say the same.
  const ROADS = { d: "goToday", i: "goInbox", c: "goCases", t: "goTasks", m: "goMap" };
  let going = 0;

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && key === "k") {
      const quick = document.querySelector("[data-quick]");
      if (quick && quick.offsetParent) {
        event.preventDefault();
        quick.focus();
        quick.select();
      }
      return;
    }
    // Somebody who is choosing Chinese characters presses keys that mean nothing here.
    if (event.isComposing || event.keyCode === 229) return;
    if ((event.ctrlKey || event.metaKey) && key === "enter" && typing(event.target)) {
      // Sent from within a field, with the button that the form is about.
      const form = event.target.form;
      const button = form && form.querySelector("button[data-key='a'], button.button--primary");
      if (!button) return;
      event.preventDefault();
      form.requestSubmit(button);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key === "escape") {
      all("details.menu[open]").forEach((menu) => {
        menu.removeAttribute("open");
        menu.querySelector("summary").focus();
      });
      if (typing(event.target) && document.getElementById("keys")) event.target.blur();
      return;
    }
    // Single keys belong to the desk only, and never to somebody who is writing.
    const help = document.getElementById("keys");
    if (!help || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (going && event.timeStamp - going < 1500) {
      going = 0;
      const road = ROADS[key] && help.dataset[ROADS[key]];
      if (!road) return;
      event.preventDefault();
      window.location.assign(road);
      return;
    }
    if (key === "j") go(1);
    else if (key === "k") go(-1);
    else if (key === "g") going = event.timeStamp;
    else if (key === "x") {
      const box = here >= 0 && entries()[here] && entries()[here].querySelector("input[data-tick]");
      if (!box) return;
      box.checked = event.shiftKey && lastTick ? lastTick.checked : !box.checked;
      tick(box, event.shiftKey);
    }
    else if (key === "?") {
      if (help.showModal) help.showModal();
    } else {
      const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!target) return;
      if (target.matches("details")) {
        target.open = true;
        target.querySelector("summary").focus();
      } else if (target.matches("input, select, textarea")) {
        const folded = target.closest("details:not([open])");
        if (folded) folded.open = true;
        target.focus();
      }
      else target.click();
    }
    event.preventDefault();
  });
})();
