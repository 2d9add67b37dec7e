/** The wasm backend of the platform that tests run on: Node's here; pages have their own in place of this file. */
export { nodeWasmBackend as wasmBackendHere } from "../../src/platform/node/threads.ts";
