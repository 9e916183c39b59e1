// Finds the number that a public form sends with it: its SHA-256 with the form's stamp begins with zero bits. A worker
// searches while the person types. Where there is no number in the end, the form asks for a short wait instead.
(function () {
  "use strict";
  var SLOWEST_MS = 20000;
  var worker_url = document.currentScript.dataset.worker;

  function prepare(stamp) {
    var form = stamp.form;
    var proof = form.elements[stamp.name.replace(/stamp$/, "proof")];
    var worker = null;
    var done = Boolean(proof.value) || !window.Worker;
    var waits = false;
    var button = null;

    function begin() {
      if (worker || done) return;
      worker = new Worker(worker_url);
      worker.onmessage = function (event) {
        proof.value = event.data;
        end();
      };
      worker.onerror = end;
      worker.postMessage([stamp.value, Number(stamp.dataset.proofBits)]);
    }

    function end() {
      if (done) return;
      done = true;
      worker.terminate();
      form.removeAttribute("aria-busy");
      if (waits) form.requestSubmit(button);
    }

    form.addEventListener("focusin", begin);
    form.addEventListener("submit", function (event) {
      begin();
      if (done) return;
      event.preventDefault();
      waits = true;
      button = event.submitter;
      form.setAttribute("aria-busy", "true");
      // A device that is too slow for the search waits no longer than one that runs no script.
      setTimeout(end, SLOWEST_MS);
    });
  }

  document.querySelectorAll("input[data-proof-bits]").forEach(prepare);
})();
