// What goes over the line at once: entries as words, packed, or one entry with its photos and voice note.
"use strict";
window.fieldParcel = (() => {
  const { unseal, unsealJson } = fieldStore;
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

  return { ask, request };
})();
