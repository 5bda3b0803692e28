/* The screen at the door: asks the server for each picture, counts down, and never shows a code that is over. */
(function () {
  "use strict";

  var ASK_MS = 4000;
  var screen = document.querySelector("[data-door]");
  if (!screen) { return; }

  function find(name) { return screen.querySelector("[data-" + name + "]"); }
  function say(name, text) {
    var place = find(name);
    if (place.textContent !== String(text)) { place.textContent = text; }
  }

  var shownCode = find("code").textContent;
  var now = function () { return performance.now() / 1000; };
  var overAt = now() + Number(screen.dataset.photo);
  var nextAt = now() + Number(screen.dataset.next);
  var asking = false;

  function show(state) {
    if (state.code !== shownCode) {
      shownCode = state.code;
      find("picture").innerHTML = state.svg;
      say("code", state.code);
    }
    overAt = now() + state.photo_seconds;
    nextAt = now() + state.next_seconds;
    ["here", "gone", "missing", "expected"].forEach(function (name) { say(name, state[name]); });
    find("note").hidden = !state.note;
    say("note", state.note);
    showLatest(state.latest);
    stopped("");
  }

  function showLatest(latest) {
    if (!latest.length) { return; }
    var list = find("latest");
    list.replaceChildren.apply(list, latest.map(function (one) {
      var line = document.createElement("li");
      var time = document.createElement("span");
      var name = document.createElement("b");
      time.className = "num";
      time.textContent = one.time;
      name.textContent = one.alias;
      line.append(time, " ", name, " " + one.word);
      return line;
    }));
  }

  // A code that no longer counts is hidden: people would scan it and be refused without a reason they can see.
  function stopped(text) {
    find("stopped").hidden = !text;
    find("picture").classList.toggle("over", Boolean(text));
    if (text) { say("stopped-text", text); }
  }

  function ask() {
    if (asking) { return; }
    asking = true;
    fetch(screen.dataset.url, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "manual" })
      .then(function (answer) {
        if (answer.type === "opaqueredirect") { throw new Error("signed-out"); }
        if (!answer.ok) { throw new Error("failed"); }
        return answer.json();
      })
      .then(show)
      .catch(function (error) {
        if (error.message === "signed-out") { stopped("登录已过期。请刷新页面，重新登录。"); }
      })
      .finally(function () { asking = false; });
  }

  function tick() {
    var left = Math.max(0, Math.ceil(overAt - now()));
    say("seconds", left);
    if (!left) { stopped("网络断了，码已过期。连上以后会自动换新码。"); }
    if (now() >= nextAt) { nextAt = now() + 1; ask(); }
  }

  setInterval(tick, 250);
  setInterval(ask, ASK_MS);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { ask(); stayAwake(); } });

  // The screen of a tablet must not go dark while people queue.
  function stayAwake() {
    if (navigator.wakeLock) { navigator.wakeLock.request("screen").catch(function () {}); }
  }
  stayAwake();

  var full = find("full-screen");
  if (document.documentElement.requestFullscreen) {
    full.hidden = false;
    full.addEventListener("click", function () {
      if (document.fullscreenElement) { document.exitFullscreen(); } else { document.documentElement.requestFullscreen(); }
      stayAwake();
    });
  }
}());
