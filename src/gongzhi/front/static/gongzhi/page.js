// Every page: small comforts on top of what already works without them.
"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  // Boxes and buttons are no writing: after a click on one the keys go on working.

  // A form that came back: begin with what must be mended.
  const errors = document.querySelector("[data-errors]");
  if (errors) errors.focus();

  // Paper.
  all("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });

  // A link to keep, where the browser lets a page write to the clipboard.
  all("[data-copy]").forEach((button) => {
    const link = button.parentElement.querySelector("[data-link]");
    if (!link || !navigator.clipboard) return;
    const words = button.querySelector("span");
    button.hidden = false;
    words.setAttribute("role", "status");
    button.addEventListener("click", () =>
      navigator.clipboard.writeText(link.href).then(() => (words.textContent = button.dataset.done)).catch(() => {}),
    );
  });

  // Read aloud, where the browser has a voice.
  const read = document.querySelector("[data-read]");
  if (read && "speechSynthesis" in window) {
    const words = read.querySelector("span");
    const start = words.textContent;
    const stop = () => {
      speechSynthesis.cancel();
      words.textContent = start;
      read.setAttribute("aria-pressed", "false");
    };
    read.hidden = false;
    stop();
    read.addEventListener("click", () => {
      if (read.getAttribute("aria-pressed") === "true") return stop();
      const chosen = String(window.getSelection());
      const text = chosen.trim() || document.getElementById("main").innerText;
      // Long texts are spoken in sentences: some voices fall silent after a minute.
      const sentences = (text.match(/[^。！？!?.;；\n]+[。！？!?.;；]*/g) || []).filter((part) => part.trim());
      sentences.forEach((sentence, index) => {
        const speech = new SpeechSynthesisUtterance(sentence);
        speech.lang = document.documentElement.lang === "en" ? "en" : "zh-CN";
        speech.rate = 0.9;
        if (index === sentences.length - 1) speech.onend = stop;
        speechSynthesis.speak(speech);
      });
      words.textContent = read.dataset.stop;
      read.setAttribute("aria-pressed", "true");
    });
    window.addEventListener("pagehide", () => speechSynthesis.cancel());
  }

  // Signing out takes along what the field pages keep on this device; what was not sent is spoken of first.
  document.addEventListener("submit", (event) => {
    const words = event.target.dataset.leave;
    if (words === undefined) return;
    let waiting = "";
    try {
      waiting = localStorage.getItem("gongzhi-waiting") || "";
      if (waiting && !window.confirm(words.replace("{count}", waiting))) return event.preventDefault();
      localStorage.removeItem("gongzhi-waiting");
    } catch {
      // no storage, nothing kept
    }
    if (window.indexedDB) indexedDB.deleteDatabase("gongzhi-field");
    if (window.caches)
      caches.keys().then((names) => names.forEach((name) => name.startsWith("gongzhi-field") && caches.delete(name)));
  });

  // A menu closes when one looks elsewhere.
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
  });
})();
