/* Small comforts for every page. Nothing here is needed to get anything done. */
(function () {
  "use strict";

  function each(selector, action) {
    Array.prototype.forEach.call(document.querySelectorAll(selector), action);
  }

  // WeChat's browser refuses navigator.clipboard on plain http, so the old way stays as the second try.
  function copyText(box) {
    function oldWay() {
      box.focus();
      box.select();
      return document.execCommand("copy") ? Promise.resolve() : Promise.reject(new Error("copy"));
    }
    if (!navigator.clipboard) { return oldWay(); }
    return navigator.clipboard.writeText(box.value).catch(oldWay);
  }

  each("[data-copy]", function (button) {
    var box = document.getElementById(button.getAttribute("data-copy"));
    var said = document.getElementById(box.id + "-said");
    button.hidden = false;
    button.addEventListener("click", function () {
      copyText(box).then(
        function () { said.textContent = "已复制，可以去粘贴了。"; },
        function () { box.focus(); box.select(); said.textContent = "没能自动复制。文字已选中，请长按后选“复制”。"; }
      );
    });
  });

  each("[data-print]", function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // A menu that covers the page closes the way people expect; plain <details> would stay open.
  function closeMenus(except) {
    each("details[data-menu][open]", function (menu) {
      if (!except || !menu.contains(except)) { menu.open = false; }
    });
  }
  document.addEventListener("click", function (event) { closeMenus(event.target); });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    each("details[data-menu][open]", function (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // The server already answers a repeated form once; this only tells the person that the first press counted.
  function release(form) {
    Array.prototype.forEach.call(form.querySelectorAll("button[aria-busy]"), function (button) {
      button.removeAttribute("aria-busy");
      button.disabled = false;
      if (button.hasAttribute("data-label")) { button.lastElementChild.textContent = button.getAttribute("data-label"); }
    });
  }
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("data-download")) { return; }
    var button = event.submitter || form.querySelector("button[type=submit]");
    if (!button || button.hasAttribute("data-aside")) { return; } // the answer opens beside this page
    // After the event, so that the pressed button's own value is still sent.
    setTimeout(function () {
      var busyText = button.getAttribute("data-busy");
      button.setAttribute("aria-busy", "true");
      button.disabled = true;
      if (busyText && button.lastElementChild) {
        button.setAttribute("data-label", button.lastElementChild.textContent);
        button.lastElementChild.textContent = busyText;
      }
    }, 0);
    setTimeout(function () { release(form); }, 15000);
  });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) { each("form", release); }
  });

  // A phone that scanned keeps a roster: it goes when somebody signs out or another signs in. Unsent scans stay.
  function forgetRosters() {
    if (window.caches) { caches.delete("timebank-scanner"); }
    var opening = window.indexedDB.open("timebank-scanner");
    opening.onupgradeneeded = function () { opening.transaction.abort(); }; // nothing was kept: make nothing
    opening.onsuccess = function () {
      var base = opening.result;
      if (base.objectStoreNames.contains("rosters")) { base.transaction("rosters", "readwrite").objectStore("rosters").clear(); }
      base.close();
      localStorage.removeItem("timebank-scanner");
    };
  }
  try {
    var scannedAs = localStorage.getItem("timebank-scanner");
    if (scannedAs !== null && scannedAs !== (document.body.dataset.member || "")) { forgetRosters(); }
  } catch (_error) { /* a browser that keeps nothing has nothing to forget */ }

  var summary = document.getElementById("mistakes");
  if (summary) { summary.focus(); }
}());
