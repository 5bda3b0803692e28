/* Reads one voucher with the camera or from a photo and sends the form as if its code had been typed. */
(function () {
  "use strict";

  var root = document.querySelector("[data-voucher]");
  if (!root || !window.ZXingWASM) { return; }

  var LOOK_MS = 160;
  function find(name) { return root.querySelector("[data-" + name + "]"); }
  var form = document.getElementById(root.dataset.voucher).form;
  var video = find("video");
  var stream = null;

  // The library would fetch its module from a public host; ours comes from this one.
  window.ZXingWASM.prepareZXingModule({
    overrides: { locateFile: function (path, folder) { return path.slice(-5) === ".wasm" ? root.dataset.wasm : folder + path; } }
  });

  function read(picture) {
    return window.ZXingWASM.readBarcodes(picture, { formats: ["QRCode"], tryHarder: true, maxNumberOfSymbols: 1 })
      .then(function (found) { return found.length ? found[0].text : ""; });
  }

  function note(text) {
    find("note").hidden = !text;
    find("note").textContent = text;
  }

  // What the code is for is the server's question: whatever was read is sent, and a wrong code is answered in words.
  function send(text) {
    stop();
    form.elements.voucher.value = text;
    note("认出来了，正在打开……");
    form.requestSubmit ? form.requestSubmit() : form.submit();
  }

  function look(canvas, pen) {
    if (!stream) { return; }
    var again = function () { setTimeout(function () { look(canvas, pen); }, LOOK_MS); };
    if (!video.videoWidth) { again(); return; }
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    pen.drawImage(video, 0, 0);
    read(pen.getImageData(0, 0, canvas.width, canvas.height))
      .then(function (text) { if (text && stream) { send(text); } else { again(); } }, again);
  }

  function start() {
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } })
      .then(function (opened) {
        stream = opened;
        video.srcObject = opened;
        find("camera").hidden = false;
        find("start").hidden = true;
        find("stop").hidden = false;
        note("把会员手机上的兑换券对准方框。");
        return video.play();
      })
      .then(function () {
        var canvas = document.createElement("canvas");
        look(canvas, canvas.getContext("2d", { willReadFrequently: true }));
      })
      .catch(function () {
        stop();
        note("摄像头没有打开。请在浏览器里允许使用摄像头，或者拍照认码、输入券上的码。");
        find("photo").hidden = false;
      });
  }

  function stop() {
    if (stream) { stream.getTracks().forEach(function (track) { track.stop(); }); }
    stream = null;
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
    find("photo").hidden = false;
  }

  find("photo-file").addEventListener("change", function (event) {
    var file = event.target.files[0];
    if (!file) { return; }
    read(file).then(function (text) {
      if (text) { send(text); } else { note("没有认出来。请把码拍得大一点、亮一点，再试一次。"); }
    }).finally(function () { event.target.value = ""; });
  });
}());
