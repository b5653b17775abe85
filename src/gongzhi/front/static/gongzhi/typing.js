// Results from paper: a scanner types a code and presses Enter; the next row is then ready for the next code.
"use strict";
(() => {
  const codes = Array.from(document.querySelectorAll("[data-typing] [data-code]"));
  if (!codes.length) return;
  codes[0].focus();
  codes.forEach((field, place) => {
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !field.value.trim() || event.isComposing) return;
      event.preventDefault();
      const next = codes.slice(place + 1).find((one) => !one.value);
      (next || field.form.querySelector("button")).focus();
    });
  });
})();
