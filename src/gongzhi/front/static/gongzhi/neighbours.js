// While somebody writes: have neighbours reported the same? Asked once there are words and a place (at the desk: words).
"use strict";
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
