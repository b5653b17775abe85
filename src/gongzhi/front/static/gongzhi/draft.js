// A form that is not sent yet keeps its words on this device, and only there.
"use strict";
(() => {
  const PREFIX = "gongzhi-draft:";
  const WEEK = 7 * 24 * 3600 * 1000;
  let store;
  try {
    store = window.localStorage;
    store.setItem(PREFIX, "");
    store.removeItem(PREFIX);
  } catch {
    return; // storage is forbidden: the form works as it is
  }

  // What the office has acknowledged is forgotten here.
  document.querySelectorAll("[data-draft-done]").forEach((mark) => {
    mark.dataset.draftDone.split(/\s+/).forEach((key) => store.removeItem(PREFIX + key));
  });

  // What was sent and led to another page has been taken in: the next form of this kind begins empty.
  const SENT = "gongzhi-draft-sent";
  const arrival = performance.getEntriesByType("navigation")[0];
  let sent = null;
  try {
    sent = window.sessionStorage.getItem(SENT);
    window.sessionStorage.removeItem(SENT);
  } catch {
    // drafts are kept a week then
  }
  const taken = sent && arrival && arrival.redirectCount > 0 && !document.querySelector(`form[data-draft="${CSS.escape(sent)}"]`);
  if (taken) store.removeItem(PREFIX + sent);

  const kept = (form) =>
    Array.from(form.elements).filter(
      (field) =>
        field.name &&
        field.name !== "csrfmiddlewaretoken" &&
        !["file", "password", "submit", "button", "hidden"].includes(field.type) &&
        !field.closest("[data-no-draft]"),
    );

  document.querySelectorAll("form[data-draft]").forEach((form) => {
    const key = PREFIX + form.dataset.draft;
    const note = form.querySelector("[data-draft-note]");
    const offline = form.querySelector("[data-draft-offline]");
    const discard = form.querySelector("[data-draft-discard]");

    const save = () => {
      const words = {};
      kept(form).forEach((field) => {
        if (field.type === "checkbox" || field.type === "radio") {
          if (field.checked) words[field.name] = (words[field.name] || []).concat(field.value);
        } else if (field.value.trim()) words[field.name] = field.value;
      });
      try {
        if (Object.keys(words).length) store.setItem(key, JSON.stringify({ at: Date.now(), words }));
        else store.removeItem(key);
      } catch {
        // full: the form still works
      }
    };

    const restore = () => {
      let draft;
      try {
        draft = JSON.parse(store.getItem(key));
      } catch {
        draft = null;
      }
      if (!draft || Date.now() - draft.at > WEEK) return store.removeItem(key);
      let filled = false;
      kept(form).forEach((field) => {
        const words = draft.words[field.name];
        if (words === undefined) return;
        if (field.type === "checkbox" || field.type === "radio") {
          const group = Array.from(form.elements).filter((other) => other.name === field.name);
          if (!field.checked && words.includes(field.value) && (field.type === "checkbox" || !group.some((o) => o.checked)))
            filled = field.checked = true;
        } else if (field.tagName === "SELECT" ? !field.value : !field.value.trim()) {
          field.value = words;
          filled = true;
        }
      });
      if (filled && note) note.hidden = false;
    };

    let timer;
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(save, 400);
    });
    form.addEventListener("change", save);
    window.addEventListener("pagehide", save);
    form.addEventListener("submit", (event) => {
      save();
      try {
        window.sessionStorage.setItem(SENT, form.dataset.draft);
      } catch {
        // as above
      }
      if (navigator.onLine === false) {
        event.preventDefault();
        if (offline) {
          offline.hidden = false;
          offline.scrollIntoView({ block: "center" });
        }
      }
    });
    window.addEventListener("online", () => offline && (offline.hidden = true));
    if (discard)
      discard.addEventListener("click", () => {
        clearTimeout(timer);
        store.removeItem(key);
        kept(form).forEach((field) => {
          if (field.type === "checkbox" || field.type === "radio") field.checked = false;
          else if (field.tagName === "SELECT") field.selectedIndex = 0;
          else field.value = "";
        });
        note.hidden = true;
        const first = kept(form)[0];
        if (first) first.focus();
      });
    restore();
  });
})();
