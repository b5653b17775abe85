// Where the field keeps things on the device: one database, sealed where the browser can.
// "keys" holds the key (it cannot be taken out), "items" what waits, "kept" the day's work.
"use strict";
window.fieldStore = (() => {
  const NAME = "gongzhi-field";
  const subtle = window.crypto && crypto.subtle;
  const text = new TextEncoder();
  const read = new TextDecoder();
  let opening = null;
  let sealing = null;

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

  // The whole database goes, with its key.
  const drop = async () => {
    const base = await open().catch(() => null);
    if (base) base.close();
    opening = sealing = null;
    await new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(NAME);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
  };

  return { NAME, asked, within, look, put, seal, unseal, sealJson, unsealJson, drop, sealed: Boolean(subtle) };
})();
