// Words of danger: while somebody writes them, the emergency numbers appear at once.
// The words are looked for here; nothing of what is being written is sent anywhere.
"use strict";
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
