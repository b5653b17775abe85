// The line: sends what waits in the outbox, settles its answers, and fetches the day's work anew.
"use strict";
(() => {
  const { NAME, asked, within, sealJson, unsealJson } = fieldStore;
  const { ask, request } = fieldParcel;
  const { rows, change, owner, keep, wipe, count, tell } = outbox;
  const BATCH = 100; // things in one request
  let running = null;
  let again = false;
  let wait = 0; // ms until what the house could not do now is tried again
  let resting = false;
  let timer = null;

  const where = document.querySelector("[data-field]").dataset;

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
    const found = await answer.json().catch(() => null); // the line broke in the middle of the answer
    if (!found) {
      tell("offline");
      return null;
    }
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
    const told = await answer.json().catch(() => null);
    if (!told) return later(); // sent again, it gets the same answers
    const { answers } = told;
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

  Object.assign(outbox, { sync, wake, fresh });
})();
