/* Sends what waits: at once where there is a network, later where there is none, in batches, each scan as often as it
   takes. The server knows every scan by its key, so an answer lost on the way costs nothing.

   ScannerQueue.start({ answered(answer, counts), changed(state) }) · kick() · refresh(shift) → roster or null
   state.net: online, offline, signin (signed out), slow (the server asks for patience) */
(function () {
  "use strict";

  var BATCH = 25;
  var PATIENCE_MS = 15000;
  var MOST_SECONDS = 2000000000; // as timebank/attendance/schemas.py
  var LONGEST_WAIT_MS = 20000;

  var store = window.ScannerStore;
  var wants = null;
  var state = { net: navigator.onLine === false ? "offline" : "online", me: null, blocked: {} };
  var size = BATCH;
  var misses = 0;
  var timer = null;
  var running = null;
  var again = false;

  function Pause(net) { this.net = net; }

  function say(net) {
    state.net = net;
    wants.changed(state);
  }

  async function ask(address, more) {
    var stop = window.AbortController ? new AbortController() : null;
    var bell = setTimeout(function () { if (stop) { stop.abort(); } }, PATIENCE_MS);
    var answer;
    try {
      answer = await fetch(address, Object.assign({ redirect: "manual", signal: stop ? stop.signal : undefined }, more));
    } catch (_error) {
      throw new Pause("offline");
    } finally {
      clearTimeout(bell);
    }
    if (answer.type === "opaqueredirect") { throw new Pause("signin"); }
    if (answer.status === 429 || answer.status === 503) { throw new Pause("slow"); }
    return answer;
  }

  // The roster as the server has it now, kept for later, with how far this phone's clock is behind the server's.
  async function refresh(shift) {
    var before = Date.now();
    var answer = await ask("/organise/shifts/" + shift + "/roster.json", { headers: { Accept: "application/json" } });
    if (!answer.ok) { return null; }
    var roster = await answer.json();
    var middle = (before + Date.now()) / 2;
    var offset = Math.round((Date.parse(roster.now) - middle) / 1000);
    roster.offset = Math.max(-MOST_SECONDS, Math.min(MOST_SECONDS, offset));
    await store.keepRoster(roster);
    state.me = roster.me;
    say("online");
    return roster;
  }

  function asSent(scan) {
    return {
      key: scan.key,
      code: scan.code || "",
      member_id: scan.member || null,
      wanted: scan.wanted || "",
      at: new Date(scan.at).toISOString(),
      loaded_offset: scan.offset === undefined ? null : scan.offset,
      roster: scan.proof || ""
    };
  }

  async function post(shift, scans, token) {
    var body = { sent_at: new Date().toISOString(), device: await store.device(), scans: scans.map(asSent) };
    return ask("/organise/shifts/" + shift + "/scans", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "application/json" },
      body: JSON.stringify(body)
    });
  }

  async function tokenOf(shift) {
    var kept = await store.roster(shift);
    return kept && state.me && kept.me.id === state.me.id ? kept.csrf : null;
  }

  async function send(shift, scans) {
    var token = await tokenOf(shift);
    if (!token) {
      var fresh = await refresh(shift);
      if (!fresh) { state.blocked[shift] = true; return; }
      token = fresh.csrf;
    }
    var answer = await post(shift, scans, token);
    if (answer.status === 400) { // the token was another sign-in's, or is too old
      var renewed = await refresh(shift);
      if (renewed) { answer = await post(shift, scans, renewed.csrf); }
    }
    if (answer.status === 403 || answer.status === 404) { state.blocked[shift] = true; return; }
    if (!answer.ok) {
      await store.failed(scans.map(function (scan) { return scan.key; }));
      size = Math.max(1, size >> 1); // whatever stumbles is found by halves; the others go on
      throw new Pause("slow");
    }
    size = BATCH;
    var said = await answer.json();
    await store.settle(said.answers);
    store.tell({ answered: said, shift: shift });
    await wants.answered(said, shift);
  }

  async function drain() {
    for (;;) {
      var waiting = (await store.unsent()).filter(function (scan) { return !state.blocked[scan.shift] && !scan.refused; });
      if (!waiting.length) { return; }
      var shift = waiting[0].shift;
      var batch = waiting.filter(function (scan) { return scan.shift === shift; }).slice(0, size);
      await send(shift, batch);
      misses = 0;
      say("online");
    }
  }

  // One tab sends at a time where the browser can say so; where it cannot, the keys keep it harmless.
  function alone(action) {
    return navigator.locks ? navigator.locks.request("timebank-scanner-upload", action) : action();
  }

  async function work() {
    try {
      do {
        again = false;
        await alone(drain);
      } while (again);
    } catch (stopped) {
      if (!(stopped instanceof Pause)) { throw stopped; }
      misses += 1;
      say(stopped.net);
      if (stopped.net !== "signin") { later(); }
    }
  }

  function later() {
    clearTimeout(timer);
    var wait = Math.min(LONGEST_WAIT_MS, 1000 * Math.pow(2, Math.min(misses, 6)));
    timer = setTimeout(kick, wait * (0.75 + Math.random() / 2));
  }

  function kick() {
    clearTimeout(timer);
    again = true;
    if (!running) {
      running = work().finally(function () { running = null; wants.changed(state); });
    }
    return running;
  }

  function start(given) {
    wants = given;
    window.addEventListener("online", function () { misses = 0; kick(); });
    window.addEventListener("offline", function () { say("offline"); });
    document.addEventListener("visibilitychange", function () { if (!document.hidden) { kick(); } });
  }

  window.ScannerQueue = { kick: kick, refresh: refresh, start: start, state: state, Pause: Pause };
}());
