// The service worker of /field/: it keeps pages and files, so that they open without a network. It never sees data:
// addresses that carry any are not touched. The lines above this file say EDITION, PAGES and FILES.
"use strict";
const CACHE = `gongzhi-field-${EDITION}`;
const PATIENCE = 2500; // ms for the network, before the page that is kept is shown

const keep = async (url) => {
  const answer = await fetch(url, { redirect: "manual", cache: "no-cache", credentials: "same-origin" });
  if (answer.ok) await (await caches.open(CACHE)).put(url, answer);
};
const keepAll = (urls) => Promise.all(urls.map((url) => keep(url).catch(() => {})));

self.addEventListener("install", (event) => {
  event.waitUntil(keepAll([...FILES, ...PAGES]).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("gongzhi-field") && name !== CACHE;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

// "pages": the language or the person changed. "gaps": keep what is not kept yet.
self.addEventListener("message", (event) => {
  const work = async () => {
    if (event.data === "pages") return keepAll(PAGES);
    const kept = await caches.open(CACHE);
    const there = (await kept.keys()).map((request) => new URL(request.url).pathname);
    return keepAll([...FILES, ...PAGES].filter((url) => !there.includes(url)));
  };
  event.waitUntil(work());
});

const page = async (event, url) => {
  const kept = await (await caches.open(CACHE)).match(url);
  const network = fetch(event.request).then((answer) => {
    if (answer.ok) {
      const copy = answer.clone();
      event.waitUntil(caches.open(CACHE).then((cache) => cache.put(url, copy)));
    }
    return answer;
  });
  if (!kept) return network;
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE, kept));
  const answered = network.then(
    (answer) => (answer.status >= 500 ? kept : answer),
    () => kept,
  );
  return Promise.race([answered, patience]);
};

const file = async (event, url) => (await (await caches.open(CACHE)).match(url)) || fetch(event.request);

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (PAGES.includes(url.pathname)) event.respondWith(page(event, url.pathname));
  else if (FILES.includes(url.pathname)) event.respondWith(file(event, url.pathname));
});
