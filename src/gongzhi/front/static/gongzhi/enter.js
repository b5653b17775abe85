// Puts what is entered on the field pages into the outbox: words, photos made small, a voice note.
"use strict";
(() => {
  const { root, all, one, say, note, announce } = field;

  // A photo leaves the device small: at most 1600 pixels, without where and when it was taken.
  const reduce = async (file) => {
    if (!file.type.startsWith("image/") || !window.createImageBitmap) return file;
    let picture;
    try {
      picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return file; // a kind that this browser cannot draw; the house can
    }
    const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
    return small && small.size ? small : file;
  };

  const recorded = new WeakMap(); // form -> Blob

  const take = async (form) => {
    const given = new FormData(form);
    const data = {};
    const files = [];
    for (const [field, value] of given) {
      if (typeof value === "string") data[field] = value;
      else if (value.size) files.push({ name: field, file: field === "photos" ? await reduce(value) : value });
    }
    if (recorded.has(form)) files.push({ name: "recordings", file: recorded.get(form) });
    if (files.some(({ name: field, file }) => field === "recordings" && file.size > Number(root.dataset.most))) throw new Error("large");
    if ("uid" in data && !data.uid) data.uid = outbox.uid();
    return { data, files };
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.kind) return;
    event.preventDefault();
    if (!form.reportValidity()) return;
    const button = one("button:not([type=button])", form);
    if (button.disabled) return; // a second tap on the same thing
    button.disabled = true;
    try {
      const { data, files } = await take(form);
      if (form.dataset.kind === "report" && !data.text.trim() && !files.length) return announce(form.dataset.empty);
      if (document.activeElement) document.activeElement.blur();
      await outbox.add(form.dataset.kind, data, files);
      forget(form);
      announce(say("kept", {}));
    } catch (problem) {
      announce(problem && problem.message === "large" ? say("too_large", {}) : say("full", {}));
    } finally {
      button.disabled = false;
    }
    note.parentElement.scrollIntoView({ block: "nearest" });
  });

  const forget = (form) => {
    const kept = all("select[data-sticky]", form).map((select) => [select, select.value]);
    form.reset();
    kept.forEach(([select, value]) => (select.value = value));
    recorded.delete(form);
    all("[data-chosen]", form).forEach((node) => (node.textContent = ""));
    const more = form.closest("details");
    if (more) more.open = false;
  };

  // Opening a piece is reading it; that is told once, and only that.
  document.addEventListener(
    "toggle",
    (event) => {
      const kind = event.target.dataset.opened;
      const unread = kind && event.target.open && one("[name=unread]", event.target);
      if (!unread || unread.value !== "true") return;
      unread.value = "";
      const data = { assignment: one("[name=assignment]", event.target).value };
      const row = field.day.pieces.find((piece) => String(piece.id) === data.assignment);
      if (row) row.unread = false;
      outbox.add(kind, data);
    },
    true,
  );

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.type !== "file") return;
    const chosen = one("[data-chosen]", field.closest(".field") || field.form);
    if (chosen) chosen.textContent = Array.from(field.files, (file) => file.name).join(", ");
  });

  // A voice note: tap, speak, tap.
  let recorder = null;
  const record = async (button) => {
    const form = button.form;
    const told = one("[data-recorded]", form);
    if (recorder) return recorder.stop();
    const kinds = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
    const mimeType = window.MediaRecorder && kinds.find((kind) => MediaRecorder.isTypeSupported(kind));
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 24_000 });
    } catch {
      told.textContent = say("no_microphone", {});
      one("[data-sound]", form).hidden = false;
      return;
    }
    const parts = [];
    const began = Date.now();
    const label = one("[data-words]", button);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      stream.getTracks().forEach((track) => track.stop());
      recorder = null;
      recorded.set(form, new Blob(parts, { type: mimeType }));
      label.textContent = say("record", {});
      button.setAttribute("aria-pressed", "false");
      told.textContent = say("seconds", { count: Math.max(1, Math.round((Date.now() - began) / 1000)) });
    };
    recorder.start(1000);
    label.textContent = say("recording", {});
    button.setAttribute("aria-pressed", "true");
    setTimeout(() => recorder && recorder.stop(), 120_000);
  };

  field.record = record;
})();
