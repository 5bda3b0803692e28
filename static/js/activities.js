/* Adds rows for shifts without asking the server; the button does the same by itself where scripts do not run. */
(function () {
  "use strict";

  var rows = document.getElementById("rows");
  var button = document.querySelector("[data-add-row]");
  if (!rows || !button) { return; }

  function cell(row, name) {
    return row.querySelector("[name$='-" + name + "']");
  }

  function weekLater(text) {
    var parts = text.split("-").map(Number);
    if (parts.length !== 3 || parts.some(isNaN)) { return ""; }
    return new Date(Date.UTC(parts[0], parts[1] - 1, parts[2] + 7)).toISOString().slice(0, 10);
  }

  function renumber(row, number) {
    var old = "shifts-" + row.getAttribute("data-row") + "-";
    var made = "shifts-" + number + "-";
    row.setAttribute("data-row", String(number));
    row.querySelector("[data-number]").textContent = String(number + 1);
    Array.prototype.forEach.call(row.querySelectorAll("*"), function (node) {
      ["id", "name", "for", "aria-describedby"].forEach(function (attribute) {
        var text = node.getAttribute(attribute);
        if (text && text.indexOf(old) >= 0) { node.setAttribute(attribute, text.split(old).join(made)); }
      });
    });
  }

  function forgetMistakes(row) {
    Array.prototype.forEach.call(row.querySelectorAll(".mistake"), function (node) { node.remove(); });
    Array.prototype.forEach.call(row.querySelectorAll(".wrong"), function (node) { node.classList.remove("wrong"); });
    Array.prototype.forEach.call(row.querySelectorAll("[aria-invalid]"), function (node) { node.removeAttribute("aria-invalid"); });
  }

  /* A new row is the last one a week later: what most series of shifts look like. */
  button.addEventListener("click", function (event) {
    event.preventDefault();
    var last = rows.lastElementChild;
    var row = last.cloneNode(true);
    renumber(row, Number(last.getAttribute("data-row")) + 1);
    forgetMistakes(row);
    ["start", "end", "capacity", "break_minutes", "place"].forEach(function (name) {
      cell(row, name).value = cell(last, name).value;
    });
    cell(row, "id").value = "";
    cell(row, "date").value = weekLater(cell(last, "date").value);
    var drop = cell(row, "drop");
    if (drop) {
      drop.checked = false;
      drop.closest(".drop").hidden = false;
    }
    row.classList.remove("dropped");
    rows.appendChild(row);
    cell(row, "date").focus();
  });

  rows.addEventListener("change", function (event) {
    if (/-drop$/.test(event.target.name || "")) {
      event.target.closest("fieldset").classList.toggle("dropped", event.target.checked);
    }
  });
}());
