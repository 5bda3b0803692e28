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
