/* The scanner's page. Every scan takes one way: kept on the phone, judged by the phone, sent, judged by the server.
   Online the last step follows at once, and the server's word replaces the phone's. The forms do the same without it. */
(function () {
  "use strict";

  var root = document.querySelector("[data-scanner]");
  if (!root || !window.ZXingWASM || !window.idb || !window.nacl || !window.fetch) { return; }

  var SAME_CODE_MS = 3000; // a card that stays in view is one scan
  var REFRESH_MS = 3 * 60 * 1000;
  var CLOCK_OFF_SECONDS = 300; // as timebank/attendance/rules/uploads.py
  var START = "/organise/shifts/scanner";
  var CACHE = "timebank-scanner";
  var ICONS = { ok: "check-circle", calm: "info", bad: "close-circle" };
  var NETS = {
    online: "已联网，扫码马上送到",
    offline: "没有网络：扫码先存在这台手机里，联网后自己上传",
    slow: "网络很慢：扫码先存在这台手机里，会自己再送",
    signin: "登录已过期：扫码都还在这台手机里，请重新登录后上传"
  };

  var store = window.ScannerStore;
  var judge = window.ScannerJudge;
  var queue = window.ScannerQueue;

  function find(name) { return document.querySelector("[data-" + name + "]"); }

  var inPath = /\/organise\/shifts\/(\d+)\/scan/.exec(location.pathname);
  var shift = Number(root.dataset.shift || (inPath ? inPath[1] : 0));
  var form = root.querySelector("form.scan-form");
  var roster = null; // as the server gave it
  var waiting = [];
  var last = { text: "", at: 0 };
  var shown = null; // the key of the scan that the box speaks of
  var sound = null;

  // --- telling ---------------------------------------------------------------------------------------------------

  // Word, colour, sound and vibration together: the door is loud, the sun is bright, gloves are on.
  function tell(told, quiet) {
    var box = find("told");
    var before = box.hidden ? "" : box.className;
    box.hidden = false;
    box.className = "scan-told " + told.tone;
    find("told-word").textContent = told.word;
    find("told-name").textContent = told.name || "";
    find("told-detail").textContent = told.detail || "";
    find("told-icon").setAttribute("href", root.dataset.icons + "#" + ICONS[told.tone]);
    if (quiet && before === box.className) { return; }
    beep(told.tone);
    if (navigator.vibrate) { navigator.vibrate(told.tone === "bad" ? [200, 100, 200] : 80); }
  }

  function beep(tone) {
    if (!sound) { return; }
    var pitches = { ok: [880, 1320], calm: [660], bad: [220, 180] }[tone];
    pitches.forEach(function (pitch, place) {
      var voice = sound.createOscillator();
      var volume = sound.createGain();
      var start = sound.currentTime + place * 0.13;
      voice.frequency.value = pitch;
      volume.gain.setValueAtTime(0.25, start);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.12);
      voice.connect(volume).connect(sound.destination);
      voice.start(start);
      voice.stop(start + 0.13);
    });
  }

  function clock(milliseconds) {
    return new Date(milliseconds).toLocaleTimeString("zh-CN", {
      hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai"
    });
  }

  // --- what the phone makes of it ----------------------------------------------------------------------------------

  function here() {
    return waiting.filter(function (scan) { return scan.shift === shift; });
  }

  // Who came and left, by the roster and what has not been sent yet; so it is right after a reload, too.
  function replayed(scans) {
    var people = {};
    var counts = Object.assign({ expected: 0, here: 0, gone: 0, missing: 0 }, roster ? roster.counts : {});
    if (roster) {
      roster.people.forEach(function (one) {
        people[one.id] = { came: one.in ? Date.parse(one.in) : null, left: one.out ? Date.parse(one.out) : null, listed: one.listed };
      });
    }
    scans.slice().sort(function (a, b) { return a.at - b.at; }).forEach(function (scan) {
      if (!scan.who) { return; }
      var one = people[scan.who] || (people[scan.who] = { came: null, left: null, listed: false });
      var at = scan.at + (scan.offset || 0) * 1000;
      var kind = judge.kindOf(one.came, scan.wanted, at, roster ? Date.parse(roster.ends) : Infinity);
      if (kind === "in") {
        if (!one.came && !one.left) { counts.here += 1; if (one.listed) { counts.missing -= 1; } }
        one.came = at;
      } else if (kind === "out") {
        if (one.came && !one.left) { counts.here -= 1; counts.gone += 1; }
        one.left = Math.max(one.left || 0, at);
      }
    });
    return { people: people, counts: counts };
  }

  // The phone's own word about a scan: { told, who }.
  function verdict(scan) {
    var at = scan.at + (scan.offset || 0) * 1000;
    if (scan.code) {
      var found = judge.whom(roster, scan.code, at);
      if (found.state === "revoked") {
        return { told: { tone: "bad", word: "这张卡已作废", name: found.person ? found.person.alias : "", detail: "请让本人打开手机上“我的成长卡”的新码。扫码已留下。" } };
      }
      if (found.state === "forged") {
        return { told: { tone: "bad", word: "假码", detail: "这个码不是本系统发出的。扫码已留下。" } };
      }
      if (found.state === "other") {
        return { told: { tone: "bad", word: "不是个人码", detail: "请让会员打开“我的成长卡”，扫上面的码。" } };
      }
      if (found.state === "unsure") {
        return { told: { tone: "calm", word: "已留下", detail: roster ? "名单里没有这个码，联网后核对。" : "这台手机里没有名单，联网后核对。" } };
      }
      if (found.state === "guest") { return guest(found.serial, at, scan.wanted); }
      return known(found.person, at, scan.wanted);
    }
    var person = roster && roster.people.filter(function (one) { return one.id === scan.member; })[0];
    return person ? known(person, at, scan.wanted) : guest(scan.member, at, scan.wanted, scan.name);
  }

  function known(person, at, wanted) {
    return { who: person.id, told: said(person.id, at, wanted, person.alias + "（" + person.name + "）", person.listed) };
  }

  function guest(who, at, wanted, name) {
    if (roster && !roster.walk_ins) {
      return { told: { tone: "bad", word: "没有报名", name: name || "", detail: "这个活动不接受现场加入。扫码已留下，由组织者决定。" } };
    }
    return { who: who, told: said(who, at, wanted, name || "", false) };
  }

  function said(who, at, wanted, name, listed) {
    if (roster && roster.cancelled) { return { tone: "bad", word: "班次已取消", name: name, detail: "扫码已留下。" }; }
    if (roster && (at < Date.parse(roster.opens) || at >= Date.parse(roster.closes))) {
      return { tone: "bad", word: "不在签到时间", name: name, detail: "扫码已留下，由组织者决定。" };
    }
    var one = replayed(here()).people[who] || { came: null };
    var kind = judge.kindOf(one.came, wanted, at, roster ? Date.parse(roster.ends) : Infinity);
    if (kind === "out") { return { tone: "ok", word: "已签退", name: name, detail: clock(at) }; }
    var detail = clock(kind === "again" ? one.came : at) + (listed ? "" : "，现场加入");
    return { tone: kind === "again" ? "calm" : "ok", word: "已签到", name: name, detail: detail };
  }

  // --- one scan ------------------------------------------------------------------------------------------------------

  async function take(what) {
    var scan = Object.assign({ key: store.freshKey(), shift: shift, at: Date.now() }, what);
    if (roster) { scan.offset = roster.offset; scan.proof = roster.proof; }
    var me = queue.state.me || (roster && roster.me);
    if (me) { scan.by = me.id; scan.byName = me.name; }
    var word = verdict(scan);
    delete scan.name; // it was for the word just said; full names do not stay on the phone
    if (word.told.tone !== "bad") { scan.who = word.who; } // what a person has to decide moves nobody
    await store.addScan(scan); // before anything is shown
    waiting.push(scan);
    shown = scan.key;
    tell(word.told);
    count();
    queue.kick();
  }

  function seen(text, photo) {
    var now = Date.now();
    var same = !photo && text === last.text && now - last.at < SAME_CODE_MS;
    last = { text: text, at: now };
    return same ? null : take({ code: text.slice(0, 300), wanted: "" });
  }

  async function answered(answer, of) {
    if (of !== shift) { await reread(); return; }
    answer.answers.forEach(function (one) {
      if (one.key === shown) { tell(one, true); }
      if (one.id) { note(one); }
    });
    if (roster) {
      roster.counts = answer.counts;
      await store.keepRoster(roster);
    }
    await reread();
  }

  // What the server said about a person, into the roster and the list.
  function note(one) {
    if (roster && one.state === "counted") {
      var person = roster.people.filter(function (other) { return other.id === one.id; })[0];
      if (person) { person.in = one.in; person.out = one.out; }
    }
    var line = document.querySelector('[data-member="' + one.id + '"]');
    if (line && one.state === "counted") {
      line.replaceWith(row({ id: one.id, name: one.name, tail: line.dataset.tail || "", in: one.in, out: one.out, listed: !one.walk_in }));
    }
  }

  async function reread() {
    waiting = await store.unsent();
    count();
    status();
  }

  function count() {
    var counts = replayed(here()).counts;
    ["here", "gone", "missing", "expected"].forEach(function (name) {
      var place = document.querySelector("[data-counts] [data-" + name + "]");
      if (place && roster) { place.textContent = counts[name]; }
    });
    status();
  }

  function status() {
    find("net-line").hidden = false;
    find("net-line").className = "scan-net " + queue.state.net;
    find("net").textContent = NETS[queue.state.net];
    find("sign-in").hidden = queue.state.net !== "signin";
    var sending = waiting.filter(function (scan) { return !scan.refused; });
    find("waiting").hidden = !sending.length;
    find("waiting").textContent = "等待上传 " + sending.length + " 条";
    find("others").hidden = true;
    var me = queue.state.me || (roster && roster.me);
    var others = sending.filter(function (scan) { return me && scan.by && scan.by !== me.id; });
    if (others.length || sending.some(function (scan) { return queue.state.blocked[scan.shift]; })) {
      var names = Array.from(new Set(sending.map(function (scan) { return scan.byName; }).filter(Boolean)));
      find("others").hidden = false;
      find("others").textContent = "其中有 " + (names.join("、") || "别人") + " 扫的。有权限的人登录后会自己上传；一条也不会丢。";
    }
    var refused = waiting.filter(function (scan) { return scan.refused; });
    find("refused").hidden = !refused.length;
    find("refused").textContent = "有 " + refused.length + " 条服务器没有收下，还留在这台手机里，请告诉网点管理员。";
  }

  function warn() {
    var off = roster ? Math.abs(roster.offset) : 0;
    find("clock").hidden = off <= CLOCK_OFF_SECONDS;
    find("clock").textContent = "这台手机的时间差了 " + Math.round(off / 60) + " 分钟。没有网络时扫的码要由人核实，请先把时间调准。";
  }

  // --- people without a code -----------------------------------------------------------------------------------------

  function row(person) {
    var line = document.createElement("li");
    line.dataset.member = person.id;
    line.dataset.tail = person.tail;
    var words = document.createElement("div");
    var name = document.createElement("b");
    name.textContent = person.name;
    var tail = document.createElement("small");
    tail.className = "soft";
    tail.textContent = " " + person.tail;
    var place = document.createElement("span");
    place.className = "badge " + (person.out ? "" : person.in ? "ok" : "wait");
    place.textContent = person.out ? "已签退 " + clock(Date.parse(person.out)) : person.in ? "已签到 " + clock(Date.parse(person.in)) : person.listed ? "还没到" : "不在名单";
    words.append(name, tail, document.createElement("br"), place);
    line.append(words);
    if (!person.out) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = person.in ? "button" : "button primary";
      button.textContent = person.in ? "签退" : person.listed ? "签到" : "现场加入";
      button.setAttribute("aria-label", button.textContent + "：" + person.name);
      button.addEventListener("click", function () {
        button.disabled = true;
        take({ member: person.id, name: person.name, wanted: person.in ? "out" : "in" }).then(function () { search(find("q").value); });
      });
      line.append(button);
    }
    return line;
  }

  function fromRoster(text) {
    var wanted = text.trim().toUpperCase();
    var now = replayed(here()).people;
    if (!roster) { return []; }
    return roster.people
      .filter(function (one) {
        return !wanted || [one.alias, one.name, one.tail].some(function (text_) { return text_.toUpperCase().indexOf(wanted) >= 0; });
      })
      .map(function (one) {
        var state = now[one.id];
        return {
          id: one.id, name: one.alias + "（" + one.name + "）", tail: one.tail, listed: one.listed,
          in: state.came ? new Date(state.came).toISOString() : null, out: state.left ? new Date(state.left).toISOString() : null
        };
      });
  }

  async function search(text) {
    var found = null;
    if (text.trim() && queue.state.net === "online") {
      try {
        var answer = await fetch("/organise/shifts/" + shift + "/people.json?q=" + encodeURIComponent(text), { redirect: "manual" });
        if (answer.ok) { found = (await answer.json()).found; }
      } catch (_error) { /* the roster knows some of them */ }
    }
    var local = found === null;
    if (local) { found = fromRoster(text); }
    var place = find("found");
    place.replaceChildren.apply(place, found.map(row));
    find("found-note").hidden = found.length > 0;
    find("found-note").textContent = local
      ? "这台手机里的名单没有找到。没有网络时只能按称呼、姓或会员号末四位找名单里的人。"
      : "没有找到。换个姓名，或者输入完整的会员号。";
  }

  // --- starting ------------------------------------------------------------------------------------------------------

  async function load() {
    try {
      var fresh = await queue.refresh(shift);
      if (fresh) { roster = fresh; }
    } catch (stopped) {
      if (!(stopped instanceof queue.Pause)) { throw stopped; }
      queue.state.net = stopped.net;
    }
    if (!roster) { roster = await store.roster(shift); }
    await reread();
    warn();
    head();
    if (find("found").hasAttribute("data-all")) { search(find("q").value); }
  }

  // The kept start page stands in for every shift: it says which one by the roster.
  function head() {
    var title = find("shift-title");
    if (!title) { return; }
    title.textContent = roster ? roster.title : "班次 " + shift;
    find("shift-when").textContent = roster ? roster.when : "名单不在这台手机里，可能已经过期删除。扫码先留下，联网后核对。";
  }

  function install() {
    if (!navigator.serviceWorker || !window.caches) { return; }
    navigator.serviceWorker.register("/organise/shifts/worker.js", { scope: "/organise/shifts/" }).then(keep).catch(function () {});
  }

  // What the start page needs without a network: itself, and everything it names.
  async function keep() {
    var answer = await fetch(START, { redirect: "manual" });
    if (!answer.ok) { return; }
    var cache = await caches.open(CACHE);
    var page = new DOMParser().parseFromString(await answer.clone().text(), "text/html");
    var needed = Array.from(page.querySelectorAll("script[src], link[href], [data-wasm]"))
      .map(function (one) { return one.dataset.wasm || one.getAttribute("src") || one.getAttribute("href"); })
      .concat([root.dataset.icons])
      .map(function (address) { return new URL(address, location.href).href; });
    await cache.put(START, answer);
    await Promise.all(needed.map(async function (address) {
      if (address.indexOf("?v=") >= 0 && await cache.match(address)) { return; }
      var file = await fetch(address);
      if (file.ok) { await cache.put(address, file); }
    }));
    var right = new Set(needed.concat([new URL(START, location.href).href]));
    for (var kept of await cache.keys()) {
      if (!right.has(kept.url)) { await cache.delete(kept); }
    }
    root.dataset.kept = "1";
  }

  async function begin() {
    await store.purge();
    setInterval(function () { store.purge(); if (roster && !navigator.onLine) { store.roster(shift).then(function (one) { roster = one; }); } }, 60000);
    queue.start({ answered: answered, changed: function () { status(); } });
    store.listen(function (what) {
      if (what.answered && what.shift === shift) { answered(what.answered, what.shift); } else { reread(); }
    });
    if (!shift) { await choose(); return; }
    if (find("today")) { find("today").hidden = true; }
    localStorage.setItem("timebank-scanner", document.body.dataset.member || "");
    roster = await store.roster(shift);
    await reread();
    head();
    await load();
    queue.kick();
    setInterval(function () { if (!document.hidden) { load(); } }, REFRESH_MS);
  }

  // The app's start page without a shift: those whose rosters are on this phone.
  async function choose() {
    var kept = await store.rosters();
    find("chosen").hidden = true;
    find("kept").hidden = !kept.length;
    find("kept-list").replaceChildren.apply(find("kept-list"), kept.map(function (one) {
      var line = document.createElement("li");
      var link = document.createElement("a");
      link.href = "/organise/shifts/" + one.id + "/scan";
      var when = document.createElement("small");
      when.className = "soft";
      when.textContent = one.when;
      var words = document.createElement("span");
      words.append(one.title, document.createElement("br"), when);
      link.append(words);
      line.append(link);
      return line;
    }));
    await reread();
    queue.kick();
  }

  window.openCamera(root, {
    hint: "把成长卡对准方框，一张接一张。",
    otherwise: "拍照认码、输入个人码",
    seen: seen,
    unread: function () { tell({ tone: "bad", word: "没有认出来", detail: "请把码拍得大一点、亮一点，再试一次。" }); },
    opened: function () {
      var Sound = window.AudioContext || window.webkitAudioContext;
      if (Sound && !sound) { sound = new Sound(); } // browsers allow sound only after a press
    }
  });

  form.addEventListener("submit", function (event) {
    var box = form.elements.code;
    var text = box.value.trim();
    event.preventDefault();
    if (!text) { return; }
    if (judge.read(text).form === "other") {
      shown = null;
      tell({ tone: "bad", word: "没有签上", detail: "这个码输错了：成长卡上的个人码是 P1 开头的 16 位，请对照逐位核对。" });
      return;
    }
    take({ code: text, wanted: "" }).then(function () { box.value = ""; box.focus(); });
  });

  document.addEventListener("submit", function (event) {
    var given = event.target.dataset;
    if (given.person) {
      event.preventDefault();
      event.target.querySelector("button").disabled = true;
      take({ member: Number(given.person), name: given.name, wanted: given.wanted });
    } else if ("search" in given) {
      event.preventDefault();
      search(event.target.elements.q.value);
    }
  });

  install();
  begin();
}());
