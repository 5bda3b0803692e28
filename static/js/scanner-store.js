/* What the scanner keeps on the phone (IndexedDB): rosters, which expire, and scans, which stay until the server has them.

   A scan is written before anything is shown of it, so a killed tab loses nothing. Scans are only ever deleted when the
   server has answered for them. Other tabs are told of every change. */
(function () {
  "use strict";

  var opened = null;
  var channel = window.BroadcastChannel ? new BroadcastChannel("timebank-scanner") : null;

  function open() {
    opened = opened || window.idb.openDB("timebank-scanner", 1, {
      upgrade: function (base) {
        base.createObjectStore("rosters", { keyPath: "id" });
        base.createObjectStore("scans", { keyPath: "key" }).createIndex("shift", "shift");
        base.createObjectStore("device", { keyPath: "name" });
      }
    });
    return opened;
  }

  function freshKey() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  }

  function tell(what) {
    if (channel) { channel.postMessage(what); }
  }

  async function addScan(scan) {
    var base = await open();
    var writing = base.transaction("scans", "readwrite", { durability: "strict" });
    writing.store.add(scan);
    await writing.done;
    tell({ added: scan.shift });
  }

  // In the order in which they were made; those that failed before come last, so that one cannot hold up the others.
  async function unsent() {
    var scans = await (await open()).getAll("scans");
    return scans.sort(function (a, b) { return (a.tries || 0) - (b.tries || 0) || a.at - b.at; });
  }

  async function settle(answers) {
    var base = await open();
    var writing = base.transaction("scans", "readwrite");
    var scans = writing.store;
    for (var answer of answers) {
      var scan = await scans.get(answer.key);
      if (!scan) { continue; }
      if (answer.state === "bad" || answer.state === "lost") {
        scan.tries = (scan.tries || 0) + 1;
        scan.refused = answer.word || "没有收下";
        scans.put(scan);
      } else {
        scans.delete(answer.key);
      }
    }
    await writing.done;
  }

  async function failed(keys) {
    var base = await open();
    var writing = base.transaction("scans", "readwrite");
    for (var key of keys) {
      var scan = await writing.store.get(key);
      if (scan) { scan.tries = (scan.tries || 0) + 1; writing.store.put(scan); }
    }
    await writing.done;
  }

  // Rosters go by the server's clock, as far as the phone's was off when they were loaded.
  function serverNow(one) {
    return Date.now() + (one ? one.offset * 1000 : 0);
  }

  function isFresh(one) {
    return Boolean(one) && Date.parse(one.expires) > serverNow(one);
  }

  async function roster(shift) {
    var found = await (await open()).get("rosters", shift);
    return isFresh(found) ? found : null;
  }

  async function rosters() {
    return (await (await open()).getAll("rosters")).filter(isFresh);
  }

  async function keepRoster(one) {
    await (await open()).put("rosters", one);
  }

  async function purge() {
    var base = await open();
    var writing = base.transaction("rosters", "readwrite");
    for (var one of await writing.store.getAll()) {
      if (!isFresh(one)) { writing.store.delete(one.id); }
    }
    await writing.done;
  }

  // A name for this phone that says nothing about it, so that people can tell two scanners apart.
  async function device() {
    var base = await open();
    var known = await base.get("device", "id");
    if (!known) {
      known = { name: "id", value: freshKey() };
      await base.put("device", known);
    }
    return known.value;
  }

  window.ScannerStore = {
    addScan: addScan,
    device: device,
    failed: failed,
    freshKey: freshKey,
    keepRoster: keepRoster,
    listen: function (action) { if (channel) { channel.onmessage = function (event) { action(event.data); }; } },
    purge: purge,
    roster: roster,
    rosters: rosters,
    serverNow: serverNow,
    settle: settle,
    tell: tell,
    unsent: unsent
  };
}());
