// The guide works without this file: its forms then open the answer as a page. With it: only filled-in parameters are
// sent, and the answer stands below the form.
(function () {
  "use strict";

  function address(form) {
    var query = new URLSearchParams();
    new FormData(form).forEach(function (value, name) {
      if (value !== "") query.append(name, value);
    });
    var text = query.toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  }

  function readable(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch (error) {
      return text;
    }
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.matches("[data-try]")) return;
    event.preventDefault();
    var answer = form.querySelector(".api-answer");
    var status = answer.querySelector("[data-status]");
    var body = answer.querySelector("[data-body]");
    var asked = address(form);
    answer.hidden = false;
    answer.querySelector("[data-request]").textContent = "GET " + asked;
    status.textContent = "…";
    body.textContent = "";
    fetch(asked, { headers: { Accept: "application/json" }, cache: "no-cache" })
      .then(function (response) {
        var told = ["ETag", "Last-Modified", "RateLimit"]
          .filter(function (name) { return response.headers.get(name); })
          .map(function (name) { return name + ": " + response.headers.get(name); });
        status.textContent = [response.status + " " + response.statusText].concat(told).join(" · ");
        return response.text();
      })
      .then(function (text) { body.textContent = readable(text); })
      .catch(function (error) { status.textContent = String(error); });
  });
})();
