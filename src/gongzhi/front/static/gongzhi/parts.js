// A long form shown part by part: one job a screen. Without this script all parts stand below each other.
"use strict";
(() => {
  document.querySelectorAll("form[data-parts]").forEach((form) => {
    const parts = Array.from(form.querySelectorAll("[data-part]"));
    const send = form.querySelector("[data-send]");
    if (parts.length < 2) return;
    let here = 0;

    const show = (index, focus) => {
      here = index;
      parts.forEach((part, number) => {
        part.hidden = number !== index;
      });
      if (focus) {
        const head = parts[index].querySelector("h2");
        head.tabIndex = -1;
        head.focus();
        window.scrollTo({ top: form.offsetTop - 16 });
      }
    };

    // What a part asks for must be there before the next one is shown.
    const complete = (part) => {
      const empty = Array.from(part.querySelectorAll("[required]")).find((field) => !field.value.trim());
      if (empty) {
        form.noValidate = false;
        empty.reportValidity();
        form.noValidate = true;
      }
      return !empty;
    };

    parts.forEach((part, index) => {
      // The steps name the part; its heading is for ears, and for the focus.
      part.querySelector("[data-steps]").hidden = false;
      part.querySelector("h2").classList.add("visually-hidden");
      const bar = document.createElement("div");
      bar.className = "action-bar";
      if (index === parts.length - 1) bar.append(...send.children);
      const add = (words, className, act) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = className;
        button.textContent = words;
        button.addEventListener("click", act);
        bar.append(button);
      };
      if (part.dataset.next)
        add(part.dataset.next, "button button--primary button--large", () => complete(part) && show(index + 1, true));
      if (part.dataset.back) add(part.dataset.back, "button button--quiet", () => show(index - 1, true));
      part.append(bar);
    });
    send.remove();

    const wrong = parts.findIndex((part) => part.querySelector(".field--wrong"));
    show(wrong < 0 ? 0 : wrong, false);
    // The error summary links to fields in other parts.
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[href^='#']");
      const target = link && document.getElementById(link.hash.slice(1));
      const index = target ? parts.findIndex((part) => part.contains(target)) : -1;
      if (index >= 0 && index !== here) show(index, false);
    });
  });
})();
