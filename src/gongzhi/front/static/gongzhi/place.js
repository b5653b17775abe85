// Where is it? The current position, or a tap on the map. The address field works without either.
"use strict";
(() => {
  // What the base layer holds: water, green, buildings, roads of three sizes; and how each is painted.
  const KINDS = { water: "--map-water", green: "--map-green", building: "--map-built", avenue: "--map-road", street: "--map-road", lane: "--map-road" };
  const WIDTHS = { avenue: 5, street: 3.5, lane: 2 };

  const fetched = {};
  const json = (url) => (fetched[url] = fetched[url] || fetch(url).then((answer) => (answer.ok ? answer.json() : null)));

  const load = (box) =>
    new Promise((resolve, reject) => {
      if (window.L) return resolve();
      box.dataset.styles.split(" ").forEach((href) => {
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = href;
        document.head.append(link);
      });
      const script = document.createElement("script");
      script.src = box.dataset.script;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });

  document.querySelectorAll("[data-place]").forEach((box) => {
    const lon = document.getElementById(box.dataset.lon);
    const lat = document.getElementById(box.dataset.lat);
    const answer = box.querySelector("[data-answer]");
    const frame = box.querySelector("[data-frame]");
    const locate = box.querySelector("[data-locate]");
    const open = box.querySelector("[data-open]");
    const choice = document.getElementById(box.dataset.choice);
    let map, mark;
    let shapes = [];
    if (!lon || !lat) return;
    box.hidden = false;
    let asked = 0;

    const say = (words) => {
      answer.textContent = words;
    };

    // The point is kept first; its name is asked afterwards and may fail.
    const choose = (x, y, pan) => {
      lon.value = x.toFixed(6);
      lat.value = y.toFixed(6);
      lon.dispatchEvent(new Event("change", { bubbles: true }));
      if (map) {
        mark = mark || L.circleMarker([y, x], { radius: 12, className: "point point--chosen" }).addTo(map);
        mark.setLatLng([y, x]);
        if (pan) map.setView([y, x], 17);
      }
      if (!box.dataset.find) return;
      const turn = (asked += 1);
      say(box.dataset.finding);
      fetch(`${box.dataset.find}?lon=${lon.value}&lat=${lat.value}`)
        .then((reply) => (reply.ok ? reply.json() : Promise.reject(reply)))
        .then((found) => turn === asked && say(found.inside === false ? box.dataset.outside : found.name))
        .catch(() => turn === asked && say(box.dataset.failed));
    };

    const draw = async () => {
      const canvas = box.querySelector("[data-canvas]");
      const paint = getComputedStyle(document.documentElement);
      map = L.map(canvas, { zoomControl: false, maxZoom: 19, minZoom: 12 });
      L.control.zoom({ zoomInTitle: box.dataset.zoomIn, zoomOutTitle: box.dataset.zoomOut }).addTo(map);
      map.attributionControl.setPrefix(false).addAttribution(box.dataset.credit);
      const [x, y] = lon.value ? [lon.value, lat.value] : [116.32, 40];
      map.setView([Number(y), Number(x)], lon.value ? 17 : 15);
      map.on("click", (event) => choose(event.latlng.lng, event.latlng.lat));
      if (lon.value) choose(Number(lon.value), Number(lat.value));
      const [base, grids] = await Promise.all([box.dataset.base, box.dataset.grids].map((url) => (url ? json(url).catch(() => null) : null)));
      if (base)
        L.geoJSON(base, {
          renderer: L.canvas(),
          interactive: false,
          filter: (feature) => feature.properties.kind in KINDS,
          style: ({ properties: { kind }, geometry }) => {
            const color = paint.getPropertyValue(KINDS[kind]).trim();
            const line = geometry.type.endsWith("LineString");
            return { color, weight: line ? WIDTHS[kind] || 2 : 0, fill: !line, fillColor: color, fillOpacity: 1 };
          },
        }).addTo(map);
      if (grids) {
        L.geoJSON(grids, { interactive: false, style: { className: "grid-line" } }).addTo(map);
        shapes = grids.features;
        // Towns far apart would leave the middle of the map empty: begin with the first one.
        if (!lon.value && !toChosen()) fit(({ path }) => path.startsWith(shapes[0].properties.path.slice(0, 9)));
      }
      if (mark) mark.bringToFront();
    };

    const fit = (fits) => {
      const bounds = L.geoJSON({ type: "FeatureCollection", features: shapes.filter(({ properties }) => fits(properties)) }).getBounds();
      if (bounds.isValid()) map.fitBounds(bounds);
      return bounds.isValid();
    };

    // What was chosen from the list: a community by its id or (at the desk) a place by its path.
    const toChosen = () => {
      const wanted = choice && choice.value;
      return map && wanted && fit(({ path, parent }) => (wanted.length > 8 ? path.startsWith(wanted) : String(parent) === wanted));
    };
    if (choice) choice.addEventListener("change", () => lon.value || toChosen());

    if ("geolocation" in navigator && window.isSecureContext) {
      locate.hidden = false;
      locate.addEventListener("click", () => {
        say(box.dataset.finding);
        navigator.geolocation.getCurrentPosition(
          (found) => choose(found.coords.longitude, found.coords.latitude, true),
          () => say(box.dataset.denied),
          { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
        );
      });
    }
    open.hidden = false;
    open.addEventListener("click", () => {
      frame.hidden = false;
      open.hidden = true;
      load(box)
        .then(draw)
        .catch(() => {
          frame.hidden = true;
          say(box.dataset.failed);
        });
    });
    box.querySelector("[data-middle]").addEventListener("click", () => {
      const middle = map && map.getCenter();
      if (middle) choose(middle.lng, middle.lat);
    });
  });
})();
