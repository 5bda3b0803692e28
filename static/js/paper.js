/* Typing a paper list: Enter goes to the next box instead of sending the form; arrows go up and down the column. */
(function () {
  "use strict";

  var table = document.querySelector("[data-down]");
  if (!table) { return; }

  var boxes = Array.prototype.slice.call(table.querySelectorAll("input.input"));
  var after = document.getElementById("f-people");

  function go(box) {
    if (!box) { return; }
    box.focus();
    box.select();
  }

  function inColumn(box, step) {
    var cell = box.closest("td");
    var row = cell.parentNode;
    var place = Array.prototype.indexOf.call(row.children, cell);
    do { row = step > 0 ? row.nextElementSibling : row.previousElementSibling; } while (row && !row.children[place].querySelector("input.input"));
    return row ? row.children[place].querySelector("input.input") : null;
  }

  // A line's code ends with a check character that fits this sheet only: another paper's line is not found here.
  var jump = document.querySelector("[data-jump]");
  var wanted = jump.querySelector("input");
  var said = jump.querySelector("[data-jump-said]");
  function plain(text) { return text.normalize("NFKC").toUpperCase().replace(/[^0-9A-Z]/g, "").replace(/^0+/, ""); }
  jump.hidden = false;
  wanted.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || event.isComposing) { return; }
    event.preventDefault();
    var rows = Array.prototype.filter.call(table.querySelectorAll("tr[data-code]"), function (row) {
      return plain(row.dataset.code) === plain(wanted.value);
    });
    said.textContent = rows.length ? "" : "这一页没有这个行码。请看清是不是这张单子、这一页。";
    if (rows.length) {
      wanted.value = "";
      go(rows[0].querySelector("input.input"));
    }
  });

  table.addEventListener("keydown", function (event) {
    var at = boxes.indexOf(event.target);
    if (at < 0 || event.isComposing) { return; }
    if (event.key === "Enter") {
      event.preventDefault();
      go(boxes[at + 1] || after);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      go(inColumn(event.target, event.key === "ArrowDown" ? 1 : -1));
    }
  });
}());
