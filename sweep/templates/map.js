(function () {
  "use strict";
  var detail = document.getElementById("detail");
  function show(box) {
    detail.textContent = "";
    var title = document.createElement("strong");
    title.textContent = box.dataset.title;
    detail.appendChild(title);
    box.dataset.detail.split("\n").forEach(function (line) {
      var row = document.createElement("div");
      row.textContent = line;
      detail.appendChild(row);
    });
    detail.hidden = false;
  }
  function hide() { detail.hidden = true; }
  function open(target) {
    for (var node = target; node; node = node.parentElement) { if (node.tagName === "DETAILS") { node.open = true; } }
    target.scrollIntoView();
  }
  document.querySelectorAll(".box[data-detail]").forEach(function (box) {
    box.addEventListener("mouseenter", function () { show(box); });
    box.addEventListener("focus", function () { show(box); });
    box.addEventListener("click", function () { show(box); });
    box.addEventListener("mouseleave", hide);
    box.addEventListener("blur", hide);
  });
  // In MLflow's frame a page has no address of its own, and "#why" would lead out of it.
  document.querySelectorAll('a[href^="#"]').forEach(function (link) {
    link.addEventListener("click", function (event) {
      var target = document.getElementById(link.getAttribute("href").slice(1));
      if (!target || event.ctrlKey || event.metaKey || event.shiftKey) { return; }
      event.preventDefault();
      hide();
      open(target);
      try { history.pushState(null, "", link.getAttribute("href")); } catch (refused) { /* a frame without an address */ }
    });
  });
  window.addEventListener("hashchange", function () {
    var target = document.getElementById(location.hash.slice(1));
    if (target) { open(target); }
  });
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") { hide(); } });
})();
