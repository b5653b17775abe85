// What somebody enters in the field waits here until it is sent, and each thing has an answer of its own.
"use strict";
window.outbox = (() => {
  const { NAME, asked, within, look, put, seal, sealJson, unsealJson, drop, sealed } = fieldStore;
  const WEEK = 7 * 24 * 3600 * 1000;
  const listeners = [];

  const tell = (what, more) => listeners.forEach((one) => one(what, more));
  const on = (one) => listeners.push(one);

  const draw = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
  const two = (number) => String(number).padStart(2, "0");
  const uid = () => {
    const hex = draw();
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  };

  // files: [{name: "photos", file: Blob}]. Resolves when it is safe on the device.
  const add = async (kind, data, files = []) => {
    const at = Date.now();
    const boxes = await Promise.all(
      files.map(async ({ name, file }) => ({
        name,
        type: file.type,
        box: await seal(new Uint8Array(await file.arrayBuffer())),
      })),
    );
    const on = [new Date(at)].map((when) => `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`)[0];
    const quiet = kind === "assignment.read"; // that it was opened: nobody entered it, nobody waits for it
    const item = { key: draw(), at, on, quiet, state: "waiting", files: boxes, box: await sealJson({ kind, data }) };
    item.seq = await put("items", item);
    await count();
    tell("added", item.key);
    outbox.sync();
    return item.key;
  };

  const rows = () => within(["items"], "readonly", (turn) => asked(turn.objectStore("items").getAll()));
  const opened = async (item) => ({ ...item, ...(await unsealJson(item.box)), files: item.files.length });
  const list = async () => Promise.all((await rows()).map(opened));

  // Change an entry that is still there; one that was deleted meanwhile stays deleted.
  const change = (seq, changes) =>
    within(["items"], "readwrite", async (turn) => {
      const item = await asked(turn.objectStore("items").get(seq));
      if (item) turn.objectStore("items").put({ ...item, ...changes });
    });
  const remove = async (seq) => {
    await within(["items"], "readwrite", (turn) => asked(turn.objectStore("items").delete(seq)));
    await count();
    tell("changed");
  };
  const mend = async (seq, data, confirmed) => {
    const item = await look("items", seq);
    if (!item) return;
    const { kind, data: before } = await unsealJson(item.box);
    const box = await sealJson({ kind, data: { ...before, ...data } });
    await change(seq, { box, confirmed: Boolean(confirmed), state: "waiting", says: "" });
    await count();
    tell("changed");
    outbox.sync();
  };

  const open_states = ["waiting", "again", "refused", "doubtful"];
  const count = async () => {
    const number = (await rows()).filter((item) => open_states.includes(item.state) && !item.quiet).length;
    try {
      if (number) localStorage.setItem("gongzhi-waiting", number);
      else localStorage.removeItem("gongzhi-waiting");
    } catch {
      // no storage: nobody is warned before signing out
    }
    tell("count", number);
    return number;
  };

  // --- the day's work ----------------------------------------------------------------------------------------------

  const keep = async (day) => {
    await put("kept", { at: Date.now(), owner: day.owner, box: await sealJson(day) }, "day");
  };
  const day = async () => {
    const kept = await look("kept", "day");
    if (!kept) return null;
    if (Date.now() - kept.at > WEEK) {
      await within(["kept"], "readwrite", (turn) => asked(turn.objectStore("kept").put({ owner: kept.owner }, "day")));
      return null;
    }
    return kept.box ? unsealJson(kept.box) : null;
  };
  const owner = async () => ((await look("kept", "day")) || {}).owner || "";

  // Everything of one person goes: database with its key, pages, marks.
  const wipe = async () => {
    await drop();
    if (window.caches) await Promise.all((await caches.keys()).filter((name) => name.startsWith(NAME)).map((name) => caches.delete(name)));
    try {
      localStorage.removeItem("gongzhi-waiting");
      sessionStorage.clear();
    } catch {
      // nothing there
    }
  };

  // line.js adds what sends: sync, wake and fresh.
  return { add, uid, list, rows, change, remove, mend, keep, day, owner, wipe, count, sealed, on, tell };
})();
