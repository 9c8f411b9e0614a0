(function () {
  "use strict";
  var detail = document.getElementById("detail");
  function show(button) {
    detail.textContent = "";
    var title = document.createElement("strong");
    title.textContent = button.dataset.title;
    detail.appendChild(title);
    button.dataset.detail.split("\n").forEach(function (line) {
      var row = document.createElement("div");
      row.textContent = line;
      detail.appendChild(row);
    });
    detail.hidden = false;
  }
  function hide() { detail.hidden = true; }
  document.querySelectorAll("button[data-detail]").forEach(function (button) {
    button.addEventListener("mouseenter", function () { show(button); });
    button.addEventListener("focus", function () { show(button); });
    button.addEventListener("click", function () { show(button); });
    button.addEventListener("mouseleave", hide);
    button.addEventListener("blur", hide);
  });
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") { hide(); } });
})();
