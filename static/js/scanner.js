/* Reads personal codes with the camera, one after another. The form below the camera does the same without it. */
(function () {
  "use strict";

  var root = document.querySelector("[data-scanner]");
  if (!root || !window.ZXingWASM || !window.fetch) { return; }

  var SAME_CODE_MS = 3000; // a card that stays in view is one scan
  var TRIES = 3;
  var ICONS = { ok: "check-circle", calm: "info", bad: "close-circle" };

  function find(name) { return root.querySelector("[data-" + name + "]"); }

  var form = root.querySelector("form");
  var busy = false;
  var last = { text: "", at: 0 };
  var sound = null;

  // Word, colour, sound and vibration together: the door is loud, the sun is bright, gloves are on.
  function tell(told) {
    var box = find("told");
    box.hidden = false;
    box.className = "scan-told " + told.tone;
    find("told-word").textContent = told.word;
    find("told-name").textContent = told.name || "";
    find("told-detail").textContent = told.detail || "";
    ["here", "gone", "missing", "expected"].forEach(function (name) {
      if (name in told) { document.querySelector("[data-counts] [data-" + name + "]").textContent = told[name]; }
    });
    var icon = find("told-icon");
    icon.setAttribute("href", root.dataset.icons + "#" + ICONS[told.tone]);
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

  function freshKey() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return byte.toString(16).padStart(2, "0"); }).join("");
  }

  // One key for all tries of one scan, so that an answer lost on the way never counts twice.
  function send(text, key, tries) {
    var body = new URLSearchParams();
    body.set("csrf_token", form.elements.csrf_token.value);
    body.set("form_key", key);
    body.set("code", text);
    return fetch(root.dataset.url, { method: "POST", body: body, headers: { Accept: "application/json" }, redirect: "manual" })
      .then(function (answer) {
        if (answer.type === "opaqueredirect") { return { tone: "bad", word: "请重新登录", detail: "登录已过期，请刷新页面。" }; }
        if ((answer.headers.get("Content-Type") || "").indexOf("application/json") < 0) {
          return { tone: "bad", word: "没有签上", detail: answer.status === 429 ? "错码太多，请等一分钟再试。" : "请刷新页面再试。" };
        }
        return answer.json();
      }, function () {
        if (tries > 1) {
          return new Promise(function (done) { setTimeout(done, 1500); }).then(function () { return send(text, key, tries - 1); });
        }
        return { tone: "bad", word: "没有送出", detail: "网络不通。请再扫一次，或者先记在纸上。" };
      });
  }

  function scan(text) {
    busy = true;
    return send(text, freshKey(), TRIES).then(tell).finally(function () { busy = false; });
  }

  function seen(text, photo) {
    if (busy) { return null; }
    var now = Date.now();
    var same = !photo && text === last.text && now - last.at < SAME_CODE_MS;
    last = { text: text, at: now };
    return same ? null : scan(text);
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
    if (!box.value.trim()) { return; }
    event.preventDefault();
    scan(box.value).then(function () { box.value = ""; box.focus(); });
  });
}());
