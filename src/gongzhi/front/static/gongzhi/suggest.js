// What a text seems to say, while staff write it; and taking a suggestion over with one click.
// Without this script the button "What does the text say?" asks, and a click on a suggestion loads the page again.
"use strict";
(() => {
  document.querySelectorAll("[data-suggest]").forEach((box) => {
    const form = box.closest("form");
    const text = form.elements.namedItem("text");
    const button = form.querySelector("[name='suggest']");
    let timer;
    let turn = 0;
    let said = text.value.trim();
    if (button) button.hidden = true;

    const ask = () => {
      const words = text.value.trim();
      if (words === said || (words && words.length < 4)) return;
      said = words;
      const mine = (turn += 1);
      const sent = new FormData();
      ["csrfmiddlewaretoken", "text", "place"].forEach((name) => {
        const field = form.elements.namedItem(name);
        sent.set(name, field ? field.value : "");
      });
      fetch(box.dataset.suggest, { method: "POST", body: sent })
        .then((reply) => (reply.ok ? reply.text() : ""))
        .then((piece) => {
          if (mine === turn)
            box.replaceChildren(...new DOMParser().parseFromString(piece, "text/html").body.childNodes);
        })
        .catch(() => {});
    };
    text.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 700);
    });
  });

  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-choose]");
    const choice = chip && document.querySelector("select[name='category']");
    if (!choice || !Array.from(choice.options).some((one) => one.value === chip.dataset.choose)) return;
    event.preventDefault();
    choice.value = chip.dataset.choose;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    document.querySelectorAll("[data-choose]").forEach((one) => {
      if (one === chip) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    });
    // The focus stays on the chip: in the select, the key "a" would choose whatever begins with it instead of assigning.
    choice.scrollIntoView({ block: "nearest" });
  });
})();
