// The map of the desk: a base in greys, grids as thin lines, cases as circles that the server has gathered.
// The list beside the map says the same; this file only draws.
"use strict";
(() => {
  // What the base layer holds: water, green, buildings, roads of three sizes; and how each is painted.
  const KINDS = { water: "--map-water", green: "--map-green", building: "--map-built", avenue: "--map-road", street: "--map-road", lane: "--map-road" };
  const WIDTHS = { avenue: 5, street: 3.5, lane: 2 };
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const json = (url) => fetch(url).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)));

  document.querySelectorAll("[data-map]").forEach((frame) => {
    const data = frame.dataset;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", data.label);
    const map = L.map(frame, { zoomControl: false, maxZoom: 19, minZoom: 10 });
    L.control.zoom({ zoomInTitle: data.zoomIn, zoomOutTitle: data.zoomOut }).addTo(map);
    map.attributionControl.setPrefix(false).addAttribution(data.credit);
    const [x, y] = (data.center || "116.32,40.0").split(",").map(Number);
    map.setView([y, x], Number(data.zoom) || 14);
    map.createPane("points").style.zIndex = 620;
    const points = L.layerGroup().addTo(map);

    const base = () =>
      data.base &&
      json(data.base).then((shapes) =>
        L.geoJSON(shapes, {
          renderer: L.canvas(),
          interactive: false,
          filter: (feature) => feature.properties.kind in KINDS,
          style: ({ properties: { kind }, geometry }) => {
            const color = token(KINDS[kind]);
            const line = geometry.type.endsWith("LineString");
            return { color, weight: line ? WIDTHS[kind] || 2 : 0, fill: !line, fillColor: color, fillOpacity: 1 };
          },
        }).addTo(map),
      );

    const grids = () =>
      data.grids &&
      json(data.grids).then((shapes) => {
        const layer = L.geoJSON(shapes, {
          style: (feature) => ({ className: `grid-line${feature.properties.here ? " is-here" : ""}` }),
          onEachFeature: (feature, shape) => {
            const name = document.createElement("span");
            name.textContent = feature.properties.name;
            shape.bindTooltip(name, { sticky: true });
            if (feature.properties.url) shape.on("click", () => window.location.assign(feature.properties.url));
          },
        }).addTo(map);
        if (!data.center && layer.getBounds().isValid()) map.fitBounds(layer.getBounds());
      });

    const popup = (facts) => {
      const link = document.createElement("a");
      link.href = facts.url;
      link.textContent = facts.title;
      return link;
    };

    let turn = 0;
    const refresh = () => {
      if (!data.points) return;
      const mine = (turn += 1);
      const url = new URL(data.points, window.location);
      new URLSearchParams(window.location.search).forEach((value, key) => url.searchParams.append(key, value));
      url.searchParams.set("bbox", map.getBounds().toBBoxString());
      url.searchParams.set("zoom", map.getZoom());
      json(url).then((found) => {
        if (mine !== turn) return;
        points.clearLayers();
        found.features.forEach(({ geometry, properties: facts }) => {
          const at = [geometry.coordinates[1], geometry.coordinates[0]];
          const state = ["amber", "red"].includes(facts.state) ? facts.state : "";
          if (facts.count > 1) {
            const size = Math.round(28 + 10 * Math.log10(facts.count));
            const words = document.createElement("span");
            words.textContent = facts.count;
            L.marker(at, {
              pane: "points",
              title: facts.title || String(facts.count),
              alt: facts.title || String(facts.count),
              icon: L.divIcon({ className: `cluster-mark${state && ` cluster-mark--${state}`}`, html: words, iconSize: [size, size] }),
            })
              .on("click", () => map.setView(at, Math.min(map.getZoom() + 2, 19)))
              .addTo(points);
          } else {
            L.circleMarker(at, { pane: "points", radius: 8, className: `point${state && ` point--${state}`}` })
              .bindPopup(popup(facts))
              .addTo(points);
          }
        });
      }, () => {});
    };

    map.on("moveend", refresh);
    Promise.resolve(base()).catch(() => {}).then(grids).catch(() => {}).then(refresh);
    window.addEventListener("popstate", refresh);
    document.addEventListener("htmx:pushedIntoHistory", refresh);
  });
})();
