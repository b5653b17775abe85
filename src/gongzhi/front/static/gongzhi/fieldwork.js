// What the scripts of the field pages share: finding, saying, telling the time.
"use strict";
window.field = (() => {
  const root = document.querySelector("[data-field]");
  const telling = JSON.parse(document.getElementById("telling").textContent);
  const all = (selector, base = document) => Array.from(base.querySelectorAll(selector));
  const one = (selector, base = document) => base.querySelector(selector);
  const say = (name, more) => (telling[name] || "").replace(/%\((\w+)\)s/g, (_whole, part) => more[part]);
  const two = (number) => String(number).padStart(2, "0");
  const today = () => {
    const now = new Date();
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  };
  const clock = (at) => {
    const when = new Date(at);
    return `${two(when.getMonth() + 1)}-${two(when.getDate())} ${two(when.getHours())}:${two(when.getMinutes())}`;
  };
  // Which row an entry is about. A work order and a piece of a directive may have the same number.
  const subject = ({ data, key }) => {
    if (data.task) return `tasks:${data.task}`;
    return data.assignment ? `pieces:${data.assignment}` : String(data.uid || key);
  };
  const note = one("[data-note]");
  const announce = (words) => {
    note.textContent = words;
    note.parentElement.hidden = !words;
  };
  const keepPages = (what) => {
    if (navigator.serviceWorker && navigator.serviceWorker.controller) navigator.serviceWorker.controller.postMessage(what);
  };

  // The places and categories to choose from, as the day's work names them.
  const options = () => {
    const lists = { places: shared.day.places, report_places: shared.day.report_places, categories: shared.day.categories };
    all("select[data-options]").forEach((select) => {
      const rows = lists[select.dataset.options] || [];
      const marks = JSON.stringify(rows);
      if (select.dataset.marks === marks) return;
      const before = select.value;
      select.replaceChildren(...rows.map(([value, words]) => new Option(words, value)));
      if (rows.some(([value]) => value === before)) select.value = before;
      select.dataset.marks = marks;
      const field = select.closest(".field");
      if (field) field.hidden = rows.length < 2;
    });
  };

  // "day" is the day's work as the device knows it; draw.js adds how it is drawn.
  const shared = { root, all, one, say, today, clock, subject, note, announce, keepPages, options, day: null };
  return shared;
})();
