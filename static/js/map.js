// Turns [data-map] into a live map: Leaflet over the same Equal Earth sheet that the server drew, no tiles, points that
// lie close together gathered into one. Without this file, or when anything fails, the drawn map stays.
//
// data-geojson: points; properties name or title, url, has_result (or result_count), place
// data-outline: the land; data-label, -zoom-in, -zoom-out, -cluster ("{n} places"), -none, -close: words
(function () {
  "use strict";
  var RADIANS = Math.PI / 180;
  var A1 = 1.340264, A2 = -0.081106, A3 = 0.000893, A4 = 0.003796, M = Math.sqrt(3) / 2;
  var MERIDIAN = 11; // as alliance/core/maps.py
  var CELL = 44; // pixels: nearer points are one mark

  // Šavrič, Patterson, Jenny: The Equal Earth map projection, 2018.
  function sheet(L) {
    var projection = {
      bounds: L.bounds([-2.8, -1.4], [2.8, 1.4]),
      project: function (place) {
        var theta = Math.asin(M * Math.sin(place.lat * RADIANS));
        var t2 = theta * theta, t6 = t2 * t2 * t2;
        return new L.Point(
          ((place.lng - MERIDIAN) * RADIANS * Math.cos(theta)) / (M * (A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2))),
          theta * (A1 + A2 * t2 + t6 * (A3 + A4 * t2))
        );
      },
      unproject: function (point) {
        var theta = Math.max(-1.0471, Math.min(1.0471, point.y / A1)), t2, t6;
        for (var i = 0; i < 12; i++) {
          t2 = theta * theta;
          t6 = t2 * t2 * t2;
          var slope = A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2);
          var step = (theta * (A1 + A2 * t2 + t6 * (A3 + A4 * t2)) - point.y) / slope;
          theta -= step;
          if (Math.abs(step) < 1e-10) break;
        }
        theta = Math.max(-1.0471, Math.min(1.0471, theta));
        t2 = theta * theta;
        t6 = t2 * t2 * t2;
        var lng = (M * point.x * (A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2))) / Math.cos(theta) / RADIANS;
        return new L.LatLng(Math.asin(Math.sin(theta) / M) / RADIANS, lng + MERIDIAN);
      },
    };
    return L.extend({}, L.CRS, {
      code: "equal-earth",
      projection: projection,
      transformation: new L.Transformation(1 / 5.6, 0.5, -1 / 5.6, 0.5),
      distance: L.CRS.Earth.distance,
      infinite: false,
    });
  }

  // The sheet is cut at 169 degrees west; what lies beyond stands at its right edge.
  function turned(lng) {
    return lng < MERIDIAN - 180 ? lng + 360 : lng;
  }

  function card(words, properties) {
    var box = document.createElement("div");
    box.dir = document.documentElement.dir;
    var name = document.createElement(properties.url ? "a" : "strong");
    if (properties.url) name.href = properties.url;
    name.textContent = properties.title || properties.name || "";
    box.appendChild(name);
    [properties.title && properties.name, properties.place, words.hasResult(properties) ? "" : words.none].forEach(
      function (text) {
        if (!text || text === name.textContent) return;
        var line = document.createElement("p");
        line.textContent = text;
        box.appendChild(line);
      }
    );
    return box;
  }

  function start(holder, L, outline, points) {
    var data = holder.dataset;
    var words = {
      none: data.none,
      hasResult: function (p) {
        return p.has_result === undefined ? p.result_count > 0 : p.has_result;
      },
    };
    var drawn = holder.firstElementChild;
    var element = document.createElement("div");
    element.className = "live-map";
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", data.label);
    holder.insertBefore(element, drawn);
    drawn.setAttribute("hidden", "");

    var map = L.map(element, {
      crs: sheet(L),
      zoomControl: false,
      attributionControl: false,
      zoomSnap: 0.25,
      zoomDelta: 1,
      minZoom: 1,
      maxZoom: 9,
      maxBoundsViscosity: 1,
      scrollWheelZoom: false,
      worldCopyJump: false,
      fadeAnimation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      zoomAnimation: false, // marks are gathered anew at every zoom
    });
    L.control.zoom({ zoomInTitle: data.zoomIn, zoomOutTitle: data.zoomOut }).addTo(map);
    L.geoJSON(outline, { interactive: false, style: { className: "outline", stroke: false, fillOpacity: 1 } }).addTo(map);
    element.addEventListener("focusin", function () { map.scrollWheelZoom.enable(); });
    element.addEventListener("focusout", function () { map.scrollWheelZoom.disable(); });

    var places = points.features
      .filter(function (feature) { return feature.geometry && feature.geometry.type === "Point"; })
      .map(function (feature) {
        var at = feature.geometry.coordinates;
        return { at: L.latLng(at[1], turned(at[0])), properties: feature.properties };
      });
    var world = L.latLngBounds([[-56, -150], [78, 180]]);
    var all = places.length ? L.latLngBounds(places.map(function (p) { return p.at; })) : world;
    map.fitBounds(all, { maxZoom: 5, padding: [28, 28] });

    var layer = L.layerGroup().addTo(map);
    var shown = {};

    // A grid first; then what still lies too close to a larger neighbour joins it.
    function gather() {
      var cells = {};
      places.forEach(function (place) {
        var pixel = map.project(place.at);
        var x = Math.floor(pixel.x / CELL), y = Math.floor(pixel.y / CELL), key = x + ":" + y;
        var cell = (cells[key] = cells[key] || { x: x, y: y, at: L.point(0, 0), all: [] });
        cell.all.push(place);
        cell.at = cell.at.multiplyBy(cell.all.length - 1).add(pixel).divideBy(cell.all.length);
      });
      var keys = Object.keys(cells).sort(function (a, b) {
        return cells[b].all.length - cells[a].all.length || (a < b ? -1 : 1);
      });
      keys.forEach(function (key) {
        var cell = cells[key];
        if (cell.gone) return;
        for (var dx = -1; dx <= 1; dx++) {
          for (var dy = -1; dy <= 1; dy++) {
            var other = cells[(cell.x + dx) + ":" + (cell.y + dy)];
            if (!other || other === cell || other.gone || other.all.length > cell.all.length) continue;
            if (cell.at.distanceTo(other.at) >= CELL) continue;
            cell.all = cell.all.concat(other.all);
            other.gone = true;
          }
        }
      });
      // Only what is in sight; marks that stay are left alone, with their focus and their card.
      var sight = map.getPixelBounds(), margin = L.point(CELL * 2, CELL * 2);
      sight = L.bounds(sight.min.subtract(margin), sight.max.add(margin));
      var next = {};
      keys.forEach(function (key) {
        var here = cells[key].all, name = map.getZoom() + "/" + key;
        if (cells[key].gone || !sight.contains(cells[key].at)) return;
        next[name] =
          shown[name] ||
          (here.length === 1 ? one(here[0]) : many(here, here.every(function (p) { return p.at.equals(here[0].at); })));
      });
      Object.keys(shown).forEach(function (name) {
        if (!next[name]) layer.removeLayer(shown[name]);
      });
      shown = next;
    }

    function one(place) {
      var has = words.hasResult(place.properties);
      var name = place.properties.title || place.properties.name;
      return L.marker(place.at, {
        icon: L.divIcon({ className: has ? "spot" : "spot none", iconSize: [28, 28] }),
        title: name,
        alt: has ? name : name + ", " + words.none,
        riseOnHover: true,
      }).bindPopup(function () { return card(words, place.properties); }).addTo(layer);
    }

    function many(here, same) {
      var bounds = L.latLngBounds(here.map(function (p) { return p.at; }));
      var middle = here.reduce(function (sum, p) { return sum.add(map.project(p.at)); }, L.point(0, 0));
      var text = data.cluster.replace("{n}", here.length);
      var count = document.createElement("span");
      count.textContent = here.length;
      var size = 28 + Math.min(20, Math.round(Math.sqrt(here.length) * 4));
      var marker = L.marker(map.unproject(middle.divideBy(here.length)), {
        icon: L.divIcon({ className: "many", iconSize: [size, size], html: count }),
        title: text,
        alt: text,
      }).addTo(layer);
      if (same || map.getZoom() >= map.getMaxZoom()) {
        marker.bindPopup(function () {
          var box = document.createElement("div");
          here.forEach(function (place) { box.appendChild(card(words, place.properties)); });
          return box;
        }, { maxHeight: 240 });
      } else {
        marker.on("click", function () {
          map.fitBounds(bounds, { padding: [60, 60], maxZoom: Math.min(map.getMaxZoom(), map.getZoom() + 3) });
          element.focus({ preventScroll: true });
        });
      }
      return marker;
    }

    map.on("moveend", gather);
    map.on("popupopen", function (event) {
      var close = event.popup.getElement().querySelector(".leaflet-popup-close-button");
      if (close) close.setAttribute("aria-label", data.close);
      var link = event.popup.getElement().querySelector("a[href]:not(.leaflet-popup-close-button)");
      if (link) link.focus({ preventScroll: true });
      var mark = event.popup._source && event.popup._source.getElement();
      event.popup.getElement().addEventListener("keydown", function (pressed) {
        if (pressed.key !== "Escape") return;
        pressed.stopPropagation();
        map.closePopup();
        if (mark) mark.focus({ preventScroll: true });
      });
    });
    gather();
  }

  function read(url) {
    return fetch(url, { headers: { Accept: "application/geo+json, application/json" } }).then(function (answer) {
      if (!answer.ok) throw new Error(url + ": " + answer.status);
      return answer.json();
    });
  }

  // Leaflet comes after the page is there: words first on a slow line, and not at all where the reader saves data.
  var script = document.currentScript;
  var leaflet;

  function load() {
    leaflet =
      leaflet ||
      new Promise(function (resolve, reject) {
        var sheet = document.createElement("link"), code = document.createElement("script");
        var left = 2;
        function done() {
          left -= 1;
          if (!left) resolve(window.L);
        }
        sheet.rel = "stylesheet";
        sheet.href = script.dataset.sheet;
        code.src = script.dataset.leaflet;
        [sheet, code].forEach(function (element) {
          element.onload = done;
          element.onerror = function () { reject(new Error("Leaflet did not load")); };
          document.head.appendChild(element);
        });
      });
    return leaflet;
  }

  function enhance() {
    if (navigator.connection && navigator.connection.saveData) return;
    document.querySelectorAll("[data-map]").forEach(function (holder) {
      if (holder.dataset.enhanced) return;
      holder.dataset.enhanced = "true";
      Promise.all([load(), read(holder.dataset.outline), read(holder.dataset.geojson)])
        .then(function (parts) { start(holder, parts[0], parts[1], parts[2]); })
        .catch(function (error) { console.warn("The drawn map stays:", error.message); });
    });
  }

  if (document.readyState === "complete") enhance();
  else window.addEventListener("load", enhance);
  document.addEventListener("htmx:afterSettle", enhance);
})();
