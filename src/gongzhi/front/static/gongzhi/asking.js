// Forms that take a report in: what a category asks, and whether neighbours reported the same.
"use strict";
// What a category asks appears below it as soon as it is chosen. Without this script it is asked after sending.
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

// While somebody writes: have neighbours reported the same? Asked once there are words and a place (at the desk: words).
(() => {
  document.querySelectorAll("[data-neighbours]").forEach((box) => {
    const form = box.closest("form");
    let timer;
    let turn = 0;
    let said = "";

    const value = (name) => (form.elements[name] ? String(form.elements[name].value || "").trim() : "");

    const ask = () => {
      const words = new FormData();
      ["csrfmiddlewaretoken", "text", "category", "lon", "lat", "place"].forEach((name) => words.set(name, value(name)));
      if (words.get("text").length < 4 || !(words.get("lon") || words.get("place") || "anywhere" in box.dataset)) return;
      const now = JSON.stringify(Array.from(words.entries()));
      if (now === said) return;
      said = now;
      const mine = (turn += 1);
      fetch(box.dataset.neighbours, { method: "POST", body: words })
        .then((reply) => (reply.ok ? reply.text() : ""))
        .then((piece) => {
          if (mine !== turn) return;
          const chosen = form.querySelector('input[name="joins"]:checked');
          box.replaceChildren(...new DOMParser().parseFromString(piece, "text/html").body.childNodes);
          // Tokens carry their time, so the same matter is known by what the card says.
          if (!chosen || chosen.value === "no") return;
          const words = chosen.closest("label").textContent;
          const same = Array.from(box.querySelectorAll("label")).find((label) => label.textContent === words);
          if (same) same.querySelector("input").checked = true;
        })
        .catch(() => {}); // the form works without it
    };

    const soon = (event) => {
      if (event.target.name === "joins") return;
      clearTimeout(timer);
      timer = setTimeout(ask, event.type === "input" ? 1200 : 150);
    };
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    ask();
  });
})();
