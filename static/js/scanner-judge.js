/* Judges codes without a network: by public key, roster and revocations, and by nothing else.

   A pass (P2, in the QR) proves itself by its signature; a typed code (P1) is looked up by a salted hash. What the phone
   says is provisional: the server's word comes with the upload. */
(function () {
  "use strict";

  var LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXY"; // as timebank/core/codes.py
  var LOOK_ALIKES = { O: "0", I: "1", L: "1", Z: "2" };
  var HEAD = 10; // P2, mark, serial
  var SIGNATURE = 104;
  var TYPED = 16;
  var REPEAT_MS = 10 * 60 * 1000;

  function tidy(text) {
    var last = text.split("?")[0].split("#")[0].replace(/\/+$/, "").split("/").pop();
    return last.normalize("NFKC").toUpperCase().replace(/[^0-9A-Z]/g, "")
      .replace(/[OILZ]/g, function (letter) { return LOOK_ALIKES[letter]; });
  }

  function checked(code) {
    var total = 0;
    for (var at = 0; at < code.length - 1; at += 1) {
      var place = LETTERS.indexOf(code[at]);
      if (place < 0) { return false; }
      total += (at + 1) * place;
    }
    return LETTERS[total % LETTERS.length] === code[code.length - 1];
  }

  // What was read: { form: "pass" | "typed" | "other", code, serial }.
  function read(text) {
    var code = tidy(text);
    if (code.length === HEAD + SIGNATURE && code.slice(0, 2) === "P2") {
      return { form: "pass", code: code, serial: code.slice(3, HEAD) };
    }
    if (code.length === TYPED && code.slice(0, 2) === "P1" && checked(code)) {
      return { form: "typed", code: code, serial: code.slice(2, 9) };
    }
    return { form: "other", code: code, serial: "" };
  }

  // The signature: one number in base 31, the highest place first, as 64 bytes; null when it is too great.
  function decode(letters) {
    var bytes = new Uint8Array(64);
    for (var letter of letters) {
      var carry = LETTERS.indexOf(letter);
      if (carry < 0) { return null; }
      for (var at = 63; at >= 0; at -= 1) {
        var sum = bytes[at] * LETTERS.length + carry;
        bytes[at] = sum & 255;
        carry = sum >> 8;
      }
      if (carry) { return null; }
    }
    return bytes;
  }

  function fromBase64(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function bytesOf(text) {
    return new TextEncoder().encode(text);
  }

  function isGenuine(code, keys, now) {
    var signature = decode(code.slice(HEAD));
    return Boolean(signature) && keys.some(function (key) {
      var counts = !key.accepted_until || Date.parse(key.accepted_until) > now;
      return counts && key.mark === code[2]
        && window.nacl.sign.detached.verify(bytesOf(code.slice(0, HEAD)), signature, fromBase64(key.public_key));
    });
  }

  function salted(roster, text) {
    var hash = window.nacl.hash(bytesOf(roster.salt + ":" + text));
    return Array.from(hash.slice(0, 3), function (byte) { return byte.toString(16).padStart(2, "0"); }).join("").slice(0, 5);
  }

  // Whom a code means: { state: "known" | "guest" | "revoked" | "forged" | "unsure", person }.
  function whom(roster, text, now) {
    var found = read(text);
    if (found.form === "other") { return { state: "other" }; }
    if (!roster) { return { state: "unsure" }; }
    if (roster.revoked.indexOf(found.serial) >= 0) { return { state: "revoked", person: byCard(roster, found.serial) }; }
    if (found.form === "pass") {
      if (!isGenuine(found.code, roster.keys, now)) { return { state: "forged" }; }
      var listed = byCard(roster, found.serial);
      return listed ? { state: "known", person: listed } : { state: "guest", serial: found.serial };
    }
    var hash = salted(roster, found.code);
    var typed = roster.people.filter(function (one) { return one.typed.indexOf(hash) >= 0; })[0];
    return typed ? { state: "known", person: typed } : { state: "unsure" };
  }

  function byCard(roster, serial) {
    var hash = salted(roster, serial);
    return roster.people.filter(function (one) { return one.card === hash; })[0];
  }

  // What a scan means for somebody who came and left at these times (milliseconds, or null).
  function kindOf(came, wanted, at, ends) {
    if (wanted === "out" || (!wanted && at >= ends)) { return "out"; }
    if (!came || at < came) { return "in"; }
    return wanted === "in" || at < came + REPEAT_MS ? "again" : "out";
  }

  window.ScannerJudge = { kindOf: kindOf, read: read, salted: salted, tidy: tidy, whom: whom };
}());
