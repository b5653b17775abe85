// What a category asks appears below it as soon as it is chosen. Without this script it is asked after sending.
"use strict";
(() => {
  const piece = () => document.querySelector("[data-questions]");
  const first = piece();
  const form = first && first.closest("form");
  const choice = form && form.elements.namedItem("category");
  if (!choice) return;
  let asked = 0;

  const kept = () => {
    const words = {};
    piece()
      .querySelectorAll("[name^='q_']")
      .forEach((field) => {
        if (field.type === "checkbox" || field.type === "radio") {
          if (field.checked) words[field.name] = (words[field.name] || []).concat(field.value);
        } else if (field.value) words[field.name] = [field.value];
      });
    return words;
  };

  const fill = (words) => {
    piece()
      .querySelectorAll("[name^='q_']")
      .forEach((field) => {
        const values = words[field.name];
        if (!values) return;
        if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
        else if (field.tagName !== "SELECT" || Array.from(field.options).some((one) => one.value === values[0]))
          field.value = values[0];
      });
  };

  const show = async () => {
    const code = choice.value;
    const here = piece();
    if (here.querySelector("[name='asked']").value === code) return;
    const turn = ++asked;
    let html = "";
    if (code) {
      try {
        const answer = await fetch(`${here.dataset.source}?category=${encodeURIComponent(code)}`);
        if (!answer.ok) return;
        html = await answer.text();
      } catch {
        return; // no network: it is asked after sending
      }
    }
    if (turn !== asked) return;
    const words = kept();
    if (code) {
      const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-questions]");
      if (!fresh) return;
      here.replaceWith(document.importNode(fresh, true));
      fill(words);
    } else {
      here.querySelectorAll(":scope > :not(input)").forEach((one) => one.remove());
      here.querySelector("[name='asked']").value = "";
    }
  };

  choice.addEventListener("change", show);
  show(); // a draft may have filled the choice in
})();
