/* The camera of the scanning pages, shared by check-in and vouchers: shows the picture, reads QR codes, or reads a photo.

   openCamera(root, wants): root holds data-video, data-camera, data-start, data-stop, data-photo, data-photo-file and
   data-camera-note, and names the decoder's module in data-wasm. Wants: hint (said while the camera runs), otherwise
   (what to do without a camera), facing ("user" for a tablet's front camera), seen(text) → promise or nothing, unread()
   after a photo without a code, opened() once on the first press. Returns { stop, note }. A data-torch button, where
   there is one, shows when the camera has a light. */
(function () {
  "use strict";

  var LOOK_MS = 160;

  function decoder(wasm) {
    // The library would fetch its module from a public host; ours comes from this one.
    window.ZXingWASM.prepareZXingModule({
      overrides: { locateFile: function (path, folder) { return path.slice(-5) === ".wasm" ? wasm : folder + path; } }
    });
    return function (picture) {
      return window.ZXingWASM.readBarcodes(picture, { formats: ["QRCode"], tryHarder: true, maxNumberOfSymbols: 1 })
        .then(function (found) { return found.length ? found[0].text : ""; });
    };
  }

  window.openCamera = function (root, wants) {
    function find(name) { return root.querySelector("[data-" + name + "]"); }

    var read = decoder(root.dataset.wasm);
    var video = find("video");
    var stream = null;

    function note(text) {
      find("camera-note").hidden = !text;
      find("camera-note").textContent = text;
    }

    function look(canvas, pen) {
      if (!stream) { return; }
      var again = function () { setTimeout(function () { look(canvas, pen); }, LOOK_MS); };
      if (!video.videoWidth) { again(); return; }
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      pen.drawImage(video, 0, 0);
      read(pen.getImageData(0, 0, canvas.width, canvas.height))
        .then(function (text) { return text && stream ? wants.seen(text) : null; })
        .then(again, again);
    }

    function start() {
      if (wants.opened) { wants.opened(); }
      navigator.mediaDevices.getUserMedia({ video: { facingMode: wants.facing || "environment", width: { ideal: 1280 } } })
        .then(function (opened) {
          stream = opened;
          video.srcObject = opened;
          find("camera").hidden = false;
          find("start").hidden = true;
          find("stop").hidden = false;
          note(wants.hint);
          torch(opened);
          return video.play();
        })
        .then(function () {
          var canvas = document.createElement("canvas");
          look(canvas, canvas.getContext("2d", { willReadFrequently: true }));
        })
        .catch(function () {
          stop();
          note("摄像头没有打开。请在浏览器里允许使用摄像头，或者" + wants.otherwise + "。");
          find("photo").hidden = false;
        });
    }

    // Few phones have it, and only on the camera at the back.
    function torch(opened) {
      var button = find("torch");
      var track = opened.getVideoTracks()[0];
      if (!button || !track || !track.getCapabilities || !track.getCapabilities().torch) { return; }
      button.hidden = false;
      button.setAttribute("aria-pressed", "false");
      button.onclick = function () {
        var lit = button.getAttribute("aria-pressed") !== "true";
        track.applyConstraints({ advanced: [{ torch: lit }] })
          .then(function () { button.setAttribute("aria-pressed", String(lit)); })
          .catch(function () { button.hidden = true; });
      };
    }

    function stop() {
      if (stream) { stream.getTracks().forEach(function (track) { track.stop(); }); }
      stream = null;
      if (find("torch")) { find("torch").hidden = true; }
      find("camera").hidden = true;
      find("stop").hidden = true;
      find("start").hidden = false;
      note("");
    }

    find("start").addEventListener("click", start);
    find("stop").addEventListener("click", stop);
    window.addEventListener("pagehide", stop);
    if (navigator.mediaDevices && navigator.mediaDevices.getUserMedia) {
      find("start").hidden = false;
    } else {
      note("这个浏览器不能直接用摄像头。请" + wants.otherwise + "。");
      find("photo").hidden = false;
    }

    find("photo-file").addEventListener("change", function (event) {
      var file = event.target.files[0];
      if (!file) { return; }
      read(file)
        .then(function (text) { return text ? wants.seen(text, true) : wants.unread(); })
        .finally(function () { event.target.value = ""; });
    });

    return { stop: stop, note: note };
  };
}());
