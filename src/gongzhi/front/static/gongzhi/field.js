// The field pages: draws the day's work from what the device keeps, and puts what is entered into the outbox.
"use strict";
(() => {
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
  let day = null;
  let drawn = 0;

  // --- what the line and the outbox say ----------------------------------------------------------------------------

  const line = one("[data-line]");
  const note = one("[data-note]");
  const enter = one("[data-enter]");
  const announce = (words) => {
    note.textContent = words;
    note.parentElement.hidden = !words;
  };
  const state = (name) => {
    root.dataset.state = name;
    line.textContent = say(name, {}) + (day ? " " + say("read", { when: day.read }) : "");
    enter.hidden = name !== "signed_out";
  };

  outbox.on((what, more) => {
    if (what === "count") {
      one("[data-count]").textContent = more ? say("waiting", { count: more }) : say("nothing_waits", {});
      all("[data-badge]").forEach((badge) => {
        badge.textContent = more || "";
        badge.hidden = !more;
      });
    } else if (what === "other_user") {
      announce(say("other_user", {}));
      keepPages("gaps");
    } else if (what === "day") {
      day = more;
      if (day.language !== root.dataset.language) otherLanguage();
      draw();
    } else if (["online", "offline", "signed_out"].includes(what)) state(what);
    else draw();
  });

  // Another language was chosen elsewhere: the pages that are kept are fetched anew, once.
  const otherLanguage = () => {
    keepPages("pages");
    try {
      if (sessionStorage.getItem("gongzhi-reloaded") === day.language) return;
      sessionStorage.setItem("gongzhi-reloaded", day.language);
    } catch {
      return;
    }
    location.reload();
  };

  // --- drawing -----------------------------------------------------------------------------------------------------

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

  const options = () => {
    const lists = { places: day.places, report_places: day.report_places, categories: day.categories };
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

  const words = (data) => [data.text, data.whom, data.asked, data.words, data.reason, data.promise].filter(Boolean).join(" · ");
  const name = (kind) => say(`kind_${kind.replace(".", "_")}`, {});
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
    items.filter((item) => pending.includes(item.state) && !quiet.includes(item.kind)).forEach((item) => about.set(String(item.data.task || item.data.assignment || item.data.uid || item.key), item));
    if (day) options();
    all("[data-list]").forEach((list) => {
      const which = list.dataset.list;
      let rows = (day && day[which]) || [];
      if (which === "pending")
        rows = items
          .filter((item) => pending.includes(item.state) && (!list.dataset.kinds || list.dataset.kinds.split(" ").includes(item.kind)))
          .slice(-SHOWN)
          .map((item) => ({ ...item, title: words(item.data) || name(item.kind), kind_words: name(item.kind), when: clock(item.at), state_words: say(`state_${item.state}`, {}) }));
      if (which === "outbox")
        rows = items
          .filter((item) => !quiet.includes(item.kind) || item.state !== "done")
          .reverse()
          .sort((one, other) => pending.includes(other.state) - pending.includes(one.state))
          .slice(0, SHOWN)
          .map((item) => ({
            ...item,
            title: words(item.data) || name(item.kind),
            kind_words: name(item.kind),
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
          const waits = which === "outbox" || which === "pending" || which === "aside" ? null : about.get(mark);
          const piece = fill(which, { ...row, waits: waits ? `${name(waits.kind)}: ${say(`state_${waits.state}`, {})}` : "" });
          const node = piece.firstElementChild;
          node.dataset.row = mark;
          const more = one("details", node);
          if (more && opened.has(mark)) more.open = true;
          return piece;
        }),
      );
      const empty = one(`[data-empty="${which}"]`, list.parentElement);
      if (empty) empty.hidden = rows.length > 0 || (!day && which !== "outbox" && which !== "pending");
      const section = list.closest("[data-section]");
      if (section) section.hidden = rows.length === 0;
      all(`[data-number="${which}"]`).forEach((node) => (node.textContent = rows.length));
    });
    root.dataset.ready = day ? "day" : "empty";
  };

  // --- entering ----------------------------------------------------------------------------------------------------

  // A photo leaves the device small: at most 1600 pixels, without where and when it was taken.
  const reduce = async (file) => {
    if (!file.type.startsWith("image/") || !window.createImageBitmap) return file;
    let picture;
    try {
      picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return file; // a kind that this browser cannot draw; the house can
    }
    const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
    return small && small.size ? small : file;
  };

  const recorded = new WeakMap(); // form -> Blob

  const take = async (form) => {
    const given = new FormData(form);
    const data = {};
    const files = [];
    for (const [field, value] of given) {
      if (typeof value === "string") data[field] = value;
      else if (value.size) files.push({ name: field, file: field === "photos" ? await reduce(value) : value });
    }
    if (recorded.has(form)) files.push({ name: "recordings", file: recorded.get(form) });
    if (files.some(({ name: field, file }) => field === "recordings" && file.size > Number(root.dataset.most))) throw new Error("large");
    if ("uid" in data && !data.uid) data.uid = outbox.uid();
    return { data, files };
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.kind) return;
    event.preventDefault();
    if (!form.reportValidity()) return;
    const button = one("button:not([type=button])", form);
    if (button.disabled) return; // a second tap on the same thing
    button.disabled = true;
    try {
      const { data, files } = await take(form);
      if (form.dataset.kind === "report" && !data.text.trim() && !files.length) return announce(form.dataset.empty);
      if (document.activeElement) document.activeElement.blur();
      await outbox.add(form.dataset.kind, data, files);
      forget(form);
      announce(say("kept", {}));
    } catch (problem) {
      announce(problem && problem.message === "large" ? say("too_large", {}) : say("full", {}));
    } finally {
      button.disabled = false;
    }
    note.parentElement.scrollIntoView({ block: "nearest" });
  });

  const forget = (form) => {
    const kept = all("select[data-sticky]", form).map((select) => [select, select.value]);
    form.reset();
    kept.forEach(([select, value]) => (select.value = value));
    recorded.delete(form);
    all("[data-chosen]", form).forEach((node) => (node.textContent = ""));
    const more = form.closest("details");
    if (more) more.open = false;
  };

  // Opening a piece is reading it; that is told once, and only that.
  document.addEventListener(
    "toggle",
    (event) => {
      const kind = event.target.dataset.opened;
      const unread = kind && event.target.open && one("[name=unread]", event.target);
      if (!unread || unread.value !== "true") return;
      unread.value = "";
      const data = { assignment: one("[name=assignment]", event.target).value };
      const row = day.pieces.find((piece) => String(piece.id) === data.assignment);
      if (row) row.unread = false;
      outbox.add(kind, data);
    },
    true,
  );

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.type !== "file") return;
    const chosen = one("[data-chosen]", field.closest(".field") || field.form);
    if (chosen) chosen.textContent = Array.from(field.files, (file) => file.name).join(", ");
  });

  // A voice note: tap, speak, tap.
  let recorder = null;
  const record = async (button) => {
    const form = button.form;
    const told = one("[data-recorded]", form);
    if (recorder) return recorder.stop();
    const kinds = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
    const mimeType = window.MediaRecorder && kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 24_000 });
    } catch {
      told.textContent = say("no_microphone", {});
      one("[data-sound]", form).hidden = false;
      return;
    }
    const parts = [];
    const began = Date.now();
    const label = one("[data-words]", button);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      recorder = null;
      recorded.set(form, new Blob(parts, { type: mimeType }));
      label.textContent = say("record", {});
      button.setAttribute("aria-pressed", "false");
      told.textContent = say("seconds", { count: Math.max(1, Math.round((Date.now() - began) / 1000)) });
    };
    recorder.start(1000);
    label.textContent = say("recording", {});
    button.setAttribute("aria-pressed", "true");
    setTimeout(() => recorder && recorder.stop(), 120_000);
  };

  // --- buttons -----------------------------------------------------------------------------------------------------

  const sequence = (node) => Number(one("[name=seq]", node.closest("[data-row]")).value);
  const deeds = {
    send: () => outbox.wake().then(() => outbox.fresh()),
    record,
    remove: (button) => window.confirm(say("delete", {})) && outbox.remove(sequence(button)),
    again: (button) => {
      const row = button.closest("[data-row]");
      const area = one("textarea", row);
      const main = area ? { [one("[name=main_name]", row).value || "text"]: area.value } : {};
      return outbox.mend(sequence(button), main, button.dataset.confirmed === "yes");
    },
    understood: async (button) => {
      const row = button.closest("[data-row]");
      await outbox.add("aside.settle", { of: one("[name=key]", row).value });
      const seq = one("[name=seq]", row);
      if (seq) return outbox.remove(Number(seq.value));
      day.aside = day.aside.filter((kept) => kept.key !== one("[name=key]", row).value);
      return draw();
    },
    language: async (button) => {
      await post(button.dataset.url, { language: button.value });
      location.reload();
    },
    leave: async (button) => {
      const waiting = await outbox.count();
      if (waiting && !window.confirm(say("leave", { count: waiting }))) return;
      await outbox.wipe();
      await post(button.dataset.url, {}).catch(() => {});
      location.assign(button.dataset.next);
    },
  };
  const post = (url, fields) =>
    fetch(url, {
      method: "POST",
      redirect: "manual",
      headers: { "X-CSRFToken": (document.cookie.match(/(?:^|; )csrftoken=([^;]*)/) || [])[1] || "" },
      body: new URLSearchParams(fields),
    });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-deed]");
    if (button) deeds[button.dataset.deed](button);
  });

  // --- the beginning -----------------------------------------------------------------------------------------------

  const keepPages = (what) => {
    if (navigator.serviceWorker && navigator.serviceWorker.controller) navigator.serviceWorker.controller.postMessage(what);
  };

  all("input[type=date][data-today]").forEach((field) => {
    field.value = today();
    field.defaultValue = today();
  });
  one("[data-open-key]").hidden = outbox.sealed;
  if ("serviceWorker" in navigator)
    navigator.serviceWorker.register(root.dataset.worker, { scope: root.dataset.scope }).then(
      () => navigator.serviceWorker.ready.then(() => {
        let before = "";
        try {
          before = sessionStorage.getItem("gongzhi-language");
          sessionStorage.setItem("gongzhi-language", root.dataset.language);
        } catch {
          // asked anew each time
        }
        keepPages(before && before !== root.dataset.language ? "pages" : "gaps");
      }),
      () => {},
    );
  else one("[data-no-worker]").hidden = false;

  (async () => {
    await outbox.count();
    day = await outbox.day();
    await draw();
    if (navigator.onLine === false) state("offline");
    if (await outbox.fresh()) {
      await outbox.wake();
      if (root.dataset.field === "today") setInterval(() => document.hidden || outbox.fresh(), 300_000);
    }
    root.dataset.asked = "yes";
  })();

  const awake = async () => {
    if (await outbox.wake()) await outbox.fresh();
  };
  window.addEventListener("online", async () => (await outbox.fresh()) && outbox.wake());
  window.addEventListener("offline", () => state("offline"));
  document.addEventListener("visibilitychange", () => document.hidden || awake());
  setInterval(awake, 30_000);
})();
