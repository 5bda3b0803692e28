/* Opens the scanner's pages without a network. It keeps the start page, which names nobody, and what that page needs;
   rosters and scans are the page's business. It never touches anything that writes. */
"use strict";

const KEPT = "timebank-scanner";
const START = "/organise/shifts/scanner";
const PAGES = /^\/organise\/shifts\/(scanner|\d+\/scan)$/;
const PATIENCE_MS = 5000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) { return; }
  if (request.mode === "navigate" && PAGES.test(address.pathname)) {
    event.respondWith(page(request));
  } else if (address.pathname.startsWith("/static/") || address.pathname.startsWith("/assets/")) {
    event.respondWith(kept(request));
  }
});

async function page(request) {
  const start = await caches.match(START);
  if (!start) { return fetch(request); }
  const patience = new Promise((done) => setTimeout(done, PATIENCE_MS));
  try {
    const answer = await Promise.race([fetch(request), patience]);
    return answer && answer.status < 500 ? answer : start;
  } catch (_error) {
    return start;
  }
}

// Addresses carry the time of change, so what is kept is right; the page renews the few that do not.
async function kept(request) {
  return (await caches.match(request)) || fetch(request);
}
