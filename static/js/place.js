/* Where somebody is: asked when they press the button, or said once that it may always be. Everything works without. */
(function () {
  "use strict";

  var REMEMBERED = "attach-place";
  var HOW = { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 };

  function why(error) {
    if (error.code === 1) { return "没有得到许可，没有附上位置。"; }
    return "没有取到位置，可以再试一次。";
  }

  // Storage may be switched off altogether; then nothing is remembered.
  function remembered() {
    try { return window.localStorage.getItem(REMEMBERED) === "1"; } catch (error) { return false; }
  }
  function remember(wanted) {
    try {
      if (wanted) { window.localStorage.setItem(REMEMBERED, "1"); } else { window.localStorage.removeItem(REMEMBERED); }
    } catch (error) { /* see above */ }
  }

  if (!navigator.geolocation || !window.isSecureContext) { return; }

  // The organiser's form: the place's own coordinates, shown in the field before they are saved.
  var locate = document.querySelector("[data-locate]");
  if (locate) {
    var field = document.getElementById(locate.getAttribute("data-locate"));
    var said = document.querySelector("[data-locate-said]");
    locate.hidden = false;
    locate.addEventListener("click", function () {
      said.textContent = "正在取位置…";
      navigator.geolocation.getCurrentPosition(function (found) {
        field.value = found.coords.latitude.toFixed(6) + ", " + found.coords.longitude.toFixed(6);
        said.textContent = "已填上，误差约 " + Math.round(found.coords.accuracy) + " 米。";
      }, function (error) { said.textContent = why(error); }, HOW);
    });
  }

  // Checking in: sent with the button, judged on the server, kept as a word.
  var box = document.querySelector("[data-attach]");
  if (!box) { return; }
  var button = box.querySelector("[data-attach-button]");
  var always = box.querySelector("[data-attach-always]");
  var told = box.querySelector("[data-attach-said]");

  function attach() {
    told.textContent = "正在取位置…";
    navigator.geolocation.getCurrentPosition(function (found) {
      ["latitude", "longitude", "accuracy"].forEach(function (name) {
        Array.prototype.forEach.call(document.querySelectorAll("input[name='" + name + "']"), function (input) {
          input.value = String(found.coords[name]);
        });
      });
      told.textContent = "已附上。按上面的大按钮时一起交。";
      button.hidden = true;
    }, function (error) { told.textContent = why(error) + "不附也能签到。"; }, HOW);
  }

  box.hidden = false;
  always.checked = remembered();
  always.addEventListener("change", function () { remember(always.checked); });
  button.addEventListener("click", attach);
  if (always.checked) { attach(); }
}());
