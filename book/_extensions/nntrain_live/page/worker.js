// Runs CPython, compiled to WebAssembly, beside the page. The page hands over the compiled program and its files
// (or the memory of a Python that has already started), then one command after another.
import { ConsoleStdout, Directory, Fd, File, Inode, OpenFile, PreopenDirectory, WASI, wasi } from "@bjorn3/browser_wasi_shim";
import { stored } from "./zip.js";

const LIB = "/usr/local/lib";
const NOT_THERE = 52; // ENOSYS
const PIECE = 0x1e; // begins what Python sends to the page; anything else on its output is plain text
const START = `
import json, os, sys
sys.path.insert(0, "/code")
from bookkit.live import kernel
def _send(piece):
    rest = memoryview(b"\\x1e" + json.dumps(piece).encode() + b"\\n")
    while rest:
        rest = rest[os.write(1, rest):]
kernel.connect(_send)
os.chdir("/book")
def _told(words):
    _send({"kind": "starting", "words": words})
_told("importing NumPy"); import numpy
_told("importing Matplotlib"); import matplotlib.pyplot
_told("importing the book's packages"); import nntrain, bookkit.notebook
`;

let python, page;

/** A file that is fetched when Python opens it first: the site's MNIST. */
class Fetched extends File {
  constructor({ url, name, size }) {
    super(new Uint8Array(0), { readonly: true });
    this.url = url;
    this.name = name;
    this.bytes = BigInt(size);
  }
  get size() {
    return this.data.length ? BigInt(this.data.length) : this.bytes;
  }
  path_open(...args) {
    if (!this.data.length) {
      postMessage({ kind: "starting", words: `Fetching ${this.name}, ${(Number(this.bytes) / 1e6).toFixed(1)} MB` });
      const request = new XMLHttpRequest();
      request.open("GET", this.url, false); // Python waits for its file, and only this worker with it
      request.responseType = "arraybuffer";
      try {
        request.send();
      } catch {
        return { ret: wasi.ERRNO_IO, fd_obj: null };
      }
      if (request.status !== 200) return { ret: wasi.ERRNO_IO, fd_obj: null };
      this.data = new Uint8Array(request.response);
    }
    return super.path_open(...args);
  }
}

function output() {
  const decoder = new TextDecoder();
  let rest = "";
  return new ConsoleStdout(bytes => {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.charCodeAt(0) === PIECE) postMessage(JSON.parse(line.slice(1)));
      else postMessage({ kind: "stream", name: "stderr", text: line + "\n" });
    }
  });
}

/** name → file or folder, as the layer wants them, from a flat list of paths. */
function tree(entries) {
  const root = new Map();
  for (const [path, file] of entries) {
    const parts = path.split("/");
    let folder = root;
    for (const part of parts.slice(0, -1)) {
      if (!folder.has(part)) folder.set(part, new Directory(new Map()));
      folder = folder.get(part).contents;
    }
    folder.set(parts.at(-1), file);
  }
  return root;
}

function files({ stdlib, book, data }) {
  const members = [...stored(book)].map(([path, bytes]) => [path, new File(bytes, { readonly: true })]);
  const later = data.map(file => [`home/${file.path}`, new Fetched(file)]);
  const all = tree([...members, ...later]);
  const under = name => all.get(name)?.contents ?? new Map();
  return [
    new OpenFile(new File([])),
    output(),
    output(),
    new PreopenDirectory(LIB, new Map([["python315.zip", new File(stdlib, { readonly: true })]])),
    new PreopenDirectory(`${LIB}/python315.zip/matplotlib/mpl-data`, under("mpl-data")),
    new PreopenDirectory("/code", under("code")),
    new PreopenDirectory("/data", under("home")),
    new PreopenDirectory("/book", under("book")),
    new PreopenDirectory("/tmp", new Map([["home", new Directory(new Map())]])),
  ];
}

const ENVIRONMENT = [
  "HOME=/tmp/home", "TMPDIR=/tmp", "XDG_CACHE_HOME=/tmp/home", "PYTHONTZPATH=",
  "MPLBACKEND=module://bookkit.live.pictures", "MPLCONFIGDIR=/tmp/home",
  "NNTRAIN_OFFLINE=1", "NNTRAIN_DIGITS=/data/digits.csv.gz", "NNTRAIN_STATIC=1", "NO_COLOR=1",
];

function turn(source) {
  const bytes = new TextEncoder().encode(source);
  const place = python.exports.host_alloc(bytes.length);
  new Uint8Array(python.exports.memory.buffer, place, bytes.length).set(bytes);
  return python.exports.turn(place, bytes.length);
}

async function start({ program, memory, ...rest }) {
  // Where the site carries no MNIST, nothing may point at it: the book's loader would take that for a broken copy.
  const environment = rest.data.length ? [...ENVIRONMENT, "NNTRAIN_DATA=/data"] : ENVIRONMENT;
  const layer = new WASI(["python"], environment, files(rest), { debug: false });
  const preview1 = new Proxy(layer.wasiImport, { get: (has, name) => has[name] ?? (() => NOT_THERE) });
  python = await WebAssembly.instantiate(program, { wasi_snapshot_preview1: preview1, host: { call: () => -1 } });
  layer.inst = python;
  if (memory) {
    // All that Python is lies in its memory (its only other variable, the stack pointer, is back where it began).
    const own = python.exports.memory;
    own.grow((memory.byteLength - own.buffer.byteLength) / 65536);
    new Uint8Array(own.buffer).set(new Uint8Array(memory));
  } else {
    postMessage({ kind: "starting", words: "starting Python" });
    python.exports._initialize();
    if (turn(START) !== 0) throw new Error("Python could not import the book's packages");
    memory = python.exports.memory.buffer.slice(0);
    postMessage({ kind: "memory", memory }, [memory]);
  }
  postMessage({ kind: "ready" });
}

self.onmessage = async ({ data }) => {
  try {
    if (data.start) await start(data.start);
    else turn(`kernel.command(${JSON.stringify(JSON.stringify(data.run))})`);
  } catch (error) {
    postMessage({ kind: "ended", words: String(error.message ?? error) });
  }
};
