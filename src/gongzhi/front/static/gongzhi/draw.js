// Draws the lists of the field pages from what the device keeps.
"use strict";
(() => {
  const { root, all, one, say, today, clock, subject } = field;
  let drawn = 0;

  const late = (due) => due && (due.length > 10 ? new Date(due) < new Date() : due < today());

  const fill = (name, row) => {
    const piece = document.importNode(one(`#row-${name}`).content, true);
    drawn += 1;
    all("[id]", piece).forEach((node) => (node.id += `-${drawn}`));
    all("[for]", piece).forEach((node) => (node.htmlFor += `-${drawn}`));
    all("[aria-describedby]", piece).forEach((node) => node.setAttribute("aria-describedby", `${node.getAttribute("aria-describedby")}-${drawn}`));
    all("[data-t]", piece).forEach((node) => (node.textContent = row[node.dataset.t] || ""));
    all("[data-if]", piece).forEach((node) => (node.hidden = !row[node.dataset.if]));
    all("[data-unless]", piece).forEach((node) => (node.hidden = Boolean(row[node.dataset.unless])));
    all("[data-f]", piece).forEach((node) => (node.value = row[node.dataset.f] || ""));
    all("[data-to]", piece).forEach((node) => (node.href = row[node.dataset.to] || ""));
    all("[data-late]", piece).forEach((node) => (node.hidden = !late(row.due_iso)));
    return piece;
  };

  const words = (data) => [data.text, data.whom, data.asked, data.words, data.reason, data.promise].filter(Boolean).join(" · ");
  const name = (kind) => say(`kind_${kind.replace(".", "_")}`, {});
  // What it is about, while the day's work still knows it.
  const called = (data) => {
    const { tasks = [], pieces = [] } = field.day || {};
    const same = (rows, id) => rows.find((row) => id && String(row.id) === String(id)) || {};
    return same(tasks, data.task).title || same(pieces, data.assignment).title || "";
  };
  const pending = ["waiting", "again", "refused", "doubtful"];

  const SHOWN = 60; // rows of what waits; the count says how many there are

  // Five hundred answers are no reason to draw five hundred times.
  let drawing = null;
  let stale = false;
  const draw = () => {
    if (drawing) stale = true;
    else
      drawing = paint().finally(() => {
        drawing = null;
        if (!stale) return;
        stale = false;
        setTimeout(draw, 250);
      });
    return drawing;
  };

  const paint = async () => {
    const items = await outbox.list();
    const about = new Map();
    const quiet = ["assignment.read", "aside.settle"]; // nobody waits for these
    items.filter((item) => pending.includes(item.state) && !quiet.includes(item.kind)).forEach((item) => about.set(subject(item), item));
    if (field.day) field.options();
    all("[data-list]").forEach((list) => {
      const which = list.dataset.list;
      let rows = (field.day && field.day[which]) || [];
      if (which === "pending")
        rows = items
          .filter((item) => pending.includes(item.state) && (!list.dataset.kinds || list.dataset.kinds.split(" ").includes(item.kind)))
          .slice(-SHOWN)
          .map((item) => ({ ...item, title: words(item.data) || name(item.kind), kind_words: name(item.kind), when: clock(item.at), state_words: say(`state_${item.state}`, {}) }));
      if (which === "outbox")
        rows = items
          .filter((item) => !quiet.includes(item.kind) || !["waiting", "again", "done"].includes(item.state))
          .reverse()
          .sort((one, other) => pending.includes(other.state) - pending.includes(one.state))
          .slice(0, SHOWN)
          .map((item) => ({
            ...item,
            title: words(item.data) || name(item.kind),
            kind_words: [name(item.kind), called(item.data)].filter(Boolean).join(" · "),
            when: clock(item.at),
            state_words: say(`state_${item.state}`, {}),
            number: item.state === "done" && item.says ? say("number", { number: item.says }) : "",
            says: item.state === "done" ? "" : item.says,
            refused: item.state === "refused",
            conflict: item.state === "conflict",
            doubtful: item.state === "doubtful",
            open: pending.includes(item.state),
            main: item.data.text || item.data.words || item.data.reason || item.data.asked || "",
          }));
      if (which === "aside") {
        const here = new Set(items.map((item) => item.key));
        rows = rows.filter((row) => !here.has(row.key)).map((row) => ({ ...row, kind_words: name(row.kind) }));
      }
      if (list.dataset.only) rows = rows.filter((row) => row[list.dataset.only]);
      // Somebody is writing in this list: it is drawn when they have finished.
      if (list.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
      const opened = new Set(all("details[open]", list).map((node) => node.closest("[data-row]").dataset.row));
      list.replaceChildren(
        ...rows.map((row) => {
          const mark = String(row.id || row.uid || row.key);
          const waits = which === "outbox" || which === "pending" || which === "aside" ? null : about.get(row.id ? `${which}:${row.id}` : mark);
          const piece = fill(which, { ...row, waits: waits ? `${name(waits.kind)}: ${say(`state_${waits.state}`, {})}` : "" });
          const node = piece.firstElementChild;
          node.dataset.row = mark;
          const more = one("details", node);
          if (more && opened.has(mark)) more.open = true;
          return piece;
        }),
      );
      const empty = one(`[data-empty="${which}"]`, list.parentElement);
      if (empty) empty.hidden = rows.length > 0 || (!field.day && which !== "outbox" && which !== "pending");
      const section = list.closest("[data-section]");
      if (section) section.hidden = rows.length === 0;
      all(`[data-number="${which}"]`).forEach((node) => (node.textContent = rows.length));
    });
    root.dataset.ready = field.day ? "day" : "empty";
  };

  field.draw = draw;
})();
