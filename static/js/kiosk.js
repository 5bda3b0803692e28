/* The tablet at the entrance: camera, big keys, a hardware scanner that types and presses Enter. One answer fills the
   screen for some seconds, then the next person's turn. Without a network nothing is kept and nothing is pretended. */
(function () {
  "use strict";

  var root = document.querySelector("[data-kiosk]");
  if (!root || !window.fetch) { return; }

  var SHOWN_MS = { ok: 4000, calm: 5000, bad: 8000 };
  var SAME_CODE_MS = 8000; // a card that stays in view is one scan
  var ASK_MS = 10000;
  var WAIT_MS = 8000; // nobody stands longer before a screen that says nothing
  var TRIES = 3;
  var LETTERS = "1234567890ABCDEFGHJKMNPQRSTVWXY";
  var ICONS = { ok: "check-circle", calm: "info", bad: "close-circle" };

  function find(name) { return root.querySelector("[data-" + name + "]"); }

  var form = root.querySelector("form");
  var box = form.elements.code;
  var busy = false;
  var back = null;
  var last = { text: "", at: 0 };
  var sound = null;

  function cut(word, detail) {
    find("cut").hidden = !word;
    if (word) {
      find("cut-word").textContent = word;
      find("cut-detail").textContent = detail;
    }
  }
  function noNetwork() { cut("网络断了，现在签不上", "请在纸上登记，或者找现场组织者。连上以后会自动恢复。"); }

  function count(told) {
    ["here", "gone"].forEach(function (name) { if (name in told) { find(name).textContent = told[name]; } });
  }

  function ready() {
    clearTimeout(back);
    find("told").hidden = true;
    find("waiting").hidden = false;
    box.value = "";
    box.focus({ preventScroll: true });
  }

  function tell(told) {
    find("told").className = "kiosk-told " + told.tone;
    find("told-name").textContent = told.name || "";
    find("told-word").textContent = told.word;
    find("told-detail").textContent = told.detail || "";
    find("told-icon").setAttribute("href", root.dataset.icons + "#" + ICONS[told.tone]);
    find("waiting").hidden = true;
    find("told").hidden = false;
    box.value = "";
    count(told);
    beep(told.tone);
    if (navigator.vibrate) { navigator.vibrate(told.tone === "bad" ? [200, 100, 200] : 80); }
    clearTimeout(back);
    back = setTimeout(ready, SHOWN_MS[told.tone]);
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

  function freshKey() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  }

  function ask(url, options) {
    var stop = window.AbortController ? new AbortController() : null;
    var late = stop && setTimeout(function () { stop.abort(); }, WAIT_MS);
    options.headers = { Accept: "application/json" };
    options.redirect = "manual";
    options.cache = "no-store";
    if (stop) { options.signal = stop.signal; }
    return fetch(url, options).finally(function () { clearTimeout(late); });
  }

  // The page's own answers are JSON; anything else means that this tablet is no kiosk any more, or the page is too old.
  function read(answer) {
    if ((answer.headers.get("Content-Type") || "").indexOf("application/json") >= 0) { return answer.json(); }
    if (answer.status === 429) { return { tone: "bad", word: "请等一分钟", detail: "错码太多了，请等一分钟再试。" }; }
    if (answer.status >= 500) { return { tone: "bad", word: "没有签上", detail: "系统忙，请再试一次，或者找现场组织者。" }; }
    return { tone: "bad", word: "没有签上", detail: "请再试一次。", stale: true };
  }

  // One key for all tries of one scan, so that an answer lost on the way never counts twice.
  function send(text, key, tries) {
    var body = new URLSearchParams();
    body.set("csrf_token", form.elements.csrf_token.value);
    body.set("form_key", key);
    body.set("code", text);
    return ask(root.dataset.url, { method: "POST", body: body }).then(read, function () {
      if (tries > 1) {
        return new Promise(function (done) { setTimeout(done, 1000); }).then(function () { return send(text, key, tries - 1); });
      }
      noNetwork();
      return { tone: "bad", word: "没有签上", detail: "网络断了，这一次没有送到。请在纸上登记，或者找现场组织者。" };
    });
  }

  function scan(text) {
    if (busy) { return null; }
    busy = true;
    return send(text, freshKey(), TRIES).then(function (told) {
      if (!told.stale && "here" in told) { cut(""); }
      tell(told);
      if (told.over || told.stale) { setTimeout(function () { location.href = root.dataset.home; }, SHOWN_MS.bad); }
    }).finally(function () { busy = false; });
  }

  function seen(text, photo) {
    if (busy || find("waiting").hidden) { return null; }
    var now = Date.now();
    var same = !photo && text === last.text && now - last.at < SAME_CODE_MS;
    last = { text: text, at: now };
    return same ? null : scan(text);
  }

  function look() {
    ask(root.dataset.state, {}).then(function (answer) {
      if (answer.ok) { return answer.json().then(function (counts) { cut(""); count(counts); }); }
      if (busy || !find("told").hidden) { return null; } // somebody is being answered; the next look will do
      if (answer.status === 403 || answer.type === "opaqueredirect") { location.href = root.dataset.home; }
      return null;
    }).catch(noNetwork);
  }

  // Keys for people without a keyboard. The box itself keeps the focus for a scanner that types.
  function key(label, press, wide) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "button" + (wide ? " more" : "");
    button.textContent = label;
    button.addEventListener("click", function () { press(); box.focus({ preventScroll: true }); });
    find("keys").appendChild(button);
  }
  LETTERS.split("").forEach(function (letter) { key(letter, function () { box.value += letter; }); });
  key("删一个", function () { box.value = box.value.slice(0, -1); }, true);
  key("全删", function () { box.value = ""; }, true);
  find("keys").hidden = false;
  box.setAttribute("inputmode", "none");

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    if (box.value.trim()) { scan(box.value); } else { box.focus(); }
  });
  find("next").addEventListener("click", function (event) { event.preventDefault(); ready(); });
  // A scanner that types may start while the last answer is still shown: its first letter turns the page.
  document.addEventListener("keydown", function (event) {
    if (find("told").hidden || event.key.length !== 1 || event.ctrlKey || event.metaKey) { return; }
    event.preventDefault();
    ready();
    box.value = event.key;
  });
  window.addEventListener("offline", noNetwork);
  window.addEventListener("online", look);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { look(); stayAwake(); } });
  setInterval(look, ASK_MS);

  function stayAwake() {
    if (navigator.wakeLock) { navigator.wakeLock.request("screen").catch(function () {}); }
  }
  stayAwake();
  document.addEventListener("click", function () {
    var Sound = window.AudioContext || window.webkitAudioContext;
    if (Sound && !sound) { sound = new Sound(); } // browsers allow sound only after a press
  });

  if (window.ZXingWASM) {
    window.openCamera(root, {
      facing: "user",
      hint: "把码对准方框，离镜头一手掌远。",
      otherwise: "输入卡上的码",
      seen: seen,
      unread: function () { tell({ tone: "bad", word: "没有认出来", detail: "请把码拍得大一点、亮一点，再试一次。" }); }
    });
  }
  // What a scanner typed while the page was loading stays in the box.
  if (find("told").hidden) { box.focus({ preventScroll: true }); } else { back = setTimeout(ready, SHOWN_MS.bad); }
  if (navigator.onLine === false) { noNetwork(); }
}());
