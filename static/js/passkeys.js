// Says in words why a passkey or security key was not used; allauth alone writes it to the console.
(function () {
  "use strict";
  document.addEventListener("allauth.error", function (event) {
    var place = document.querySelector("[data-passkey-trouble]");
    if (!place) return;
    event.preventDefault();
    var name = event.detail.exception && event.detail.exception.name;
    var words = place.dataset.failed;
    if (window.location.origin !== place.dataset.origin) words = place.dataset.elsewhere;
    else if (name === "NotAllowedError" || name === "InvalidStateError" || name === "AbortError") words = place.dataset.refused;
    else if (name === "NotSupportedError" || name === "SecurityError" || !window.PublicKeyCredential) words = place.dataset.missing;
    place.textContent = words;
    place.hidden = false;
  });
})();
