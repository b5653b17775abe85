// The report form of residents: its parts, and the words of danger.
"use strict";
// Words of danger: while somebody writes them, the emergency numbers appear at once.
// The words are looked for here; nothing of what is being written is sent anywhere.
(() => {
  const box = document.querySelector("[data-danger]");
  const form = box && box.closest("form");
  const text = form && form.elements.namedItem("text");
  if (!text) return;
  let known = null;
  let shown = "";

  const plain = (words) => words.normalize("NFKC").toLowerCase();

  const met = (words) =>
    known.rules.filter((rule) => {
      if (rule.unless.some((phrase) => words.includes(phrase))) return false;
      return rule.words.some((word) => {
        for (let at = words.indexOf(word); at >= 0; at = words.indexOf(word, at + 1)) {
          const before = words.slice(Math.max(0, at - known.near), at);
          if (!known.negations.some((one) => before.includes(one))) return true;
        }
        return false;
      });
    });

  const show = () => {
    const rules = met(plain(text.value));
    const now = rules.map((rule) => rule.code).join(" ");
    if (now === shown) return;
    shown = now;
    const first = box.hidden && rules.length;
    box.hidden = !rules.length;
    if (first) setTimeout(() => box.scrollIntoView({ block: "start" }));
    const list = box.querySelector("[data-says]");
    list.replaceChildren(
      ...rules.map((rule) => {
        const line = document.createElement("p");
        line.append(rule.say + " ");
        rule.call.forEach((number) => {
          const link = document.createElement("a");
          link.href = `tel:${number}`;
          link.className = "button button--danger";
          link.textContent = number;
          line.append(link, " ");
        });
        return line;
      }),
    );
  };

  text.addEventListener("input", () => {
    if (known) return show();
    if (known === null) {
      known = undefined; // asked for once, with the first letter
      fetch(box.dataset.danger)
        .then((reply) => reply.json())
        .then((rules) => {
          known = rules;
          show();
        })
        .catch(() => (known = null));
    }
  });
  if (text.value) text.dispatchEvent(new Event("input"));
})();

// A long form shown part by part: one job a screen. Without this script all parts stand below each other.
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
