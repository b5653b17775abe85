// What somebody enters in the field waits here until it is sent, sealed, and each thing has an answer of its own.
// IndexedDB: "keys" holds the key (it cannot be taken out), "items" what waits, "kept" the day's work.
"use strict";
window.outbox = (() => {
  const NAME = "gongzhi-field";
  const BATCH = 100; // things in one request
  const WEEK = 7 * 24 * 3600 * 1000;
  const subtle = window.crypto && crypto.subtle;
  const listeners = [];
  let opening = null;
  let sealing = null;
  let running = null;
  let again = false;
  let wait = 0; // ms until what the house could not do now is tried again
  let resting = false;
  let timer = null;

  const tell = (what, more) => listeners.forEach((one) => one(what, more));
  const text = new TextEncoder();
  const read = new TextDecoder();

  // --- the store ---------------------------------------------------------------------------------------------------

  const asked = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  const open = () =>
    (opening =
      opening ||
      new Promise((resolve, reject) => {
        const request = indexedDB.open(NAME, 1);
        request.onupgradeneeded = () => {
          const base = request.result;
          base.createObjectStore("keys");
          base.createObjectStore("kept");
          base.createObjectStore("items", { keyPath: "seq", autoIncrement: true }).createIndex("key", "key", { unique: true });
        };
        request.onsuccess = () => {
          const base = request.result;
          base.onversionchange = () => {
            base.close(); // somebody signs out in another window
            opening = sealing = null;
          };
          resolve(base);
        };
        request.onerror = () => reject(request.error);
        request.onblocked = () => reject(new Error("blocked"));
      }));

  // One transaction; "strict" means written to the disk before we say "kept".
  const within = async (stores, mode, work) => {
    const base = await open();
    return new Promise((resolve, reject) => {
      const turn = base.transaction(stores, mode, { durability: "strict" });
      let result;
      turn.oncomplete = () => resolve(result);
      turn.onerror = turn.onabort = () => reject(turn.error);
      Promise.resolve(work(turn)).then((found) => (result = found), () => turn.abort());
    });
  };
  const look = (store, key) => within([store], "readonly", (turn) => asked(turn.objectStore(store).get(key)));
  const put = (store, value, key) => within([store], "readwrite", (turn) => asked(turn.objectStore(store).put(value, key)));

  // --- sealing -----------------------------------------------------------------------------------------------------

  const sealer = () =>
    (sealing =
      sealing ||
      (async () => {
        if (!subtle) return null;
        const known = await look("keys", "seal");
        if (known) return known;
        const fresh = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
        // Two windows may open at once: the key that is there first is the key.
        return within(["keys"], "readwrite", async (turn) => {
          const first = await asked(turn.objectStore("keys").get("seal"));
          if (!first) turn.objectStore("keys").put(fresh, "seal");
          return first || fresh;
        });
      })());

  const seal = async (bytes) => {
    const key = await sealer();
    if (!key) return { plain: bytes };
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, sealed: await subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
  };
  const unseal = async (box) =>
    box.plain || new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv: box.iv }, await sealer(), box.sealed));
  const sealJson = (value) => seal(text.encode(JSON.stringify(value)));
  const unsealJson = async (box) => JSON.parse(read.decode(await unseal(box)));

  // --- things ------------------------------------------------------------------------------------------------------

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
    const item = { key: draw(), at, on, state: "waiting", files: boxes, box: await sealJson({ kind, data }) };
    item.seq = await put("items", item);
    await count();
    tell("added", item.key);
    sync();
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
    sync();
  };

  const open_states = ["waiting", "again", "refused", "doubtful"];
  const count = async () => {
    const number = (await rows()).filter((item) => open_states.includes(item.state)).length;
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
    const base = await open().catch(() => null);
    if (base) base.close();
    opening = sealing = null;
    await new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(NAME);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
    if (window.caches) await Promise.all((await caches.keys()).filter((name) => name.startsWith(NAME)).map((name) => caches.delete(name)));
    try {
      localStorage.removeItem("gongzhi-waiting");
      sessionStorage.clear();
    } catch {
      // nothing there
    }
  };

  // --- the line ----------------------------------------------------------------------------------------------------

  const where = document.querySelector("[data-field]").dataset;
  const cookie = (name) => (document.cookie.match(new RegExp(`(?:^|; )${name}=([^;]*)`)) || [])[1] || "";

  const ask = async (url, options = {}) => {
    const stop = new AbortController();
    const alarm = setTimeout(() => stop.abort(), 60_000);
    try {
      // Somebody who is signed out is led to the sign-in page; we do not follow, we say so.
      return await fetch(url, { redirect: "manual", cache: "no-store", credentials: "same-origin", signal: stop.signal, ...options });
    } finally {
      clearTimeout(alarm);
    }
  };

  // The day's work anew. Gives it, or null when the line or the session is gone.
  const fresh = async () => {
    let answer;
    try {
      answer = await ask(where.data);
    } catch {
      tell("offline");
      return null;
    }
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 404) {
      tell("signed_out");
      return null;
    }
    if (!answer.ok) {
      tell("offline");
      return null;
    }
    const found = await answer.json();
    const before = await owner();
    if (before && before !== found.owner) {
      await wipe();
      tell("other_user");
    }
    await keep(found);
    tell("online");
    tell("day", found);
    return found;
  };

  const pack = async (body) => {
    if (!window.CompressionStream || body.length < 1000) return { body, headers: {} };
    const packed = new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip")));
    return { body: await packed.arrayBuffer(), headers: { "X-Packed": "gzip" } };
  };

  const request = async (items, mine) => {
    const things = await Promise.all(
      items.map(async (item) => {
        const { kind, data } = await unsealJson(item.box);
        return { key: item.key, kind, at: item.at, on: item.on, data, confirmed: item.confirmed || false };
      }),
    );
    const words = JSON.stringify({ clock: Date.now(), items: things });
    const headers = { "X-CSRFToken": cookie("csrftoken"), "X-Owner": mine };
    if (!items.some((item) => item.files.length)) {
      const packed = await pack(words);
      return { method: "POST", body: packed.body, headers: { ...headers, ...packed.headers, "Content-Type": "application/json" } };
    }
    const form = new FormData();
    form.set("sent", words);
    for (const item of items)
      for (const { name, type, box } of item.files)
        form.append(`${item.key}/${name}`, new Blob([await unseal(box)], { type }), name);
    return { method: "POST", body: form, headers };
  };

  // All answers of one request in one transaction: a disk is asked to be sure once, not five hundred times.
  const settle = async (items, answers) => {
    const known = new Map(answers.map((one) => [one.key, one]));
    const changes = await Promise.all(
      items
        .filter((item) => known.has(item.key))
        .map(async (item) => {
          const { outcome, says, field, ids } = known.get(item.key);
          if (outcome !== "done") return [item.seq, { state: outcome, says, field }];
          // What was done is remembered without its words: that it went, and under which number.
          const { kind } = await unsealJson(item.box);
          const box = await sealJson({ kind, data: {} });
          return [item.seq, { state: "done", files: [], says: (ids && ids.number) || "", box, done: Date.now() }];
        }),
    );
    await within(["items"], "readwrite", async (turn) => {
      const store = turn.objectStore("items");
      await Promise.all(
        changes.map(async ([seq, change]) => {
          const item = await asked(store.get(seq));
          if (item) store.put({ ...item, ...change });
        }),
      );
    });
  };

  // True while there may be more to send.
  const turn = async () => {
    const all = await rows();
    const old = all.filter((item) => item.state === "done" && Date.now() - item.done > 24 * 3600 * 1000);
    for (const item of old) await within(["items"], "readwrite", (one) => asked(one.objectStore("items").delete(item.seq)));
    const waiting = all.filter((item) => item.state === "waiting" || (item.state === "again" && !resting));
    if (!waiting.length) return false;
    const batch = waiting[0].files.length ? [waiting[0]] : waiting.slice(0, BATCH);
    const first = batch.findIndex((item) => item.files.length);
    if (first > 0) batch.splice(first);
    const mine = await owner();
    if (!mine && !(await fresh())) return false;
    let answer;
    try {
      answer = await ask(where.sync, await request(batch, await owner()));
    } catch {
      tell("offline");
      return later();
    }
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      tell("signed_out");
      return false;
    }
    if (answer.status === 403 || answer.status === 409) {
      // A new sign-in has a new token; or it is somebody else's.
      if (again) return false;
      again = true;
      return Boolean(await fresh());
    }
    if (!answer.ok) return batch.length > 1 && answer.status === 400 ? single(batch) : later();
    again = false;
    const { answers } = await answer.json();
    await settle(batch, answers);
    tell("online");
    await count();
    tell("changed");
    if (answers.some((one) => one.outcome === "again")) return later();
    wait = 0;
    return true;
  };

  // One of them cannot be read: find out which, and let the others go.
  const single = async (batch) => {
    for (const item of batch) {
      const answer = await ask(where.sync, await request([item], await owner())).catch(() => null);
      if (!answer) return later();
      if (answer.ok) await settle([item], (await answer.json()).answers);
      else if (answer.status === 400) await change(item.seq, { state: "refused", says: "" });
      else return later();
    }
    await count();
    tell("changed");
    return true;
  };

  const later = () => {
    wait = Math.min(wait ? wait * 2 : 5_000, 300_000);
    resting = true;
    clearTimeout(timer);
    timer = setTimeout(wake, wait);
    return false;
  };
  const wake = () => {
    resting = false;
    return sync();
  };

  const alone = (work) => (navigator.locks ? navigator.locks.request(`${NAME}-sync`, work) : work());
  const sync = () =>
    (running =
      running ||
      alone(async () => {
        let sent = false;
        while (await turn()) sent = true;
        return sent;
      }).finally(() => (running = null)));

  return { add, uid, list, remove, mend, sync, wake, fresh, day, wipe, count, sealed: Boolean(subtle), on: (one) => listeners.push(one) };
})();
