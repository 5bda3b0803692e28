/* Reads one voucher with the camera or from a photo and sends the form as if its code had been typed. */
(function () {
  "use strict";

  var root = document.querySelector("[data-voucher]");
  if (!root || !window.ZXingWASM) { return; }

  var form = document.getElementById(root.dataset.voucher).form;
  var camera = window.openCamera(root, {
    hint: "把会员手机上的兑换券对准方框。",
    otherwise: "拍照认码、输入券上的码",
    seen: send,
    unread: function () { camera.note("没有认出来。请把码拍得大一点、亮一点，再试一次。"); }
  });

  // What the code is for is the server's question: whatever was read is sent, and a wrong code is answered in words.
  function send(text) {
    camera.stop();
    form.elements.voucher.value = text;
    camera.note("认出来了，正在打开……");
    form.requestSubmit ? form.requestSubmit() : form.submit();
  }
}());
