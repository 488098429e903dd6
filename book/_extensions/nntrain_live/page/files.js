// Python's files: from this browser's cache where they are whole, otherwise from the site, checked either way.
const CACHE = "nntrain-live";

const megabytes = bytes => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
// Browsers give both only to pages over https and from this computer.
const hasCache = "caches" in globalThis;
const canHash = Boolean(globalThis.crypto?.subtle);

export async function fetchAll(base, tell) {
  const manifest = await manifestOf(base);
  const names = Object.keys(manifest.files);
  const total = names.reduce((sum, name) => sum + manifest.files[name].size, 0);
  const arrived = {};
  let failed = false;
  const progress = (name, bytes) => {
    if (failed) return; // what is still on its way must not cover the reason
    arrived[name] = bytes;
    const sum = Object.values(arrived).reduce((a, b) => a + b, 0);
    tell(`Fetching Python, ${megabytes(sum)} of ${megabytes(total)} MB …`);
  };
  const cache = hasCache ? await caches.open(CACHE).catch(() => undefined) : undefined;
  const one = async name => {
    const url = new URL(`${name}?${manifest.files[name].sha256.slice(0, 16)}`, base).href;
    return unpacked(await whole(cache, url, name, manifest.files[name], bytes => progress(name, bytes)));
  };
  const bytesOf = async name => new Uint8Array(await (await one(name)).arrayBuffer());
  const [program, stdlib, book] = await Promise.all([
    one("python.wasm.gz").then(response => WebAssembly.compileStreaming(response)),
    bytesOf("stdlib.zip.gz"),
    bytesOf("book.zip.gz"),
  ]).catch(error => {
    failed = true;
    throw error;
  });
  if (cache) forgetOld(cache, names.map(name => manifest.files[name].sha256.slice(0, 16)));
  const data = manifest.data.map(file => ({ ...file, url: new URL(file.path, base).href }));
  return { program, stdlib, book, data };
}

async function manifestOf(base) {
  const response = await fetch(new URL("manifest.json", base), { cache: "no-cache" }).catch(() => undefined);
  if (!response?.ok) throw new Error("the list of Python's files cannot be fetched; is the site still there?");
  return response.json();
}

async function whole(cache, url, name, { size, sha256 }, progress) {
  const kept = await cache?.match(url);
  if (kept) {
    const bytes = await kept.arrayBuffer();
    if (await matches(bytes, sha256)) return progress(size), bytes;
    await cache.delete(url);
  }
  // Once more past the browser's own cache, in case that holds the damaged copy.
  for (const how of ["default", "reload"]) {
    const bytes = await arriving(url, name, how, progress);
    if (bytes.byteLength === size && (await matches(bytes, sha256))) {
      await cache?.put(url, new Response(bytes)).catch(() => undefined); // no room: fetched again next time
      return bytes;
    }
  }
  throw new Error(`the site's copy of ${name} is damaged`);
}

async function arriving(url, name, how, progress) {
  const response = await fetch(url, { cache: how }).catch(() => undefined);
  if (!response?.ok) throw new Error(`${name} cannot be fetched from the site`);
  const parts = [];
  let sum = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    progress((sum += value.length));
  }
  return new Blob(parts).arrayBuffer();
}

async function matches(bytes, sha256) {
  if (!canHash) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, byte => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

const unpacked = bytes =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")), {
    headers: { "Content-Type": "application/wasm" },
  });

async function forgetOld(cache, current) {
  for (const request of await cache.keys()) {
    if (!current.some(hash => request.url.endsWith(`?${hash}`))) await cache.delete(request);
  }
}
