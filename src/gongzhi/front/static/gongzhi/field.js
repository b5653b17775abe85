// The field pages: what the line says, what the buttons do, and how a page begins.
"use strict";
(() => {
  const { root, all, one, say, today, announce, keepPages } = field;

  const line = one("[data-line]");
  const enter = one("[data-enter]");
  const state = (name) => {
    root.dataset.state = name;
    line.textContent = say(name, {}) + (field.day ? " " + say("read", { when: field.day.read }) : "");
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
      field.day = more;
      if (field.day.language !== root.dataset.language) otherLanguage();
      field.draw();
    } else if (["online", "offline", "signed_out"].includes(what)) state(what);
    else field.draw();
  });

  // Another language was chosen elsewhere: the pages that are kept are fetched anew, once.
  const otherLanguage = () => {
    keepPages("pages");
    try {
      if (sessionStorage.getItem("gongzhi-reloaded") === field.day.language) return;
      sessionStorage.setItem("gongzhi-reloaded", field.day.language);
    } catch {
      return;
    }
    location.reload();
  };

  // --- buttons -----------------------------------------------------------------------------------------------------

  const sequence = (node) => Number(one("[name=seq]", node.closest("[data-row]")).value);
  const deeds = {
    send: () => outbox.wake().then(() => outbox.fresh()),
    record: field.record,
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
      field.day.aside = field.day.aside.filter((kept) => kept.key !== one("[name=key]", row).value);
      return field.draw();
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
    field.day = await outbox.day();
    await field.draw();
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
