// The portal works without this file. With it: Escape closes the menu, the first error is in focus, and what htmx
// swaps keeps the reader's place and is announced.
(function () {
  "use strict";
  var root = document.documentElement;

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    var menu = document.querySelector(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  document.addEventListener("click", function (event) {
    var menu = document.querySelector(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });

  var open = [];
  var focus = "";

  function announce(part) {
    var words = part.matches("[data-announce]") ? part : part.querySelector("[data-announce]");
    var place = document.getElementById("announcement");
    if (words && place) place.textContent = words.textContent;
  }

  document.addEventListener("htmx:beforeSwap", function (event) {
    var part = event.detail.target;
    open = Array.prototype.map.call(part.querySelectorAll("details[id]"), function (details) {
      return [details.id, details.open];
    });
    focus = part.contains(document.activeElement) ? document.activeElement.id || "-" : "";
  });

  document.addEventListener("htmx:afterSettle", function (event) {
    var part = document.getElementById(event.detail.target.id) || event.detail.elt;
    open.forEach(function (state) {
      var details = document.getElementById(state[0]);
      if (details) details.open = state[1];
    });
    open = [];
    if (focus) {
      // The same control when it is still there; else the heading of what came.
      var next = focus === "-" ? null : document.getElementById(focus);
      next = next || part.querySelector("[data-announce]");
      if (next) {
        if (!next.matches("a, button, input, select, textarea, summary")) next.tabIndex = -1;
        next.focus({ preventScroll: focus !== "-" });
      }
      focus = "";
    }
    announce(part);
  });

  // A failed request becomes an ordinary visit, so that the reader sees what the server says, or that
  // it cannot be reached.
  function visit(event) {
    var path = event.detail.pathInfo && event.detail.pathInfo.finalRequestPath;
    if (path && event.detail.requestConfig.verb === "get") window.location.assign(path);
  }
  document.addEventListener("htmx:responseError", visit);
  document.addEventListener("htmx:sendError", visit);

  document.addEventListener("DOMContentLoaded", function () {
    if (window.htmx) root.classList.add("live");
    var summary = document.querySelector(".summary[role=alert]");
    if (summary && !summary.closest("[data-sample]")) summary.focus();
  });
})();
