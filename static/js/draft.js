// The pages of a report work without this file. With it, what is typed is saved every few seconds, on leaving a field
// and on leaving the page; until the portal has confirmed it, it is also kept in this browser.
(function () {
  "use strict";
  var form = document.querySelector("form[data-draft]");
  if (!form || !window.fetch) return;
  var WAIT = 3000, RETRY = 8000, PRESENCE = 15000;
  var status = document.querySelector("[data-saved]");
  var present = document.querySelector("[data-others]");
  var words = document.getElementById("draft-words").content;
  var timer = 0, saving = false, again = false, stopped = false, leaving = false;
  var pressed = null, going = false;

  // Buttons of the form are called "action", which hides the form's own property of that name.
  function address() { return form.getAttribute("action"); }

  function word(name) {
    return words.querySelector('[data-word="' + name + '"]').textContent;
  }

  function say(text, label, address) {
    status.textContent = text;
    if (!label) return;
    var link = document.createElement("a");
    link.href = address;
    link.textContent = label;
    status.append(" ", link);
  }

  // --- what is kept in this browser
  function place() {
    return "draft:" + form.dataset.draft + ":" + form.dataset.page;
  }

  var NOT_TYPED = /^(csrfmiddlewaretoken|seen|version|start|complain|action|shown|reply\..*|pick\..*|rows\..*)$/;

  function typed() {
    var texts = {};
    new FormData(form).forEach(function (text, name) {
      if (!NOT_TYPED.test(name) && typeof text === "string") texts[name] = text;
    });
    return texts;
  }

  function keep() {
    try {
      localStorage.setItem(place(), JSON.stringify({ texts: typed(), seen: form.elements.seen.value, at: Date.now() }));
    } catch (error) { /* private windows may refuse: the portal still saves */ }
  }

  function forget() {
    try { localStorage.removeItem(place()); } catch (error) { /* as above */ }
  }

  function put(name, text) {
    var found = form.elements[name];
    if (!found) return false;
    if (found instanceof RadioNodeList) found.value = text;
    else found.value = text;
    return true;
  }

  function bringBack() {
    if (form.hasAttribute("data-unsaved")) { keep(); return schedule(0); }
    if (/[?&]resolved/.test(location.search)) return forget();
    var kept = null;
    try { kept = JSON.parse(localStorage.getItem(place())); } catch (error) { return; }
    if (!kept || !kept.texts || Date.now() - kept.at > 30 * 24 * 3600 * 1000) return;
    var now = typed(), names = Object.keys(kept.texts);
    if (!names.some(function (name) { return kept.texts[name] !== (now[name] || ""); })) return forget();
    names.forEach(function (name) {
      var match = /^([a-z_]+)\.(\d+)\./.exec(name);
      if (match && !form.elements[name]) addRow(form.querySelector('[data-rows="' + match[1] + '"]'));
      put(name, kept.texts[name]);
    });
    // The digests of then: what somebody else saved meanwhile is not written over.
    form.elements.seen.value = kept.seen;
    say(word("back"));
    schedule(0);
  }

  // --- saving
  function body() {
    return new URLSearchParams(new FormData(form));
  }

  function schedule(delay) {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(save, delay);
  }

  function save() {
    if (stopped) return;
    if (saving) { again = true; return; }
    saving = true;
    again = false;
    var sent = JSON.stringify(typed());
    fetch(address(), {
      method: "POST",
      body: body(),
      headers: { Accept: "application/json" },
      credentials: "same-origin",
      keepalive: leaving && sent.length < 20000
    }).then(function (response) {
      return response.json().catch(function () { return {}; }).then(function (answer) {
        // Not before the whole answer is here: a button pressed in between would do its work twice.
        saving = false;
        take(response, answer, sent);
      });
    }).catch(function () {
      saving = false;
      pressed = null;
      keep();
      say(word("offline"));
      schedule(RETRY);
    });
  }

  function take(response, answer, sent) {
    if (response.ok && answer.address) {
      confirm(answer, sent);
    } else if (response.status === 401) {
      stop("signed-out", "sign-in", form.dataset.signIn + encodeURIComponent(location.pathname));
    } else if (answer.stale) {
      stop("stale", "load-again", location.pathname);
    } else if (answer.conflict) {
      stop("conflict");
    } else if (answer.closed !== undefined && answer.closed) {
      stop("closed");
    } else if (answer.error) {
      keep();
      say(word("failed") + " " + answer.error);
    } else if (!response.ok) {
      keep();
      say(word("offline"));
      schedule(RETRY);
    }
    if (again && !stopped) save();
    else if (pressed && !going) go();
  }

  // A button was pressed: now that what was typed has arrived (or the portal has said why not), it does its work.
  function go() {
    var button = pressed;
    going = true;
    stopped = true;
    form.requestSubmit(button);
  }

  function stop(name, label, address) {
    stopped = true;
    keep();
    say(word(name), label && word(label), address);
  }

  function confirm(answer, sent) {
    form.elements.seen.value = JSON.stringify(answer.seen);
    form.elements.version.value = answer.version;
    var unchanged = JSON.stringify(typed()) === sent;
    if (form.dataset.draft === "new") {
      forget();
      form.dataset.draft = answer.address.split("/").slice(-3)[0];
      form.setAttribute("action", answer.address);
      history.replaceState(null, "", answer.address);
    }
    if (unchanged) forget(); else { keep(); schedule(WAIT); }
    var time = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    say(word("saved").replace("%(time)s", time));
    if (unchanged) show(answer);
  }

  function show(answer) {
    Object.keys(answer.findings || {}).forEach(function (name) {
      var part = form.querySelector('[data-findings="' + name + '"]');
      if (!part || part.contains(document.activeElement)) return;
      var fresh = answer.findings[name].trim();
      if (part.dataset.shown === fresh) return;
      part.dataset.shown = fresh;
      part.innerHTML = fresh;
      var entry = part.closest("[data-entry]"), wrong = Boolean(part.querySelector(".error"));
      entry.classList.toggle("bad", wrong);
      entry.querySelectorAll("input.input, select, textarea:not(.ask textarea)").forEach(function (control) {
        if (wrong) control.setAttribute("aria-invalid", "true"); else control.removeAttribute("aria-invalid");
      });
      var said = part.querySelector(".error, .ask p");
      if (said) document.getElementById("announcement").textContent = said.textContent;
    });
    Object.keys(answer.understood || {}).forEach(function (name) {
      var entry = form.querySelector('[data-entry="' + name + '"] .understood');
      if (entry) entry.textContent = answer.understood[name];
    });
    Object.keys(answer.options || {}).forEach(function (name) {
      var control = form.elements[name];
      if (control && control.list && !control.dataset.list) fill(control.list, answer.options[name]);
    });
    others(answer.others);
  }

  function others(text) {
    present.textContent = text || "";
    present.hidden = !text;
  }

  form.addEventListener("input", function (event) {
    if (event.target.type === "hidden") return;
    keep();
    schedule(WAIT);
    lookUp(event.target);
  });
  form.addEventListener("change", function () { keep(); schedule(0); });
  form.addEventListener("submit", function (event) {
    clearTimeout(timer);
    if (going || stopped) return;
    event.preventDefault();
    if (pressed) return;
    pressed = event.submitter;
    if (saving) again = true; else save();
  });
  window.addEventListener("pagehide", function () {
    if (stopped || !isKept()) return;
    leaving = true;
    save();
  });
  window.addEventListener("online", function () { schedule(0); });

  function isKept() {
    try { return Boolean(localStorage.getItem(place())); } catch (error) { return true; }
  }

  // --- lists that help while typing
  var asked = 0;

  function fill(list, options) {
    list.replaceChildren.apply(list, options.map(function (one) {
      var option = document.createElement("option");
      option.value = one[0];
      option.textContent = one[1];
      return option;
    }));
  }

  function lookUp(control) {
    if (!control.dataset || !control.dataset.list || control.value.length < 2) return;
    clearTimeout(asked);
    asked = setTimeout(function () {
      fetch(control.dataset.list + "?q=" + encodeURIComponent(control.value), { credentials: "same-origin" })
        .then(function (response) { return response.ok ? response.json() : null; })
        .then(function (answer) { if (answer) fill(control.list, answer.options); })
        .catch(function () { /* the list is a help only */ });
    }, 250);
  }

  // --- what can be given several times
  function renumber(row, name, number) {
    row.querySelectorAll("[name], [id], [for], [list], [aria-describedby], [data-entry], [data-findings]").forEach(function (element) {
      ["name", "id", "for", "list", "aria-describedby", "data-entry", "data-findings", "value"].forEach(function (attribute) {
        var text = element.getAttribute(attribute);
        if (!text || (attribute === "value" && element.tagName !== "BUTTON")) return;
        element.setAttribute(attribute, text
          .replace(new RegExp("\\b" + name + "\\.\\d+\\.", "g"), name + "." + number + ".")
          .replace(new RegExp("id_" + name + "-\\d+-", "g"), "id_" + name + "-" + number + "-")
          .replace(new RegExp("remove:" + name + ":\\d+"), "remove:" + name + ":" + number));
      });
    });
  }

  function addRow(group) {
    var name = group.dataset.rows, rows = group.querySelectorAll("[data-row]"), last = rows[rows.length - 1];
    var row = last.cloneNode(true);
    row.querySelectorAll("input, textarea, select").forEach(function (control) { control.value = ""; });
    row.querySelectorAll("[data-findings], .understood").forEach(function (part) { part.replaceChildren(); });
    row.querySelectorAll(".picks").forEach(function (part) { part.remove(); });
    row.querySelectorAll(".bad").forEach(function (part) { part.classList.remove("bad"); });
    group.dataset.next = Math.max(Number(group.dataset.next || 0), rows.length);
    renumber(row, name, group.dataset.next);
    group.dataset.next = Number(group.dataset.next) + 1;
    last.after(row);
    return row;
  }

  form.addEventListener("click", function (event) {
    var button = event.target.closest("button[value^='add:'], button[value^='remove:']");
    if (!button) return;
    event.preventDefault();
    var group = button.closest("[data-rows]");
    if (button.value.indexOf("add:") === 0) {
      addRow(group).querySelector("input, select, textarea").focus();
      return;
    }
    var row = button.closest("[data-row]");
    if (group.querySelectorAll("[data-row]").length === 1) addRow(group);
    row.remove();
    group.focus();
    keep();
    schedule(0);
  });

  // A pick is a text like any other.
  form.addEventListener("change", function (event) {
    if (event.target.name.indexOf("pick.") !== 0) return;
    put(event.target.name.slice(5), event.target.value);
    event.target.closest(".picks").remove();
  });

  // --- who else is here
  function call() {
    if (form.dataset.draft === "new" || document.hidden || stopped) return;
    fetch(address() + "presence/", { credentials: "same-origin" })
      .then(function (response) { return response.ok ? response.json() : null; })
      .then(function (answer) { if (answer) others(answer.others); })
      .catch(function () { /* nobody is seen */ });
  }
  setInterval(call, PRESENCE);

  bringBack();
})();
