// Either all of it, or some of it: in a group of ticks the one unticks the others.
"use strict";
document.addEventListener(
  "change",
  (event) => {
    const group = event.target.closest("[data-either]");
    if (!group || !event.target.checked) return;
    const whole = group.dataset.either;
    group.querySelectorAll("input[type=checkbox]").forEach((box) => {
      if (box !== event.target && (event.target.value === whole || box.value === whole)) box.checked = false;
    });
  },
  true, // before whatever asks how many places that are
);
